//! Layers as OGC API Features, read by GDAL.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "ogc/edit.rs"]
mod edit;
#[path = "ogc/filter.rs"]
mod filter;
#[path = "ogc/gdal.rs"]
mod gdal;
#[path = "ogc/live.rs"]
mod live;
#[path = "ogc/pages.rs"]
mod pages;
#[path = "ogc/params.rs"]
mod params;
mod support;
#[path = "ogc/tiles.rs"]
mod tiles;

use support::{TestDatabase, TestServer};
use yitu::domain::Layer;

#[tokio::test(flavor = "multi_thread")]
async fn gdal_reads_all_venues_page_by_page() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let total = server.yitu.atlas.layer(Layer::Venue).len();
    let address = format!("OAPIF:{}", server.url("/ogc"));
    let run = tokio::process::Command::new("ogrinfo")
        .args(["-so", &address, "venue", "-oo", "PAGE_SIZE=7"])
        .output()
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(
        told.contains(&format!("Feature Count: {total}")),
        "{total}: {told} {}",
        String::from_utf8_lossy(&run.stderr)
    );

    let mut seen = Vec::new();
    let mut path = "/ogc/collections/venue/items?limit=7".to_owned();
    loop {
        let page = server.get_json(&path).await;
        assert_eq!(page["numberMatched"], total);
        seen.extend(page["features"].as_array().unwrap().iter().map(|f| f["id"].as_i64().unwrap()));
        let next = page["links"].as_array().unwrap().iter().find(|l| l["rel"] == "next");
        let Some(href) = next.and_then(|l| l["href"].as_str()) else { break };
        path = href.split_once(&server.address.to_string()).unwrap().1.to_owned();
    }
    assert_eq!(seen.len(), total);
    assert!(seen.is_sorted_by(|a, b| a < b));

    let kind = server.get_json("/ogc/collections/venue/items?limit=1000&filter=kind%20%3D%20%27clinic%27").await;
    let (clinics,): (i64,) = sqlx::query_as("SELECT count(*) FROM venue WHERE kind = 'clinic'")
        .fetch_one(&database.databases.migrator)
        .await
        .unwrap();
    assert!(clinics > 0);
    assert_eq!(kind["numberMatched"], clinics);
    let item = server.get(&format!("/ogc/collections/venue/items/{}", seen[0])).await;
    assert!(item.headers()["etag"].to_str().unwrap().starts_with("\"1-"), "{:?}", item.headers());
    let county = server.get_json("/api/summary").await["region"]["id"].clone();
    let region = server.get_json(&format!("/ogc/collections/region/items/{county}")).await;
    assert_eq!(region["geometry"]["type"], "MultiPolygon");
}
