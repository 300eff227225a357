//! A county of a million households: how long it takes to come in, what it weighs, what its tiles cost.

use std::time::{Duration, Instant};

use yitu::atlas::{Atlas, LayerStore};
use yitu::db::layer::LayerReader;
use yitu::domain::Layer;
use yitu::service::tile::MapLayers;

use super::load::{self, PathOf};
use super::{by_zoom, mix};
use crate::program::{Server, program};
use crate::support::TestDatabase;
use crate::{Figure, ms, seconds};

/// The figures, and a line for each zoom, with the settings Yitu comes with: clusters from afar.
pub async fn measure() -> (Vec<Figure>, Vec<String>) {
    let database = TestDatabase::new().await;
    let (filled, most) = program(&database, &["demo", "--households-only", "1000000"]);
    crate::fill::without_accounts(&database).await;
    let begun = Instant::now();
    let server = Server::with(&database, &[("YITU_TILE_CACHE_BYTES", "0".to_owned())]).await;
    let (started, resident) = (begun.elapsed(), server.resident());
    let all_columns = server.gauge("yitu_tile_columns_bytes").await.unwrap();
    let tiles = mix::mix(&database).await;
    let path: PathOf = |t| format!("/tiles/household/{}/{}/{}", t.z(), t.x(), t.y());
    let mixed = load::run(server.address, &tiles, path, Duration::from_secs(seconds()));
    let slow = by_zoom("1,000,000 households, clusters below z15", server.address, &tiles, path, &mixed);
    drop(server);
    let ([read, indexed, prepared], columns) = households_alone(&database).await;
    let figures = vec![
        Figure {
            what: "A county of 1,000,000 households".to_owned(),
            measured: format!(
                "`yitu demo` {:.0} s ({} MB); with all its other layers ready to serve after {:.1} s, {} MB resident, of it \
                 {:.0} MB the tiles' columns",
                filled.as_secs_f64(),
                most / 1_000_000,
                started.as_secs_f64(),
                resident / 1_000_000,
                all_columns / 1e6
            ),
            ..Figure::default()
        },
        Figure {
            what: "Its households alone".to_owned(),
            measured: format!(
                "read {:.1} s, indexed {:.1} s, prepared for drawing {:.1} s; columns and pyramid {:.0} MB",
                read.as_secs_f64(),
                indexed.as_secs_f64(),
                prepared.as_secs_f64(),
                columns as f64 / 1e6
            ),
            target: "≤ 6 s in all, ≤ 300 MB",
            ..Figure::default()
        },
        Figure {
            what: "Its `household` tiles z8–z16, clusters below z15, nothing cached".to_owned(),
            measured: format!("{:.0} a second, p99 from z12 {}", mixed.rate(), ms(mixed.times(12..=16).1)),
            ..Figure::default()
        },
    ];
    (figures, slow)
}

/// How long the households take to be read, indexed and prepared, one after the other, and the bytes of what draws them.
async fn households_alone(database: &TestDatabase) -> ([Duration; 3], usize) {
    let mut connection = database.databases.system.acquire().await.unwrap();
    let atlas = Atlas::new();
    for &layer in Layer::ALL {
        let schema = LayerReader::open(&mut connection, layer).await.unwrap().schema().clone();
        atlas.replace(layer, LayerStore::empty(schema));
    }
    let begun = Instant::now();
    let mut reader = LayerReader::open(&mut connection, Layer::Household).await.unwrap();
    let features = reader.all(&mut connection).await.unwrap();
    let (read, indexing) = (begun.elapsed(), Instant::now());
    atlas.replace(Layer::Household, LayerStore::load(reader.schema().clone(), features));
    let indexed = indexing.elapsed();
    let preparing = Instant::now();
    let layers = MapLayers::load(&atlas, None, chrono::Utc::now()).unwrap();
    let prepared = preparing.elapsed();
    let columns = layers.resident().find(|(layer, _)| *layer == Layer::Household).unwrap().1;
    ([read, indexed, prepared], columns)
}
