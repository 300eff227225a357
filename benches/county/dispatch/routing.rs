//! What the algorithm is worth, by simulation on the demo county: matters that go to the wrong grid, and how long a
//! matter waits to be signed for when most members are away.

use std::fmt::Write;

use chrono::{DateTime, Duration, Utc};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use yitu::dispatch::{Decision, Inputs, Unit, UnitKind, decide};
use yitu::domain::FeatureId;
use yitu::domain::calendar::WorkCalendar;
use yitu::geo::LonLat;
use yitu::geo::measure::metres_per_degree;
use yitu::service::incident::facts::Facts;
use yitu::service::incident::plan::plan;
use yitu::service::incident::whereabouts::sigma_of;
use yitu::service::spatial::{grid_index, grids::probable};

use super::{Desk, checked};
use crate::support::TestDatabase;

const SAMPLES: i64 = 20_000;
/// From which probability a grid is taken as certain.
const CONFIDENT: f64 = 0.90;

/// Places where matters arise: households' doors.
async fn doors(database: &TestDatabase, most: i64) -> Vec<LonLat> {
    let rows: Vec<(f64, f64)> = sqlx::query_as(
        "SELECT ST_X(geom), ST_Y(geom) FROM household WHERE geom IS NOT NULL ORDER BY md5(id::text) LIMIT $1",
    )
    .bind(most)
    .fetch_all(&database.databases.migrator)
    .await
    .unwrap();
    rows.into_iter().map(|(lon, lat)| LonLat::new(lon, lat).unwrap()).collect()
}

/// The position a receiver would give: off by a circular normal error that stays within `accuracy_m` in 68 % of cases.
fn fix(rng: &mut ChaCha8Rng, at: LonLat, accuracy_m: f64) -> Option<LonLat> {
    let sigma = sigma_of(accuracy_m, None)?.metres();
    let (u, angle) = (1.0 - rng.random::<f64>(), rng.random::<f64>() * std::f64::consts::TAU);
    let r = sigma * (-2.0 * u.ln()).sqrt();
    let (x_m, y_m) = metres_per_degree(at.lat());
    LonLat::new(at.lon() + r * angle.cos() / x_m, at.lat() + r * angle.sin() / y_m).ok()
}

pub async fn misrouted(database: &TestDatabase, desk: &Desk) -> String {
    let doors = doors(database, SAMPLES).await;
    let index = grid_index(&desk.yitu);
    let mut text =
        "| GPS error (68 %) | Point in grid: silently wrong | Ours: silently wrong | asked to confirm | of these the right grid is named | right at once |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for accuracy in [5.0, 15.0, 30.0, 60.0, 100.0] {
        let mut rng = ChaCha8Rng::seed_from_u64(accuracy as u64);
        let (mut all, mut plain, mut wrong, mut asked, mut named, mut right) = (0, 0, 0, 0, 0, 0);
        for door in &doors {
            let Some(truth) = index.locate(*door).map(|g| g.id) else { continue };
            let Some(fix) = fix(&mut rng, *door, accuracy) else { continue };
            all += 1;
            plain += i32::from(index.locate(fix).map(|g| g.id) != Some(truth));
            let found = probable(&desk.yitu, fix, sigma_of(accuracy, None));
            match found.first() {
                Some(best) if best.probability >= CONFIDENT && best.grid_id == truth => right += 1,
                Some(best) if best.probability >= CONFIDENT => wrong += 1,
                _ => {
                    asked += 1;
                    named += i32::from(found.iter().take(3).any(|c| c.grid_id == truth));
                }
            }
        }
        let share = |n: i32| format!("{:.2} %", f64::from(n) / f64::from(all) * 100.0);
        let of_asked = format!("{:.1} %", f64::from(named) / f64::from(asked.max(1)) * 100.0);
        writeln!(
            text,
            "| {accuracy:.0} m | {} | {} | {} | {of_asked} | {} |",
            share(plain),
            share(wrong),
            share(asked),
            share(right)
        )
        .unwrap();
    }
    text
}

/// What is assumed of people, and said under the table: two thirds of all are away whatever their post; what the register
/// says of a person's presence is true nine times in ten; who is there signs after 30 minutes in the middle (log-normal,
/// σ = 1), who is away never does.
struct People {
    away: f64,
    known: f64,
}

pub async fn time_to_sign(database: &TestDatabase, desk: &Desk) -> String {
    let doors = doors(database, 3_000).await;
    let people = People { away: 2.0 / 3.0, known: 0.9 };
    let mut text = "| One third of the members present | Signed at the first address | Escalations a matter | Median | p90 | Signed within 24 working hours |\n|---|---|---|---|---|---|\n".to_owned();
    let mut all: Vec<Inputs> = Vec::new();
    for door in &doors {
        let report = checked(desk, *door, 5.0);
        let planned = plan(&mut Facts::new(&desk.yitu, &desk.viewer, desk.yitu.clock.now()), &report).await.unwrap();
        all.push(planned.inputs);
    }
    for (label, with) in [("The grid's own worker, whoever is there", false), ("By availability", true)] {
        let mut rng = ChaCha8Rng::seed_from_u64(33);
        let mut waits: Vec<Duration> = Vec::new();
        let (mut first, mut escalations, mut in_time) = (0, 0, 0);
        for inputs in &all {
            let (signed, steps, soon) = one(&mut rng, inputs, &people, with);
            first += i32::from(steps == 0);
            escalations += steps;
            in_time += i32::from(soon);
            waits.push(signed);
        }
        waits.sort_unstable();
        let n = waits.len();
        let hours = |d: Duration| format!("{:.1} h", d.num_minutes() as f64 / 60.0);
        let share = |k: i32| format!("{:.0} %", f64::from(k) / n as f64 * 100.0);
        writeln!(
            text,
            "| {label} | {} | {:.2} | {} | {} | {} |",
            share(first),
            f64::from(escalations) / n as f64,
            hours(waits[n / 2]),
            hours(waits[n * 9 / 10]),
            share(in_time)
        )
        .unwrap();
    }
    text
}

/// How long one matter waits, how often it goes a level up, and whether it is signed for within a working day.
fn one(rng: &mut ChaCha8Rng, inputs: &Inputs, people: &People, with_availability: bool) -> (Duration, i32, bool) {
    let reported = inputs.now;
    let calendar: &WorkCalendar = &inputs.calendar;
    // Offices are staffed; of those who live in villages a third is there.
    let in_village = |unit: FeatureId| {
        let of = |u: &&Unit| u.id == unit && matches!(u.kind, UnitKind::GridGroup | UnitKind::VillagePartyOrg);
        inputs.ladder.iter().find(of).is_some()
    };
    let there: Vec<bool> =
        inputs.people.iter().map(|p| !in_village(p.unit_id) || rng.random::<f64>() >= people.away).collect();
    let mut seen = inputs.clone();
    for (person, there) in seen.people.iter_mut().zip(&there) {
        if in_village(person.unit_id) {
            let true_word = rng.random::<f64>() < people.known;
            person.present = Some(if with_availability { *there == true_word } else { true });
        }
    }
    let (mut now, mut steps) = (reported, 0);
    loop {
        seen.now = now;
        let Some(decision) = decide(&seen) else { return (now - reported, steps, false) };
        if let Some(signed) = signs(rng, inputs, &there, &decision, now) {
            let soon = signed <= calendar.after_minutes(reported, 24 * 60);
            return (signed - reported, steps, soon);
        }
        steps += 1;
        now = decision.accept_by;
        seen.at_least = decision.unit.kind.above();
        if seen.at_least.is_none() {
            return (now - reported, steps, false);
        }
    }
}

/// When the one it was given to signs, if ever.
fn signs(
    rng: &mut ChaCha8Rng,
    inputs: &Inputs,
    there: &[bool],
    decision: &Decision,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let asked = decision.responder.as_ref()?;
    let place =
        inputs.people.iter().position(|p| p.responder_id == asked.responder_id && p.unit_id == asked.unit_id)?;
    if !there[place] {
        return None;
    }
    let (u, angle) = (1.0 - rng.random::<f64>(), rng.random::<f64>() * std::f64::consts::TAU);
    let normal = (-2.0 * u.ln()).sqrt() * angle.cos();
    let at = now + Duration::seconds((30.0 * 60.0 * normal.exp()) as i64);
    Some(at).filter(|at| *at <= decision.accept_by)
}
