//! Checks of what was closed on the spot.

use chrono::Duration;
use serde_json::{Value, json};
use yitu::service::incident::deadline;

use crate::{Desk, Life};

async fn sampled(desk: &Desk) -> Vec<String> {
    let page = desk.server.get_json("/api/duty/sampled?limit=1000").await;
    page["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap().to_owned()).collect()
}

async fn sample_all(desk: &Desk, percent: i16) {
    let sql = "UPDATE region SET spot_check_percent = $1 WHERE level = 'county'";
    sqlx::query(sql).bind(percent).execute(&desk.database.databases.migrator).await.unwrap();
}

fn owners(lives: &[Life], id: uuid::Uuid) -> usize {
    lives.iter().filter(|l| l.facts.id == id).map(|l| l.steps.len()).sum()
}

#[tokio::test]
async fn a_check_that_passes_is_recorded_and_one_that_fails_opens_the_matter_again() {
    let mut desk = Desk::open(4).await;
    sample_all(&desk, 100).await;
    let (good, bad) = (desk.report("0301", "spot").await, desk.report("0301", "spot").await);
    assert_eq!((good.state.as_str(), good.on_the_spot), ("closed", true));
    assert_eq!(good.actions, ["check", "rate"]);
    let waiting = sampled(&desk).await;
    assert!(waiting.contains(&good.id.to_string()) && waiting.contains(&bad.id.to_string()));

    let own = desk.act(good.id, json!({"action": "check", "passed": true})).await.unwrap_err();
    assert_eq!(own.slug, "checker-is-resolver", "not by who closed it");
    let mute = desk.act(bad.id, json!({"action": "check", "passed": false, "actor": "乡镇丙"})).await.unwrap_err();
    assert_eq!(mute.fields[0].pointer, "/note");

    desk.clock.advance(Duration::hours(2));
    let passed = desk.step(good.id, json!({"action": "check", "passed": true, "actor": "乡镇丙"})).await;
    assert_eq!((passed.state.as_str(), passed.closed_at, passed.on_the_spot), ("closed", good.closed_at, true));
    assert_eq!((passed.version, passed.timeline.unwrap().last().unwrap().actor.as_str()), (good.version + 1, "乡镇丙"));
    assert!(!sampled(&desk).await.contains(&good.id.to_string()));

    desk.step(bad.id, json!({"action": "rate", "rating": 5})).await;
    let again = json!({"action": "check", "passed": false, "note": "垃圾还在", "actor": "乡镇丙"});
    let reopened = desk.step(bad.id, again).await;
    assert_eq!((reopened.state.as_str(), reopened.closed_at, reopened.rating), ("in_progress", None, None));
    assert_eq!((reopened.owner.unit_id, reopened.owner.responder_id), (bad.owner.unit_id, bad.owner.responder_id));
    assert!(!reopened.on_the_spot && !reopened.overdue);
    assert!(reopened.next_deadline_at.unwrap() >= desk.now() + Duration::hours(24));
    assert_eq!(reopened.resolve_by, reopened.next_deadline_at.max(reopened.resolve_by));
    let live: (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(accepted_at) FROM assignment WHERE incident_id = $1 AND role = 'owner' AND ended_at IS NULL",
    )
    .bind(bad.id)
    .fetch_one(&desk.database.databases.migrator)
    .await
    .unwrap();
    assert_eq!(live, (1, 1), "one live owner, signed for");
    assert!(!sampled(&desk).await.contains(&bad.id.to_string()));

    // It goes the common way from here, and a second end on the spot may be drawn again.
    let closed = desk.step(bad.id, json!({"action": "resolve_on_spot", "note": "已清"})).await;
    assert_eq!((closed.state.as_str(), closed.on_the_spot), ("closed", true));
    assert!(sampled(&desk).await.contains(&bad.id.to_string()));
    desk.clock.advance(Duration::days(31));
    assert!(!sampled(&desk).await.contains(&bad.id.to_string()), "for thirty days");
    assert!(owners(&desk.lives().await, bad.id) > 4);
}

#[tokio::test]
async fn what_fails_goes_the_whole_way_and_what_was_checked_is_not_checked_again() {
    let mut desk = Desk::open(5).await;
    sample_all(&desk, 100).await;
    let bad = desk.report("0301", "spot").await;
    let fail = json!({"action": "check", "passed": false, "note": "垃圾还在", "actor": "乡镇丙"});
    let reopened = desk.step(bad.id, fail.clone()).await;
    // Not done again in time: the clock moves it up like any other.
    desk.clock.advance(reopened.next_deadline_at.unwrap() - desk.now() + Duration::minutes(1));
    deadline::pass(&desk.server.yitu).await.unwrap();
    let moved = desk.seen(bad.id).await;
    assert_eq!((moved.state.as_str(), moved.overdue), ("pending_accept", true));
    for act in [json!({"action": "accept"}), json!({"action": "resolve"}), json!({"action": "check", "passed": true})] {
        desk.step(bad.id, act).await;
    }
    let closed = desk.seen(bad.id).await;
    assert_eq!((closed.state.as_str(), closed.on_the_spot), ("closed", false));
    assert_eq!(closed.actions, ["rate"], "somebody else has looked already");
    assert_eq!(desk.act(bad.id, fail).await.unwrap_err().slug, "not-allowed-now");
    assert!(!sampled(&desk).await.contains(&bad.id.to_string()));
}

#[tokio::test]
async fn about_the_share_that_is_set_is_drawn_and_a_larger_share_holds_the_smaller() {
    let desk = Desk::open(6).await;
    let of: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM incident WHERE on_the_spot AND state = 'closed' AND NOT restricted AND closed_at > $1",
    )
    .bind(desk.now() - Duration::days(30))
    .fetch_one(&desk.database.databases.migrator)
    .await
    .unwrap();
    let mut smaller: Vec<String> = Vec::new();
    for (percent, least, most) in [(0, 0.0, 0.0), (5, 0.0, 0.2), (50, 0.25, 0.75), (100, 1.0, 1.0)] {
        sample_all(&desk, percent).await;
        let drawn = sampled(&desk).await;
        let share = drawn.len() as f64 / of as f64;
        assert!((least..=most).contains(&share), "{percent} %: {share} of {of}");
        assert!(smaller.iter().all(|id| drawn.contains(id)));
        smaller = drawn;
    }
    let told: Value = desk.server.get_json("/api/duty").await;
    assert!(told["lists"].as_array().unwrap().iter().any(|l| l["list"] == "sampled" && l["count"] == json!(of)));
}
