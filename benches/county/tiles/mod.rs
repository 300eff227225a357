//! Tiles of the county: ours, `ST_AsMVT`'s and Martin's, over the same list of tiles.

pub mod edits;
mod load;
pub mod million;
mod mix;
mod peers;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use yitu::geo::TileId;

use crate::program::Server;
use crate::support::{TestDatabase, mvt};
use crate::{Figure, ms, seconds};
use load::{Connection, Load, PathOf};

/// A layer that is measured.
#[derive(Debug, Clone)]
pub struct Kind {
    pub layer: &'static str,
    pub attributes: Vec<String>,
    /// As Martin calls it.
    pub geometry: &'static str,
    /// How servers name a tile of it: ours, then Martin.
    pub paths: [PathOf; 2],
    /// Of the uncached rate to Martin's.
    pub target: &'static str,
}

/// The two layers, with the attributes of their own settings.
pub fn kinds() -> [Kind; 2] {
    let attributes = |layer| {
        let settings = settings(layer);
        let names = settings["attributes"].as_array().unwrap().iter();
        names.map(|a| a.as_str().unwrap().to_owned()).collect()
    };
    [
        Kind {
            layer: "household",
            attributes: attributes("household"),
            geometry: "POINT",
            paths: [
                |t| format!("/tiles/household/{}/{}/{}", t.z(), t.x(), t.y()),
                |t| format!("/household/{}/{}/{}", t.z(), t.x(), t.y()),
            ],
            target: "≥ 20 × Martin; p99 ≤ 20 ms from z12",
        },
        Kind {
            layer: "grid",
            attributes: attributes("grid"),
            geometry: "MULTIPOLYGON",
            paths: [
                |t| format!("/tiles/grid/{}/{}/{}", t.z(), t.x(), t.y()),
                |t| format!("/grid/{}/{}/{}", t.z(), t.x(), t.y()),
            ],
            target: "≥ 10 × Martin; p99 ≤ 20 ms from z12",
        },
    ]
}

fn settings(layer: &str) -> toml::Table {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tiles-config/{layer}.toml"));
    toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// A folder of settings under which every zoom of the mix has every feature by itself, as the peers have them.
/// With `exact`, edges are not simplified either.
fn single_features(folder: &Path, exact: bool) -> PathBuf {
    let folder = folder.join(if exact { "exact" } else { "single" });
    std::fs::create_dir_all(&folder).unwrap();
    for layer in ["household", "grid"] {
        let mut settings = settings(layer);
        settings.insert("minzoom".to_owned(), i64::from(*mix::ZOOMS.start()).into());
        if settings.contains_key("cluster_below") {
            settings.insert("cluster_below".to_owned(), 0.into());
        }
        settings.insert("max_bytes".to_owned(), 0.into());
        if exact {
            settings.insert("tolerance_px".to_owned(), 0.0.into());
            settings.insert("min_area_px".to_owned(), 0.0.into());
        }
        std::fs::write(folder.join(format!("{layer}.toml")), toml::to_string(&settings).unwrap()).unwrap();
    }
    folder
}

const CACHE: u64 = 1 << 30;

/// Bytes and features of all the tiles, each once.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    bytes: usize,
    features: usize,
}

/// What one layer came to, uncached before cached.
#[derive(Debug)]
struct Measured {
    ours: [Load; 2],
    postgis: Load,
    martin: Option<[Load; 2]>,
    our_size: Size,
    /// With nothing simplified.
    exact_size: Size,
    martin_size: Size,
    by_zoom: Vec<String>,
}

/// The figures of both layers, and a line for each zoom.
pub async fn measure(database: &TestDatabase, folder: &Path) -> (Vec<Figure>, Vec<String>) {
    let tiles = mix::mix(database).await;
    eprintln!("{} tiles: {}", tiles.len(), mix::described(&tiles));
    let (mut figures, mut lines) = (Vec::new(), Vec::new());
    for kind in kinds() {
        let measured = one(database, folder, &kind, &tiles).await;
        figures.extend(rows(&kind, &measured, tiles.len()));
        lines.extend(measured.by_zoom);
    }
    (figures, lines)
}

async fn one(database: &TestDatabase, folder: &Path, kind: &Kind, tiles: &[TileId]) -> Measured {
    let least = Duration::from_secs(seconds());
    peers::fill(database, kind).await;
    let postgis = peers::postgis(database, kind, tiles, least).await;
    let (mut martin, mut martin_size) = (Vec::new(), Size::default());
    for cache_mb in [0, CACHE >> 20] {
        if let Some(server) = peers::martin(database, kind, folder, cache_mb).await {
            martin.push(load::run(server.address, tiles, kind.paths[1], least));
            martin_size = size(server.address, tiles, kind.paths[1]).await;
        }
    }
    let [our_path, _] = kind.paths;
    let exact = ours(database, &single_features(folder, true), CACHE).await;
    let exact_size = size(exact.address, tiles, our_path).await;
    drop(exact);
    let single = single_features(folder, false);
    let uncached = ours(database, &single, 0).await;
    let mixed = load::run(uncached.address, tiles, our_path, least);
    let our_size = size(uncached.address, tiles, our_path).await;
    let by_zoom = by_zoom(kind.layer, uncached.address, tiles, our_path, &mixed);
    drop(uncached);
    let cached = ours(database, &single, CACHE).await;
    let ours = [mixed, load::run(cached.address, tiles, our_path, least)];
    Measured { ours, postgis, martin: martin.try_into().ok(), our_size, exact_size, martin_size, by_zoom }
}

/// Our server, with settings of the bench.
async fn ours(database: &TestDatabase, settings: &Path, cache: u64) -> Server {
    let folder = settings.to_str().unwrap().to_owned();
    Server::with(database, &[("YITU_TILES_CONFIG_DIR", folder), ("YITU_TILE_CACHE_BYTES", cache.to_string())]).await
}

async fn size(address: SocketAddr, tiles: &[TileId], path: PathOf) -> Size {
    let mut connection = Connection::open(address).await;
    let (mut size, mut body) = (Size::default(), Vec::new());
    for tile in tiles {
        let bytes = connection.get(&path(*tile), Some(&mut body)).await;
        size.bytes += bytes;
        if bytes > 0 {
            size.features += mvt::feature_count(&body);
        }
    }
    size
}

/// A line a zoom: its tiles alone, and as they fared in the mix.
pub fn by_zoom(what: &str, address: SocketAddr, tiles: &[TileId], path: PathOf, mixed: &Load) -> Vec<String> {
    let line = |zoom| {
        let of_zoom: Vec<TileId> = tiles.iter().copied().filter(|t| t.z() == zoom).collect();
        let alone = load::turns(address, &of_zoom, path, Duration::from_secs(seconds().div_ceil(5)));
        let (median, late) = mixed.times(zoom..=zoom);
        let bytes: Vec<usize> = mixed.answered.iter().filter(|a| a.zoom == zoom).map(|a| a.bytes).collect();
        format!(
            "| {what} | {zoom} | {:.0} | {} | {} | {} | {} |",
            alone.rate(),
            ms(median),
            ms(late),
            bytes.iter().sum::<usize>() / bytes.len(),
            bytes.iter().max().unwrap_or(&0)
        )
    };
    mix::ZOOMS.map(line).collect()
}

fn rows(kind: &Kind, m: &Measured, tiles: usize) -> [Figure; 3] {
    let layer = kind.layer;
    let late = |load: &Load| ms(load.times(12..=16).1);
    let rated = |load: &Load| format!("{:.0} a second, p99 from z12 {}", load.rate(), late(load));
    let against = |ours: &Load, name: &str, theirs: &Load| {
        format!("{name} {} (ratio {:.2})", rated(theirs), ours.rate() / theirs.rate())
    };
    let martin = |at: usize| match &m.martin {
        Some(loads) => against(&m.ours[at], "Martin", &loads[at]),
        None => "Martin is not installed".to_owned(),
    };
    let mb = |bytes: usize| format!("{:.2} MB", bytes as f64 / 1e6);
    let sized = |size: Size| format!("{} ({} features)", mb(size.bytes), size.features);
    let ratio = |theirs: usize| m.our_size.bytes as f64 / theirs as f64;
    let of_postgis = m.postgis.bytes_a_turn(tiles);
    let of_martin = match m.martin {
        Some(_) => format!("; Martin {} (ratio {:.2})", sized(m.martin_size), ratio(m.martin_size.bytes)),
        None => String::new(),
    };
    [
        Figure {
            what: format!("`{layer}` tiles z8–z16, nothing cached"),
            measured: rated(&m.ours[0]),
            beside: format!("{}; {}", martin(0), against(&m.ours[0], "`ST_AsMVT` without HTTP", &m.postgis)),
            target: kind.target,
        },
        Figure {
            what: format!("`{layer}` tiles z8–z16, cached"),
            measured: rated(&m.ours[1]),
            beside: martin(1),
            target: "≥ 1.0 × Martin",
        },
        Figure {
            what: format!("Bytes of the {tiles} `{layer}` tiles, not compressed"),
            measured: format!("{}; with nothing simplified {}", sized(m.our_size), sized(m.exact_size)),
            beside: format!("`ST_AsMVT` {} (ratio {:.2}){of_martin}", mb(of_postgis), ratio(of_postgis)),
            target: "≤ 1.0 ×",
        },
    ]
}
