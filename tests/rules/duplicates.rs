//! Likely duplicates, offered as reporters and duty officers meet them.

use chrono::Duration;
use reqwest::StatusCode;
use serde_json::{Value, json};
use yitu::geo::measure::metres_per_degree;

use crate::{Desk, report};

const ASK: &str = "/api/incidents/duplicates";

fn numbers(answer: &Value) -> Vec<i64> {
    answer["likely_duplicates"].as_array().unwrap().iter().map(|d| d["number"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_reporter_is_offered_the_first_report() {
    let desk = Desk::open().await;
    let (lon, lat) = desk.some_place().await;
    let (x_m, _) = metres_per_degree(lat);
    let before = numbers(&desk.post(ASK, &report(lon, lat, "0301", "")).await.1);
    let first = desk.post("/api/incidents", &report(lon, lat, "0301", "村口垃圾池满了,堆到路上")).await.1;
    let number = first["number"].as_i64().unwrap();
    desk.clock.advance(Duration::minutes(30));

    let again = report(lon + 15.0 / x_m, lat, "0301", "垃圾池满,没人清运");
    let (status, answer) = desk.post(ASK, &again).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let found = answer["likely_duplicates"].as_array().unwrap().iter().find(|d| d["number"] == number).unwrap();
    assert_eq!(
        (&found["id"], &found["state"], &found["minutes"]),
        (&first["id"], &json!("pending_accept"), &json!(30))
    );
    assert!(
        (found["distance_m"].as_f64().unwrap() - 15.0).abs() < 0.2 && found["score"].as_f64().unwrap() >= 0.6,
        "{found}"
    );
    let sentence = found["sentence"].as_str().unwrap();
    assert!(
        sentence.starts_with(&format!("第 {number} 号“垃圾清运”")) && sentence.contains("15 米、相隔 30 分钟"),
        "{sentence}"
    );
    // The phone is told with the preview.
    let (_, preview) = desk.post("/api/dispatch/preview", &again).await;
    assert_eq!(preview["likely_duplicates"], answer["likely_duplicates"]);

    // Not across the village, not of another kind, not from words alone, not itself sent again.
    for (what, body) in [
        ("far", report(lon + 130.0 / x_m, lat, "0301", "垃圾池满,没人清运")),
        ("other", report(lon, lat, "0401", "村口垃圾池满了,堆到路上")),
        (
            "words",
            json!({"id": uuid::Uuid::new_v4(), "category": "0301", "description": "村口垃圾池满了", "location": {"source": "text", "text": "村口"}}),
        ),
        (
            "itself",
            json!({"id": first["id"], "category": "0301", "description": "村口垃圾池满了,堆到路上", "location": {"source": "map", "lon": lon, "lat": lat}}),
        ),
    ] {
        let (status, answer) = desk.post(ASK, &body).await;
        assert!(status == StatusCode::OK && !numbers(&answer).contains(&number), "{what}: {answer}");
    }
    assert!(!before.contains(&number));

    // Once both are there, either leads to the other; merged, it answers through the one that is left.
    let second = desk.post("/api/incidents", &again).await.1;
    let of = |incident: &Value| format!("/api/incidents/{}/duplicates", incident["id"].as_str().unwrap());
    assert!(numbers(&desk.server.get_json(&of(&first)).await).contains(&second["number"].as_i64().unwrap()));
    assert!(numbers(&desk.server.get_json(&of(&second)).await).contains(&number));
    let merge = json!({"action": "merge", "into": first["id"], "expected_version": second["version"]});
    let acted = desk.post(&format!("/api/incidents/{}/actions", second["id"].as_str().unwrap()), &merge).await;
    assert_eq!(acted.0, StatusCode::OK, "{}", acted.1);
    assert!(!numbers(&desk.server.get_json(&of(&first)).await).contains(&second["number"].as_i64().unwrap()));
    assert_eq!(
        desk.server.get(&of(&json!({"id": uuid::Uuid::new_v4().to_string()}))).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poor_fix_is_offered_what_a_good_one_is_not() {
    let desk = Desk::open().await;
    let (lon, lat) = desk.some_place().await;
    let (x_m, _) = metres_per_degree(lat);
    let fix = |east_m: f64, accuracy_m: f64| {
        json!({"id": uuid::Uuid::new_v4(), "category": "0202", "description": "祠堂电线乱拉,有火灾隐患",
               "location": {"source": "gps", "lon": lon + east_m / x_m, "lat": lat, "accuracy_m": accuracy_m}})
    };
    let first = desk.post("/api/incidents", &fix(0.0, 100.0)).await.1["number"].as_i64().unwrap();
    assert!(numbers(&desk.post(ASK, &fix(110.0, 100.0)).await.1).contains(&first));
    let good = desk.post("/api/incidents", &fix(0.0, 5.0)).await.1["number"].as_i64().unwrap();
    assert!(!numbers(&desk.post(ASK, &fix(110.0, 5.0)).await.1).contains(&good));
}

#[tokio::test(flavor = "multi_thread")]
async fn restricted_matters_neither_appear_nor_are_looked_for() {
    let desk = Desk::open().await;
    let (lon, lat) = desk.some_place().await;
    let secret = |text: &str| report(lon, lat, "1002", text);
    let first = desk.post("/api/incidents", &secret("有人打老婆")).await.1;
    for path in [ASK, "/api/dispatch/preview"] {
        assert_eq!(desk.post(path, &secret("有人打老婆")).await.1["likely_duplicates"], json!([]));
    }
    let second = desk.post("/api/incidents", &secret("有人打老婆")).await.1;
    for one in [first, second] {
        let path = format!("/api/incidents/{}/duplicates", one["id"].as_str().unwrap());
        assert_eq!(desk.server.get_json(&path).await["likely_duplicates"], json!([]));
    }
    // A category that becomes open later does not open what was reported before, and the other way round.
    sqlx::query("UPDATE category SET restricted = false WHERE code = '1002'").execute(desk.owner()).await.unwrap();
    assert_eq!(desk.post(ASK, &secret("有人打老婆")).await.1["likely_duplicates"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_closed_is_offered_for_a_week() {
    let desk = Desk::open().await;
    let (lon, lat) = desk.some_place().await;
    let mut done = report(lon, lat, "0401", "村部门口路灯不亮");
    done["resolve_on_spot"] = json!({"note": "换了灯泡"});
    let number = desk.post("/api/incidents", &done).await.1["number"].as_i64().unwrap();
    let mut asked = Vec::new();
    for _ in 0..9 {
        desk.clock.advance(Duration::days(1));
        let answer = desk.post(ASK, &report(lon, lat, "0401", "村部门口路灯又不亮")).await.1;
        asked.push(numbers(&answer).contains(&number));
    }
    assert_eq!(asked, [true, true, true, true, true, true, true, false, false]);
}
