//! Part 4: features written under `If-Match`, and what is refused.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use yitu::domain::Layer;

use crate::support::{TestDatabase, TestServer};

async fn server() -> (TestDatabase, TestServer) {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    (database, server)
}

async fn send(server: &TestServer, method: Method, path: &str, tag: Option<&str>, body: &Value) -> Response {
    let kind = if method == Method::PATCH { "application/merge-patch+json" } else { "application/geo+json" };
    let request = server.client.request(method, server.url(path)).header("content-type", kind);
    let request = if let Some(tag) = tag { request.header("if-match", tag) } else { request };
    request.body(body.to_string()).send().await.unwrap()
}

fn tag_of(response: &Response) -> String {
    response.headers()["etag"].to_str().unwrap().to_owned()
}

async fn read(server: &TestServer, path: &str) -> (String, Value) {
    let response = server.get(path).await;
    assert_eq!(response.status(), 200, "{path}");
    (tag_of(&response), response.json().await.unwrap())
}

/// A place in a village, and the village.
async fn a_place(database: &TestDatabase) -> (f64, f64, i64) {
    let sql = "SELECT ST_X(p), ST_Y(p), id FROM (SELECT id, ST_PointOnSurface(geom) AS p FROM region WHERE level = 'village' ORDER BY id LIMIT 1) v";
    sqlx::query_as(sql).fetch_one(&database.databases.migrator).await.unwrap()
}

fn venue(lon: f64, lat: f64, name: &str) -> Value {
    json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [lon, lat]}, "properties": {"name": name, "kind": "pavilion"}})
}

/// The tile at zoom 16 that a place is on, after a write.
async fn tile(server: &TestServer, lon: f64, lat: f64, seq: &str) -> String {
    let n = f64::from(1 << 16);
    let x = ((lon + 180.0) / 360.0 * n).floor();
    let y = ((1.0 - lat.to_radians().tan().asinh() / std::f64::consts::PI) / 2.0 * n).floor();
    let response = server.get(&format!("/tiles/venue/16/{x}/{y}?min_seq={seq}")).await;
    assert!(response.status().is_success(), "{}", response.status());
    String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feature_is_made_moved_renamed_and_removed_and_the_map_shows_each_step() {
    let (database, server) = server().await;
    let (lon, lat, village) = a_place(&database).await;
    let items = "/ogc/collections/venue/items";
    let made = send(&server, Method::POST, items, None, &venue(lon, lat, "新岭议事亭")).await;
    assert_eq!(made.status(), 201);
    let (address, first) = (made.headers()["location"].to_str().unwrap().to_owned(), tag_of(&made));
    let path = address.strip_prefix(&server.url("")).unwrap().to_owned();
    let body: Value = made.json().await.unwrap();
    assert_eq!(body["properties"]["village_id"], village, "found from the place: {body}");
    assert_eq!(body["version"], 1);
    assert!(tile(&server, lon, lat, body["seq"].as_str().unwrap()).await.contains("新岭议事亭"));
    let listed =
        server.get_json(&format!("{items}?filter=name%3D%27%E6%96%B0%E5%B2%AD%E8%AE%AE%E4%BA%8B%E4%BA%AD%27")).await;
    assert_eq!(listed["numberMatched"], 1, "the writer's next question sees it");

    // What was read, sent back whole with what the program derives, latitude first.
    let (tag, mut whole) = read(&server, &path).await;
    assert_eq!(tag, first);
    whole["properties"]["name"] = "新岭议事长廊".into();
    whole["properties"]["kind"] = "corridor".into();
    whole["geometry"]["coordinates"] = json!([lat, lon]);
    let put =
        server.client.put(server.url(&path)).header("content-type", "application/geo+json").header("if-match", &tag);
    let put = put.header("content-crs", "<http://www.opengis.net/def/crs/EPSG/0/4490>").body(whole.to_string());
    let put = put.send().await.unwrap();
    assert_eq!(put.status(), 200);
    let second = tag_of(&put);
    let put: Value = put.json().await.unwrap();
    assert_eq!(put["properties"]["kind"], "corridor");
    assert_eq!(put["geometry"]["coordinates"], body["geometry"]["coordinates"]);
    assert!(tile(&server, lon, lat, put["seq"].as_str().unwrap()).await.contains("新岭议事长廊"));

    assert_eq!(
        send(&server, Method::PATCH, &path, Some(&first), &json!({"properties": {"name": "迟到"}})).await.status(),
        412
    );
    assert_eq!(send(&server, Method::PATCH, &path, None, &json!({"properties": {"name": "盲改"}})).await.status(), 428);
    assert_eq!(send(&server, Method::DELETE, &path, None, &json!({})).await.status(), 428);
    let patched = send(&server, Method::PATCH, &path, Some(&second), &json!({"properties": {"capacity": 30}})).await;
    let third = tag_of(&patched);
    let patched: Value = patched.json().await.unwrap();
    assert_eq!(
        (&patched["properties"]["capacity"], &patched["properties"]["name"]),
        (&json!(30), &json!("新岭议事长廊"))
    );
    assert_eq!(send(&server, Method::DELETE, &path, Some(&second), &json!({})).await.status(), 412);
    let gone = send(&server, Method::DELETE, &path, Some(&third), &json!({})).await;
    assert_eq!(gone.status(), 200);
    let gone: Value = gone.json().await.unwrap();
    assert!(!tile(&server, lon, lat, gone["seq"].as_str().unwrap()).await.contains("新岭议事长廊"));
    assert_eq!(server.get(&path).await.status(), 404);
    assert_eq!(send(&server, Method::DELETE, &path, Some("*"), &json!({})).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_writers_with_one_tag_exactly_one_wins() {
    let (database, server) = server().await;
    let (lon, lat, _) = a_place(&database).await;
    let made = send(&server, Method::POST, "/ogc/collections/venue/items", None, &venue(lon, lat, "众人改")).await;
    let path = format!("/ogc/collections/venue/items/{}", made.json::<Value>().await.unwrap()["id"]);
    for round in 0..12 {
        let (tag, _) = read(&server, &path).await;
        let bodies: Vec<Value> =
            (0..4).map(|n| json!({"properties": {"opening_hours": format!("{round}-{n}")}})).collect();
        let all = bodies.iter().map(|b| send(&server, Method::PATCH, &path, Some(&tag), b));
        let answers = futures::future::join_all(all).await;
        let mut codes: Vec<StatusCode> = answers.iter().map(Response::status).collect();
        codes.sort();
        assert_eq!(
            codes,
            [
                StatusCode::OK,
                StatusCode::PRECONDITION_FAILED,
                StatusCode::PRECONDITION_FAILED,
                StatusCode::PRECONDITION_FAILED
            ]
        );
        let winner = answers.iter().position(|a| a.status() == StatusCode::OK).unwrap();
        let (_, now) = read(&server, &path).await;
        assert_eq!(now["properties"]["opening_hours"], format!("{round}-{winner}"));
        assert_eq!(now["version"], 2 + round);
    }
}

/// Every layer: what it allows, and that what it gives can be sent back, renamed and moved.
#[tokio::test(flavor = "multi_thread")]
async fn each_layer_takes_back_what_it_gave_or_says_where_it_is_written() {
    let (_database, server) = server().await;
    for &layer in Layer::ALL {
        let items = format!("/ogc/collections/{layer}/items");
        let page = server.get_json(&format!("{items}?limit=1")).await;
        let Some(id) = page["features"][0]["id"].as_i64() else { panic!("the demo has no {layer}") };
        let path = format!("{items}/{id}");
        if allowed(&server, &path).await.contains("PUT") {
            sent_back(&server, layer, &items, &path).await;
        } else {
            refused(&server, layer, &items, &path).await;
        }
    }
    assert_eq!(allowed(&server, "/ogc/collections/household/items/1").await, "GET, HEAD, OPTIONS, PUT, PATCH");
    assert_eq!(allowed(&server, "/ogc/collections/road/items").await, "GET, HEAD, OPTIONS, POST");
}

async fn allowed(server: &TestServer, path: &str) -> String {
    let options = server.client.request(Method::OPTIONS, server.url(path)).send().await.unwrap();
    options.headers()["allow"].to_str().unwrap().to_owned()
}

async fn refused(server: &TestServer, layer: Layer, items: &str, path: &str) {
    let expected = if layer == Layer::Grid { 409 } else { 405 };
    for (method, path) in [(Method::PUT, path), (Method::DELETE, path), (Method::POST, items), (Method::PATCH, path)] {
        let answer = send(server, method.clone(), path, None, &json!({})).await;
        assert_eq!(answer.status(), expected, "{method} {layer}");
        let allowed = answer.headers().get("allow").map(|a| a.to_str().unwrap().to_owned());
        assert!(expected == 409 || allowed.as_deref() == Some("GET, HEAD, OPTIONS"), "{allowed:?}");
        let problem: Value = answer.json().await.unwrap();
        let way = problem["use"].as_str().unwrap();
        assert!(way.starts_with("/api/") || way.starts_with("yitu "), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(way) || way == "/api/docs", "{problem}");
    }
}

async fn sent_back(server: &TestServer, layer: Layer, items: &str, path: &str) {
    let (tag, item) = read(server, path).await;
    let put = send(server, Method::PUT, path, Some(&tag), &item).await;
    assert_eq!(put.status(), 200, "{layer}: {}", put.text().await.unwrap());
    let again = tag_of(&put);
    let put: Value = put.json().await.unwrap();
    assert_eq!(put["properties"], item["properties"], "{layer}");
    assert_eq!(put["geometry"], item["geometry"], "{layer}");
    assert_eq!(put["version"], item["version"].as_i64().unwrap() + 1);
    // A move by a centimetre keeps any shape valid and at home.
    let Some(moved) = nudged(&item["geometry"]) else { return };
    let patch = send(server, Method::PATCH, path, Some(&again), &json!({"geometry": moved})).await;
    assert_eq!(patch.status(), 200, "{layer}: {}", patch.text().await.unwrap());
    let patch: Value = patch.json().await.unwrap();
    assert_eq!(patch["geometry"], moved, "{layer}");
    let posted = json!({"type": "Feature", "geometry": moved, "properties": written_of(&item, layer)});
    let made = send(server, Method::POST, items, None, &posted).await;
    if layer == Layer::Household {
        assert_eq!(made.status(), 405);
        assert_eq!(made.headers()["allow"], "GET, HEAD, OPTIONS");
        return;
    }
    let (status, said) = (made.status(), made.text().await.unwrap());
    let twice = layer == Layer::VillagerGroup && said.contains("duplicate");
    assert!(status == 201 || twice, "{layer}: {status} {said}");
}

/// All positions moved east by 1e-7 degrees, as eight decimals.
fn nudged(geometry: &Value) -> Option<Value> {
    fn walk(value: &mut Value) {
        let Some(list) = value.as_array_mut() else { return };
        match list.first().and_then(Value::as_f64) {
            Some(x) => list[0] = (((x + 1e-7) * 1e8).round() / 1e8).into(),
            None => list.iter_mut().for_each(walk),
        }
    }
    let mut moved = geometry.as_object()?.clone();
    walk(moved.get_mut("coordinates")?);
    Some(moved.into())
}

fn written_of(item: &Value, layer: Layer) -> Value {
    let table = yitu::service::ogc::edit::tables::table(layer).unwrap();
    table
        .columns
        .iter()
        .map(|c| (c.property.to_owned(), item["properties"][c.property].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_features_are_told_by_field_value_and_way_out() {
    let (database, server) = server().await;
    let (lon, lat, _) = a_place(&database).await;
    let good = venue(lon, lat, "名");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = good.clone();
        change(&mut body);
        body.to_string()
    };
    let cases: Vec<(String, u16, &str)> = vec![
        ("{".into(), 400, ""),
        ("[]".into(), 400, "/type"),
        (good.to_string().replace(&lon.to_string(), "NaN"), 400, ""),
        (good.to_string().replace(&lon.to_string(), "1e999"), 400, ""),
        ("[".repeat(100_000), 400, ""),
        (with(&|b| b["geometry"]["coordinates"] = json!([lat, lon])), 400, "/geometry/coordinates"),
        (with(&|b| b["geometry"]["coordinates"] = json!([2.35, 48.86])), 422, "/geometry"),
        (
            with(&|b| b["geometry"] = json!({"type": "LineString", "coordinates": [[lon, lat], [lon + 0.01, lat]]})),
            400,
            "/geometry/type",
        ),
        (
            with(
                &|b| b["geometry"] = json!({"type": "Polygon", "coordinates": [[[lon, lat], [lon + 0.001, lat + 0.001], [lon + 0.001, lat], [lon, lat + 0.001], [lon, lat]]]}),
            ),
            422,
            "/geometry",
        ),
        (with(&|b| b["geometry"] = Value::Null), 400, "/geometry/type"),
        (with(&|b| b["properties"]["kind"] = "temple".into()), 400, "/properties/kind"),
        (with(&|b| b["properties"]["capacity"] = "many".into()), 400, "/properties/capacity"),
        (with(&|b| b["properties"]["capacity"] = json!(9_223_372_036_854_775_807_i64)), 400, "/properties/capacity"),
        (with(&|b| b["properties"]["name"] = "\u{0}".into()), 400, "/properties/name"),
        (with(&|b| b["properties"]["name"] = "长".repeat(201).into()), 400, "/properties/name"),
        (with(&|b| b["properties"]["colour"] = "red".into()), 400, "/properties/colour"),
        (with(&|b| b["properties"]["village_name"] = "别村".into()), 400, "/properties/village_name"),
        (with(&|b| b["properties"]["village_id"] = json!(4)), 400, "/properties/village_id"),
        (with(&|b| b["crs"] = json!({"type": "name"})), 400, "/crs"),
    ];
    for (body, status, pointer) in cases {
        let request = server
            .client
            .post(server.url("/ogc/collections/venue/items"))
            .header("content-type", "application/geo+json");
        let answer = request.body(body.clone()).send().await.unwrap();
        let short: String = body.chars().take(300).collect();
        assert_eq!(answer.status(), status, "{short}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{short} {problem}");
        assert!(problem["detail"].as_str().unwrap().chars().count() > 8, "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_at_all_says_why() {
    let (database, server) = server().await;
    assert!(told_of_a_body_of(&server, 5 << 20).await.starts_with("HTTP/1.1 413 "));
    let path = format!(
        "/ogc/collections/venue/items/{}",
        server.get_json("/ogc/collections/venue/items?limit=1").await["features"][0]["id"]
    );
    let answer = server
        .client
        .patch(server.url(&path))
        .header("content-type", "application/json")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 415);
    assert_eq!(answer.headers()["accept-patch"], "application/merge-patch+json");
    let settlement: (i64,) =
        sqlx::query_as("SELECT settlement_id FROM household WHERE settlement_id IS NOT NULL LIMIT 1")
            .fetch_one(&database.databases.migrator)
            .await
            .unwrap();
    let answer = send(
        &server,
        Method::DELETE,
        &format!("/ogc/collections/settlement/items/{}", settlement.0),
        Some("*"),
        &json!({}),
    )
    .await;
    assert_eq!(answer.status(), 409);
    assert!(answer.text().await.unwrap().contains("household"));
}

/// The answer to the head of a request that announces so many bytes; a client that sent them would be cut off.
async fn told_of_a_body_of(server: &TestServer, bytes: usize) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /ogc/collections/venue/items HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/geo+json\r\nContent-Length: {bytes}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
