//! Agendas and the topics on them.

use serde_json::{Value, json};
use yitu::service::deliberation::carry_over::carry_over;
use yitu::service::deliberation::edit::edit;
use yitu::service::deliberation::{agenda, list};

use crate::{DAYS, Desk, day, named, problem_or};

async fn listed(desk: &Desk, asked: Value) -> list::Entries {
    problem_or(list::list(&desk.yitu, &desk.viewer, serde_json::from_value(asked).unwrap()).await).unwrap()
}

async fn agenda_of(desk: &Desk, venue: i64, day: &str) -> agenda::Agenda {
    let asked = serde_json::from_value(json!({"venue": venue, "day": day})).unwrap();
    problem_or(agenda::agenda(&desk.yitu, &desk.viewer, asked).await).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_as_many_get_a_place_as_a_sitting_takes_and_each_its_own_number() {
    let desk = Desk::open().await;
    let venue = desk.venue().await;
    sqlx::query("UPDATE venue SET agenda_limit = 10 WHERE id = $1").bind(venue).execute(desk.sql()).await.unwrap();
    let logged = "SELECT count(*) FROM change_log WHERE layer = 'venue' AND feature_id = $1";
    let before: i64 = sqlx::query_scalar(logged).bind(venue).fetch_one(desk.sql()).await.unwrap();
    let mut matters = Vec::new();
    for _ in 0..4 {
        matters.push(desk.matter().await);
    }
    // Topics and incidents by turns.
    let all = futures::future::join_all((0..20).map(|k| {
        let mut body = json!({"venue_id": venue, "day": DAYS[1], "topic": format!("第{k}件")});
        if let Some(matter) = matters.get(k / 5).filter(|_| k % 5 == 0) {
            body["incident_id"] = json!(matter.id);
            body["expected_version"] = json!(matter.version);
        }
        desk.put(body)
    }))
    .await;
    let mut numbers: Vec<i32> = all.iter().filter_map(|r| r.as_ref().ok()).map(|e| e.agenda_no).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
    assert!(all.iter().filter_map(|r| r.as_ref().err()).all(|p| p.slug == "agenda-full"));
    let full = agenda_of(&desk, venue, DAYS[1]).await;
    assert_eq!((full.room, full.agenda_limit, full.items.len()), (0, 10, 10));
    assert_eq!(full.items.iter().map(|e| e.agenda_no).collect::<Vec<_>>(), numbers);
    let after: i64 = sqlx::query_scalar(logged).bind(venue).fetch_one(desk.sql()).await.unwrap();
    assert_eq!(after - before, 10, "each is in the change log as a change of its venue");
    // What is taken off leaves its room, and its number stays its own.
    let first = &full.items[0];
    desk.record(first, json!({"outcome": "withdrawn", "resolution": "已办"})).await.unwrap();
    let late = desk.put(json!({"venue_id": venue, "day": DAYS[1], "topic": "补一件"})).await.unwrap();
    assert_eq!(late.agenda_no, 11);
    assert_eq!(agenda_of(&desk, venue, DAYS[1]).await.room, 0);
    desk.agendas_hold().await;
}

#[tokio::test]
async fn a_topic_is_put_edited_carried_over_and_recorded() {
    let desk = Desk::open().await;
    let venue = desk.venue().await;
    let put = desk.put(json!({"venue_id": venue, "topic": " 村道要不要拓宽 "})).await.unwrap();
    assert_eq!((put.topic.as_str(), put.day, put.version), ("村道要不要拓宽", day(DAYS[0]), 1));
    assert!(put.incident.is_none() && put.seq.is_some());
    let edit_to = async |version: i32, topic: &str| {
        let body = serde_json::from_value(json!({"expected_version": version, "topic": topic})).unwrap();
        problem_or(edit(&desk.yitu, &desk.viewer, put.id, body).await)
    };
    let edited = edit_to(1, "村道拓宽,谁家让地").await.unwrap();
    assert_eq!((edited.topic.as_str(), edited.version), ("村道拓宽,谁家让地", 2));
    assert_eq!(edit_to(1, "旧的").await.unwrap_err().slug, "stale-version");
    assert_eq!(named(&edit_to(2, " ").await.unwrap_err()).1, "/topic");
    let body = serde_json::from_value(json!({"expected_version": 2})).unwrap();
    let carried = problem_or(carry_over(&desk.yitu, &desk.viewer, put.id, body).await).unwrap();
    assert_eq!(
        (carried.day, carried.carried_over_from, carried.topic.as_str()),
        (day(DAYS[1]), Some(put.id), "村道拓宽,谁家让地")
    );
    let old = list::find(&desk.yitu, &desk.viewer, put.id).await.unwrap();
    assert_eq!(old.outcome, "carried_over");
    assert!(old.resolution.contains(DAYS[1]), "{}", old.resolution);
    assert_eq!(edit_to(old.version, "再改").await.unwrap_err().slug, "deliberation-over");
    desk.set_clock("2026-12-13T19:00:00+08:00");
    let done = desk.record(&carried, json!({"outcome": "not_agreed", "resolution": "两户不愿让地"})).await.unwrap();
    assert_eq!((done.outcome.as_str(), done.version), ("not_agreed", 2));
    desk.agendas_hold().await;
}

#[tokio::test]
async fn topics_that_cannot_stand_are_refused() {
    let desk = Desk::open().await;
    let venue = desk.venue().await;
    let cases = [
        (json!({"topic": "无处"}), "/venue_id"),
        (json!({"venue_id": venue}), "/topic"),
        (json!({"venue_id": venue, "topic": "空\u{0}字"}), "/topic"),
        (json!({"venue_id": venue, "topic": "平日", "day": "2026-12-01"}), "/day"),
        (json!({"venue_id": 3, "topic": "无此处"}), "/venue_id"),
    ];
    for (body, field) in cases {
        assert_eq!(named(&desk.put(body.clone()).await.unwrap_err()), ("bad-field", field.to_owned()), "{body}");
    }
    let matter = desk.matter().await;
    let unseen = json!({"incident_id": matter.id, "venue_id": venue});
    assert_eq!(desk.put(unseen).await.unwrap_err().slug, "version-required");
    // Today is not too late where the day is named, nor is a full one taken where it is not.
    desk.set_clock("2026-12-03T08:00:00+08:00");
    for k in 1..=6 {
        let body = json!({"venue_id": venue, "topic": format!("第{k}件"), "day": DAYS[0]});
        assert_eq!(desk.put(body).await.unwrap().agenda_no, k);
    }
    let seventh = json!({"venue_id": venue, "topic": "第7件", "day": DAYS[0]});
    assert_eq!(desk.put(seventh).await.unwrap_err().slug, "agenda-full");
    let next = desk.put(json!({"venue_id": venue, "topic": "第7件"})).await.unwrap();
    assert_eq!(next.day, day(DAYS[1]));
}

#[tokio::test]
async fn lists_are_cut_and_paged_in_the_order_of_agendas() {
    let desk = Desk::open().await;
    let venues: Vec<(i64, i64)> =
        sqlx::query_as("SELECT id, village_id FROM venue WHERE kind IN ('pavilion', 'courtyard') ORDER BY id LIMIT 3")
            .fetch_all(desk.sql())
            .await
            .unwrap();
    for (n, (venue, _)) in venues.iter().enumerate() {
        for d in &DAYS[..3] {
            for k in 0..=n {
                desk.put(json!({"venue_id": venue, "day": d, "topic": format!("第{k}件")})).await.unwrap();
            }
        }
    }
    let matter = desk.matter().await;
    let on = desk.step(&matter, json!({"action": "deliberate", "venue_id": venues[0].0, "day": DAYS[0]})).await;
    let from = json!({"from": DAYS[0], "until": DAYS[2], "outcome": "waiting"});
    let all = listed(&desk, from.clone()).await;
    let counted: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM deliberation WHERE outcome = 'waiting' AND day BETWEEN '2026-12-03' AND '2026-12-23'",
    )
    .fetch_one(desk.sql())
    .await
    .unwrap();
    assert!(counted >= 19 && all.items.len() as i64 == counted && all.next.is_none());
    let place = |e: &yitu::service::deliberation::view::EntryView| (e.day, e.venue.id, e.agenda_no);
    assert!(all.items.windows(2).all(|w| place(&w[0]) < place(&w[1])));
    let (mut paged, mut cursor) = (Vec::new(), None);
    loop {
        let mut asked = from.clone();
        asked["limit"] = json!(4);
        asked["cursor"] = json!(cursor);
        let page = listed(&desk, asked).await;
        paged.extend(page.items.into_iter().map(|e| e.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, all.items.iter().map(|e| e.id).collect::<Vec<_>>());
    let of_venue = listed(&desk, json!({"venue": venues[2].0, "day": DAYS[1]})).await;
    assert_eq!(of_venue.items.len(), 3);
    let of_village = listed(&desk, json!({"region": venues[1].1, "day": DAYS[1]})).await;
    assert!(of_village.items.len() >= 2 && of_village.items.iter().all(|e| e.village.id == venues[1].1));
    let of_county = listed(&desk, json!({"region": desk.viewer.county_id(), "day": DAYS[1]})).await;
    assert_eq!(of_county.items.len(), listed(&desk, json!({"day": DAYS[1]})).await.items.len());
    let of_incident = listed(&desk, json!({"incident": on.id})).await;
    assert_eq!(of_incident.items.len(), 1);
    assert_eq!(of_incident.items[0].incident.as_ref().unwrap().id, on.id);
    for (asked, field) in
        [(json!({"outcome": "maybe"}), "outcome"), (json!({"limit": 0}), "limit"), (json!({"cursor": "x"}), "cursor")]
    {
        let problem = list::list(&desk.yitu, &desk.viewer, serde_json::from_value(asked).unwrap()).await;
        assert_eq!(named(&problem_or(problem).unwrap_err()).1, field);
    }
}
