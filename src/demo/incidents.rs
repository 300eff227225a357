//! Eighteen months of matters, with what became of each.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use uuid::Builder;

use super::areas::{Areas, Ids};
use super::calendar::WorkingTime;
use super::happenings::{actor, describe, instant, reporter, weights};
use super::helpers::Helpers;
use super::land::{Land, dice};
use super::model::{Assignment, Category, Household, Incident, Rule, Step};
use super::names::pick;
use super::plan::Plan;
use super::raster::Xy;
use super::topology::Polygon;
use crate::domain::incident::Limits;
use crate::domain::seal::SYSTEM;

/// Who acts where no person of the county is known.
const DUTY: &str = "县值班员";

/// What the story is told from.
pub struct Cast<'a> {
    /// The divided land.
    pub land: &'a Land,
    /// Areas and their two trees.
    pub areas: &'a Areas,
    /// Households.
    pub households: &'a [Household],
    /// Those who act.
    pub helpers: &'a Helpers,
    /// Categories.
    pub categories: &'a [Category],
    /// Rules.
    pub rules: &'a [Rule],
}

/// Tells the story up to an instant.
#[must_use]
pub fn tell(seed: u64, now: DateTime<Utc>, plan: &Plan, cast: &Cast<'_>, ids: &mut Ids) -> Vec<Incident> {
    let mut rng = dice(seed, 90);
    let mut times: Vec<DateTime<Utc>> = (0..plan.incidents).map(|_| instant(&mut rng, now)).collect();
    times.sort_unstable();
    let leaves: Vec<(usize, u32)> = weights(cast.categories);
    let total: u32 = leaves.iter().map(|l| l.1).sum();
    let grid_index: BTreeMap<i64, usize> = cast.areas.grids.iter().enumerate().map(|(k, g)| (g.id, k)).collect();
    let work = WorkingTime::default();
    times
        .into_iter()
        .enumerate()
        .map(|(n, at)| {
            let mut r = rng.random_range(0..total);
            let category = leaves
                .iter()
                .find(|l| {
                    if r < l.1 {
                        true
                    } else {
                        r -= l.1;
                        false
                    }
                })
                .map_or(1, |l| l.0);
            let household = &cast.households[rng.random_range(0..cast.households.len())];
            let mut story =
                Story { rng: &mut rng, cast, work: &work, now, ids, grid: grid_index[&household.grid], household };
            story.tell(n as i64 + 1, at, &cast.categories[category])
        })
        .collect()
}

struct Story<'a, 'b> {
    rng: &'a mut ChaCha8Rng,
    cast: &'a Cast<'b>,
    work: &'a WorkingTime,
    now: DateTime<Utc>,
    ids: &'a mut Ids,
    grid: usize,
    household: &'a Household,
}

impl Story<'_, '_> {
    fn tell(&mut self, number: i64, at: DateTime<Utc>, category: &Category) -> Incident {
        let urgency = match (category.restricted || category.code.starts_with("08"), self.rng.random_range(0..100)) {
            (true, _) | (_, 0..3) => "urgent",
            (_, 3..18) => "hard",
            _ => "ordinary",
        };
        let mut incident = self.report(number, at, category, urgency);
        let rule = self.rule(category, urgency);
        let on_spot = rule.first_level == "grid_group" && urgency == "ordinary" && self.rng.random::<f64>() < 0.66;
        if on_spot {
            self.settle_on_the_spot(&mut incident);
        } else if !category.restricted && at > self.now - Duration::hours(20) && self.rng.random::<f64>() < 0.06 {
            self.await_place(&mut incident);
        } else {
            self.handle(&mut incident, category, &rule);
        }
        incident
    }

    fn rule(&self, category: &Category, urgency: &str) -> Rule {
        let fits = |r: &&Rule| r.urgency.is_none_or(|u| u == urgency) && r.category.is_none_or(|c| c == category.id);
        let best = self.cast.rules.iter().filter(fits).max_by_key(|r| (r.category.is_some(), r.urgency.is_some()));
        best.unwrap_or(&self.cast.rules[0]).clone()
    }

    /// What was said, where and by whom.
    fn report(&mut self, number: i64, at: DateTime<Utc>, category: &Category, urgency: &'static str) -> Incident {
        let grid = &self.cast.areas.grids[self.grid];
        let source = match self.rng.random_range(0..100) {
            _ if self.household.door.is_none() => "household",
            0..58 => "gps",
            58..76 => "map",
            _ => "household",
        };
        let place = self.place(source, &grid.geom);
        let id = Builder::from_random_bytes(self.rng.random()).into_uuid();
        let reporter = pick(
            self.rng,
            &["grid_worker", "grid_worker", "grid_worker", "resident", "resident", "village_cadre", "hotline"],
        );
        let settlement = &self.cast.areas.settlements[self.grid];
        Incident {
            id,
            number,
            state: "pending_dispatch",
            category: category.id,
            restricted: category.restricted,
            urgency,
            description: describe(self.rng, category, &settlement.name),
            source,
            place,
            accuracy_m: (source == "gps").then(|| (4.0 + 30.0 * self.rng.random::<f64>().powi(3)).round()),
            household: (source == "household").then_some(self.household.id),
            location_text: String::new(),
            village: grid.village,
            grid: Some(grid.id),
            grid_version: Some(grid.version_id),
            reporter,
            reported_at: at,
            received_at: at + Duration::milliseconds(self.rng.random_range(80..2500)),
            accept_by: at,
            resolve_by: at,
            next_deadline: None,
            resolved_at: None,
            resolved_by: None,
            closed_at: None,
            on_the_spot: false,
            assignments: Vec::new(),
            current: 0,
            history: Vec::new(),
            explanation: None,
        }
    }

    /// At the household's door, or some steps off but still in its grid.
    fn place(&mut self, source: &str, outline: &[Polygon]) -> Option<Xy> {
        let door = self.household.door?;
        if source == "household" {
            return Some(door);
        }
        let off = Xy::new(door.x + self.rng.random_range(-60.0..60.0), door.y + self.rng.random_range(-60.0..60.0));
        Some(if outline.iter().any(|p| p.holds(off)) { off } else { door })
    }

    #[allow(clippy::too_many_arguments)] // the columns of one history row
    fn step(
        &mut self,
        i: &mut Incident,
        action: &'static str,
        actor: String,
        at: DateTime<Utc>,
        to: &'static str,
        who: (Option<i64>, Option<i64>),
        note: &str,
    ) {
        let from_state = i.history.last().map(|h| h.to_state);
        i.history.push(Step {
            id: self.ids.give(),
            action,
            actor,
            at,
            from_state,
            to_state: to,
            unit: who.0,
            responder: who.1,
            note: note.into(),
            limits: Limits {
                accept_by: Some(i.accept_by),
                resolve_by: Some(i.resolve_by),
                next_deadline_at: None,
                overdue_since: None,
            },
        });
        i.state = to;
    }

    /// The deadline that runs after the last step.
    fn due(i: &mut Incident, at: DateTime<Utc>) {
        i.next_deadline = Some(at);
        if let Some(last) = i.history.last_mut() {
            last.limits.next_deadline_at = i.next_deadline;
        }
    }

    /// Makes a unit the owner from an instant on; the owner before ends there.
    fn own(
        &mut self,
        i: &mut Incident,
        unit: i64,
        responder: Option<i64>,
        at: DateTime<Utc>,
        accept_by: Option<DateTime<Utc>>,
    ) {
        if let Some(last) = i.assignments.get_mut(i.current).filter(|a| a.owner) {
            last.ended_at = Some(at);
        }
        i.current = i.assignments.len();
        i.assignments.push(Assignment {
            id: self.ids.give(),
            owner: true,
            unit,
            responder,
            accept_by,
            accepted_at: None,
            started_at: at,
            ended_at: None,
        });
    }

    fn end(i: &mut Incident, at: DateTime<Utc>) {
        for a in i.assignments.iter_mut().filter(|a| a.ended_at.is_none()) {
            a.ended_at = Some(at);
        }
        i.closed_at = Some(at);
        i.next_deadline = None;
    }

    /// The person who answers in the group of the grid: its worker, or its leader.
    fn responder(&self) -> i64 {
        let general = self.grid.min(self.cast.helpers.worker.len() - 1);
        let worker = &self.cast.helpers.all[self.cast.helpers.worker[general]];
        let present = worker.presence.last().is_some_and(|p| p.1);
        if present { worker.id } else { self.cast.helpers.all[self.cast.helpers.leader[general]].id }
    }

    fn settle_on_the_spot(&mut self, i: &mut Incident) {
        let (unit, who) = (self.cast.areas.grid_unit[self.grid], self.responder());
        let at = i.received_at;
        self.own(i, unit, Some(who), at, None);
        if let Some(a) = i.assignments.last_mut() {
            a.accepted_at = Some(at);
        }
        i.reporter = "grid_worker";
        i.on_the_spot = true;
        let note = pick(
            self.rng,
            &["现场已处理完毕。", "入户走访,当场解决。", "已当面调解,双方同意。", "已联系相关人员现场处置。"],
        );
        (i.accept_by, i.resolve_by) = (at, at);
        self.step(i, "resolve_on_spot", format!("responder:{who}"), at, "closed", (Some(unit), Some(who)), note);
        i.resolved_at = Some(at);
        i.resolved_by = Some(format!("responder:{who}"));
        Self::end(i, at);
    }

    /// Only words say where it is: the duty officer owns it until it has a place.
    fn await_place(&mut self, i: &mut Incident) {
        let office = self.cast.areas.duty_officer;
        let who = self.cast.helpers.all[pick(self.rng, &self.cast.helpers.officers)].id;
        i.location_text = format!("{}附近", self.cast.areas.settlements[self.grid].name);
        (i.source, i.place, i.household, i.grid, i.grid_version, i.accuracy_m) = ("text", None, None, None, None, None);
        let at = i.received_at;
        i.accept_by = self.work.after_days(at, 1);
        i.resolve_by = self.work.after_days(at, 3);
        self.own(i, office, Some(who), at, Some(i.accept_by));
        self.step(
            i,
            "report",
            reporter(i),
            at,
            "pending_location",
            (Some(office), Some(who)),
            "仅有文字位置,待值班员定位。",
        );
        Self::due(i, i.accept_by);
    }

    /// First owner by the rule's level.
    fn first_owner(&mut self, rule: &Rule) -> (i64, Option<i64>) {
        let (areas, helpers) = (self.cast.areas, self.cast.helpers);
        let township = self.cast.land.grids[self.grid].township as usize;
        match rule.first_level {
            "department" => (rule.first_unit.unwrap_or(areas.centre), None),
            "township_centre" => {
                let staff = pick(self.rng, &helpers.township_staff[township]);
                (areas.township_org[township].1, Some(helpers.all[staff].id))
            }
            "county_centre" => (areas.centre, None),
            "county_duty_officer" => (areas.duty_officer, Some(helpers.all[pick(self.rng, &helpers.officers)].id)),
            _ => (areas.grid_unit[self.grid], Some(self.responder())),
        }
    }

    fn handle(&mut self, i: &mut Incident, category: &Category, rule: &Rule) {
        let at = i.received_at;
        let dispatched = at + Duration::milliseconds(self.rng.random_range(5..60));
        i.accept_by = if i.urgency == "urgent" { at + Duration::hours(2) } else { self.work.after_days(at, 1) };
        i.resolve_by = match rule.resolve_days {
            Some(days) => self.work.after_days(at, i64::from(days)),
            None => at + Duration::minutes(i64::from(rule.resolve_minutes.unwrap_or(24 * 60))),
        };
        let (unit, who) = self.first_owner(rule);
        self.own(i, unit, who, at, Some(i.accept_by));
        self.step(i, "report", reporter(i), at, "pending_dispatch", (None, None), "");
        Self::due(i, i.accept_by);
        self.step(i, "dispatch", SYSTEM.into(), dispatched, "pending_accept", (Some(unit), who), "");
        Self::due(i, i.accept_by);
        i.explanation = Some(self.explain(i, category, unit));
        for helper in rule.assist.iter().take(usize::from(self.rng.random::<f64>() < 0.3)) {
            let id = self.ids.give();
            i.assignments.push(Assignment {
                id,
                owner: false,
                unit: *helper,
                responder: None,
                accept_by: None,
                accepted_at: None,
                started_at: dispatched,
                ended_at: None,
            });
        }
        if self.rng.random::<f64>() < 0.012 {
            let end = at + Duration::minutes(self.rng.random_range(20..300));
            if end < self.now {
                self.step(i, "cancel", DUTY.into(), end, "cancelled", (Some(unit), None), "重复上报,经核实作废。");
                Self::end(i, end);
                return;
            }
        }
        self.accept_and_resolve(i, unit, who);
    }

    fn explain(&self, i: &Incident, category: &Category, unit: i64) -> String {
        let name = self.cast.areas.units.iter().rev().find(|u| u.id == unit).map_or("", |u| u.name.as_str());
        let grid = &self.cast.areas.grids[self.grid].name;
        let how = match i.source {
            "household" => "按所选户所在网格",
            _ => "按上报点位",
        };
        format!("{how}落在{grid}。事项为「{}」,按第1版规则由{name}主办。", category.name)
    }

    /// From the first owner on: signed for, handled, checked, as far as time has come.
    fn accept_and_resolve(&mut self, i: &mut Incident, unit: i64, who: Option<i64>) {
        let (mut unit, mut who) = (unit, who);
        let window = (i.accept_by - i.received_at).num_minutes().max(10);
        let late = self.rng.random::<f64>() < 0.03;
        let accepted = if late {
            i.accept_by + Duration::minutes(self.rng.random_range(30..90))
        } else {
            i.received_at + Duration::minutes(((window as f64) * self.rng.random::<f64>().powi(3) * 0.9) as i64 + 3)
        };
        if late && i.accept_by < self.now {
            (unit, who) = self.escalate(i);
        }
        if accepted >= self.now {
            return;
        }
        if let Some(a) = i.assignments.get_mut(i.current) {
            a.accepted_at = Some(accepted);
        }
        let actor = actor(who, unit);
        self.step(i, "accept", actor.clone(), accepted, "in_progress", (Some(unit), who), "");
        Self::due(i, i.resolve_by);
        if self.put_aside(i, accepted, unit, who) {
            return;
        }
        let left = (i.resolve_by - accepted).num_minutes().max(30);
        // Most in time, one in twenty-five not.
        let share = 0.08 + 0.88 * self.rng.random::<f64>();
        let overrun = if self.rng.random::<f64>() < 0.04 { 1.0 + self.rng.random::<f64>() } else { 0.0 };
        let resolved = accepted + Duration::minutes(((left as f64) * (share + overrun)) as i64);
        if resolved >= self.now {
            return;
        }
        let note = pick(
            self.rng,
            &[
                "已现场处理,恢复正常。",
                "已组织双方调解并达成协议。",
                "已协调施工队修复完成。",
                "已整改到位,附照片。",
                "已落实帮扶责任人。",
                "已解释政策,群众表示理解。",
            ],
        );
        self.step(i, "resolve", actor.clone(), resolved, "pending_check", (Some(unit), who), note);
        (i.resolved_at, i.resolved_by) = (Some(resolved), Some(actor));
        self.check(i, resolved, unit, who);
    }

    /// The sign-for limit passed: one level up; the lower level stays as helper.
    fn escalate(&mut self, i: &mut Incident) -> (i64, Option<i64>) {
        let at = i.accept_by;
        let before = i.assignments[i.current].clone();
        let above =
            self.cast.areas.units.iter().find(|u| u.id == before.unit).and_then(|u| u.parent).unwrap_or(before.unit);
        let village = self.cast.land.grids[self.grid].village as usize;
        let chief = self.cast.helpers.all[self.cast.helpers.cadres[village][0]].id;
        let who = (above == self.cast.areas.village_org[village].1).then_some(chief);
        let accept_by = if i.urgency == "urgent" { at + Duration::hours(2) } else { self.work.after_days(at, 1) };
        self.own(i, above, who, at, Some(accept_by));
        let id = self.ids.give();
        i.assignments.push(Assignment {
            id,
            owner: false,
            accept_by: None,
            ended_at: None,
            started_at: at,
            accepted_at: None,
            ..before
        });
        i.resolve_by = i.resolve_by.max(accept_by + Duration::hours(8));
        self.step(
            i,
            "escalate",
            SYSTEM.into(),
            at,
            "pending_accept",
            (Some(above), who),
            "签收时限已过,升级一级,原承办单位转协办。",
        );
        Self::due(i, accept_by);
        (above, who)
    }

    /// A few stand long: on an agenda, or suspended with a day of review.
    fn put_aside(&mut self, i: &mut Incident, accepted: DateTime<Utc>, unit: i64, who: Option<i64>) -> bool {
        let recent = accepted > self.now - Duration::days(40);
        let r: f64 = self.rng.random();
        let at = accepted + Duration::hours(self.rng.random_range(2..30));
        if !recent || at >= self.now || r > 0.03 {
            return false;
        }
        let (action, state, note, days) = if r < 0.012 {
            // When and where, and until when, is told once all agendas are filled.
            ("deliberate", "deliberating", "", 12)
        } else {
            ("suspend", "suspended", "需等待项目资金落实,经说明后挂账。", 30)
        };
        self.step(i, action, actor(who, unit), at, state, (Some(unit), who), note);
        Self::due(i, (at + Duration::days(days)).max(self.now + Duration::days(2)));
        true
    }

    /// Someone other than the resolver looks: nearly always it is good.
    fn check(&mut self, i: &mut Incident, resolved: DateTime<Utc>, unit: i64, who: Option<i64>) {
        let village = self.cast.land.grids[self.grid].village as usize;
        let checker =
            self.cast.helpers.cadres[village].iter().map(|&c| self.cast.helpers.all[c].id).find(|c| Some(*c) != who);
        let checked = resolved + Duration::minutes(self.rng.random_range(30..2000));
        Self::due(i, i.resolve_by.max(self.work.after_days(resolved, 2)));
        if checked >= self.now {
            return;
        }
        let by = checker.map_or_else(|| DUTY.to_owned(), |c| format!("responder:{c}"));
        if self.rng.random::<f64>() < 0.05 {
            let again = checked + Duration::hours(self.rng.random_range(4..40));
            let last = again + Duration::minutes(self.rng.random_range(30..600));
            i.resolve_by = i.resolve_by.max(self.work.after_days(checked, 2));
            self.step(i, "check", by.clone(), checked, "in_progress", (Some(unit), checker), "现场仍有问题,退回重办。");
            Self::due(i, i.resolve_by.max(self.now + Duration::hours(6)));
            (i.resolved_at, i.resolved_by) = (None, None);
            if last >= self.now {
                return;
            }
            self.step(i, "resolve", actor(who, unit), again, "pending_check", (Some(unit), who), "已按要求重新处理。");
            Self::due(i, i.resolve_by.max(self.work.after_days(again, 2)));
            (i.resolved_at, i.resolved_by) = (Some(again), Some(actor(who, unit)));
            self.step(i, "check", by, last, "closed", (Some(unit), checker), "核查通过。");
            Self::end(i, last);
            return;
        }
        self.step(i, "check", by, checked, "closed", (Some(unit), checker), "核查通过。");
        Self::end(i, checked);
    }
}
