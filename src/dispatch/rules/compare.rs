//! What a line means for a matter, so that two tables can be compared.

use super::RuleLine;
use crate::dispatch::{UnitKind, floor};
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
    /// The lawful department, where the matter is neither a village's nor handed to the townships.
    pub lawful: Option<FeatureId>,
}

/// What a line means for a matter: no lower than the matter may go.
#[must_use]
pub fn outcome(line: &RuleLine, kind: Kind) -> Outcome {
    let floor = floor(kind.text_only, kind.restricted, kind.village_admitted);
    let lifted = line.first_level.height() < floor.height();
    // Unless the line names a unit or begins above it, enforcement goes to the lawful department.
    let named = line.first_unit_id.is_some() || kind.restricted || kind.text_only;
    let reached = line.first_level.height() <= UnitKind::Department.height();
    let lawful = kind.lawful.filter(|_| !named && reached);
    let mut helpers = if kind.restricted { Vec::new() } else { line.assist_unit_ids.clone() };
    helpers.sort_unstable();
    helpers.dedup();
    Outcome {
        level: match lawful {
            Some(_) => UnitKind::Department,
            None if lifted => floor,
            None => line.first_level,
        },
        unit_id: lawful.or(line.first_unit_id.filter(|_| !lifted)),
        helpers,
        cluster_helps: line.cluster_helps && !kind.restricted,
        accept_minutes: line.accept_minutes,
        resolve_minutes: line.resolve_minutes,
        resolve_days: line.resolve_days,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::{Inputs, Matter, Place, Rule, Unit, decide, lowest};
    use crate::domain::calendar::WorkCalendar;
    use crate::domain::incident::Urgency;

    fn ladder() -> Vec<Unit> {
        let kinds = [
            UnitKind::GridGroup,
            UnitKind::VillagePartyOrg,
            UnitKind::TownshipCentre,
            UnitKind::Department,
            UnitKind::CountyCentre,
            UnitKind::CountyDutyOfficer,
        ];
        let unit = |kind: UnitKind| {
            let id = if kind == UnitKind::Department { 9 } else { FeatureId::from(kind.height()) };
            Unit { id, kind, name: kind.zh().to_owned(), org_id: 1, org_name: String::new(), neighbour: false }
        };
        kinds.into_iter().map(unit).collect()
    }

    /// The decision itself lifts a matter just as far.
    #[test]
    fn a_matter_begins_no_lower_than_the_decision_lets_it() {
        let line = RuleLine {
            ordinal: 1,
            category_id: None,
            urgency: None,
            region_id: None,
            first_level: UnitKind::GridGroup,
            first_unit_id: None,
            assist_unit_ids: vec![2, 1, 2],
            cluster_helps: true,
            accept_minutes: 60,
            resolve_minutes: None,
            resolve_days: Some(3),
        };
        for n in 0..16 {
            let kind = Kind {
                restricted: n & 1 > 0,
                village_admitted: n & 2 > 0,
                text_only: n & 4 > 0,
                lawful: (n & 8 > 0 && n & 2 == 0).then_some(9),
            };
            let inputs = Inputs {
                now: chrono::DateTime::UNIX_EPOCH,
                matter: Matter {
                    name: String::new(),
                    category_id: 1,
                    restricted: kind.restricted,
                    village_admitted: kind.village_admitted,
                    township_delegated: false,
                    lawful_department: kind.lawful,
                    urgency: Urgency::Ordinary,
                },
                place: Place {
                    candidates: Vec::new(),
                    village: None,
                    text_only: kind.text_only,
                    household: false,
                    outside_county: false,
                    accuracy_m: None,
                },
                regions: Vec::new(),
                rule: Rule {
                    version: 1,
                    ordinal: 1,
                    first_level: line.first_level,
                    first_unit_id: None,
                    assist_unit_ids: Vec::new(),
                    cluster_helps: false,
                    accept_minutes: 60,
                    resolve_minutes: None,
                    resolve_days: Some(3),
                    confident: 0.9,
                },
                ladder: ladder(),
                people: Vec::new(),
                cluster: None,
                at_least: None,
                calendar: WorkCalendar::new(chrono_tz::Asia::Shanghai, []).into(),
            };
            let begins = outcome(&line, kind);
            assert_eq!(begins.level.height().max(lowest(&inputs)), begins.level.height(), "{kind:?}");
            if kind.lawful.is_none() {
                assert_eq!(begins.level.height(), lowest(&inputs), "{kind:?}");
            }
            // Who is asked first when it is decided.
            for level in UnitKind::ALL.iter().copied().filter(|l| *l != UnitKind::Department) {
                let line = RuleLine { first_level: level, ..line.clone() };
                let rule = Rule { first_level: level, ..inputs.rule.clone() };
                let walk = decide(&Inputs { rule, ..inputs.clone() }).expect("a duty officer").walk;
                let first = inputs.ladder.iter().find(|u| u.id == walk[0].unit_id).expect("on the ladder");
                let begins = outcome(&line, kind);
                assert_eq!(
                    (begins.level.height(), begins.unit_id.is_some()),
                    (first.kind.height(), first.id == 9),
                    "{kind:?} {level:?}"
                );
            }
            assert_eq!((begins.helpers.is_empty(), begins.cluster_helps), (kind.restricted, !kind.restricted));
        }
    }
}
