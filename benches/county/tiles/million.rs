//! A county of a million households: how long it takes to come in, what it weighs, what its tiles cost.

use std::time::{Duration, Instant};

use super::load::{self, PathOf};
use super::{by_zoom, mix};
use crate::program::{Server, program};
use crate::support::TestDatabase;
use crate::{Figure, ms, seconds};

/// The figures, and a line for each zoom, with the settings Yitu comes with: clusters from afar.
pub async fn measure() -> (Vec<Figure>, Vec<String>) {
    let database = TestDatabase::new().await;
    let (filled, most) = program(&database, &["demo", "--households-only", "1000000"]);
    let begun = Instant::now();
    let server = Server::with(&database, &[("YITU_TILE_CACHE_BYTES", "0".to_owned())]).await;
    let (started, resident) = (begun.elapsed(), server.resident());
    let columns = server.gauge("yitu_tile_columns_bytes").await;
    let of_columns = columns.map_or(String::new(), |b| format!(", of it {:.0} MB the tiles' columns", b / 1e6));
    let tiles = mix::mix(&database).await;
    let path: PathOf = |t| format!("/tiles/household/{}/{}/{}", t.z(), t.x(), t.y());
    let mixed = load::run(server.address, &tiles, path, Duration::from_secs(seconds()));
    let figures = vec![
        Figure {
            what: "A county of 1,000,000 households".to_owned(),
            measured: format!(
                "`yitu demo` {:.0} s ({} MB); ready to serve after {:.1} s, {} MB resident{of_columns}",
                filled.as_secs_f64(),
                most / 1_000_000,
                started.as_secs_f64(),
                resident / 1_000_000
            ),
            target: "columns ≤ 300 MB, loaded in ≤ 6 s",
            ..Figure::default()
        },
        Figure {
            what: "Its `household` tiles z8–z16, clusters below z15, nothing cached".to_owned(),
            measured: format!("{:.0} a second, p99 from z12 {}", mixed.rate(), ms(mixed.times(12..=16).1)),
            ..Figure::default()
        },
    ];
    (figures, by_zoom("1,000,000 households, clusters below z15", server.address, &tiles, path, &mixed))
}
