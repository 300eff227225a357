//! Act: sign, resolve, check; each under the incident's lock, with its history row.

use chrono::{DateTime, SubsecRound, Utc};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::check::{TEXT_LIMIT, check_text};
use super::history::{Chain, Happening};
use super::plan::calendar;
use super::retried;
use super::view::{IncidentView, whole};
use crate::db::incident::{self, Change, IncidentRow};
use crate::db::{DbError, Request};
use crate::domain::incident::{Action, State, allowed, next_state};
use crate::domain::{Problem, ProblemKind, Viewer};
use crate::service::{ServiceError, Yitu};

/// How long a check may take once something is reported as done, and rework at least, in minutes that
/// count on working days.
const CHECK_MINUTES: i64 = 24 * 60;

/// What someone does.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct Act {
    /// `accept`, `resolve`, `check` or `resolve_on_spot`.
    pub action: String,
    /// The version they saw.
    #[serde(default)]
    pub expected_version: Option<i32>,
    /// What they say about it.
    #[serde(default)]
    pub note: String,
    /// The outcome of a check.
    #[serde(default)]
    pub passed: Option<bool>,
    /// Who acts, where it is not the caller; until each person has an account.
    #[serde(default)]
    pub actor: Option<String>,
}

/// A well-formed action.
struct Ready {
    action: Action,
    expected: i32,
    passed: bool,
    note: String,
    actor: Option<String>,
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
    let possible = [Action::Accept, Action::Resolve, Action::Check, Action::ResolveOnSpot];
    let action = Action::from_code(&act.action).filter(|a| possible.contains(a)).ok_or_else(|| {
        let codes = possible.map(Action::code).join("、");
        Problem::bad_field(
            "/action",
            format!("没有“{}”这个操作,可用的有:{codes}", act.action),
            format!("There is no action {:?}; there are: {}", act.action, possible.map(Action::code).join(", ")),
        )
    })?;
    check_text("/note", &act.note, TEXT_LIMIT)?;
    let actor = act.actor.map(|a| a.trim().to_owned()).filter(|a| !a.is_empty());
    if let Some(actor) = &actor {
        check_text("/actor", actor, 100)?;
    }
    let expected = act.expected_version.or(if_match).ok_or_else(|| {
        Problem::new(
            ProblemKind::VersionRequired,
            "version-required",
            ("需要版本号", "A version is needed"),
            (
                "请带上您看到的版本:expected_version,或 If-Match 请求头。".to_owned(),
                "Send the version you saw as expected_version or If-Match.".to_owned(),
            ),
        )
    })?;
    if action == Action::Check && act.passed.is_none() {
        return Err(Problem::bad_field(
            "/passed",
            "核查要写明结果:passed 为 true(通过)或 false(退回重办)",
            "A check says its outcome: passed is true or false",
        ));
    }
    let passed = act.passed.unwrap_or(true);
    if action == Action::Check && !passed && act.note.trim().is_empty() {
        return Err(Problem::bad_field("/note", "退回重办请写明原因", "Rework needs its reason"));
    }
    Ok(Ready { action, expected, passed, note: act.note, actor })
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
    let from = State::from_code(&row.state).ok_or_else(|| DbError::Stored(format!("incident state {}", row.state)))?;
    if row.version != ready.expected {
        return Err(stale(&row, ready.expected).into());
    }
    let to = next_state(from, ready.action, ready.passed).ok_or_else(|| not_now(from, ready.action))?;
    // Without accounts the owner's own steps are taken in the owner's name, whoever types them in.
    let owner = row.responder_name.clone().unwrap_or_else(|| row.unit_name.clone());
    let own_step = matches!(ready.action, Action::Accept | Action::Resolve | Action::ResolveOnSpot);
    let actor = ready.actor.clone().unwrap_or_else(|| if own_step { owner } else { viewer.name().to_owned() });
    if ready.action == Action::Check && row.resolved_by.as_deref() == Some(actor.as_str()) {
        return Err(same_person(&actor).into());
    }
    let calendar = calendar(&mut on, county, now).await?;
    let grace = calendar.after_minutes(now, CHECK_MINUTES);
    let resolves = matches!(ready.action, Action::Resolve | Action::ResolveOnSpot);
    let change = Change {
        state: to.code(),
        next_deadline_at: match to {
            State::Closed | State::Cancelled => None,
            State::PendingCheck => Some(grace),
            _ if ready.action == Action::Check => Some(row.resolve_by.map_or(grace, |r| r.max(grace))),
            _ => row.resolve_by.or(Some(grace)),
        },
        at: now,
        accepted: ready.action == Action::Accept,
        resolved_by: resolves.then_some(actor.as_str()),
        on_the_spot: ready.action == Action::ResolveOnSpot,
        ended: to.is_ended(),
    };
    incident::change(&mut on, county, id, &change).await?;
    let happening = Happening {
        action: ready.action,
        actor: &actor,
        at: now,
        from: Some(from),
        to,
        unit: Some(row.unit_id),
        responder: row.responder_id,
        note: &ready.note,
    };
    Chain::of(&mut on, county, id).await?.append(&mut on, county, id, &happening).await?;
    let view = whole(&mut on, county, id, now).await?.ok_or_else(missing)?;
    let seq = on.commit().await?;
    Ok(view.written_at(seq))
}

fn stale(row: &IncidentRow, expected: i32) -> Problem {
    Problem::new(
        ProblemKind::Stale,
        "stale-version",
        ("事件已有变化", "The incident has moved on"),
        (
            format!("您看到的是第 {expected} 版,现在是第 {} 版。请刷新后再操作。", row.version),
            format!("You saw version {expected}; it is now at version {}. Reload it and try again.", row.version),
        ),
    )
    .with_extra("version", row.version)
    .with_extra("state", row.state.clone())
}

fn not_now(from: State, action: Action) -> Problem {
    let next: Vec<&str> = allowed(from).into_iter().map(Action::zh).collect();
    let next_codes: Vec<&str> = allowed(from).into_iter().map(Action::code).collect();
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
