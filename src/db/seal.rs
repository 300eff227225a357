//! Sealing committed history, and erasing what is personal in it.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use super::DbError;
use crate::domain::FeatureId;
use crate::domain::seal::{ERASED, Seal, hex};

/// One number for all servers: whoever holds it seals.
const TURN: i64 = 8_520_023;

/// A seal as stored.
#[derive(Debug, FromRow)]
pub(super) struct SealRow {
    county_id: i64,
    number: i64,
    sealed_at: DateTime<Utc>,
    rows: i32,
    root: Vec<u8>,
    previous: Vec<u8>,
    digest: Vec<u8>,
}

impl From<SealRow> for Seal {
    fn from(row: SealRow) -> Self {
        Self {
            county: row.county_id,
            number: row.number,
            sealed_at: row.sealed_at.timestamp_micros(),
            rows: row.rows,
            root: hex(&row.root),
            previous: hex(&row.previous),
            digest: hex(&row.digest),
        }
    }
}

/// A transaction in which this program alone seals; none while another one does.
///
/// # Errors
/// When the database fails.
pub async fn take_turn(system: &PgPool) -> Result<Option<Transaction<'static, Postgres>>, DbError> {
    let mut on = super::begin(system).await?;
    let taken: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)").bind(TURN).fetch_one(&mut *on).await?;
    Ok(taken.then_some(on))
}

/// Writes and gives up the turn.
///
/// # Errors
/// When the database fails.
pub async fn end_turn(on: Transaction<'static, Postgres>) -> Result<(), DbError> {
    Ok(on.commit().await?)
}

/// The counties there are, and their names.
///
/// # Errors
/// When the database fails.
pub async fn counties(pool: &PgPool) -> Result<Vec<(FeatureId, String)>, DbError> {
    Ok(sqlx::query_as("SELECT id, name FROM region WHERE level = 'county' ORDER BY id").fetch_all(pool).await?)
}

/// Ids and digests of committed rows that no seal covers yet, by id. Rows commit in another order than their ids
/// were given out, so each is marked with its seal; none is passed over for being late.
///
/// # Errors
/// When the database fails.
pub async fn unsealed(
    on: &mut PgConnection,
    county: FeatureId,
    most: i64,
) -> Result<(Vec<FeatureId>, Vec<Vec<u8>>), DbError> {
    let sql =
        "SELECT id, digest FROM incident_history WHERE county_id = $1 AND seal_number IS NULL ORDER BY id LIMIT $2";
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(sql).bind(county).bind(most).fetch_all(on).await?;
    Ok(rows.into_iter().unzip())
}

/// The last seal of a county.
///
/// # Errors
/// When the database fails.
pub async fn last(on: &mut PgConnection, county: FeatureId) -> Result<Option<Seal>, DbError> {
    let sql = "SELECT * FROM history_seal WHERE county_id = $1 ORDER BY number DESC LIMIT 1";
    let row: Option<SealRow> = sqlx::query_as(sql).bind(county).fetch_optional(on).await?;
    Ok(row.map(Seal::from))
}

/// Seals after one, in order.
///
/// # Errors
/// When the database fails.
pub async fn after(pool: &PgPool, county: FeatureId, number: i64, most: i64) -> Result<Vec<Seal>, DbError> {
    let sql = "SELECT * FROM history_seal WHERE county_id = $1 AND number > $2 ORDER BY number LIMIT $3";
    let rows: Vec<SealRow> = sqlx::query_as(sql).bind(county).bind(number).bind(most).fetch_all(pool).await?;
    Ok(rows.into_iter().map(Seal::from).collect())
}

/// Stores a seal made at an instant and marks the rows it covers.
///
/// # Errors
/// When the database fails.
pub async fn store(
    on: &mut PgConnection,
    seal: &Seal,
    sealed_at: DateTime<Utc>,
    rows: &[FeatureId],
) -> Result<(), DbError> {
    let sql = "INSERT INTO history_seal (county_id, number, sealed_at, rows, root, previous, digest)
               VALUES ($1, $2, $3, $4, decode($5, 'hex'), decode($6, 'hex'), decode($7, 'hex'))";
    let query = sqlx::query(sql).bind(seal.county).bind(seal.number).bind(sealed_at).bind(seal.rows);
    query.bind(&seal.root).bind(&seal.previous).bind(&seal.digest).execute(&mut *on).await?;
    let sql = "UPDATE incident_history SET seal_number = $2 WHERE county_id = $1 AND id = ANY ($3)";
    sqlx::query(sql).bind(seal.county).bind(seal.number).bind(rows).execute(on).await?;
    Ok(())
}

/// Puts [`ERASED`] in place of what an incident, its history and its places on agendas say in words and by name, parts it
/// from the household it came from, and withdraws its photos, whose files the sweep then takes away. Earlier erasures keep
/// who did them and why.
///
/// # Errors
/// When the database fails.
pub async fn erase_words(
    on: &mut PgConnection,
    county: FeatureId,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let incident = "UPDATE incident SET reporter = '{}', description = $3, household_id = NULL,
                      geom = CASE WHEN location_source = 'household' THEN NULL ELSE geom END,
                      location_text = CASE WHEN location_text = '' THEN '' ELSE $3 END,
                      resolved_by = CASE WHEN resolved_by IS NULL OR is_reference(resolved_by) THEN resolved_by ELSE $3 END
                    WHERE county_id = $1 AND id = $2";
    sqlx::query(incident).bind(county).bind(id).bind(ERASED).execute(&mut *on).await?;
    let history = "UPDATE incident_history SET salt = NULL, note = CASE WHEN note = '' THEN '' ELSE $3 END,
                     actor = CASE WHEN is_reference(actor) THEN actor ELSE $3 END
                   WHERE county_id = $1 AND incident_id = $2 AND salt IS NOT NULL AND action <> 'erase'
                     AND (note <> '' OR NOT is_reference(actor))";
    sqlx::query(history).bind(county).bind(id).bind(ERASED).execute(&mut *on).await?;
    let agenda = "UPDATE deliberation SET topic = $3, resolution = CASE WHEN resolution = '' THEN '' ELSE $3 END
                  WHERE county_id = $1 AND incident_id = $2";
    sqlx::query(agenda).bind(county).bind(id).bind(ERASED).execute(&mut *on).await?;
    let pictures = "UPDATE incident_photo SET caption = '', uploaded_by = $3, account_id = NULL,
                      withdrawn_by = CASE WHEN state IN ('ready', 'withdrawn') THEN $3 END,
                      withdrawn_reason = CASE WHEN state IN ('ready', 'withdrawn') THEN $3 END,
                      withdrawn_at = CASE state WHEN 'ready' THEN $4 ELSE withdrawn_at END,
                      state = CASE state WHEN 'ready' THEN 'withdrawn' ELSE state END
                    WHERE county_id = $1 AND incident_id = $2";
    sqlx::query(pictures).bind(county).bind(id).bind(ERASED).bind(now).execute(&mut *on).await?;
    let under_way =
        "DELETE FROM incident_photo WHERE county_id = $1 AND incident_id = $2 AND state IN ('receiving', 'refused')";
    sqlx::query(under_way).bind(county).bind(id).execute(on).await?;
    Ok(())
}
