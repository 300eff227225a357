//! An incident's way over agendas: put there, carried over by people and by the clock, recorded, and taken off.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use yitu::service::deliberation::carry_over::carry_over;
use yitu::service::deliberation::view::EntryView;
use yitu::service::incident::deadline;
use yitu::service::incident::view::IncidentView;

use crate::{DAYS, Desk, day, named, problem_or};

fn entry(view: &IncidentView) -> &EntryView {
    view.deliberation.as_ref().unwrap()
}

fn last_step(view: &IncidentView) -> (&str, &str, &str) {
    let step = view.timeline.as_ref().unwrap().last().unwrap();
    (step.action.as_str(), step.actor.as_str(), step.note.as_str())
}

async fn just_after_its_deadline(desk: &Desk, view: &IncidentView) {
    desk.clock.advance(view.next_deadline_at.unwrap() - desk.yitu.clock.now() + Duration::seconds(1));
    deadline::pass(&desk.yitu).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_matter_is_put_on_an_agenda_carried_over_by_the_clock_agreed_upon_and_closed() {
    let desk = Desk::open().await;
    let made = desk.matter().await;
    let on = desk.step(&made, json!({"action": "deliberate", "note": "两边住户意见不一"})).await;
    let first = entry(&on).clone();
    assert_eq!((on.state.as_str(), on.version), ("deliberating", made.version + 1));
    assert_eq!((first.day, first.lunar.as_str(), first.outcome.as_str()), (day(DAYS[0]), "农历十月廿五", "waiting"));
    assert_eq!(first.incident.as_ref().unwrap().number, on.number);
    assert!(first.topic.contains(&on.number.to_string()) && !first.topic.contains("路灯装"), "{}", first.topic);
    let (action, actor, note) = last_step(&on);
    assert_eq!((action, actor), ("deliberate", "值班员甲"));
    let told = format!("列入{}12月3日(农历十月廿五)议程第 {} 项。两边住户意见不一", first.venue.name, first.agenda_no);
    assert_eq!(note, told);
    // Thursday's sitting is over at midnight; a working day later is the midnight after Friday.
    let by: DateTime<Utc> = "2026-12-05T00:00:00+08:00".parse().unwrap();
    assert!(made.resolve_by.unwrap() < by, "the finish limit would have lapsed");
    assert_eq!((on.next_deadline_at, on.resolve_by), (Some(by), Some(by)));

    // Up to the instant nothing happens, and nothing lapses.
    desk.clock.advance(by - desk.yitu.clock.now() - Duration::seconds(1));
    deadline::pass(&desk.yitu).await.unwrap();
    let still = desk.seen(on.id).await;
    assert_eq!((still.version, still.overdue), (on.version, false));
    // Two servers look at the clock at once.
    desk.clock.advance(Duration::seconds(2));
    let other = desk.database.yitu().await.with_clock(std::sync::Arc::new(desk.clock.clone()));
    let (one, two) = tokio::join!(deadline::pass(&desk.yitu), deadline::pass(&other));
    one.unwrap();
    two.unwrap();
    let carried = desk.seen(on.id).await;
    let second = entry(&carried).clone();
    assert_eq!((carried.state.as_str(), carried.version, carried.overdue), ("deliberating", on.version + 1, false));
    assert_eq!(carried.owner.unit_id, on.owner.unit_id, "it does not go up");
    assert_eq!((second.day, second.venue.id), (day(DAYS[1]), first.venue.id));
    assert_eq!((second.carried_over_from, second.carried_over_count), (Some(first.id), 1));
    assert_eq!(second.topic, first.topic);
    let (action, actor, note) = last_step(&carried);
    assert_eq!((action, actor), ("deliberate", "系统"));
    assert!(note.ends_with("上次没有议到。") && note.contains("12月13日(农历十一月初五)"), "{note}");
    // A Sunday: what came of it is written down by the end of Monday.
    assert_eq!(carried.next_deadline_at, Some("2026-12-15T00:00:00+08:00".parse().unwrap()));
    desk.agendas_hold().await;

    let agreed = json!({"outcome": "agreed", "resolution": "装在路北,村里出电费", "actor": "村支书"});
    assert_eq!(desk.record(&second, agreed.clone()).await.unwrap_err().slug, "too-early");
    desk.set_clock("2026-12-13T20:00:00+08:00");
    let done = desk.record(&second, agreed.clone()).await.unwrap();
    assert_eq!((done.outcome.as_str(), done.resolution.as_str()), ("agreed", "装在路北,村里出电费"));
    assert!(done.seq.is_some());
    let back = desk.seen(on.id).await;
    assert_eq!((back.state.as_str(), back.version, back.overdue), ("in_progress", carried.version + 1, false));
    assert_eq!(last_step(&back), ("resume", "村支书", "议事结果:议定。装在路北,村里出电费"));
    // The owner has a working day at least: Monday, whole.
    assert_eq!(back.next_deadline_at, Some("2026-12-15T00:00:00+08:00".parse().unwrap()));
    assert_eq!(back.resolve_by, back.next_deadline_at);
    assert_eq!(desk.record(&done, agreed).await.unwrap_err().slug, "deliberation-over");
    let resolved = desk.step(&back, json!({"action": "resolve", "note": "已装"})).await;
    let closed = desk.step(&resolved, json!({"action": "check", "passed": true})).await;
    assert_eq!((closed.state.as_str(), entry(&closed).outcome.as_str()), ("closed", "agreed"));
    desk.agendas_hold().await;
}

#[tokio::test]
async fn what_was_carried_over_three_times_goes_up() {
    let desk = Desk::open().await;
    let made = desk.matter().await;
    let mut now = desk.step(&made, json!({"action": "deliberate"})).await;
    for (count, expected) in DAYS.iter().enumerate() {
        assert_eq!((entry(&now).day, entry(&now).carried_over_count as usize), (day(expected), count));
        assert_eq!(now.state, "deliberating");
        if count == 3 {
            break;
        }
        just_after_its_deadline(&desk, &now).await;
        now = desk.seen(now.id).await;
    }
    // People cannot carry it over either.
    let body = serde_json::from_value(json!({"expected_version": entry(&now).version})).unwrap();
    let again = problem_or(carry_over(&desk.yitu, &desk.viewer, entry(&now).id, body).await).unwrap_err();
    assert_eq!(again.slug, "carried-over-too-often");
    assert_eq!(desk.refused(&now, json!({"action": "deliberate"})).await.0, "carried-over-too-often");
    just_after_its_deadline(&desk, &now).await;
    let up = desk.seen(now.id).await;
    assert_eq!((up.state.as_str(), up.overdue, last_step(&up).0), ("pending_accept", true, "escalate"));
    assert!(last_step(&up).2.contains("未在议事时限内办理"), "{}", last_step(&up).2);
    assert_ne!(up.owner.unit_id, now.owner.unit_id);
    assert_eq!((entry(&up).outcome.as_str(), entry(&up).resolution.as_str()), ("withdrawn", "因“逾期升级”撤出议程。"));
    desk.agendas_hold().await;
}

#[tokio::test]
async fn however_a_deliberation_ends_its_entry_ends_with_it() {
    let desk = Desk::open().await;
    let into = desk.matter().await;
    let ends: [(Value, &str); 4] = [
        (json!({"action": "resolve", "note": "双方已谈妥"}), "pending_check"),
        (json!({"action": "cancel", "note": "误报"}), "cancelled"),
        (json!({"action": "merge", "into": into.id}), "cancelled"),
        (json!({"action": "resume"}), "in_progress"),
    ];
    for (body, state) in ends {
        let on = desk.step(&desk.matter().await, json!({"action": "deliberate"})).await;
        let after = desk.step(&on, body.clone()).await;
        assert_eq!((after.state.as_str(), entry(&after).outcome.as_str()), (state, "withdrawn"), "{body}");
        assert_eq!(entry(&after).id, entry(&on).id);
        assert!(entry(&after).resolution.starts_with("因“"), "{}", entry(&after).resolution);
        desk.agendas_hold().await;
    }
    // Withdrawn and put on again: another entry.
    let on = desk.step(&desk.matter().await, json!({"action": "deliberate"})).await;
    let why = json!({"outcome": "withdrawn", "resolution": "当事人外出"});
    desk.record(entry(&on), why).await.unwrap();
    let back = desk.seen(on.id).await;
    assert_eq!((back.state.as_str(), last_step(&back).2), ("in_progress", "议事结果:撤回。当事人外出"));
    let again = desk.step(&back, json!({"action": "deliberate"})).await;
    assert_ne!(entry(&again).id, entry(&on).id);
    assert_eq!((entry(&again).carried_over_count, entry(&again).carried_over_from), (0, None));
    desk.agendas_hold().await;
}

#[tokio::test]
async fn people_choose_the_venue_and_the_day_and_move_it() {
    let desk = Desk::open().await;
    let venues: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM venue WHERE kind IN ('pavilion', 'corridor', 'courtyard') ORDER BY id DESC")
            .fetch_all(desk.sql())
            .await
            .unwrap();
    let made = desk.matter().await;
    let chosen = json!({"action": "deliberate", "venue_id": venues[0], "day": DAYS[2], "topic": " 路灯装哪侧 "});
    let on = desk.step(&made, chosen).await;
    let first = entry(&on).clone();
    assert_eq!((first.venue.id, first.day, first.topic.as_str()), (venues[0], day(DAYS[2]), "路灯装哪侧"));
    let same = json!({"action": "deliberate", "venue_id": venues[0], "day": DAYS[2]});
    assert_eq!(desk.refused(&on, same).await.1, "/day", "it is there already");
    // Another venue, the day as it is.
    let moved = desk.step(&on, json!({"action": "deliberate", "venue_id": venues[1]})).await;
    assert_eq!((entry(&moved).venue.id, entry(&moved).day), (venues[1], day(DAYS[2])));
    assert_eq!((entry(&moved).topic.as_str(), entry(&moved).carried_over_from), ("路灯装哪侧", Some(first.id)));
    assert_eq!(moved.state, "deliberating");
    // The same venue, the next day.
    let body = serde_json::from_value(json!({"expected_version": entry(&moved).version, "actor": "村主任"})).unwrap();
    let next = problem_or(carry_over(&desk.yitu, &desk.viewer, entry(&moved).id, body).await).unwrap();
    assert_eq!((next.venue.id, next.day, next.carried_over_count), (venues[1], day(DAYS[3]), 2));
    let seen = desk.seen(on.id).await;
    assert_eq!((entry(&seen).id, last_step(&seen).1), (next.id, "村主任"));
    assert_eq!(seen.next_deadline_at, Some("2027-01-05T00:00:00+08:00".parse().unwrap()), "Saturday, then Monday");
    desk.agendas_hold().await;
}

#[tokio::test]
async fn what_cannot_be_deliberated_is_refused_with_the_way_out() {
    let desk = Desk::open().await;
    let made = desk.matter().await;
    let deliberate = |more: Value| {
        let mut body = json!({"action": "deliberate"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let clinic: i64 =
        sqlx::query_scalar("SELECT id FROM venue WHERE kind = 'clinic' LIMIT 1").fetch_one(desk.sql()).await.unwrap();
    let cases = [
        (json!({"day": "2026-12-04"}), "/day", "no 5th, 15th or 25th"),
        (json!({"day": "2026-11-23"}), "/day", "a day that is past"),
        (json!({"day": "2027-02-11"}), "/day", "too far ahead"),
        (json!({"venue_id": clinic}), "/venue_id", "no place of deliberation"),
        (json!({"venue_id": 1}), "/venue_id", "nothing"),
        (json!({"topic": "长".repeat(201)}), "/topic", "too long"),
    ];
    for (more, field, why) in cases {
        assert_eq!(desk.refused(&made, deliberate(more)).await, ("bad-field", field.to_owned()), "{why}");
    }
    let problem = desk.act(&made, deliberate(json!({"day": "2026-12-04"}))).await.unwrap_err();
    assert!(problem.detail.zh.contains("2026-12-03(农历十月廿五)"), "the next days are named: {}", problem.detail.zh);
    let secret: String = sqlx::query_scalar("SELECT code FROM category WHERE restricted ORDER BY code DESC LIMIT 1")
        .fetch_one(desk.sql())
        .await
        .unwrap();
    let lon_lat = json!({"source": "map", "lon": made.location.lon, "lat": made.location.lat});
    let secret = desk.matter_at(lon_lat, &secret).await;
    assert_eq!(desk.refused(&secret, deliberate(json!({}))).await.0, "restricted-not-deliberated");
    let venue = desk.venue().await;
    assert_eq!(desk.refused(&secret, deliberate(json!({"venue_id": venue}))).await.0, "restricted-not-deliberated");
    // Where not even the village is known there is no nearest venue; one can be named.
    let nowhere = desk.matter_at(json!({"source": "text", "text": "大榕树下"}), "0301").await;
    assert_eq!(nowhere.village.as_ref().map(|v| v.id), None);
    assert_eq!(desk.refused(&nowhere, deliberate(json!({}))).await.1, "/venue_id");
    let on = desk.step(&nowhere, deliberate(json!({"venue_id": venue}))).await;
    assert_eq!(desk.refused(&on, json!({"action": "transfer", "to_unit_id": 1})).await.0, "not-allowed-now");
    let done = desk.step(&on, json!({"action": "resolve"})).await;
    assert_eq!(desk.refused(&done, deliberate(json!({}))).await.0, "not-allowed-now");
    for (outcome, field) in [("waiting", "/outcome"), ("carried_over", "/outcome"), ("agreed", "/resolution")] {
        let problem = desk.record(entry(&on), json!({"outcome": outcome, "resolution": " "})).await.unwrap_err();
        assert_eq!(named(&problem).1, field);
    }
    desk.agendas_hold().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_record_or_move_at_once_one_does() {
    let desk = Desk::open().await;
    let on = desk.step(&desk.matter().await, json!({"action": "deliberate"})).await;
    desk.set_clock("2026-12-03T20:00:00+08:00");
    let entry = entry(&on);
    let records =
        (0..6).map(|k| desk.record(entry, json!({"outcome": "agreed", "resolution": format!("第{k}种记法")})));
    let moves = (0..6).map(|_| {
        let body = serde_json::from_value(json!({"expected_version": entry.version})).unwrap();
        async { problem_or(carry_over(&desk.yitu, &desk.viewer, entry.id, body).await) }
    });
    let (records, moves) = tokio::join!(futures::future::join_all(records), futures::future::join_all(moves));
    let all: Vec<_> = records.into_iter().chain(moves).collect();
    assert_eq!(all.iter().filter(|r| r.is_ok()).count(), 1);
    assert!(all.iter().filter_map(|r| r.as_ref().err()).all(|p| p.slug == "stale-version"));
    assert_eq!(desk.seen(on.id).await.version, on.version + 1);
    let unknown = problem_or(yitu::service::deliberation::list::find(&desk.yitu, &desk.viewer, 1).await).unwrap_err();
    assert_eq!(unknown.slug, "not-found");
    desk.agendas_hold().await;
}
