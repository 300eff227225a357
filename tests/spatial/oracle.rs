//! Random questions, each answered by PostGIS too.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::server;

async fn bbox(server: &crate::TestServer) -> Vec<f64> {
    serde_json::from_value(server.get_json("/api/county").await["bbox"].clone()).unwrap()
}

fn somewhere(random: &mut ChaCha8Rng, bbox: &[f64]) -> (f64, f64) {
    (random.random_range(bbox[0]..bbox[2]), random.random_range(bbox[1]..bbox[3]))
}

#[tokio::test]
async fn the_nearest_are_those_of_postgis() {
    let (database, server) = server().await;
    let bbox = bbox(&server).await;
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut compared = 0;
    for layer in ["venue", "settlement", "household", "road", "grid", "bus_line"] {
        for round in 0..12 {
            let (lon, lat) = somewhere(&mut random, &bbox);
            let (radius, limit) = [(900.0, 5), (4_000.0, 40), (60_000.0, 1000)][round % 3];
            let path = format!("/api/near?lon={lon}&lat={lat}&kind={layer}&radius_m={radius}&limit={limit}");
            let answer = server.get_json(&path).await;
            let ours: Vec<(i64, f64)> = answer["results"]
                .as_array()
                .unwrap()
                .iter()
                .map(|r| (r["id"].as_i64().unwrap(), r["distance_m"].as_f64().unwrap()))
                .collect();
            // Around the point itself this projection keeps distances; those of PostGIS's geography are metres off.
            let around = format!("+proj=aeqd +lat_0={lat} +lon_0={lon} +ellps=GRS80");
            let sql = format!(
                "SELECT id, ST_Distance(ST_Transform(geom, $1), ST_Point(0, 0)) FROM layer_{layer}
                 WHERE geom IS NOT NULL ORDER BY 2, 1"
            );
            let theirs: Vec<(i64, f64)> =
                sqlx::query_as(AssertSqlSafe(sql)).bind(around).fetch_all(&database.databases.migrator).await.unwrap();
            // An edge is straight in degrees here and in metres there.
            let hair = 0.1 + 2e-5 * radius;
            let sure = theirs.iter().filter(|t| t.1 < radius - hair).count().min(limit);
            assert!(ours.len() >= sure, "{path}: {} of {sure}", ours.len());
            for (n, (id, metres)) in ours.iter().enumerate() {
                let (_, there) = theirs.iter().find(|t| t.0 == *id).unwrap();
                assert!((metres - there).abs() < hair, "{path}: {id} at {metres}, not {there}");
                assert!((metres - theirs[n].1).abs() < hair, "{path}: place {n} is at {}, not {metres}", theirs[n].1);
            }
            compared += ours.len();
        }
    }
    assert!(compared > 2_000, "only {compared} were compared");
}

#[tokio::test]
async fn what_lies_within_is_what_postgis_finds() {
    let (database, server) = server().await;
    let bbox = bbox(&server).await;
    let mut random = ChaCha8Rng::seed_from_u64(6);
    let mut counted = 0;
    for layer in ["household", "venue", "road", "grid", "cluster", "water"] {
        for _ in 0..8 {
            let (lon, lat) = somewhere(&mut random, &bbox);
            let (w, h) = (random.random_range(0.002..0.1), random.random_range(0.002..0.1));
            // Four corners turn around the middle, each at its own distance: never crossing.
            let corner = |angle: f64, reach: f64| [lon + w * reach * angle.cos(), lat + h * reach * angle.sin()];
            let mut ring: Vec<[f64; 2]> =
                (0..7).map(|n| corner(f64::from(n) * 0.9, random.random_range(0.3..1.0))).collect();
            ring.push(ring[0]);
            let area = json!({"type": "Polygon", "coordinates": [ring]});
            let answer: Value =
                server.post_json(&format!("/api/within?kind={layer}&limit=7"), &area).await.json().await.unwrap();
            let sql = format!(
                "SELECT id FROM layer_{layer} WHERE ST_Intersects(geom, ST_SetSRID(ST_GeomFromGeoJSON($1), 4490)) ORDER BY id"
            );
            let ids: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(area.to_string())
                .fetch_all(&database.databases.migrator)
                .await
                .unwrap();
            assert_eq!(answer["count"], ids.len(), "{layer} in {area}");
            let listed: Vec<i64> =
                answer["features"].as_array().unwrap().iter().map(|f| f["id"].as_i64().unwrap()).collect();
            assert_eq!(listed, ids[..ids.len().min(7)], "{layer} in {area}");
            if layer == "household" {
                let tags: Option<Value> = sqlx::query_scalar(
                    "SELECT jsonb_object_agg(tag, n) FROM (SELECT tag, count(*) AS n
                     FROM household, unnest(tags) AS tag WHERE id = ANY($1) GROUP BY 1) x",
                )
                .bind(&ids)
                .fetch_one(&database.databases.migrator)
                .await
                .unwrap();
                assert_eq!(answer["by_tag"], tags.unwrap_or_else(|| json!({})), "tags in {area}");
            }
            counted += ids.len();
        }
    }
    assert!(counted > 3_000, "only {counted} were found");
}

#[tokio::test]
async fn coverage_is_that_of_postgis() {
    let (database, server) = server().await;
    for (kind, max_m) in [("clinic", 1500.0), ("culture_square", 400.0), ("pavilion", 6000.0)] {
        let answer = server.get_json(&format!("/api/coverage?venue_kind={kind}&max_m={max_m}")).await;
        let theirs: Vec<(i64, i64, i64)> = sqlx::query_as(
            "SELECT village_id, count(*) FILTER (WHERE served), count(*) FILTER (WHERE NOT served)
             FROM (SELECT h.village_id, EXISTS (SELECT FROM venue v WHERE v.kind = $1::venue_kind
                     AND ST_DWithin(v.geom::geography, h.geom::geography, $2)) AS served FROM household h) x
             GROUP BY 1 ORDER BY 1",
        )
        .bind(kind)
        .bind(max_m)
        .fetch_all(&database.databases.migrator)
        .await
        .unwrap();
        let ours: Vec<(i64, i64, i64)> = answer["villages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| (v["id"].as_i64().unwrap(), v["served"].as_i64().unwrap(), v["unserved"].as_i64().unwrap()))
            .collect();
        assert_eq!(ours, theirs, "{kind} within {max_m} m");
        assert!(theirs.iter().any(|v| v.1 > 0) && theirs.iter().any(|v| v.2 > 0), "{kind} tells nothing");
    }
    let wrong = server.get("/api/coverage?venue_kind=castle&max_m=10").await;
    assert_eq!(wrong.status(), 400);
    assert!(wrong.text().await.unwrap().contains("pavilion"), "what there is goes unsaid");
}

#[tokio::test]
async fn figures_are_those_of_the_database() {
    let (database, server) = server().await;
    // A matter told by words alone belongs to no village yet, but to the county.
    let told = json!({"id": uuid::Uuid::from_u128(77), "category": server.get_json("/api/categories").await[0]["code"],
        "description": "来电说不清在哪里", "urgency": "ordinary", "location": {"source": "text", "text": "溪边"}});
    let answer = server.post_json("/api/incidents", &told).await;
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    let township: i64 = sqlx::query_scalar("SELECT min(id) FROM region WHERE level = 'township'")
        .fetch_one(&database.databases.migrator)
        .await
        .unwrap();
    for (path, is_county) in [("/api/summary".to_owned(), true), (format!("/api/summary?region={township}"), false)] {
        let figures = server.get_json(&path).await["figures"].clone();
        for (name, sql) in [
            ("households", "SELECT count(*) FROM household WHERE village_id = ANY($1)"),
            (
                "members",
                "SELECT count(*) FROM member m JOIN household h ON h.id = m.household_id WHERE h.village_id = ANY($1)",
            ),
            ("grids", "SELECT count(*) FROM layer_grid WHERE kind = 'general' AND village_id = ANY($1)"),
            ("dedicated_grids", "SELECT count(*) FROM layer_grid WHERE kind = 'dedicated' AND village_id = ANY($1)"),
            ("venues", "SELECT count(*) FROM venue WHERE village_id = ANY($1)"),
            ("groups", "SELECT count(*) FROM party_org WHERE kind = 'grid_group' AND region_id = ANY($1)"),
            (
                "responders",
                "SELECT count(DISTINCT responder_id) FROM appointment WHERE region_id = ANY($1) AND valid_during @> county_day(county_id)",
            ),
            (
                "incidents_open",
                "SELECT count(*) FROM incident WHERE next_deadline_at IS NOT NULL AND coalesce(village_id, county_id) = ANY($1)",
            ),
            (
                "incidents_overdue",
                "SELECT count(*) FROM incident WHERE next_deadline_at < now() AND coalesce(village_id, county_id) = ANY($1)",
            ),
        ] {
            let within = "WITH RECURSIVE r AS (SELECT id FROM region WHERE id = $1 UNION ALL SELECT x.id FROM region x JOIN r ON x.parent_id = r.id) SELECT array_agg(id) FROM r";
            let root = if is_county {
                "SELECT id FROM region WHERE level = 'county'"
            } else {
                "SELECT min(id) FROM region WHERE level = 'township'"
            };
            let root: i64 = sqlx::query_scalar(root).fetch_one(&database.databases.migrator).await.unwrap();
            let regions: Vec<i64> =
                sqlx::query_scalar(within).bind(root).fetch_one(&database.databases.migrator).await.unwrap();
            let count: i64 =
                sqlx::query_scalar(sql).bind(&regions).fetch_one(&database.databases.migrator).await.unwrap();
            assert_eq!(figures[name], count, "{name} of {path}");
        }
        assert!(figures["incidents_open"].as_i64().unwrap() > 0);
    }
}

#[tokio::test]
async fn people_without_a_place_are_found_in_their_region() {
    let (database, server) = server().await;
    let (name, village): (String, i64) = sqlx::query_as(
        "SELECT r.name, a.region_id FROM responder r JOIN appointment a ON a.responder_id = r.id
         JOIN region v ON v.id = a.region_id AND v.level = 'village'
         WHERE a.valid_during @> county_day(a.county_id) ORDER BY r.id LIMIT 1",
    )
    .fetch_one(&database.databases.migrator)
    .await
    .unwrap();
    let other: i64 = sqlx::query_scalar("SELECT max(id) FROM region WHERE level = 'village' AND id <> $1")
        .bind(village)
        .fetch_one(&database.databases.migrator)
        .await
        .unwrap();
    let found = async |region: i64| {
        let answer = server.get_json(&format!("/api/search?q={name}&kind=responder&region={region}&limit=50")).await;
        answer["results"].as_array().unwrap().len()
    };
    assert!(found(village).await > 0, "{name} is not found in village {village}");
    let elsewhere: i64 =
        sqlx::query_scalar("SELECT count(*) FROM layer_responder WHERE region_id = $1 AND name LIKE '%' || $2 || '%'")
            .bind(other)
            .bind(&name)
            .fetch_one(&database.databases.migrator)
            .await
            .unwrap();
    assert_eq!(found(other).await as i64, elsewhere);
}

#[tokio::test]
async fn a_changed_name_is_found_by_its_new_spelling() {
    let (database, server) = server().await;
    let id: i64 =
        sqlx::query_scalar("SELECT min(id) FROM household").fetch_one(&database.databases.migrator).await.unwrap();
    let hit = async |q: &str| {
        let answer = server.get_json(&format!("/api/search?q={q}&kind=household&limit=1000")).await;
        answer["results"].as_array().unwrap().iter().any(|r| r["id"] == id)
    };
    assert!(!hit("ouyangxiuxiu").await);
    sqlx::query("UPDATE household SET head_name = '欧阳秀秀' WHERE id = $1")
        .bind(id)
        .execute(&database.databases.migrator)
        .await
        .unwrap();
    let begun = std::time::Instant::now();
    while !hit("ouyangxiuxiu").await {
        assert!(begun.elapsed().as_secs() < 10, "the new name is not found");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn requests_are_measured_by_their_route() {
    let (_database, server) = server().await;
    server.get_json("/api/near?lon=117.2&lat=25.6&kind=venue").await;
    let text = server.get("/metrics").await.text().await.unwrap();
    for line in [
        "yitu_http_request_seconds_count{method=\"GET\",route=\"/api/near\",status=\"200\"}",
        "yitu_atlas_features{layer=\"grid\"}",
        "yitu_atlas_following 1",
        "yitu_database_connections{login=\"request\",state=\"open\"}",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}
