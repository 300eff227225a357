//! The log of who signed in, looked at personal data, took it away, changed what others may, or was refused.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{FromRow, PgConnection, PgPool};

use super::DbError;
use crate::domain::FeatureId;

/// An event for the log.
#[derive(Debug)]
#[allow(missing_docs)] // the columns of the log
pub struct NewEvent<'a> {
    pub county_id: FeatureId,
    pub at: DateTime<Utc>,
    pub account_id: Option<FeatureId>,
    pub actor: &'a str,
    pub role: &'a str,
    pub action: &'a str,
    pub subject: &'a str,
    pub reason: &'a str,
    pub detail: &'a Value,
    pub origin: &'a str,
}

/// An event of the log.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // the columns of the log
pub struct EventRow {
    pub number: i64,
    pub at: DateTime<Utc>,
    pub account_id: Option<FeatureId>,
    pub actor: String,
    pub role: String,
    pub action: String,
    pub subject: String,
    pub reason: String,
    pub detail: Value,
    pub origin: String,
    pub digest: Vec<u8>,
}

/// Which events are asked for.
#[derive(Debug, Default)]
#[allow(missing_docs)] // each narrows what it is called after
pub struct Filter<'a> {
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub account_id: Option<FeatureId>,
    pub action: Option<&'a str>,
    pub subject: Option<&'a str>,
    /// Only those before this one.
    pub before: Option<i64>,
}

/// Adds an event: numbered without gaps and chained to the one before.
///
/// # Errors
/// When the database fails; nothing is logged then.
pub async fn append(system: &PgPool, new: &NewEvent<'_>) -> Result<(), DbError> {
    let mut tx = super::begin(system).await?;
    let begin = "INSERT INTO audit_end (county_id, number) VALUES ($1, 0) ON CONFLICT DO NOTHING";
    sqlx::query(begin).bind(new.county_id).execute(&mut *tx).await?;
    // Writers stand in line here.
    sqlx::query("SELECT FROM audit_end WHERE county_id = $1 FOR UPDATE").bind(new.county_id).execute(&mut *tx).await?;
    let sql = "WITH event AS (
         SELECT ROW($1, number + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, digest, ''::bytea)::audit_event AS e FROM audit_end WHERE county_id = $1
       ), sealed AS (SELECT e, audit_digest(e) AS digest FROM event), added AS (
         INSERT INTO audit_event (county_id, number, at, account_id, actor, role, action, subject, reason, detail, origin, previous_digest, digest)
         SELECT (e).county_id, (e).number, (e).at, (e).account_id, (e).actor, (e).role, (e).action, (e).subject, (e).reason, (e).detail,
           (e).origin, (e).previous_digest, digest FROM sealed
       )
       UPDATE audit_end a SET number = (e).number, digest = sealed.digest FROM sealed WHERE a.county_id = $1";
    let query = sqlx::query(sql).bind(new.county_id).bind(new.at).bind(new.account_id).bind(new.actor).bind(new.role);
    let query = query.bind(new.action).bind(new.subject).bind(new.reason).bind(new.detail).bind(new.origin);
    query.execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// Events that pass a filter, the latest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    on: &mut PgConnection,
    county: FeatureId,
    filter: &Filter<'_>,
    most: i64,
) -> Result<Vec<EventRow>, DbError> {
    let sql = "SELECT number, at, account_id, actor, role, action, subject, reason, detail, origin, digest FROM audit_event
               WHERE county_id = $1 AND ($2::timestamptz IS NULL OR at >= $2) AND ($3::timestamptz IS NULL OR at < $3)
                 AND ($4::bigint IS NULL OR account_id = $4) AND ($5::text IS NULL OR action = $5) AND ($6::text IS NULL OR subject = $6)
                 AND ($7::bigint IS NULL OR number < $7)
               ORDER BY number DESC LIMIT $8";
    let query = sqlx::query_as(sql).bind(county).bind(filter.since).bind(filter.until).bind(filter.account_id);
    let query = query.bind(filter.action).bind(filter.subject).bind(filter.before).bind(most);
    Ok(query.fetch_all(on).await?)
}

/// The numbers, up to a thousand of them, where a county's log does not follow from what is before: altered, or missing
/// before it. Asked by the schema's owner.
///
/// # Errors
/// When the database fails.
pub async fn broken(owner: &mut PgConnection, county: FeatureId) -> Result<Vec<i64>, DbError> {
    let sql = "SELECT number FROM (
           SELECT e.number, e.digest IS DISTINCT FROM audit_digest(e) AS altered,
             e.previous_digest IS DISTINCT FROM lag(e.digest) OVER w OR e.number <> coalesce(lag(e.number) OVER w, 0) + 1 AS torn
           FROM audit_event e WHERE e.county_id = $1 WINDOW w AS (ORDER BY e.number)
           UNION ALL
           SELECT t.number, false, true FROM audit_end t WHERE t.county_id = $1 AND t.number > 0 AND NOT EXISTS (
             SELECT FROM audit_event e WHERE e.county_id = t.county_id AND e.number = t.number AND e.digest = t.digest)
         ) q WHERE altered OR torn ORDER BY number LIMIT 1000";
    Ok(sqlx::query_scalar(sql).bind(county).fetch_all(owner).await?)
}
