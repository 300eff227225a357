//! Deliberate: an incident goes on an agenda, is carried over, and comes back to its owner with what came of it.
//!
//! While it is deliberated its limits follow its day: it is due a working day after the day is over, in which what came
//! of it is written down, and its finish limit does not lapse before that.

use chrono::{DateTime, Utc};

use super::act::{Act, CHECK_MINUTES, Moment};
use super::report::SYSTEM;
use super::step::{Effect, Step, write};
use crate::db::Request;
use crate::db::deliberation::{self, EntryRow};
use crate::db::incident::{IncidentRow, Overdue};
use crate::domain::calendar::WorkCalendar;
use crate::domain::deliberation::{Outcome, place_on_agenda, usual_topic};
use crate::domain::incident::{Action, State};
use crate::domain::{FeatureId, Problem, ProblemKind};
use crate::service::ServiceError;
use crate::service::deliberation::room::{self, Room};
use crate::service::deliberation::{checked_topic, may_be_carried_over, outcome};

/// Puts an incident on an agenda, or carries it over to another.
///
/// # Errors
/// Problems that name `venue_id`, `day` or `topic`, that it is restricted or was carried over too often, that all is
/// full; a failing database.
pub(super) async fn put_on_agenda(
    on: &mut Request,
    county: FeatureId,
    row: &IncidentRow,
    act: &Act,
    at: &Moment<'_>,
    effect: &mut Effect,
) -> Result<(), ServiceError> {
    if row.restricted {
        return Err(restricted().into());
    }
    let today = at.calendar.day(at.now);
    let waiting = waiting(on, county, row).await?;
    let venue = act.venue_id.or(waiting.as_ref().map(|w| w.venue_id));
    let from = match &waiting {
        Some(w) if venue == Some(w.venue_id) => room::after(w, today).first().copied().unwrap_or(today),
        Some(w) => w.day.max(today),
        None => room::after_notice(today),
    };
    let days = room::days(act.day, from, today)?;
    if let Some(w) = &waiting {
        may_be_carried_over(w)?;
        if venue == Some(w.venue_id) && days == [w.day] {
            return Err(there_already(w).into());
        }
    }
    if let Some(venue) = act.venue_id {
        room::named_for(at.yitu, at.viewer, on, row, (venue, today)).await?;
    }
    let room = match venue {
        Some(venue) => room::at(on, county, venue, &days).await?,
        None => room::near(on, county, row, &days).await?,
    };
    let usual = || waiting.as_ref().map_or_else(|| usual_topic(&row.category_name, row.number), |w| w.topic.clone());
    let topic = if act.topic.trim().is_empty() { usual() } else { checked_topic(&act.topic)?.to_owned() };
    follow(row, &room, at.calendar, effect);
    effect.overdue = Overdue::MadeGood;
    room::enter(on, county, &room, (&topic, Some(row.id)), waiting.as_ref()).await?;
    Ok(())
}

/// Carries an incident that was not reached over to another day; answers its new entry.
///
/// # Errors
/// When the database fails.
pub async fn carry(
    on: &mut Request,
    county: FeatureId,
    row: &IncidentRow,
    (actor, entry): (&str, &EntryRow),
    room: &Room,
    calendar: &WorkCalendar,
    now: DateTime<Utc>,
) -> Result<FeatureId, ServiceError> {
    let effect = carried(row, room, calendar);
    let id = room::enter(on, county, room, (&entry.topic, Some(row.id)), Some(entry)).await?;
    let step = Step { action: Action::Deliberate, actor, at: now, from: State::Deliberating };
    write(on, county, row, &step, &effect).await?;
    Ok(id)
}

/// What the clock does when nothing was written of a deliberation in time: the incident goes on the venue's next agenda.
/// Nothing where it was carried over too often, or nobody deliberates there any more.
///
/// # Errors
/// When the database fails.
pub async fn carried_by_the_clock(
    on: &mut Request,
    county: FeatureId,
    row: &IncidentRow,
    calendar: &WorkCalendar,
    now: DateTime<Utc>,
) -> Result<bool, ServiceError> {
    let Some(entry) = waiting(on, county, row).await?.filter(|e| may_be_carried_over(e).is_ok()) else {
        return Ok(false);
    };
    // A clock that comes late puts nothing on an agenda that nobody has been told of.
    let earliest = room::after_notice(calendar.day(now));
    match room::at(on, county, entry.venue_id, &room::after(&entry, earliest)).await {
        Ok(room) => carry(on, county, row, (SYSTEM, &entry), &room, calendar, now).await.map(|_| true),
        Err(ServiceError::Problem(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Gives an incident whose deliberation is over back to its owner, with a working day at least.
///
/// # Errors
/// When the database fails.
pub async fn back_to_work(
    on: &mut Request,
    county: FeatureId,
    row: &IncidentRow,
    (actor, note): (&str, &str),
    calendar: &WorkCalendar,
    now: DateTime<Utc>,
) -> Result<(), ServiceError> {
    let mut effect = Effect::new(row, State::InProgress, note);
    effect.take_up_again(row, calendar.after_minutes(now, CHECK_MINUTES));
    let step = Step { action: Action::Resume, actor, at: now, from: State::Deliberating };
    write(on, county, row, &step, &effect).await
}

async fn waiting(on: &mut Request, county: FeatureId, row: &IncidentRow) -> Result<Option<EntryRow>, ServiceError> {
    match deliberation::latest(on, county, row.id).await? {
        Some(entry) if outcome(&entry)? == Outcome::Waiting => Ok(Some(entry)),
        _ => Ok(None),
    }
}

fn carried(row: &IncidentRow, room: &Room, calendar: &WorkCalendar) -> Effect {
    let mut effect = Effect::new(row, State::Deliberating, "上次没有议到。");
    follow(row, room, calendar, &mut effect);
    effect
}

/// The limits of an incident on an agenda, and what its history says of it.
fn follow(row: &IncidentRow, room: &Room, calendar: &WorkCalendar, effect: &mut Effect) {
    let over = room.day.succ_opt().unwrap_or(room.day);
    let by = calendar.after_minutes(calendar.midnight(over), CHECK_MINUTES);
    effect.next_deadline_at = Some(by);
    effect.resolve_by = Some(row.resolve_by.map_or(by, |limit| limit.max(by)));
    effect.note = format!("{}{}", place_on_agenda(&room.venue.name, room.day, room.agenda_no), effect.note);
}

fn restricted() -> Problem {
    Problem::new(
        ProblemKind::Conflict,
        "restricted-not-deliberated",
        ("保密件不议事", "Restricted matters are not deliberated"),
        (
            "保密件不得列入议程,请由主办单位办理,或转办有权单位。".to_owned(),
            "A restricted matter goes on no agenda; its owner handles it or transfers it.".to_owned(),
        ),
    )
}

fn there_already(entry: &EntryRow) -> Problem {
    Problem::bad_field(
        "/day",
        format!("此件已列入{} {} 的议程", entry.venue_name, entry.day),
        format!("It is on the agenda of {} on {} already", entry.venue_name, entry.day),
    )
}
