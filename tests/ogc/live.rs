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

/// A server that stops lets answers under way finish and its streams go: a restart waits for no screen.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_no_stream() {
    let database = TestDatabase::with_demo().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = yitu::http::serve(listener, None, database.yitu().await, async { drop(stopped.await) });
    let serving = tokio::spawn(serving);
    let client = reqwest::Client::new();
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = client.get(format!("{at}/live")).send().await.unwrap().bytes_stream();
        assert!(stream.next().await.unwrap().is_ok(), "it begins by telling where it stands");
        streams.push(stream);
    }
    let answer = client.get(format!("{at}/api/county")).send().await.unwrap();
    stop.send(()).unwrap();
    let began = Instant::now();
    tokio::time::timeout(Duration::from_secs(10), serving).await.expect("it stops").unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(answer.text().await.unwrap().contains("岚溪"));
    for mut stream in streams {
        while let Some(more) = stream.next().await {
            assert!(more.is_ok(), "ended, not cut off");
        }
    }
    assert!(client.get(format!("{at}/health/live")).send().await.is_err());
}
