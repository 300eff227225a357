//! Carries what was not reached over to the venue's next day.

use chrono::{DateTime, SubsecRound, Utc};
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::EntryView;
use super::{may_be_carried_over, room, waiting, written};
use crate::db::Request;
use crate::domain::{FeatureId, Viewer};
use crate::service::incident::act::actor_for;
use crate::service::incident::facts::Facts;
use crate::service::incident::{deliberate, retried};
use crate::service::{ServiceError, Yitu};

/// What is carried over.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct CarryOver {
    /// The version that was seen.
    pub expected_version: i32,
    /// Who acts, where it is not the caller: whoever is on duty does for those who call in.
    #[serde(default)]
    pub actor: Option<String>,
}

/// Carries it over; answers where it stands now.
///
/// # Errors
/// `not-in-your-area`, `stale-version`, `deliberation-over`, `carried-over-too-often`, `agenda-full`; a failing database.
pub async fn carry_over(
    yitu: &Yitu,
    viewer: &Viewer,
    id: FeatureId,
    body: CarryOver,
) -> Result<EntryView, ServiceError> {
    actor_for(viewer, body.actor.as_deref())?;
    let now = yitu.clock.now().trunc_subsecs(6);
    retried(|| attempt(yitu, viewer, id, &body, now)).await
}

async fn attempt(
    yitu: &Yitu,
    viewer: &Viewer,
    id: FeatureId,
    body: &CarryOver,
    now: DateTime<Utc>,
) -> Result<EntryView, ServiceError> {
    let county = viewer.county_id();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let (entry, incident) = waiting(yitu, viewer, &mut on, id, body.expected_version).await?;
    may_be_carried_over(&entry)?;
    let calendar = Facts::within(yitu, viewer, now, &mut on).calendar().await?;
    let room = room::at(&mut on, county, entry.venue_id, &room::after(&entry, calendar.day(now))).await?;
    let id = match incident {
        Some(row) => {
            let actor = actor_for(viewer, body.actor.as_deref())?;
            deliberate::carry(&mut on, county, &row, (actor, &entry), &room, &calendar, now).await?
        }
        None => room::enter(&mut on, county, &room, (&entry.topic, None), Some(&entry)).await?,
    };
    written(on, county, id).await
}
