//! Filters over every layer give the ids `PostGIS` gives.

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sqlx::AssertSqlSafe;
use yitu::domain::{Layer, PropertyKind, Value};

use crate::support::{TestDatabase, TestServer};

/// One random condition as (CQL2, SQL).
fn condition(random: &mut ChaCha8Rng, server: &TestServer, layer: Layer, depth: u32) -> (String, String) {
    if depth > 0 && random.random_bool(0.5) {
        let (a, b) = (condition(random, server, layer, depth - 1), condition(random, server, layer, depth - 1));
        return match random.random_range(0..3) {
            0 => (format!("({} AND {})", a.0, b.0), format!("({} AND {})", a.1, b.1)),
            1 => (format!("({} OR {})", a.0, b.0), format!("({} OR {})", a.1, b.1)),
            _ => (format!("NOT ({})", a.0), format!("NOT ({})", a.1)),
        };
    }
    let store = server.yitu.atlas.layer(layer);
    let mut features: Vec<_> = store.iter().cloned().collect();
    features.sort_by_key(|f| f.id);
    let sample = features.choose(random).unwrap();
    if let (Some(geometry), true) = (&sample.geometry, random.random_bool(0.3)) {
        let at = yitu::service::spatial::point_of(geometry).unwrap();
        let (w, h) = (random.random_range(0.001..0.05), random.random_range(0.001..0.05));
        let (x, y) = (at.x, at.y);
        let wkt = format!("POLYGON(({} {y},{x} {},{} {y},{x} {},{} {y}))", x - w, y + h, x + w, y - h, x - w);
        let op = ["INTERSECTS", "DISJOINT", "WITHIN"].choose(random).unwrap();
        return (format!("S_{op}(geometry, {wkt})"), format!("ST_{op}(geom, ST_GeomFromText('{wkt}', 4490))"));
    }
    let at = random.random_range(0..store.schema().names().len());
    let (name, kind) = (store.schema().names()[at].to_string(), store.schema().kinds()[at]);
    if random.random_bool(0.1) {
        return (format!("{name} IS NULL"), format!("{name} IS NULL"));
    }
    of_value(random, &name, kind, &sample.values[at])
}

/// A random condition on a property that has this value somewhere.
fn of_value(random: &mut ChaCha8Rng, name: &str, kind: PropertyKind, value: &Value) -> (String, String) {
    let compare = *["=", "<>", "<", "<=", ">", ">="].choose(random).unwrap();
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    match (kind, value) {
        (_, Value::Ids(_)) => unreachable!("no property"),
        (_, Value::Null) => (format!("{name} IS NOT NULL"), format!("{name} IS NOT NULL")),
        (_, Value::Int(n)) if random.random_bool(0.3) => {
            let between = format!("{name} BETWEEN {} AND {}", n - 5, n + random.random_range(0..1000));
            (between.clone(), between)
        }
        (_, Value::Int(n)) => (format!("{name} {compare} {n}"), format!("{name} {compare} {n}")),
        (_, Value::Float(n)) => {
            (format!("{name} * 2 {compare} {}", n * 2.0), format!("{name} * 2 {compare} {}", n * 2.0))
        }
        (_, Value::Bool(b)) => (format!("{name} = {b}"), format!("{name} = {b}")),
        (_, Value::TextList(list)) => {
            let text = quoted(list.first().map_or("无", |t| t.as_ref()));
            (format!("A_CONTAINS({name}, ({text}))"), format!("{name} @> ARRAY[{text}]"))
        }
        (PropertyKind::Instant, Value::Text(t)) => {
            let second = &t[..19];
            (
                format!("{name} {compare} TIMESTAMP('{second}Z')"),
                format!("date_trunc('milliseconds', {name}) {compare} '{second}Z'::timestamptz"),
            )
        }
        (PropertyKind::Day, Value::Text(t)) => {
            (format!("{name} {compare} DATE('{t}')"), format!("{name} {compare} '{t}'::date"))
        }
        (_, Value::Text(t)) => {
            let chars: Vec<char> = t.chars().collect();
            let part: String =
                chars[random.random_range(0..chars.len().max(1)).min(chars.len())..].iter().take(2).collect();
            match random.random_range(0..3) {
                0 => (format!("{name} {compare} {}", quoted(t)), format!("{name}::text {compare} {}", quoted(t))),
                1 => {
                    let pattern = quoted(&format!("%{}%", part.replace(['%', '_', '\\'], "_")));
                    (format!("{name} LIKE {pattern}"), format!("{name}::text LIKE {pattern}"))
                }
                _ => {
                    let list = format!("({}, '不存在', {})", quoted(t), quoted(&part));
                    (format!("{name} IN {list}"), format!("{name}::text IN {list}"))
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_filters_find_what_postgis_finds_in_every_layer() {
    let database = TestDatabase::with_demo().await;
    // Of a line between two equal points PostGIS says that it meets nothing.
    let sql = "DELETE FROM road WHERE NOT ST_IsValid(geom)";
    sqlx::query(sql).execute(&database.databases.migrator).await.unwrap();
    let server = TestServer::start(database.yitu().await).await;
    let mut random = ChaCha8Rng::seed_from_u64(20_065);
    let (mut some, mut none) = (0, 0);
    for &layer in Layer::ALL {
        for _ in 0..25 {
            let (cql, sql) = condition(&mut random, &server, layer, 2);
            let query = [("filter", cql.as_str()), ("limit", "3")];
            let mut url = reqwest::Url::parse(&server.url(&format!("/ogc/collections/{layer}/items"))).unwrap();
            url.query_pairs_mut().extend_pairs(query);
            let (mut got, mut next, mut pages) = (Vec::<i64>::new(), Some(url.to_string()), 0);
            let expected: Vec<i64> =
                sqlx::query_scalar(AssertSqlSafe(format!("SELECT id FROM layer_{layer} WHERE {sql} ORDER BY id")))
                    .fetch_all(&database.databases.migrator)
                    .await
                    .unwrap_or_else(|e| panic!("{sql}: {e}"));
            // The first pages one by one, the whole by one large page.
            while let (Some(at), true) = (next.take(), pages < 3) {
                let answer = server.client.get(&at).send().await.unwrap();
                let status = answer.status();
                let page: serde_json::Value = answer.json().await.unwrap();
                assert_eq!(status, 200, "{layer}: {cql}: {page}");
                assert_eq!(page["numberMatched"], expected.len(), "{layer}: {cql} | {sql}");
                got.extend(page["features"].as_array().unwrap().iter().map(|f| f["id"].as_i64().unwrap()));
                let link = page["links"].as_array().unwrap().iter().find(|l| l["rel"] == "next");
                next = link.and_then(|l| l["href"].as_str()).map(str::to_owned);
                pages += 1;
            }
            assert_eq!(got, expected[..got.len()], "{layer}: {cql} | {sql}");
            assert_eq!(got.len(), expected.len().min(9));
            if expected.is_empty() { none += 1 } else { some += 1 }
        }
    }
    assert!(some > 200 && none > 10, "{some} found something, {none} nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn items_are_sorted_dated_and_refused_by_name() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let expected: Vec<i64> = sqlx::query_scalar(
        "SELECT id FROM layer_incident WHERE reported_at >= '2026-11-01T00:00:00+08:00'
         ORDER BY urgency DESC, date_trunc('milliseconds', next_deadline_at) NULLS LAST, id",
    )
    .fetch_all(&database.databases.migrator)
    .await
    .unwrap();
    assert!(expected.len() > 10);
    let mut got: Vec<i64> = Vec::new();
    let mut path = Some(
        "/ogc/collections/incident/items?limit=7&datetime=2026-11-01/..&sortby=-urgency,next_deadline_at".to_owned(),
    );
    while let Some(at) = path.take() {
        let page = server.get_json(&at).await;
        got.extend(page["features"].as_array().unwrap().iter().map(|f| f["id"].as_i64().unwrap()));
        let next = page["links"].as_array().unwrap().iter().find(|l| l["rel"] == "next");
        path = next.and_then(|l| l["href"].as_str()).map(|h| h.strip_prefix(&server.url("")).unwrap().to_owned());
    }
    assert_eq!(got, expected);
    let queryables = server.get_json("/ogc/collections/incident/queryables").await;
    assert_eq!(queryables["properties"]["reported_at"]["format"], "date-time");
    assert!(server.get_json("/ogc/collections/household/sortables").await["properties"]["tags"].is_null());
    // Layers without a time are not narrowed by one.
    let all = server.get_json("/ogc/collections/venue/items?limit=1").await["numberMatched"].clone();
    let dated = server.get_json("/ogc/collections/venue/items?limit=1&datetime=1990-01-01").await;
    assert_eq!(dated["numberMatched"], all);
    for (query, pointer) in [
        ("datetime=yesterday", "datetime"),
        ("sortby=colour", "sortby"),
        ("after=x", "after"),
        ("filter=colour%3D1", "filter"),
        ("filter=name%3E3", "filter"),
        ("filter=S_INTERSECTS(geometry,POINT(NaN%201))", "filter"),
        ("filter=S_INTERSECTS(geometry,POLYGON((0%200,1%201,1%200,0%201,0%200)))", "filter"),
        ("filter=kind%20LIKE%20%27a%5C%27", "filter"),
        ("filter-crs=EPSG:3857&filter=id%3D1", "filter-crs"),
    ] {
        let answer = server.get(&format!("/ogc/collections/venue/items?{query}")).await;
        assert_eq!(answer.status(), 400, "{query}");
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{query} {problem}");
    }
}
