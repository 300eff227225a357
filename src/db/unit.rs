//! What a dispatch is decided from: units, people, rules, the calendar.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{FromRow, PgConnection, PgPool};

use super::DbError;
use crate::domain::FeatureId;

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
#[derive(Debug, Clone, FromRow)]
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
    /// When they are on duty in the hours asked for: where each turn begins.
    pub duty_from: Vec<DateTime<Utc>>,
    /// And where it ends.
    pub duty_to: Vec<DateTime<Utc>>,
}

/// A row of the rule table with its version's setting.
#[derive(Debug, Clone, FromRow)]
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
    /// The village's cluster may be called to help.
    pub cluster_helps: Option<bool>,
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
#[derive(Debug, Clone, FromRow)]
#[allow(clippy::struct_excessive_bools)] // the columns of the table
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
    /// A report should come with a photo.
    pub photo_needed: bool,
    /// Handed to the townships by a document.
    pub township_delegated: bool,
    /// The department the law names, where the county has such a unit.
    pub lawful_department: Option<FeatureId>,
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

/// The county that is loaded; of several, the oldest.
///
/// # Errors
/// When the database fails.
pub async fn county(system: &PgPool) -> Result<Option<FeatureId>, DbError> {
    let sql = "SELECT min(id) FROM region WHERE level = 'county'";
    Ok(sqlx::query_scalar(sql).fetch_one(system).await?)
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

/// Units by a part of their name, their kind and the region they lie in, the highest first.
///
/// # Errors
/// When the database fails.
pub async fn find(
    on: &mut PgConnection,
    county: FeatureId,
    (named, kind, region): (Option<&str>, Option<&str>, Option<FeatureId>),
    limit: i64,
) -> Result<Vec<UnitRow>, DbError> {
    let sql = "SELECT u.id, u.kind::text AS kind, u.name, o.id AS org_id, o.name AS org_name, false AS neighbour
               FROM handling_unit u JOIN party_org o ON o.id = u.lead_org_id
               WHERE u.county_id = $1 AND ($2::text IS NULL OR position($2 IN u.name) > 0)
                 AND ($3::text IS NULL OR u.kind::text = $3)
                 AND ($4::bigint IS NULL OR $4 = $1 OR u.region_id IN (SELECT id FROM region WHERE id = $4 OR parent_id = $4))
               ORDER BY u.kind DESC, u.name, u.id LIMIT $5";
    Ok(sqlx::query_as(sql).bind(county).bind(named).bind(kind).bind(region).bind(limit).fetch_all(on).await?)
}

/// One category, in force or not.
///
/// # Errors
/// When the database fails, or has none of that id.
pub async fn category(on: &mut PgConnection, county: FeatureId, id: FeatureId) -> Result<CategoryRow, DbError> {
    const SQL: &str = concat!(include_str!("sql/category_select.sql"), " WHERE c.county_id = $1 AND c.id = $2");
    Ok(sqlx::query_as(SQL).bind(county).bind(id).fetch_one(on).await?)
}

/// Who could act in some units on a day, with their turns of duty between two instants.
///
/// # Errors
/// When the database fails.
pub async fn people(
    on: &mut PgConnection,
    units: &[FeatureId],
    day: NaiveDate,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<PersonRow>, DbError> {
    let query = sqlx::query_as(include_str!("sql/dispatch_people.sql")).bind(units).bind(day);
    Ok(query.bind(from).bind(to).fetch_all(on).await?)
}

/// How many open matters each person answers for.
///
/// # Errors
/// When the database fails.
pub async fn loads(on: &mut PgConnection, county: FeatureId) -> Result<Vec<(FeatureId, i64)>, DbError> {
    let sql = "SELECT responder_id, count(*) FROM assignment
               WHERE county_id = $1 AND role = 'owner' AND ended_at IS NULL AND responder_id IS NOT NULL GROUP BY responder_id";
    Ok(sqlx::query_as(sql).bind(county).fetch_all(on).await?)
}

/// A party organisation's unit in a village's cluster, with the cluster's name.
#[derive(Debug, FromRow)]
pub struct ClusterUnitRow {
    /// Name of the cluster's committee, or its own.
    pub cluster_name: String,
    /// The unit.
    #[sqlx(flatten)]
    pub unit: UnitRow,
}

/// The units a village's cluster can send, the nearest first.
///
/// # Errors
/// When the database fails.
pub async fn cluster(
    on: &mut PgConnection,
    county: FeatureId,
    village: FeatureId,
    day: NaiveDate,
) -> Result<Vec<ClusterUnitRow>, DbError> {
    let query = sqlx::query_as(include_str!("sql/dispatch_cluster.sql")).bind(county).bind(village);
    Ok(query.bind(day).fetch_all(on).await?)
}

/// The categories in force.
///
/// # Errors
/// When the database fails.
pub async fn categories(on: &mut PgConnection, county: FeatureId, day: NaiveDate) -> Result<Vec<CategoryRow>, DbError> {
    const SQL: &str = concat!(
        include_str!("sql/category_select.sql"),
        " WHERE c.county_id = $1 AND c.valid_during @> $2 ORDER BY c.code"
    );
    Ok(sqlx::query_as(SQL).bind(county).bind(day).fetch_all(on).await?)
}

/// The rule of the newest table, or of the version named, that fits best: most conditions first. Its columns are NULL
/// where no row fits; nothing when there is no such table.
///
/// # Errors
/// When the database fails.
pub async fn rule(
    on: &mut PgConnection,
    county: FeatureId,
    category: FeatureId,
    urgency: &str,
    regions: &[FeatureId],
    version: Option<i32>,
) -> Result<Option<RuleRow>, DbError> {
    let sql =
        "SELECT v.version, v.confident_probability, r.ordinal, r.first_level::text AS first_level, r.first_unit_id,
                      r.assist_unit_ids, r.cluster_helps, r.accept_within_minutes, r.resolve_within_minutes, r.resolve_within_days
               FROM dispatch_rule_version v
               LEFT JOIN dispatch_rule r ON r.county_id = v.county_id AND r.version = v.version
                 AND (r.category_id IS NULL OR r.category_id = $2
                      OR r.category_id = (SELECT parent_id FROM category WHERE id = $2))
                 AND (r.urgency IS NULL OR r.urgency::text = $3)
                 AND (r.region_id IS NULL OR r.region_id = ANY ($4))
               WHERE v.county_id = $1 AND ($5::integer IS NULL OR v.version = $5)
               ORDER BY v.version DESC, num_nonnulls(r.category_id, r.urgency, r.region_id) DESC,
                        (r.category_id = $2) DESC NULLS LAST, r.ordinal LIMIT 1";
    let query = sqlx::query_as(sql).bind(county).bind(category).bind(urgency).bind(regions).bind(version);
    Ok(query.fetch_optional(on).await?)
}
