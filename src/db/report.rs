//! Storing a report: all of it in one statement, or nothing.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{FromRow, PgExecutor};
use uuid::Uuid;

use super::DbError;
use super::incident::NewStep;
use crate::domain::{FeatureId, LogPosition, Viewer};

/// A new incident with its first owner.
#[derive(Debug)]
#[allow(missing_docs)] // the columns of the incident and assignment tables
pub struct NewIncident<'a> {
    pub id: Uuid,
    pub state: &'a str,
    pub category_id: FeatureId,
    pub restricted: bool,
    pub urgency: &'a str,
    pub description: &'a str,
    pub location_source: &'a str,
    pub point: Option<(f64, f64)>,
    pub accuracy_m: Option<f64>,
    pub confidence: Option<f64>,
    pub household_id: Option<FeatureId>,
    pub location_text: &'a str,
    pub village_id: Option<FeatureId>,
    pub grid_id: Option<FeatureId>,
    pub grid_version_id: Option<FeatureId>,
    pub reporter: &'a Value,
    pub reported_at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub next_deadline_at: Option<DateTime<Utc>>,
    pub accept_by: DateTime<Utc>,
    pub resolve_by: DateTime<Utc>,
    pub unit_id: FeatureId,
    pub responder_id: Option<FeatureId>,
    pub provisional: bool,
    /// Rows its history begins with.
    pub version: i32,
    /// Who resolved it on the spot; it is closed then, and its owner ends where it begins.
    pub resolved_by: Option<&'a str>,
    /// The other system it comes from, and its number there.
    pub external: Option<(&'a str, &'a str)>,
    /// The account that reports it.
    pub reported_by: Option<FeatureId>,
}

/// A transaction of the request login, or its pool: the statement is whole in itself.
pub trait Executor<'c>: PgExecutor<'c> {}

impl<'c, T: PgExecutor<'c>> Executor<'c> for T {}

/// A decision for the ledger.
#[derive(Debug)]
pub struct NewDecision<'a> {
    /// Version of the algorithm.
    pub algorithm_version: i32,
    /// Version of the rule table.
    pub rule_version: i32,
    /// What it was made from, JSON.
    pub inputs: &'a str,
    /// What came of it, JSON.
    pub outcome: &'a str,
    /// The same in sentences.
    pub explanation: &'a str,
}

/// What the database gave it.
#[derive(Debug, Clone, Copy)]
pub struct Stored {
    /// Its number.
    pub number: i64,
    /// Where the write stands in the change log.
    pub position: LogPosition,
}

#[derive(FromRow)]
struct StoredRow {
    number: i64,
    epoch: Uuid,
    xid: String,
}

/// Stores an incident with its owner, the units that help, its history's first steps and its decision. Nothing when the
/// id or the other system's number is already there; a report of the same id that is under way is waited for.
///
/// # Errors
/// When the database fails.
pub async fn store(
    on: impl Executor<'_>,
    viewer: &Viewer,
    new: &NewIncident<'_>,
    helpers: &[FeatureId],
    steps: &[NewStep<'_>],
    decision: &NewDecision<'_>,
) -> Result<Option<Stored>, DbError> {
    let query = sqlx::query_as(include_str!("sql/report.sql"))
        .bind(viewer.county_id())
        .bind(viewer.name())
        .bind(new.id)
        .bind(new.state)
        .bind(new.category_id)
        .bind(new.restricted)
        .bind(new.urgency)
        .bind(new.description)
        .bind(new.location_source)
        .bind(new.point.map(|p| p.0))
        .bind(new.point.map(|p| p.1))
        .bind(new.accuracy_m)
        .bind(new.confidence)
        .bind(new.household_id)
        .bind(new.location_text)
        .bind(new.village_id)
        .bind(new.grid_id)
        .bind(new.grid_version_id)
        .bind(new.reporter)
        .bind(new.reported_at)
        .bind(new.received_at)
        .bind(new.next_deadline_at)
        .bind(new.accept_by)
        .bind(new.resolve_by)
        .bind(new.version)
        .bind(new.resolved_by)
        .bind(new.unit_id)
        .bind(new.responder_id)
        .bind(new.provisional)
        .bind(helpers);
    let column = |of: fn(&NewStep<'_>) -> Option<String>| steps.iter().map(of).collect::<Vec<_>>();
    let query = query
        .bind(steps.iter().map(|s| s.ordinal).collect::<Vec<_>>())
        .bind(steps.iter().map(|s| s.action).collect::<Vec<_>>())
        .bind(steps.iter().map(|s| s.actor).collect::<Vec<_>>())
        .bind(column(|s| s.from_state.map(str::to_owned)))
        .bind(steps.iter().map(|s| s.to_state).collect::<Vec<_>>())
        .bind(steps.iter().map(|s| s.unit_id).collect::<Vec<_>>())
        .bind(steps.iter().map(|s| s.responder_id).collect::<Vec<_>>())
        .bind(steps.iter().map(|s| s.note).collect::<Vec<_>>())
        .bind(steps.iter().map(|s| s.detail.clone()).collect::<Vec<_>>())
        .bind(steps.iter().map(|s| s.salt.to_vec()).collect::<Vec<_>>())
        .bind(steps.iter().map(|s| s.words_digest.to_vec()).collect::<Vec<_>>())
        .bind(steps.iter().map(|s| s.previous_digest.map(|d| d.to_vec())).collect::<Vec<_>>())
        .bind(steps.iter().map(|s| s.digest.to_vec()).collect::<Vec<_>>());
    let query = query.bind(decision.algorithm_version).bind(decision.rule_version);
    let query = query.bind(decision.inputs).bind(decision.outcome).bind(decision.explanation);
    let told = steps.iter().find_map(|s| Some((s.notification?, s.ordinal)));
    let query = query.bind(told.map(|t| t.0)).bind(told.map(|t| t.1));
    let query = query.bind(new.external.map(|e| e.0)).bind(new.external.map(|e| e.1)).bind(new.reported_by);
    let Some(StoredRow { number, epoch, xid }) = query.fetch_optional(on).await? else { return Ok(None) };
    let xid = xid.parse().map_err(|_| DbError::Stored(format!("transaction id {xid}")))?;
    Ok(Some(Stored { number, position: LogPosition { epoch, xid } }))
}
