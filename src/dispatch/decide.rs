//! The walk up the ladder until someone answers.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Candidate, Inputs, Person, Rule, Unit, UnitKind, explain};
use crate::domain::FeatureId;
use crate::domain::calendar::WorkCalendar;
use crate::domain::incident::{State, Urgency};

/// A unit that was asked, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The unit.
    pub unit_id: FeatureId,
    /// Its name.
    pub unit_name: String,
    /// `chosen`, `passed`, or `helps`.
    pub outcome: String,
    /// Why, in Chinese.
    pub reason: String,
}

/// Who answers, until when, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Where the incident stands after it.
    pub state: State,
    /// The grid it was given to.
    pub grid: Option<Candidate>,
    /// The unit that answers.
    pub unit: Unit,
    /// The person, where one is named.
    pub responder: Option<Person>,
    /// The grid is the best guess only; its owner confirms it.
    pub provisional: bool,
    /// The other candidate grids.
    pub neighbours: Vec<Candidate>,
    /// Units that help.
    pub helper_unit_ids: Vec<FeatureId>,
    /// To be signed for by.
    pub accept_by: DateTime<Utc>,
    /// To be finished by.
    pub resolve_by: DateTime<Utc>,
    /// Everyone asked, in order.
    pub walk: Vec<Step>,
    /// Two or three Chinese sentences.
    pub explanation: String,
}

/// Decides who answers. Nothing only when the ladder is empty: a county without its duty officer's unit.
#[must_use]
pub fn decide(inputs: &Inputs) -> Option<Decision> {
    let (accept_by, resolve_by) = deadlines(inputs.now, inputs.matter.urgency, &inputs.rule, &inputs.calendar);
    let floor = first_height(inputs);
    let mut walk = Vec::new();
    let mut chosen: Option<(&Unit, Option<&Person>)> = None;
    for unit in inputs.ladder.iter().filter(|u| may_begin(inputs, u, floor)) {
        let (person, reason) = who_takes(inputs, unit);
        let takes = person.is_some() || unit.kind == UnitKind::CountyDutyOfficer;
        let outcome = if takes { "chosen" } else { "passed" };
        walk.push(Step { unit_id: unit.id, unit_name: unit.name.clone(), outcome: outcome.to_owned(), reason });
        if takes {
            chosen = Some((unit, person));
            break;
        }
    }
    let (unit, person) = chosen?;
    let mut helper_unit_ids = helpers(inputs, unit);
    if let Some(sent) = sent_by_cluster(inputs, unit, &mut walk).filter(|id| !helper_unit_ids.contains(id)) {
        helper_unit_ids.push(sent);
    }
    let best = inputs.place.candidates.first();
    let provisional = best.is_some_and(|c| c.probability < f64::from(inputs.rule.confident));
    let mut decision = Decision {
        state: if inputs.place.text_only { State::PendingLocation } else { State::PendingAccept },
        grid: best.cloned(),
        unit: unit.clone(),
        responder: person.cloned(),
        provisional,
        neighbours: inputs.place.candidates.iter().skip(1).cloned().collect(),
        helper_unit_ids,
        accept_by,
        resolve_by,
        walk,
        explanation: String::new(),
    };
    decision.explanation = explain::sentences(inputs, &decision);
    Some(decision)
}

/// Units that help, none for a restricted matter: whoever need not know is not told.
fn helpers(inputs: &Inputs, owner: &Unit) -> Vec<FeatureId> {
    if inputs.matter.restricted {
        return Vec::new();
    }
    inputs.rule.assist_unit_ids.iter().copied().filter(|&id| id != owner.id).collect()
}

/// The cluster's helper, where nobody in the village could take the matter and the rule calls the cluster in: the party
/// organisation of its nearest other village with somebody there.
fn sent_by_cluster(inputs: &Inputs, owner: &Unit, walk: &mut Vec<Step>) -> Option<FeatureId> {
    let cluster = inputs.cluster.as_ref().filter(|_| inputs.rule.cluster_helps && !inputs.matter.restricted)?;
    let village_was_asked = inputs.ladder.iter().any(|u| {
        u.kind == UnitKind::VillagePartyOrg && walk.iter().any(|s| s.unit_id == u.id && s.outcome == "passed")
    });
    if !village_was_asked || owner.kind.height() <= UnitKind::VillagePartyOrg.height() {
        return None;
    }
    let (unit, reason) = cluster.units.iter().find_map(|unit| {
        let (person, reason) = who_takes(inputs, unit);
        person.map(|_| (unit, reason))
    })?;
    let reason = format!("{}派其协办;{reason}", cluster.name).replace("由其承接", "由其协办");
    walk.push(Step { unit_id: unit.id, unit_name: unit.name.clone(), outcome: "helps".to_owned(), reason });
    Some(unit.id)
}

/// The lowest rung that may have the matter, whatever the rule begins with: what is not a village's work is not pushed
/// down to one, and restricted matters stay with the county.
#[must_use]
pub fn lowest(inputs: &Inputs) -> u8 {
    let (place, matter) = (&inputs.place, &inputs.matter);
    floor(place.text_only || place.outside_county, matter.restricted, matter.village_admitted).height()
}

/// The lowest rung for a kind of matter: one the duty officer has to look into first, a restricted one, a village's.
#[must_use]
pub fn floor(for_duty_officer: bool, restricted: bool, village_admitted: bool) -> UnitKind {
    if for_duty_officer {
        UnitKind::CountyDutyOfficer
    } else if restricted {
        UnitKind::CountyCentre
    } else if village_admitted {
        UnitKind::GridGroup
    } else {
        UnitKind::TownshipCentre
    }
}

/// The lowest rung that is asked.
fn first_height(inputs: &Inputs) -> u8 {
    let had_it = inputs.at_least.map_or(0, UnitKind::height);
    let lawful = lawful_first(inputs).map_or(0, |_| UnitKind::Department.height());
    inputs.rule.first_level.height().max(lowest(inputs)).max(had_it).max(lawful)
}

/// The lawful department, where the matter is neither a village's nor handed to the townships, and no rule names a unit.
fn lawful_first(inputs: &Inputs) -> Option<FeatureId> {
    let (matter, rule) = (&inputs.matter, &inputs.rule);
    let enforced = !matter.village_admitted && !matter.township_delegated && !matter.restricted;
    matter.lawful_department.filter(|_| enforced && !inputs.place.text_only && rule.first_unit_id.is_none())
}

fn may_begin(inputs: &Inputs, unit: &Unit, floor: u8) -> bool {
    match unit.kind {
        UnitKind::Department => {
            inputs.rule.first_unit_id.or(lawful_first(inputs)) == Some(unit.id)
                && floor <= UnitKind::Department.height()
        }
        kind => kind.height() >= floor,
    }
}

/// Who of a unit takes it, with the reason either way.
#[must_use]
pub fn who_takes<'a>(inputs: &'a Inputs, unit: &Unit) -> (Option<&'a Person>, String) {
    let staff: Vec<&Person> = inputs.people.iter().filter(|p| p.unit_id == unit.id).collect();
    match unit.kind {
        UnitKind::GridGroup => ask_group(inputs, unit, &staff),
        UnitKind::VillagePartyOrg => ask_village(&staff),
        _ => ask_office(unit, &staff),
    }
}

fn ask_group<'a>(inputs: &Inputs, unit: &Unit, staff: &[&'a Person]) -> (Option<&'a Person>, String) {
    let grid = inputs.place.candidates.first().map(|c| c.grid_id);
    let mut away = Vec::new();
    for (role, title) in [("grid_worker", "网格员"), ("grid_leader", "网格长")] {
        let all: Vec<&Person> = staff.iter().copied().filter(|p| p.role == role).collect();
        // A dedicated grid may have a worker of its own; otherwise the group's workers answer for it.
        let own: Vec<&Person> = all.iter().copied().filter(|p| grid.is_some() && p.grid_id == grid).collect();
        let asked = if own.is_empty() { all } else { own };
        if let Some(p) = least_loaded(asked.iter().copied().filter(|p| p.present != Some(false))) {
            let of = if unit.neighbour { "邻近网格的" } else { "" };
            let known = if p.present == Some(true) { "在村" } else { "未登记外出" };
            return (Some(p), join(&away, &format!("{of}{title}{}{known},由其承接", p.name)));
        }
        match asked.first() {
            Some(p) => away.push(format!("{title}{}外出", p.name)),
            None => away.push(format!("没有{title}")),
        }
    }
    let on_duty = staff.iter().copied().filter(|p| p.present == Some(true) && p.on_duty);
    if let Some(p) = least_loaded(on_duty) {
        return (Some(p), join(&away, &format!("值班的{}{}在村,由其承接", role_zh(&p.role), p.name)));
    }
    away.push("没有在村的值班成员".to_owned());
    (None, away.join(","))
}

fn ask_village<'a>(staff: &[&'a Person]) -> (Option<&'a Person>, String) {
    for (role, title) in [("village_cadre", "村主干"), ("committee_member", "两委成员")] {
        let there = staff.iter().copied().filter(|p| p.role == role && p.present == Some(true));
        if let Some(p) = least_loaded(there) {
            return (Some(p), format!("{title}{}在村,由其承接", p.name));
        }
    }
    (None, "没有在村的村干部".to_owned())
}

/// Centres, departments, the duty officer: whoever is on duty, else anyone of the staff.
fn ask_office<'a>(unit: &Unit, staff: &[&'a Person]) -> (Option<&'a Person>, String) {
    if let Some(p) = least_loaded(staff.iter().copied().filter(|p| p.on_duty)) {
        return (Some(p), format!("{}正在值班,由其承接", p.name));
    }
    if unit.kind == UnitKind::CountyDutyOfficer {
        return (None, "县值班室兜底承接".to_owned());
    }
    match least_loaded(staff.iter().copied()) {
        Some(p) => (Some(p), format!("工作人员{}承接", p.name)),
        None => (None, "没有可承接的人员".to_owned()),
    }
}

fn join(before: &[String], then: &str) -> String {
    if before.is_empty() { then.to_owned() } else { format!("{};{then}", before.join(",")) }
}

fn least_loaded<'a>(people: impl Iterator<Item = &'a Person>) -> Option<&'a Person> {
    people.min_by_key(|p| (p.load, p.responder_id))
}

/// The Chinese word of an appointment's role.
#[must_use]
pub fn role_zh(role: &str) -> &'static str {
    match role {
        "grid_leader" => "网格长",
        "grid_worker" => "网格员",
        "village_cadre" => "村主干",
        "committee_member" => "两委成员",
        "party_member" => "党员",
        "villager_representative" => "村民代表",
        "six_officer" => "六大员",
        "seconded_cadre" => "下派干部",
        "department_staff" => "工作人员",
        "duty_officer" => "值班员",
        _ => "成员",
    }
}

/// Sign-for and finish limits: by the clock when urgent, else over working days of the calendar.
#[must_use]
pub fn deadlines(
    now: DateTime<Utc>,
    urgency: Urgency,
    rule: &Rule,
    calendar: &WorkCalendar,
) -> (DateTime<Utc>, DateTime<Utc>) {
    let accept = i64::from(rule.accept_minutes);
    let accept_by = match urgency {
        Urgency::Urgent => now + chrono::Duration::minutes(accept),
        _ => calendar.after_minutes(now, accept),
    };
    let resolve_by = match (rule.resolve_minutes, rule.resolve_days) {
        (Some(minutes), _) => now + chrono::Duration::minutes(i64::from(minutes)),
        (None, days) => calendar.after_days(now, i64::from(days.unwrap_or(3))),
    };
    // No finish falls before its own signature.
    (accept_by, resolve_by.max(accept_by))
}
