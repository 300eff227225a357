//! OGC API Tiles: the very tiles of `/tiles`, read by GDAL too.

use serde_json::Value;
use yitu::domain::Layer;

use crate::support::{TestDatabase, TestServer};

#[tokio::test(flavor = "multi_thread")]
async fn tiles_under_a_collection_are_those_under_tiles() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let (mut full, mut empty) = (0, 0);
    for &layer in Layer::ALL {
        let collection = server.get_json(&format!("/ogc/collections/{layer}")).await;
        let links = collection["links"].as_array().unwrap();
        let link = links.iter().find(|l| l["rel"] == "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector");
        let has_tiles = server.yitu.tiles.layers.configs().get(layer).is_some();
        assert_eq!(link.is_some(), has_tiles, "{layer}");
        let Some(link) = link else {
            assert_eq!(server.get(&format!("/ogc/collections/{layer}/tiles")).await.status(), 404);
            assert_eq!(
                server.get(&format!("/ogc/collections/{layer}/tiles/WebMercatorQuad/10/1/1")).await.status(),
                404
            );
            continue;
        };
        let path = |href: &Value| href.as_str().unwrap().strip_prefix(&server.url("")).unwrap().to_owned();
        let list = server.get_json(&path(&link["href"])).await;
        let set = server.get_json(&path(&list["tilesets"][0]["links"][0]["href"])).await;
        let template = set["links"].as_array().unwrap().iter().find(|l| l["rel"] == "item").unwrap();
        assert_eq!(
            (&template["templated"], &template["type"]),
            (&true.into(), &"application/vnd.mapbox-vector-tile".into())
        );
        for limits in set["tileMatrixSetLimits"].as_array().unwrap() {
            let number = |name: &str| limits[name].as_i64().unwrap();
            let z = limits["tileMatrix"].as_str().unwrap();
            let (row, col) = (number("minTileRow"), number("maxTileCol"));
            let tile = path(&template["href"]).replace("{tileMatrix}", z);
            let tile = tile.replace("{tileRow}", &row.to_string()).replace("{tileCol}", &col.to_string());
            let plain = format!("/tiles/{layer}/{z}/{col}/{row}");
            match same(&server, &tile, &plain).await {
                200 => full += 1,
                204 => empty += 1,
                other => panic!("{tile}: {other}"),
            }
            // Beyond the limits there is nothing.
            let beyond = path(&template["href"]).replace("{tileMatrix}", z).replace("{tileCol}", &col.to_string());
            let beyond = beyond.replace("{tileRow}", &(number("maxTileRow") + 1).to_string());
            assert_eq!(server.get(&beyond).await.status(), 204, "{beyond}");
        }
    }
    assert!(full > 40, "{full} full, {empty} empty");
    for outside in ["99/0/0", "3/8/0", "3/0/8", "x/0/0"] {
        let answer = server.get(&format!("/ogc/collections/grid/tiles/WebMercatorQuad/{outside}")).await;
        assert_eq!(answer.status(), 404, "{outside}");
    }
    for unknown in [
        "/ogc/collections/grid/tiles/WorldCRS84Quad",
        "/ogc/tileMatrixSets/WorldCRS84Quad",
        "/ogc/collections/moon/tiles",
    ] {
        assert_eq!(server.get(unknown).await.status(), 404, "{unknown}");
    }
}

/// The status both addresses answer with, once all of their answers are the same.
async fn same(server: &TestServer, tile: &str, plain: &str) -> u16 {
    let mut status = 0;
    for (name, value) in [("accept-encoding", "identity"), ("accept-encoding", "gzip"), ("if-none-match", "*")] {
        let ask = |path: &str| server.client.get(server.url(path)).header(name, value).send();
        let (one, other) = (ask(tile).await.unwrap(), ask(plain).await.unwrap());
        assert_eq!(one.status(), other.status(), "{tile} {plain}");
        for header in ["etag", "content-type", "vary", "cache-control"] {
            assert_eq!(one.headers().get(header), other.headers().get(header), "{header} of {tile}");
        }
        if name == "accept-encoding" {
            status = one.status().as_u16();
        } else if status == 200 {
            assert_eq!(one.status(), 304);
        }
        assert_eq!(one.bytes().await.unwrap(), other.bytes().await.unwrap(), "{tile}");
    }
    status
}

/// A client that knows nothing but the metadata finds everything within the limits it gives.
#[tokio::test(flavor = "multi_thread")]
async fn the_limits_hold_everything() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let set = server.get_json("/ogc/collections/venue/tiles/WebMercatorQuad").await;
    let limits = set["tileMatrixSetLimits"].as_array().unwrap().iter().find(|l| l["tileMatrix"] == "14").unwrap();
    let range = |least: &str, most: &str| limits[least].as_i64().unwrap()..=limits[most].as_i64().unwrap();
    let mut bytes = Vec::new();
    for row in range("minTileRow", "maxTileRow") {
        for col in range("minTileCol", "maxTileCol") {
            let tile = server.get(&format!("/ogc/collections/venue/tiles/WebMercatorQuad/14/{row}/{col}")).await;
            bytes.extend(tile.bytes().await.unwrap());
        }
    }
    let found = String::from_utf8_lossy(&bytes);
    let names: Vec<String> =
        sqlx::query_scalar("SELECT name FROM venue").fetch_all(&database.databases.migrator).await.unwrap();
    assert!(names.len() > 50);
    for name in names {
        assert!(found.contains(&name), "{name} lies beyond {limits}");
    }
}
