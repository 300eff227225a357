//! Which tiles are asked for: the county from z8 to z16.

use rand::SeedableRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;
use yitu::geo::TileId;

use crate::support::TestDatabase;

/// The zooms of the mix.
pub const ZOOMS: std::ops::RangeInclusive<u8> = 8..=16;
/// From here on a zoom has too many tiles; so many of them are drawn.
const DRAWN_FROM: u8 = 13;
const DRAWN: usize = 120;

/// The tiles that meet the county: all of z8 to z12, 120 drawn of each deeper zoom, in a shuffled order. Drawn and
/// shuffled by a fixed seed, so the same every time.
pub async fn mix(database: &TestDatabase) -> Vec<TileId> {
    let rows: Vec<(i32, i32, i32)> = sqlx::query_as(
        "WITH county AS (
           SELECT ST_Transform(ST_SetSRID(geom, 4326), 3857) AS geom FROM region WHERE level = 'county'
         ), range AS (
           SELECT z, geom, 2 ^ z / 40075016.685578488 AS n, 20037508.342789244 AS half
           FROM county, generate_series($1::int, $2::int) z
         )
         SELECT z, x, y FROM range,
           generate_series(floor((ST_XMin(geom) + half) * n)::int, floor((ST_XMax(geom) + half) * n)::int) x,
           generate_series(floor((half - ST_YMax(geom)) * n)::int, floor((half - ST_YMin(geom)) * n)::int) y
         WHERE ST_Intersects(geom, ST_TileEnvelope(z, x, y)) ORDER BY z, x, y",
    )
    .bind(i32::from(*ZOOMS.start()))
    .bind(i32::from(*ZOOMS.end()))
    .fetch_all(&database.databases.migrator)
    .await
    .unwrap();
    let all: Vec<TileId> =
        rows.into_iter().map(|(z, x, y)| TileId::new(z as u8, x as u32, y as u32).unwrap()).collect();
    let mut random = ChaCha8Rng::seed_from_u64(8520);
    let mut mixed = Vec::new();
    for zoom in ZOOMS {
        let of_zoom: Vec<TileId> = all.iter().copied().filter(|t| t.z() == zoom).collect();
        let take = if zoom < DRAWN_FROM { of_zoom.len() } else { DRAWN };
        mixed.extend(of_zoom.choose_multiple(&mut random, take));
    }
    mixed.shuffle(&mut random);
    mixed
}

/// How many of the tiles each zoom has, for people.
pub fn described(mix: &[TileId]) -> String {
    let count = |zoom| mix.iter().filter(|t| t.z() == zoom).count();
    ZOOMS.map(|zoom| format!("z{zoom} {}", count(zoom))).collect::<Vec<_>>().join(", ")
}
