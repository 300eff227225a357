//! Grids on a day, as known at an instant.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{FromRow, PgConnection};

use super::DbError;
use crate::domain::FeatureId;

/// A version of a grid as it was known.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // columns
pub struct VersionRow {
    pub version_id: FeatureId,
    pub name: String,
    pub valid_from: Option<NaiveDate>,
    pub valid_to: Option<NaiveDate>,
    pub recorded_from: Option<DateTime<Utc>>,
    pub recorded_to: Option<DateTime<Utc>>,
    pub org_id: Option<FeatureId>,
    pub org_name: Option<String>,
    pub geometry: String,
}

/// A grid a point lay in.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // columns
pub struct GridThen {
    pub id: FeatureId,
    pub version_id: FeatureId,
    pub code: Option<String>,
    pub name: String,
    pub kind: String,
    pub org_id: Option<FeatureId>,
    pub org_name: Option<String>,
}

/// What was known at an instant of a grid on a day: its version and who was responsible.
///
/// # Errors
/// When the database fails.
pub async fn version_on(
    on: &mut PgConnection,
    county: FeatureId,
    grid: FeatureId,
    day: NaiveDate,
    known: DateTime<Utc>,
) -> Result<Option<VersionRow>, DbError> {
    let sql =
        "SELECT gv.id AS version_id, gv.name, lower(gv.valid_during) AS valid_from, upper(gv.valid_during) AS valid_to,
                      lower(gv.recorded_during) AS recorded_from, upper(gv.recorded_during) AS recorded_to,
                      o.id AS org_id, o.name AS org_name, ST_AsGeoJSON(gv.geom, 8) AS geometry
               FROM grid_version gv
               LEFT JOIN grid_responsibility gr ON gr.grid_id = gv.grid_id AND gr.valid_during @> $3
               LEFT JOIN party_org o ON o.id = gr.org_id
               WHERE gv.county_id = $1 AND gv.grid_id = $2 AND gv.valid_during @> $3 AND gv.recorded_during @> $4";
    Ok(sqlx::query_as(sql).bind(county).bind(grid).bind(day).bind(known).fetch_optional(on).await?)
}

/// The grids that covered a point (degrees, EPSG:4490) on a day as known at an instant: dedicated before general,
/// then by id.
///
/// # Errors
/// When the database fails.
pub async fn grids_at(
    on: &mut PgConnection,
    county: FeatureId,
    (lon, lat): (f64, f64),
    day: NaiveDate,
    known: DateTime<Utc>,
) -> Result<Vec<GridThen>, DbError> {
    let sql = "SELECT g.id, gv.id AS version_id, code_today(g.id, 'grid', $4) AS code, gv.name, g.kind::text AS kind,
                      o.id AS org_id, o.name AS org_name
               FROM grid_version gv JOIN grid g ON g.id = gv.grid_id
               LEFT JOIN grid_responsibility gr ON gr.grid_id = g.id AND gr.valid_during @> $4
               LEFT JOIN party_org o ON o.id = gr.org_id
               WHERE gv.county_id = $1 AND gv.valid_during @> $4 AND gv.recorded_during @> $5
                 AND ST_Covers(gv.geom, ST_SetSRID(ST_MakePoint($2, $3), 4490))
               ORDER BY g.kind = 'dedicated' DESC, g.id";
    Ok(sqlx::query_as(sql).bind(county).bind(lon).bind(lat).bind(day).bind(known).fetch_all(on).await?)
}
