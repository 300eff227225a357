//! Matters near a place, to be compared with a report.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::DbError;
use crate::domain::FeatureId;

/// Cells of one degree each way; as in the column `incident.cell`.
const PER_DEGREE: f64 = 400.0;

/// A matter, as far as it is compared and offered.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // the columns of the incident table and its category's
pub struct NearRow {
    pub id: Uuid,
    pub number: i64,
    pub state: String,
    pub category_id: FeatureId,
    pub head_id: Option<FeatureId>,
    pub category: String,
    pub category_name: String,
    pub restricted: bool,
    pub description: String,
    pub location_source: String,
    pub lon: Option<f64>,
    pub lat: Option<f64>,
    pub accuracy_m: Option<f64>,
    pub confidence: Option<f64>,
    pub reported_at: DateTime<Utc>,
    pub village_name: Option<String>,
}

/// What is looked for.
#[derive(Debug)]
pub struct Near {
    /// West, south, east, north; degrees.
    pub bounds: [f64; 4],
    /// Of the categories that share a head with this one.
    pub category_id: FeatureId,
    /// Received since.
    pub since: DateTime<Utc>,
    /// Open, or closed since.
    pub closed_since: DateTime<Utc>,
    /// But not this one.
    pub except: Uuid,
}

/// One matter.
///
/// # Errors
/// When the database fails.
pub async fn find(on: &mut PgConnection, county: FeatureId, id: Uuid) -> Result<Option<NearRow>, DbError> {
    const SQL: &str = concat!(include_str!("sql/duplicate_select.sql"), " WHERE i.county_id = $1 AND i.id = $2");
    Ok(sqlx::query_as(SQL).bind(county).bind(id).fetch_optional(on).await?)
}

/// Matters near a place that are open or closed lately, never restricted ones, cancelled or merged ones.
///
/// # Errors
/// When the database fails.
pub async fn near(on: &mut PgConnection, county: FeatureId, near: &Near) -> Result<Vec<NearRow>, DbError> {
    const SQL: &str = concat!(include_str!("sql/duplicate_select.sql"), include_str!("sql/duplicate_near.sql"));
    let [west, south, east, north] = near.bounds;
    let query = sqlx::query_as(SQL).bind(county).bind(cells(near.bounds)).bind(near.since).bind(near.closed_since);
    let query = query.bind(near.category_id).bind(near.except).bind(west).bind(south).bind(east).bind(north);
    Ok(query.fetch_all(on).await?)
}

/// The cells that a box meets.
fn cells([west, south, east, north]: [f64; 4]) -> Vec<i64> {
    let cell = |degrees: f64| (degrees * PER_DEGREE).floor() as i64;
    let columns = cell(west)..=cell(east);
    columns.flat_map(|x| (cell(south)..=cell(north)).map(move |y| x * 100_000 + y)).collect()
}
