//! Who answers for an incident, and who helps.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, PgPool};
use uuid::Uuid;

use super::DbError;
use crate::domain::FeatureId;

/// A unit that helps.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs)] // the columns of the assignment table and the unit's name
pub struct HelperRow {
    pub incident_id: Uuid,
    pub unit_id: i64,
    pub unit_name: String,
    pub accept_by: Option<DateTime<Utc>>,
    pub accepted_at: Option<DateTime<Utc>>,
}

/// Who answers for an incident from now on.
#[derive(Debug)]
pub struct NewOwner {
    /// The unit.
    pub unit_id: FeatureId,
    /// The person, where one is named.
    pub responder_id: Option<FeatureId>,
    /// To be signed for by.
    pub accept_by: DateTime<Utc>,
    /// The grid it is for is the best guess only.
    pub provisional: bool,
    /// The unit that had it helps from now on.
    pub old_helps: bool,
}

/// The live owner signs.
///
/// # Errors
/// When the database fails.
pub async fn owner_signs(on: &mut PgConnection, county: FeatureId, id: Uuid, at: DateTime<Utc>) -> Result<(), DbError> {
    let sql = "UPDATE assignment SET accepted_at = $3, provisional = false
               WHERE county_id = $1 AND incident_id = $2 AND role = 'owner' AND ended_at IS NULL";
    sqlx::query(sql).bind(county).bind(id).bind(at).execute(on).await?;
    Ok(())
}

/// Puts another owner in place of the present one; answers the assignment that the incident's row is to name.
///
/// # Errors
/// When the database fails.
pub async fn hand_over(
    on: &mut PgConnection,
    county: FeatureId,
    id: Uuid,
    owner: &NewOwner,
    at: DateTime<Utc>,
) -> Result<FeatureId, DbError> {
    let ended = "UPDATE assignment SET ended_at = greatest($3, started_at)
                 WHERE county_id = $1 AND incident_id = $2 AND ended_at IS NULL AND (role = 'owner' OR unit_id = $4)
                 RETURNING role::text, unit_id, responder_id";
    let ended: Vec<(String, i64, Option<i64>)> =
        sqlx::query_as(ended).bind(county).bind(id).bind(at).bind(owner.unit_id).fetch_all(&mut *on).await?;
    let old = ended.into_iter().find(|(role, ..)| role == "owner");
    if let Some((_, unit, responder)) = old.filter(|(_, unit, _)| owner.old_helps && *unit != owner.unit_id) {
        let helps = "INSERT INTO assignment (county_id, incident_id, role, unit_id, responder_id, started_at)
                     SELECT $1, $2, 'helper', $3, $4, $5 WHERE NOT EXISTS (SELECT FROM assignment
                       WHERE county_id = $1 AND incident_id = $2 AND unit_id = $3 AND ended_at IS NULL)";
        sqlx::query(helps).bind(county).bind(id).bind(unit).bind(responder).bind(at).execute(&mut *on).await?;
    }
    let owns = "INSERT INTO assignment (county_id, incident_id, role, unit_id, responder_id, accept_by, started_at, provisional)
                VALUES ($1, $2, 'owner', $3, $4, $5, $6, $7) RETURNING id";
    let query = sqlx::query_scalar(owns).bind(county).bind(id).bind(owner.unit_id).bind(owner.responder_id);
    Ok(query.bind(owner.accept_by).bind(at).bind(owner.provisional).fetch_one(on).await?)
}

/// Calls units to help, each to sign in by an instant where there is one; those that already have a part in it are left as they are.
/// Answers the names of those that were called.
///
/// # Errors
/// When the database fails.
pub async fn call_helpers(
    on: &mut PgConnection,
    county: FeatureId,
    id: Uuid,
    units: &[FeatureId],
    (at, accept_by): (DateTime<Utc>, Option<DateTime<Utc>>),
) -> Result<Vec<String>, DbError> {
    let sql = "WITH called AS (
                 INSERT INTO assignment (county_id, incident_id, role, unit_id, accept_by, started_at)
                 SELECT $1, $2, 'helper', u.id, $5, $4 FROM handling_unit u
                 WHERE u.county_id = $1 AND u.id = ANY ($3) AND NOT EXISTS (SELECT FROM assignment a
                   WHERE a.county_id = $1 AND a.incident_id = $2 AND a.unit_id = u.id AND a.ended_at IS NULL)
                 RETURNING unit_id
               )
               SELECT u.name FROM called c JOIN handling_unit u ON u.id = c.unit_id ORDER BY u.id";
    let query = sqlx::query_scalar(sql).bind(county).bind(id).bind(units).bind(at).bind(accept_by);
    Ok(query.fetch_all(on).await?)
}

/// A unit that was called signs in; its name, or nothing where it was not called or has signed in already.
///
/// # Errors
/// When the database fails.
pub async fn helper_signs(
    on: &mut PgConnection,
    county: FeatureId,
    id: Uuid,
    unit: FeatureId,
    at: DateTime<Utc>,
) -> Result<Option<String>, DbError> {
    let sql = "UPDATE assignment a SET accepted_at = $4 FROM handling_unit u
               WHERE a.county_id = $1 AND a.incident_id = $2 AND a.unit_id = $3 AND a.role = 'helper' AND a.ended_at IS NULL
                 AND a.accepted_at IS NULL AND u.id = a.unit_id RETURNING u.name";
    Ok(sqlx::query_scalar(sql).bind(county).bind(id).bind(unit).bind(at).fetch_optional(on).await?)
}

/// Who helps with some incidents now, in the order they came.
///
/// # Errors
/// When the database fails.
pub async fn helpers(on: &mut PgConnection, county: FeatureId, ids: &[Uuid]) -> Result<Vec<HelperRow>, DbError> {
    let sql = "SELECT a.incident_id, a.unit_id, u.name AS unit_name, a.accept_by, a.accepted_at FROM assignment a JOIN handling_unit u ON u.id = a.unit_id
               WHERE a.county_id = $1 AND a.incident_id = ANY ($2) AND a.role = 'helper' AND a.ended_at IS NULL ORDER BY a.started_at, a.id";
    Ok(sqlx::query_as(sql).bind(county).bind(ids).fetch_all(on).await?)
}

/// Incidents that a helper has not signed in for in time, the longest first: their county and id.
///
/// # Errors
/// When the database fails.
pub async fn missing_helpers(
    system: &PgPool,
    now: DateTime<Utc>,
    most: i64,
) -> Result<Vec<(FeatureId, Uuid)>, DbError> {
    let sql = "SELECT county_id, incident_id FROM assignment
               WHERE role = 'helper' AND ended_at IS NULL AND accepted_at IS NULL AND missed_at IS NULL AND accept_by <= $1
               GROUP BY county_id, incident_id ORDER BY min(accept_by), incident_id LIMIT $2";
    Ok(sqlx::query_as(sql).bind(now).bind(most).fetch_all(system).await?)
}

/// Notes which helpers have missed their sign-in; answers their names.
///
/// # Errors
/// When the database fails.
pub async fn note_missed(
    on: &mut PgConnection,
    county: FeatureId,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<String>, DbError> {
    let sql = "UPDATE assignment a SET missed_at = $3 FROM handling_unit u
               WHERE a.county_id = $1 AND a.incident_id = $2 AND a.role = 'helper' AND a.ended_at IS NULL AND a.accepted_at IS NULL
                 AND a.missed_at IS NULL AND a.accept_by <= $3 AND u.id = a.unit_id RETURNING u.name";
    Ok(sqlx::query_scalar(sql).bind(county).bind(id).bind(now).fetch_all(on).await?)
}
