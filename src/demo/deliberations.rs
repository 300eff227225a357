//! The agendas that the matters under deliberation stand on.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use rand::Rng;
use uuid::Uuid;

use super::areas::Ids;
use super::calendar::{WorkingTime, china};
use super::land::dice;
use super::model::{Category, Deliberation, Geom, Incident, Region, Step, Venue};
use super::names::pick;
use crate::domain::deliberation::{
    MOST_CARRIED_OVER, NOTICE_DAYS, USUAL_LIMIT, VENUE_KINDS, place_on_agenda, usual_topic,
};
use crate::domain::lunar::{deliberation_days, deliberation_days_until};

/// What villages deliberate of their own accord; what they agree upon, or why they do not.
const TOPICS: [(&str, &str, &str); 8] = [
    ("村道拓宽让地", "沿路各户各让半米,村里出工料。", "两户不愿让地,另选线路再议。"),
    ("路灯装在哪一侧", "装在溪边一侧,电费由村集体出。", "两侧住户意见不一,先各装两盏试用。"),
    ("老人食堂饭菜价格", "每餐五元,低保户免费。", "账目未公开,公开后再议。"),
    ("晒谷场晚间停车", "农忙季节不停车,其余时间先到先停。", "有车户与种粮户未谈拢。"),
    ("水渠清淤出工", "每户出一工,外出户折资五十元。", "受益田块不同,出工办法再议。"),
    ("祠堂修缮筹资", "自愿捐资,张榜公布。", "预算过高,请重新测算。"),
    ("红白事简办标准", "不超过十五桌,礼金不超过一百元。", "标准未统一,征求各房意见后再议。"),
    ("垃圾清运费", "每户每月五元,独居老人免交。", "收费办法未谈拢。"),
];

/// Where people may meet.
pub struct Places<'a> {
    /// Venues of all kinds.
    pub venues: &'a [Venue],
    /// Regions.
    pub regions: &'a [Region],
    /// Categories.
    pub categories: &'a [Category],
}

/// All agendas.
#[derive(Default)]
struct Agendas {
    entries: Vec<Deliberation>,
    /// By venue and day: how many matters wait there, and the last number given.
    kept: BTreeMap<(i64, NaiveDate), (i32, i32)>,
}

impl Agendas {
    fn has_room(&self, venue: i64, day: NaiveDate) -> bool {
        self.kept.get(&(venue, day)).is_none_or(|kept| kept.0 < USUAL_LIMIT)
    }

    /// Enters a topic, carried over from the entry before it where there is one; answers its number.
    fn enter(&mut self, ids: &mut Ids, at: (i64, NaiveDate), about: (String, Option<Uuid>), carried_over: bool) -> i32 {
        let id = ids.give();
        let from = self.entries.last().filter(|_| carried_over).map(|e| (e.id, e.carried_over_count));
        let kept = self.kept.entry(at).or_default();
        *kept = (kept.0 + 1, kept.1 + 1);
        let agenda_no = kept.1;
        self.entries.push(Deliberation {
            id,
            venue: at.0,
            day: at.1,
            agenda_no,
            topic: about.0,
            incident: about.1,
            outcome: "waiting",
            resolution: String::new(),
            carried_over_from: from.map(|f| f.0),
            carried_over_count: from.map_or(0, |f| f.1 + 1),
        });
        agenda_no
    }

    /// Says what came of the last entry.
    fn conclude(&mut self, outcome: &'static str, resolution: String) {
        let Some(entry) = self.entries.last_mut() else { return };
        (entry.outcome, entry.resolution) = (outcome, resolution);
        if outcome == "carried_over"
            && let Some(kept) = self.kept.get_mut(&(entry.venue, entry.day))
        {
            kept.0 -= 1;
        }
    }
}

/// Puts every matter under deliberation on an agenda near it — one whose day is over was carried over since — and gives
/// every venue topics of its village, those of the days past with what came of them.
#[must_use]
pub fn convene(
    seed: u64,
    now: DateTime<Utc>,
    places: &Places<'_>,
    incidents: &mut [Incident],
    ids: &mut Ids,
) -> Vec<Deliberation> {
    let mut agendas = Agendas::default();
    let work = WorkingTime::default();
    for i in incidents.iter_mut().filter(|i| i.state == "deliberating") {
        put(i, now, places, &mut agendas, &work, ids);
    }
    let mut rng = dice(seed, 95);
    let today = now.with_timezone(&china()).date_naive();
    let mut days: Vec<NaiveDate> = deliberation_days_until(today - Days::new(1)).map(|d| d.0).take(3).collect();
    days.reverse();
    days.extend(deliberation_days(today).map(|d| d.0).take(1));
    for venue in places.venues.iter().filter(|v| deliberates(v)) {
        for day in &days {
            for _ in 0..rng.random_range(0..3) {
                let (topic, agreed, not_agreed) = pick(&mut rng, &TOPICS);
                let outcome = if rng.random::<f64>() < 0.75 { ("agreed", agreed) } else { ("not_agreed", not_agreed) };
                if agendas.has_room(venue.id, *day) {
                    agendas.enter(ids, (venue.id, *day), (topic.to_owned(), None), false);
                    if *day < today {
                        agendas.conclude(outcome.0, outcome.1.to_owned());
                    }
                }
            }
        }
    }
    agendas.entries
}

fn put(
    i: &mut Incident,
    now: DateTime<Utc>,
    places: &Places<'_>,
    agendas: &mut Agendas,
    work: &WorkingTime,
    ids: &mut Ids,
) {
    let Some(since) = i.history.last().map(|s| s.at) else { return };
    let days = days_since(since, now, work);
    let room = |v: &&Venue| days.iter().all(|day| agendas.has_room(v.id, *day));
    let Some(venue) = near(i, places).into_iter().find(room) else { return };
    let category = places.categories.iter().find(|c| c.id == i.category).map_or("", |c| c.name);
    let mut before: Option<NaiveDate> = None;
    for day in days {
        if before.is_some() {
            agendas.conclude("carried_over", format!("顺延至 {day} {}。", venue.name));
        }
        let about = (usual_topic(category, i.number), Some(i.id));
        let agenda_no = agendas.enter(ids, (venue.id, day), about, before.is_some());
        told(i, before.map(|b| over(b, work)), place_on_agenda(&venue.name, day, agenda_no), ids);
        let by = over(day, work);
        i.next_deadline = Some(by);
        i.resolve_by = i.resolve_by.max(by);
        if let Some(last) = i.history.last_mut() {
            (last.limits.resolve_by, last.limits.next_deadline_at) = (Some(i.resolve_by), i.next_deadline);
        }
        before = Some(day);
    }
}

/// The day a matter waits for, and those before it on which it was not reached.
fn days_since(since: DateTime<Utc>, now: DateTime<Utc>, work: &WorkingTime) -> Vec<NaiveDate> {
    let first = since.with_timezone(&china()).date_naive() + Days::new(NOTICE_DAYS);
    let mut days = Vec::new();
    for (day, _) in deliberation_days(first) {
        days.push(day);
        if over(day, work) > now {
            break;
        }
    }
    // Whoever has waited longer found the first agendas full.
    let full = days.len().saturating_sub(MOST_CARRIED_OVER as usize + 1);
    days.split_off(full)
}

/// Until when what came of a day is written down: a working day after it.
fn over(day: NaiveDate, work: &WorkingTime) -> DateTime<Utc> {
    let midnight = (day + Days::new(1)).and_time(NaiveTime::MIN).and_local_timezone(china()).single();
    midnight.map_or(DateTime::<Utc>::MAX_UTC, |m| work.after_days(m.with_timezone(&Utc), 1))
}

/// Where a matter can be deliberated: in its village, then in its township, then elsewhere; the nearest first.
fn near<'a>(i: &Incident, places: &Places<'a>) -> Vec<&'a Venue> {
    let township = |village: i64| places.regions.iter().find(|r| r.id == village).and_then(|r| r.parent);
    let home = township(i.village);
    let mut venues: Vec<&Venue> = places.venues.iter().filter(|v| deliberates(v)).collect();
    let key = |v: &Venue| {
        let metres = match (i.place, &v.geom) {
            (Some(p), Geom::Point(q)) => p.distance(*q),
            _ => 0.0,
        };
        (v.village != i.village, township(v.village) != home, metres as i64, v.id)
    };
    venues.sort_by_cached_key(|v| key(v));
    venues
}

fn deliberates(venue: &Venue) -> bool {
    VENUE_KINDS.iter().any(|k| k.0 == venue.kind)
}

/// Writes into the history where it stands: with the step that put it there, or with the clock's that carried it over.
fn told(i: &mut Incident, carried_at: Option<DateTime<Utc>>, note: String, ids: &mut Ids) {
    let Some(last) = i.history.last_mut() else { return };
    let Some(at) = carried_at else {
        last.note = note;
        return;
    };
    let step = Step {
        id: ids.give(),
        actor: crate::domain::seal::SYSTEM.into(),
        at,
        from_state: Some(last.to_state),
        note: format!("{note}上次没有议到。"),
        ..last.clone()
    };
    i.history.push(step);
}
