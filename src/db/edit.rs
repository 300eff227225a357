//! Rows of the layers' tables written one at a time: whatever the table, by one set of statements.
//!
//! Table and column names come from the program's own list, never from the asker; values travel as one JSON
//! object that `PostgreSQL` itself reads into the table's types.

use chrono::NaiveDate;
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, PgConnection};

use super::DbError;
use crate::domain::{FeatureId, Layer};

/// One row as it is to be.
#[derive(Debug)]
pub struct Row {
    /// Column → value; columns not named stay as they are, or take their default.
    pub values: Map<String, Value>,
    /// EWKB in EPSG:4490; `None` leaves what is stored, `Some(None)` takes it away.
    pub geometry: Option<Option<Vec<u8>>>,
}

/// Locks a row until the transaction ends; false when this asker has none of this id.
///
/// # Errors
/// When the database fails.
pub async fn lock(on: &mut PgConnection, table: &str, id: FeatureId) -> Result<bool, DbError> {
    let sql = format!("SELECT 1 FROM {table} WHERE id = $1 FOR UPDATE");
    Ok(sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(on).await?.is_some())
}

/// Adds a row and answers its id.
///
/// # Errors
/// When a rule of the table refuses it, or the database fails.
pub async fn insert(on: &mut PgConnection, table: &str, county: FeatureId, row: Row) -> Result<FeatureId, DbError> {
    let mut columns: Vec<String> = row.values.keys().map(|c| format!("\"{c}\"")).collect();
    let mut read: Vec<String> = columns.iter().map(|c| format!("r.{c}")).collect();
    if row.geometry.is_some() {
        columns.push("geom".to_owned());
        read.push("ST_GeomFromEWKB($3)".to_owned());
    }
    let sql = format!(
        "INSERT INTO {table} (county_id, {}) SELECT $1, {} FROM jsonb_populate_record(NULL::{table}, $2) r RETURNING id",
        columns.join(", "),
        read.join(", ")
    );
    let query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(county).bind(Value::Object(row.values));
    let query = if let Some(geometry) = row.geometry { query.bind(geometry) } else { query };
    Ok(query.fetch_one(on).await?)
}

/// Changes a row that is locked.
///
/// # Errors
/// When a rule of the table refuses it, or the database fails.
pub async fn update(on: &mut PgConnection, table: &str, id: FeatureId, row: Row) -> Result<(), DbError> {
    let mut set: Vec<String> = row.values.keys().map(|c| format!("\"{c}\" = r.\"{c}\"")).collect();
    if row.geometry.is_some() {
        set.push("geom = ST_GeomFromEWKB($3)".to_owned());
    }
    let sql = format!(
        "UPDATE {table} t SET {} FROM jsonb_populate_record(NULL::{table}, $2) r WHERE t.id = $1",
        set.join(", ")
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(id).bind(Value::Object(row.values));
    let query = if let Some(geometry) = row.geometry { query.bind(geometry) } else { query };
    query.execute(on).await?;
    Ok(())
}

/// Takes a row away that is locked.
///
/// # Errors
/// When something still refers to it, or the database fails.
pub async fn delete(on: &mut PgConnection, table: &str, id: FeatureId) -> Result<(), DbError> {
    let sql = format!("DELETE FROM {table} WHERE id = $1");
    sqlx::query(AssertSqlSafe(sql)).bind(id).execute(on).await?;
    Ok(())
}

/// What is wrong with a geometry by the rules of OGC Simple Features, and where; `None` when nothing is.
///
/// # Errors
/// When the database fails.
pub async fn invalid(
    on: &mut PgConnection,
    ewkb: &[u8],
) -> Result<Option<(String, Option<f64>, Option<f64>)>, DbError> {
    let sql = "SELECT coalesce(reason, ''), ST_X(location), ST_Y(location) FROM ST_IsValidDetail(ST_GeomFromEWKB($1)) WHERE NOT valid";
    Ok(sqlx::query_as(sql).bind(ewkb).fetch_optional(on).await?)
}

/// How far a geometry lies outside the county, metres; `None` when it does not. A point must lie inside; a
/// line or an area must meet the county and reach out of its box by no more than `reach` degrees.
///
/// # Errors
/// When the database fails.
pub async fn metres_outside(
    on: &mut PgConnection,
    county: FeatureId,
    ewkb: &[u8],
    reach: f64,
) -> Result<Option<f64>, DbError> {
    let sql =
        "SELECT (SELECT max(ST_Distance(p.geom::geography, c.geom::geography)) FROM ST_DumpPoints(ST_Envelope(g)) p)
               FROM region c, ST_GeomFromEWKB($2) g
               WHERE c.id = $1 AND c.geom IS NOT NULL AND NOT CASE WHEN ST_Dimension(g) = 0 THEN ST_Covers(c.geom, g)
                 ELSE ST_Intersects(c.geom, g) AND ST_Expand(ST_Envelope(c.geom), $3) ~ g END";
    Ok(sqlx::query_scalar(sql).bind(county).bind(ewkb).bind(reach).fetch_optional(on).await?)
}

/// The village a geometry lies in, by a point of it.
///
/// # Errors
/// When the database fails.
pub async fn village_of(on: &mut PgConnection, county: FeatureId, ewkb: &[u8]) -> Result<Option<FeatureId>, DbError> {
    let sql = "SELECT r.id FROM region r, ST_PointOnSurface(ST_GeomFromEWKB($2)) p
               WHERE r.county_id = $1 AND r.level = 'village' AND ST_Covers(r.geom, p) ORDER BY r.id LIMIT 1";
    Ok(sqlx::query_scalar(sql).bind(county).bind(ewkb).fetch_optional(on).await?)
}

/// The region a row names, as it stands in this transaction.
///
/// # Errors
/// When the database fails.
pub async fn region_of(
    on: &mut PgConnection,
    table: &str,
    column: &str,
    id: FeatureId,
) -> Result<Vec<FeatureId>, DbError> {
    let sql = format!("SELECT {column} FROM {table} WHERE id = $1");
    Ok(sqlx::query_scalar(AssertSqlSafe(sql)).bind(id).fetch_all(on).await?)
}

/// The villages a row's geometry goes into, as it stands in this transaction. What lies along a border, or is over it by a
/// slip of some 10 m, is in the villages it goes deeper into, or in all it meets where there are none.
///
/// # Errors
/// When the database fails.
pub async fn villages_of(on: &mut PgConnection, table: &str, id: FeatureId) -> Result<Vec<FeatureId>, DbError> {
    let sql = format!(
        "WITH met AS (
           SELECT v.id, ST_Intersects(ST_Buffer(v.geom, -0.0001), f.geom) AS enters
           FROM {table} f JOIN region v ON v.county_id = f.county_id AND v.level = 'village' AND ST_Intersects(v.geom, f.geom)
           WHERE f.id = $1
         ) SELECT id FROM met WHERE enters OR NOT EXISTS (SELECT FROM met WHERE enters) ORDER BY id"
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(sql)).bind(id).fetch_all(on).await?)
}

/// The general grid in force on a day that a point lies in.
///
/// # Errors
/// When the database fails.
pub async fn general_grid_at(on: &mut PgConnection, day: NaiveDate, ewkb: &[u8]) -> Result<Option<FeatureId>, DbError> {
    let sql = "SELECT g.id FROM grid_version v JOIN grid g ON g.id = v.grid_id, ST_GeomFromEWKB($2) p
               WHERE g.kind = 'general' AND v.valid_during @> $1 AND upper_inf(v.recorded_during) AND ST_Covers(v.geom, p)
               ORDER BY g.id LIMIT 1";
    Ok(sqlx::query_scalar(sql).bind(day).bind(ewkb).fetch_optional(on).await?)
}

/// The nodes at the two ends of a line: those of roads that end there, otherwise new ones.
///
/// # Errors
/// When the database fails.
pub async fn road_nodes(on: &mut PgConnection, ewkb: &[u8]) -> Result<(FeatureId, FeatureId), DbError> {
    let sql = "WITH ends AS (
           SELECT 1 AS n, ST_StartPoint(g) AS at FROM ST_GeomFromEWKB($1) g UNION ALL SELECT 2, ST_EndPoint(g) FROM ST_GeomFromEWKB($1) g
         ), known AS (
           SELECT e.at, min(CASE WHEN ST_Equals(ST_StartPoint(r.geom), e.at) THEN r.from_node ELSE r.to_node END) AS node
           FROM ends e LEFT JOIN road r ON r.geom && e.at AND (ST_Equals(ST_StartPoint(r.geom), e.at) OR ST_Equals(ST_EndPoint(r.geom), e.at))
           GROUP BY e.at
         ), given AS MATERIALIZED (SELECT at, coalesce(node, nextval('feature_id')) AS node FROM known)
         SELECT a.node, b.node FROM ends s JOIN given a ON a.at = s.at, ends e JOIN given b ON b.at = e.at WHERE s.n = 1 AND e.n = 2";
    Ok(sqlx::query_as(sql).bind(ewkb).fetch_one(on).await?)
}

/// Whether a layer has a feature of this id for this asker; of a region also whether it is of this level.
///
/// # Errors
/// When the database fails.
pub async fn exists(on: &mut PgConnection, layer: Layer, id: FeatureId, level: Option<&str>) -> Result<bool, DbError> {
    let and_level = if level.is_some() { "AND level::text = $2" } else { "AND $2::text IS NULL" };
    let sql = format!("SELECT EXISTS (SELECT FROM {} WHERE id = $1 {and_level})", layer.name());
    Ok(sqlx::query_scalar(AssertSqlSafe(sql)).bind(id).bind(level).fetch_one(on).await?)
}
