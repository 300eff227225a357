//! From a report to the party group that answers, on the small demo county.

#![allow(clippy::unwrap_used)]

mod decisions;
mod lifecycle;
mod schedules;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use support::{StillClock, TestDatabase, problem_or};
use uuid::Uuid;
use yitu::domain::{Problem, Viewer};
use yitu::service::Yitu;
use yitu::service::check::history;
use yitu::service::incident::act::{Act, act};
use yitu::service::incident::check::Report;
use yitu::service::incident::view::IncidentView;
use yitu::service::incident::{list, preview, report};

struct Desk {
    database: TestDatabase,
    yitu: Yitu,
    viewer: Viewer,
}

impl Desk {
    async fn open() -> Self {
        let database = TestDatabase::with_demo().await;
        let yitu = database.yitu().await;
        let county = database.county().await;
        Self { database, yitu, viewer: Viewer::whole_county(county, "值班员甲") }
    }

    fn at(self, instant: &str) -> Self {
        self.by(&StillClock::at(instant))
    }

    fn by(mut self, clock: &StillClock) -> Self {
        self.yitu = self.yitu.with_clock(Arc::new(clock.clone()));
        self
    }

    async fn report(&self, body: Value) -> Result<report::Reported, Box<Problem>> {
        let body: Report = serde_json::from_value(body).unwrap();
        problem_or(report::report(&self.yitu, &self.viewer, body).await)
    }

    async fn act(&self, id: Uuid, body: Value) -> Result<IncidentView, Box<Problem>> {
        let body: Act = serde_json::from_value(body).unwrap();
        problem_or(act(&self.yitu, &self.viewer, id, body, None).await)
    }

    async fn one<T: Send + Unpin>(&self, sql: &'static str) -> T
    where
        (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        self.database.one(sql).await
    }

    async fn some_place(&self) -> (f64, f64, i64) {
        self.database.some_place().await
    }
}

fn body(lon: f64, lat: f64, category: &str) -> Value {
    json!({"id": Uuid::new_v4(), "category": category, "description": "路边垃圾堆积",
           "location": {"source": "map", "lon": lon, "lat": lat}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_parallel_posts_of_one_id_are_one_incident() {
    let desk = Desk::open().await;
    let (lon, lat, _) = desk.some_place().await;
    for _ in 0..4 {
        let body = body(lon, lat, "0301");
        let all = futures::future::join_all((0..16).map(|k| {
            let mut body = body.clone();
            body["description"] = json!(format!("第{k}次"));
            desk.report(body)
        }))
        .await;
        let all: Vec<report::Reported> = all.into_iter().map(Result::unwrap).collect();
        assert_eq!(all.iter().filter(|r| r.new).count(), 1);
        let first = &all[0].incident;
        for r in &all {
            assert_eq!(
                (r.incident.id, r.incident.number, &r.incident.description),
                (first.id, first.number, &first.description)
            );
            assert_eq!(r.incident.version, 2);
        }
    }
    let doubled: i64 = desk
        .one("SELECT count(*) FROM (SELECT incident_id FROM assignment WHERE role = 'owner' GROUP BY incident_id HAVING count(*) FILTER (WHERE ended_at IS NULL) > 1) q")
        .await;
    assert_eq!(doubled, 0);
}

#[tokio::test]
async fn a_point_goes_to_the_group_whose_grid_holds_it_as_postgis_says() {
    let desk = Desk::open().await;
    let bbox: Vec<f64> = sqlx::query_scalar(
        "SELECT ARRAY[ST_XMin(geom), ST_YMin(geom), ST_XMax(geom), ST_YMax(geom)] FROM region WHERE level = 'county'",
    )
    .fetch_one(&desk.database.databases.migrator)
    .await
    .unwrap();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(11);
    let (mut inside, mut outside, mut dedicated) = (0, 0, 0);
    // Corners of dedicated grids, so that some points fall into them.
    let mut points: Vec<(f64, f64)> = sqlx::query_as("SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) p FROM layer_grid WHERE kind = 'dedicated' LIMIT 10) q")
        .fetch_all(&desk.database.databases.migrator)
        .await
        .unwrap();
    points.extend((0..150).map(|_| (rng.random_range(bbox[0]..bbox[2]), rng.random_range(bbox[1]..bbox[3]))));
    for (lon, lat) in points {
        let truth: Option<(i64, i64, String)> = sqlx::query_as(
            "SELECT id, group_id, kind FROM layer_grid WHERE ST_Covers(geom, ST_SetSRID(ST_MakePoint($1, $2), 4490)) ORDER BY kind = 'general', id LIMIT 1",
        )
        .bind(lon)
        .bind(lat)
        .fetch_optional(&desk.database.databases.migrator)
        .await
        .unwrap();
        let found =
            preview::preview(&desk.yitu, &desk.viewer, serde_json::from_value(body(lon, lat, "0301")).unwrap()).await;
        match (truth, problem_or(found)) {
            (Some((grid, group, kind)), Ok(found)) => {
                inside += 1;
                dedicated += usize::from(kind == "dedicated");
                assert_eq!(found.grid.map(|g| g.id), Some(grid), "{lon} {lat}");
                // Where nobody of the group is there, the walk says so and someone else answers.
                if found.explanation.walk[0].outcome == "chosen" {
                    assert_eq!(found.owner.org_id, group, "{lon} {lat}");
                }
                assert!(found.explanation.text.contains("主办"), "{}", found.explanation.text);
            }
            (None, Err(problem)) => {
                outside += 1;
                assert_eq!(problem.slug, "outside-county");
                let metres: f64 = sqlx::query_scalar("SELECT ST_Distance(geom::geography, ST_SetSRID(ST_MakePoint($1, $2), 4490)::geography) FROM region WHERE level = 'county'")
                    .bind(lon)
                    .bind(lat)
                    .fetch_one(&desk.database.databases.migrator)
                    .await
                    .unwrap();
                assert!((problem.extra["distance_m"].as_f64().unwrap() - metres).abs() < 0.1);
            }
            (truth, found) => panic!("{lon} {lat}: PostGIS {truth:?}, {found:?}"),
        }
    }
    assert!(inside > 40 && outside > 10 && dedicated >= 5, "{inside} inside, {outside} outside, {dedicated} dedicated");
    let stored: i64 = desk.one("SELECT count(*) FROM incident WHERE description = '路边垃圾堆积' AND received_at > now() - interval '1 hour'").await;
    assert_eq!(stored, 0, "a preview stores nothing");
}

#[tokio::test]
async fn an_incident_lives_from_report_to_close() {
    let desk = Desk::open().await;
    let (lon, lat, grid) = desk.some_place().await;
    let made = desk.report(body(lon, lat, "0301")).await.unwrap().incident;
    assert_eq!((made.state.as_str(), made.grid.as_ref().unwrap().id), ("pending_accept", grid));
    assert!(made.seq.is_some());
    let id = made.id;
    let accepted = desk.act(id, json!({"action": "accept", "expected_version": made.version})).await.unwrap();
    assert_eq!((accepted.state.as_str(), accepted.version), ("in_progress", made.version + 1));

    let stale =
        desk.act(id, json!({"action": "resolve", "expected_version": made.version, "note": "已清"})).await.unwrap_err();
    assert_eq!((stale.slug, &stale.extra["version"]), ("stale-version", &json!(accepted.version)));
    let early = desk
        .act(id, json!({"action": "check", "expected_version": accepted.version, "passed": true}))
        .await
        .unwrap_err();
    assert_eq!(early.slug, "not-allowed-now");
    let bare = desk.act(id, json!({"action": "resolve"})).await.unwrap_err();
    assert_eq!(bare.slug, "version-required");

    let resolved = desk.act(id, json!({"action": "resolve", "expected_version": 3, "note": "已清运"})).await.unwrap();
    assert_eq!(resolved.state, "pending_check");
    let resolver = resolved.resolved_by.clone().unwrap();
    let own = desk
        .act(id, json!({"action": "check", "expected_version": 4, "passed": true, "actor": resolver}))
        .await
        .unwrap_err();
    assert_eq!(own.slug, "checker-is-resolver");
    let failed = desk
        .act(id, json!({"action": "check", "expected_version": 4, "passed": false, "note": "仍有残留"}))
        .await
        .unwrap();
    assert_eq!(failed.state, "in_progress");
    desk.act(id, json!({"action": "resolve", "expected_version": 5})).await.unwrap();
    let closed = desk.act(id, json!({"action": "check", "expected_version": 6, "passed": true})).await.unwrap();
    assert_eq!((closed.state.as_str(), closed.next_deadline_at, closed.version), ("closed", None, 7));
    let steps: Vec<String> = closed.timeline.unwrap().into_iter().map(|e| e.action).collect();
    assert_eq!(steps, ["report", "dispatch", "accept", "resolve", "check", "resolve", "check"]);
    assert!(closed.explanation.unwrap().text.contains("主办"));

    let mut spot = body(lon, lat, "0301");
    spot["resolve_on_spot"] = json!({"note": "当场清理"});
    let spot = desk.report(spot).await.unwrap().incident;
    assert_eq!((spot.state.as_str(), spot.on_the_spot, spot.version), ("closed", true, 3));
    chains_hold(&desk).await;
}

/// Every hash chain of the county computes to what is stored, the demo's past included. Nothing seals it here.
async fn chains_hold(desk: &Desk) {
    let nowhere = tempfile::tempdir().unwrap();
    let reports = history::run(&desk.database.databases, nowhere.path(), DateTime::UNIX_EPOCH).await.unwrap();
    assert!(reports[0].rows > 100);
    assert!(reports[0].faults.is_empty(), "{:?}", reports[0].faults);
}

#[tokio::test]
async fn bad_reports_are_told_by_their_field() {
    let desk = Desk::open().await;
    let (lon, lat, _) = desk.some_place().await;
    let far = (Utc::now() + chrono::Duration::days(3)).to_rfc3339();
    let cases: Vec<(&str, Value, &str, &str)> = vec![
        ("/location/lon", json!(lat), "/location/lat", "looks-swapped"),
        ("/location/lon", json!(217.0), "/location/lon", "bad-field"),
        ("/location/lon", Value::Null, "/location/lon", "bad-field"),
        ("/location/lon", json!(lon + 3.0), "/location", "outside-county"),
        ("/location/accuracy_m", json!(-1.0), "/location/accuracy_m", "bad-field"),
        ("/location/confidence", json!(1.0), "/location/confidence", "bad-field"),
        ("/category", json!("03xx"), "/category", "bad-field"),
        ("/category", json!("\u{0}"), "/category", "bad-field"),
        ("/reported_at", json!(far), "/reported_at", "bad-field"),
        ("/description", json!("字".repeat(4001)), "/description", "bad-field"),
        ("/description", json!("a\u{0}b"), "/description", "bad-field"),
        ("/reporter", json!({"name": "\u{0}"}), "/reporter", "bad-field"),
        ("/location/text", json!("字".repeat(1001)), "/location/text", "bad-field"),
    ];
    for (pointer, value, named, slug) in cases {
        let mut body = body(lon, lat, "0301");
        body["location"]["accuracy_m"] = Value::Null;
        body["location"]["confidence"] = Value::Null;
        body["location"]["text"] = Value::Null;
        body["reported_at"] = Value::Null;
        body["reporter"] = Value::Null;
        *body.pointer_mut(pointer).unwrap() = value;
        if slug == "looks-swapped" {
            body["location"]["lat"] = json!(lon);
        }
        let problem = desk.report(body).await.unwrap_err();
        assert_eq!(problem.slug, slug, "{pointer}");
        assert!(problem.fields[0].pointer == named || slug == "looks-swapped", "{pointer}: {problem:?}");
    }
    let unknown = desk.report(body(lon, lat, "03xx")).await.unwrap_err();
    assert!(unknown.detail.zh.contains("0301"), "{}", unknown.detail.zh);
}

#[tokio::test]
async fn what_is_not_a_villages_work_is_not_pushed_down_and_secrets_stay_with_the_county() {
    let desk = Desk::open().await.at("2026-11-24T10:00:00+08:00");
    let (lon, lat, grid) = desk.some_place().await;
    let codes: Vec<(String, bool, bool)> =
        sqlx::query_as("SELECT code, restricted, village_admitted FROM category WHERE parent_id IS NOT NULL")
            .fetch_all(&desk.database.databases.migrator)
            .await
            .unwrap();
    for (code, restricted, admitted) in codes {
        let found = desk.report(body(lon, lat, &code)).await.unwrap().incident;
        let kind: String = sqlx::query_scalar("SELECT kind::text FROM handling_unit WHERE id = $1")
            .bind(found.owner.unit_id)
            .fetch_one(&desk.database.databases.migrator)
            .await
            .unwrap();
        let low = ["grid_group", "village_party_org"].contains(&kind.as_str());
        assert_eq!(low, admitted, "{code}: {kind}");
        if restricted {
            assert!(["county_centre", "county_duty_officer"].contains(&kind.as_str()), "{code}: {kind}");
            let helpers: i64 =
                sqlx::query_scalar("SELECT count(*) FROM assignment WHERE incident_id = $1 AND role = 'helper'")
                    .bind(found.id)
                    .fetch_one(&desk.database.databases.migrator)
                    .await
                    .unwrap();
            assert_eq!(helpers, 0);
        }
    }
    let all = list::Asked { limit: Some(1000), grid: Some(grid), ..list::Asked::default() };
    let page = list::list(&desk.yitu, &desk.viewer, all).await.unwrap();
    assert!(!page.items.is_empty() && page.items.iter().all(|i| !i.restricted));
}

#[tokio::test]
async fn words_alone_wait_for_a_place_and_a_household_gives_its_grid() {
    let desk = Desk::open().await;
    let village: String = desk.one("SELECT name FROM region WHERE level = 'village' ORDER BY id LIMIT 1").await;
    let text = json!({"id": Uuid::new_v4(), "category": "0301", "location": {"source": "text", "text": format!("{village}第三组")}});
    let waiting = desk.report(text).await.unwrap().incident;
    let village_found = waiting.village.unwrap().name;
    assert!((village.as_str(), "pending_location") == (village_found.as_str(), waiting.state.as_str()));
    let last_resort: i64 = desk.one("SELECT id FROM handling_unit WHERE kind = 'county_duty_officer'").await;
    assert_eq!(waiting.owner.unit_id, last_resort);

    let (household, grid): (i64, i64) =
        sqlx::query_as("SELECT id, grid_id FROM household WHERE grid_id IS NOT NULL ORDER BY id LIMIT 1")
            .fetch_one(&desk.database.databases.migrator)
            .await
            .unwrap();
    let chosen = json!({"id": Uuid::new_v4(), "category": "0301", "location": {"source": "household", "household_id": household}});
    let chosen = desk.report(chosen).await.unwrap().incident;
    assert_eq!(chosen.grid.unwrap().id, grid);
    let nobody =
        json!({"id": Uuid::new_v4(), "category": "0301", "location": {"source": "household", "household_id": 1}});
    assert_eq!(desk.report(nobody).await.unwrap_err().fields[0].pointer, "/location/household_id");
}

#[tokio::test]
async fn pages_hold_every_incident_once() {
    let desk = Desk::open().await;
    let (mut seen, mut cursor, mut matched) = (Vec::new(), None, 0);
    loop {
        let asked = list::Asked { limit: Some(97), cursor: cursor.take(), ..list::Asked::default() };
        let page = list::list(&desk.yitu, &desk.viewer, asked).await.unwrap();
        matched = page.number_matched.max(matched);
        seen.extend(page.items.iter().map(|i| i.id));
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let truth: i64 = desk.one("SELECT count(*) FROM incident WHERE NOT restricted").await;
    assert_eq!((seen.len() as i64, matched), (truth, truth));
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len() as i64, truth);
    let open = list::Asked { state: Some("open".to_owned()), overdue: Some(true), ..list::Asked::default() };
    let open = list::list(&desk.yitu, &desk.viewer, open).await.unwrap();
    let truth: i64 = desk.one("SELECT count(*) FROM incident WHERE NOT restricted AND next_deadline_at < now()").await;
    assert_eq!(open.number_matched, truth);
    let bad = list::Asked { state: Some("nonsense".to_owned()), ..list::Asked::default() };
    assert_eq!(problem_or(list::list(&desk.yitu, &desk.viewer, bad).await).unwrap_err().fields[0].pointer, "state");
}
