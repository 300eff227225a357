//! The grid and group of a point on another day, or as known at another instant.

use chrono::{DateTime, NaiveDate, Utc};

use super::place::{Grid, Group, Place};
use crate::db::{Request, grid_history};
use crate::domain::Viewer;
use crate::geo::LonLat;
use crate::service::incident::facts::calendar;
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
    answer: &mut Place,
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
    let first = grids.into_iter().next();
    answer.group = first
        .as_ref()
        .and_then(|g| Some(Group { org_id: g.org_id?, name: g.org_name.clone().unwrap_or_default().into() }));
    answer.grids = first.into_iter().map(of_then).collect();
    (answer.as_of, answer.known) = (Some(day), Some(known));
    Ok(())
}

fn of_then(grid: grid_history::GridThen) -> Grid {
    Grid {
        id: grid.id,
        code: grid.code.unwrap_or_default().into(),
        name: grid.name.into(),
        kind: grid.kind.into(),
        probability: 1.0,
        version_id: Some(grid.version_id),
    }
}
