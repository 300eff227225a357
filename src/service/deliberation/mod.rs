//! Deliberations 逢五说事: agendas, what is put on them, what comes of it.

pub mod agenda;
pub mod carry_over;
pub mod days;
pub mod edit;
pub mod list;
pub mod put;
pub mod record;
pub mod room;
pub mod view;

use crate::db::deliberation::{self, EntryRow};
use crate::db::incident::{self, IncidentRow};
use crate::db::{DbError, Request};
use crate::domain::deliberation::{MOST_CARRIED_OVER, Outcome};
use crate::domain::{FeatureId, Problem, ProblemKind, Viewer};
use crate::service::deliberation::view::EntryView;
use crate::service::incident::check::check_text;
use crate::service::{ServiceError, Yitu, area};

/// Longest topic, characters.
const TOPIC_LIMIT: usize = 200;

/// What came of an entry, as stored.
///
/// # Errors
/// When the database holds an outcome that does not exist.
pub fn outcome(entry: &EntryRow) -> Result<Outcome, DbError> {
    Outcome::from_code(&entry.outcome).ok_or_else(|| DbError::Stored(format!("outcome {}", entry.outcome)))
}

/// A waiting entry under its lock, with the incident it is about under its own; both are the writer's to write.
async fn waiting(
    yitu: &Yitu,
    viewer: &Viewer,
    on: &mut Request,
    id: FeatureId,
    expected: i32,
) -> Result<(EntryRow, Option<IncidentRow>), ServiceError> {
    let county = viewer.county_id();
    let missing = || Problem::not_found(("议题", "deliberation"), id);
    let found = deliberation::find(on, county, id).await?.ok_or_else(missing)?;
    if !area::reaches(yitu, viewer, found.village_id) {
        return Err(area::not_theirs(yitu, None, found.village_id).into());
    }
    // The incident first, as every step of an incident does.
    let incident = match found.incident_id {
        Some(incident_id) => {
            incident::lock(on, county, incident_id).await?;
            // Without it the entry would be over, and the incident wait for good.
            Some(incident::find(on, county, incident_id).await?.ok_or_else(hidden)?)
        }
        None => None,
    };
    deliberation::lock(on, county, id).await?;
    let entry = deliberation::find(on, county, id).await?.ok_or_else(missing)?;
    if entry.version != expected {
        return Err(stale(&entry, expected).into());
    }
    match outcome(&entry)? {
        Outcome::Waiting => Ok((entry, incident)),
        done => Err(over(done).into()),
    }
}

/// Whether an entry may be carried over once more.
///
/// # Errors
/// The problem that it may not.
pub fn may_be_carried_over(entry: &EntryRow) -> Result<(), Problem> {
    if entry.carried_over_count < MOST_CARRIED_OVER {
        return Ok(());
    }
    Err(Problem::new(
        ProblemKind::Conflict,
        "carried-over-too-often",
        ("不能再顺延", "Carried over too often"),
        (
            format!("此件已顺延 {MOST_CARRIED_OVER} 次,不能再顺延;请记录议事结果,或撤回。"),
            format!("It was carried over {MOST_CARRIED_OVER} times; record what came of it, or withdraw it."),
        ),
    ))
}

/// A topic in good form, trimmed.
///
/// # Errors
/// A problem that names it.
pub fn checked_topic(topic: &str) -> Result<&str, Problem> {
    let topic = topic.trim();
    if topic.is_empty() {
        return Err(Problem::bad_field("/topic", "请写明议什么", "Say what is to be deliberated"));
    }
    check_text("/topic", topic, TOPIC_LIMIT)?;
    Ok(topic)
}

/// Commits a write; answers the entry as it stands after it.
async fn written(mut on: Request, county: FeatureId, id: FeatureId) -> Result<EntryView, ServiceError> {
    let entry = deliberation::find(&mut on, county, id).await?;
    let entry = entry.ok_or_else(|| ServiceError::Internal(format!("deliberation {id} is gone")))?;
    let seq = on.commit().await?;
    Ok(EntryView::from(entry).written_at(seq))
}

fn hidden() -> Problem {
    area::refused(
        None,
        "此议题所议的事件不在您的辖区内;请由其主办单位或县值班员办理。".to_owned(),
        "The matter of this entry is not in your area; its owner or the county's duty officer sees to it.".to_owned(),
    )
}

fn stale(entry: &EntryRow, expected: i32) -> Problem {
    Problem::stale(("议题已有变化", "It has moved on"), entry.version, expected).with_extra("version", entry.version)
}

fn over(outcome: Outcome) -> Problem {
    Problem::new(
        ProblemKind::Conflict,
        "deliberation-over",
        ("议题已有结果", "It is over"),
        (
            format!("此议题已是“{}”,不能再改;要再议请另列一项。", outcome.zh()),
            format!("It is {} already; put it on an agenda anew to deliberate it again.", outcome.code()),
        ),
    )
    .with_extra("outcome", outcome.code())
}
