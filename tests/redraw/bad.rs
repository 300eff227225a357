//! What a client may get wrong.

use serde_json::{Value, json};

use crate::Village;
use crate::support::TestServer;

/// Where a draft is changed, to what, and what that is answered with: the status and the pointer.
fn cases(good: &Value, foreign: i64, village: i64) -> Vec<(&'static str, Value, u16, &'static str)> {
    vec![
        ("/grids", json!([]), 400, "/grids"),
        ("/grids/0/name", json!("  "), 400, "/grids/0/name"),
        ("/grids/0/name", json!("网\u{0}格"), 400, "/grids/0/name"),
        ("/grids/0/id", json!(foreign), 400, "/grids/0/id"),
        ("/grids/0/id", json!(-1), 400, "/grids/0/id"),
        ("/grids/1/id", good["grids"][0]["id"].clone(), 400, "/grids/1/id"),
        ("/grids/0/from", json!([foreign]), 400, "/grids/0/from/0"),
        ("/grids/0/org_id", json!(village), 400, "/grids/0/org_id"),
        ("/grids/1/code", json!(" x "), 400, "/grids/1/code"),
        ("/grids/0/geometry/coordinates/0/0/0", json!([25.6, 117.2]), 400, "/grids/0/geometry/coordinates/0/0/0"),
        (
            "/grids/0/geometry/coordinates/0/0/0",
            json!([504_321.0, 2_834_567.0]),
            400,
            "/grids/0/geometry/coordinates/0/0/0",
        ),
        ("/grids/0/geometry/coordinates/0/0/0", json!("x"), 400, "/grids/0/geometry/coordinates/0/0/0"),
        ("/grids/0/geometry/coordinates", json!([]), 400, "/grids/0/geometry/coordinates"),
        ("/grids/0/geometry/type", json!("Point"), 400, "/grids/0/geometry/type"),
        ("/grids/0/geometry", json!(null), 400, "/grids/0/geometry"),
        ("/village_id", json!(-7), 400, "/village_id"),
        ("/effective_from", json!("2020-01-01"), 400, "/effective_from"),
        ("/effective_from", json!("2062-01-01"), 400, "/effective_from"),
        ("/effective_from", json!("明天"), 400, ""),
        ("/waivers", json!([{"fault": "gap", "reason": ""}]), 400, "/waivers/0/reason"),
    ]
}

/// Everything a client may get wrong is told in Chinese at its place; nothing is a 500.
#[tokio::test(flavor = "multi_thread")]
async fn bad_drafts_are_told_at_their_place() {
    let village = Village::some().await;
    let server = TestServer::start(village.yitu.clone()).await;
    let good = village.split(village.today).await;
    let foreign: i64 =
        village.count("SELECT min(id) FROM layer_grid WHERE village_id <> $1 AND kind = 'general'", village.id).await;
    let cases = cases(&good, foreign, village.id);
    for (at, value, status, pointer) in cases {
        let mut body = good.clone();
        let multi = village.made(&format!("SELECT geom FROM layer_grid WHERE id = {}", village.grids[0].0)).await;
        body["grids"][0]["geometry"] = multi;
        body["waivers"] = json!([]);
        for key in ["code", "org_id"] {
            body["grids"][0][key] = Value::Null;
            body["grids"][1][key] = Value::Null;
        }
        body["grids"][0]["from"] = json!([]);
        *body.pointer_mut(at).unwrap_or_else(|| panic!("{at}")) = value.clone();
        let answer = server.post_json("/api/grids/redraws", &body).await;
        let (code, told) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert_eq!(code, status, "{at} = {value}: {told}");
        let told: Value = serde_json::from_str(&told).unwrap();
        assert!(told["errors"][0]["pointer"].as_str().unwrap().contains(pointer), "{at} = {value}: {told}");
        assert!(told["detail"].as_str().unwrap().chars().any(|c| c > '\u{3000}'), "{told}");
    }
    // Drawn so that the form is right and the shape is not: a preview that names each fault.
    let shape = |ring: &[(f64, f64)]| json!({"type": "Polygon", "coordinates": [ring.iter().map(|(x, y)| json!([x, y])).collect::<Vec<_>>()]});
    let bow = shape(&[(117.2, 25.6), (117.21, 25.61), (117.21, 25.6), (117.2, 25.61), (117.2, 25.6)]);
    for (geometry, fault, word) in
        [(bow, "invalid", "自相交"), (shape(&[(10.0, 20.0), (10.1, 20.0), (10.1, 20.1)]), "elsewhere", "不在本村")]
    {
        let mut body = good.clone();
        body["grids"][0]["geometry"] = geometry;
        let preview: Value = server.post_json("/api/grids/redraws", &body).await.json().await.unwrap();
        let found = preview["faults"].as_array().unwrap().iter().find(|f| f["kind"] == fault);
        assert!(found.unwrap_or_else(|| panic!("{preview}"))["detail"].as_str().unwrap().contains(word), "{preview}");
        assert_eq!(preview["publishable"], false);
        let url = format!("/api/grids/redraws/{}/publish", preview["id"]);
        assert_eq!(server.post_json(&url, &json!({"expected_version": 1})).await.status(), 422);
        assert_eq!(server.post_json(&url, &json!({})).await.status(), 428);
    }
    assert_eq!(server.post_json("/api/grids/redraws/5/publish", &json!({"expected_version": 1})).await.status(), 404);
}
