//! How soon an edit is in the bytes of a tile, while others edit and read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sqlx::PgPool;
use yitu::domain::LogPosition;
use yitu::geo::TileId;

use super::load::{self, Connection, PathOf};
use super::mix;
use crate::program::Server;
use crate::support::{TestDatabase, commit, mvt};
use crate::{Figure, ms, quantiles, seconds};

const EDITS_A_SECOND: u32 = 200;
const WRITERS: usize = 4;
/// A household is looked at on the tile a worker has open, a grid on that of a township.
const HOUSEHOLD_ZOOM: u8 = 16;
const GRID_ZOOM: u8 = 13;

/// One edit, and what its tile must show.
#[derive(Debug, Clone)]
enum Edit {
    Rename { id: i64, at: (f64, f64) },
    Move { id: i64, to: (f64, f64) },
    RenameGrid { id: i64, at: (f64, f64) },
}

/// Edits come at a fixed rate, whatever the answers take: half rename a household, a quarter move one, a quarter rename
/// a grid. Each is a transaction; from the return of its COMMIT its tile is asked for with the `seq` it was given, and
/// the time ends when bytes that show the edit are there. Meanwhile [`load::CONNECTIONS`] readers ask for the mix.
pub async fn measure(database: &TestDatabase) -> Vec<Figure> {
    let server = Server::start(database).await;
    let tiles = mix::mix(database).await;
    let edits = edits(database, seconds() as usize * EDITS_A_SECOND as usize).await;
    let address = server.address;
    let path: PathOf = |t| format!("/tiles/household,grid/{}/{}/{}", t.z(), t.x(), t.y());
    load::turns(address, &tiles, path, Duration::ZERO);
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(WRITERS as u32);
    let pool = pool.connect(&database.url()).await.unwrap();
    let (begun, reading) = (Instant::now(), Arc::new(AtomicBool::new(true)));
    let still = reading.clone();
    let readers = std::thread::spawn(move || {
        let mut loads = Vec::new();
        while still.load(Ordering::Relaxed) {
            loads.push(load::turns(address, &tiles, path, Duration::ZERO).rate());
        }
        loads
    });
    let writers: Vec<_> = (0..WRITERS)
        .map(|k| {
            tokio::spawn(write(
                pool.clone(),
                address,
                begun,
                edits.iter().skip(k).step_by(WRITERS).cloned().collect(),
                k,
            ))
        })
        .collect();
    let mut times = Vec::new();
    for writer in writers {
        times.extend(writer.await.unwrap());
    }
    let lasted = begun.elapsed();
    reading.store(false, Ordering::Relaxed);
    let read = readers.join().unwrap();
    pool.close().await;
    let of = |kind: &'static str| {
        let mut times: Vec<Duration> = times.iter().filter(|(k, _)| *k == kind).map(|(_, t)| *t).collect();
        let (median, late) = quantiles(&mut times);
        format!("{kind}: median {}, p99 {}", ms(median), ms(late))
    };
    let mut all: Vec<Duration> = times.iter().map(|(_, t)| *t).collect();
    let (median, late) = quantiles(&mut all);
    vec![Figure {
        what: format!(
            "Commit → tile with the new bytes, {:.0} edits a second",
            times.len() as f64 / lasted.as_secs_f64()
        ),
        measured: format!(
            "median {}, p99 {} ({}; {}; {})",
            ms(median),
            ms(late),
            of("renamed households"),
            of("moved"),
            of("renamed grids")
        ),
        beside: format!(
            "meanwhile {} readers had {:.0} tiles a second",
            load::CONNECTIONS,
            read.iter().sum::<f64>() / read.len() as f64
        ),
        target: "p99 ≤ 300 ms",
    }]
}

/// Different households and grids, drawn by a fixed seed.
async fn edits(database: &TestDatabase, count: usize) -> Vec<Edit> {
    let pool = &database.databases.migrator;
    let mut households: Vec<(i64, f64, f64)> =
        sqlx::query_as("SELECT id, ST_X(geom), ST_Y(geom) FROM household WHERE geom IS NOT NULL ORDER BY id")
            .fetch_all(pool)
            .await
            .unwrap();
    let mut grids: Vec<(i64, f64, f64)> =
        sqlx::query_as("SELECT id, ST_X(p), ST_Y(p) FROM layer_grid, ST_PointOnSurface(geom) p ORDER BY id")
            .fetch_all(pool)
            .await
            .unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(200);
    households.shuffle(&mut random);
    grids.shuffle(&mut random);
    let (mut households, mut grids) = (households.into_iter(), grids.into_iter().cycle());
    let mut one = |k: usize| {
        if k % 4 == 3 {
            let (id, x, y) = grids.next().unwrap();
            return Edit::RenameGrid { id, at: (x, y) };
        }
        let (id, x, y) = households.next().unwrap();
        // About 30 m to the north-east.
        if k.is_multiple_of(4) { Edit::Move { id, to: (x + 2e-4, y + 2e-4) } } else { Edit::Rename { id, at: (x, y) } }
    };
    (0..count).map(&mut one).collect()
}

/// Makes every fourth edit at its time; answers what each was and how long its tile took.
async fn write(
    pool: PgPool,
    address: SocketAddr,
    begun: Instant,
    edits: Vec<Edit>,
    first: usize,
) -> Vec<(&'static str, Duration)> {
    let mut seen = Vec::new();
    for (n, edit) in edits.into_iter().enumerate() {
        let due = Duration::from_secs(1) / EDITS_A_SECOND * (n * WRITERS + first) as u32;
        tokio::time::sleep_until((begun + due).into()).await;
        let new_name = format!("改名{first}之{n}");
        let seq = make(&pool, &edit, &new_name).await;
        // The next edit does not wait for this one to be seen.
        seen.push(tokio::spawn(see(address, edit, new_name, seq, Instant::now())));
    }
    let mut times = Vec::new();
    for one in seen {
        times.push(one.await.unwrap());
    }
    times
}

/// Answers the edit's position in the change log, once it is committed.
async fn make(pool: &PgPool, edit: &Edit, new_name: &str) -> LogPosition {
    let mut tx = pool.begin().await.unwrap();
    let query = match edit {
        Edit::Rename { id, .. } => {
            sqlx::query("UPDATE household SET head_name = $2 WHERE id = $1 AND county_id = (SELECT id FROM region WHERE level = 'county')")
                .bind(*id)
                .bind(new_name)
        }
        Edit::Move { id, to } => sqlx::query(
            "UPDATE household SET geom = ST_SetSRID(ST_Point($2, $3), 4490)
             WHERE id = $1 AND county_id = (SELECT id FROM region WHERE level = 'county')",
        )
        .bind(*id)
        .bind(to.0)
        .bind(to.1),
        Edit::RenameGrid { id, .. } => {
            sqlx::query("UPDATE grid_version SET name = $2 WHERE grid_id = $1 AND upper_inf(recorded_during)")
                .bind(*id)
                .bind(new_name)
        }
    };
    assert!(query.execute(&mut *tx).await.unwrap().rows_affected() > 0, "{edit:?}");
    commit(tx).await
}

/// Asks for the edit's tile until it shows the edit: the first answer must.
async fn see(
    address: SocketAddr,
    edit: Edit,
    new_name: String,
    seq: LogPosition,
    committed: Instant,
) -> (&'static str, Duration) {
    let (kind, layer, id, at) = match edit {
        Edit::Rename { id, at } => ("renamed households", "household", id, at),
        Edit::Move { id, to } => ("moved", "household", id, to),
        Edit::RenameGrid { id, at } => ("renamed grids", "grid", id, at),
    };
    let zoom = if layer == "grid" { GRID_ZOOM } else { HOUSEHOLD_ZOOM };
    let tile = TileId::containing(zoom, at.0, at.1);
    let path = format!("/tiles/{layer}/{zoom}/{}/{}?min_seq={seq}", tile.x(), tile.y());
    let mut body = Vec::new();
    Connection::open(address).await.get(&path, Some(&mut body)).await;
    let time = committed.elapsed();
    let shown = mvt::by_id(&body).remove(&id.unsigned_abs()).unwrap_or_else(|| panic!("{path}: no {id}"));
    if kind == "moved" {
        let (u, v) = yitu::geo::tile::project(at.0, at.1);
        let unit = |t: f64, index: u32| ((t * f64::from(1_u32 << zoom) - f64::from(index)) * 4096.0).round() as i32;
        let (x, y) = shown.parts[0][0];
        let off = (x - unit(u, tile.x())).abs().max((y - unit(v, tile.y())).abs());
        assert!(off <= 1, "{path}: {id} is {off} units off");
    } else {
        assert_eq!(shown.properties["name"], new_name, "{path}");
    }
    (kind, time)
}
