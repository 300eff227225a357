//! The agendas that the matters under deliberation stand on.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

use super::areas::Ids;
use super::calendar::{WorkingTime, china};
use super::model::{Category, Deliberation, Geom, Incident, Region, Step, Venue};
use super::raster::Xy;
use crate::domain::deliberation::{
    MOST_CARRIED_OVER, NOTICE_DAYS, USUAL_LIMIT, VENUE_KINDS, place_on_agenda, usual_topic,
};
use crate::domain::lunar::deliberation_days;

/// Where people may meet.
pub struct Places<'a> {
    /// Venues of all kinds.
    pub venues: &'a [Venue],
    /// Regions.
    pub regions: &'a [Region],
    /// Categories.
    pub categories: &'a [Category],
}

/// Puts every matter under deliberation on an agenda near it; one whose day is over was carried over since.
#[must_use]
pub fn convene(
    now: DateTime<Utc>,
    places: &Places<'_>,
    incidents: &mut [Incident],
    ids: &mut Ids,
) -> Vec<Deliberation> {
    let mut out: Vec<Deliberation> = Vec::new();
    // How many matters wait on an agenda, and the last number given on it.
    let mut agendas: BTreeMap<(i64, NaiveDate), (i32, i32)> = BTreeMap::new();
    let work = WorkingTime::default();
    for i in incidents.iter_mut().filter(|i| i.state == "deliberating") {
        let Some(since) = i.history.last().map(|s| s.at) else { continue };
        let days = days_since(since, now, &work);
        let Some(last) = days.last() else { continue };
        let room = |v: &&Venue| agendas.get(&(v.id, *last)).is_none_or(|a| a.0 < USUAL_LIMIT);
        let Some(venue) = near(i, places).into_iter().find(room) else { continue };
        let category = places.categories.iter().find(|c| c.id == i.category).map_or("", |c| c.name);
        let topic = usual_topic(category, i.number);
        let mut before: Option<usize> = None;
        for (count, day) in days.iter().enumerate() {
            let agenda = agendas.entry((venue.id, *day)).or_default();
            agenda.0 += i32::from(day == last);
            agenda.1 += 1;
            let note = place_on_agenda(&venue.name, *day, agenda.1);
            told(i, before.map(|b| over(out[b].day, &work)), note, ids);
            if let Some(earlier) = before {
                let entry = &mut out[earlier];
                (entry.outcome, entry.resolution) = ("carried_over", format!("顺延至 {day} {}。", venue.name));
            }
            let carried_over_from = before.map(|b| out[b].id);
            before = Some(out.len());
            out.push(Deliberation {
                id: ids.give(),
                venue: venue.id,
                day: *day,
                agenda_no: agenda.1,
                topic: topic.clone(),
                incident: i.id,
                outcome: "waiting",
                resolution: String::new(),
                carried_over_from,
                carried_over_count: count as i32,
            });
        }
        let by = over(*last, &work);
        i.next_deadline = Some(by);
        i.resolve_by = i.resolve_by.max(by);
    }
    out
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
    let mut venues: Vec<&Venue> = places.venues.iter().filter(|v| VENUE_KINDS.iter().any(|k| k.0 == v.kind)).collect();
    let key = |v: &Venue| {
        let metres = match (i.place, &v.geom) {
            (Some(p), Geom::Point(q)) => distance(p, *q),
            _ => 0.0,
        };
        (v.village != i.village, township(v.village) != home, metres as i64, v.id)
    };
    venues.sort_by_cached_key(|v| key(v));
    venues
}

fn distance(p: Xy, q: Xy) -> f64 {
    (p.x - q.x).hypot(p.y - q.y)
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
        actor: super::incidents::SYSTEM.into(),
        at,
        from_state: Some(last.to_state),
        note: format!("{note}上次没有议到。"),
        ..last.clone()
    };
    i.history.push(step);
}
