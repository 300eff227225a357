//! Tiles of the demo county against PostGIS, and the ways to ask for them.

#![allow(clippy::unwrap_used)]

mod coverage;
mod fresh;
mod gdal;
mod hostile;
#[path = "../support/import.rs"]
mod import;
mod settings;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sqlx::AssertSqlSafe;
use support::mvt::{self, Decoded};
use support::{TestDatabase, TestServer};
use yitu::config::Config;
use yitu::db::import::{Level, NewCounty};
use yitu::domain::Layer;
use yitu::geo::TileId;
use yitu::service::import::{ImportLayer, ImportRequest, run};

/// The same tile by PostGIS from the same rows.
async fn by_postgis(db: &TestDatabase, layer: Layer, attributes: &[String], tile: TileId) -> BTreeMap<u64, Decoded> {
    let columns: Vec<String> = attributes
        .iter()
        .map(|a| if a == "tags" { "array_to_string(tags, ',') AS tags".to_owned() } else { format!("\"{a}\"") })
        .collect();
    let (z, x, y) = (tile.z(), tile.x(), tile.y());
    let sql = format!(
        "WITH b AS (SELECT ST_TileEnvelope({z}, {x}, {y}) AS box), r AS (
           SELECT id, {}, ST_AsMVTGeom(ST_Transform(ST_SetSRID(geom, 4326), 3857), box, 4096, 256, true) AS mvt
           FROM layer_{layer}, b)
         SELECT ST_AsMVT(r, '{layer}', 4096, 'mvt', 'id') FROM r WHERE mvt IS NOT NULL",
        columns.join(", ")
    );
    let bytes: Vec<u8> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&db.databases.migrator).await.unwrap();
    mvt::by_id(&bytes)
}

/// Slivers thinner than the grid of the tile, and what only touches the buffer's rim (256 units out), may
/// round away in one and not in the other.
fn is_sliver(feature: &Decoded) -> bool {
    let all = || feature.parts.iter().flatten();
    let range = |of: fn(&(i32, i32)) -> i32| (all().map(of).min().unwrap(), all().map(of).max().unwrap());
    let ((w, e), (n, s)) = (range(|p| p.0), range(|p| p.1));
    let at_the_rim = e <= -255 || s <= -255 || w >= 4351 || n >= 4351;
    at_the_rim || feature.kind == 3 && (e - w <= 2 || s - n <= 2) || feature.kind == 2 && e - w <= 1 && s - n <= 1
}

/// Whether every part is so large that PostGIS keeps it too where positions are closer than a unit.
fn is_broad(feature: &Decoded) -> bool {
    feature.parts.iter().all(|part| is_broad_part(part))
}

fn is_broad_part(part: &[(i32, i32)]) -> bool {
    let range = |of: fn(&(i32, i32)) -> i32| part.iter().map(of).max().unwrap() - part.iter().map(of).min().unwrap();
    range(|p| p.0) > 16 && range(|p| p.1) > 16
}

/// How far a position lies from the nearest outline, tile units.
fn distance((x, y): (i32, i32), of: &Decoded) -> f64 {
    let to_segment = |a: (i32, i32), b: (i32, i32)| {
        let (dx, dy) = (f64::from(b.0 - a.0), f64::from(b.1 - a.1));
        let (px, py) = (f64::from(x - a.0), f64::from(y - a.1));
        let length = dx * dx + dy * dy;
        let t = if length == 0.0 { 0.0 } else { ((px * dx + py * dy) / length).clamp(0.0, 1.0) };
        (px - t * dx).hypot(py - t * dy)
    };
    let segments = of.parts.iter().flat_map(|p| p.iter().zip(p.iter().skip(1).chain(p.last())));
    segments.map(|(a, b)| to_segment(*a, *b)).fold(f64::INFINITY, f64::min)
}

/// The visible position of one that is farthest from the other's outline. At the buffer's rim, which nobody
/// sees, the two clip before and after rounding.
fn farthest(one: &Decoded, other: &Decoded) -> f64 {
    let visible = one.parts.iter().flatten().filter(|p| (0..=4096).contains(&p.0) && (0..=4096).contains(&p.1));
    visible.map(|p| distance(*p, other)).fold(0.0, f64::max)
}

/// Settings under which every feature is in every tile as it is stored.
fn plain_settings(folder: &std::path::Path) {
    for file in std::fs::read_dir("tiles-config").unwrap().map(|f| f.unwrap().path()) {
        let mut settings: toml::Table = toml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        for name in ["tolerance_px", "min_area_px"] {
            settings.insert(name.to_owned(), 0.0.into());
        }
        for name in ["cluster_below", "max_bytes", "minzoom"] {
            settings.insert(name.to_owned(), 0.into());
        }
        for name in ["from_zoom", "filter", "sort", "coverage", "coverage_by"] {
            settings.remove(name);
        }
        // What is computed is in no column.
        settings["attributes"].as_array_mut().unwrap().retain(|a| a.as_str() != Some("overdue"));
        std::fs::write(folder.join(file.file_name().unwrap()), toml::to_string(&settings).unwrap()).unwrap();
    }
}

#[tokio::test]
async fn tiles_are_those_of_postgis_where_nothing_is_simplified() {
    let db = TestDatabase::with_demo().await;
    let folder = tempfile::tempdir().unwrap();
    plain_settings(folder.path());
    let config = Config { tiles_config_dir: Some(folder.path().to_owned()), ..Config::default() };
    let yitu = yitu::service::startup::start(config, db.databases.clone()).await.unwrap();
    let server = TestServer::start(yitu).await;
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut compared = 0;
    for layer in [
        Layer::Household,
        Layer::Venue,
        Layer::Settlement,
        Layer::VillagerGroup,
        Layer::SocialOrg,
        Layer::Grid,
        Layer::Region,
        Layer::Cluster,
        Layer::BusLine,
        Layer::Road,
        Layer::Water,
        Layer::LandUse,
        Layer::Building,
    ] {
        let config = server.yitu.tiles.layers.configs().get(layer).unwrap().clone();
        let mut places: Vec<(i64, f64, f64)> = {
            let store = server.yitu.atlas.layer(layer);
            let center = |f: &yitu::domain::Feature| {
                geo::BoundingRect::bounding_rect(f.geometry.as_ref()?).map(geo::Rect::center)
            };
            store.iter().filter_map(|f| center(f).map(|c| (f.id, c.x, c.y))).collect()
        };
        places.sort_by_key(|p| p.0);
        for z in (7..=18).chain([16, 17]) {
            let &(_, lon, lat) = places.choose(&mut random).unwrap();
            let tile = TileId::containing(z, lon, lat);
            let (x, y) = (tile.x(), tile.y());
            let ours = mvt::by_id(&server.get(&format!("/tiles/{layer}/{z}/{x}/{y}")).await.bytes().await.unwrap());
            let theirs = by_postgis(&db, layer, &config.attributes, tile).await;
            // Where positions are closer than a unit the two need not keep the same of what is small.
            let may_go = |f: &Decoded| {
                is_sliver(f) || z < config.maxzoom && f.kind != 1 && !f.parts.iter().any(|part| is_broad_part(part))
            };
            for (id, feature) in &theirs {
                let Some(our) = ours.get(id) else {
                    assert!(may_go(feature), "{layer} {z}/{x}/{y}: {id} is missing: {feature:?}");
                    continue;
                };
                assert_eq!(
                    (our.kind, &our.properties),
                    (feature.kind, &feature.properties),
                    "{layer} {z}/{x}/{y} {id}"
                );
                let apart = farthest(our, feature).max(farthest(feature, our));
                // One unit in each direction: the two round the same place. Where positions are closer than a unit,
                // PostGIS also leaves out those that stray less than one, and parts thinner than that.
                let most = if z >= config.maxzoom { 1.5 } else { 4.0 };
                // Of rivers, fields and houses far out most is thinner than a unit, and PostGIS keeps the rest.
                let may_be_thin = matches!(layer, Layer::Water | Layer::LandUse | Layer::Building);
                let all_parts_are_broad = z >= config.maxzoom || feature.kind != 3 || is_broad(our) && !may_be_thin;
                assert!(
                    apart < most || !all_parts_are_broad,
                    "{layer} {z}/{x}/{y} {id}: {apart} units apart: {our:?} and {feature:?}"
                );
                compared += 1;
            }
            let more: Vec<_> = ours.iter().filter(|(id, f)| !theirs.contains_key(id) && !may_go(f)).collect();
            assert!(more.is_empty(), "{layer} {z}/{x}/{y}: too many: {more:?}");
        }
    }
    assert!(compared > 3000, "only {compared} features compared");
}

#[tokio::test]
async fn every_placed_household_is_counted_once_by_the_clusters() {
    let db = TestDatabase::with_demo().await;
    let server = TestServer::start(db.yitu().await).await;
    let county = server.get_json("/api/county").await;
    let bbox: Vec<f64> = county["bbox"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
    let placed = server.yitu.atlas.layer(Layer::Household).iter().filter(|f| f.geometry.is_some()).count() as u64;
    for z in [9, 11, 13] {
        let (low, high) = (TileId::containing(z, bbox[0], bbox[3]), TileId::containing(z, bbox[2], bbox[1]));
        let mut counted = 0;
        for (x, y) in (low.x()..=high.x()).flat_map(|x| (low.y()..=high.y()).map(move |y| (x, y))) {
            let tile = server.get(&format!("/tiles/household/{z}/{x}/{y}")).await.bytes().await.unwrap();
            let clusters = mvt::layers(&tile).into_iter().flat_map(|layer| layer.features);
            counted += clusters.map(|c| c.properties["count"].parse::<u64>().unwrap()).sum::<u64>();
        }
        assert_eq!(counted, placed, "zoom {z}");
    }
}

#[tokio::test]
async fn a_tile_is_asked_for_in_the_ways_of_http() {
    let db = TestDatabase::with_demo().await;
    let server = TestServer::start(db.yitu().await).await;
    let county = server.get_json("/api/county").await;
    let (lon, lat) = (county["center"][0].as_f64().unwrap(), county["center"][1].as_f64().unwrap());
    let tile = TileId::containing(12, lon, lat);
    let path = format!("/tiles/region,grid,region/12/{}/{}", tile.x(), tile.y());
    let plain = reqwest::Client::builder().no_gzip().build().unwrap();
    let first = plain.get(server.url(&path)).send().await.unwrap();
    assert_eq!(first.status(), 200);
    assert_eq!(first.headers()["cache-control"], "private, no-cache");
    let tag = first.headers()["etag"].clone();
    let bytes = first.bytes().await.unwrap();
    assert_eq!(mvt::layers(&bytes).len(), 2, "each layer once");
    let zipped = plain.get(server.url(&path)).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(zipped.headers()["content-encoding"], "gzip");
    assert_ne!(zipped.headers()["etag"], tag, "each encoding has its own tag");
    let known = plain.get(server.url(&path)).header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(known.status(), 304);
    for (path, status, kind) in [
        ("/tiles/region/99/0/0", 404, "no-such-tile"),
        ("/tiles/region/3/8/0", 404, "no-such-tile"),
        ("/tiles/nothing/3/0/0", 404, "unknown-layer"),
        ("/tiles/region/3/0/0?min_seq=later", 400, "bad-field"),
        ("/tiles/region/3/0/0?filter=colour%3D1", 400, "bad-field"),
        ("/tiles/region/3/0/0?filter=((", 400, "bad-field"),
        ("/tiles/region/3/0/0?properties=colour", 400, "bad-field"),
        ("/tiles/region/3/0/0?colour=1", 400, "bad-field"),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(problem["type"], format!("urn:yitu:problem:{kind}"), "{path}: {problem}");
    }
    assert_eq!(server.get("/tiles/region/12/0/0").await.status(), 204);
    let described = server.get_json("/tiles/grid.json").await;
    assert_eq!(described["vector_layers"][0]["id"], "grid");
    assert!(described["bounds"][0].as_f64().unwrap() > 70.0);
}

#[tokio::test]
async fn a_write_is_on_the_next_tile_and_in_the_stream() {
    let db = TestDatabase::with_demo().await;
    let server = TestServer::start(db.yitu().await).await;
    let (id, lon, lat): (i64, f64, f64) = sqlx::query_as(
        "SELECT id, ST_X(geom), ST_Y(geom) FROM venue WHERE GeometryType(geom) = 'POINT' ORDER BY id LIMIT 1",
    )
    .fetch_one(&db.databases.migrator)
    .await
    .unwrap();
    let tile = TileId::containing(15, lon, lat);
    let path = format!("/tiles/venue/15/{}/{}", tile.x(), tile.y());
    let mut stream = server.get("/live?topics=tiles").await;
    for turn in 0..10 {
        let before = mvt::by_id(&server.get(&path).await.bytes().await.unwrap());
        assert_ne!(before[&(id as u64)].properties["name"], format!("新名{turn}"));
        let mut tx = db.databases.migrator.begin().await.unwrap();
        sqlx::query("UPDATE venue SET name = $1 WHERE id = $2")
            .bind(format!("新名{turn}"))
            .bind(id)
            .execute(&mut *tx)
            .await
            .unwrap();
        let seq = support::commit(tx).await;
        let after = mvt::by_id(&server.get(&format!("{path}?min_seq={seq}")).await.bytes().await.unwrap());
        assert_eq!(after[&(id as u64)].properties["name"], format!("新名{turn}"));
        let mut told = String::new();
        // The first thing a stream says is where it stands.
        while !told.contains("data:") {
            told = String::from_utf8(stream.chunk().await.unwrap().unwrap().to_vec()).unwrap();
        }
        assert!(told.contains("event: tiles") && told.contains("\"layer\":\"venue\""), "{told}");
        let data = told.lines().find_map(|l| l.strip_prefix("data: ")).unwrap();
        assert!(support::tells(&serde_json::from_str(data).unwrap(), tile), "{told}");
    }
}

#[tokio::test]
async fn hillshade_is_of_the_stored_heights() {
    let db = TestDatabase::with_demo().await;
    let server = TestServer::start(db.yitu().await).await;
    let county = server.get_json("/api/county").await;
    assert!(county["layers"].as_array().unwrap().iter().any(|l| l["id"] == "dem" && l["maxzoom"] == 12), "{county}");
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let (columns, rows): (i32, i32) =
        sqlx::query_as("SELECT columns, rows FROM elevation").fetch_one(&db.databases.migrator).await.unwrap();
    for _ in 0..20 {
        let (column, row) = (rng.random_range(1..columns - 1), rng.random_range(1..rows - 1));
        // The middle of a cell, and the heights around it, between which a pixel's must lie.
        let (lon, lat, lowest, highest): (f64, f64, f64, f64) = sqlx::query_as(
            "WITH around AS (
               SELECT get_byte(heights, i) + 256 * get_byte(heights, i + 1) AS metres
               FROM elevation, generate_series(-1, 1) r, generate_series(-1, 1) c,
                    LATERAL (SELECT 2 * (($2 + r) * columns + $1 + c) AS i) at
             )
             SELECT west + ($1 + 0.5) * cell_degrees_x, north - ($2 + 0.5) * cell_degrees_y,
                    min(metres)::float8, max(metres)::float8
             FROM elevation, around GROUP BY 1, 2",
        )
        .bind(column)
        .bind(row)
        .fetch_one(&db.databases.migrator)
        .await
        .unwrap();
        let tile = TileId::containing(12, lon, lat);
        let answer = server.get(&format!("/tiles/dem/12/{}/{}", tile.x(), tile.y())).await;
        assert_eq!(answer.headers()["content-type"], "image/png");
        let png = answer.bytes().await.unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&png[..])).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let (u, v) = yitu::geo::tile::project(lon, lat);
        let pixel = |t: f64, index: u32| ((t * 4096.0 - f64::from(index)) * 256.0) as usize;
        let at = (pixel(v, tile.y()) * 256 + pixel(u, tile.x())) * 3;
        let metres =
            f64::from(pixels[at]) * 256.0 + f64::from(pixels[at + 1]) + f64::from(pixels[at + 2]) / 256.0 - 32_768.0;
        assert!((lowest - 0.1..=highest + 0.1).contains(&metres), "{lon} {lat}: {metres} for {lowest} to {highest}");
    }
    assert_eq!(server.get("/tiles/dem/12/0/0").await.status(), 204);
    assert_eq!(server.get("/tiles/dem/13/99999/0").await.status(), 404);
}

/// Tokyo's municipalities as the townships of a county.
async fn import_tokyo(db: &TestDatabase) {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import/tokyo/tokyomet262.shp");
    let county = Some(NewCounty { name: "试验县".into(), code: "350999".into() });
    let level = Some(Level::Township);
    let request = ImportRequest { level, county, ..import::request(ImportLayer::Region, &file) };
    let report = run(&db.databases, request).await.unwrap();
    assert_eq!(report.inserted, 262);
}
