//! The whole history, row by row, for whoever recomputes it.

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use serde_json::Value;
use sqlx::{FromRow, PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use super::DbError;
use super::seal::SealRow;
use crate::domain::FeatureId;
use crate::domain::seal::Seal;

/// A row as stored, with the incident it belongs to.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // the columns of the history table
pub struct StoredStep {
    pub incident_id: Uuid,
    pub ordinal: i32,
    pub action: String,
    pub actor: String,
    pub at: DateTime<Utc>,
    pub from_version: i32,
    pub from_state: Option<String>,
    pub to_state: String,
    pub unit_id: Option<i64>,
    pub responder_id: Option<i64>,
    pub note: String,
    pub detail: Value,
    pub salt: Option<Vec<u8>>,
    pub words_digest: Vec<u8>,
    pub previous_digest: Option<Vec<u8>>,
    pub digest: Vec<u8>,
    /// The incident's number and state; none when it is gone.
    pub number: Option<i64>,
    pub state: Option<String>,
}

#[derive(FromRow)]
struct SealedRow {
    #[sqlx(flatten)]
    seal: SealRow,
    /// Of a row that bears its number; none where there is none.
    row_digest: Option<Vec<u8>>,
}

/// Rows that no seal covers.
#[derive(Debug, FromRow)]
pub struct Loose {
    /// How many.
    pub rows: i64,
    /// When the first of them was written.
    pub since: Option<DateTime<Utc>>,
    /// The highest number of a seal that a row bears.
    pub highest: Option<i64>,
}

/// One state of the database to read from.
///
/// # Errors
/// When the database fails.
pub async fn snapshot(pool: &PgPool) -> Result<Transaction<'static, Postgres>, DbError> {
    super::begin_as(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
}

/// Hands over every row of a county's history, incident by incident, in order.
///
/// # Errors
/// When the database fails.
pub async fn each_step(
    on: &mut PgConnection,
    county: FeatureId,
    mut take: impl FnMut(StoredStep),
) -> Result<(), DbError> {
    let sql = "SELECT h.incident_id, h.ordinal, h.action::text AS action, h.actor, h.at, h.from_version,
                      h.from_state::text AS from_state, h.to_state::text AS to_state, h.unit_id, h.responder_id, h.note, h.detail,
                      h.salt, h.words_digest, h.previous_digest, h.digest, i.number, i.state::text AS state
               FROM incident_history h LEFT JOIN incident i ON i.county_id = h.county_id AND i.id = h.incident_id
               WHERE h.county_id = $1 ORDER BY h.incident_id, h.ordinal";
    let mut rows = sqlx::query_as(sql).bind(county).fetch(on);
    while let Some(step) = rows.try_next().await? {
        take(step);
    }
    Ok(())
}

/// Hands over every seal of a county in order, each with the digest of one of its rows, by the rows' ids; with none
/// where no row bears its number.
///
/// # Errors
/// When the database fails.
pub async fn each_sealed(
    on: &mut PgConnection,
    county: FeatureId,
    mut take: impl FnMut(Seal, Option<Vec<u8>>),
) -> Result<(), DbError> {
    let sql = "SELECT s.*, h.digest AS row_digest
               FROM history_seal s LEFT JOIN incident_history h ON h.county_id = s.county_id AND h.seal_number = s.number
               WHERE s.county_id = $1 ORDER BY s.number, h.id";
    let mut rows = sqlx::query_as::<_, SealedRow>(sql).bind(county).fetch(on);
    while let Some(row) = rows.try_next().await? {
        take(row.seal.into(), row.row_digest);
    }
    Ok(())
}

/// What no seal covers.
///
/// # Errors
/// When the database fails.
pub async fn loose(on: &mut PgConnection, county: FeatureId) -> Result<Loose, DbError> {
    let sql = "SELECT count(*) AS rows, min(at) AS since,
                 (SELECT max(seal_number) FROM incident_history WHERE county_id = $1) AS highest
               FROM incident_history WHERE county_id = $1 AND seal_number IS NULL";
    Ok(sqlx::query_as(sql).bind(county).fetch_one(on).await?)
}

/// Numbers of incidents without any history, the first so many.
///
/// # Errors
/// When the database fails.
pub async fn without(on: &mut PgConnection, county: FeatureId, most: i64) -> Result<Vec<i64>, DbError> {
    let sql = "SELECT number FROM incident i WHERE county_id = $1 AND NOT EXISTS (
                 SELECT FROM incident_history h WHERE h.county_id = $1 AND h.incident_id = i.id) ORDER BY number LIMIT $2";
    Ok(sqlx::query_scalar(sql).bind(county).bind(most).fetch_all(on).await?)
}
