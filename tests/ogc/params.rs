//! Query parameters: the properties of a layer, the systems of coordinates, and those nobody knows.

use reqwest::StatusCode;
use serde_json::{Value, json};
use yitu::domain::Layer;

use crate::support::{TestDatabase, TestServer};

#[tokio::test(flavor = "multi_thread")]
async fn properties_are_parameters() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let count = async |sql: &'static str| -> i64 {
        sqlx::query_scalar(sql).fetch_one(&database.databases.migrator).await.unwrap()
    };
    for (path, sql) in [
        ("venue/items?kind=clinic", "SELECT count(*) FROM venue WHERE kind = 'clinic'"),
        ("household/items?tags=%E4%BD%8E%E4%BF%9D", "SELECT count(*) FROM layer_household WHERE '低保' = ANY(tags)"),
        (
            "incident/items?urgency=urgent&state=closed",
            "SELECT count(*) FROM layer_incident WHERE urgency = 'urgent' AND state = 'closed'",
        ),
        (
            "road/items?speed_kmh=45.0&class=secondary",
            "SELECT count(*) FROM layer_road WHERE speed_kmh = 45 AND class = 'secondary'",
        ),
    ] {
        let expected = count(sql).await;
        assert!(expected > 0, "{sql}");
        let page = server.get_json(&format!("/ogc/collections/{path}&limit=1")).await;
        assert_eq!(page["numberMatched"], expected, "{path}");
    }
    // A day of the county stands for all its instants.
    let (day, expected): (String, i64) = sqlx::query_as(
        "SELECT (reported_at AT TIME ZONE 'Asia/Shanghai')::date::text, count(*) FROM layer_incident GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1",
    )
    .fetch_one(&database.databases.migrator)
    .await
    .unwrap();
    let page = server.get_json(&format!("/ogc/collections/incident/items?reported_at={day}")).await;
    assert!(expected > 1 && page["numberMatched"] == expected, "{day}: {expected}");
    for bad in ["kind=clinic&kind=pavilion", "capacity=many", "limit=0", "limit=x", "after=%5B1%5D&before=%5B9%5D"] {
        assert_eq!(server.get(&format!("/ogc/collections/venue/items?{bad}")).await.status(), 400, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_parameters_are_refused_everywhere() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let id = server.get_json("/ogc/collections/venue/items?limit=1").await["features"][0]["id"].clone();
    let item = format!("/ogc/collections/venue/items/{id}");
    for path in [
        "/ogc",
        "/ogc/conformance",
        "/ogc/api",
        "/ogc/collections",
        "/ogc/collections/venue",
        "/ogc/collections/venue/items",
        &item,
        "/ogc/collections/venue/queryables",
        "/ogc/collections/venue/sortables",
        "/ogc/collections/venue/tiles",
        "/ogc/collections/venue/tiles/WebMercatorQuad",
        "/ogc/collections/venue/tiles/WebMercatorQuad/10/436/845",
        "/ogc/tileMatrixSets",
        "/ogc/tileMatrixSets/WebMercatorQuad",
    ] {
        let answer = server.get(&format!("{path}?colour=red")).await;
        assert_eq!(answer.status(), 400, "{path}");
        let problem: Value = answer.json().await.unwrap();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("colour") && (detail.contains(":f") || detail.contains("、f")), "{detail}");
        assert_eq!(server.get(&format!("{path}?f=xml")).await.status(), 400, "{path}");
        assert!(server.get(path).await.status().is_success(), "{path}");
    }
    let posted = server.client.post(server.url("/ogc/collections/venue/items?dry=1")).json(&json!({})).send();
    assert_eq!(posted.await.unwrap().status(), 400);
}

/// Forward to the end and back again, in any order: the same pages.
#[tokio::test(flavor = "multi_thread")]
async fn pages_lead_both_ways() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let link = |page: &Value, rel: &str| {
        let links = page["links"].as_array().unwrap();
        links.iter().find(|l| l["rel"] == rel).map(|l| l["href"].as_str().unwrap().to_owned())
    };
    let ids = |page: &Value| -> Vec<i64> {
        page["features"].as_array().unwrap().iter().map(|f| f["id"].as_i64().unwrap()).collect()
    };
    for query in ["limit=50&f=json", "limit=50&sortby=-kind,name&crs=http://www.opengis.net/def/crs/EPSG/0/4326"] {
        let mut pages = Vec::new();
        let mut next = Some(server.url(&format!("/ogc/collections/venue/items?{query}")));
        let mut back = None;
        while let Some(at) = next {
            let page: Value = server.client.get(&at).send().await.unwrap().json().await.unwrap();
            assert_eq!(link(&page, "self").unwrap().matches("limit=50").count(), 1);
            (next, back) = (link(&page, "next"), link(&page, "prev"));
            pages.push(ids(&page));
        }
        assert!(
            pages.len() > 2 && pages.iter().map(Vec::len).sum::<usize>() == server.yitu.atlas.layer(Layer::Venue).len()
        );
        for expected in pages.iter().rev().skip(1) {
            let page: Value = server.client.get(back.take().unwrap()).send().await.unwrap().json().await.unwrap();
            assert_eq!(&ids(&page), expected, "{query}");
            assert!(link(&page, "next").is_some());
            back = link(&page, "prev");
        }
        assert_eq!(back, None);
    }
}

/// Coordinates in each system are those `PostGIS` gives for it, and can be written back in it.
#[tokio::test(flavor = "multi_thread")]
async fn items_come_and_go_in_each_system() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let (id, lon, lat): (i64, f64, f64) = sqlx::query_as(
        "SELECT id, ST_X(ST_Transform(geom, 4326)), ST_Y(ST_Transform(geom, 4326)) FROM venue ORDER BY id LIMIT 1",
    )
    .fetch_one(&database.databases.migrator)
    .await
    .unwrap();
    let path = format!("/ogc/collections/venue/items/{id}");
    let mut tags = Vec::new();
    for (crs, latitude_first) in [("OGC/1.3/CRS84", false), ("EPSG/0/4490", true), ("EPSG/0/4326", true)] {
        let uri = format!("http://www.opengis.net/def/crs/{crs}");
        let answer = server.get(&format!("{path}?crs={uri}")).await;
        assert_eq!(answer.headers()["content-crs"], format!("<{uri}>"));
        tags.push(answer.headers()["etag"].to_str().unwrap().to_owned());
        let item: Value = answer.json().await.unwrap();
        let expected = if latitude_first { [lat, lon] } else { [lon, lat] };
        for (k, expected) in expected.iter().enumerate() {
            assert!((item["geometry"]["coordinates"][k].as_f64().unwrap() - expected).abs() < 1e-9, "{item}");
        }
        let known =
            server.client.get(server.url(&format!("{path}?crs={uri}"))).header("if-none-match", tags.last().unwrap());
        let known = known.send().await.unwrap();
        assert_eq!(known.status(), 304);
        assert_eq!(
            (&known.headers()["cache-control"], &known.headers()["etag"]),
            (&"private, no-cache".parse().unwrap(), &tags.last().unwrap().parse().unwrap())
        );
        // Sent back as it came, it lies where it lay.
        let put = server.client.put(server.url(&path)).header("content-type", "application/geo+json; charset=utf-8");
        let put = put.header("content-crs", format!("<{uri}>")).header("if-match", tags.last().unwrap());
        let put = put.body(item.to_string()).send().await.unwrap();
        assert_eq!(put.status(), StatusCode::OK, "{uri}");
        let put: Value = put.json().await.unwrap();
        assert_eq!(
            put["geometry"]["coordinates"],
            json!([
                item["geometry"]["coordinates"][usize::from(latitude_first)],
                item["geometry"]["coordinates"][usize::from(!latitude_first)]
            ])
        );
    }
    tags.dedup();
    assert_eq!(tags.len(), 3, "each form has a tag of its own: {tags:?}");
    for header in ["<http://www.opengis.net/def/crs/EPSG/0/3857>", "EPSG:4326"] {
        let put = server.client.put(server.url(&path)).header("content-type", "application/geo+json");
        let put = put.header("content-crs", header).header("if-match", "*").body("{}").send().await.unwrap();
        assert_eq!(put.status(), 400, "{header}");
        assert_eq!(put.json::<Value>().await.unwrap()["errors"][0]["pointer"], "Content-Crs");
    }
    assert_eq!(server.get(&format!("{path}?crs=EPSG:3857")).await.status(), 400);
    let all = server.get_json("/ogc/collections").await;
    for collection in all["collections"].as_array().unwrap() {
        assert_eq!(collection["crs"], all["crs"]);
        assert!(all["crs"].as_array().unwrap().contains(&collection["storageCrs"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_another_kind_are_told_what_is_taken() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let id = server.get_json("/ogc/collections/venue/items?limit=1").await["features"][0]["id"].clone();
    let (items, item) = ("/ogc/collections/venue/items".to_owned(), format!("/ogc/collections/venue/items/{id}"));
    for (method, path, kind, taken) in [
        ("POST", &items, "text/plain", "application/geo+json、application/json"),
        ("POST", &items, "", "application/geo+json、application/json"),
        ("PUT", &item, "application/xml", "application/geo+json、application/json"),
        ("PUT", &item, "application/merge-patch+json", "application/geo+json、application/json"),
        ("PATCH", &item, "application/geo+json", "application/merge-patch+json"),
    ] {
        let request = server.client.request(method.parse().unwrap(), server.url(path)).header("if-match", "*");
        let request = if kind.is_empty() { request } else { request.header("content-type", kind) };
        let answer = request.body("{}").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{method} {kind}");
        let problem: Value = answer.json().await.unwrap();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(taken) && detail.contains(kind), "{method} {kind}: {detail}");
    }
}
