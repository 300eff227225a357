//! Redraws published for a later day: they wait, nothing is drawn under them, and they can be taken back.

use std::time::Duration;

use serde_json::json;
use yitu::domain::Layer;
use yitu::geo::TileId;
use yitu::service::Yitu;
use yitu::service::grid::discard::discard;
use yitu::service::grid::publish::Publish;
use yitu::service::grid::redraw::redraw;
use yitu::service::tile::{Asked, render};

use crate::support::commit;
use crate::{HOUSEHOLDS, Village, slug};

#[tokio::test]
async fn a_later_redraw_waits_for_its_day() {
    let village = Village::some().await;
    let tomorrow = village.today + chrono::Duration::days(1);
    let preview = village.waived(village.split(tomorrow).await).await;
    let done = village.publish(&preview).await.unwrap();
    assert_eq!((done.state.as_str(), done.moved_households), ("published", 0));
    let new = *done.grids.last().unwrap();
    assert_eq!(village.count(HOUSEHOLDS, new).await, 0);
    let system = &village.database.databases.system;
    assert_eq!(yitu::db::redraw::activate_due(system, chrono::Utc::now()).await.unwrap(), 0);
    let later = chrono::Utc::now() + chrono::Duration::days(2);
    assert_eq!(yitu::db::redraw::activate_due(system, later).await.unwrap(), 1);
    assert!(village.count(HOUSEHOLDS, new).await > 0);
}

/// While a published redraw waits for its day, nothing is drawn under it; from that day on it is drawn upon.
#[tokio::test]
async fn nothing_is_drawn_under_a_redraw_that_waits() {
    let village = Village::some().await;
    let tomorrow = village.today + chrono::Duration::days(1);
    let before = village.waived(village.split(village.today).await).await;
    let done = village.publish(&village.waived(village.split(tomorrow).await).await).await.unwrap();
    assert_eq!(slug(village.publish(&before).await), "redraw-outdated");
    let today = village.split(village.today).await;
    assert_eq!(
        slug(redraw(&village.yitu, &village.viewer, serde_json::from_value(today).unwrap()).await),
        "later-redraw-waits"
    );
    let mut upon = village.set(tomorrow);
    upon["grids"][0]["from"] = json!([done.grids.last()]);
    let again = village.publish(&village.waived(upon).await).await.unwrap();
    assert_eq!(again.grids, village.grids.iter().map(|g| g.0).collect::<Vec<_>>());
}

/// A redraw published for later and taken back leaves the village as it was, and open to drawing again; what was
/// known in between stays known.
#[tokio::test]
async fn a_redraw_that_waits_can_be_taken_back() {
    let village = Village::some().await;
    let pool = &village.database.databases.migrator;
    let day = village.today + chrono::Duration::days(30);
    let state = "SELECT string_agg(t, '|' ORDER BY t) FROM (
          SELECT concat_ws(',', v.grid_id, v.name, v.valid_during, md5(ST_AsEWKB(v.geom)::text)) AS t FROM grid_version v JOIN grid g ON g.id = v.grid_id WHERE g.village_id = $1 AND upper_inf(v.recorded_during)
          UNION ALL SELECT concat_ws(',', r.grid_id, r.org_id, r.valid_during) FROM grid_responsibility r JOIN grid g ON g.id = r.grid_id WHERE g.village_id = $1
          UNION ALL SELECT concat_ws(',', a.code, a.valid_during) FROM code_alias a JOIN grid g ON g.id = a.feature_id AND g.village_id = $1 AND a.scheme = 'grid' AND upper_inf(a.valid_during)) s";
    let now = async || sqlx::query_scalar::<_, String>(state).bind(village.id).fetch_one(pool).await.unwrap();
    let before = now().await;
    // The first grid is cut, the last goes to a neighbour: identities begin and end, and a group changes.
    let mut draft = village.split(day).await;
    let last = village.grids.last().unwrap().0;
    let touching: i64 = village.count("SELECT min(a.id) FROM layer_grid a JOIN layer_grid b ON b.id = $1 AND a.id <> b.id AND a.village_id = b.village_id AND a.kind = 'general' AND ST_Dimension(ST_Intersection(a.geom, b.geom)) = 1", last).await;
    if touching != village.grids[0].0 {
        let merged =
            village.made(&format!("SELECT ST_Union(geom) FROM layer_grid WHERE id IN ({touching}, {last})")).await;
        let grids = draft["grids"].as_array_mut().unwrap();
        grids.retain(|g| g["id"] != last);
        grids.iter_mut().find(|g| g["id"] == touching).unwrap()["geometry"] = merged;
    }
    let preview = village.waived(draft).await;
    let done = village.publish(&preview).await.unwrap();
    assert_ne!(now().await, before);
    let upon = village.set(day);
    let asked = |version| Publish { expected_version: Some(version) };
    assert_eq!(slug(discard(&village.yitu, &village.viewer, preview.id, &asked(1)).await), "stale-version");
    let gone = discard(&village.yitu, &village.viewer, preview.id, &asked(done.version)).await.unwrap();
    assert_eq!(now().await, before);
    assert_eq!(
        slug(discard(&village.yitu, &village.viewer, preview.id, &asked(gone.version)).await),
        "already-discarded"
    );
    let later = chrono::Utc::now() + chrono::Duration::days(40);
    assert_eq!(yitu::db::redraw::activate_due(&village.database.databases.system, later).await.unwrap(), 0);
    // Drawn again for today: in force, it cannot be taken back; its code is another than the one taken back.
    let today = village.waived(village.split(village.today).await).await;
    let again = village.publish(&today).await.unwrap();
    assert_eq!(slug(discard(&village.yitu, &village.viewer, today.id, &asked(again.version)).await), "redraw-in-force");
    // And one that was drawn upon goes after the one upon it.
    let mut set = upon;
    set["grids"].as_array_mut().unwrap()[0]["name"] = json!("改名");
    let mut east = village.split(day).await["grids"].as_array().unwrap().last().unwrap().clone();
    east["id"] = json!(again.grids.last());
    let west = village.split(day).await["grids"][0]["geometry"].clone();
    set["grids"][0]["geometry"] = west;
    set["grids"].as_array_mut().unwrap().push(east);
    let first = village.waived(set.clone()).await;
    let one = village.publish(&first).await.unwrap();
    set["grids"].as_array_mut().unwrap()[0]["name"] = json!("再改名");
    let second = village.waived(set).await;
    let two = village.publish(&second).await.unwrap();
    assert_eq!(slug(discard(&village.yitu, &village.viewer, first.id, &asked(one.version)).await), "drawn-upon");
    discard(&village.yitu, &village.viewer, second.id, &asked(two.version)).await.unwrap();
    assert_eq!(village.count("SELECT count(*) FROM grid_version v JOIN grid g ON g.id = v.grid_id WHERE g.village_id = $1 AND v.name = '改名' AND upper_inf(v.recorded_during)", village.id).await, 1);
    discard(&village.yitu, &village.viewer, first.id, &asked(one.version)).await.unwrap();
}

/// The map shows new grids from their day on, and every tile then is what a server draws that has just read the
/// database.
#[tokio::test(flavor = "multi_thread")]
async fn tiles_show_a_redraw_from_its_day_on() {
    let village = Village::some().await;
    let pool = &village.database.databases.migrator;
    // It is always a later day at one end of the world than at the other: a county that moves there comes into its day.
    let move_to = async |zone: &str| {
        let mut tx = pool.begin().await.unwrap();
        let sql = "UPDATE region SET time_zone = $1 WHERE level = 'county' RETURNING county_day(id)";
        sqlx::query(sql).bind(zone).execute(&mut *tx).await.unwrap();
        let seq = commit(tx).await;
        assert!(village.yitu.atlas.wait_for(seq, Duration::from_secs(20)).await);
        sqlx::query_scalar("SELECT county_day(id) FROM region WHERE level = 'county'").fetch_one(pool).await.unwrap()
    };
    let west: chrono::NaiveDate = move_to("Etc/GMT+12").await;
    let day = west + chrono::Duration::days(1);
    let waiting = village.waived(village.split(day).await).await;
    village.publish(&waiting).await.unwrap();
    let (lon, lat): (f64, f64) = sqlx::query_as(
        "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) AS p FROM layer_grid WHERE id = $1) q",
    )
    .bind(village.grids[0].0)
    .fetch_one(pool)
    .await
    .unwrap();
    let tiles: Vec<TileId> = (10..=16).map(|z| TileId::containing(z, lon, lat)).collect();
    let draw = async |yitu: &Yitu, tile: TileId| {
        render(yitu, &village.viewer, Asked::all(vec![Layer::Grid], tile)).await.unwrap().bytes
    };
    let has_east = |bytes: &[u8]| bytes.windows("新东网格".len()).any(|w| w == "新东网格".as_bytes());
    for &tile in &tiles {
        assert!(!has_east(&draw(&village.yitu, tile).await), "{tile:?} shows what is to come");
    }
    let east: chrono::NaiveDate = move_to("Pacific/Kiritimati").await;
    assert!(east >= day);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !has_east(&draw(&village.yitu, tiles[4]).await) {
        assert!(std::time::Instant::now() < deadline, "the new day does not come to the map");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    yitu::db::redraw::activate_due(&village.database.databases.system, chrono::Utc::now()).await.unwrap();
    let seq = commit(pool.begin().await.unwrap()).await;
    assert!(village.yitu.atlas.wait_for(seq, Duration::from_secs(20)).await);
    let fresh = village.database.yitu().await;
    for tile in tiles {
        assert_eq!(draw(&village.yitu, tile).await, draw(&fresh, tile).await, "{tile:?} is stale");
    }
}
