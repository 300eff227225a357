//! From files to features: the whole import.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};

use super::ImportError;
use super::fields::ImportLayer;
use super::position::Said;
use super::report::{Report, RowNote};
use super::rows::{self, Ready};
use super::source::Reading;
use crate::access::phone::PhoneKey;
use crate::db::Databases;
use crate::db::import::{self as store, Level, NewCounty, Origin, Settings};
use crate::geo::{Geometry, ewkb};
use crate::service::grid::seam;
use ::geo::MultiPolygon;

/// Within which imported grids are drawn together, degrees: about 5 cm.
const SEAM_DEGREES: f64 = 5e-7;

/// What is declared of the material: required, since each layer keeps it.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// `public` or `internal`; anything 涉密 is refused.
    pub security_class: String,
    /// Who gave it.
    pub provider: String,
    /// Its date.
    pub dated: NaiveDate,
    /// Number of its approval, where it has one.
    pub approval_no: Option<String>,
}

/// An import as asked for.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// Into which layer.
    pub layer: ImportLayer,
    /// From which files, all in one transaction.
    pub files: Vec<PathBuf>,
    /// What is said of the files.
    pub reading: Reading,
    /// What is said of the coordinates.
    pub said: Said,
    /// Region: which level the rows are.
    pub level: Option<Level>,
    /// Code or name of the region all rows lie in.
    pub parent: Option<String>,
    /// Field = column.
    pub map: Vec<(String, String)>,
    /// What the material is.
    pub declared: Declaration,
    /// What phones are sealed with before they reach the database.
    pub phone_key: PhoneKey,
    /// The county to make where there is none.
    pub county: Option<NewCounty>,
    /// Do everything but keep it.
    pub dry_run: bool,
    /// Keep the good rows though others are refused.
    pub skip_refused: bool,
    /// Now: effective dates are the county's day at this instant.
    pub now: DateTime<Utc>,
}

/// Imports the files. Rows refused are in the report; then nothing is written unless they may be skipped.
///
/// # Errors
/// When the request cannot be carried out at all.
pub async fn run(databases: &Databases, request: ImportRequest) -> Result<Report, ImportError> {
    check(&request)?;
    let asked = request.clone();
    let (mut ready, mut report) = blocking(move || rows::read_all(&asked)).await??;
    if request.layer == ImportLayer::Grid {
        let around = store::general_outlines(&databases.migrator).await?;
        ready = blocking(move || shut(ready, &around)).await?;
    }
    let settings = Settings {
        layer: request.layer.name(),
        level: request.level,
        parent: request.parent.clone(),
        county: request.county.clone(),
        dry_run: request.dry_run,
        // Rows refused while reading refuse the file as well.
        keep_despite_refusals: request.skip_refused,
        refused_before: !report.refused.is_empty(),
        now: request.now,
        origin: Origin {
            file_name: request
                .files
                .iter()
                .filter_map(|f| f.file_name())
                .map(|n| n.to_string_lossy())
                .collect::<Vec<_>>()
                .join("、"),
            security_class: request.declared.security_class.clone(),
            provider: request.declared.provider.clone(),
            approval_no: request.declared.approval_no.clone(),
            dated: request.declared.dated,
            rows_read: report.read,
        },
    };
    let stored = store::store(&databases.migrator, &settings, &ready.incoming).await.map_err(|e| match e {
        store::StoreError::Usage(message) => ImportError::Usage(message),
        store::StoreError::Db(e) => ImportError::Database(e),
    })?;
    for (index, reason) in stored.refused {
        if let Some((file, row, name)) = ready.origins.get(index as usize) {
            report.refused.push(RowNote { file: file.clone(), row: *row, name: name.clone(), note: reason });
        }
    }
    report.refused.sort_by(|a, b| (&a.file, a.row).cmp(&(&b.file, b.row)));
    report.refused.dedup_by(|a, b| (&a.file, a.row) == (&b.file, b.row));
    report.notes.extend(stored.notes);
    (report.inserted, report.updated, report.unchanged) = (stored.inserted, stored.updated, stored.unchanged);
    report.written = stored.written;
    Ok(report)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ImportError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| ImportError::File(format!("读取文件时出错:{e}。")))
}

/// Shuts the seams of imported grids among themselves and with those that stand. A border that was straight on the
/// plane of a survey bends by up to a few centimetres a kilometre in longitude and latitude, and a neighbour's vertex
/// on it with it.
fn shut(mut ready: Ready, around: &[Vec<u8>]) -> Ready {
    let area = |bytes: &[u8]| match ewkb::decode(bytes) {
        Ok(Geometry::MultiPolygon(m)) => Some(m),
        _ => None,
    };
    let fixed: Vec<_> = around.iter().filter_map(|b| area(b)).collect();
    let places: Vec<usize> = (0..ready.incoming.len()).filter(|k| ready.incoming[*k].geometry.is_some()).collect();
    let mut drawn: Vec<_> = places
        .iter()
        .map(|k| ready.incoming[*k].geometry.as_deref().and_then(area).unwrap_or_else(|| MultiPolygon::new(vec![])))
        .collect();
    seam::shut(&mut drawn, &fixed, SEAM_DEGREES);
    for (k, outline) in places.into_iter().zip(drawn) {
        if let Ok(bytes) = ewkb::encode(&outline.into()) {
            ready.incoming[k].geometry = Some(bytes);
        }
    }
    ready
}

fn check(request: &ImportRequest) -> Result<(), ImportError> {
    let usage = |m: &str| Err(ImportError::Usage(m.to_owned()));
    match request.declared.security_class.as_str() {
        "public" | "internal" => {}
        other => {
            return Err(ImportError::Usage(format!(
                "--security-class {other}:只能导入公开(public)或内部(internal)资料;涉密资料不得进入本系统。"
            )));
        }
    }
    if request.declared.provider.trim().is_empty() {
        return usage("--provider 不能为空:请写明资料提供单位。");
    }
    if request.layer == ImportLayer::Region && request.level.is_none() {
        return usage("导入辖区请加 --level township(乡镇)或 --level village(村)。");
    }
    Ok(())
}
