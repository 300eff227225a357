//! Receivers that fail, servers that die.

use std::collections::BTreeSet;
use std::time::{Duration as Real, Instant};

use chrono::Duration;
use serde_json::{Value, json};
use yitu::db::outbox;
use yitu::service::outbox::deliver;

use crate::Desk;
use crate::hook::{Behaviour, Hook};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn receivers_that_hang_fail_drip_or_flood_hold_nobody_up() {
    let desk = Desk::open().await;
    let elsewhere = Hook::open(Behaviour::Ok("")).await;
    let bad = [
        Behaviour::Never,
        Behaviour::Status(500),
        Behaviour::Drips,
        Behaviour::Floods,
        Behaviour::Redirects(elsewhere.url()),
    ];
    let mut hooks = Vec::new();
    for (n, behaviour) in bad.into_iter().enumerate() {
        let hook = Hook::open(behaviour).await;
        let more = json!({"timeout_seconds": 60, "expect": if n == 3 { json!("好") } else { Value::Null }});
        desk.signed(&hook, &format!("坏{n}"), more).await;
        hooks.push(hook);
    }
    let healthy = Hook::open(Behaviour::Ok("")).await;
    desk.signed(&healthy, "好", json!({})).await;
    let running = tokio::spawn(deliver::run(desk.yitu().downgrade()));
    for _ in 0..12 {
        desk.reported("0301").await;
    }
    let begun = Instant::now();
    healthy.wait_for(12).await;
    // What hangs would take a minute.
    assert!(begun.elapsed() < Real::from_secs(10), "{:?}", begun.elapsed());
    for hook in &hooks {
        hook.wait_for(1).await;
    }
    assert!(hooks[0].count() <= 4, "no more at a time than lanes");
    // The status of one that drips has arrived, so its lanes go on.
    hooks[2].wait_for(5).await;
    let wanted = ["应答 500", "应答 307", "应答中没有“好”"];
    let mut faults = BTreeSet::new();
    for _ in 0..400 {
        let listed = desk.notifications("state=pending&limit=1000").await;
        faults = listed.iter().filter_map(|n| Some(n["fault"].as_str()?.to_owned())).collect();
        if wanted.iter().all(|part| faults.iter().any(|f: &String| f.contains(part))) {
            break;
        }
        tokio::time::sleep(Real::from_millis(50)).await;
    }
    running.abort();
    assert_eq!(elsewhere.count(), 0, "redirects are not followed");
    for part in wanted {
        assert!(faults.iter().any(|f| f.contains(part)), "{part}: {faults:?}");
    }
    assert!(faults.iter().all(|f| !f.contains("geheim")), "{faults:?}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_a_failure() {
    let desk = Desk::open().await;
    let hook = Hook::open(Behaviour::Never).await;
    desk.signed(&hook, "不应答", json!({"timeout_seconds": 1})).await;
    desk.reported("0301").await;
    let begun = Instant::now();
    assert_eq!(desk.pass().await, 1);
    assert!((900..6000).contains(&begun.elapsed().as_millis()));
    let now = &desk.notifications("").await[0];
    assert_eq!((&now["state"], &now["attempts"], &now["status"]), (&json!("pending"), &json!(1), &Value::Null));
    assert!(now["fault"].as_str().unwrap().contains("没有应答"));
}

#[tokio::test]
async fn a_server_that_dies_sends_at_most_once_more_under_the_same_id() {
    let desk = Desk::open().await;
    let hook = Hook::open(Behaviour::Never).await;
    let receiver = desk.signed(&hook, "某平台", json!({})).await;
    let key = (desk.viewer.county_id(), receiver["id"].as_i64().unwrap());
    desk.reported("0301").await;
    // It dies after it has sent, before it could keep what came of it.
    let died = tokio::time::timeout(Real::from_secs(2), desk.pass()).await;
    assert!(died.is_err());
    assert_eq!(hook.count(), 1);
    let left = &desk.notifications("").await[0];
    assert_eq!((&left["state"], &left["attempts"]), (&json!("pending"), &json!(1)), "counted before it was made");
    hook.now(Behaviour::Ok(""));
    assert_eq!(desk.pass().await, 0, "another server waits until it counts as lost");
    desk.later(Duration::seconds(45));
    desk.pass_all().await;
    desk.later(Duration::hours(2));
    desk.pass_all().await;
    let ids: Vec<String> = hook.received().iter().map(|r| r.id().to_owned()).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    assert_eq!(desk.notifications("state=delivered").await[0]["id"], json!(ids[0]));

    // It dies before it has sent.
    desk.reported("0301").await;
    let (system, now) = (&desk.yitu().db.system, desk.yitu().clock.now());
    outbox::spread(system, now, 10, 12).await.unwrap();
    let claimed = outbox::claim(system, key, now, now + Duration::seconds(40)).await.unwrap().unwrap();
    assert!(outbox::claim(system, key, now, now + Duration::seconds(40)).await.unwrap().is_none(), "taken");
    desk.pass_all().await;
    assert_eq!(hook.count(), 2);
    desk.later(Duration::seconds(41));
    desk.pass_all().await;
    let ids: Vec<String> = hook.received().iter().map(|r| r.id().to_owned()).collect();
    assert_eq!((ids.len(), &ids[2]), (3, &claimed.notification_id.to_string()));
    // It was only slow, and ends what another has taken over: nothing changes.
    let late = outbox::Ended { state: "dead", at: now, due_at: now, status: None, took_ms: 1, fault: Some("迟") };
    outbox::end(system, key, &claimed, &late).await.unwrap();
    assert_eq!(desk.notifications("state=delivered").await.len(), 2);
}

#[tokio::test]
async fn what_fails_twelve_times_is_dead_lets_later_steps_pass_and_is_replayed_under_its_id() {
    let desk = Desk::open().await;
    let hook = Hook::open(Behaviour::Status(503)).await;
    let receiver = desk.signed(&hook, "坏了", json!({})).await;
    let made = desk.reported("0301").await;
    desk.act(&made, json!({"action": "accept"})).await;
    let mut waits = Vec::new();
    desk.pass().await;
    while desk.notifications("state=dead").await.is_empty() {
        let pending = desk.notifications("state=pending").await;
        let tried = pending.iter().find(|n| n["action"] == "dispatch").unwrap();
        let due: chrono::DateTime<chrono::Utc> = tried["due_at"].as_str().unwrap().parse().unwrap();
        let wait = due - desk.yitu().clock.now();
        waits.push(wait.num_seconds());
        desk.later(wait - Duration::seconds(1));
        assert_eq!(desk.pass().await, 0, "not before its time");
        desk.later(Duration::seconds(1));
        assert_eq!(desk.pass().await, 1);
        assert!(waits.len() < 12);
    }
    assert_eq!(hook.count(), 12);
    let first = hook.received()[0].id().to_owned();
    assert!(hook.received().iter().all(|r| r.id() == first), "the later step has waited");
    assert!((4..=6).contains(&waits[0]) && (8..=12).contains(&waits[1]), "{waits:?}");
    assert!(waits[10] > 2800 && waits.iter().sum::<i64>() < 24 * 3600, "{waits:?}");
    let dead = &desk.notifications("state=dead").await[0];
    assert_eq!((&dead["attempts"], &dead["status"], &dead["id"]), (&json!(12), &json!(503), &json!(first)));

    hook.now(Behaviour::Ok(""));
    desk.later(Duration::minutes(11));
    desk.pass_all().await;
    assert_eq!(hook.received().last().unwrap().json()["data"]["action"], "accept", "it waits no longer");
    let replayed = desk.server.post_json(&format!("/api/webhooks/{}/replay", receiver["id"]), &json!({})).await;
    assert_eq!(replayed.json::<Value>().await.unwrap(), json!({"replayed": 1}));
    desk.pass_all().await;
    assert_eq!((hook.count(), hook.received()[13].id()), (14, first.as_str()));
    assert!(desk.notifications("state=dead").await.is_empty());
    // What has arrived can be sent again as well, by its id.
    let again = desk.server.post_json(&format!("/api/notifications/{first}/replay"), &json!({})).await;
    assert_eq!(again.json::<Value>().await.unwrap(), json!({"replayed": 1}));
    desk.pass_all().await;
    assert_eq!((hook.count(), hook.received()[14].id()), (15, first.as_str()));
    let unknown = "/api/notifications/00000000-0000-7000-8000-000000000000/replay";
    assert_eq!(desk.server.post_json(unknown, &json!({})).await.status(), 404);
}

#[tokio::test]
async fn a_receiver_that_keeps_failing_rests_and_what_is_a_day_old_is_given_up() {
    let desk = Desk::open().await;
    let hook = Hook::open(Behaviour::Status(500)).await;
    let receiver = desk.signed(&hook, "坏了", json!({})).await;
    for _ in 0..10 {
        desk.reported("0301").await;
    }
    desk.pass_all().await;
    let tried = hook.count();
    assert!((5..=8).contains(&tried), "{tried} of 10: it rests after five, with four under way");
    let path = format!("/api/webhooks/{}", receiver["id"]);
    let view = desk.server.get_json(&path).await;
    assert!(view["rests_until"].is_string() && view["pending"] == json!(10), "{view}");
    desk.later(Duration::minutes(9));
    desk.pass_all().await;
    assert_eq!(hook.count(), tried + 1, "one attempt tells whether it works again");
    hook.now(Behaviour::Ok(""));
    desk.later(Duration::minutes(11));
    for _ in 0..3 {
        desk.pass_all().await;
    }
    let view = desk.server.get_json(&path).await;
    assert_eq!((&view["failures"], &view["pending"]), (&json!(0), &json!(0)), "{view}");

    hook.now(Behaviour::Status(500));
    desk.reported("0301").await;
    desk.pass_all().await;
    desk.later(Duration::hours(24));
    hook.now(Behaviour::Ok(""));
    let before = hook.count();
    desk.pass_all().await;
    assert_eq!((hook.count(), desk.notifications("state=dead").await.len()), (before, 1));
}

#[tokio::test]
async fn what_has_arrived_is_forgotten_after_ninety_days_and_what_is_dead_is_not() {
    let desk = Desk::open().await;
    let (good, bad) = (Hook::open(Behaviour::Ok("")).await, Hook::open(Behaviour::Status(500)).await);
    desk.signed(&good, "好", json!({})).await;
    desk.signed(&bad, "坏", json!({"subscription": {"actions": ["accept"]}})).await;
    let made = desk.reported("0301").await;
    desk.act(&made, json!({"action": "accept"})).await;
    desk.pass_all().await;
    desk.later(Duration::days(89));
    desk.pass_all().await;
    deliver::tidy(desk.yitu(), desk.yitu().clock.now()).await.unwrap();
    assert_eq!(desk.notifications("state=delivered").await.len(), 2);
    desk.later(Duration::days(2));
    deliver::tidy(desk.yitu(), desk.yitu().clock.now()).await.unwrap();
    assert_eq!(desk.notifications("").await.len(), 1);
    assert_eq!(desk.notifications("state=dead").await.len(), 1);
    assert_eq!(desk.one::<i64>("SELECT count(*) FROM notification").await, 1);
}
