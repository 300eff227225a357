//! Erase: what an ended incident holds of persons goes, as the law asks; that it was there and was erased stays.

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

use super::check::{TEXT_LIMIT, check_text};
use super::history::{Chain, Happening};
use super::retried;
use super::step::state;
use crate::db::incident;
use crate::db::{Databases, Request, seal};
use crate::domain::incident::{Action, Limits, State};
use crate::domain::{Problem, ProblemKind, Viewer};
use crate::service::ServiceError;

/// Erases the words of an incident, in its row and in its history, and records by whom and why. `which` is its id or
/// its number; answers its number.
///
/// # Errors
/// No reason, no such incident, one that is still open; a failing database.
pub async fn erase(
    db: &Databases,
    viewer: &Viewer,
    which: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<i64, ServiceError> {
    let reason = ground(reason)?;
    retried(|| attempt(db, viewer, which, reason, now.trunc_subsecs(6))).await
}

/// Why something is erased, as it is kept.
///
/// # Errors
/// A problem that names `reason`.
pub(in crate::service) fn ground(reason: &str) -> Result<&str, Problem> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Problem::bad_field(
            "/reason",
            "依法删除请写明依据,如“当事人申请”",
            "Erasing needs its ground, such as the request of the person concerned",
        ));
    }
    check_text("/reason", reason, TEXT_LIMIT)?;
    Ok(reason)
}

async fn attempt(
    db: &Databases,
    viewer: &Viewer,
    which: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<i64, ServiceError> {
    let county = viewer.county_id();
    let missing = || Problem::not_found(("事件", "incident"), which);
    let mut on = Request::begin(&db.request, viewer).await?;
    let id = match (which.parse::<Uuid>(), which.parse::<i64>()) {
        (Ok(id), _) => id,
        (_, Ok(number)) => incident::numbered(&mut on, county, number).await?.ok_or_else(missing)?,
        _ => return Err(missing().into()),
    };
    if !incident::lock(&mut on, county, id).await? {
        return Err(missing().into());
    }
    let row = incident::find(&mut on, county, id).await?.ok_or_else(missing)?;
    let state = state(&row)?;
    if !state.is_ended() {
        return Err(open(row.number, state).into());
    }
    seal::erase_words(&mut on, county, id, now).await?;
    let erased = Happening {
        action: Action::Erase,
        actor: viewer.name(),
        at: now,
        from: Some(state),
        to: state,
        unit: None,
        responder: None,
        note: reason,
        limits: Limits { accept_by: row.accept_by, resolve_by: row.resolve_by, ..Limits::default() },
    };
    Chain::of(&mut on, county, id).await?.append(&mut on, county, id, &erased).await?;
    on.commit().await?;
    Ok(row.number)
}

fn open(number: i64, state: State) -> Problem {
    Problem::new(
        ProblemKind::Conflict,
        "still-open",
        ("事件尚未办结", "The incident is still open"),
        (
            format!(
                "第 {number} 号事件现为“{}”,删去内容后无法继续办理。请先办结或作废,再依法删除。",
                state.zh()
            ),
            format!(
                "Incident {number} is {} and could not be dealt with once its words are gone. Close or cancel it first.",
                state.code()
            ),
        ),
    )
    .with_extra("state", state.code())
}
