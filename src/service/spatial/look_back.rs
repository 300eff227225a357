//! The grid and group of a point on another day, or as known at another instant.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::db::{Request, grid_history};
use crate::domain::Viewer;
use crate::geo::LonLat;
use crate::service::incident::plan::calendar;
use crate::service::{ServiceError, Yitu};

/// When a point is asked about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AsOf {
    /// The county's day; today if left out.
    pub day: Option<NaiveDate>,
    /// As known at; now if left out.
    pub known: Option<DateTime<Utc>>,
}

/// Puts the grid and group of then into an answer, with the day and the instant.
///
/// # Errors
/// When the database fails.
pub async fn look_back(
    yitu: &Yitu,
    viewer: &Viewer,
    at: LonLat,
    then: AsOf,
    answer: &mut Value,
) -> Result<(), ServiceError> {
    let (county, now) = (viewer.county_id(), yitu.clock.now());
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let day = match then.day {
        Some(day) => day,
        None => calendar(&mut on, county, now).await?.day(now),
    };
    let known = then.known.unwrap_or(now);
    let grids = grid_history::grids_at(&mut on, county, (at.lon(), at.lat()), day, known).await?;
    on.finish().await?;
    let first = grids.first();
    let shown = |g: &grid_history::GridThen| json!({"id": g.id, "code": g.code, "name": g.name, "kind": g.kind, "probability": 1.0, "version_id": g.version_id});
    answer["grids"] = first.map(shown).into_iter().collect();
    answer["group"] = first.and_then(|g| Some(json!({"org_id": g.org_id?, "name": g.org_name}))).unwrap_or_default();
    answer["as_of"] = json!(day);
    answer["known"] = json!(known);
    Ok(())
}
