//! The rule table whole: its versions, its lines, what they speak of, and the matters they decided.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::DbError;
use crate::domain::FeatureId;

/// A published version.
#[derive(Debug, FromRow)]
pub struct VersionRow {
    /// Its number.
    pub version: i32,
    /// From which probability a grid is certain.
    pub confident_probability: f32,
    /// What was said about it.
    pub note: String,
    /// When.
    pub published_at: DateTime<Utc>,
    /// By whom; empty where that was not kept.
    pub published_by: String,
    /// How many lines it has.
    pub lines: i64,
}

/// A line as stored.
#[derive(Debug, FromRow, Serialize)]
#[allow(missing_docs)] // the columns of the dispatch_rule table
pub struct LineRow {
    pub ordinal: i32,
    pub category_id: Option<FeatureId>,
    pub urgency: Option<String>,
    pub region_id: Option<FeatureId>,
    pub first_level: String,
    pub first_unit_id: Option<FeatureId>,
    pub assist_unit_ids: Vec<FeatureId>,
    pub cluster_helps: bool,
    pub accept_within_minutes: i32,
    pub resolve_within_minutes: Option<i32>,
    pub resolve_within_days: Option<i32>,
}

/// A category that lines may name.
#[derive(Debug, FromRow)]
#[allow(missing_docs, clippy::struct_excessive_bools)] // the columns of the category table
pub struct CategoryRow {
    pub id: FeatureId,
    pub parent_id: Option<FeatureId>,
    pub code: String,
    pub name: String,
    pub village_admitted: bool,
    pub restricted: bool,
    pub legal_dept: Option<String>,
    pub township_delegated: bool,
    pub in_force: bool,
}

/// A region that lines may name.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // the columns of the region table
pub struct RegionRow {
    pub id: FeatureId,
    pub parent_id: Option<FeatureId>,
    pub code: Option<String>,
    pub name: String,
}

/// A unit that lines may name.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // the columns of the handling_unit table
pub struct UnitRow {
    pub id: FeatureId,
    pub parent_id: Option<FeatureId>,
    pub kind: String,
    pub name: String,
}

/// A matter of the past, as far as a rule looks at it.
#[derive(Debug, FromRow)]
pub struct MatterRow {
    /// Its id.
    pub id: Uuid,
    /// Its number.
    pub number: i64,
    /// Its category.
    pub category_id: FeatureId,
    /// Code of its urgency.
    pub urgency: String,
    /// Its village, where known.
    pub village_id: Option<FeatureId>,
    /// 保密件.
    pub restricted: bool,
    /// Known from words only.
    pub text_only: bool,
}

/// The published versions, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn versions(on: &mut PgConnection, county: FeatureId) -> Result<Vec<VersionRow>, DbError> {
    let sql = "SELECT v.version, v.confident_probability, v.note, v.published_at, v.published_by,
                      (SELECT count(*) FROM dispatch_rule r WHERE r.county_id = v.county_id AND r.version = v.version) AS lines
               FROM dispatch_rule_version v WHERE v.county_id = $1 ORDER BY v.version DESC";
    Ok(sqlx::query_as(sql).bind(county).fetch_all(on).await?)
}

/// The lines of a version, in order.
///
/// # Errors
/// When the database fails.
pub async fn lines(on: &mut PgConnection, county: FeatureId, version: i32) -> Result<Vec<LineRow>, DbError> {
    let sql = "SELECT ordinal, category_id, urgency::text AS urgency, region_id, first_level::text AS first_level, first_unit_id,
                      assist_unit_ids, cluster_helps, accept_within_minutes, resolve_within_minutes, resolve_within_days
               FROM dispatch_rule WHERE county_id = $1 AND version = $2 ORDER BY ordinal";
    Ok(sqlx::query_as(sql).bind(county).bind(version).fetch_all(on).await?)
}

/// All categories, those of the past too.
///
/// # Errors
/// When the database fails.
pub async fn categories(on: &mut PgConnection, county: FeatureId, day: NaiveDate) -> Result<Vec<CategoryRow>, DbError> {
    let sql =
        "SELECT id, parent_id, code, name, village_admitted, restricted, legal_dept, township_delegated IS NOT NULL AS township_delegated, valid_during @> $2 AS in_force
               FROM category WHERE county_id = $1 ORDER BY code, id";
    Ok(sqlx::query_as(sql).bind(county).bind(day).fetch_all(on).await?)
}

/// All regions with their division codes of a day.
///
/// # Errors
/// When the database fails.
pub async fn regions(on: &mut PgConnection, county: FeatureId, day: NaiveDate) -> Result<Vec<RegionRow>, DbError> {
    let sql = "SELECT r.id, r.parent_id, a.code, r.name FROM region r
               LEFT JOIN code_alias a ON a.county_id = r.county_id AND a.scheme = 'division' AND a.feature_id = r.id
                 AND a.valid_during @> $2
               WHERE r.county_id = $1 ORDER BY r.id";
    Ok(sqlx::query_as(sql).bind(county).bind(day).fetch_all(on).await?)
}

/// All handling units.
///
/// # Errors
/// When the database fails.
pub async fn units(on: &mut PgConnection, county: FeatureId) -> Result<Vec<UnitRow>, DbError> {
    let sql = "SELECT id, parent_id, kind::text AS kind, name FROM handling_unit WHERE county_id = $1 ORDER BY id";
    Ok(sqlx::query_as(sql).bind(county).fetch_all(on).await?)
}

/// What came in since an instant, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn matters(
    on: &mut PgConnection,
    county: FeatureId,
    since: DateTime<Utc>,
) -> Result<Vec<MatterRow>, DbError> {
    let sql = "SELECT id, number, category_id, urgency::text AS urgency, village_id, restricted, location_source = 'text' AS text_only
               FROM incident WHERE county_id = $1 AND received_at >= $2 ORDER BY number DESC";
    Ok(sqlx::query_as(sql).bind(county).bind(since).fetch_all(on).await?)
}

/// Takes the turn to publish: one at a time in a county, until the transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn take_turn(on: &mut PgConnection, county: FeatureId) -> Result<(), DbError> {
    let sql = "SELECT pg_advisory_xact_lock(hashtextextended('dispatch rules', $1))";
    sqlx::query(sql).bind(county).execute(on).await?;
    Ok(())
}

/// Stores a version with its lines.
///
/// # Errors
/// When the database fails.
pub async fn publish(
    on: &mut PgConnection,
    county: FeatureId,
    version: &VersionRow,
    lines: &[LineRow],
) -> Result<(), DbError> {
    let sql = "INSERT INTO dispatch_rule_version (county_id, version, confident_probability, note, published_at, published_by)
               VALUES ($1, $2, $3, $4, $5, $6)";
    let query = sqlx::query(sql).bind(county).bind(version.version).bind(version.confident_probability);
    query.bind(&version.note).bind(version.published_at).bind(&version.published_by).execute(&mut *on).await?;
    let sql = "INSERT INTO dispatch_rule (county_id, version, ordinal, category_id, urgency, region_id, first_level, first_unit_id,
                 assist_unit_ids, cluster_helps, accept_within_minutes, resolve_within_minutes, resolve_within_days)
               SELECT $1, $2, l.* FROM jsonb_to_recordset($3) AS l (ordinal integer, category_id bigint, urgency urgency,
                 region_id bigint, first_level handling_unit_kind, first_unit_id bigint, assist_unit_ids bigint[],
                 cluster_helps boolean, accept_within_minutes integer, resolve_within_minutes integer, resolve_within_days integer)";
    sqlx::query(sql).bind(county).bind(version.version).bind(sqlx::types::Json(lines)).execute(on).await?;
    Ok(())
}
