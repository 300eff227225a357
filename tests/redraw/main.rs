//! Redraws of a village of the small demo county.

#![allow(clippy::unwrap_used)]

mod bad;
mod later;
mod scope;
#[path = "../support/mod.rs"]
mod support;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use support::{TestDatabase, TestServer};
use yitu::domain::Viewer;
use yitu::service::grid::history::{Asked, history};
use yitu::service::grid::publish::{Publish, Published, publish};
use yitu::service::grid::redraw::redraw;
use yitu::service::{ServiceError, Yitu};

struct Village {
    database: TestDatabase,
    yitu: Yitu,
    viewer: Viewer,
    id: i64,
    /// (grid, name, outline) as it stands.
    grids: Vec<(i64, String, String)>,
    today: chrono::NaiveDate,
}

impl Village {
    async fn some() -> Self {
        Self::nth(0).await
    }

    /// One of the villages with more than two general grids.
    async fn nth(k: i64) -> Self {
        let database = TestDatabase::with_demo().await;
        let yitu = database.yitu().await;
        let pool = &database.databases.migrator;
        let county: i64 =
            sqlx::query_scalar("SELECT id FROM region WHERE level = 'county'").fetch_one(pool).await.unwrap();
        let today = sqlx::query_scalar("SELECT county_day($1)").bind(county).fetch_one(pool).await.unwrap();
        let id: i64 = sqlx::query_scalar("SELECT village_id FROM layer_grid WHERE kind = 'general' GROUP BY village_id HAVING count(*) > 2 ORDER BY 1 OFFSET $1 LIMIT 1")
            .bind(k)
            .fetch_one(pool)
            .await
            .unwrap();
        let grids = sqlx::query_as("SELECT id, name, ST_AsGeoJSON(geom, 15) FROM layer_grid WHERE kind = 'general' AND village_id = $1 ORDER BY id")
            .bind(id)
            .fetch_all(pool)
            .await
            .unwrap();
        Self { yitu, viewer: Viewer::whole_county(county, "测绘员甲"), id, grids, today, database }
    }

    /// The set as it stands.
    fn set(&self, effective: chrono::NaiveDate) -> Value {
        let grid = |(id, name, g): &(i64, String, String)| json!({"id": id, "name": name, "geometry": serde_json::from_str::<Value>(g).unwrap()});
        json!({"village_id": self.id, "effective_from": effective, "grids": self.grids.iter().map(grid).collect::<Vec<_>>()})
    }

    /// A geometry the database makes, as GeoJSON.
    async fn made(&self, sql: &str) -> Value {
        let sql = format!("SELECT ST_AsGeoJSON(({sql}), 15)");
        let text: String =
            sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&self.database.databases.migrator).await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    async fn preview(&self, draft: &Value) -> yitu::service::grid::redraw::RedrawPreview {
        redraw(&self.yitu, &self.viewer, serde_json::from_value(draft.clone()).unwrap()).await.unwrap()
    }

    async fn publish(&self, preview: &yitu::service::grid::redraw::RedrawPreview) -> Result<Published, ServiceError> {
        publish(&self.yitu, &self.viewer, preview.id, &Publish { expected_version: Some(preview.version) }).await
    }

    /// The set with its first grid cut in two at the middle of its box; the west part keeps the identity.
    async fn split(&self, effective: chrono::NaiveDate) -> Value {
        let (west, east): (String, String) = sqlx::query_as(
            "SELECT ST_AsGeoJSON(ST_CollectionExtract(ST_Intersection(g, ST_MakeEnvelope(0, -90, x, 90, 4490)), 3), 15),
                    ST_AsGeoJSON(ST_CollectionExtract(ST_Intersection(g, ST_MakeEnvelope(x, -90, 180, 90, 4490)), 3), 15)
             FROM (SELECT geom AS g, round(((ST_XMin(geom) + ST_XMax(geom)) / 2)::numeric, 8)::float8 AS x FROM layer_grid WHERE id = $1) q",
        )
        .bind(self.grids[0].0)
        .fetch_one(&self.database.databases.migrator)
        .await
        .unwrap();
        let parse = |t: &str| serde_json::from_str::<Value>(t).unwrap();
        let mut set = self.set(effective);
        set["grids"][0]["geometry"] = parse(&west);
        set["grids"].as_array_mut().unwrap().push(json!({"name": "新东网格", "geometry": parse(&east)}));
        set
    }

    async fn count(&self, sql: &'static str, grid: i64) -> i64 {
        sqlx::query_scalar(sql).bind(grid).fetch_one(&self.database.databases.migrator).await.unwrap()
    }

    /// Waives every warning of a draft and answers its preview.
    async fn waived(&self, mut draft: Value) -> yitu::service::grid::redraw::RedrawPreview {
        let first = self.preview(&draft).await;
        assert!(first.faults.is_empty(), "{:?}", first.faults);
        draft["waivers"] = first.warnings.iter().map(|w| json!({"fault": w.fault, "reason": "现状如此"})).collect();
        self.preview(&draft).await
    }
}

fn slug<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> &'static str {
    match result {
        Err(ServiceError::Problem(problem)) => problem.slug,
        other => panic!("{other:?}"),
    }
}

const HOUSEHOLDS: &str = "SELECT count(*) FROM household WHERE grid_id = $1";

#[tokio::test]
async fn a_split_moves_its_households_and_the_past_replays() {
    let village = Village::some().await;
    let old = village.grids[0].0;
    let before = village.count(HOUSEHOLDS, old).await;
    let known = chrono::Utc::now();
    let preview = village.waived(village.split(village.today).await).await;
    assert!(preview.publishable);
    let done = village.publish(&preview).await.unwrap();
    assert_eq!(done.state, "active");
    let new = *done.grids.last().unwrap();
    assert!(!village.grids.iter().any(|g| g.0 == new));
    let (stay, moved) = (village.count(HOUSEHOLDS, old).await, village.count(HOUSEHOLDS, new).await);
    assert_eq!(stay + moved, before);
    assert!(moved > 0);
    let astray = "SELECT count(*) FROM household h JOIN layer_grid g ON g.id = h.grid_id WHERE h.village_id = $1 AND h.geom IS NOT NULL
                  AND h.grid_source = 'point' AND NOT ST_Covers(g.geom, h.geom)";
    assert_eq!(village.count(astray, village.id).await, 0);

    let as_known = Asked { on: Some(village.today), known: Some(known) };
    let past = history(&village.yitu, &village.viewer, old, &as_known).await.unwrap();
    let now =
        history(&village.yitu, &village.viewer, old, &Asked { on: Some(village.today), known: None }).await.unwrap();
    assert_eq!(past.geometry["type"], "MultiPolygon");
    assert_ne!(past.geometry, now.geometry);
    assert_eq!(slug(history(&village.yitu, &village.viewer, new, &as_known).await), "not-found");
    let new_now =
        history(&village.yitu, &village.viewer, new, &Asked { on: Some(village.today), known: None }).await.unwrap();
    assert_eq!(new_now.group_id, past.group_id);

    let again = village.publish(&preview).await;
    assert_eq!(slug(again), "stale-version");
}

#[tokio::test]
async fn overlaps_are_refused_with_their_place() {
    let village = Village::some().await;
    let mut draft = village.split(village.today).await;
    let whole: Value = serde_json::from_str(&village.grids[0].2).unwrap();
    draft["grids"][0]["geometry"] = whole;
    let preview = redraw(&village.yitu, &village.viewer, serde_json::from_value(draft).unwrap()).await.unwrap();
    let overlap = preview.faults.iter().find(|f| f.kind == "overlap").unwrap();
    assert!(overlap.lon.is_some() && overlap.area_m2.unwrap() > 1.0 && !preview.publishable);
    let refused = village.publish(&preview).await;
    assert_eq!(slug(refused), "redraw-not-publishable");
    let past = village.split(village.today - chrono::Duration::days(1)).await;
    assert_eq!(slug(redraw(&village.yitu, &village.viewer, serde_json::from_value(past).unwrap()).await), "bad-field");
}

/// Cuts at many places, some of which meet other villages: what the preview lets through, the rule at commit does too,
/// and afterwards neighbours have every vertex of their common borders in common.
#[tokio::test]
async fn what_a_preview_finds_sound_is_published_without_a_seam() {
    for k in 0..6 {
        let village = Village::nth(k).await;
        let preview = village.waived(village.split(village.today).await).await;
        let done = village.publish(&preview).await.unwrap();
        let astray = "SELECT count(*) FROM layer_grid a JOIN layer_grid b ON a.village_id = b.village_id AND a.id <> b.id AND a.kind = 'general' AND b.kind = 'general',
                      ST_DumpPoints(b.geom) p WHERE a.village_id = $1 AND ST_DWithin(a.geom, p.geom, 2e-8)
                      AND NOT EXISTS (SELECT FROM ST_DumpPoints(a.geom) q WHERE ST_Equals(p.geom, q.geom))";
        assert_eq!(village.count(astray, village.id).await, 0);
        let report = yitu::service::check::run(&village.database.databases, chrono::Utc::now()).await.unwrap();
        for kind in report.kinds.iter().filter(|k| ["grid_overlap", "grid_gap"].contains(&k.kind)) {
            assert_eq!(kind.count, 0, "{:?}", kind.faults);
        }
        assert_eq!(done.grids.len(), village.grids.len() + 1);
    }
}

/// Two grids become one under a new identity: its lineage is as said, its households and group follow, and the
/// register's word is kept where its grid stands.
#[tokio::test]
async fn a_merge_takes_its_households_and_group_along() {
    let village = Village::some().await;
    let pool = &village.database.databases.migrator;
    let pair: (i64, i64) = sqlx::query_as("SELECT a.id, b.id FROM layer_grid a JOIN layer_grid b ON a.village_id = $1 AND b.village_id = $1 AND a.id < b.id
             AND a.kind = 'general' AND b.kind = 'general' AND ST_Dimension(ST_Intersection(a.geom, b.geom)) = 1 ORDER BY 1, 2 LIMIT 1")
        .bind(village.id)
        .fetch_one(pool)
        .await
        .unwrap();
    // One household has lost its door.
    sqlx::query("UPDATE household SET geom = NULL WHERE id = (SELECT min(id) FROM household WHERE grid_id = $1)")
        .bind(pair.0)
        .execute(pool)
        .await
        .unwrap();
    let before = village.count(HOUSEHOLDS, pair.0).await + village.count(HOUSEHOLDS, pair.1).await;
    let merged =
        village.made(&format!("SELECT ST_Union(geom) FROM layer_grid WHERE id IN ({}, {})", pair.0, pair.1)).await;
    let mut draft = village.set(village.today);
    let grids = draft["grids"].as_array_mut().unwrap();
    grids.retain(|g| g["id"] != pair.0 && g["id"] != pair.1);
    grids.push(json!({"name": "合并网格", "geometry": merged, "from": [pair.1, pair.0]}));
    let preview = village.waived(draft).await;
    let to = village.grids.len() - 2;
    let from: Vec<(i64, &str)> =
        preview.lineage.iter().filter(|l| l.to == to).map(|l| (l.from, l.kind.as_str())).collect();
    assert_eq!(from, [(pair.0, "merge"), (pair.1, "merge")]);
    assert_eq!(preview.moved_households.by_grid, [("合并网格".to_owned(), before)].into());
    let done = village.publish(&preview).await.unwrap();
    assert_eq!((done.moved_households, village.count(HOUSEHOLDS, done.grids[to]).await), (before as u64, before));
    let group = "SELECT org_id FROM grid_responsibility WHERE grid_id = $1 ORDER BY upper(valid_during) DESC NULLS FIRST LIMIT 1";
    let groups = [village.count(group, pair.0).await, village.count(group, pair.1).await];
    assert!(groups.contains(&village.count(group, done.grids[to]).await));
    assert_eq!(village.count("SELECT count(*) FROM grid_lineage WHERE to_grid_id = $1", done.grids[to]).await, 2);

    // And back within the same day: the old identities are gone for good, and so are their codes.
    let back = village.set(village.today);
    let refused = redraw(&village.yitu, &village.viewer, serde_json::from_value(back.clone()).unwrap()).await;
    assert_eq!(slug(refused), "bad-field");
    let mut back = back;
    for grid in back["grids"].as_array_mut().unwrap() {
        if [pair.0, pair.1].contains(&grid["id"].as_i64().unwrap()) {
            grid["id"] = Value::Null;
            grid["from"] = json!([done.grids[to]]);
        }
    }
    let again = village.publish(&village.waived(back).await).await.unwrap();
    assert_eq!(again.moved_households, before as u64);
    assert_eq!(village.count("SELECT count(*) FROM grid_responsibility WHERE grid_id = $1", done.grids[to]).await, 0);
}

/// Of two previews of a village published at once, one is put in place and the other is told.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_published_at_once_one_wins() {
    let village = Village::some().await;
    let draft = village.split(village.today).await;
    let (a, b) = (village.waived(draft.clone()).await, village.waived(draft).await);
    let (first, second) = tokio::join!(village.publish(&a), village.publish(&b));
    let (won, lost) = if first.is_ok() { (first, second) } else { (second, first) };
    assert_eq!(won.unwrap().grids.len(), village.grids.len() + 1);
    assert_eq!(slug(lost), "redraw-outdated");
}

/// A long gap of 1.5 m is no warning, one of 3 m is, though it is the smaller one.
#[tokio::test]
async fn gaps_are_told_by_their_width() {
    let village = Village::some().await;
    let (id, lat): (i64, f64) = (village.grids[0].0, 25.6);
    let strip = async |width_m: f64, length_m: f64| {
        let half = (width_m / 2.0 / 110_780.0, length_m / 2.0 / (111_320.0 * lat.to_radians().cos()));
        let hole = format!(
            "ST_MakeEnvelope(ST_X(p) - {1}, ST_Y(p) - {0}, ST_X(p) + {1}, ST_Y(p) + {0}, 4490)",
            half.0, half.1
        );
        let sql = format!(
            "SELECT ST_Difference(geom, {hole}) FROM (SELECT geom, (ST_MaximumInscribedCircle(geom)).center AS p FROM layer_grid WHERE id = {id}) q"
        );
        let mut draft = village.set(village.today);
        draft["grids"][0]["geometry"] = village.made(&sql).await;
        let preview = village.preview(&draft).await;
        assert!(preview.faults.is_empty(), "{:?}", preview.faults);
        preview
            .warnings
            .iter()
            .filter(|w| w.kind == "gap")
            .map(|w| w.area_m2.unwrap().round() as i64)
            .collect::<Vec<_>>()
    };
    assert!(strip(1.5, 60.0).await.is_empty());
    assert_eq!(strip(3.0, 10.0).await, [30]);
}

/// Publishes a draft with every warning waived; what the publication answers.
async fn published(server: &TestServer, draft: &mut Value) -> Value {
    let preview: Value = server.post_json("/api/grids/redraws", draft).await.json().await.unwrap();
    draft["waivers"] = preview["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| json!({"fault": w["fault"], "reason": "现状如此"}))
        .collect();
    let preview: Value = server.post_json("/api/grids/redraws", draft).await.json().await.unwrap();
    let answer = server
        .post_json(
            &format!("/api/grids/redraws/{}/publish", preview["id"]),
            &json!({"expected_version": preview["version"]}),
        )
        .await;
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// Through the server: an incident reported before keeps its grid version and reason, the map shows the new grids,
/// and a point answers for the day and the knowledge asked for.
#[tokio::test(flavor = "multi_thread")]
async fn maps_follow_and_what_was_decided_stays() {
    let village = Village::some().await;
    let server = TestServer::start(village.yitu.clone()).await;
    let mut draft = village.split(village.today).await;
    let east = draft["grids"].as_array().unwrap().last().unwrap()["geometry"].to_string();
    let (lon, lat): (f64, f64) = sqlx::query_as(
        "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_Union(geom) AS g FROM layer_grid WHERE kind = 'dedicated') d,
                    ST_PointOnSurface(ST_Difference(ST_SetSRID(ST_GeomFromGeoJSON($1), 4490), d.g)) p",
    )
    .bind(east)
    .fetch_one(&village.database.databases.migrator)
    .await
    .unwrap();
    let report = json!({"id": uuid::Uuid::new_v4(), "category": "0101", "description": "路面塌陷", "urgency": "ordinary",
                        "location": {"source": "map", "lon": lon, "lat": lat}});
    let incident: Value = server.post_json("/api/incidents", &report).await.json().await.unwrap();
    let decided = incident["grid"].clone();
    let at = format!("/api/locate?lon={lon}&lat={lat}");
    let before = server.get_json(&at).await;
    assert_eq!(before["grids"][0]["id"], village.grids[0].0);
    let known = chrono::Utc::now();
    let tile = yitu::geo::TileId::containing(14, lon, lat);
    let tile = format!("/tiles/grid/14/{}/{}", tile.x(), tile.y());
    let shows = |bytes: &[u8]| bytes.windows("新东网格".len()).any(|w| w == "新东网格".as_bytes());
    assert!(!shows(&server.get(&tile).await.bytes().await.unwrap()));

    let done = published(&server, &mut draft).await;
    let new = done["grids"].as_array().unwrap().last().unwrap().clone();
    let seq = done["seq"].as_str().unwrap();
    assert!(shows(&server.get(&format!("{tile}?min_seq={seq}")).await.bytes().await.unwrap()));

    let now = server.get_json(&at).await;
    assert_eq!(now["grids"][0]["id"], new);
    assert_eq!(now["group"], before["group"], "the new part stays with the group that had it");
    assert_eq!(server.get_json(&format!("{at}&as_of={}", village.today)).await["grids"][0]["id"], new);
    let yesterday = server.get_json(&format!("{at}&as_of={}", village.today - chrono::Duration::days(1))).await;
    assert_eq!((&yesterday["grids"][0]["id"], &yesterday["group"]), (&before["grids"][0]["id"], &before["group"]));
    let known = known.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let as_known = server.get_json(&format!("{at}&as_of={}&known={known}", village.today)).await;
    assert_eq!(as_known["grids"][0]["id"], before["grids"][0]["id"]);
    let kept = server.get_json(&format!("/api/incidents/{}", incident["id"].as_str().unwrap())).await;
    assert_eq!(
        (&kept["grid"], &kept["explanation"], &kept["owner"]),
        (&decided, &incident["explanation"], &incident["owner"])
    );
}
