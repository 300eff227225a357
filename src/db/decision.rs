//! Decisions as they were kept.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::DbError;
use crate::domain::FeatureId;

/// A decision, with the number of its incident.
#[derive(Debug, Clone, FromRow)]
pub struct KeptDecision {
    /// Its id.
    pub id: FeatureId,
    /// Number of the incident.
    pub number: i64,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
    /// By which algorithm.
    pub algorithm_version: i32,
    /// By which version of the rules.
    pub rule_version: i32,
    /// What it was made from, JSON to the byte.
    pub inputs: String,
    /// What came of it, JSON to the byte.
    pub outcome: String,
}

/// The decisions about an incident, the first one first.
///
/// # Errors
/// When the database fails.
pub async fn of_incident(on: &mut PgConnection, county: FeatureId, id: Uuid) -> Result<Vec<KeptDecision>, DbError> {
    const SQL: &str = concat!(
        include_str!("sql/decision_select.sql"),
        " WHERE d.county_id = $1 AND d.incident_id = $2 ORDER BY d.decided_at, d.id"
    );
    Ok(sqlx::query_as(SQL).bind(county).bind(id).fetch_all(on).await?)
}

/// So many decisions of a county after one of them, by id.
///
/// # Errors
/// When the database fails.
pub async fn after(
    on: &mut PgConnection,
    county: FeatureId,
    after: FeatureId,
    most: i64,
) -> Result<Vec<KeptDecision>, DbError> {
    const SQL: &str = concat!(
        include_str!("sql/decision_select.sql"),
        " WHERE d.county_id = $1 AND d.id > $2 ORDER BY d.id LIMIT $3"
    );
    Ok(sqlx::query_as(SQL).bind(county).bind(after).bind(most).fetch_all(on).await?)
}
