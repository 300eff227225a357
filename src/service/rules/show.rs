//! A version of the table as it is answered.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::stored;
use crate::db::rule_table::{self, VersionRow};
use crate::db::{DbError, Request};
use crate::dispatch::rules::{DraftLine, Facts, RuleLine, RuleTable, written};
use crate::domain::{FeatureId, Problem, ProblemKind, Viewer};
use crate::service::incident::facts::calendar;
use crate::service::{ServiceError, Yitu};

/// Which version.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The one in force unless said.
    pub version: Option<i32>,
}

/// A published version.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Version {
    pub version: i32,
    /// The newest.
    pub in_force: bool,
    /// From which probability a grid is certain.
    #[schema(value_type = f64)]
    pub confident_probability: f32,
    pub note: String,
    pub published_at: DateTime<Utc>,
    pub published_by: String,
    /// How many lines it has.
    pub line_count: i64,
}

/// A version with its lines.
#[derive(Debug, Serialize, ToSchema)]
pub struct Table {
    /// Which.
    #[serde(flatten)]
    pub version: Version,
    /// Its lines; of those that fit a matter the one with the most conditions wins, then that of the category itself,
    /// then the lowest ordinal.
    pub lines: Vec<Line>,
    /// Position of the write that was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<String>,
}

/// A line: as it is written in a draft, and what its words stand for.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Line {
    pub ordinal: i32,
    #[serde(flatten)]
    pub written: DraftLine,
    pub category_name: Option<String>,
    pub region_name: Option<String>,
    pub first_level_name: String,
    pub first_unit_id: Option<FeatureId>,
    pub assist_unit_ids: Vec<FeatureId>,
}

impl Line {
    /// A line with its names.
    #[must_use]
    pub fn of(line: &RuleLine, facts: &Facts) -> Self {
        let category = |id: FeatureId| facts.categories.iter().find(|c| c.id == id).map(|c| c.name.clone());
        let region = |id: FeatureId| facts.regions.iter().find(|r| r.id == id).map(|r| r.name.clone());
        Self {
            ordinal: line.ordinal,
            written: written(line, facts),
            category_name: line.category_id.and_then(category),
            region_name: line.region_id.and_then(region),
            first_level_name: line.first_level.zh().to_owned(),
            first_unit_id: line.first_unit_id,
            assist_unit_ids: line.assist_unit_ids.clone(),
        }
    }
}

impl Version {
    fn of(row: VersionRow, newest: i32) -> Self {
        Self {
            version: row.version,
            in_force: row.version == newest,
            confident_probability: row.confident_probability,
            note: row.note,
            published_at: row.published_at,
            published_by: row.published_by,
            line_count: row.lines,
        }
    }
}

/// The published versions, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn versions(yitu: &Yitu, viewer: &Viewer) -> Result<Vec<Version>, ServiceError> {
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let rows = rule_table::versions(&mut on, viewer.county_id()).await?;
    on.finish().await?;
    let newest = rows.first().map_or(0, |v| v.version);
    Ok(rows.into_iter().map(|v| Version::of(v, newest)).collect())
}

/// The table in force, or another version of it.
///
/// # Errors
/// `not-found` for a version there is not, `no-dispatch-rules` where there is none at all; a failing database.
pub async fn show(yitu: &Yitu, viewer: &Viewer, asked: &Asked) -> Result<Table, ServiceError> {
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let facts = facts_now(yitu, &mut on, viewer.county_id()).await?;
    let table = whole(&mut on, viewer.county_id(), asked.version, &facts).await?;
    on.finish().await?;
    Ok(table)
}

/// What lines may speak of today.
pub(super) async fn facts_now(yitu: &Yitu, on: &mut Request, county: FeatureId) -> Result<Facts, ServiceError> {
    let now = yitu.clock.now();
    let day = calendar(on, county, now).await?.day(now);
    Ok(stored::facts(on, county, day).await?)
}

/// A version as it stands in a transaction.
pub(super) async fn whole(
    on: &mut Request,
    county: FeatureId,
    version: Option<i32>,
    facts: &Facts,
) -> Result<Table, ServiceError> {
    let all = rule_table::versions(on, county).await?;
    let newest = all.first().ok_or_else(no_rules)?.version;
    let wanted = version.unwrap_or(newest);
    let row = all.into_iter().find(|v| v.version == wanted);
    let row = row.ok_or_else(|| Problem::not_found(("规则表版本", "version of the rules"), wanted))?;
    let lines = lines(on, county, wanted).await?.iter().map(|l| Line::of(l, facts)).collect();
    Ok(Table { version: Version::of(row, newest), lines, seq: None })
}

async fn lines(on: &mut Request, county: FeatureId, version: i32) -> Result<Vec<RuleLine>, DbError> {
    rule_table::lines(on, county, version).await?.into_iter().map(stored::line).collect()
}

/// The table in force with its number; nothing where none was ever published.
pub(super) async fn in_force(on: &mut Request, county: FeatureId) -> Result<Option<(i32, RuleTable)>, DbError> {
    let Some(newest) = rule_table::versions(on, county).await?.into_iter().next() else { return Ok(None) };
    let lines = lines(on, county, newest.version).await?;
    Ok(Some((newest.version, RuleTable { confident: newest.confident_probability, lines })))
}

fn no_rules() -> Problem {
    Problem::new(
        ProblemKind::NotFound,
        "no-dispatch-rules",
        ("还没有分派规则", "No dispatch rules"),
        (
            "本县尚未发布分派规则。请用 POST /api/dispatch/rules 发布第 1 版(expected_version 为 0)。".to_owned(),
            "The county has published no dispatch rules. Publish the first with expected_version 0.".to_owned(),
        ),
    )
}
