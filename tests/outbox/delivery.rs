//! What is told, to whom, signed and in order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration as Real;

use chrono::Duration;
use serde_json::{Value, json};
use yitu::service::outbox::deliver;

use crate::Desk;
use crate::hook::{Behaviour, Hook, hmac_base64, key_bytes};

#[tokio::test]
async fn each_step_is_told_once_signed_and_without_peoples_words() {
    let desk = Desk::open().await;
    let hook = Hook::open(Behaviour::Ok("")).await;
    let untold = desk.reported("0301").await;
    assert_eq!(desk.one::<i64>("SELECT count(*) FROM notification").await, 0, "nobody has asked");
    let receiver = desk.signed(&hook, "县大数据平台", json!({})).await;
    let key = key_bytes(receiver["secret"].as_str().unwrap());

    let body = desk.body("0301").await;
    let made = desk.report(body.clone()).await;
    desk.report(body).await;
    let signed = desk.act(&made, json!({"action": "accept"})).await;
    let stale = json!({"action": "resolve", "note": "已清运", "expected_version": made.version});
    let refused = desk.server.post_json(&format!("/api/incidents/{}/actions", made.id), &stale).await;
    assert_eq!(refused.status(), 412, "and is not told");
    let done = desk.act(&signed, json!({"action": "resolve", "note": "已清运"})).await;
    desk.act(&untold, json!({"action": "accept"})).await;
    desk.pass_all().await;
    desk.pass_all().await;

    let all = hook.received();
    let of_it: Vec<Value> =
        all.iter().map(super::hook::Received::json).filter(|m| m["data"]["incident_id"] == json!(made.id)).collect();
    let told: Vec<&str> = of_it.iter().map(|m| m["type"].as_str().unwrap()).collect();
    assert_eq!(told, ["incident.dispatch", "incident.accept", "incident.resolve"]);
    assert_eq!(all.len(), 4, "and the other's accept");
    let first = &of_it[0]["data"];
    assert_eq!(first["number"], made.number);
    assert_eq!((&first["state"], &first["unit"]["id"]), (&json!("pending_accept"), &json!(made.owner.unit_id)));
    assert_eq!((&first["accept_by"], &first["resolve_by"]), (&json!(made.accept_by), &json!(made.resolve_by)));
    assert_eq!(first["grid"]["name"], json!(made.grid.as_ref().unwrap().name));
    assert_eq!(of_it[2]["data"]["next_deadline_at"], json!(done.next_deadline_at), "as it was at that step");
    assert_eq!(of_it[0]["data"]["next_deadline_at"], json!(made.next_deadline_at));
    let mut ids = BTreeSet::new();
    for message in &all {
        let text = String::from_utf8(message.body.to_vec()).unwrap();
        assert!(!text.contains("张三") && !text.contains("已清运"), "{text}");
        let seconds: i64 = message.header("webhook-timestamp").parse().unwrap();
        assert_eq!(seconds, desk.yitu().clock.now().timestamp());
        let over = [message.id().as_bytes(), b".", seconds.to_string().as_bytes(), b".", &message.body].concat();
        assert_eq!(message.header("webhook-signature"), format!("v1,{}", hmac_base64(&key, &over)));
        assert_eq!(message.id().parse::<uuid::Uuid>().unwrap().get_version_num(), 7);
        assert!(ids.insert(message.id().to_owned()));
    }
    let listed = desk.notifications(&format!("incident={}", made.id)).await;
    assert_eq!(listed.len(), 3);
    for item in &listed {
        assert_eq!((&item["state"], &item["status"], &item["attempts"]), (&json!("delivered"), &json!(200), &json!(1)));
        assert!(item["took_ms"].is_i64() && ids.contains(item["id"].as_str().unwrap()));
    }
    assert!(desk.notifications("state=pending").await.is_empty());
}

#[tokio::test]
async fn what_is_done_on_the_spot_is_told_in_one_message_and_the_clocks_steps_are_told_too() {
    let desk = Desk::open().await;
    let hook = Hook::open(Behaviour::Ok("")).await;
    desk.signed(&hook, "全部", json!({"fields": ["description", "note", "position"]})).await;
    let mut body = desk.body("0301").await;
    body["resolve_on_spot"] = json!({"note": "当场清走"});
    let closed = desk.report(body).await;
    let made = desk.reported("0301").await;
    desk.later(made.accept_by.unwrap() - desk.yitu().clock.now() + Duration::seconds(1));
    yitu::service::incident::deadline::pass(desk.yitu()).await.unwrap();
    desk.pass_all().await;
    let told: Vec<Value> = hook.received().iter().map(|r| r.json()["data"].clone()).collect();
    let of = |id| told.iter().filter(|d| d["incident_id"] == json!(id)).collect::<Vec<_>>();
    let spot = of(closed.id);
    assert_eq!(spot.len(), 1);
    assert_eq!((&spot[0]["action"], &spot[0]["state"]), (&json!("resolve_on_spot"), &json!("closed")));
    assert_eq!((&spot[0]["description"], &spot[0]["note"]), (&json!("张三家门口堆了垃圾"), &json!("当场清走")));
    assert!(spot[0]["position"]["lon"].is_f64() && spot[0].get("handler").is_none());
    let actions: Vec<&Value> = of(made.id).iter().map(|d| &d["action"]).collect();
    assert_eq!(actions, ["dispatch", "escalate"]);
}

#[tokio::test]
async fn restricted_matters_are_told_to_those_alone_who_are_marked_for_them() {
    let desk = Desk::open().await;
    let (open, marked) = (Hook::open(Behaviour::Ok("")).await, Hook::open(Behaviour::Ok("")).await);
    desk.signed(&open, "一般", json!({})).await;
    desk.signed(&marked, "保密", json!({"subscription": {"restricted": true}})).await;
    let code: String = desk.one("SELECT code FROM category WHERE restricted ORDER BY code DESC LIMIT 1").await;
    let secret = desk.reported(&code).await;
    let ordinary = desk.reported("0301").await;
    desk.pass_all().await;
    let ids = |hook: &Hook| -> BTreeSet<String> {
        hook.received().iter().map(|r| r.json()["data"]["incident_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&open), BTreeSet::from([ordinary.id.to_string()]));
    assert_eq!(ids(&marked), BTreeSet::from([ordinary.id.to_string(), secret.id.to_string()]));
    assert!(marked.received().iter().all(|r| !String::from_utf8_lossy(&r.body).contains("张三")));
}

#[tokio::test]
async fn a_receiver_is_told_what_its_filter_lets_through() {
    let desk = Desk::open().await;
    let made = desk.reported("0301").await;
    let (village, unit) = (made.village.as_ref().unwrap().id, made.owner.unit_id);
    let township: i64 = sqlx::query_scalar("SELECT parent_id FROM region WHERE id = $1")
        .bind(village)
        .fetch_one(&desk.database.databases.migrator)
        .await
        .unwrap();
    let elsewhere: i64 = sqlx::query_scalar("SELECT id FROM region WHERE level = 'village' AND id <> $1 LIMIT 1")
        .bind(village)
        .fetch_one(&desk.database.databases.migrator)
        .await
        .unwrap();
    let county = desk.viewer.county_id();
    let parent: String =
        desk.one("SELECT p.code FROM category c JOIN category p ON p.id = c.parent_id WHERE c.code = '0301'").await;
    let cases = [
        ("全部", json!({}), 3),
        ("县", json!({"regions": [county]}), 3),
        ("乡镇", json!({"regions": [township]}), 3),
        ("村", json!({"regions": [elsewhere, village]}), 3),
        ("别村", json!({"regions": [elsewhere]}), 0),
        ("本级事项", json!({"categories": ["0301"]}), 3),
        ("上级事项", json!({"categories": [parent]}), 3),
        ("别的事项", json!({"categories": ["0201"]}), 0),
        ("主办", json!({"units": [unit]}), 3),
        ("签收", json!({"actions": ["accept"]}), 1),
        ("紧急", json!({"urgencies": ["urgent"]}), 1),
        ("紧急且签收", json!({"urgencies": ["urgent"], "actions": ["accept"]}), 0),
    ];
    let mut hooks = Vec::new();
    for (name, subscription, count) in cases {
        let hook = Hook::open(Behaviour::Ok("")).await;
        desk.signed(&hook, name, json!({"subscription": subscription})).await;
        hooks.push((name, hook, count));
    }
    let off = Hook::open(Behaviour::Ok("")).await;
    desk.signed(&off, "停用", json!({"enabled": false})).await;
    let second = desk.reported("0301").await;
    desk.act(&second, json!({"action": "accept"})).await;
    let mut urgent = desk.body("0301").await;
    urgent["urgency"] = json!("urgent");
    desk.report(urgent).await;
    desk.pass_all().await;
    for (name, hook, count) in &hooks {
        assert_eq!(hook.count(), *count, "{name}");
    }
    assert_eq!(off.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_incidents_steps_arrive_in_order_though_each_fails_first() {
    let desk = Desk::open().await;
    let hook = Hook::open(Behaviour::FailsFirst).await;
    desk.signed(&hook, "时好时坏", json!({})).await;
    for _ in 0..4 {
        let made = desk.reported("0301").await;
        let signed = desk.act(&made, json!({"action": "accept"})).await;
        let told = desk.act(&signed, json!({"action": "comment", "note": "在办"})).await;
        desk.act(&told, json!({"action": "resolve", "note": "办好"})).await;
    }
    let other = desk.another().await;
    let taken = || hook.received().iter().filter(|r| r.taken).count();
    for _ in 0..40 {
        if taken() == 16 {
            break;
        }
        let (one, two) = tokio::join!(deliver::pass(desk.yitu()), deliver::pass(&other));
        one.unwrap();
        two.unwrap();
        desk.later(Duration::minutes(11));
    }
    let mut steps: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for r in hook.received().iter().filter(|r| r.taken) {
        let data = &r.json()["data"];
        steps.entry(data["incident_id"].to_string()).or_default().push(data["step"].as_i64().unwrap());
    }
    assert_eq!(steps.len(), 4);
    for taken in steps.values() {
        assert_eq!(taken, &[2, 3, 4, 5]);
    }
    assert_eq!(hook.count(), 32, "each failed once and arrived once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_servers_deliver_each_message_once() {
    let desk = Desk::open().await;
    let hook = Hook::open(Behaviour::Slowly(Real::from_millis(3))).await;
    desk.signed(&hook, "一个", json!({})).await;
    let other = desk.another().await;
    let (one, two) =
        (tokio::spawn(deliver::run(desk.yitu().downgrade())), tokio::spawn(deliver::run(other.downgrade())));
    for _ in 0..40 {
        desk.reported("0301").await;
    }
    hook.wait_for(40).await;
    tokio::time::sleep(Real::from_millis(800)).await;
    one.abort();
    two.abort();
    let mut times: HashMap<String, usize> = HashMap::new();
    for r in hook.received() {
        *times.entry(r.id().to_owned()).or_default() += 1;
    }
    assert_eq!(times.len(), 40);
    assert!(times.values().all(|n| *n == 1), "{times:?}");
}
