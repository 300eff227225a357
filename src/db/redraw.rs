//! Redraws: the one way the geometry of grids changes.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::{FromRow, PgConnection, PgPool};

use super::DbError;
use crate::domain::FeatureId;

/// Something found about a drawn set.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // the columns of redraw_facts.sql
pub struct FactRow {
    pub what: String,
    pub n: Option<i64>,
    pub m: Option<i64>,
    pub area_m2: Option<f64>,
    pub lon: Option<f64>,
    pub lat: Option<f64>,
    pub said: String,
}

/// A general grid in force.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // columns
pub struct GridNow {
    pub id: FeatureId,
    pub name: String,
    pub code: String,
    pub org_id: Option<FeatureId>,
}

/// Households alike in what a redraw does to them.
#[derive(Debug, FromRow)]
pub struct MoveRow {
    /// The grid they are in.
    pub grid_id: Option<FeatureId>,
    /// The outline that covers their door, from 1; 0 for none.
    pub n: i64,
    /// The register, not the door, says their grid.
    pub by_register: bool,
    /// They have a door point.
    pub has_door: bool,
    /// How many.
    pub households: i64,
}

/// A preview to be kept.
#[derive(Debug)]
#[allow(missing_docs)] // columns of the redraw table
pub struct NewRedraw {
    pub village_id: FeatureId,
    pub effective_from: NaiveDate,
    pub plan: Value,
    pub findings: Value,
    pub waivers: Value,
    /// The village's draw count that was seen.
    pub based_on: i64,
}

/// A stored redraw.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // columns of the redraw table
pub struct RedrawRow {
    pub id: FeatureId,
    pub village_id: FeatureId,
    pub effective_from: NaiveDate,
    pub state: String,
    pub plan: Value,
    pub findings: Value,
    pub waivers: Value,
    pub based_on: i64,
    pub version: i32,
}

/// What a drawn set looks like on the ground.
///
/// # Errors
/// When the database fails.
pub async fn facts(
    on: &mut PgConnection,
    outlines: &[Vec<u8>],
    village: FeatureId,
    day: NaiveDate,
) -> Result<Vec<FactRow>, DbError> {
    Ok(sqlx::query_as(include_str!("sql/redraw_facts.sql"))
        .bind(outlines)
        .bind(village)
        .bind(day)
        .fetch_all(on)
        .await?)
}

/// Households by the grid they are in and the outline that covers their door.
///
/// # Errors
/// When the database fails.
pub async fn moves(
    on: &mut PgConnection,
    county: FeatureId,
    village: FeatureId,
    outlines: &[Vec<u8>],
) -> Result<Vec<MoveRow>, DbError> {
    Ok(sqlx::query_as(include_str!("sql/redraw_moves.sql"))
        .bind(county)
        .bind(village)
        .bind(outlines)
        .fetch_all(on)
        .await?)
}

/// Outlines (EWKB) of other villages' general grids in force on a day or later that the drawn ones may touch.
///
/// # Errors
/// When the database fails.
pub async fn around(
    on: &mut PgConnection,
    outlines: &[Vec<u8>],
    village: FeatureId,
    day: NaiveDate,
) -> Result<Vec<Vec<u8>>, DbError> {
    let sql = "SELECT ST_AsEWKB(gv.geom)
               FROM (SELECT ST_Expand(ST_Extent(ST_GeomFromEWKB(e))::geometry, 1e-6) AS area FROM unnest($1::bytea[]) e) drawn
               JOIN grid_version gv ON gv.geom && ST_SetSRID(drawn.area, 4490)
                 AND upper_inf(gv.recorded_during) AND gv.valid_during && daterange($3, NULL)
               JOIN grid g ON g.id = gv.grid_id AND g.kind = 'general' AND g.village_id <> $2
               ORDER BY gv.id";
    Ok(sqlx::query_scalar(sql).bind(outlines).bind(village).bind(day).fetch_all(on).await?)
}

/// The last effective day after `day` of a redraw of the village that is published and waits.
///
/// # Errors
/// When the database fails.
pub async fn waiting_after(
    on: &mut PgConnection,
    village: FeatureId,
    day: NaiveDate,
) -> Result<Option<NaiveDate>, DbError> {
    let sql =
        "SELECT max(effective_from) FROM redraw WHERE village_id = $1 AND state = 'published' AND effective_from > $2";
    Ok(sqlx::query_scalar(sql).bind(village).bind(day).fetch_one(on).await?)
}

/// Those of some grid codes that are or were given.
///
/// # Errors
/// When the database fails.
pub async fn codes_given(on: &mut PgConnection, county: FeatureId, codes: &[String]) -> Result<Vec<String>, DbError> {
    let sql = "SELECT code FROM code_alias WHERE county_id = $1 AND scheme = 'grid' AND code = ANY ($2) ORDER BY code";
    Ok(sqlx::query_scalar(sql).bind(county).bind(codes).fetch_all(on).await?)
}

/// The grid groups of a village.
///
/// # Errors
/// When the database fails.
pub async fn grid_groups(on: &mut PgConnection, village: FeatureId) -> Result<Vec<FeatureId>, DbError> {
    let sql = "SELECT id FROM party_org WHERE region_id = $1 AND kind = 'grid_group' ORDER BY id";
    Ok(sqlx::query_scalar(sql).bind(village).fetch_all(on).await?)
}

/// (grid in force, outline, shared m²).
///
/// # Errors
/// When the database fails.
pub async fn lineage(
    on: &mut PgConnection,
    outlines: &[Vec<u8>],
    village: FeatureId,
    day: NaiveDate,
) -> Result<Vec<(i64, i64, f64)>, DbError> {
    Ok(sqlx::query_as(include_str!("sql/redraw_lineage.sql"))
        .bind(outlines)
        .bind(village)
        .bind(day)
        .fetch_all(on)
        .await?)
}

/// The general grids of a village in force on a day.
///
/// # Errors
/// When the database fails.
pub async fn grids_now(on: &mut PgConnection, village: FeatureId, day: NaiveDate) -> Result<Vec<GridNow>, DbError> {
    let sql = "SELECT g.id, gv.name, coalesce(code_today(g.id, 'grid', $2), '') AS code, gr.org_id
               FROM grid g JOIN grid_version gv ON gv.grid_id = g.id AND gv.valid_during @> $2 AND upper_inf(gv.recorded_during)
               LEFT JOIN grid_responsibility gr ON gr.grid_id = g.id AND gr.valid_during @> $2
               WHERE g.village_id = $1 AND g.kind = 'general' ORDER BY g.id";
    Ok(sqlx::query_as(sql).bind(village).bind(day).fetch_all(on).await?)
}

/// How often the village has been drawn.
///
/// # Errors
/// When the database fails.
pub async fn draw_count(on: &mut PgConnection, village: FeatureId) -> Result<i64, DbError> {
    let count: Option<i64> = sqlx::query_scalar("SELECT draw_count FROM village_draw_turn WHERE village_id = $1")
        .bind(village)
        .fetch_optional(on)
        .await?;
    Ok(count.unwrap_or(0))
}

/// Takes the county's and the village's turn until the end of the transaction, in the order of `take_draw_turn`, and
/// answers how often the village had been drawn.
///
/// # Errors
/// When the database fails.
pub async fn take_turn(on: &mut PgConnection, county: FeatureId, village: FeatureId) -> Result<i64, DbError> {
    sqlx::query("SELECT take_county_draw_turn($1)").bind(county).execute(&mut *on).await?;
    let sql = "INSERT INTO village_draw_turn (village_id) VALUES ($1)
               ON CONFLICT (village_id) DO UPDATE SET draw_count = village_draw_turn.draw_count + 1 RETURNING draw_count - 1";
    Ok(sqlx::query_scalar(sql).bind(village).fetch_one(on).await?)
}

/// Keeps a preview.
///
/// # Errors
/// When the database fails.
pub async fn insert(
    on: &mut PgConnection,
    county: FeatureId,
    new: &NewRedraw,
    by: &str,
) -> Result<(FeatureId, i32), DbError> {
    let sql =
        "INSERT INTO redraw (county_id, village_id, effective_from, plan, findings, waivers, based_on, created_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id, version";
    let query = sqlx::query_as(sql).bind(county).bind(new.village_id).bind(new.effective_from);
    let query = query.bind(&new.plan).bind(&new.findings).bind(&new.waivers).bind(new.based_on).bind(by);
    Ok(query.fetch_one(on).await?)
}

/// A redraw, locked.
///
/// # Errors
/// When the database fails.
pub async fn lock(on: &mut PgConnection, county: FeatureId, id: FeatureId) -> Result<Option<RedrawRow>, DbError> {
    let sql = "SELECT id, village_id, effective_from, state::text AS state, plan, findings, waivers, based_on, version
               FROM redraw WHERE county_id = $1 AND id = $2 FOR UPDATE";
    Ok(sqlx::query_as(sql).bind(county).bind(id).fetch_optional(on).await?)
}

/// Ends the general grids of a village as of a day: what was recorded is closed now, and the same with its
/// validity cut short is recorded beside it, so that the past as it was known replays.
///
/// # Errors
/// When the database fails.
pub async fn end_versions(
    on: &mut PgConnection,
    village: FeatureId,
    day: NaiveDate,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let close = "UPDATE grid_version gv SET recorded_during = tstzrange(lower(recorded_during), greatest($3, lower(recorded_during) + interval '1 microsecond'))
                 FROM grid g WHERE g.id = gv.grid_id AND g.village_id = $1 AND g.kind = 'general'
                   AND upper_inf(gv.recorded_during) AND gv.valid_during && daterange($2, NULL)
                 RETURNING gv.id";
    let closed: Vec<FeatureId> =
        sqlx::query_scalar(close).bind(village).bind(day).bind(now).fetch_all(&mut *on).await?;
    let shorten = "INSERT INTO grid_version (county_id, grid_id, name, geom, valid_during, recorded_during, redraw_id)
                   SELECT county_id, grid_id, name, geom, valid_during * daterange(NULL, $2), tstzrange(upper(recorded_during), NULL), redraw_id
                   FROM grid_version WHERE id = ANY ($1) AND NOT isempty(valid_during * daterange(NULL, $2))";
    sqlx::query(shorten).bind(&closed).bind(day).execute(on).await?;
    Ok(())
}

/// A new general grid's identity.
///
/// # Errors
/// When the database fails.
pub async fn new_grid(on: &mut PgConnection, county: FeatureId, village: FeatureId) -> Result<FeatureId, DbError> {
    let sql = "INSERT INTO grid (county_id, village_id, kind) VALUES ($1, $2, 'general') RETURNING id";
    Ok(sqlx::query_scalar(sql).bind(county).bind(village).fetch_one(on).await?)
}

/// The next free grid code of a village: its division code and three digits, never one used before.
///
/// # Errors
/// When the database fails.
pub async fn next_code(
    on: &mut PgConnection,
    county: FeatureId,
    village: FeatureId,
    day: NaiveDate,
) -> Result<String, DbError> {
    let sql = "SELECT p.code || lpad((1 + coalesce(max(right(a.code, 3)::integer) FILTER (WHERE right(a.code, 3) < '900'), 0))::text, 3, '0')
               FROM (SELECT coalesce(code_today($2, 'division', $3), $2::text) AS code) p
               LEFT JOIN code_alias a ON a.county_id = $1 AND a.scheme = 'grid' AND left(a.code, length(p.code)) = p.code
                 AND length(a.code) = length(p.code) + 3 AND right(a.code, 3) ~ '^[0-9]{3}$'
               GROUP BY p.code";
    Ok(sqlx::query_scalar(sql).bind(county).bind(village).bind(day).fetch_one(on).await?)
}

/// Gives a grid its code from a day on. False when the code is or was another's.
///
/// # Errors
/// When the database fails.
pub async fn give_code(
    on: &mut PgConnection,
    county: FeatureId,
    grid: FeatureId,
    code: &str,
    day: NaiveDate,
) -> Result<bool, DbError> {
    let sql = "INSERT INTO code_alias (county_id, scheme, code, layer, feature_id, valid_during)
               VALUES ($1, 'grid', $3, 'grid', $2, daterange($4, NULL)) ON CONFLICT DO NOTHING";
    Ok(sqlx::query(sql).bind(county).bind(grid).bind(code).bind(day).execute(on).await?.rows_affected() == 1)
}

/// A grid's outline and name from a day on.
///
/// # Errors
/// When the database fails, or a deferred rule refuses it at commit.
#[allow(clippy::too_many_arguments)] // the columns of one row
pub async fn put_version(
    on: &mut PgConnection,
    county: FeatureId,
    grid: FeatureId,
    name: &str,
    outline: &[u8],
    day: NaiveDate,
    now: DateTime<Utc>,
    redraw: FeatureId,
) -> Result<(), DbError> {
    // Never before what has just been closed, should the clock stand behind the records.
    let sql = "INSERT INTO grid_version (county_id, grid_id, name, geom, valid_during, recorded_during, redraw_id)
               SELECT $1, $2, $3, ST_Multi(ST_GeomFromEWKB($4)), daterange($5, NULL),
                      tstzrange(greatest($6, (SELECT max(upper(recorded_during)) FROM grid_version WHERE grid_id = $2)), NULL), $7";
    let query = sqlx::query(sql).bind(county).bind(grid).bind(name).bind(outline).bind(day);
    query.bind(now).bind(redraw).execute(on).await?;
    Ok(())
}

/// Makes a group, if one is known, responsible for a grid from a day on.
///
/// # Errors
/// When the database fails.
pub async fn make_responsible(
    on: &mut PgConnection,
    county: FeatureId,
    grid: FeatureId,
    org: Option<FeatureId>,
    day: NaiveDate,
) -> Result<(), DbError> {
    let Some(org) = org else { return Ok(()) };
    let sql = "INSERT INTO grid_responsibility (county_id, grid_id, org_id, valid_during) VALUES ($1, $2, $3, daterange($4, NULL))";
    sqlx::query(sql).bind(county).bind(grid).bind(org).bind(day).execute(on).await?;
    Ok(())
}

/// Ends whose a grid is, from a day on.
///
/// # Errors
/// When the database fails.
pub async fn end_responsibility(on: &mut PgConnection, grid: FeatureId, day: NaiveDate) -> Result<(), DbError> {
    // What would have begun on that day or later never applied.
    sqlx::query("DELETE FROM grid_responsibility WHERE grid_id = $1 AND lower(valid_during) >= $2")
        .bind(grid)
        .bind(day)
        .execute(&mut *on)
        .await?;
    sqlx::query(
        "UPDATE grid_responsibility SET valid_during = valid_during * daterange(NULL, $2)
         WHERE grid_id = $1 AND valid_during && daterange($2, NULL)",
    )
    .bind(grid)
    .bind(day)
    .execute(on)
    .await?;
    Ok(())
}

/// Ends the code and responsibility of a grid that is no longer drawn. A code that would begin on that day or later
/// stays its own: codes are never given to another.
///
/// # Errors
/// When the database fails.
pub async fn end_grid(on: &mut PgConnection, grid: FeatureId, day: NaiveDate) -> Result<(), DbError> {
    let sql = "UPDATE code_alias SET valid_during = valid_during * daterange(NULL, $2)
               WHERE feature_id = $1 AND scheme = 'grid' AND valid_during && daterange($2, NULL)
                 AND NOT isempty(valid_during * daterange(NULL, $2))";
    sqlx::query(sql).bind(grid).bind(day).execute(&mut *on).await?;
    end_responsibility(on, grid, day).await
}

/// Records that a grid came from another.
///
/// # Errors
/// When the database fails.
pub async fn put_lineage(
    on: &mut PgConnection,
    county: FeatureId,
    from: FeatureId,
    to: FeatureId,
    redraw: FeatureId,
    kind: &str,
) -> Result<(), DbError> {
    let sql = "INSERT INTO grid_lineage (county_id, from_grid_id, to_grid_id, redraw_id, kind) VALUES ($1, $2, $3, $4, $5::lineage_kind)";
    sqlx::query(sql).bind(county).bind(from).bind(to).bind(redraw).bind(kind).execute(on).await?;
    Ok(())
}

/// Puts a redraw in force on the map: households follow, every grid of the village is in the change log.
/// Answers how many households moved.
///
/// # Errors
/// When the database fails.
pub async fn activate(
    on: &mut PgConnection,
    county: FeatureId,
    village: FeatureId,
    day: NaiveDate,
) -> Result<u64, DbError> {
    let moved = sqlx::query(include_str!("sql/redraw_regrid.sql"))
        .bind(county)
        .bind(village)
        .bind(day)
        .execute(&mut *on)
        .await?;
    sqlx::query("UPDATE grid SET kind = kind WHERE village_id = $1 AND kind = 'general'")
        .bind(village)
        .execute(on)
        .await?;
    Ok(moved.rows_affected())
}

/// Moves a redraw on; published, and active too when it applies from today.
///
/// # Errors
/// When the database fails.
pub async fn set_state(on: &mut PgConnection, id: FeatureId, state: &str, now: DateTime<Utc>) -> Result<i32, DbError> {
    let sql = "UPDATE redraw SET state = $2::redraw_state, published_at = coalesce(published_at, $3),
                 activated_at = CASE WHEN $2 = 'active' THEN $3 END WHERE id = $1 RETURNING version";
    Ok(sqlx::query_scalar(sql).bind(id).bind(state).bind(now).fetch_one(on).await?)
}

/// Activates, by the system's login, the published redraws whose day has come in their county; each in its
/// own transaction. Answers how many.
///
/// # Errors
/// When the database fails.
pub async fn activate_due(system: &PgPool, now: DateTime<Utc>) -> Result<usize, DbError> {
    let due = "SELECT id, county_id, village_id, effective_from FROM redraw
               WHERE state = 'published' AND effective_from <= county_day(county_id, $1) ORDER BY effective_from, id LIMIT 1 FOR UPDATE SKIP LOCKED";
    let mut done = 0;
    loop {
        let mut transaction = super::begin(system).await?;
        let next: Option<(i64, i64, i64, NaiveDate)> =
            sqlx::query_as(due).bind(now).fetch_optional(&mut *transaction).await?;
        let Some((id, county, village, day)) = next else { return Ok(done) };
        // Not beside somebody who draws and moves the same households.
        sqlx::query("SELECT take_county_draw_turn($1)").bind(county).execute(&mut *transaction).await?;
        activate(&mut transaction, county, village, day).await?;
        set_state(&mut transaction, id, "active", now).await?;
        transaction.commit().await?;
        done += 1;
    }
}
