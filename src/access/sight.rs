//! Who may know of what: the one rule. What the database's policies let through and what the map in memory shows are both
//! held to it by tests.

use crate::domain::viewer::{Role, Sight};
use crate::domain::{FeatureId, Viewer};

/// Where a household belongs.
#[derive(Debug, Clone, Copy)]
pub struct HouseholdPlace {
    /// The household.
    pub id: FeatureId,
    /// Its grid; none is a fault that the check lists.
    pub grid: Option<FeatureId>,
    /// Its village.
    pub village: Option<FeatureId>,
}

/// Where a matter belongs, and whose it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct MatterPlace<'a> {
    /// It is told to those alone who answer for it.
    pub restricted: bool,
    /// The grid it lies in.
    pub grid: Option<FeatureId>,
    /// The village.
    pub village: Option<FeatureId>,
    /// Units that answer for it or help, now or before.
    pub units: &'a [FeatureId],
    /// The account that reported it.
    pub reported_by: Option<FeatureId>,
}

/// How much of a household a viewer may know.
#[must_use]
pub fn of_household(viewer: &Viewer, at: HouseholdPlace) -> Sight {
    let (role, scope) = (viewer.role(), viewer.scope());
    if role == Role::System {
        return Sight::Full;
    }
    if !role.meets_people() {
        return Sight::Nothing;
    }
    if scope.households.contains(&at.id) || at.grid.is_some_and(|grid| scope.in_full.contains(&grid)) {
        return Sight::Full;
    }
    let in_scope = match at.grid {
        Some(grid) => scope.grids.contains(&grid),
        None => at.village.is_some_and(|village| scope.regions.contains(&village)),
    };
    if scope.whole || in_scope { Sight::Masked } else { Sight::Nothing }
}

/// Whether a viewer may know of a matter.
#[must_use]
pub fn of_matter(viewer: &Viewer, at: MatterPlace<'_>) -> bool {
    let (role, scope) = (viewer.role(), viewer.scope());
    if role == Role::System {
        return true;
    }
    if role.administers() {
        return false;
    }
    let is_theirs = at.units.iter().any(|unit| scope.units.contains(unit));
    if at.restricted {
        // Not even to those who reported it, once it is told: nobody's screen may give it away.
        return is_theirs && role != Role::Wall;
    }
    is_theirs
        || scope.whole
        || at.grid.is_some_and(|grid| scope.grids.contains(&grid))
        || at.village.is_some_and(|village| scope.regions.contains(&village))
        || (at.reported_by.is_some() && at.reported_by == viewer.account_id())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::viewer::Scope;

    fn viewer(role: Role, scope: Scope) -> Viewer {
        Viewer::of_account(1, 9, "张三", role, scope)
    }

    fn house(id: FeatureId, grid: Option<FeatureId>, village: FeatureId) -> HouseholdPlace {
        HouseholdPlace { id, grid, village: Some(village) }
    }

    #[test]
    fn a_grid_worker_knows_the_own_grid_and_the_linked_households() {
        let scope = Scope {
            grids: BTreeSet::from([40]),
            in_full: BTreeSet::from([40]),
            households: BTreeSet::from([7]),
            ..Scope::default()
        };
        let worker = viewer(Role::GridWorker, scope);
        assert_eq!(of_household(&worker, house(1, Some(40), 3)), Sight::Full);
        assert_eq!(of_household(&worker, house(2, Some(41), 3)), Sight::Nothing);
        assert_eq!(of_household(&worker, house(7, Some(41), 3)), Sight::Full);
        assert_eq!(of_household(&worker, house(8, None, 3)), Sight::Nothing);
    }

    #[test]
    fn whoever_has_a_region_knows_who_lives_there_but_not_by_name() {
        let scope = Scope { regions: BTreeSet::from([2, 3]), grids: BTreeSet::from([40]), ..Scope::default() };
        let staff = viewer(Role::TownshipStaff, scope.clone());
        assert_eq!(of_household(&staff, house(1, Some(40), 3)), Sight::Masked);
        assert_eq!(of_household(&staff, house(8, None, 3)), Sight::Masked);
        assert_eq!(of_household(&staff, house(2, Some(50), 4)), Sight::Nothing);
        assert_eq!(of_household(&viewer(Role::Wall, scope.clone()), house(1, Some(40), 3)), Sight::Nothing);
        assert_eq!(of_household(&viewer(Role::Auditor, scope), house(1, Some(40), 3)), Sight::Nothing);
    }

    #[test]
    fn a_restricted_matter_is_for_those_who_answer_for_it() {
        let whole = Scope { whole: true, ..Scope::default() };
        let theirs = Scope { units: BTreeSet::from([20]), ..whole.clone() };
        let restricted = MatterPlace { restricted: true, village: Some(3), units: &[20], ..MatterPlace::default() };
        assert!(!of_matter(&viewer(Role::CountyLeader, whole.clone()), restricted));
        assert!(of_matter(&viewer(Role::DutyOfficer, theirs), restricted));
        let open = MatterPlace { restricted: false, ..restricted };
        assert!(of_matter(&viewer(Role::CountyLeader, whole), open));
        assert!(!of_matter(&viewer(Role::Department, Scope::default()), open));
        let own = MatterPlace { reported_by: Some(9), ..MatterPlace::default() };
        assert!(of_matter(&viewer(Role::Responder, Scope::default()), own));
        assert!(!of_matter(&viewer(Role::Responder, Scope::default()), MatterPlace::default()));
    }
}
