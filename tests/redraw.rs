//! Redraws of a village of the small demo county.

mod support;

use serde_json::{Value, json};
use support::TestDatabase;
use yitu::domain::Viewer;
use yitu::service::grid::history::{Asked, history};
use yitu::service::grid::publish::{Publish, publish};
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
        let database = TestDatabase::with_demo().await;
        let yitu = database.yitu().await;
        let pool = &database.databases.migrator;
        let county: i64 =
            sqlx::query_scalar("SELECT id FROM region WHERE level = 'county'").fetch_one(pool).await.unwrap();
        let today = sqlx::query_scalar("SELECT county_day($1)").bind(county).fetch_one(pool).await.unwrap();
        let id: i64 = sqlx::query_scalar("SELECT village_id FROM layer_grid WHERE kind = 'general' GROUP BY village_id HAVING count(*) > 2 ORDER BY 1 LIMIT 1")
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
        let mut grids: Vec<Value> =
            self.grids.iter().map(|(id, name, g)| json!({"id": id, "name": name, "geometry": parse(g)})).collect();
        grids[0]["geometry"] = parse(&west);
        grids.push(json!({"name": "新东网格", "geometry": parse(&east)}));
        json!({"village_id": self.id, "effective_from": effective, "grids": grids})
    }

    async fn count(&self, sql: &'static str, grid: i64) -> i64 {
        sqlx::query_scalar(sql).bind(grid).fetch_one(&self.database.databases.migrator).await.unwrap()
    }

    /// Waives every warning of a draft and answers its preview.
    async fn waived(&self, mut draft: Value) -> yitu::service::grid::redraw::RedrawPreview {
        let first = redraw(&self.yitu, &self.viewer, serde_json::from_value(draft.clone()).unwrap()).await.unwrap();
        assert!(first.faults.is_empty(), "{:?}", first.faults);
        draft["waivers"] = first.warnings.iter().map(|w| json!({"fault": w.fault, "reason": "现状如此"})).collect();
        redraw(&self.yitu, &self.viewer, serde_json::from_value(draft).unwrap()).await.unwrap()
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
    let done =
        publish(&village.yitu, &village.viewer, preview.id, &Publish { expected_version: Some(preview.version) })
            .await
            .unwrap();
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

    let again =
        publish(&village.yitu, &village.viewer, preview.id, &Publish { expected_version: Some(preview.version) }).await;
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
    let refused =
        publish(&village.yitu, &village.viewer, preview.id, &Publish { expected_version: Some(preview.version) }).await;
    assert_eq!(slug(refused), "redraw-not-publishable");
    let past = village.split(village.today - chrono::Duration::days(1)).await;
    assert_eq!(slug(redraw(&village.yitu, &village.viewer, serde_json::from_value(past).unwrap()).await), "bad-field");
}

#[tokio::test]
async fn a_later_redraw_waits_for_its_day() {
    let village = Village::some().await;
    let tomorrow = village.today + chrono::Duration::days(1);
    let preview = village.waived(village.split(tomorrow).await).await;
    let done =
        publish(&village.yitu, &village.viewer, preview.id, &Publish { expected_version: Some(preview.version) })
            .await
            .unwrap();
    assert_eq!((done.state.as_str(), done.moved_households), ("published", 0));
    let new = *done.grids.last().unwrap();
    assert_eq!(village.count(HOUSEHOLDS, new).await, 0);
    let system = &village.database.databases.system;
    assert_eq!(yitu::db::redraw::activate_due(system, chrono::Utc::now()).await.unwrap(), 0);
    let later = chrono::Utc::now() + chrono::Duration::days(2);
    assert_eq!(yitu::db::redraw::activate_due(system, later).await.unwrap(), 1);
    assert!(village.count(HOUSEHOLDS, new).await > 0);
}
