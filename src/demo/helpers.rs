//! Those who act: responders with appointments, duty and presence, and the households they look after.

use chrono::{DateTime, Datelike, Duration, NaiveDate, TimeZone, Utc};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::areas::{Areas, DEPARTMENTS, Ids};
use super::calendar::china;
use super::land::{Land, dice};
use super::model::{Appointment, Duty, Household, Link, Responder};
use super::names::{FIRST_PHONE, Namer, pick};
use super::plan::Plan;

/// Who acts for whom, by index into the responders.
pub struct Helpers {
    /// The responders.
    pub all: Vec<Responder>,
    /// 网格员 of each general grid.
    pub worker: Vec<usize>,
    /// 网格长 of each general grid.
    pub leader: Vec<usize>,
    /// Main cadres of each village.
    pub cadres: Vec<Vec<usize>>,
    /// Staff of each township centre.
    pub township_staff: Vec<Vec<usize>>,
    /// County duty officers.
    pub officers: Vec<usize>,
    /// Duty calendar.
    pub duties: Vec<Duty>,
    /// 联户帮办.
    pub links: Vec<Link>,
}

struct Maker<'a> {
    rng: ChaCha8Rng,
    namer: Namer,
    today: NaiveDate,
    ids: &'a mut Ids,
    all: Vec<Responder>,
}

const SKILLS: [&str; 8] = ["法律调解", "电工", "水工", "农技", "茶叶种植", "医护", "驾驶", "客家话"];

impl Maker<'_> {
    fn person(&mut self, presence: f64) -> usize {
        let surname = self.namer.surname(&mut self.rng);
        let female = self.rng.random::<f64>() < 0.36;
        let name = self.namer.person(&mut self.rng, surname, female);
        let mut skills = Vec::new();
        if self.rng.random::<f64>() < 0.25 {
            skills.push(pick(&mut self.rng, &SKILLS));
        }
        let month = self.today.with_day(1).unwrap_or(self.today);
        // Whoever stays mostly stays on: one person's months hang together.
        let stays = self.rng.random::<f64>() < presence;
        let months = [2, 1, 0]
            .into_iter()
            .filter_map(|back| month.checked_sub_months(chrono::Months::new(back)))
            .map(|m| (m, if self.rng.random::<f64>() < 0.93 { stays } else { !stays }))
            .collect();
        let n = self.all.len();
        self.all.push(Responder {
            id: self.ids.give(),
            name,
            skills,
            phone: FIRST_PHONE + n as u64,
            appointments: Vec::new(),
            presence: months,
        });
        n
    }

    fn appoint(&mut self, who: usize, role: &'static str, unit: i64, region: i64, grid: Option<i64>) {
        let days = self.rng.random_range(60..1500);
        let from = self.today - Duration::days(days);
        self.all[who].appointments.push(Appointment { id: self.ids.give(), role, unit, region, grid, from });
    }

    fn people(&mut self, count: usize, role: &'static str, unit: i64, region: i64, presence: f64) -> Vec<usize> {
        (0..count)
            .map(|_| {
                let who = self.person(presence);
                self.appoint(who, role, unit, region, None);
                who
            })
            .collect()
    }
}

/// Appoints the responders. There are exactly as many as planned, if the posts do not need more.
#[must_use]
pub fn appoint(
    seed: u64,
    now: DateTime<Utc>,
    plan: &Plan,
    land: &Land,
    areas: &Areas,
    households: &[Household],
    ids: &mut Ids,
) -> Helpers {
    let today = now.with_timezone(&china()).date_naive();
    let mut maker =
        Maker { rng: dice(seed, 70), namer: Namer::default(), today, ids, all: Vec::with_capacity(plan.responders) };
    let county = areas.county();
    let officers =
        maker.people(if plan.townships > 6 { 8 } else { 4 }, "duty_officer", areas.duty_officer, county, 1.0);
    maker.people(4, "duty_officer", areas.centre, county, 1.0);
    for d in DEPARTMENTS {
        let count = if plan.townships > 6 { 16 } else { 2 };
        maker.people(count, "department_staff", areas.departments[d], county, 1.0);
    }
    let township_staff: Vec<Vec<usize>> = (0..plan.townships)
        .map(|t| maker.people(5, "duty_officer", areas.township_org[t].1, areas.township(t).id, 0.97))
        .collect();
    let mut cadres = Vec::new();
    for v in 0..plan.villages {
        let (unit, region) = (areas.village_org[v].1, areas.village(v).id);
        cadres.push(maker.people(2, "village_cadre", unit, region, 0.96));
        maker.people(if plan.townships > 6 { 4 } else { 2 }, "committee_member", unit, region, 0.88);
        maker.people(if plan.townships > 6 { 2 } else { 1 }, "six_officer", unit, region, 0.92);
        maker.people(if plan.townships > 6 { 4 } else { 1 }, "villager_representative", unit, region, 0.72);
        if v % 5 == 0 {
            maker.people(1, "seconded_cadre", unit, region, 0.9);
        }
    }
    let (mut worker, mut leader) = (Vec::new(), Vec::new());
    for (g, cell) in land.grids.iter().enumerate() {
        let (unit, region, grid) = (areas.grid_unit[g], areas.village(cell.village as usize).id, areas.grids[g].id);
        let who = maker.person(0.93);
        maker.appoint(who, "grid_worker", unit, region, Some(grid));
        worker.push(who);
        let own = &cadres[cell.village as usize];
        let chief = own[g % own.len()];
        maker.appoint(chief, "grid_leader", unit, region, Some(grid));
        leader.push(chief);
    }
    let party = appoint_party_members(&mut maker, plan, land, areas);
    let duties = roster(&mut maker, now, areas, &officers, &township_staff, &party);
    let links = link(&mut maker, areas, households);
    Helpers { all: maker.all, worker, leader, cadres, township_staff, officers, duties, links }
}

/// Fills up with party members, spread over the groups; a third of them live in the village.
fn appoint_party_members(maker: &mut Maker<'_>, plan: &Plan, land: &Land, areas: &Areas) -> Vec<Vec<usize>> {
    let missing = plan.responders.saturating_sub(maker.all.len());
    let grids = land.grids.len();
    let mut party = vec![Vec::new(); grids];
    for n in 0..missing {
        // Every group has its share before chance gives the rest.
        let g = if n < missing * 2 / 3 { n % grids } else { maker.rng.random_range(0..grids) };
        let who = maker.person(0.34);
        maker.appoint(
            who,
            "party_member",
            areas.grid_unit[g],
            areas.village(land.grids[g].village as usize).id,
            Some(areas.grids[g].id),
        );
        party[g].push(who);
    }
    party
}

/// The duty calendar from a week ago to a month ahead: three watches a day for the county, a day each
/// for townships, a week each in the groups.
fn roster(
    maker: &mut Maker<'_>,
    now: DateTime<Utc>,
    areas: &Areas,
    officers: &[usize],
    townships: &[Vec<usize>],
    party: &[Vec<usize>],
) -> Vec<Duty> {
    let midnight = |day: NaiveDate| {
        china()
            .from_local_datetime(&day.and_time(chrono::NaiveTime::MIN))
            .single()
            .map_or(now, |t| t.with_timezone(&Utc))
    };
    let monday = maker.today - Duration::days(7 + i64::from(maker.today.weekday().num_days_from_monday()));
    let mut out = Vec::new();
    let mut add = |maker: &mut Maker<'_>, who: usize, unit: i64, from: DateTime<Utc>, hours: i64| {
        let responder = maker.all[who].id;
        out.push(Duty { id: maker.ids.give(), responder, unit, from, to: from + Duration::hours(hours) });
    };
    for d in 0..38 {
        let day = midnight(monday + Duration::days(d));
        for watch in 0..3 {
            let who = officers[(d * 3 + watch) as usize % officers.len()];
            add(maker, who, areas.duty_officer, day + Duration::hours(8 * watch), 8);
        }
        for (t, staff) in townships.iter().enumerate() {
            add(maker, staff[d as usize % staff.len()], areas.township_org[t].1, day, 24);
        }
    }
    for (g, members) in party.iter().enumerate() {
        for week in 0..5_usize {
            if !members.is_empty() {
                let from = midnight(monday + Duration::days(7 * week as i64));
                add(maker, members[(week + g) % members.len()], areas.grid_unit[g], from, 7 * 24);
            }
        }
    }
    out
}

/// Links households to helpers towards the targets of each role; some stay under, a few go over.
fn link(maker: &mut Maker<'_>, areas: &Areas, households: &[Household]) -> Vec<Link> {
    let mut of_village: std::collections::BTreeMap<i64, std::ops::Range<usize>> = std::collections::BTreeMap::new();
    let mut order: Vec<usize> = (0..households.len()).collect();
    order.sort_by_key(|&h| (households[h].village, h));
    for (k, &h) in order.iter().enumerate() {
        of_village.entry(households[h].village).and_modify(|r| r.end = k + 1).or_insert(k..k + 1);
    }
    let mut turn: std::collections::BTreeMap<i64, usize> = std::collections::BTreeMap::new();
    let mut out = Vec::new();
    for who in 0..maker.all.len() {
        let Some((target, region)) = target(&maker.all[who]) else { continue };
        let Some(range) = of_village.get(&region).cloned() else { continue };
        let r: f64 = maker.rng.random();
        let count = if r < 0.78 {
            target
        } else if r < 0.95 {
            maker.rng.random_range(0..=target)
        } else {
            target + 1
        };
        for _ in 0..count.min(range.len()) {
            // In turn through the village, so that no pair is made twice.
            let t = turn.entry(region).or_insert(0);
            let household = &households[order[range.start + *t % range.len()]];
            *t += 1;
            let from = maker.today - Duration::days(maker.rng.random_range(20..700));
            out.push(Link { id: maker.ids.give(), household: household.id, responder: maker.all[who].id, from });
        }
    }
    let _ = areas;
    out
}

/// How many households a person looks after, by the highest role, and where.
fn target(person: &Responder) -> Option<(usize, i64)> {
    let present = person.presence.last().is_some_and(|p| p.1);
    person
        .appointments
        .iter()
        .filter_map(|a| match a.role {
            "village_cadre" => Some((10, a.region)),
            "committee_member" => Some((5, a.region)),
            "party_member" if present => Some((3, a.region)),
            "villager_representative" | "grid_worker" => Some((1, a.region)),
            _ => None,
        })
        .max_by_key(|t| t.0)
}
