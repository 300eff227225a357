//! What becomes of an incident: handed on, extended, set aside, called for, merged, and moved up by the clock.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use uuid::Uuid;
use yitu::service::incident::deadline;
use yitu::service::incident::view::IncidentView;

use crate::support::StillClock;
use crate::{Desk, body, chains_hold};

/// A Tuesday morning.
const MORNING: &str = "2026-11-24T09:00:00+08:00";

async fn reported(desk: &Desk, category: &str) -> IncidentView {
    let (lon, lat, _) = desk.some_place().await;
    desk.report(body(lon, lat, category)).await.unwrap().incident
}

/// Does a step with the present version.
async fn step(desk: &Desk, now: &IncidentView, mut act: Value) -> IncidentView {
    act["expected_version"] = json!(now.version);
    desk.act(now.id, act.clone()).await.unwrap_or_else(|problem| panic!("{act}: {problem:?}"))
}

async fn refused(desk: &Desk, now: &IncidentView, mut act: Value) -> (&'static str, String) {
    act["expected_version"] = json!(now.version);
    let problem = desk.act(now.id, act).await.unwrap_err();
    (problem.slug, problem.fields.first().map(|f| f.pointer.clone()).unwrap_or_default())
}

async fn seen(desk: &Desk, id: Uuid) -> IncidentView {
    yitu::service::incident::list::find(&desk.yitu, &desk.viewer, id).await.unwrap()
}

async fn kind_of(desk: &Desk, unit: i64) -> String {
    let sql = "SELECT kind::text FROM handling_unit WHERE id = $1";
    sqlx::query_scalar(sql).bind(unit).fetch_one(&desk.database.databases.migrator).await.unwrap()
}

async fn unit(desk: &Desk, kind: &str) -> i64 {
    let sql = "SELECT id FROM handling_unit WHERE kind::text = $1 ORDER BY id LIMIT 1";
    sqlx::query_scalar(sql).bind(kind).fetch_one(&desk.database.databases.migrator).await.unwrap()
}

fn height(kind: &str) -> usize {
    let rungs = ["grid_group", "village_party_org", "township_centre", "county_centre", "county_duty_officer"];
    rungs.iter().position(|k| *k == kind).unwrap()
}

/// What must hold of every incident, whatever has happened.
async fn invariants_hold(desk: &Desk) {
    let broken: Vec<(i64, Option<String>)> = sqlx::query_as(
        "SELECT i.number, CASE
           WHEN owners <> CASE WHEN i.next_deadline_at IS NULL THEN 0 ELSE 1 END THEN 'owners'
           WHEN (i.state IN ('closed', 'cancelled')) <> (i.next_deadline_at IS NULL) THEN 'deadline'
           WHEN steps <> i.version OR last <> i.version THEN 'version'
           WHEN doubled > 0 THEN 'a unit has two parts' END AS what
         FROM incident i,
           LATERAL (SELECT count(*) FILTER (WHERE role = 'owner' AND ended_at IS NULL) AS owners,
                           count(*) FILTER (WHERE ended_at IS NULL) - count(DISTINCT unit_id) FILTER (WHERE ended_at IS NULL) AS doubled
                    FROM assignment a WHERE a.incident_id = i.id) a,
           LATERAL (SELECT count(*) AS steps, max(ordinal) AS last FROM incident_history h WHERE h.incident_id = i.id) h
         WHERE i.description = '路边垃圾堆积' AND (
           owners <> CASE WHEN i.next_deadline_at IS NULL THEN 0 ELSE 1 END
           OR (i.state IN ('closed', 'cancelled')) <> (i.next_deadline_at IS NULL) OR steps <> i.version OR last <> i.version OR doubled > 0)",
    )
    .fetch_all(&desk.database.databases.migrator)
    .await
    .unwrap();
    assert!(broken.is_empty(), "{broken:?}");
}

#[tokio::test]
async fn a_matter_is_handed_on_and_never_further_down_than_it_may_go() {
    let desk = Desk::open().await.at(MORNING);
    let made = reported(&desk, "0301").await;
    let low = kind_of(&desk, made.owner.unit_id).await;
    let up = step(&desk, &made, json!({"action": "return", "note": "不在我们网格"})).await;
    assert_eq!((up.state.as_str(), up.version), ("pending_accept", made.version + 1));
    assert!(height(&kind_of(&desk, up.owner.unit_id).await) > height(&low));
    assert!(up.helpers.as_ref().unwrap().is_empty(), "who gives it back does not help");
    let group = unit(&desk, "grid_group").await;
    let given = step(&desk, &up, json!({"action": "transfer", "to_unit_id": group})).await;
    assert_eq!(given.owner.unit_id, group);
    assert_eq!(refused(&desk, &given, json!({"action": "transfer", "to_unit_id": group})).await.1, "/to_unit_id");
    assert_eq!(refused(&desk, &given, json!({"action": "transfer", "to_unit_id": 1})).await.1, "/to_unit_id");
    assert_eq!(refused(&desk, &given, json!({"action": "transfer"})).await.1, "/to_unit_id");
    assert_eq!(refused(&desk, &given, json!({"action": "return"})).await.1, "/note");

    let secret: String = desk.one("SELECT code FROM category WHERE restricted ORDER BY code DESC LIMIT 1").await;
    let secret = reported(&desk, &secret).await;
    assert_eq!(refused(&desk, &secret, json!({"action": "transfer", "to_unit_id": group})).await.1, "/to_unit_id");
    let department = unit(&desk, "department").await;
    let called = json!({"action": "whistle", "unit_ids": [department]});
    assert_eq!(refused(&desk, &secret, called).await.1, "/unit_ids", "nobody is told of a restricted matter");
    invariants_hold(&desk).await;
    chains_hold(&desk).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn limits_that_pass_move_a_matter_up_rung_by_rung_and_each_once() {
    let clock = StillClock::at(MORNING);
    let desk = Desk::open().await.by(&clock);
    // What the demo left overdue is moved first.
    deadline::pass(&desk.yitu).await.unwrap();
    let made = reported(&desk, "0301").await;
    assert_eq!(deadline::pass(&desk.yitu).await.unwrap(), 0);
    let mut now = made.clone();
    let mut rungs = vec![height(&kind_of(&desk, made.owner.unit_id).await)];
    let other = desk.database.yitu().await.with_clock(std::sync::Arc::new(clock.clone()));
    while *rungs.last().unwrap() < height("county_duty_officer") {
        clock.advance(now.next_deadline_at.unwrap() - clock_now(&desk) + Duration::seconds(1));
        // Two servers look at the clock at once.
        let (one, two) = tokio::join!(deadline::pass(&desk.yitu), deadline::pass(&other));
        one.unwrap();
        two.unwrap();
        let moved = seen(&desk, made.id).await;
        assert_eq!((moved.version, moved.state.as_str()), (now.version + 1, "pending_accept"), "once");
        assert!(moved.overdue && moved.next_deadline_at.unwrap() > clock_now(&desk));
        let helpers: Vec<i64> = moved.helpers.as_ref().unwrap().iter().map(|h| h.unit_id).collect();
        assert!(helpers.contains(&now.owner.unit_id), "who had it helps");
        assert_eq!(moved.resolve_by, made.resolve_by, "the promise stays");
        rungs.push(height(&kind_of(&desk, moved.owner.unit_id).await));
        now = moved;
    }
    assert!(rungs.windows(2).all(|w| w[0] < w[1]), "{rungs:?}");
    // There is nobody above: a reminder a working day.
    for _ in 0..2 {
        clock.advance(now.next_deadline_at.unwrap() - clock_now(&desk) + Duration::seconds(1));
        deadline::pass(&desk.yitu).await.unwrap();
        let reminded = seen(&desk, made.id).await;
        let last = reminded.timeline.as_ref().unwrap().last().unwrap();
        assert_eq!((last.action.as_str(), reminded.owner.unit_id), ("nudge", now.owner.unit_id));
        now = reminded;
    }
    // An hour away from it, or a week: what is due is acted upon once, in order.
    clock.advance(Duration::days(9));
    deadline::pass(&desk.yitu).await.unwrap();
    assert_eq!(deadline::pass(&desk.yitu).await.unwrap(), 0);
    assert_eq!(seen(&desk, made.id).await.version, now.version + 1);
    invariants_hold(&desk).await;
    chains_hold(&desk).await;
}

fn clock_now(desk: &Desk) -> DateTime<Utc> {
    desk.yitu.clock.now()
}

#[tokio::test]
async fn a_missed_signature_is_made_good_and_a_missed_finish_is_not() {
    let clock = StillClock::at(MORNING);
    let desk = Desk::open().await.by(&clock);
    let made = reported(&desk, "0301").await;
    clock.advance(made.accept_by.unwrap() - clock_now(&desk) + Duration::minutes(1));
    deadline::pass(&desk.yitu).await.unwrap();
    let late = seen(&desk, made.id).await;
    assert!(late.overdue);
    let signed = step(&desk, &late, json!({"action": "accept"})).await;
    assert!(!signed.overdue && signed.next_deadline_at == made.resolve_by);
    clock.advance(made.resolve_by.unwrap() - clock_now(&desk) + Duration::minutes(1));
    deadline::pass(&desk.yitu).await.unwrap();
    let unfinished = seen(&desk, made.id).await;
    assert_eq!((unfinished.state.as_str(), unfinished.overdue), ("pending_accept", true));
    let signed = step(&desk, &unfinished, json!({"action": "accept"})).await;
    assert!(signed.overdue && signed.next_deadline_at.unwrap() > clock_now(&desk));
    let longer = step(&desk, &signed, json!({"action": "extend", "days": 2, "note": "等材料"})).await;
    assert!(!longer.overdue && longer.resolve_by.unwrap() > clock_now(&desk) + Duration::days(1));
    assert_eq!(refused(&desk, &longer, json!({"action": "extend", "days": 15, "note": "再等"})).await.1, "/days");
    assert_eq!(refused(&desk, &longer, json!({"action": "extend", "days": 0, "note": "再等"})).await.1, "/days");
    let done = step(&desk, &longer, json!({"action": "resolve", "note": "已清"})).await;
    clock.advance(Duration::days(5));
    deadline::pass(&desk.yitu).await.unwrap();
    let unchecked = seen(&desk, made.id).await;
    assert_eq!((unchecked.state.as_str(), unchecked.version), ("pending_check", done.version + 1));
    let closed = step(&desk, &unchecked, json!({"action": "check", "passed": true})).await;
    assert_eq!((closed.state.as_str(), closed.overdue, closed.next_deadline_at), ("closed", false, None));
    let rated = step(&desk, &closed, json!({"action": "rate", "rating": 5})).await;
    assert_eq!((rated.rating, rated.closed_at), (Some(5), closed.closed_at));
    assert_eq!(refused(&desk, &rated, json!({"action": "rate", "rating": 6})).await.1, "/rating");
    assert_eq!(refused(&desk, &rated, json!({"action": "accept"})).await.0, "not-allowed-now");
    invariants_hold(&desk).await;
    chains_hold(&desk).await;
}

#[tokio::test]
async fn what_is_set_aside_comes_back_on_its_day() {
    let clock = StillClock::at(MORNING);
    let desk = Desk::open().await.by(&clock);
    let made = step(&desk, &reported(&desk, "0301").await, json!({"action": "accept"})).await;
    for day in ["2026-11-24", "2028-11-24"] {
        let asked = json!({"action": "suspend", "review_on": day, "note": "等雨停"});
        assert_eq!(refused(&desk, &made, asked).await.1, "/review_on", "{day}");
    }
    let aside = step(&desk, &made, json!({"action": "suspend", "review_on": "2026-12-20", "note": "等雨停"})).await;
    assert_eq!(aside.next_deadline_at.unwrap().to_rfc3339(), "2026-12-19T16:00:00+00:00", "the county's midnight");
    clock.advance(Duration::days(25));
    deadline::pass(&desk.yitu).await.unwrap();
    assert_eq!(seen(&desk, made.id).await.state, "suspended");
    clock.advance(Duration::hours(15) + Duration::seconds(1));
    deadline::pass(&desk.yitu).await.unwrap();
    let back = seen(&desk, made.id).await;
    assert_eq!(
        (back.state.as_str(), back.timeline.as_ref().unwrap().last().unwrap().action.as_str()),
        ("in_progress", "resume")
    );
    assert!(!back.overdue && back.next_deadline_at.unwrap() > clock_now(&desk));
    invariants_hold(&desk).await;
}

#[tokio::test]
async fn whoever_is_called_signs_in_or_is_named_once() {
    let clock = StillClock::at(MORNING);
    let desk = Desk::open().await.by(&clock);
    deadline::pass(&desk.yitu).await.unwrap();
    let made = reported(&desk, "0301").await;
    let units: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM handling_unit WHERE kind = 'department' ORDER BY id LIMIT 2")
            .fetch_all(&desk.database.databases.migrator)
            .await
            .unwrap();
    let called = step(&desk, &made, json!({"action": "whistle", "unit_ids": units, "sign_in_minutes": 20})).await;
    assert_eq!((called.helpers.as_ref().unwrap().len(), called.state.as_str()), (2, made.state.as_str()));
    assert_eq!(refused(&desk, &called, json!({"action": "whistle", "unit_ids": units})).await.1, "/unit_ids");
    assert_eq!(refused(&desk, &called, json!({"action": "whistle"})).await.1, "/unit_ids");
    let one = step(&desk, &called, json!({"action": "sign_in", "unit_id": units[0]})).await;
    assert_eq!(refused(&desk, &one, json!({"action": "sign_in", "unit_id": units[0]})).await.1, "/unit_id");
    clock.advance(Duration::minutes(20) + Duration::seconds(1));
    // What was refused just now may still hold the lock for a moment; the clock then comes again.
    let mut moved = deadline::pass(&desk.yitu).await.unwrap();
    for _ in 0..40 {
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        moved += deadline::pass(&desk.yitu).await.unwrap();
    }
    assert_eq!(moved, 1);
    let named = seen(&desk, made.id).await;
    assert!(named.timeline.unwrap().last().unwrap().note.contains("未在时限内签到"));
    assert_eq!(named.owner.unit_id, made.owner.unit_id);
    invariants_hold(&desk).await;
    chains_hold(&desk).await;
}

#[tokio::test]
async fn a_duplicate_goes_into_the_matter_it_is_of() {
    let desk = Desk::open().await.at(MORNING);
    let (one, two) = (reported(&desk, "0301").await, reported(&desk, "0301").await);
    for (into, why) in [(two.id, "itself"), (Uuid::new_v4(), "nothing")] {
        assert_eq!(refused(&desk, &two, json!({"action": "merge", "into": into})).await.1, "/into", "{why}");
    }
    let merged = step(&desk, &two, json!({"action": "merge", "into": one.id})).await;
    assert_eq!((merged.state.as_str(), merged.merged_into), ("cancelled", Some(one.id)));
    let told = seen(&desk, one.id).await;
    assert!(told.timeline.as_ref().unwrap().last().unwrap().note.contains(&two.number.to_string()));
    let three = reported(&desk, "0301").await;
    assert_eq!(refused(&desk, &three, json!({"action": "merge", "into": two.id})).await.1, "/into", "a void one");
    let void = step(&desk, &three, json!({"action": "cancel", "note": "误报"})).await;
    assert_eq!((void.state.as_str(), void.next_deadline_at), ("cancelled", None));
    invariants_hold(&desk).await;
    chains_hold(&desk).await;
}
