//! A write through the OGC API is on every open map at once.

use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::{Value, json};
use yitu::geo::TileId;

use crate::support::{TestDatabase, TestServer};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_item_is_told_to_listeners_with_the_tiles_it_changed() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let mut stream = server.get("/live?topics=tiles").await.bytes_stream();
    let sql = "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) AS p FROM region WHERE level = 'village' ORDER BY id LIMIT 1) v";
    let (lon, lat): (f64, f64) = sqlx::query_as(sql).fetch_one(&database.databases.migrator).await.unwrap();
    let venue = json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [lon, lat]}, "properties": {"name": "新议事亭", "kind": "pavilion"}});
    let began = Instant::now();
    let made = server.client.post(server.url("/ogc/collections/venue/items")).json(&venue).send().await.unwrap();
    assert_eq!(made.status(), 201);
    let made: Value = made.json().await.unwrap();
    let told = async {
        let mut text = String::new();
        loop {
            text += &String::from_utf8_lossy(&stream.next().await.unwrap().unwrap());
            for data in text.lines().filter_map(|l| l.strip_prefix("data: ")) {
                if let Ok(event) = serde_json::from_str::<Value>(data)
                    && event["layer"] == "venue"
                {
                    assert!(text.contains("event: tiles"), "{text}");
                    return event;
                }
            }
        }
    };
    let event = tokio::time::timeout(Duration::from_secs(5), told).await.expect("the stream tells it");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    // The tile it names shows the item, under the item's own address too.
    let tile = TileId::containing(16, lon, lat);
    assert!(crate::support::tells(&event, tile), "{event}");
    let path = format!(
        "/ogc/collections/venue/tiles/WebMercatorQuad/16/{}/{}?min_seq={}",
        tile.y(),
        tile.x(),
        made["seq"].as_str().unwrap()
    );
    let bytes = server.get(&path).await.bytes().await.unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains("新议事亭"));
}
