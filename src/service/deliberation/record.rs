//! Records what came of an entry; an incident goes back to its owner with it.

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::EntryView;
use super::{waiting, written};
use crate::db::{Request, deliberation};
use crate::domain::deliberation::Outcome;
use crate::domain::{FeatureId, Problem, ProblemKind, Viewer};
use crate::service::incident::act::actor_for;
use crate::service::incident::check::{TEXT_LIMIT, check_text};
use crate::service::incident::facts::Facts;
use crate::service::incident::{deliberate, retried};
use crate::service::{ServiceError, Yitu};

/// What came of it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct OutcomeRecord {
    /// The version that was seen.
    pub expected_version: i32,
    /// `agreed`, `not_agreed` or `withdrawn`.
    pub outcome: Outcome,
    /// What was resolved, or why not; up to 1000 characters.
    #[serde(default)]
    pub resolution: String,
    /// Who records it, where it is not the caller: whoever is on duty does for those who call in.
    #[serde(default)]
    pub actor: Option<String>,
}

/// Records it.
///
/// # Errors
/// `not-in-your-area`, `stale-version`, `deliberation-over`, `too-early`, problems that name the field; a failing database.
pub async fn record(
    yitu: &Yitu,
    viewer: &Viewer,
    id: FeatureId,
    record: OutcomeRecord,
) -> Result<EntryView, ServiceError> {
    let record = checked(record)?;
    actor_for(viewer, record.actor.as_deref())?;
    let now = yitu.clock.now().trunc_subsecs(6);
    retried(|| attempt(yitu, viewer, id, &record, now)).await
}

fn checked(record: OutcomeRecord) -> Result<OutcomeRecord, Problem> {
    if matches!(record.outcome, Outcome::Waiting | Outcome::CarriedOver) {
        return Err(Problem::bad_field(
            "/outcome",
            "议事结果应为 agreed(议定)、not_agreed(未议定)或 withdrawn(撤回);没有议到的请顺延",
            "The outcome is agreed, not_agreed or withdrawn; what was not reached is carried over",
        ));
    }
    let resolution = record.resolution.trim().to_owned();
    if resolution.is_empty() {
        return Err(Problem::bad_field(
            "/resolution",
            "请写明议定了什么,或为何未议定、撤回",
            "Say what was resolved, or why nothing was",
        ));
    }
    check_text("/resolution", &resolution, TEXT_LIMIT)?;
    Ok(OutcomeRecord { resolution, ..record })
}

async fn attempt(
    yitu: &Yitu,
    viewer: &Viewer,
    id: FeatureId,
    record: &OutcomeRecord,
    now: DateTime<Utc>,
) -> Result<EntryView, ServiceError> {
    let county = viewer.county_id();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let (entry, incident) = waiting(yitu, viewer, &mut on, id, record.expected_version).await?;
    let calendar = Facts::within(yitu, viewer, now, &mut on).calendar().await?;
    if record.outcome != Outcome::Withdrawn && calendar.day(now) < entry.day {
        return Err(too_early(entry.day).into());
    }
    deliberation::conclude(&mut on, county, id, record.outcome, &record.resolution).await?;
    if let Some(row) = incident {
        let actor = actor_for(viewer, record.actor.as_deref())?;
        let note = format!("议事结果:{}。{}", record.outcome.zh(), record.resolution);
        deliberate::back_to_work(&mut on, county, &row, (actor, &note), &calendar, now).await?;
    }
    written(on, county, id).await
}

fn too_early(day: NaiveDate) -> Problem {
    Problem::new(
        ProblemKind::Conflict,
        "too-early",
        ("还没有议", "It has not been deliberated yet"),
        (
            format!("此议题列在 {day},到那天才能记录议定或未议定;要取消请撤回。"),
            format!("It is on the agenda of {day}; record an agreement then, or withdraw it."),
        ),
    )
}
