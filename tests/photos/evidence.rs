//! Photos as evidence: in the history, never deleted, withdrawn for a reason; and nothing waits for them.

use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;
use yitu::service::check::history;

use super::pictures::jpeg;
use super::{Bench, problem};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hash_chain_covers_a_photos_digest() {
    let bench = Bench::open().await;
    let photo = bench.taken(jpeg(300, 200)).await;
    let incident = bench.incident().await;
    let step = incident["timeline"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(step["action"], json!("photo"));
    assert!(step["note"].as_str().unwrap().contains(photo["sha256"].as_str().unwrap()), "{step}");
    assert!(step["note"].as_str().unwrap().starts_with("现场照片,300×200"), "{step}");

    let nowhere = tempfile::tempdir().unwrap();
    let databases = &bench.database.databases;
    let reports = history::run(databases, nowhere.path(), chrono::DateTime::UNIX_EPOCH).await.unwrap();
    assert!(reports[0].rows > 100 && reports[0].faults.is_empty(), "{:?}", reports[0].faults);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_that_comes_between_makes_nobodys_version_stale() {
    let bench = Bench::open().await;
    let seen = bench.incident().await["version"].as_i64().unwrap();
    bench.taken(jpeg(100, 80)).await;
    bench.taken(jpeg(100, 80)).await;
    let path = format!("/api/incidents/{}/actions", bench.incident);
    let act = |action: &str, version: i64| {
        let body = json!({"action": action, "expected_version": version, "note": "看过现场"});
        let (server, path) = (&bench.server, path.clone());
        async move { server.post_json(&path, &body).await }
    };
    let (ahead, _) = problem(act("accept", seen + 3).await).await;
    assert_eq!(ahead, 412, "a version that does not exist yet");
    assert_eq!(act("accept", seen).await.status(), StatusCode::OK);
    bench.taken(jpeg(100, 80)).await;
    // What somebody did meanwhile does.
    let (status, body) = problem(act("comment", seen).await).await;
    assert_eq!((status, &body["type"]), (412, &json!("urn:yitu:problem:stale-version")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_closed_on_the_spot_takes_its_photos_later() {
    let bench = Bench::open().await;
    let incident = bench.report("垃圾清运", json!({"resolve_on_spot": {"note": "当场清走"}})).await;
    let bench = Bench { incident, ..bench };
    let closed = bench.incident().await;
    assert_eq!((&closed["state"], &closed["photo_missing"]), (&json!("closed"), &json!(true)));
    bench.taken(jpeg(100, 80)).await;
    let after = bench.incident().await;
    assert_eq!((&after["state"], &after["photo_missing"]), (&json!("closed"), &json!(false)));
    assert_eq!(after["closed_at"], closed["closed_at"]);

    // A matter that wants none never misses one; lists say it too.
    let quiet = bench.report("噪声扰民", json!({})).await;
    let list = bench.server.get_json("/api/incidents?limit=10").await;
    let of = |id: Uuid| {
        let found = list["items"].as_array().unwrap().iter().find(|i| i["id"] == json!(id)).unwrap();
        (found["photo_missing"].clone(), found.get("photos").cloned())
    };
    assert_eq!(of(quiet), (json!(false), None));
    assert_eq!(of(bench.incident), (json!(false), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_is_withdrawn_for_a_reason_and_never_deleted() {
    let bench = Bench::open().await;
    let photo = bench.taken(jpeg(300, 200)).await;
    let path = photo["url"].as_str().unwrap();
    for path in [path.to_owned(), format!("{path}/upload")] {
        let delete = bench.server.client.delete(bench.server.url(&path)).header("tus-resumable", "1.0.0");
        let (status, body) = problem(delete.send().await.unwrap()).await;
        assert_eq!((status, &body["type"]), (405, &json!("urn:yitu:problem:photo-is-evidence")));
    }
    bench.bytes(&photo["url"]).await;
    let deleted = sqlx::query("DELETE FROM incident_photo").execute(&bench.database.databases.migrator).await;
    assert!(deleted.unwrap_err().to_string().contains("append-only"));

    let withdraw = format!("{path}/withdraw");
    let (status, body) = problem(bench.server.post_json(&withdraw, &json!({"reason": "  "})).await).await;
    assert_eq!((status, &body["errors"][0]["pointer"]), (400, &json!("/reason")));
    for _ in 0..2 {
        let answer = bench.server.post_json(&withdraw, &json!({"reason": "拍到未成年人面部"})).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let withdrawn: Value = answer.json().await.unwrap();
        assert_eq!((&withdrawn["state"], &withdrawn["sha256"]), (&json!("withdrawn"), &photo["sha256"]));
        assert_eq!((withdrawn.get("url"), withdrawn.get("thumb")), (None, None));
    }
    for path in [&photo["url"], &photo["thumb"]] {
        let (status, body) = problem(bench.server.get(path.as_str().unwrap()).await).await;
        assert_eq!((status, &body["type"]), (404, &json!("urn:yitu:problem:photo-withdrawn")));
        assert!(body["detail"].as_str().unwrap().contains("未成年人"));
    }
    let county: i64 = bench.count("SELECT id FROM region WHERE level = 'county'").await;
    let id: Uuid = photo["id"].as_str().unwrap().parse().unwrap();
    for size in [yitu::service::photo::store::Size::Full, yitu::service::photo::store::Size::Thumb] {
        assert!(bench.server.yitu.photos.store.get(county, id, size).await.is_err(), "{size:?} is still there");
    }
    assert_eq!(bench.count("SELECT count(*) FROM incident_photo WHERE erased_at IS NOT NULL").await, 1);
    let incident = bench.incident().await;
    assert_eq!((&incident["photos"], &incident["photo_missing"]), (&json!([]), &json!(true)));
    let told: Vec<&Value> =
        incident["timeline"].as_array().unwrap().iter().filter(|s| s["action"] == json!("photo")).collect();
    assert_eq!(told.len(), 2);
    assert!(told[1]["note"].as_str().unwrap().contains(photo["sha256"].as_str().unwrap()));
    // The client that still has it does not bring it back.
    assert_eq!(bench.send(id, "image/jpeg", jpeg(300, 200)).await.status(), StatusCode::OK);
    assert_eq!(problem(bench.server.get(path).await).await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_loses_nothing() {
    let bench = Bench::open().await;
    if std::env::var_os("YITU_TEST_PHOTOS_URL").is_some() {
        return;
    }
    // A file where the folder should be.
    let place = bench.folder.path().join("photos");
    std::fs::write(&place, b"in the way").unwrap();
    let (id, file) = (Uuid::new_v4(), jpeg(300, 200));
    let answer = bench.send(id, "image/jpeg", file).await;
    assert!(answer.status().is_server_error());
    assert_eq!(bench.photos().await[0]["state"], json!("receiving"));
    assert_eq!(yitu::service::photo::sweep::pass(&bench.server.yitu).await.unwrap(), 0);
    std::fs::remove_file(&place).unwrap();
    assert_eq!(yitu::service::photo::sweep::pass(&bench.server.yitu).await.unwrap(), 1);
    let photo = bench.photos().await[0].clone();
    assert_eq!(photo["state"], json!("ready"));
    bench.bytes(&photo["url"]).await;
}
