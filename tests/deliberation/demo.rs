//! The demo county's own agendas.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use yitu::db::copy::BulkLoad;
use yitu::demo::areas::Ids;
use yitu::demo::deliberations::{Places, convene};
use yitu::demo::model::{County, Step};
use yitu::domain::Viewer;
use yitu::domain::lunar::LunarDate;
use yitu::service::incident::deadline;

use crate::support::{DEMO_NOW, StillClock, TestDatabase};
use crate::{Desk, day};

/// The small county, with more under deliberation than chance gave it: some since up to forty days.
fn crowded() -> County {
    let now: DateTime<Utc> = DEMO_NOW.parse().unwrap();
    let mut county = yitu::demo::county::generate(7, now, &yitu::demo::plan::Plan::small(), &mut |_| {});
    let mut ids = Ids::default();
    while ids.last() < county.last_id {
        ids.give();
    }
    let open = county.incidents.iter_mut().filter(|i| i.history.last().is_some_and(|h| h.to_state == "closed"));
    for (n, i) in open.filter(|i| !i.restricted && !i.on_the_spot).take(60).enumerate() {
        i.history.retain(|s| matches!(s.action, "report" | "dispatch" | "accept"));
        i.assignments.truncate(1);
        (i.current, i.assignments[0].ended_at) = (0, None);
        (i.resolved_at, i.closed_at, i.resolved_by, i.state) = (None, None, None, "deliberating");
        let accepted = i.history.last().unwrap().clone();
        let at = now - Duration::hours(16 * n as i64 + 1);
        let step = Step {
            id: ids.give(),
            action: "deliberate",
            at,
            from_state: Some(accepted.to_state),
            to_state: "deliberating",
            ..accepted
        };
        i.history.push(step);
    }
    let places = Places { venues: &county.venues, regions: &county.regions, categories: &county.categories };
    county.deliberations = convene(7, now, &places, &mut county.incidents, &mut ids);
    county.last_id = ids.last();
    county
}

#[tokio::test]
async fn matters_under_deliberation_stand_on_agendas_and_live_on() {
    let county = tokio::task::spawn_blocking(crowded).await.unwrap();
    let now = county.now;
    let mut counts = BTreeMap::<i32, usize>::new();
    for d in county.deliberations.iter().filter(|d| d.incident.is_some() && d.outcome == "waiting") {
        *counts.entry(d.carried_over_count).or_default() += 1;
    }
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3], "{counts:?}");
    assert_eq!(counts.values().sum::<usize>(), county.incidents.iter().filter(|i| i.state == "deliberating").count());
    let database = TestDatabase::new().await;
    let key = yitu::access::phone::PhoneKey::from_hex(&"5a".repeat(32)).unwrap();
    let bulk = BulkLoad::begin(&database.databases.migrator).await.unwrap();
    yitu::demo::load::load(bulk, &county, &key, &mut |_| {}).await.unwrap();
    let clock = StillClock::at(DEMO_NOW);
    let yitu = database.yitu().await.with_clock(std::sync::Arc::new(clock.clone()));
    let viewer = Viewer::whole_county(county.regions[0].id, "值班员甲");
    let desk = Desk { database, yitu, viewer, clock };
    desk.agendas_hold().await;
    let days: Vec<(NaiveDate, String)> =
        sqlx::query_as("SELECT DISTINCT day, outcome::text FROM deliberation WHERE incident_id IS NULL")
            .fetch_all(desk.sql())
            .await
            .unwrap();
    assert!(days.iter().all(|(d, _)| LunarDate::of(*d).unwrap().is_deliberation_day()), "{days:?}");
    assert!(days.iter().all(|(d, o)| (*d < day("2026-11-20")) == (o != "waiting")), "{days:?}");
    let wrong: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM deliberation d JOIN venue v ON v.id = d.venue_id WHERE v.kind NOT IN ('pavilion', 'corridor', 'courtyard')",
    )
    .fetch_one(desk.sql())
    .await
    .unwrap();
    assert_eq!(wrong, 0);
    // The clock finds them as it finds any other: nothing is due yet, and forty days on all were carried over or went up.
    let due = "SELECT count(*) FROM incident WHERE state = 'deliberating' AND next_deadline_at <= $1";
    assert_eq!(sqlx::query_scalar::<_, i64>(due).bind(now).fetch_one(desk.sql()).await.unwrap(), 0);
    for _ in 0..20 {
        desk.clock.advance(Duration::days(2));
        deadline::pass(&desk.yitu).await.unwrap();
        desk.agendas_hold().await;
    }
    let state: Vec<(String, i64)> = sqlx::query_as(
        "SELECT state::text, count(*) FROM incident WHERE id IN (SELECT incident_id FROM deliberation) GROUP BY 1 ORDER BY 1",
    )
    .fetch_all(desk.sql())
    .await
    .unwrap();
    assert_eq!(state, [("pending_accept".to_owned(), counts.values().sum::<usize>() as i64)]);
}
