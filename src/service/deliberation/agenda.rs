//! The agenda of a venue on a day.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::room::{coming, days, deliberates, no_venue};
use super::view::{DeliberationVenue, EntryView};
use crate::db::Request;
use crate::db::deliberation::{self, Filter};
use crate::domain::lunar::spoken;
use crate::domain::{FeatureId, Viewer};
use crate::service::incident::facts::Facts;
use crate::service::{ServiceError, Yitu};

/// Whose agenda.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The venue.
    pub venue: FeatureId,
    /// The day; the next one if left out.
    pub day: Option<NaiveDate>,
}

/// What stands on it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Agenda {
    /// The venue.
    pub venue: DeliberationVenue,
    /// The day.
    pub day: NaiveDate,
    /// The day as people say it.
    pub lunar: String,
    /// How many matters a sitting takes.
    pub agenda_limit: i32,
    /// How many more it could take.
    pub room: i64,
    /// What stands on it, in its order; what was taken off too.
    pub items: Vec<EntryView>,
}

/// Tells it.
///
/// # Errors
/// A problem that names `venue` where nobody deliberates there; a failing database.
pub async fn agenda(yitu: &Yitu, viewer: &Viewer, asked: Asked) -> Result<Agenda, ServiceError> {
    let county = viewer.county_id();
    let now = yitu.clock.now();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let venue = deliberation::venue(&mut on, county, asked.venue).await?;
    let venue = venue.filter(deliberates).ok_or_else(|| no_venue("venue", asked.venue))?;
    let today = Facts::within(yitu, viewer, now, &mut on).day().await?;
    let day = asked.day.or_else(|| coming(today).first().copied()).unwrap_or(today);
    let filter = Filter { venue: Some(venue.id), from: Some(day), until: Some(day), ..Filter::default() };
    let rows = deliberation::list(&mut on, county, &filter, None, i64::MAX).await?;
    let (taken, _) = deliberation::taken(&mut on, venue.id, day).await?;
    on.finish().await?;
    let open = days(Some(day), today, today).is_ok();
    let room = if open { (i64::from(venue.agenda_limit) - taken).max(0) } else { 0 };
    let items = rows.into_iter().map(EntryView::from).collect();
    Ok(Agenda { day, lunar: spoken(day), agenda_limit: venue.agenda_limit, room, items, venue: venue.into() })
}
