//! Incidents, their assignments, histories and decisions.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{FromRow, PgConnection, PgPool};
use uuid::Uuid;

use super::DbError;
use crate::domain::FeatureId;
use crate::domain::incident::{Limits, LocationSource};

/// An incident with what it points to.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs, clippy::struct_excessive_bools)] // the columns of the incident table and the names of what they point to
pub struct IncidentRow {
    pub id: Uuid,
    pub number: i64,
    pub state: String,
    pub version: i32,
    pub category_id: i64,
    pub category: String,
    pub category_name: String,
    pub restricted: bool,
    pub urgency: String,
    pub description: String,
    pub location_source: String,
    pub lon: Option<f64>,
    pub lat: Option<f64>,
    pub accuracy_m: Option<f64>,
    pub household_id: Option<i64>,
    pub location_text: String,
    pub village_id: Option<i64>,
    pub village_name: Option<String>,
    pub grid_id: Option<i64>,
    pub grid_version_id: Option<i64>,
    pub grid_code: String,
    pub grid_name: Option<String>,
    pub unit_id: i64,
    pub unit_kind: String,
    pub unit_name: String,
    pub org_id: i64,
    pub org_name: String,
    pub responder_id: Option<i64>,
    pub responder_name: Option<String>,
    pub provisional: bool,
    pub accept_by: Option<DateTime<Utc>>,
    pub resolve_by: Option<DateTime<Utc>>,
    pub next_deadline_at: Option<DateTime<Utc>>,
    pub reported_at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub resolved_at: Option<DateTime<Utc>>,
    pub resolved_by: Option<String>,
    pub closed_at: Option<DateTime<Utc>>,
    pub on_the_spot: bool,
    pub overdue_since: Option<DateTime<Utc>>,
    pub merged_into: Option<Uuid>,
    pub rating: Option<i16>,
    pub photo_missing: bool,
    pub external_system: Option<String>,
    pub external_no: Option<String>,
    pub reported_by: Option<i64>,
}

impl IncidentRow {
    /// Whether a deadline has passed that nobody met.
    #[must_use]
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.overdue_since.is_some() || self.next_deadline_at.is_some_and(|d| d < now)
    }
}

/// One step of a timeline.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // the columns of the history table
pub struct StepRow {
    pub ordinal: i32,
    pub action: String,
    pub actor: String,
    pub at: DateTime<Utc>,
    pub from_state: Option<String>,
    pub to_state: String,
    pub unit_id: Option<i64>,
    pub unit_name: Option<String>,
    pub responder_id: Option<i64>,
    pub note: String,
    pub digest: Vec<u8>,
}

/// A row for the history.
#[derive(Debug)]
#[allow(missing_docs)] // the columns of the history table
pub struct NewStep<'a> {
    pub incident_id: Uuid,
    pub ordinal: i32,
    pub action: &'a str,
    pub actor: &'a str,
    pub at: DateTime<Utc>,
    pub from_state: Option<&'a str>,
    pub to_state: &'a str,
    pub unit_id: Option<FeatureId>,
    pub responder_id: Option<FeatureId>,
    pub note: &'a str,
    pub detail: Value,
    pub salt: [u8; 16],
    pub words_digest: [u8; 32],
    pub previous_digest: Option<[u8; 32]>,
    pub digest: [u8; 32],
    /// The id it is told under, where it is to be told.
    pub notification: Option<Uuid>,
}

/// A decision as stored.
#[derive(Debug, FromRow)]
pub struct DecisionRow {
    /// Who answers and why, as the algorithm said it.
    pub outcome: Value,
    /// The same in sentences.
    pub explanation: String,
}

/// What a list is cut to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// State codes.
    pub states: Option<Vec<String>>,
    /// A region with all below it.
    pub region: Option<FeatureId>,
    /// A category's code, with its children.
    pub category: Option<String>,
    /// Reported at or after.
    pub since: Option<DateTime<Utc>>,
    /// Reported before.
    pub until: Option<DateTime<Utc>>,
    /// Past its deadline or not.
    pub overdue: Option<bool>,
    /// West, south, east, north; degrees.
    pub bbox: Option<[f64; 4]>,
    /// A grid.
    pub grid: Option<FeatureId>,
}

/// What happens to the row of an incident in one action.
#[derive(Debug)]
pub struct Change<'a> {
    /// The new state.
    pub state: &'a str,
    /// The next deadline, none when it ends.
    pub next_deadline_at: Option<DateTime<Utc>>,
    /// When.
    pub at: DateTime<Utc>,
    /// Another owner's assignment, and until when it is to be signed for.
    pub handed_to: Option<(FeatureId, DateTime<Utc>)>,
    /// The finish limit, where it moves.
    pub resolve_by: Option<DateTime<Utc>>,
    /// Another place.
    pub place: Option<&'a NewPlace>,
    /// Resolved now, by whom.
    pub resolved_by: Option<&'a str>,
    /// Closed on the spot.
    pub on_the_spot: bool,
    /// What becomes of a limit that has passed.
    pub overdue: Overdue,
    /// The incident that answers for it, where it is merged.
    pub merged_into: Option<Uuid>,
    /// How well it was done, 1 to 5.
    pub rating: Option<i16>,
}

/// Where an incident turns out to be; what is not known of it stays as it was.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the columns of the incident table
pub struct NewPlace {
    pub source: Option<LocationSource>,
    pub point: Option<(f64, f64)>,
    pub accuracy_m: Option<f64>,
    pub confidence: Option<f64>,
    pub household_id: Option<FeatureId>,
    pub village_id: Option<FeatureId>,
    pub grid_id: Option<FeatureId>,
    pub grid_version_id: Option<FeatureId>,
}

/// What becomes of a limit that has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue {
    /// One has just passed.
    Since,
    /// It is as it was.
    Stays,
    /// It is made good, unless the finish limit itself has passed.
    MadeGood,
}

/// One incident, restricted ones too.
///
/// # Errors
/// When the database fails.
pub async fn find(on: &mut PgConnection, county: FeatureId, id: Uuid) -> Result<Option<IncidentRow>, DbError> {
    const SQL: &str = concat!(include_str!("sql/incident_select.sql"), " WHERE i.county_id = $1 AND i.id = $2");
    Ok(sqlx::query_as(SQL).bind(county).bind(id).fetch_optional(on).await?)
}

/// The incident that another system knows by a number.
///
/// # Errors
/// When the database fails.
pub async fn find_external(
    on: &mut PgConnection,
    county: FeatureId,
    (system, no): (&str, &str),
) -> Result<Option<Uuid>, DbError> {
    let sql = "SELECT id FROM incident WHERE county_id = $1 AND external_system = $2 AND external_no = $3";
    Ok(sqlx::query_scalar(sql).bind(county).bind(system).bind(no).fetch_optional(on).await?)
}

/// Takes the lock on an incident, so that its actions come one after the other. Whether it is there.
///
/// # Errors
/// When the database fails.
pub async fn lock(on: &mut PgConnection, county: FeatureId, id: Uuid) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM incident WHERE county_id = $1 AND id = $2 FOR UPDATE";
    Ok(sqlx::query(sql).bind(county).bind(id).fetch_optional(on).await?.is_some())
}

/// The incident of a number.
///
/// # Errors
/// When the database fails.
pub async fn numbered(on: &mut PgConnection, county: FeatureId, number: i64) -> Result<Option<Uuid>, DbError> {
    let sql = "SELECT id FROM incident WHERE county_id = $1 AND number = $2";
    Ok(sqlx::query_scalar(sql).bind(county).bind(number).fetch_optional(on).await?)
}

/// Appends to the history, and says so to whoever has asked to be told.
///
/// # Errors
/// When the database fails.
pub async fn append(on: &mut PgConnection, county: FeatureId, step: &NewStep<'_>) -> Result<(), DbError> {
    let query = sqlx::query(include_str!("sql/incident_append.sql")).bind(county).bind(step.incident_id);
    let query = query.bind(step.ordinal).bind(step.action).bind(step.actor).bind(step.at).bind(step.from_state);
    let query = query.bind(step.to_state).bind(step.unit_id).bind(step.responder_id).bind(step.note);
    let query = query.bind(step.previous_digest.map(|d| d.to_vec())).bind(step.digest.to_vec());
    let query = query.bind(step.notification).bind(&step.detail).bind(step.salt.to_vec());
    query.bind(step.words_digest.to_vec()).execute(on).await?;
    Ok(())
}

/// Keeps a decision whole.
///
/// # Errors
/// When the database fails.
pub async fn keep_decision(
    on: &mut PgConnection,
    county: FeatureId,
    id: Uuid,
    at: DateTime<Utc>,
    versions: (i32, i32),
    (inputs, outcome, explanation): (&str, &str, &str),
) -> Result<(), DbError> {
    let sql = "INSERT INTO dispatch_decision (county_id, incident_id, decided_at, algorithm_version, rule_version, inputs, outcome, explanation)
               VALUES ($1, $2, $3, $4, $5, $6::text::json, $7::text::json, $8)";
    let query = sqlx::query(sql).bind(county).bind(id).bind(at).bind(versions.0).bind(versions.1);
    query.bind(inputs).bind(outcome).bind(explanation).execute(on).await?;
    Ok(())
}

/// The last decision about an incident.
///
/// # Errors
/// When the database fails.
pub async fn decision(on: &mut PgConnection, county: FeatureId, id: Uuid) -> Result<Option<DecisionRow>, DbError> {
    let sql = "SELECT outcome::jsonb AS outcome, explanation FROM dispatch_decision WHERE county_id = $1 AND incident_id = $2 ORDER BY decided_at DESC, id DESC LIMIT 1";
    Ok(sqlx::query_as(sql).bind(county).bind(id).fetch_optional(on).await?)
}

/// All steps of an incident, the first one first.
///
/// # Errors
/// When the database fails.
pub async fn timeline(on: &mut PgConnection, county: FeatureId, id: Uuid) -> Result<Vec<StepRow>, DbError> {
    // The history holds people and units as references, so that a name can be erased; it is told by name.
    let sql = "SELECT h.ordinal, h.action::text AS action, coalesce(r.name, a.name, h.actor) AS actor, h.at,
                      h.from_state::text AS from_state, h.to_state::text AS to_state, h.unit_id, u.name AS unit_name, h.responder_id, h.note, h.digest
               FROM incident_history h LEFT JOIN handling_unit u ON u.id = h.unit_id
                 LEFT JOIN responder r ON r.id = substring(h.actor FROM '^responder:(\\d{1,16})$')::bigint
                 LEFT JOIN handling_unit a ON a.id = substring(h.actor FROM '^unit:(\\d{1,16})$')::bigint
               WHERE h.county_id = $1 AND h.incident_id = $2 ORDER BY h.ordinal";
    Ok(sqlx::query_as(sql).bind(county).bind(id).fetch_all(on).await?)
}

/// Whether nothing but photos has come since a version. False where nothing has.
///
/// # Errors
/// When the database fails.
pub async fn only_photos_since(
    on: &mut PgConnection,
    county: FeatureId,
    id: Uuid,
    version: i32,
) -> Result<bool, DbError> {
    // Each step moves the version on by one, so it is the ordinal of the last.
    // A photo that was withdrawn may be what somebody went by.
    let sql = "SELECT coalesce(bool_and(h.action = 'photo'), false) AND NOT EXISTS (SELECT FROM incident_photo p
                 WHERE p.county_id = $1 AND p.incident_id = $2 AND p.withdrawn_at > (SELECT at FROM incident_history
                   WHERE county_id = $1 AND incident_id = $2 AND ordinal = $3))
               FROM incident_history h WHERE h.county_id = $1 AND h.incident_id = $2 AND h.ordinal > $3";
    Ok(sqlx::query_scalar(sql).bind(county).bind(id).bind(version).fetch_one(on).await?)
}

/// Whether a check has looked at a matter since an instant.
///
/// # Errors
/// When the database fails.
pub async fn checked_since(
    on: &mut PgConnection,
    county: FeatureId,
    id: Uuid,
    since: DateTime<Utc>,
) -> Result<bool, DbError> {
    let sql = "SELECT EXISTS (SELECT FROM incident_history WHERE county_id = $1 AND incident_id = $2 AND action = 'check' AND at >= $3)";
    Ok(sqlx::query_scalar(sql).bind(county).bind(id).bind(since).fetch_one(on).await?)
}

/// Number and digest of the last step.
///
/// # Errors
/// When the database fails.
pub async fn last_step(on: &mut PgConnection, county: FeatureId, id: Uuid) -> Result<Option<(i32, Vec<u8>)>, DbError> {
    let sql = "SELECT ordinal, digest FROM incident_history WHERE county_id = $1 AND incident_id = $2 ORDER BY ordinal DESC LIMIT 1";
    Ok(sqlx::query_as(sql).bind(county).bind(id).fetch_optional(on).await?)
}

/// Writes an action's change, and ends all assignments with the incident. Answers the limits it has after it.
///
/// # Errors
/// When the database fails.
pub async fn change(on: &mut PgConnection, county: FeatureId, id: Uuid, c: &Change<'_>) -> Result<Limits, DbError> {
    let overdue = match c.overdue {
        Overdue::Since => "since",
        Overdue::Stays => "stays",
        Overdue::MadeGood => "made_good",
    };
    let query = sqlx::query_as(include_str!("sql/incident_change.sql")).bind(county).bind(id).bind(c.state);
    let query = query.bind(c.next_deadline_at).bind(c.at).bind(c.resolved_by).bind(c.on_the_spot);
    let query = query.bind(c.resolve_by).bind(overdue).bind(c.merged_into).bind(c.rating);
    let query = query.bind(c.handed_to.map(|h| h.0)).bind(c.handed_to.map(|h| h.1));
    let place = c.place;
    let query = query.bind(place.is_some()).bind(place.and_then(|p| p.source).map(LocationSource::code));
    let point = place.and_then(|p| p.point);
    let query = query.bind(point.map(|p| p.0)).bind(point.map(|p| p.1));
    let query = query.bind(place.and_then(|p| p.accuracy_m)).bind(place.and_then(|p| p.confidence));
    let query = query.bind(place.and_then(|p| p.household_id)).bind(place.and_then(|p| p.village_id));
    let query = query.bind(place.and_then(|p| p.grid_id)).bind(place.and_then(|p| p.grid_version_id));
    let (accept_by, resolve_by, next_deadline_at, overdue_since) = query.fetch_one(&mut *on).await?;
    if c.next_deadline_at.is_none() {
        let sql = "UPDATE assignment SET ended_at = greatest($3, started_at) WHERE county_id = $1 AND incident_id = $2 AND ended_at IS NULL";
        sqlx::query(sql).bind(county).bind(id).bind(c.at).execute(on).await?;
    }
    Ok(Limits { accept_by, resolve_by, next_deadline_at, overdue_since })
}

/// Incidents whose limit has passed, the longest first: their county and id.
///
/// # Errors
/// When the database fails.
pub async fn due(system: &PgPool, now: DateTime<Utc>, most: i64) -> Result<Vec<(FeatureId, Uuid)>, DbError> {
    let sql = "SELECT county_id, id FROM incident WHERE next_deadline_at <= $1 ORDER BY next_deadline_at, id LIMIT $2";
    Ok(sqlx::query_as(sql).bind(now).bind(most).fetch_all(system).await?)
}

/// Incidents that ended before an instant and still hold their words, the first to end first.
///
/// # Errors
/// When the database fails.
pub async fn kept_since(
    system: &PgPool,
    ended_before: DateTime<Utc>,
    most: i64,
) -> Result<Vec<(FeatureId, Uuid)>, DbError> {
    let sql = "SELECT i.county_id, i.id FROM incident i WHERE i.closed_at < $1 AND NOT EXISTS (SELECT FROM incident_history h
                 WHERE h.county_id = i.county_id AND h.incident_id = i.id AND h.action = 'erase') ORDER BY i.closed_at, i.id LIMIT $2";
    Ok(sqlx::query_as(sql).bind(ended_before).bind(most).fetch_all(system).await?)
}

/// Takes the lock on an incident unless somebody else has it. Whether it was taken.
///
/// # Errors
/// When the database fails.
pub async fn try_lock(on: &mut PgConnection, county: FeatureId, id: Uuid) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM incident WHERE county_id = $1 AND id = $2 FOR UPDATE SKIP LOCKED";
    Ok(sqlx::query(sql).bind(county).bind(id).fetch_optional(on).await?.is_some())
}

/// A page of a list, the newest report first, after a place in that order; and the number of all.
///
/// # Errors
/// When the database fails.
pub async fn list(
    on: &mut PgConnection,
    county: FeatureId,
    filter: &Filter,
    now: DateTime<Utc>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<(Vec<IncidentRow>, i64), DbError> {
    // The page is cut first, along the index of its order, and only then told with all it points to.
    const PAGE: &str = concat!(
        "WITH page AS MATERIALIZED (SELECT i.id FROM incident i ",
        include_str!("sql/incident_filter.sql"),
        " AND ($11::timestamptz IS NULL OR (i.reported_at, i.id) < ($11, $12::uuid)) ORDER BY i.reported_at DESC, i.id DESC LIMIT $13) ",
        include_str!("sql/incident_select.sql"),
        " WHERE i.county_id = $1 AND i.id = ANY (ARRAY(SELECT id FROM page)) ORDER BY i.reported_at DESC, i.id DESC"
    );
    const COUNT: &str = concat!("SELECT count(*) FROM incident i ", include_str!("sql/incident_filter.sql"));
    let bbox = filter.bbox.map(|b| b.to_vec());
    let total: i64 = sqlx::query_scalar(COUNT)
        .bind(county)
        .bind(&filter.states)
        .bind(filter.region)
        .bind(&filter.category)
        .bind(filter.since)
        .bind(filter.until)
        .bind(filter.overdue)
        .bind(now)
        .bind(&bbox)
        .bind(filter.grid)
        .fetch_one(&mut *on)
        .await?;
    let rows = sqlx::query_as(PAGE)
        .bind(county)
        .bind(&filter.states)
        .bind(filter.region)
        .bind(&filter.category)
        .bind(filter.since)
        .bind(filter.until)
        .bind(filter.overdue)
        .bind(now)
        .bind(&bbox)
        .bind(filter.grid)
        .bind(after.map(|a| a.0))
        .bind(after.map(|a| a.1))
        .bind(limit)
        .fetch_all(on)
        .await?;
    Ok((rows, total))
}
