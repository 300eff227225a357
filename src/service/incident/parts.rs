//! Who takes a step: the parts a viewer has in a matter, as the table of what may happen names them.

use super::view::IncidentView;
use crate::db::incident::IncidentRow;
use crate::domain::incident::{Action, Actor, TRANSITIONS};
use crate::domain::viewer::{Role, Sight};
use crate::domain::{FeatureId, Problem, ProblemKind, Viewer};
use crate::service::Yitu;
use crate::service::seen::household;

/// What of a matter says who has which part in it.
#[derive(Debug)]
pub struct Matter<'a> {
    /// The unit that answers.
    pub unit: FeatureId,
    /// Its person.
    pub responder: Option<FeatureId>,
    /// Units that help.
    pub helpers: &'a [FeatureId],
    /// Where it lies.
    pub grid: Option<FeatureId>,
    /// Where it lies.
    pub village: Option<FeatureId>,
    /// The account that reported it.
    pub reported_by: Option<FeatureId>,
}

impl<'a> Matter<'a> {
    /// From its row.
    #[must_use]
    pub fn of(row: &IncidentRow, helpers: &'a [FeatureId]) -> Self {
        Self {
            unit: row.unit_id,
            responder: row.responder_id,
            helpers,
            grid: row.grid_id,
            village: row.village_id,
            reported_by: row.reported_by,
        }
    }
}

/// Whether somebody acts for the unit that answers, or is its person.
#[must_use]
pub fn answers(viewer: &Viewer, unit: FeatureId, responder: Option<FeatureId>) -> bool {
    let scope = viewer.scope();
    scope.units.contains(&unit) || (responder.is_some() && responder == scope.responder)
}

/// The parts a viewer has in a matter. Whoever is on duty where it lies takes steps for those who call in, too.
#[must_use]
pub fn parts(viewer: &Viewer, matter: &Matter<'_>) -> Vec<Actor> {
    let (role, scope) = (viewer.role(), viewer.scope());
    if role == Role::System {
        return Actor::ALL.to_vec();
    }
    let mut parts = Vec::new();
    if answers(viewer, matter.unit, matter.responder) {
        parts.push(Actor::Owner);
    }
    if matter.helpers.iter().any(|unit| scope.units.contains(unit)) {
        parts.push(Actor::Helper);
    }
    if matter.reported_by.is_some() && matter.reported_by == viewer.account_id() {
        parts.push(Actor::Reporter);
    }
    let is_here = scope.whole
        || matter.grid.is_some_and(|grid| scope.grids.contains(&grid))
        || matter.village.is_some_and(|village| scope.regions.contains(&village));
    if is_here {
        parts.extend_from_slice(match role {
            Role::DutyOfficer => &[Actor::DutyOfficer, Actor::Owner, Actor::Helper, Actor::Reporter, Actor::Checker],
            Role::TownshipStaff => &[Actor::DutyOfficer, Actor::Checker, Actor::Leader],
            Role::CountyLeader => &[Actor::Leader, Actor::Checker],
            Role::VillageCadre => &[Actor::Checker],
            _ => &[],
        });
    }
    parts
}

/// Whether one of these parts takes an action.
#[must_use]
pub fn takes(parts: &[Actor], action: Action) -> bool {
    TRANSITIONS.iter().any(|t| t.action == action && t.by.iter().any(|by| parts.contains(by)))
}

/// Of an action that others take.
#[must_use]
pub fn not_theirs(action: Action) -> Problem {
    let by = |say: fn(Actor) -> &'static str| {
        let mut all: Vec<&str> = Vec::new();
        for who in TRANSITIONS.iter().filter(|t| t.action == action).flat_map(|t| t.by).map(|a| say(*a)) {
            if !all.contains(&who) {
                all.push(who);
            }
        }
        all
    };
    Problem::new(
        ProblemKind::Forbidden,
        "not-yours",
        ("此操作不由您办理", "Others take this step"),
        (
            format!("“{}”由{}办理,您在此件中没有这个身份。", action.zh(), by(Actor::zh).join("、")),
            format!(
                "The step {} is taken by: {}; you have no such part in this matter.",
                action.code(),
                by(Actor::code).join(", ")
            ),
        ),
    )
}

impl IncidentView {
    /// The same with the actions left that a viewer may take, and without a household that is not theirs to know of.
    #[must_use]
    pub fn for_viewer(mut self, yitu: &Yitu, viewer: &Viewer) -> Self {
        self.location.household_id =
            self.location.household_id.filter(|id| household(yitu, viewer, *id) > Sight::Nothing);
        let helpers: Vec<FeatureId> = self.helpers.iter().flatten().map(|h| h.unit_id).collect();
        let matter = Matter {
            unit: self.owner.unit_id,
            responder: self.owner.responder_id,
            helpers: &helpers,
            grid: self.grid.as_ref().map(|g| g.id),
            village: self.village.as_ref().map(|v| v.id),
            reported_by: self.reported_by,
        };
        let parts = parts(viewer, &matter);
        self.actions.retain(|code| Action::from_code(code).is_some_and(|action| takes(&parts, action)));
        self
    }
}
