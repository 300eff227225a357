//! What a line means for a matter, so that two tables can be compared.

use super::RuleLine;
use crate::dispatch::UnitKind;
use crate::domain::FeatureId;

/// Where a matter begins, who helps and by when, as [`decide`](crate::dispatch::decide) takes a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Where it begins.
    pub level: UnitKind,
    /// The department, where it is one.
    pub unit_id: Option<FeatureId>,
    /// Who helps.
    pub helpers: Vec<FeatureId>,
    /// The cluster helps too.
    pub cluster_helps: bool,
    /// Minutes to sign.
    pub accept_minutes: i32,
    /// Minutes to finish, or working days.
    pub resolve_minutes: Option<i32>,
    /// Working days to finish.
    pub resolve_days: Option<i32>,
}

/// What is asked of a matter beside its line.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// 保密件: begins with the county and is nobody else's.
    pub restricted: bool,
    /// On the 准入清单: may go down to a village.
    pub village_admitted: bool,
    /// Words only: the duty officer looks where it is.
    pub text_only: bool,
}

/// What a line means for a matter: no lower than the matter may go.
#[must_use]
pub fn outcome(line: &RuleLine, kind: Kind) -> Outcome {
    let floor = if kind.text_only {
        UnitKind::CountyDutyOfficer
    } else if kind.restricted {
        UnitKind::CountyCentre
    } else if kind.village_admitted {
        UnitKind::GridGroup
    } else {
        UnitKind::TownshipCentre
    };
    let lifted = line.first_level.height() < floor.height();
    let mut helpers = if kind.restricted { Vec::new() } else { line.assist_unit_ids.clone() };
    helpers.sort_unstable();
    helpers.dedup();
    Outcome {
        level: if lifted { floor } else { line.first_level },
        unit_id: line.first_unit_id.filter(|_| !lifted),
        helpers,
        cluster_helps: line.cluster_helps && !kind.restricted,
        accept_minutes: line.accept_minutes,
        resolve_minutes: line.resolve_minutes,
        resolve_days: line.resolve_days,
    }
}
