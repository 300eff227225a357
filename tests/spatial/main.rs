//! Where a point lies, what is near and inside, and what things are called, against PostGIS.

#![allow(missing_docs, clippy::unwrap_used)]

mod oracle;
#[path = "../support/mod.rs"]
mod support;

use std::time::Instant;

use rand::{Rng, SeedableRng};
use serde_json::json;
use support::{TestDatabase, TestServer};
use yitu::domain::Layer;
use yitu::geo::LonLat;
use yitu::service::spatial;

async fn server() -> (TestDatabase, TestServer) {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    (database, server)
}

#[tokio::test]
async fn points_lie_in_the_grids_postgis_says() {
    let (database, server) = server().await;
    let owner = &database.databases.migrator;
    let county = server.get_json("/api/summary").await;
    let bbox: Vec<f64> = serde_json::from_value(county["region"]["bbox"].clone()).unwrap();
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(11);
    let points: Vec<(f64, f64)> =
        (0..2000).map(|_| (random.random_range(bbox[0]..bbox[2]), random.random_range(bbox[1]..bbox[3]))).collect();
    let checked: Vec<LonLat> = points.iter().map(|p| LonLat::new(p.0, p.1).unwrap()).collect();
    let index = spatial::grid_index(&server.yitu);
    let lons: Vec<f64> = checked.iter().map(|p| p.lon()).collect();
    let lats: Vec<f64> = checked.iter().map(|p| p.lat()).collect();
    let expected: Vec<(Option<i64>,)> = sqlx::query_as(
        "SELECT (SELECT id FROM layer_grid WHERE ST_Intersects(geom, ST_SetSRID(ST_Point(x, y), 4490)) ORDER BY kind = 'dedicated' DESC, id LIMIT 1)
         FROM unnest($1::float8[], $2::float8[]) WITH ORDINALITY p(x, y, n) ORDER BY n",
    )
    .bind(&lons)
    .bind(&lats)
    .fetch_all(owner)
    .await
    .unwrap();
    let mut inside = 0;
    for (at, (grid,)) in checked.iter().zip(&expected) {
        assert_eq!(index.locate(*at).map(|f| f.id), *grid, "{at:?}");
        inside += usize::from(grid.is_some());
    }
    assert!(inside > 300, "only {inside} of the points lie in a grid");
    let mut times: Vec<u128> = checked
        .iter()
        .map(|at| {
            let begun = Instant::now();
            std::hint::black_box(index.locate(*at));
            begun.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    println!("locate: median {} ns, p99 {} ns", times[times.len() / 2], times[times.len() * 99 / 100]);
}

/// A household placed by its point: where, its grid and its village.
async fn a_household(database: &TestDatabase) -> (f64, f64, i64, i64) {
    sqlx::query_as(
        "SELECT ST_X(geom), ST_Y(geom), grid_id, village_id FROM household WHERE geom IS NOT NULL AND grid_id IS NOT NULL AND grid_source = 'point' ORDER BY id LIMIT 1",
    )
    .fetch_one(&database.databases.migrator)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_located_point_has_a_chain_up_to_the_last_resort() {
    let (database, server) = server().await;
    let (lon, lat, grid, village) = a_household(&database).await;
    let found = server.get_json(&format!("/api/locate?lon={lon}&lat={lat}")).await;
    assert!(found["grids"][0]["id"] == grid || found["grids"][0]["kind"] == "dedicated", "{found}");
    assert_eq!(found["village"]["id"], village, "{found}");
    let levels: Vec<&str> = found["chain"].as_array().unwrap().iter().filter_map(|u| u["level"].as_str()).collect();
    assert_eq!(levels.first(), Some(&"grid_group"), "{levels:?}");
    assert_eq!(levels.last(), Some(&"county_duty_officer"), "{levels:?}");
    assert!(levels.len() >= 4, "{levels:?}");
    assert!(!found["venues"].as_array().unwrap().is_empty());
}

/// What a receiver's error leaves open: shares of the near grids, agreeing with sampled errors.
#[tokio::test]
async fn a_vague_point_is_shared_among_grids() {
    let (database, server) = server().await;
    let (lon, lat, ..) = a_household(&database).await;
    let vague = server.get_json(&format!("/api/locate?lon={lon}&lat={lat}&accuracy_m=150")).await;
    let shares: Vec<(i64, f64)> = vague["grids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| (g["id"].as_i64().unwrap(), g["probability"].as_f64().unwrap()))
        .collect();
    assert!(shares.is_sorted_by(|a, b| a.1 >= b.1) && shares.iter().map(|s| s.1).sum::<f64>() < 1.001, "{vague}");
    // Box and Muller's normal errors; 150 m at 68 % is a sigma of 150 / 1.5096.
    let sampled: Vec<(i64, f64)> = sqlx::query_as(
        "WITH thrown AS (
           SELECT n, sqrt(-2 * ln(1 - random())) * 150 / 1.5096 AS r, 2 * pi() * random() AS a
           FROM (SELECT setseed(0.5)) s, generate_series(1, 4000) n
         ), placed AS (
           SELECT n, ST_Project(ST_SetSRID(ST_Point($1, $2), 4490)::geography, r, a)::geometry AS p FROM thrown
         ), held AS (
           SELECT DISTINCT ON (n) n, g.id FROM placed JOIN layer_grid g ON ST_Covers(g.geom, p)
           ORDER BY n, g.kind = 'dedicated' DESC, g.id
         )
         SELECT id, count(*) / 4000.0::float8 FROM held GROUP BY id HAVING count(*) > 40",
    )
    .bind(lon)
    .bind(lat)
    .fetch_all(&database.databases.migrator)
    .await
    .unwrap();
    assert!(!sampled.is_empty());
    for (id, share) in sampled {
        let ours = shares.iter().find(|s| s.0 == id).map_or(0.0, |s| s.1);
        assert!((ours - share).abs() < 0.03, "grid {id}: {ours} for {share}, {vague}");
    }
}

/// The chain is kept in memory; a change of the organisation is seen all the same.
#[tokio::test]
async fn a_renamed_group_is_seen_in_the_chain() {
    let (database, server) = server().await;
    let (lon, lat, ..) = a_household(&database).await;
    let found = server.get_json(&format!("/api/locate?lon={lon}&lat={lat}")).await;
    let mut tx = database.databases.migrator.begin().await.unwrap();
    sqlx::query("UPDATE party_org SET name = '改名后的党小组' WHERE id = $1")
        .bind(found["chain"][0]["org_id"].as_i64())
        .execute(&mut *tx)
        .await
        .unwrap();
    let seq = support::commit(tx).await;
    assert!(server.yitu.atlas.wait_for(seq, std::time::Duration::from_secs(10)).await);
    let renamed = server.get_json(&format!("/api/locate?lon={lon}&lat={lat}")).await;
    assert_eq!(renamed["chain"][0]["org_name"], "改名后的党小组");
}

#[tokio::test]
async fn what_is_near_and_inside_is_what_postgis_says() {
    let (database, server) = server().await;
    let (lon, lat, _, village) = a_household(&database).await;
    let near = server.get_json(&format!("/api/near?lon={lon}&lat={lat}&kind=venue&radius_m=4000&limit=10")).await;
    let expected: Vec<(i64, f64)> = sqlx::query_as(
        "SELECT id, ST_Distance(geom::geography, ST_SetSRID(ST_Point($1, $2), 4490)::geography) FROM venue
         WHERE ST_DWithin(geom::geography, ST_SetSRID(ST_Point($1, $2), 4490)::geography, 4000) ORDER BY 2, 1 LIMIT 10",
    )
    .bind(lon)
    .bind(lat)
    .fetch_all(&database.databases.migrator)
    .await
    .unwrap();
    let results = near["results"].as_array().unwrap();
    assert_eq!(results.len(), expected.len());
    for (got, (_, metres)) in results.iter().zip(&expected) {
        assert!((got["distance_m"].as_f64().unwrap() - metres).abs() < 0.5, "{got} {metres}");
    }

    let inside = server.get_json(&format!("/api/within?region={village}&kind=household&limit=1")).await;
    let (count,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM household h JOIN region r ON r.id = $1 AND ST_Intersects(h.geom, r.geom)")
            .bind(village)
            .fetch_one(&database.databases.migrator)
            .await
            .unwrap();
    assert_eq!(inside["count"], count);
    let square = json!({"type": "Polygon", "coordinates": [[[lon - 0.01, lat - 0.01], [lon + 0.01, lat - 0.01], [lon + 0.01, lat + 0.01], [lon - 0.01, lat + 0.01], [lon - 0.01, lat - 0.01]]]});
    let answer = server.post_json("/api/within?kind=household", &square).await;
    assert_eq!(answer.status(), 200);
    let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM household WHERE geom && ST_MakeEnvelope($1 - 0.01, $2 - 0.01, $1 + 0.01, $2 + 0.01, 4490)")
        .bind(lon)
        .bind(lat)
        .fetch_one(&database.databases.migrator)
        .await
        .unwrap();
    assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["count"], count);
}

#[tokio::test]
async fn things_are_found_by_fragment_pinyin_initials_and_number() {
    use pinyin::ToPinyin;
    let (_database, server) = server().await;
    let (id, number, name) = {
        let store = server.yitu.atlas.layer(Layer::Settlement);
        let first = store.iter().min_by_key(|f| f.id).unwrap();
        let households = server.yitu.atlas.layer(Layer::Household);
        let household = households.iter().min_by_key(|f| f.id).unwrap();
        let text = |f: &yitu::domain::Feature, s: &yitu::domain::Schema, n: &str| {
            f.get(s, n).unwrap().as_text().unwrap().to_owned()
        };
        (first.id, text(household, households.schema(), "number"), text(first, store.schema(), "name"))
    };
    let full: String = name.as_str().to_pinyin().flatten().map(pinyin::Pinyin::plain).collect();
    let initials: String = name.as_str().to_pinyin().flatten().map(pinyin::Pinyin::first_letter).collect();
    for q in [&name, &full, &initials] {
        let found = server.get_json(&format!("/api/search?q={q}&kind=settlement&limit=200")).await;
        assert!(
            found["results"].as_array().unwrap().iter().any(|r| r["id"] == id),
            "{q} does not find {name}: {found}"
        );
    }
    let found = server.get_json(&format!("/api/search?q={number}")).await;
    assert_eq!(found["results"][0]["kind"], "household", "{found}");
    assert!(server.get_json("/api/categories").await.as_array().unwrap().len() > 5);
    let summary = server.get_json("/api/summary").await;
    let total = summary["figures"]["households"].as_u64().unwrap();
    let parts: u64 =
        summary["children"].as_array().unwrap().iter().map(|c| c["figures"]["households"].as_u64().unwrap()).sum();
    assert!(total > 0 && total == parts, "{total} {parts}");
    let coverage = server.get_json("/api/coverage?venue_kind=clinic&max_m=2000").await;
    assert_eq!(coverage["total"], total);
}

#[tokio::test]
async fn bad_questions_name_the_field() {
    let (_database, server) = server().await;
    for (path, status, word) in [
        ("/api/locate?lon=NaN&lat=25", 400, "lon"),
        ("/api/locate?lon=25&lat=117", 400, "looks-swapped"),
        ("/api/locate?lon=200&lat=25", 400, "lon"),
        ("/api/locate?lon=abc&lat=25", 400, "lon"),
        ("/api/locate?lat=25", 400, "lon"),
        ("/api/locate?lon=0&lat=0", 422, "outside-county"),
        ("/api/locate?lon=117&lat=25&accuracy=5", 400, "accuracy_m"),
        ("/api/locate?lon=117&lat=25&lon=118", 400, "\"pointer\":\"lon\""),
        ("/api/near?lon=117&lat=25&kind=dragon", 400, "kind"),
        ("/api/near?lon=117&lat=25&kind=venue&radius_m=NaN", 400, "radius_m"),
        ("/api/within?region=1&kind=dragon", 400, "kind"),
        ("/api/within?region=99999999&kind=venue", 404, "99999999"),
        ("/api/search?q=", 400, "q"),
        ("/api/summary?region=x", 400, "region"),
        ("/ogc/collections/dragon", 404, "dragon"),
        ("/ogc/collections/venue/items?bbox=1,2,3", 400, "bbox"),
        ("/ogc/collections/venue/items?filter=kind%20%3D", 400, "filter"),
        ("/ogc/collections/venue/items?filter=nokind%20%3D%201", 400, "nokind"),
        ("/ogc/collections/venue/items?limit=0", 400, "limit"),
        ("/ogc/collections/venue/items/99999999", 404, "99999999"),
    ] {
        let answer = server.get(path).await;
        let (code, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert_eq!(code, status, "{path}: {text}");
        assert!(text.contains(word), "{path}: {text}");
    }
    for (ring, word) in [
        (json!([[117, 25], [118, 26], [118, 25], [117, 26], [117, 25]]), "自相交"),
        (json!([[25, 117], [26, 118], [26, 117], [25, 117]]), "looks-swapped"),
    ] {
        let answer =
            server.post_json("/api/within?kind=venue", &json!({"type": "Polygon", "coordinates": [ring]})).await;
        let (code, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert!(code == 400 && text.contains(word), "{code} {text}");
    }
    // Each side would be compared with every other.
    let round = (0..=50_000).map(|k| std::f64::consts::TAU * f64::from(k % 50_000) / 50_000.0);
    let ring: Vec<[f64; 2]> = round.map(|a| [117.0 + 0.1 * a.cos(), 25.0 + 0.1 * a.sin()]).collect();
    let answer = server.post_json("/api/within?kind=venue", &json!({"type": "Polygon", "coordinates": [ring]})).await;
    let (code, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    assert!(code == 400 && text.contains("50001") && text.contains("10000"), "{code} {text}");
}
