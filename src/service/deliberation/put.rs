//! Puts a topic on an agenda.

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::EntryView;
use super::{checked_topic, room, written};
use crate::db::Request;
use crate::domain::incident::Action;
use crate::domain::{FeatureId, Problem, Viewer};
use crate::service::incident::act::{Act, act, actor_for};
use crate::service::incident::facts::Facts;
use crate::service::incident::retried;
use crate::service::{ServiceError, Yitu, area};

/// What is put on an agenda.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct NewTopic {
    /// Where; may be left out for an incident, which then goes to the nearest venue with room.
    #[serde(default)]
    pub venue_id: Option<FeatureId>,
    /// A lunar 5th, 15th or 25th; the next one with room if left out.
    #[serde(default)]
    pub day: Option<NaiveDate>,
    /// What it is about, up to 200 characters; may be left out for an incident.
    #[serde(default)]
    pub topic: String,
    /// The incident it is about: the same as its action `deliberate`.
    #[serde(default)]
    pub incident_id: Option<Uuid>,
    /// The version of the incident that was seen.
    #[serde(default)]
    pub expected_version: Option<i32>,
    /// Who acts, where it is not the caller: whoever is on duty does for those who call in.
    #[serde(default)]
    pub actor: Option<String>,
}

/// Puts it there.
///
/// # Errors
/// `not-in-your-area`; problems that name the field; that the agenda is full; a failing database.
pub async fn put(yitu: &Yitu, viewer: &Viewer, new: NewTopic) -> Result<EntryView, ServiceError> {
    if let Some(id) = new.incident_id {
        let step = Act {
            action: Action::Deliberate.code().to_owned(),
            expected_version: new.expected_version,
            venue_id: new.venue_id,
            day: new.day,
            topic: new.topic,
            actor: new.actor,
            ..Act::default()
        };
        let view = act(yitu, viewer, id, step, None).await?;
        let entry =
            view.deliberation.ok_or_else(|| ServiceError::Internal(format!("incident {id} is on no agenda")))?;
        return Ok(EntryView { seq: view.seq, ..entry });
    }
    actor_for(viewer, new.actor.as_deref())?;
    let now = yitu.clock.now().trunc_subsecs(6);
    retried(|| attempt(yitu, viewer, &new, now)).await
}

async fn attempt(yitu: &Yitu, viewer: &Viewer, new: &NewTopic, now: DateTime<Utc>) -> Result<EntryView, ServiceError> {
    let topic = checked_topic(&new.topic)?;
    let venue = new.venue_id.ok_or_else(|| {
        Problem::bad_field("/venue_id", "请写明在哪一处议事(阵地编号)", "Name the venue where it is to be deliberated")
    })?;
    let county = viewer.county_id();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let today = Facts::within(yitu, viewer, now, &mut on).day().await?;
    let days = room::days(new.day, room::after_notice(today), today)?;
    let room = room::at(&mut on, county, venue, &days).await?;
    if !area::reaches(yitu, viewer, room.venue.village_id) {
        return Err(area::not_theirs(yitu, Some("/venue_id"), room.venue.village_id).into());
    }
    let id = room::enter(&mut on, county, &room, (topic, None), None).await?;
    written(on, county, id).await
}
