//! Single rows for the feature interface and for questions of who answers.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;
use sqlx::{FromRow, PgPool};

use super::DbError;
use crate::domain::FeatureId;

/// A unit of the ladder of responsibility.
#[derive(Debug, sqlx::FromRow)]
pub struct Unit {
    /// Its level on the ladder.
    pub kind: String,
    /// Its id.
    pub id: FeatureId,
    /// Its name.
    pub name: String,
    /// The party organisation that answers for it.
    pub org_id: FeatureId,
    /// That organisation's name.
    pub org_name: String,
}

/// From a grid's group, or where there is none from a village's unit, up to the last resort.
///
/// # Errors
/// When the query fails.
pub async fn responsibility_chain(
    connection: &mut PgConnection,
    group: Option<FeatureId>,
    village: Option<FeatureId>,
) -> Result<Vec<Unit>, DbError> {
    let sql = "WITH RECURSIVE first AS (
           SELECT id FROM handling_unit
           WHERE (kind = 'grid_group' AND lead_org_id = $1) OR (kind = 'village_party_org' AND region_id = $2)
              OR kind = 'county_duty_officer'
           ORDER BY kind, id LIMIT 1
         ), chain AS (
           SELECT u.*, 1 AS step FROM handling_unit u JOIN first USING (id)
           UNION ALL
           SELECT p.*, c.step + 1 FROM handling_unit p JOIN chain c ON p.id = c.parent_id WHERE c.step < 10
         )
         SELECT c.kind::text AS kind, c.id, c.name, c.lead_org_id AS org_id, o.name AS org_name
         FROM chain c JOIN party_org o ON o.id = c.lead_org_id ORDER BY c.step";
    Ok(sqlx::query_as(sql).bind(group).bind(village).fetch_all(connection).await?)
}

/// The categories in force, as JSON objects by code.
///
/// # Errors
/// When the query fails.
pub async fn categories(connection: &mut PgConnection) -> Result<serde_json::Value, DbError> {
    let sql = "SELECT coalesce(json_agg(json_build_object('code', c.code, 'name', c.name, 'parent', p.code,
           'restricted', c.restricted, 'village_admitted', c.village_admitted, 'photo_needed', c.photo_needed)
           ORDER BY c.code), '[]')
         FROM category c LEFT JOIN category p ON p.id = c.parent_id
         WHERE c.valid_during @> county_day(c.county_id)";
    Ok(sqlx::query_scalar(sql).fetch_one(connection).await?)
}

/// Households (and responders) that have a phone with one of two keyed hashes: (kind, id).
///
/// # Errors
/// When the query fails.
pub async fn by_phone(
    connection: &mut PgConnection,
    number: &[u8],
    tail: &[u8],
) -> Result<Vec<(String, FeatureId)>, DbError> {
    let sql = "SELECT DISTINCT CASE WHEN household_id IS NULL THEN 'responder' ELSE 'household' END,
           coalesce(household_id, responder_id) FROM phone
         WHERE number_hash = $1 OR tail_hash = $2 ORDER BY 1, 2 LIMIT 200";
    Ok(sqlx::query_as(sql).bind(number).bind(tail).fetch_all(connection).await?)
}

/// Members and incident figures of each village of the county at an instant, one JSON object a village id.
///
/// # Errors
/// When the query fails.
pub async fn village_figures(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<serde_json::Value, DbError> {
    Ok(sqlx::query_scalar(include_str!("sql/village_figures.sql")).bind(now).fetch_one(connection).await?)
}

/// Where the accounts of a demo county belong: the first village that has a grid worker who is there.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // named after what they are for
pub struct DemoPlaces {
    pub township: FeatureId,
    pub village: FeatureId,
    pub grid_worker: Option<FeatureId>,
    pub six_officer: Option<FeatureId>,
    pub duty_unit: FeatureId,
    pub township_unit: Option<FeatureId>,
    pub village_unit: Option<FeatureId>,
    pub department_unit: Option<FeatureId>,
}

/// The places and people of a demo county that its accounts are for.
///
/// # Errors
/// When the county has no village or no duty officer, or the query fails.
pub async fn demo_places(system: &PgPool, county: FeatureId, now: DateTime<Utc>) -> Result<DemoPlaces, DbError> {
    let sql = "SELECT v.parent_id AS township, v.id AS village,
        (SELECT a.responder_id FROM appointment a JOIN grid g ON g.id = a.grid_id
         WHERE g.village_id = v.id AND a.role = 'grid_worker' AND a.valid_during @> $2::date ORDER BY a.id LIMIT 1) AS grid_worker,
        (SELECT a.responder_id FROM appointment a WHERE a.region_id = v.id AND a.role = 'six_officer' AND a.valid_during @> $2::date ORDER BY a.id LIMIT 1) AS six_officer,
        (SELECT id FROM handling_unit WHERE county_id = $1 AND kind = 'county_duty_officer') AS duty_unit,
        (SELECT id FROM handling_unit WHERE region_id = v.parent_id AND kind = 'township_centre' ORDER BY id LIMIT 1) AS township_unit,
        (SELECT id FROM handling_unit WHERE region_id = v.id AND kind = 'village_party_org' ORDER BY id LIMIT 1) AS village_unit,
        (SELECT id FROM handling_unit WHERE county_id = $1 AND kind = 'department' ORDER BY id LIMIT 1) AS department_unit
      FROM region v WHERE v.county_id = $1 AND v.level = 'village'
      ORDER BY EXISTS (SELECT FROM appointment a JOIN grid g ON g.id = a.grid_id WHERE g.village_id = v.id AND a.role = 'grid_worker') DESC, v.id LIMIT 1";
    Ok(sqlx::query_as(sql).bind(county).bind(now).fetch_one(system).await?)
}
