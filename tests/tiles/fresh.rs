//! No tile is ever stale: writers and readers at random, and whenever the writers rest every tile equals one of a
//! server that has just read the database.
//!
//! `YITU_TEST_SECONDS` runs it for longer than the few seconds it takes by itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sqlx::{AssertSqlSafe, Executor, PgPool};
use yitu::config::Config;
use yitu::domain::{Layer, LogPosition, Viewer};
use yitu::geo::TileId;
use yitu::service::tile::{Asked, Tile, render};
use yitu::service::{Yitu, county};

use crate::support::{TestDatabase, commit, mvt};

const LAYERS: [&[Layer]; 9] = [
    &[Layer::Household],
    &[Layer::Venue],
    &[Layer::Grid],
    &[Layer::Region],
    &[Layer::Building],
    &[Layer::Settlement, Layer::Venue],
    &[Layer::Incident],
    &[Layer::Cluster, Layer::Grid],
    &[Layer::Road, Layer::LandUse],
];

fn seconds() -> u64 {
    std::env::var("YITU_TEST_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(6)
}

/// A change of something that tiles show.
fn change(rng: &mut ChaCha8Rng, ids: &[i64; 6], n: u32) -> String {
    let step = [1e-8, 1e-6, 1e-4, 3e-3][rng.random_range(0..4)];
    let (dx, dy) = (rng.random_range(-1.0..1.0) * step, rng.random_range(-1.0..1.0) * step);
    let pick = |rng: &mut ChaCha8Rng, table: &str, most: i64| {
        format!("(SELECT id FROM {table} ORDER BY id OFFSET {} LIMIT 1)", rng.random_range(0..most.max(1)))
    };
    match rng.random_range(0..12) {
        0..3 => {
            let id = pick(rng, "household", ids[0]);
            format!("UPDATE household SET geom = ST_Translate(geom, {dx}, {dy}), version = version + 1 WHERE id = {id}")
        }
        3 => {
            let id = pick(rng, "household", ids[0]);
            format!("UPDATE household SET tags = ARRAY['低保', '试{}'], version = version + 1 WHERE id = {id}", n % 3)
        }
        4 => {
            format!("UPDATE venue SET geom = ST_Translate(geom, {dx}, {dy}) WHERE id = {}", pick(rng, "venue", ids[1]))
        }
        5 => format!("UPDATE venue SET name = '阵地{n}' WHERE id = {}", pick(rng, "venue", ids[1])),
        6 => format!(
            "UPDATE grid_version SET name = '网格{n}' WHERE grid_id = {} AND upper_inf(recorded_during)",
            pick(rng, "grid", ids[2])
        ),
        7 => format!("UPDATE party_org SET name = '党小组{n}' WHERE id = {}", pick(rng, "party_org", ids[3])),
        8 => format!(
            "UPDATE building SET geom = ST_Translate(geom, {dx}, {dy}) WHERE id = {}",
            pick(rng, "building", ids[4])
        ),
        9 => format!(
            "UPDATE building SET geom = ST_Scale(geom, ST_Point(1.1, 0.9), ST_Centroid(geom)) WHERE id = {}",
            pick(rng, "building", ids[4])
        ),
        10 => format!("DELETE FROM building WHERE id = {}", pick(rng, "building", ids[4])),
        _ => format!("UPDATE road SET geom = ST_Translate(geom, {dx}, {dy}) WHERE id = {}", pick(rng, "road", ids[5])),
    }
}

async fn counts(db: &TestDatabase) -> [i64; 6] {
    let mut counts = [0; 6];
    for (at, table) in ["household", "venue", "grid", "party_org", "building", "road"].into_iter().enumerate() {
        let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        counts[at] = sqlx::query_scalar(sql).fetch_one(&db.databases.migrator).await.unwrap();
    }
    counts
}

/// Writes, unless the database refuses what it is told.
async fn write(pool: &PgPool, sql: String) -> Option<LogPosition> {
    let mut tx = pool.begin().await.unwrap();
    match tx.execute(AssertSqlSafe(sql.clone())).await {
        Ok(_) => Some(commit(tx).await),
        // What the database cannot understand is a fault of this test; a shape it does not take is another's.
        Err(refused) => {
            let code = refused.as_database_error().and_then(|e| Some(e.code()?.into_owned()));
            assert!(code.as_ref().is_some_and(|code| !code.starts_with("42")), "{sql}: {refused}");
            None
        }
    }
}

fn a_tile(rng: &mut ChaCha8Rng, bbox: [f64; 4]) -> (usize, TileId) {
    let z = rng.random_range(8..=17);
    let tile = TileId::containing(z, rng.random_range(bbox[0]..bbox[2]), rng.random_range(bbox[1]..bbox[3]));
    (rng.random_range(0..LAYERS.len()), tile)
}

async fn get(yitu: &Yitu, viewer: &Viewer, (layers, tile): (usize, TileId), min_seq: Option<LogPosition>) -> Tile {
    let asked = Asked { min_seq, ..Asked::all(LAYERS[layers].to_vec(), tile) };
    render(yitu, viewer, asked).await.unwrap()
}

/// Everything that was ever asked for equals what a server says that has just read the database.
async fn assert_fresh(
    db: &TestDatabase,
    pool: &PgPool,
    yitu: &Yitu,
    viewer: &Viewer,
    asked: &BTreeSet<(usize, TileId)>,
) {
    let latest = write(pool, "UPDATE venue SET name = name WHERE false".to_owned()).await.unwrap();
    assert!(yitu.atlas.wait_for(latest, Duration::from_mins(1)).await, "the atlas does not come after");
    let uncached = Config { tile_cache_bytes: 0, ..Config::default() };
    let fresh = yitu::service::startup::start(uncached, db.databases.clone()).await.unwrap();
    for &tile in asked {
        let ours = get(yitu, viewer, tile, None).await;
        let theirs = get(&fresh, viewer, tile, None).await;
        assert!(
            ours.bytes == theirs.bytes,
            "{:?} {:?} is stale: {} bytes for {}",
            LAYERS[tile.0],
            tile.1,
            ours.bytes.len(),
            theirs.bytes.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn no_tile_is_stale_while_writers_write_and_connections_break() {
    let db = TestDatabase::with_demo().await;
    let pool = db.writers().await;
    let mut yitu = db.yitu().await;
    let viewer = Viewer::whole_county(county::current(&yitu).unwrap(), "试");
    let bbox = county::describe(&yitu, &viewer).await.unwrap().bbox;
    let ids = counts(&db).await;
    let mut asked: BTreeSet<(usize, TileId)> = BTreeSet::new();
    let end = Instant::now() + Duration::from_secs(seconds());
    let (mut round, mut cut) = (0, 0);
    while round < 2 || Instant::now() < end {
        round += 1;
        let writing = Arc::new(AtomicBool::new(true));
        let writers: Vec<_> = (0..3)
            .map(|k| {
                let (pool, writing, yitu, viewer) = (pool.clone(), Arc::clone(&writing), yitu.clone(), viewer.clone());
                let mut rng = ChaCha8Rng::seed_from_u64(round * 10 + k);
                tokio::spawn(async move {
                    let mut n = 0;
                    while writing.load(Ordering::Relaxed) {
                        n += 1;
                        if k == 0 && n % 7 == 0 {
                            own_write_is_seen(&pool, &yitu, &viewer, &mut rng, n).await;
                        } else {
                            write(&pool, change(&mut rng, &ids, n)).await;
                        }
                    }
                })
            })
            .collect();
        let mut rng = ChaCha8Rng::seed_from_u64(round);
        if round % 2 == 0 {
            // A restart: it reads the database while others write.
            yitu = db.yitu().await;
        }
        let pause = Instant::now() + Duration::from_secs(2);
        while Instant::now() < pause {
            let tile = if asked.is_empty() || rng.random_bool(0.3) {
                a_tile(&mut rng, bbox)
            } else {
                *asked.iter().collect::<Vec<_>>().choose(&mut rng).unwrap().to_owned()
            };
            if asked.len() < 300 || asked.contains(&tile) {
                get(&yitu, &viewer, tile, None).await;
                asked.insert(tile);
            }
            if rng.random_bool(0.01) {
                // Whoever follows the log loses its connection.
                cut += cut_off_followers(&db).await;
            }
        }
        writing.store(false, Ordering::Relaxed);
        for writer in writers {
            writer.await.unwrap();
        }
        assert_fresh(&db, &pool, &yitu, &viewer, &asked).await;
    }
    assert!(cut > 0, "nobody was cut off");
}

/// Whoever follows the log loses its connection; answers how many did.
async fn cut_off_followers(db: &TestDatabase) -> usize {
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'yitu follow'";
    sqlx::query(cut).fetch_all(&db.databases.migrator).await.unwrap().len()
}

/// A tile asked with a write's token shows that write or a later one.
async fn own_write_is_seen(pool: &PgPool, yitu: &Yitu, viewer: &Viewer, rng: &mut ChaCha8Rng, n: u32) {
    let (id, lon, lat): (i64, f64, f64) = sqlx::query_as(
        "SELECT id, ST_X(geom), ST_Y(geom) FROM settlement WHERE geom IS NOT NULL AND GeometryType(geom) = 'POINT' ORDER BY id OFFSET $1 LIMIT 1",
    )
    .bind(rng.random_range(0..5_i64))
    .fetch_one(pool)
    .await
    .unwrap();
    let Some(seq) = write(pool, format!("UPDATE settlement SET name = '自然村{n:06}' WHERE id = {id}")).await else {
        return;
    };
    let tile = TileId::containing(15, lon, lat);
    let asked = Asked { min_seq: Some(seq), ..Asked::all(vec![Layer::Settlement], tile) };
    let shown = mvt::by_id(&render(yitu, viewer, asked).await.unwrap().bytes);
    let name = &shown[&(id as u64)].properties["name"];
    assert!(*name >= format!("自然村{n:06}"), "{name} is older than write {n}");
}
