//! What the clock does: limits that pass move a matter one level up, reviews that come due take it up again, units that
//! were called and stay away are named. Each once; any number of servers may run it.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

use super::act::CHECK_MINUTES;
use super::deliberate::carried_by_the_clock;
use super::facts::Facts;
use super::hand_on::owner;
use super::plan::{keep_decision, plan_above};
use super::report::SYSTEM;
use super::retried;
use super::step::{Effect, Step, state, unit_kind, write};
use crate::db::Request;
use crate::db::assignment;
use crate::db::incident::{self, IncidentRow, Overdue};
use crate::domain::incident::{Action, State, next_state};
use crate::domain::{FeatureId, Viewer};
use crate::service::rounds::Rounds;
use crate::service::{ServiceError, WeakYitu, Yitu};

/// How often the clock is looked at.
const EVERY: Duration = Duration::from_millis(500);
/// So many at a time, those due longest first.
const BATCH: i64 = 100;

/// Runs for as long as the server does.
pub async fn run(yitu: WeakYitu) {
    let mut rounds = Rounds::every(EVERY, yitu);
    while let Some(yitu) = rounds.next().await {
        if let Err(error) = pass(&yitu).await {
            tracing::error!(%error, "deadlines could not be acted upon; trying again");
        }
    }
}

/// Acts upon all that is due now; answers how many matters it moved.
///
/// # Errors
/// When the database fails. One matter that fails does not keep the others.
pub async fn pass(yitu: &Yitu) -> Result<usize, ServiceError> {
    let mut moved = 0;
    loop {
        let now = yitu.clock.now().trunc_subsecs(6);
        let due = incident::due(&yitu.db.system, now, BATCH).await?;
        let missing = assignment::missing_helpers(&yitu.db.system, now, BATCH).await?;
        let before = moved;
        for (county, id) in due {
            moved += done(id, retried(|| limit_passes(yitu, county, id, now)).await);
        }
        for (county, id) in missing {
            moved += done(id, retried(|| helper_is_missed(yitu, county, id, now)).await);
        }
        // What another server has taken, or has no way on, is no reason to go round.
        if moved == before {
            return Ok(moved);
        }
    }
}

/// A matter that cannot be acted upon stands in nobody else's way.
fn done(id: Uuid, result: Result<bool, ServiceError>) -> usize {
    result.map_or_else(
        |error| {
            tracing::error!(%error, incident = %id, "a limit could not be acted upon; trying again");
            0
        },
        usize::from,
    )
}

async fn locked(
    yitu: &Yitu,
    county: FeatureId,
    id: Uuid,
) -> Result<Option<(Request, IncidentRow, State)>, ServiceError> {
    let mut on = Request::begin(&yitu.db.request, &Viewer::whole_county(county, SYSTEM)).await?;
    if !incident::try_lock(&mut on, county, id).await? {
        return Ok(None);
    }
    let Some(row) = incident::find(&mut on, county, id).await? else { return Ok(None) };
    let state = state(&row)?;
    Ok(Some((on, row, state)))
}

async fn limit_passes(yitu: &Yitu, county: FeatureId, id: Uuid, now: DateTime<Utc>) -> Result<bool, ServiceError> {
    let Some((mut on, row, state)) = locked(yitu, county, id).await? else { return Ok(false) };
    // Somebody may have acted since it was looked up.
    if row.next_deadline_at.is_none_or(|by| by > now) {
        return Ok(false);
    }
    let viewer = Viewer::whole_county(county, SYSTEM);
    let calendar = Facts::within(yitu, &viewer, now, &mut on).calendar().await?;
    if state == State::Deliberating && carried_by_the_clock(&mut on, county, &row, &calendar, now).await? {
        on.commit().await?;
        return Ok(true);
    }
    let later = calendar.after_minutes(now, CHECK_MINUTES);
    let above = unit_kind(&row)?.above();
    let (action, effect) = match (state, above) {
        (State::Suspended, _) => {
            let mut effect = Effect::new(&row, State::InProgress, "挂账复核日已到,恢复办理。");
            effect.take_up_again(&row, later);
            (Action::Resume, effect)
        }
        (State::PendingCheck, _) => {
            let mut effect = Effect::new(&row, state, "核查时限已过,尚未核查。");
            (effect.next_deadline_at, effect.overdue) = (Some(later), Overdue::Since);
            (Action::Escalate, effect)
        }
        (_, None) => {
            let mut effect = Effect::new(&row, state, "时限已过,县值班室之上没有上级,请尽快办理。");
            (effect.next_deadline_at, effect.overdue) = (Some(later), Overdue::Since);
            (Action::Nudge, effect)
        }
        (_, Some(above)) => {
            let limit = match state {
                State::PendingAccept => "签收",
                State::Deliberating => "议事",
                _ => "办结",
            };
            let (inputs, decision) = plan_above(&mut Facts::within(yitu, &viewer, now, &mut on), &row, above).await?;
            keep_decision(&mut on, county, id, &inputs, &decision).await?;
            let note = format!("{}未在{limit}时限内办理,升至{},原单位协办。", row.unit_name, decision.unit.name);
            let mut effect = Effect::new(&row, State::PendingAccept, &note);
            effect.give_to(owner(&decision, true));
            effect.overdue = Overdue::Since;
            (Action::Escalate, effect)
        }
    };
    debug_assert_eq!(next_state(state, action, true), Some(effect.to));
    write(&mut on, county, &row, &Step { action, actor: SYSTEM, at: now, from: state }, &effect).await?;
    on.commit().await?;
    Ok(true)
}

async fn helper_is_missed(yitu: &Yitu, county: FeatureId, id: Uuid, now: DateTime<Utc>) -> Result<bool, ServiceError> {
    let Some((mut on, row, state)) = locked(yitu, county, id).await? else { return Ok(false) };
    let names = assignment::note_missed(&mut on, county, id, now).await?;
    if names.is_empty() {
        return Ok(false);
    }
    let effect = Effect::new(&row, state, &format!("{}未在时限内签到。", names.join("、")));
    write(&mut on, county, &row, &Step { action: Action::Nudge, actor: SYSTEM, at: now, from: state }, &effect).await?;
    on.commit().await?;
    Ok(true)
}
