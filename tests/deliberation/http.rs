//! The same over HTTP.

use serde_json::{Value, json};

use crate::support::TestServer;
use crate::{DAYS, Desk};

async fn sent(server: &TestServer, method: reqwest::Method, path: &str, body: Value) -> (u16, Value) {
    let response = server.client.request(method, server.url(path)).json(&body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn days_agendas_and_outcomes_are_served() {
    let desk = Desk::open().await;
    let server = TestServer::start(desk.yitu.clone()).await;
    let days = server.get_json("/api/deliberation-days?from=2025-07-20&count=2").await;
    let first =
        json!({"day": "2025-07-29", "lunar": "农历闰六月初五", "lunar_month": 6, "leap_month": true, "lunar_day": 5});
    assert_eq!((days.as_array().unwrap().len(), &days[0]), (2, &first));
    let days = server.get_json("/api/deliberation-days").await;
    assert_eq!((days.as_array().unwrap().len(), &days[0]["day"]), (6, &json!(DAYS[0])));
    for bad in ["count=0", "count=x", "from=2500-01-01", "form=2026-01-01"] {
        let response = server.get(&format!("/api/deliberation-days?{bad}")).await;
        assert_eq!(response.status(), 400, "{bad}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }

    let venue = desk.venue().await;
    let post = reqwest::Method::POST;
    let body = json!({"venue_id": venue, "topic": "广场舞几点结束"});
    let (status, entry) = sent(&server, post.clone(), "/api/deliberations", body).await;
    assert_eq!(
        (status, &entry["lunar"], &entry["outcome"]),
        (201, &json!("农历十月廿五"), &json!("waiting")),
        "{entry}"
    );
    let path = format!("/api/deliberations/{}", entry["id"]);
    let edit = json!({"expected_version": 1, "topic": "广场舞晚上九点结束"});
    let (status, edited) = sent(&server, reqwest::Method::PATCH, &path, edit.clone()).await;
    assert_eq!((status, &edited["version"]), (200, &json!(2)));
    assert_eq!(sent(&server, reqwest::Method::PATCH, &path, edit).await.0, 412);
    let outcome = json!({"expected_version": 2, "outcome": "agreed", "resolution": "九点整"});
    let (status, problem) = sent(&server, post.clone(), &format!("{path}/outcome"), outcome).await;
    assert_eq!(status, 409);
    assert!(problem["type"].as_str().unwrap().ends_with("too-early"), "{problem}");
    let (status, next) =
        sent(&server, post.clone(), &format!("{path}/carry-over"), json!({"expected_version": 2})).await;
    assert_eq!((status, &next["day"], &next["carried_over_from"]), (200, &json!(DAYS[1]), &entry["id"]));
    assert_eq!(server.get_json(&path).await["outcome"], "carried_over");
    let agenda = server.get_json(&format!("/api/deliberations/agenda?venue={venue}&day={}", DAYS[1])).await;
    assert_eq!(
        (&agenda["agenda_limit"], &agenda["room"], &agenda["items"][0]["id"]),
        (&json!(6), &json!(5), &next["id"])
    );
    let listed = server.get_json(&format!("/api/deliberations?venue={venue}&outcome=waiting")).await;
    assert!(listed["items"].as_array().unwrap().iter().any(|e| e["id"] == next["id"]));
    for missing in ["/api/deliberations/1", "/api/deliberations/x"] {
        assert_eq!(server.get(missing).await.status(), 404, "{missing}");
    }
    assert_eq!(server.get("/api/deliberations/agenda?venue=1").await.status(), 400);

    let matter = desk.matter().await;
    let body = json!({"incident_id": matter.id, "expected_version": matter.version});
    let (status, entry) = sent(&server, post.clone(), "/api/deliberations", body.clone()).await;
    assert_eq!((status, &entry["incident"]["number"]), (201, &json!(matter.number)), "{entry}");
    assert!(entry["seq"].is_string());
    assert_eq!(sent(&server, post, "/api/deliberations", body).await.0, 412);
    let seen = server.get_json(&format!("/api/incidents/{}", matter.id)).await;
    assert_eq!((&seen["state"], &seen["deliberation"]["id"]), (&json!("deliberating"), &entry["id"]));
    assert!(seen["actions"].as_array().unwrap().contains(&json!("deliberate")));
    // How many matters a sitting takes is set like any other property of a venue.
    let feature = server.get(&format!("/ogc/collections/venue/items/{venue}")).await;
    let etag = feature.headers()["etag"].clone();
    let patch = json!({"properties": {"agenda_limit": 1}});
    let request = server.client.patch(server.url(&format!("/ogc/collections/venue/items/{venue}")));
    let changed = request
        .header("if-match", etag)
        .header("content-type", "application/merge-patch+json")
        .body(patch.to_string())
        .send()
        .await
        .unwrap();
    assert!(changed.status().is_success(), "{}", changed.text().await.unwrap());
    let agenda = server.get_json(&format!("/api/deliberations/agenda?venue={venue}&day={}", DAYS[1])).await;
    assert_eq!((&agenda["agenda_limit"], &agenda["room"]), (&json!(1), &json!(0)));
}
