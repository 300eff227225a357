//! Act: everything people do to an incident, each under its lock, with its history row.

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::check::{Location, TEXT_LIMIT, check_actor, check_text};
use super::complete::{MOST_DAYS, SIGN_IN, complete};
use super::deliberate::put_on_agenda;
use super::facts::Facts;
use super::hand_on::{given_to, in_other_grid, located, one_up};
use super::parts::{Matter, answers, not_theirs, parts, takes};
use super::retried;
use super::step::{Effect, Step, state, write};
use super::view::{IncidentView, whole};
use super::whereabouts::no_such_household;
use crate::db::assignment::{self, NewOwner};
use crate::db::incident::{self, IncidentRow, Overdue};
use crate::db::{Request, unit};
use crate::domain::calendar::WorkCalendar;
use crate::domain::incident::{Action, Actor, LocationSource, State, allowed_of, next_state, possible};
use crate::domain::viewer::Role;
use crate::domain::{FeatureId, Problem, ProblemKind, Viewer};
use crate::service::{ServiceError, Yitu};

/// How long a check may take once something is reported as done, and rework at least, in minutes that
/// count on working days.
pub const CHECK_MINUTES: i64 = 24 * 60;
/// Days a matter may be set aside at most.
const LONGEST_SUSPENSION: i64 = 366;
/// What someone does.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct Act {
    /// What is done: one of the incident's `actions`.
    pub action: String,
    /// The version they saw.
    #[serde(default)]
    pub expected_version: Option<i32>,
    /// What they say about it; needed where it is a reason.
    #[serde(default)]
    pub note: String,
    /// `check`: its outcome.
    #[serde(default)]
    pub passed: Option<bool>,
    /// `transfer`: the unit it goes to. `return`: the unit it should have gone to, if known.
    #[serde(default)]
    pub to_unit_id: Option<FeatureId>,
    /// `transfer`: the grid where it really is, whose group answers from now on.
    #[serde(default)]
    pub to_grid_id: Option<FeatureId>,
    /// `locate`: where it is.
    #[serde(default)]
    pub location: Option<Location>,
    /// `extend`: so many working days.
    #[serde(default)]
    pub days: Option<i64>,
    /// `suspend`: the day it is looked at again.
    #[serde(default)]
    pub review_on: Option<NaiveDate>,
    /// `whistle`: the units called.
    #[serde(default)]
    pub unit_ids: Vec<FeatureId>,
    /// `whistle`: minutes to sign in; 30 if left out.
    #[serde(default)]
    pub sign_in_minutes: Option<i64>,
    /// `sign_in`: the unit that does.
    #[serde(default)]
    pub unit_id: Option<FeatureId>,
    /// `deliberate`: the venue; the nearest with room if left out.
    #[serde(default)]
    pub venue_id: Option<FeatureId>,
    /// `deliberate`: a lunar 5th, 15th or 25th; the next one with room if left out.
    #[serde(default)]
    pub day: Option<NaiveDate>,
    /// `deliberate`: what the agenda says, up to 200 characters; category and number if left out.
    #[serde(default)]
    pub topic: String,
    /// `merge`: the incident that answers for it from now on.
    #[serde(default)]
    pub into: Option<Uuid>,
    /// `rate`: 1 to 5.
    #[serde(default)]
    pub rating: Option<i16>,
    /// Who acts, where it is not the caller: whoever is on duty takes steps for those who call in.
    #[serde(default)]
    pub actor: Option<String>,
}

/// A well-formed action.
struct Ready {
    action: Action,
    expected: i32,
    act: Act,
}

/// Does it. `if_match` is the version of an `If-Match` header, which `expected_version` may stand in for.
///
/// # Errors
/// `stale-version` when it has moved on, `not-allowed-now` when its state forbids it, and others that name
/// the field; a failing database.
pub async fn act(
    yitu: &Yitu,
    viewer: &Viewer,
    id: Uuid,
    act: Act,
    if_match: Option<i32>,
) -> Result<IncidentView, ServiceError> {
    let ready = ready(act, if_match)?;
    let now = yitu.clock.now().trunc_subsecs(6);
    retried(|| attempt(yitu, viewer, id, &ready, now)).await
}

fn ready(act: Act, if_match: Option<i32>) -> Result<Ready, Problem> {
    let possible = possible();
    let action = Action::from_code(&act.action).filter(|a| possible.contains(a)).ok_or_else(|| {
        let codes: Vec<&str> = possible.iter().map(|a| a.code()).collect();
        Problem::bad_field(
            "/action",
            format!("没有“{}”这个操作,可用的有:{}", act.action, codes.join("、")),
            format!("There is no action {:?}; there are: {}", act.action, codes.join(", ")),
        )
    })?;
    check_text("/note", &act.note, TEXT_LIMIT)?;
    let actor = check_actor(act.actor.as_deref())?.map(str::to_owned);
    let expected = act.expected_version.or(if_match).ok_or_else(Problem::version_required)?;
    complete(action, &act)?;
    Ok(Ready { action, expected, act: Act { actor, ..act } })
}

async fn attempt(
    yitu: &Yitu,
    viewer: &Viewer,
    id: Uuid,
    ready: &Ready,
    now: DateTime<Utc>,
) -> Result<IncidentView, ServiceError> {
    let county = viewer.county_id();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let missing = || Problem::not_found(("事件", "incident"), id);
    if !incident::lock(&mut on, county, id).await? {
        return Err(missing().into());
    }
    let row = incident::find(&mut on, county, id).await?.ok_or_else(missing)?;
    let from = state(&row)?;
    // A photo that came meanwhile takes nothing from what the actor saw: they come by themselves, whenever the net is there.
    let is_present =
        row.version == ready.expected || incident::only_photos_since(&mut on, county, id, ready.expected).await?;
    if !is_present {
        return Err(stale(&row, ready.expected).into());
    }
    let passed = ready.act.passed.unwrap_or(true);
    let ways = allowed_of(from, row.on_the_spot);
    let to = next_state(from, ready.action, passed).filter(|_| ways.contains(&ready.action));
    let to = to.ok_or_else(|| not_now(from, ready.action, &ways))?;
    let helpers = match ready.action {
        Action::SignIn => assignment::helpers(&mut on, county, &[id]).await?.into_iter().map(|h| h.unit_id).collect(),
        // Nothing else is theirs to do.
        _ => Vec::new(),
    };
    may_take(viewer, ready, &parts(viewer, &Matter::of(&row, &helpers)))?;
    let actor = actor(&row, ready, viewer);
    if ready.action == Action::Check && row.resolved_by.as_deref() == Some(actor.as_str()) {
        return Err(same_person(&actor).into());
    }
    let calendar = Facts::within(yitu, viewer, now, &mut on).calendar().await?;
    let moment = Moment { yitu, viewer, now, to, actor: &actor, calendar: &calendar };
    knows_what_it_names(&mut on, county, ready, &moment).await?;
    on.as_the_program().await?;
    let effect = effect(&mut on, &row, ready, &moment).await?;
    write(&mut on, county, &row, &Step { action: ready.action, actor: &actor, at: now, from }, &effect).await?;
    let view = whole(&mut on, county, id, now).await?.ok_or_else(missing)?;
    let seq = on.commit().await?;
    Ok(view.written_at(seq).for_viewer(yitu, viewer))
}

/// Whether the step is for who takes it, in the name of whom they take it.
fn may_take(viewer: &Viewer, ready: &Ready, parts: &[Actor]) -> Result<(), Problem> {
    if !takes(parts, ready.action) {
        return Err(not_theirs(ready.action));
    }
    actor_for(viewer, ready.act.actor.as_deref())?;
    if ready.action == Action::SignIn
        && !on_behalf(viewer)
        && ready.act.unit_id.is_none_or(|u| !viewer.scope().units.contains(&u))
    {
        return Err(Problem::bad_field("/unit_id", "只能为本单位签到", "Sign in for your own unit"));
    }
    Ok(())
}

/// Whether a step names only what its taker may know of: the rest is asked under the program's own reach, which would find
/// any household and any matter.
async fn knows_what_it_names(
    on: &mut Request,
    county: FeatureId,
    ready: &Ready,
    at: &Moment<'_>,
) -> Result<(), ServiceError> {
    match (ready.action, &ready.act) {
        (
            Action::Locate,
            Act { location: Some(Location { source: LocationSource::Household, household_id, .. }), .. },
        ) => {
            let id = household_id.unwrap_or_default();
            let door = unit::door(on, county, id, at.calendar.day(at.now)).await?;
            door.map(drop).ok_or_else(|| no_such_household(id).into())
        }
        (Action::Merge, Act { into: Some(into), .. }) => {
            let into = incident::find(on, county, *into).await?.ok_or_else(|| not_to_merge(*into));
            Ok(into.map(drop)?)
        }
        _ => Ok(()),
    }
}

/// Whether somebody takes steps for those who call in.
fn on_behalf(viewer: &Viewer) -> bool {
    matches!(viewer.role(), Role::System | Role::DutyOfficer)
}

/// In whose name a step is taken: one's own, or that of whom one takes it for.
///
/// # Errors
/// A problem that names `actor`.
pub fn actor_for<'a>(viewer: &'a Viewer, actor: Option<&'a str>) -> Result<&'a str, Problem> {
    match check_actor(actor)? {
        Some(_) if !on_behalf(viewer) => Err(Problem::bad_field(
            "/actor",
            "只能以本人名义操作;代人登记由值班员办理",
            "Take the step in your own name; the duty officer takes it for others",
        )),
        named => Ok(named.unwrap_or(viewer.name())),
    }
}

/// The program takes the owner's own steps in the owner's name, and so does whoever is on duty for an owner who calls in,
/// which is said.
fn actor(row: &IncidentRow, ready: &Ready, viewer: &Viewer) -> String {
    if let Some(named) = &ready.act.actor {
        return named.clone();
    }
    let owners = [Action::Accept, Action::Resolve, Action::ResolveOnSpot, Action::Return];
    if owners.contains(&ready.action) {
        let owner = row.responder_name.clone().unwrap_or_else(|| row.unit_name.clone());
        return match viewer.role() {
            Role::System => owner,
            _ if answers(viewer, row.unit_id, row.responder_id) => viewer.name().to_owned(),
            _ => format!("{owner}({}代办)", viewer.name()),
        };
    }
    viewer.name().to_owned()
}

/// When an action is taken, by whom, and where it leads.
pub(super) struct Moment<'a> {
    pub(super) yitu: &'a Yitu,
    pub(super) viewer: &'a Viewer,
    pub(super) now: DateTime<Utc>,
    to: State,
    actor: &'a str,
    pub(super) calendar: &'a WorkCalendar,
}

async fn effect(on: &mut Request, row: &IncidentRow, ready: &Ready, at: &Moment<'_>) -> Result<Effect, ServiceError> {
    let (act, now, county) = (&ready.act, at.now, at.viewer.county_id());
    let grace = at.calendar.after_minutes(now, CHECK_MINUTES);
    let mut effect = Effect::new(row, at.to, act.note.trim());
    match ready.action {
        Action::Accept => {
            effect.owner_signs = true;
            effect.overdue = Overdue::MadeGood;
            // Whoever gets it late has a day at least.
            effect.next_deadline_at = Some(row.resolve_by.filter(|by| *by > now).unwrap_or(grace));
        }
        Action::Return | Action::Transfer => {
            let mut facts = Facts::within(at.yitu, at.viewer, now, on);
            match (act.to_unit_id, act.to_grid_id) {
                (Some(unit), _) => given_to(&mut facts, row, unit, &mut effect).await?,
                (None, Some(grid)) => in_other_grid(&mut facts, row, grid, &mut effect).await?,
                (None, None) => one_up(&mut facts, row, &mut effect).await?,
            }
        }
        Action::Locate => {
            let location = act.location.as_ref().ok_or_else(|| ServiceError::Internal("no location".to_owned()))?;
            located(&mut Facts::within(at.yitu, at.viewer, now, on), row, location, &mut effect).await?;
        }
        Action::Resolve => {
            effect.resolved_by = Some(at.actor.to_owned());
            effect.next_deadline_at = Some(grace);
            effect.overdue = Overdue::MadeGood;
        }
        Action::ResolveOnSpot => {
            effect.resolved_by = Some(at.actor.to_owned());
            effect.on_the_spot = true;
        }
        Action::Check => {
            if at.to == State::InProgress && row.closed_at.is_some() {
                reopen(&mut effect, row, now, grace);
            }
            effect.next_deadline_at = Some(row.resolve_by.map_or(grace, |by| by.max(grace)));
            effect.overdue = Overdue::MadeGood;
        }
        Action::Extend => {
            let by = extended(row, act.days.unwrap_or_default(), at)?;
            effect.resolve_by = Some(by);
            effect.next_deadline_at = Some(by);
            effect.overdue = Overdue::MadeGood;
            effect.note = format!("延期至{}。{}", at.calendar.spoken(by), effect.note);
        }
        Action::Suspend => {
            let day = act.review_on.unwrap_or_default();
            effect.next_deadline_at = Some(review(day, at)?);
            effect.note = format!("挂账至 {day} 复核。{}", effect.note);
        }
        Action::Resume => effect.take_up_again(row, grace),
        Action::Deliberate => put_on_agenda(on, county, row, act, at, &mut effect).await?,
        Action::Whistle => whistle(on, county, row, act, now, &mut effect).await?,
        Action::SignIn => {
            let unit = act.unit_id.unwrap_or_default();
            let name = assignment::helper_signs(on, county, row.id, unit, now).await?.ok_or_else(not_called)?;
            effect.unit_id = unit;
            effect.responder_id = None;
            effect.note = format!("{name}已签到。{}", effect.note);
        }
        Action::Merge => {
            let into = act.into.unwrap_or_default();
            let number = take_in(on, county, into, row, at).await?;
            effect.merged_into = Some(into);
            effect.note = format!("与第 {number} 号为同一件,并入办理。{}", effect.note);
        }
        Action::Rate => {
            effect.rating = act.rating;
            effect.note = format!("{} 分。{}", act.rating.unwrap_or_default(), effect.note);
        }
        _ => {}
    }
    if at.to.is_ended() {
        effect.next_deadline_at = None;
    }
    Ok(effect)
}

/// Closed on the spot, and not as it should be: who had it has it again, with time to put it right.
fn reopen(effect: &mut Effect, row: &IncidentRow, now: DateTime<Utc>, grace: DateTime<Utc>) {
    effect.give_to(NewOwner {
        unit_id: row.unit_id,
        responder_id: row.responder_id,
        accept_by: row.accept_by.unwrap_or(now),
        provisional: false,
        old_helps: false,
    });
    effect.owner_signs = true;
    effect.resolve_by = Some(row.resolve_by.map_or(grace, |by| by.max(grace)));
}

/// The finish limit, later by so many working days: from when it was, or from now where that has passed.
fn extended(row: &IncidentRow, days: i64, at: &Moment<'_>) -> Result<DateTime<Utc>, Problem> {
    let from = row.resolve_by.map_or(at.now, |by| by.max(at.now));
    let by = at.calendar.after_days(from, days);
    let most = at.calendar.after_days(row.received_at.max(at.now - chrono::Duration::days(30)), MOST_DAYS);
    if by > most.max(at.calendar.after_days(at.now, 1)) {
        return Err(Problem::bad_field(
            "/days",
            format!("办理时限合计最多 {MOST_DAYS} 个工作日,最迟可延至{}", at.calendar.spoken(most)),
            format!("A matter has {MOST_DAYS} working days in all: until {} at the latest", at.calendar.spoken(most)),
        ));
    }
    Ok(by)
}

/// The morning of a review day.
fn review(day: NaiveDate, at: &Moment<'_>) -> Result<DateTime<Utc>, Problem> {
    let today = at.calendar.day(at.now);
    if day <= today || (day - today).num_days() > LONGEST_SUSPENSION {
        return Err(Problem::bad_field(
            "/review_on",
            format!("复核日应在 {today} 之后、{LONGEST_SUSPENSION} 天之内,您写的是 {day}"),
            format!("The review is after {today} and within {LONGEST_SUSPENSION} days; it says {day}"),
        ));
    }
    Ok(at.calendar.midnight(day))
}

async fn whistle(
    on: &mut Request,
    county: FeatureId,
    row: &IncidentRow,
    act: &Act,
    now: DateTime<Utc>,
    effect: &mut Effect,
) -> Result<(), ServiceError> {
    if row.restricted {
        return Err(Problem::bad_field(
            "/unit_ids",
            "保密件不吹哨:不需要知道的单位不告知",
            "Nobody is called to a restricted matter: whoever need not know is not told",
        )
        .into());
    }
    let minutes = act.sign_in_minutes.unwrap_or(SIGN_IN.1);
    let accept_by = now + chrono::Duration::minutes(minutes);
    let called = assignment::call_helpers(on, county, row.id, &act.unit_ids, (now, Some(accept_by))).await?;
    if called.is_empty() {
        return Err(Problem::bad_field(
            "/unit_ids",
            "这些单位不存在,或已在办理此件",
            "These units do not exist or have a part in it already",
        )
        .into());
    }
    effect.note = format!("请{}在 {minutes} 分钟内签到。{}", called.join("、"), effect.note);
    Ok(())
}

/// Tells the open incident that a duplicate is merged into it; answers its number.
async fn take_in(
    on: &mut Request,
    county: FeatureId,
    id: Uuid,
    merged: &IncidentRow,
    at: &Moment<'_>,
) -> Result<i64, ServiceError> {
    if id == merged.id || !incident::lock(on, county, id).await? {
        return Err(not_to_merge(id).into());
    }
    let into = incident::find(on, county, id).await?.filter(|into| into.restricted == merged.restricted);
    let into = into.ok_or_else(|| not_to_merge(id))?;
    let state = State::from_code(&into.state).filter(|s| !s.is_ended()).ok_or_else(|| not_to_merge(id))?;
    let effect = Effect::new(&into, state, &format!("第 {} 号与此件重复,已并入。", merged.number));
    let step = Step { action: Action::Comment, actor: at.actor, at: at.now, from: state };
    write(on, county, &into, &step, &effect).await?;
    Ok(into.number)
}

fn not_called() -> Problem {
    Problem::bad_field(
        "/unit_id",
        "没有叫这个单位来协办,或它已经签到",
        "This unit was not called, or has signed in already",
    )
}

fn not_to_merge(id: Uuid) -> Problem {
    Problem::bad_field(
        "/into",
        format!("不能并入 {id}:没有这一件、它已办结或作废,或两件一件保密一件不保密"),
        format!("Cannot merge into {id}: it does not exist, has ended, or only one of the two is restricted"),
    )
}

fn stale(row: &IncidentRow, expected: i32) -> Problem {
    Problem::stale(("事件已有变化", "The incident has moved on"), row.version, expected)
        .with_extra("version", row.version)
        .with_extra("state", row.state.clone())
}

fn not_now(from: State, action: Action, ways: &[Action]) -> Problem {
    let next: Vec<&str> = ways.iter().map(|a| a.zh()).collect();
    let next_codes: Vec<&str> = ways.iter().map(|a| a.code()).collect();
    let way = if next.is_empty() {
        "此状态下没有可做的操作".to_owned()
    } else {
        format!("可以:{}", next.join("、"))
    };
    let way_en = if next_codes.is_empty() {
        "nothing can be done in this state".to_owned()
    } else {
        format!("possible: {}", next_codes.join(", "))
    };
    Problem::new(
        ProblemKind::Conflict,
        "not-allowed-now",
        ("当前状态不能这样操作", "Not allowed in this state"),
        (
            format!("事件现为“{}”,不能“{}”;{way}。", from.zh(), action.zh()),
            format!("The incident is {}, which does not allow {}; {way_en}.", from.code(), action.code()),
        ),
    )
    .with_extra("state", from.code())
    .with_extra("allowed", next_codes)
}

fn same_person(actor: &str) -> Problem {
    Problem::new(
        ProblemKind::Conflict,
        "checker-is-resolver",
        ("核查人不能是办理人", "The checker is the resolver"),
        (format!("{actor}办理了此件,请由他人核查。"), format!("{actor} resolved it; someone else must check it.")),
    )
}
