//! Runs the check.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::db::{Databases, DbError, check};

/// What the check found.
#[derive(Debug, Clone, Serialize)]
pub struct CheckReport {
    /// The county; absent when nothing is loaded yet.
    pub county: Option<String>,
    /// Faults of all kinds together.
    pub count: usize,
    /// Every kind, also those of which nothing was found.
    pub kinds: Vec<KindShown>,
}

/// One kind of fault.
#[derive(Debug, Clone, Serialize)]
pub struct KindShown {
    /// Its name.
    pub kind: &'static str,
    /// Its heading.
    pub label: &'static str,
    /// How many.
    pub count: usize,
    /// Each of them.
    pub faults: Vec<FaultShown>,
}

/// One fault.
#[derive(Debug, Clone, Serialize)]
pub struct FaultShown {
    /// What is at fault.
    pub sentence: String,
    /// Where to look, degrees EPSG:4490.
    pub lon: Option<f64>,
    /// Where to look.
    pub lat: Option<f64>,
}

/// Checks the county that is loaded, as of its calendar day at `now`.
///
/// # Errors
/// When the database cannot be asked.
pub async fn run(databases: &Databases, now: DateTime<Utc>) -> Result<CheckReport, DbError> {
    let Some((county, found)) = check::find(&databases.migrator, now).await? else {
        return Ok(CheckReport { county: None, count: 0, kinds: Vec::new() });
    };
    let shown = |f: check::Fault| FaultShown { sentence: f.sentence, lon: f.lon, lat: f.lat };
    let kinds: Vec<KindShown> = found
        .into_iter()
        .map(|k| KindShown {
            kind: k.kind,
            label: k.label,
            count: k.faults.len(),
            faults: k.faults.into_iter().map(shown).collect(),
        })
        .collect();
    Ok(CheckReport { county: Some(county), count: kinds.iter().map(|k| k.count).sum(), kinds })
}
