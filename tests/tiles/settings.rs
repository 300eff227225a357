//! The settings of tiles while a server runs, and what they bound.

use std::path::Path;
use std::time::{Duration, Instant};

use yitu::config::Config;
use yitu::domain::Layer;
use yitu::geo::TileId;

use crate::support::mvt::{self, Decoded};
use crate::support::{TestDatabase, TestServer};

/// A layer's own settings with other values.
fn write(folder: &Path, layer: &str, change: impl FnOnce(&mut toml::Table)) {
    let text = std::fs::read_to_string(format!("tiles-config/{layer}.toml")).unwrap();
    let mut settings: toml::Table = toml::from_str(&text).unwrap();
    change(&mut settings);
    // At once, as an editor saves.
    let whole = folder.join("saving");
    std::fs::write(&whole, toml::to_string(&settings).unwrap()).unwrap();
    std::fs::rename(whole, folder.join(format!("{layer}.toml"))).unwrap();
}

async fn server(folder: &Path) -> TestServer {
    let db = TestDatabase::with_demo().await;
    let config = Config { tiles_config_dir: Some(folder.to_owned()), ..Config::default() };
    TestServer::start(yitu::service::startup::start(config, db.databases.clone()).await.unwrap()).await
}

/// The tile of a zoom with the most households.
fn crowded(server: &TestServer, z: u8) -> TileId {
    let mut counts = std::collections::HashMap::new();
    for feature in server.yitu.atlas.layer(Layer::Household).iter() {
        if let Some(yitu::geo::Geometry::Point(p)) = &feature.geometry {
            *counts.entry(TileId::containing(z, p.x(), p.y())).or_insert(0) += 1;
        }
    }
    counts.into_iter().max_by_key(|(tile, n)| (*n, tile.x(), tile.y())).unwrap().0
}

async fn features(server: &TestServer, layer: &str, tile: TileId) -> (usize, Vec<Decoded>) {
    let path = format!("/tiles/{layer}/{}/{}/{}", tile.z(), tile.x(), tile.y());
    let bytes = server.get(&path).await.bytes().await.unwrap();
    let found = mvt::layers(&bytes).into_iter().find(|l| l.name == layer).map_or(Vec::new(), |l| l.features);
    (bytes.len(), found)
}

/// Settings are taken over while the server runs; what is wrong changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn settings_are_taken_over_and_bad_ones_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let tile = crowded(&server, 16);
    let mut stream = server.get("/live?topics=tiles").await;
    let named = async || features(&server, "household", tile).await.1[0].properties.contains_key("name");
    assert!(named().await);

    write(folder.path(), "household", |s| {
        s["attributes"] = vec!["number"].into();
        s["personal"] = Vec::<String>::new().into();
    });
    let mut told = String::new();
    while !told.contains("\"layer\":\"household\"") {
        told = String::from_utf8(stream.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    }
    assert!(told.contains("\"tiles\":\"all\""), "{told}");
    assert!(!named().await);

    for fault in ["attributes = [\"colour\"]", "filter = \"((\"", "filter = \"colour = 1\"", "minzoom = 99", "]["] {
        let text = std::fs::read_to_string("tiles-config/household.toml").unwrap();
        let kept = text.lines().filter(|l| !l.starts_with(fault.split(' ').next().unwrap()));
        let text = std::iter::once(fault).chain(kept).collect::<Vec<_>>().join("\n");
        std::fs::write(folder.path().join("household.toml"), text).unwrap();
        // It is looked at once a second.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(!named().await, "{fault} is not refused");
    }

    std::fs::remove_file(folder.path().join("household.toml")).unwrap();
    let begun = Instant::now();
    while !named().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "the built-in settings do not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Over its bytes a tile has coarser clusters, or coarser shapes, which say so; every household is still counted.
#[tokio::test(flavor = "multi_thread")]
async fn too_large_a_tile_is_coarser_and_says_so() {
    const MOST: usize = 1500;
    let folder = tempfile::tempdir().unwrap();
    for layer in ["household", "building"] {
        write(folder.path(), layer, |s| {
            s.insert("max_bytes".to_owned(), (MOST as i64).into());
        });
    }
    let server = server(folder.path()).await;
    let tile = crowded(&server, 15);
    let (bytes, clusters) = features(&server, "household", tile).await;
    let is_marked = |f: &Decoded| f.properties.get("coarser").is_some_and(|c| c == "true");
    assert!(bytes <= MOST && clusters.iter().all(is_marked), "{bytes} bytes, {clusters:?}");
    let counted: usize = clusters.iter().map(|c| c.properties["count"].parse::<usize>().unwrap()).sum();
    let inside = |f: &&std::sync::Arc<yitu::domain::Feature>| match &f.geometry {
        Some(yitu::geo::Geometry::Point(p)) => TileId::containing(15, p.x(), p.y()) == tile,
        _ => false,
    };
    assert_eq!(counted, server.yitu.atlas.layer(Layer::Household).iter().filter(inside).count());

    let (_, buildings) = features(&server, "building", tile).await;
    assert!(!buildings.is_empty() && buildings.iter().all(is_marked), "{buildings:?}");
}
