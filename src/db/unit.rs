//! What a dispatch is decided from: grids near a point, units, people, rules, the calendar.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{FromRow, PgConnection};

use super::DbError;
use crate::domain::FeatureId;

/// A grid in force near a point.
#[derive(Debug, FromRow)]
pub struct GridRow {
    /// Its id.
    pub id: FeatureId,
    /// Its version in force.
    pub version_id: FeatureId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Wins inside.
    pub dedicated: bool,
    /// Outline as EWKB.
    pub geom: Vec<u8>,
}

/// A unit of the ladder.
#[derive(Debug, FromRow)]
pub struct UnitRow {
    /// Its id.
    pub id: FeatureId,
    /// Its rung's code.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its responsible party organisation.
    pub org_id: FeatureId,
    /// Its name.
    pub org_name: String,
    /// Another group of the village.
    pub neighbour: bool,
}

/// A person with one appointment.
#[derive(Debug, FromRow)]
pub struct PersonRow {
    /// Who.
    pub responder_id: FeatureId,
    /// Their name.
    pub name: String,
    /// The unit they act in.
    pub unit_id: FeatureId,
    /// Code of the role.
    pub role: String,
    /// The grid they are appointed for.
    pub grid_id: Option<FeatureId>,
    /// In the village as last confirmed.
    pub present: Option<bool>,
    /// On duty now.
    pub on_duty: bool,
    /// Open matters they own.
    pub load: i64,
}

/// A row of the rule table with its version's setting.
#[derive(Debug, FromRow)]
pub struct RuleRow {
    /// Version of the table.
    pub version: i32,
    /// Which row; 0 when none fits.
    pub ordinal: Option<i32>,
    /// Where to begin.
    pub first_level: Option<String>,
    /// A named unit.
    pub first_unit_id: Option<FeatureId>,
    /// Units that help.
    pub assist_unit_ids: Option<Vec<FeatureId>>,
    /// Minutes to sign.
    pub accept_within_minutes: Option<i32>,
    /// Minutes to finish.
    pub resolve_within_minutes: Option<i32>,
    /// Working days to finish.
    pub resolve_within_days: Option<i32>,
    /// From which probability a grid is certain.
    pub confident_probability: f32,
}

/// A kind of matter.
#[derive(Debug, FromRow)]
pub struct CategoryRow {
    /// Its id.
    pub id: FeatureId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// 保密件.
    pub restricted: bool,
    /// On the 准入清单.
    pub village_admitted: bool,
}

/// A village.
#[derive(Debug, Clone, FromRow)]
pub struct VillageRow {
    /// Its id.
    pub id: FeatureId,
    /// Its name.
    pub name: String,
    /// Its township.
    pub township_id: FeatureId,
}

/// A household as far as a dispatch needs it.
#[derive(Debug, FromRow)]
pub struct DoorRow {
    /// Its village.
    pub village_id: FeatureId,
    /// Its general grid.
    pub grid_id: Option<FeatureId>,
    /// Door, degrees.
    pub lon: Option<f64>,
    /// Door, degrees.
    pub lat: Option<f64>,
    /// The grid's version in force.
    pub version_id: Option<FeatureId>,
    /// The grid's code.
    pub code: Option<String>,
    /// The grid's name.
    pub name: Option<String>,
}

/// The county's time zone.
///
/// # Errors
/// When the database fails.
pub async fn time_zone(on: &mut PgConnection, county: FeatureId) -> Result<String, DbError> {
    Ok(sqlx::query_scalar("SELECT time_zone FROM region WHERE id = $1").bind(county).fetch_one(on).await?)
}

/// Days from one to another, both included, that differ from the week.
///
/// # Errors
/// When the database fails.
pub async fn calendar_days(
    on: &mut PgConnection,
    county: FeatureId,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<(NaiveDate, bool)>, DbError> {
    let sql = "SELECT day, working FROM calendar_day WHERE county_id = $1 AND day BETWEEN $2 AND $3";
    Ok(sqlx::query_as(sql).bind(county).bind(from).bind(to).fetch_all(on).await?)
}

/// Grids whose box meets a box (west, south, east, north; degrees) on a day.
///
/// # Errors
/// When the database fails.
pub async fn grids_near(
    on: &mut PgConnection,
    county: FeatureId,
    day: NaiveDate,
    b: [f64; 4],
) -> Result<Vec<GridRow>, DbError> {
    let query = sqlx::query_as(include_str!("sql/grids_near.sql")).bind(county).bind(day);
    Ok(query.bind(b[0]).bind(b[1]).bind(b[2]).bind(b[3]).fetch_all(on).await?)
}

/// The village that covers a point.
///
/// # Errors
/// When the database fails.
pub async fn village_at(
    on: &mut PgConnection,
    county: FeatureId,
    lon: f64,
    lat: f64,
) -> Result<Option<VillageRow>, DbError> {
    let sql = "SELECT id, name, parent_id AS township_id FROM region, ST_SetSRID(ST_MakePoint($2, $3), 4490) p
               WHERE county_id = $1 AND level = 'village' AND geom && p AND ST_Covers(geom, p) ORDER BY id LIMIT 1";
    Ok(sqlx::query_as(sql).bind(county).bind(lon).bind(lat).fetch_optional(on).await?)
}

/// The village of a grid.
///
/// # Errors
/// When the database fails.
pub async fn village_of_grid(on: &mut PgConnection, grid: FeatureId) -> Result<Option<VillageRow>, DbError> {
    let sql = "SELECT v.id, v.name, v.parent_id AS township_id FROM grid g JOIN region v ON v.id = g.village_id WHERE g.id = $1";
    Ok(sqlx::query_as(sql).bind(grid).fetch_optional(on).await?)
}

/// A village by its id.
///
/// # Errors
/// When the database fails.
pub async fn village(on: &mut PgConnection, county: FeatureId, id: FeatureId) -> Result<Option<VillageRow>, DbError> {
    let sql =
        "SELECT id, name, parent_id AS township_id FROM region WHERE county_id = $1 AND level = 'village' AND id = $2";
    Ok(sqlx::query_as(sql).bind(county).bind(id).fetch_optional(on).await?)
}

/// The villages named in a text, longest name first; two at most, since two are already doubtful.
///
/// # Errors
/// When the database fails.
pub async fn villages_named(on: &mut PgConnection, county: FeatureId, text: &str) -> Result<Vec<VillageRow>, DbError> {
    let sql = "SELECT id, name, parent_id AS township_id FROM region
               WHERE county_id = $1 AND level = 'village' AND position(name IN $2) > 0 ORDER BY length(name) DESC, id LIMIT 2";
    Ok(sqlx::query_as(sql).bind(county).bind(text).fetch_all(on).await?)
}

/// How far a point lies outside the county, metres; zero inside. Nothing when the county has no outline.
///
/// # Errors
/// When the database fails.
pub async fn metres_outside(
    on: &mut PgConnection,
    county: FeatureId,
    lon: f64,
    lat: f64,
) -> Result<Option<f64>, DbError> {
    let sql = "SELECT CASE WHEN ST_Covers(geom, p) THEN 0::float8 ELSE ST_Distance(geom::geography, p::geography) END
               FROM region, ST_SetSRID(ST_MakePoint($2, $3), 4490) p WHERE id = $1";
    let found: Option<Option<f64>> =
        sqlx::query_scalar(sql).bind(county).bind(lon).bind(lat).fetch_optional(on).await?;
    Ok(found.flatten())
}

/// A household with the grid it is in.
///
/// # Errors
/// When the database fails.
pub async fn door(
    on: &mut PgConnection,
    county: FeatureId,
    household: FeatureId,
    day: NaiveDate,
) -> Result<Option<DoorRow>, DbError> {
    let sql = "SELECT h.village_id, h.grid_id, ST_X(h.geom) AS lon, ST_Y(h.geom) AS lat, gv.id AS version_id,
                      code_today(h.grid_id, 'grid', $3) AS code, gv.name
               FROM household h
               LEFT JOIN grid_version gv ON gv.grid_id = h.grid_id AND gv.valid_during @> $3 AND upper_inf(gv.recorded_during)
               WHERE h.county_id = $1 AND h.id = $2";
    Ok(sqlx::query_as(sql).bind(county).bind(household).bind(day).fetch_optional(on).await?)
}

/// The units asked for a matter, lowest first.
///
/// # Errors
/// When the database fails.
pub async fn ladder(
    on: &mut PgConnection,
    county: FeatureId,
    grid: Option<FeatureId>,
    village: Option<FeatureId>,
    day: NaiveDate,
    named: Option<FeatureId>,
) -> Result<Vec<UnitRow>, DbError> {
    let query = sqlx::query_as(include_str!("sql/dispatch_ladder.sql")).bind(county).bind(grid).bind(village);
    Ok(query.bind(day).bind(named).fetch_all(on).await?)
}

/// One unit.
///
/// # Errors
/// When the database fails.
pub async fn by_id(on: &mut PgConnection, county: FeatureId, id: FeatureId) -> Result<Option<UnitRow>, DbError> {
    let sql = "SELECT u.id, u.kind::text AS kind, u.name, o.id AS org_id, o.name AS org_name, false AS neighbour
               FROM handling_unit u JOIN party_org o ON o.id = u.lead_org_id WHERE u.county_id = $1 AND u.id = $2";
    Ok(sqlx::query_as(sql).bind(county).bind(id).fetch_optional(on).await?)
}

/// One category, in force or not.
///
/// # Errors
/// When the database fails, or has none of that id.
pub async fn category(on: &mut PgConnection, county: FeatureId, id: FeatureId) -> Result<CategoryRow, DbError> {
    let sql = "SELECT id, code, name, restricted, village_admitted FROM category WHERE county_id = $1 AND id = $2";
    Ok(sqlx::query_as(sql).bind(county).bind(id).fetch_one(on).await?)
}

/// Who could act in some units.
///
/// # Errors
/// When the database fails.
pub async fn people(
    on: &mut PgConnection,
    units: &[FeatureId],
    day: NaiveDate,
    now: DateTime<Utc>,
) -> Result<Vec<PersonRow>, DbError> {
    Ok(sqlx::query_as(include_str!("sql/dispatch_people.sql")).bind(units).bind(day).bind(now).fetch_all(on).await?)
}

/// The categories in force.
///
/// # Errors
/// When the database fails.
pub async fn categories(on: &mut PgConnection, county: FeatureId, day: NaiveDate) -> Result<Vec<CategoryRow>, DbError> {
    let sql = "SELECT id, code, name, restricted, village_admitted FROM category WHERE county_id = $1 AND valid_during @> $2 ORDER BY code";
    Ok(sqlx::query_as(sql).bind(county).bind(day).fetch_all(on).await?)
}

/// The rule of the newest table that fits best: most conditions first. Its columns are NULL where no row
/// fits; nothing when no table was ever published.
///
/// # Errors
/// When the database fails.
pub async fn rule(
    on: &mut PgConnection,
    county: FeatureId,
    category: FeatureId,
    urgency: &str,
    regions: &[FeatureId],
) -> Result<Option<RuleRow>, DbError> {
    let sql =
        "SELECT v.version, v.confident_probability, r.ordinal, r.first_level::text AS first_level, r.first_unit_id,
                      r.assist_unit_ids, r.accept_within_minutes, r.resolve_within_minutes, r.resolve_within_days
               FROM dispatch_rule_version v
               LEFT JOIN dispatch_rule r ON r.county_id = v.county_id AND r.version = v.version
                 AND (r.category_id IS NULL OR r.category_id = $2
                      OR r.category_id = (SELECT parent_id FROM category WHERE id = $2))
                 AND (r.urgency IS NULL OR r.urgency::text = $3)
                 AND (r.region_id IS NULL OR r.region_id = ANY ($4))
               WHERE v.county_id = $1
               ORDER BY v.version DESC, num_nonnulls(r.category_id, r.urgency, r.region_id) DESC,
                        (r.category_id = $2) DESC NULLS LAST, r.ordinal LIMIT 1";
    Ok(sqlx::query_as(sql).bind(county).bind(category).bind(urgency).bind(regions).fetch_optional(on).await?)
}
