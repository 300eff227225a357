//! GDAL opens the tiles as a map of its own: every feature is there, nothing is warned of, every area is valid.

use std::path::{Path, PathBuf};
use std::process::Command;

use gdal::vector::LayerAccess;
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use serde_json::json;
use yitu::geo::TileId;

use crate::support::mvt;
use crate::support::{TestDatabase, TestServer};

/// Deeper zooms have very many tiles, cut from the same shapes.
const LAST_ZOOM: u8 = 14;

/// A tile that was saved, and the ids of its features.
struct Saved {
    file: PathBuf,
    ids: Vec<i64>,
}

/// Writes the tiles of a zoom as GDAL's driver wants them.
async fn save(server: &TestServer, folder: &Path, layer: &str, described: &serde_json::Value, z: u8) -> Vec<Saved> {
    let bounds: Vec<f64> = described["bounds"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
    let (low, high) = (TileId::containing(z, bounds[0], bounds[3]), TileId::containing(z, bounds[2], bounds[1]));
    let mut saved = Vec::new();
    for x in low.x()..=high.x() {
        let column = folder.join(format!("{z}/{x}"));
        std::fs::create_dir_all(&column).unwrap();
        for y in low.y()..=high.y() {
            let tile = server.get(&format!("/tiles/{layer}/{z}/{x}/{y}")).await.bytes().await.unwrap();
            if !tile.is_empty() {
                let file = column.join(format!("{y}.pbf"));
                let features = mvt::layers(&tile).into_iter().flat_map(|l| l.features);
                let ids = features.map(|f| f.id.map_or(0, |id| id as i64)).collect();
                std::fs::write(&file, tile).unwrap();
                saved.push(Saved { file, ids });
            }
        }
    }
    // What a folder of tiles says of itself: its layers are those of TileJSON.
    let layers = json!({ "vector_layers": described["vector_layers"] }).to_string();
    let metadata = json!({ "name": layer, "minzoom": z, "maxzoom": z, "format": "pbf", "json": layers });
    std::fs::write(folder.join(format!("{z}/metadata.json")), metadata.to_string()).unwrap();
    saved
}

/// Reads all of a zoom, which it takes for one map; it leaves out what lies in a tile's buffer only.
fn ogrinfo_is_quiet(zoom: &Path) {
    let address = format!("MVT:{}", zoom.display());
    let run = Command::new("ogrinfo").args(["-ro", "-al", &address]).output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && said.is_empty(), "{address}: {said}");
    assert!(String::from_utf8_lossy(&run.stdout).contains("OGRFeature("), "{address}: nothing");
}

/// Reads one tile, buffer and all: every feature is there; answers which are not valid by GEOS.
fn invalid(tile: &Saved) -> Vec<String> {
    let options = DatasetOptions {
        open_flags: GdalOpenFlags::GDAL_OF_VECTOR,
        allowed_drivers: Some(&["MVT"]),
        open_options: Some(&["CLIP=NO"]),
        ..DatasetOptions::default()
    };
    let dataset = Dataset::open_ex(&tile.file, options).unwrap();
    let (mut ids, mut found) = (Vec::new(), Vec::new());
    for mut layer in dataset.layers() {
        let id_field = layer.defn().field_index("mvt_id").unwrap();
        for feature in layer.features() {
            let id = feature.field_as_integer64(id_field).unwrap().unwrap_or(0);
            ids.push(id);
            if !feature.geometry().unwrap().is_valid() {
                found.push(format!("{id} of {}", tile.file.display()));
            }
        }
    }
    assert_eq!(ids, tile.ids, "{}", tile.file.display());
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn gdal_reads_every_layer_without_a_warning() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let county = server.get_json("/api/county").await;
    let layers = county["layers"].as_array().unwrap().iter().map(|l| l["id"].as_str().unwrap());
    let mut faults = Vec::new();
    for layer in layers.filter(|id| *id != "dem") {
        let folder = tempfile::tempdir().unwrap();
        let described = server.get_json(&format!("/tiles/{layer}.json")).await;
        let zoom = |name: &str| described[name].as_u64().unwrap() as u8;
        let mut tiles = 0;
        for z in zoom("minzoom")..=zoom("maxzoom").min(LAST_ZOOM) {
            let saved = save(&server, folder.path(), layer, &described, z).await;
            if !saved.is_empty() {
                ogrinfo_is_quiet(&folder.path().join(z.to_string()));
            }
            faults.extend(saved.iter().flat_map(invalid).map(|fault| format!("{layer} {fault}")));
            tiles += saved.len();
        }
        assert!(tiles > 0, "{layer}");
    }
    assert!(faults.is_empty(), "{} areas are not valid: {}", faults.len(), faults[..faults.len().min(20)].join("\n"));
}
