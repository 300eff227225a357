//! One step of an incident's life, written whole: its row, its assignments, its history.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::history::{Chain, Happening};
use crate::db::assignment::{self, NewOwner};
use crate::db::deliberation;
use crate::db::incident::{self, Change, IncidentRow, NewPlace, Overdue};
use crate::db::{DbError, Request};
use crate::dispatch::UnitKind;
use crate::domain::FeatureId;
use crate::domain::incident::{Action, State};
use crate::service::ServiceError;

/// Who does what, when.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// What is done.
    pub action: Action,
    /// By whom.
    pub actor: &'a str,
    /// When.
    pub at: DateTime<Utc>,
    /// The state before.
    pub from: State,
}

/// What becomes of the incident.
#[derive(Debug)]
pub struct Effect {
    /// The state after.
    pub to: State,
    /// The next deadline; none when it ends.
    pub next_deadline_at: Option<DateTime<Utc>>,
    /// The finish limit, where it moves.
    pub resolve_by: Option<DateTime<Utc>>,
    /// Another place.
    pub place: Option<NewPlace>,
    /// Another owner.
    pub owner: Option<NewOwner>,
    /// The owner signs for it.
    pub owner_signs: bool,
    /// Who resolved it, where it is.
    pub resolved_by: Option<String>,
    /// Without anybody else.
    pub on_the_spot: bool,
    /// What becomes of a limit that has passed.
    pub overdue: Overdue,
    /// The incident that answers for it.
    pub merged_into: Option<Uuid>,
    /// How well it was done.
    pub rating: Option<i16>,
    /// The unit the history names.
    pub unit_id: FeatureId,
    /// The person the history names.
    pub responder_id: Option<FeatureId>,
    /// What the history says.
    pub note: String,
}

impl Effect {
    /// A state, and nothing else changed.
    #[must_use]
    pub fn new(row: &IncidentRow, to: State, note: &str) -> Self {
        Self {
            to,
            next_deadline_at: row.next_deadline_at,
            resolve_by: None,
            place: None,
            owner: None,
            owner_signs: false,
            resolved_by: None,
            on_the_spot: false,
            overdue: Overdue::Stays,
            merged_into: None,
            rating: None,
            unit_id: row.unit_id,
            responder_id: row.responder_id,
            note: note.to_owned(),
        }
    }

    /// Its owner goes on with it, with the limit it had, or until an instant where that would be sooner.
    pub fn take_up_again(&mut self, row: &IncidentRow, at_least: DateTime<Utc>) {
        let by = row.resolve_by.map_or(at_least, |by| by.max(at_least));
        (self.resolve_by, self.next_deadline_at, self.overdue) = (Some(by), Some(by), Overdue::MadeGood);
    }

    /// Another unit answers, and has still to sign.
    pub fn give_to(&mut self, owner: NewOwner) {
        (self.unit_id, self.responder_id) = (owner.unit_id, owner.responder_id);
        self.next_deadline_at = Some(owner.accept_by);
        self.owner = Some(owner);
    }
}

/// The rung of the unit that has an incident.
///
/// # Errors
/// When the database holds a kind of unit that does not exist.
pub fn unit_kind(row: &IncidentRow) -> Result<UnitKind, DbError> {
    UnitKind::from_code(&row.unit_kind).ok_or_else(|| DbError::Stored(format!("unit kind {}", row.unit_kind)))
}

/// Where an incident stands.
///
/// # Errors
/// When the database holds a state that does not exist.
pub fn state(row: &IncidentRow) -> Result<State, DbError> {
    State::from_code(&row.state).ok_or_else(|| DbError::Stored(format!("incident state {}", row.state)))
}

/// Writes a step. The incident is locked.
///
/// # Errors
/// When the database fails.
pub async fn write(
    on: &mut Request,
    county: FeatureId,
    row: &IncidentRow,
    step: &Step<'_>,
    effect: &Effect,
) -> Result<(), ServiceError> {
    let handed_to = match &effect.owner {
        Some(owner) => Some((assignment::hand_over(on, county, row.id, owner, step.at).await?, owner.accept_by)),
        None => None,
    };
    if effect.owner_signs {
        assignment::owner_signs(on, county, row.id, step.at).await?;
    }
    // However a deliberation ends: what was not written down of it is off the agenda.
    if step.from == State::Deliberating && effect.to != State::Deliberating {
        let why = format!("因“{}”撤出议程。", step.action.zh());
        deliberation::withdraw(on, county, row.id, &why).await?;
    }
    let change = Change {
        state: effect.to.code(),
        next_deadline_at: effect.next_deadline_at,
        at: step.at,
        handed_to,
        resolve_by: effect.resolve_by,
        place: effect.place.as_ref(),
        resolved_by: effect.resolved_by.as_deref(),
        on_the_spot: effect.on_the_spot,
        overdue: effect.overdue,
        merged_into: effect.merged_into,
        rating: effect.rating,
    };
    let limits = incident::change(on, county, row.id, &change).await?;
    let happening = Happening {
        action: step.action,
        actor: step.actor,
        at: step.at,
        from: Some(step.from),
        to: effect.to,
        unit: Some(effect.unit_id),
        responder: effect.responder_id,
        note: &effect.note,
        limits,
    };
    Chain::of(on, county, row.id).await?.append(on, county, row.id, &happening).await
}
