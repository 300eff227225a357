//! Receivers of notifications: who is told of what, and how they are reached.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};

use super::DbError;
use crate::domain::FeatureId;

/// A receiver.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs)] // the columns of the webhook_receiver table
pub struct ReceiverRow {
    pub county_id: i64,
    pub id: i64,
    pub name: String,
    pub kind: String,
    pub origin: String,
    pub sealed: Vec<u8>,
    pub enabled: bool,
    pub timeout_ms: i32,
    pub actions: Vec<String>,
    pub urgencies: Vec<String>,
    pub categories: Vec<String>,
    pub regions: Vec<i64>,
    pub units: Vec<i64>,
    pub restricted: bool,
    pub external_system: Option<String>,
    pub fields: Vec<String>,
    pub method: String,
    pub template: Option<String>,
    pub expect: Option<String>,
    pub failures: i32,
    pub rests_until: Option<DateTime<Utc>>,
    pub version: i32,
}

const COLUMNS: &str =
    "county_id, id, name, kind, origin, sealed, enabled, timeout_ms, actions, urgencies, categories, regions, units,
  restricted, external_system, fields, method, template, expect, failures, rests_until, version";

/// All receivers, by name; or one.
///
/// # Errors
/// When the database fails.
pub async fn list(
    on: &mut PgConnection,
    county: FeatureId,
    id: Option<FeatureId>,
) -> Result<Vec<ReceiverRow>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM webhook_receiver WHERE county_id = $1 AND ($2::bigint IS NULL OR id = $2) ORDER BY name, id"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(county).bind(id).fetch_all(on).await?)
}

/// Stores a receiver that is new; answers its id.
///
/// # Errors
/// When the database fails or refuses it.
pub async fn insert(on: &mut PgConnection, r: &ReceiverRow) -> Result<FeatureId, DbError> {
    let sql = "INSERT INTO webhook_receiver (county_id, name, kind, origin, sealed, enabled, timeout_ms, actions, urgencies, categories,
                 regions, units, restricted, external_system, fields, method, template, expect)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) RETURNING id";
    Ok(bound(sqlx::query_scalar(sql), r).fetch_one(on).await?)
}

/// Stores what has changed of a receiver, which begins anew as one that has not failed. Whether it was still at the
/// version.
///
/// # Errors
/// When the database fails or refuses it.
pub async fn update(on: &mut PgConnection, r: &ReceiverRow) -> Result<bool, DbError> {
    let sql =
        "UPDATE webhook_receiver SET name = $2, kind = $3, origin = $4, sealed = $5, enabled = $6, timeout_ms = $7, actions = $8,
                 urgencies = $9, categories = $10, regions = $11, units = $12, restricted = $13, external_system = $14, fields = $15,
                 method = $16, template = $17, expect = $18, version = version + 1, failures = 0, rests_until = NULL
               WHERE county_id = $1 AND id = $19 AND version = $20 RETURNING id";
    let query = bound(sqlx::query_scalar::<_, i64>(sql), r).bind(r.id).bind(r.version);
    Ok(query.fetch_optional(on).await?.is_some())
}

type Scalar<'q> = sqlx::query::QueryScalar<'q, sqlx::Postgres, i64, sqlx::postgres::PgArguments>;

fn bound<'q>(query: Scalar<'q>, r: &'q ReceiverRow) -> Scalar<'q> {
    let query = query.bind(r.county_id).bind(&r.name).bind(&r.kind).bind(&r.origin).bind(&r.sealed).bind(r.enabled);
    let query = query.bind(r.timeout_ms).bind(&r.actions).bind(&r.urgencies).bind(&r.categories).bind(&r.regions);
    let query = query.bind(&r.units).bind(r.restricted).bind(&r.external_system).bind(&r.fields).bind(&r.method);
    query.bind(&r.template).bind(&r.expect)
}

/// Removes a receiver at a version, and what was to be told to it. Whether it was still there.
///
/// # Errors
/// When the database fails.
pub async fn delete(on: &mut PgConnection, county: FeatureId, id: FeatureId, version: i32) -> Result<bool, DbError> {
    let sql = "DELETE FROM webhook_receiver WHERE county_id = $1 AND id = $2 AND version = $3";
    Ok(sqlx::query(sql).bind(county).bind(id).bind(version).execute(on).await?.rows_affected() > 0)
}

/// How many deliveries to a receiver are pending and dead.
///
/// # Errors
/// When the database fails.
pub async fn backlog(on: &mut PgConnection, county: FeatureId, id: FeatureId) -> Result<(i64, i64), DbError> {
    let sql = "SELECT (SELECT count(*) FROM delivery WHERE county_id = $1 AND receiver_id = $2 AND state = 'pending'),
                      (SELECT count(*) FROM delivery WHERE county_id = $1 AND receiver_id = $2 AND state = 'dead')";
    Ok(sqlx::query_as(sql).bind(county).bind(id).fetch_one(on).await?)
}

/// Of the names a filter may hold, those that nothing has.
#[derive(Debug, Default, FromRow)]
pub struct Unknown {
    /// Codes of categories.
    pub categories: Vec<String>,
    /// Regions.
    pub regions: Vec<i64>,
    /// Units.
    pub units: Vec<i64>,
}

/// Looks for what a filter names.
///
/// # Errors
/// When the database fails.
pub async fn unknown(
    on: &mut PgConnection,
    county: FeatureId,
    categories: &[String],
    regions: &[FeatureId],
    units: &[FeatureId],
) -> Result<Unknown, DbError> {
    let sql = "SELECT
        ARRAY(SELECT x FROM unnest($2::text[]) x WHERE NOT EXISTS (SELECT FROM category WHERE county_id = $1 AND code = x)) AS categories,
        ARRAY(SELECT x FROM unnest($3::bigint[]) x WHERE NOT EXISTS (SELECT FROM region WHERE county_id = $1 AND id = x)) AS regions,
        ARRAY(SELECT x FROM unnest($4::bigint[]) x WHERE NOT EXISTS (SELECT FROM handling_unit WHERE county_id = $1 AND id = x)) AS units";
    Ok(sqlx::query_as(sql).bind(county).bind(categories).bind(regions).bind(units).fetch_one(on).await?)
}
