//! `yitu export` on the small demo county: the program itself, killed and started again, its archives read back.

#![allow(missing_docs, clippy::unwrap_used, clippy::cast_possible_truncation)]

mod archive;
mod broken;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;

use archive::Archive;
use sqlx::Executor;
use support::{TestDatabase, TestServer};
use tokio::process::Command;

/// The program over a database, in a folder.
fn yitu(database: &TestDatabase, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yitu"));
    command.arg("export").args(arguments).current_dir(folder);
    command.env("DATABASE_URL", database.url()).env("YITU_LOG_FORMAT", "text").kill_on_drop(true);
    command
}

async fn export(database: &TestDatabase, folder: &Path, arguments: &[&str]) -> Output {
    yitu(database, folder, arguments).output().await.unwrap()
}

/// What it said, having done it.
async fn done(database: &TestDatabase, folder: &Path, arguments: &[&str]) -> String {
    let output = export(database, folder, arguments).await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {told}");
    told
}

/// What it said, having refused with this exit code.
async fn refused(database: &TestDatabase, folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = export(database, folder, arguments).await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
    told
}

fn names(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect()
}

async fn one_text(database: &TestDatabase, sql: &'static str) -> String {
    sqlx::query_scalar(sql).fetch_one(&database.databases.migrator).await.unwrap()
}

const TOWNSHIP: &str = "SELECT code FROM layer_region WHERE level = 'township' ORDER BY id LIMIT 1";

#[tokio::test(flavor = "multi_thread")]
async fn the_county_is_as_the_server_shows_it() {
    let (database, folder) = (TestDatabase::with_demo().await, tempfile::tempdir().unwrap());
    done(&database, folder.path(), &["map.pmtiles"]).await;
    assert_eq!(names(folder.path()), BTreeSet::from(["map.pmtiles".to_owned()]), "nothing is left beside it");
    let archive = Archive::read(&folder.path().join("map.pmtiles"));
    form(&archive);
    let server = TestServer::start(database.yitu().await).await;
    let layers: Vec<String> = archive.metadata["vector_layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["id"].as_str().unwrap().to_owned())
        .filter(|l| !l.ends_with("_markers"))
        .collect();
    assert!(!layers.iter().any(|l| l == "household" || l == "incident") && layers.len() == 12, "{layers:?}");
    let tiles = archive.vector_tiles();
    for ((z, x, y), bytes) in &tiles {
        let path = format!("/tiles/{}/{z}/{x}/{y}", layers.join(","));
        let served = server.get(&path).await;
        assert_eq!(served.status(), 200, "{path}");
        assert!(served.bytes().await.unwrap() == *bytes, "{path}");
    }
    // Whatever lies in the county is in it: no tile of its box is missing that the server has.
    let county = server.get_json("/api/county").await;
    let side = |at: usize| county["bbox"][at].as_f64().unwrap();
    for z in [6, 11, 13] {
        let north_west = yitu::geo::TileId::containing(z, side(0), side(3));
        let south_east = yitu::geo::TileId::containing(z, side(2), side(1));
        for x in north_west.x()..=south_east.x() {
            for y in north_west.y()..=south_east.y() {
                let served = server.get(&format!("/tiles/{}/{z}/{x}/{y}", layers.join(","))).await.status();
                assert_eq!(served == 200, tiles.contains_key(&(z, x, y)), "{z}/{x}/{y} {served}");
            }
        }
    }
    let described = server.get_json(&format!("/tiles/{}.json", layers.join(","))).await;
    for (own, told) in
        archive.metadata["vector_layers"].as_array().unwrap().iter().zip(described["vector_layers"].as_array().unwrap())
    {
        assert_eq!((&own["id"], &own["fields"], &own["minzoom"]), (&told["id"], &told["fields"], &told["minzoom"]));
    }
    let attribution = archive.metadata["attribution"].as_str().unwrap();
    assert!(attribution.contains("内部工作用图,不得公开") && attribution.contains("不作为划界依据"), "{attribution}");
}

/// What the specification asks of the header and the directories.
fn form(archive: &Archive) {
    let tiles = archive.tiles();
    let contents: BTreeSet<u64> = archive.entries.iter().map(|e| e.offset).collect();
    assert_eq!(archive.number(72), tiles.len() as u64, "addressed tiles");
    assert_eq!(archive.number(80), archive.entries.len() as u64, "entries");
    assert_eq!(archive.number(88), contents.len() as u64, "contents");
    assert_eq!(
        (archive.byte(96), archive.byte(97), archive.byte(98), archive.byte(99)),
        (1, 2, 2, 1),
        "clustered, gzip, gzip, MVT"
    );
    assert_eq!((archive.byte(100), archive.byte(101)), (6, 16), "zooms");
    let order = |e: &archive::Entry| e.tile;
    assert!(archive.entries.is_sorted_by_key(order), "entries ascend");
    // Clustered: a content comes where its first tile does. And each content is there once.
    let mut end = 0;
    for entry in &archive.entries {
        assert!(entry.offset <= end, "no gap at {entry:?}");
        end = end.max(entry.offset + entry.length);
    }
    assert_eq!(end, archive.number(64), "all of the data is addressed");
    let different: BTreeSet<&[u8]> = tiles.values().copied().collect();
    assert_eq!(different.len(), contents.len(), "equal tiles are stored once");
    let joined = archive.entries.windows(2).all(|e| e[0].tile + e[0].run < e[1].tile || e[0].offset != e[1].offset);
    assert!(joined, "equal neighbours are one run");
    let (west, south, east, north) =
        (archive.degrees(102), archive.degrees(106), archive.degrees(110), archive.degrees(114));
    let (lon, lat) = (archive.degrees(119), archive.degrees(123));
    assert!(west < lon && lon < east && south < lat && lat < north);
    assert!((6..=16).contains(&archive.byte(118)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_township_is_whole_and_no_more() {
    let (database, folder) = (TestDatabase::with_demo().await, tempfile::tempdir().unwrap());
    let code = one_text(&database, TOWNSHIP).await;
    let name = one_text(&database, "SELECT name FROM layer_region WHERE level = 'township' ORDER BY id LIMIT 1").await;
    let file = folder.path().join("town.pmtiles");
    done(
        &database,
        folder.path(),
        &["town.pmtiles", "--region", &code, "--layers", "grid,region", "--minzoom", "9", "--maxzoom", "14"],
    )
    .await;
    let archive = Archive::read(&file);
    assert!(archive.metadata["name"].as_str().unwrap().ends_with(&name));
    assert_eq!((archive.byte(100), archive.byte(101)), (9, 14));
    // Tiles with anything of the township, and those beside them, measured by PostGIS in the tiles' own projection.
    let near: Vec<(i32, i32, i32, bool)> = sqlx::query_as(
        "WITH r AS (SELECT ST_Transform(ST_SetSRID(geom, 4326), 3857) AS outline FROM layer_region WHERE code = $1),
         z AS (SELECT z, 40075016.685578488 / (1 << z) AS side, outline FROM generate_series(9, 14) z, r),
         t AS (SELECT z, x, y, outline, side FROM z,
             generate_series(floor((ST_XMin(outline) + 20037508.342789244) / side)::int - 2, floor((ST_XMax(outline) + 20037508.342789244) / side)::int + 2) x,
             generate_series(floor((20037508.342789244 - ST_YMax(outline)) / side)::int - 2, floor((20037508.342789244 - ST_YMin(outline)) / side)::int + 2) y)
         SELECT z, x, y, ST_Intersects(outline, ST_Expand(ST_TileEnvelope(z, x, y), side)) FROM t",
    )
    .bind(&code)
    .fetch_all(&database.databases.migrator)
    .await
    .unwrap();
    let server = TestServer::start(database.yitu().await).await;
    let tiles = archive.vector_tiles();
    let mut seen = 0;
    for (z, x, y, meets) in near {
        let kept = tiles.get(&(z as u8, x as u32, y as u32));
        let served = server.get(&format!("/tiles/grid,region/{z}/{x}/{y}")).await;
        let expected = (meets && served.status() == 200).then_some(served.bytes().await.unwrap());
        assert_eq!(kept.is_some(), expected.is_some(), "{z}/{x}/{y}");
        assert!(kept.is_none_or(|k| *k == expected.unwrap()), "{z}/{x}/{y}");
        seen += usize::from(kept.is_some());
    }
    assert_eq!(seen, tiles.len(), "there is nothing farther away");
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_layers_want_a_reason() {
    let (database, folder) = (TestDatabase::with_demo().await, tempfile::tempdir().unwrap());
    let code = one_text(&database, TOWNSHIP).await;
    for layers in ["household", "grid,incident", "incident,household"] {
        for reason in [&[][..], &["--reason", "  "]] {
            let arguments = [&["p.pmtiles", "--layers", layers], reason].concat();
            let told = refused(&database, folder.path(), &arguments, 2).await;
            assert!(told.contains("--reason") && told.contains("涉及个人"), "{told}");
        }
    }
    assert!(names(folder.path()).is_empty());
    let layers = ["--layers", "incident,household", "--region", &code, "--maxzoom", "15"];
    let reason = ["--reason", "防汛转移入户", "--now", "2026-11-20T10:00:00+08:00"];
    done(&database, folder.path(), &[&["p.pmtiles"], &layers[..], &reason].concat()).await;
    let logged = one_text(&database, "SELECT actor || ':' || reason FROM audit_event WHERE action = 'export'").await;
    assert_eq!(logged, "yitu export:防汛转移入户", "the log says who and why");
    let archive = Archive::read(&folder.path().join("p.pmtiles"));
    assert_eq!(archive.metadata["yitu"]["reason"], "防汛转移入户");
    assert_eq!(archive.metadata["yitu"]["now"], "2026-11-20T02:00:00Z");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&folder.path().join("p.pmtiles").metadata().unwrap().permissions());
    assert_eq!(mode & 0o077, 0, "nobody else may read it");
    let clock = std::sync::Arc::new(support::StillClock::at("2026-11-20T10:00:00+08:00"));
    let yitu = yitu::service::startup::start_by(clock, yitu::config::Config::default(), database.databases.clone());
    let server = TestServer::start(yitu.await.unwrap()).await;
    for ((z, x, y), bytes) in archive.vector_tiles() {
        let served = server.get(&format!("/tiles/incident,household/{z}/{x}/{y}")).await.bytes().await.unwrap();
        assert!(served == bytes, "{z}/{x}/{y}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn elevation_is_as_the_server_shows_it() {
    let (database, folder) = (TestDatabase::with_demo().await, tempfile::tempdir().unwrap());
    done(&database, folder.path(), &["dem.pmtiles", "--dem"]).await;
    let archive = Archive::read(&folder.path().join("dem.pmtiles"));
    assert_eq!((archive.byte(97), archive.byte(98), archive.byte(99)), (2, 1, 2), "gzip inside, PNG as they are");
    assert_eq!(archive.metadata["encoding"], "terrarium");
    let server = TestServer::start(database.yitu().await).await;
    let tiles = archive.tiles();
    let zooms: BTreeSet<u8> = tiles.keys().map(|t| t.0).collect();
    assert_eq!(zooms, (6..=12).collect());
    for ((z, x, y), bytes) in tiles {
        let served = server.get(&format!("/tiles/dem/{z}/{x}/{y}")).await.bytes().await.unwrap();
        assert!(served == bytes, "{z}/{x}/{y}");
    }
    database.databases.migrator.execute("DELETE FROM elevation").await.unwrap();
    let told = refused(&database, folder.path(), &["none.pmtiles", "--dem"], 2).await;
    assert!(told.contains("高程"), "{told}");
}
