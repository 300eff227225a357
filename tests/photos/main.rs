//! Photos of incidents, over HTTP and a real store. With `YITU_TEST_PHOTOS_URL=s3://bucket/prefix` and `AWS_…` variables
//! the same tests run against a bucket.

#![allow(clippy::unwrap_used)]

mod content;
mod evidence;
mod pictures;
mod resume;
#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::sync::Arc;

use pictures::jpeg;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::{DEMO_NOW, StillClock, TestDatabase, TestServer};
use uuid::Uuid;
use yitu::config::Config;
use yitu::service::startup::start_by;

/// A server with a folder of its own and an incident that wants photos.
struct Bench {
    database: TestDatabase,
    folder: tempfile::TempDir,
    clock: StillClock,
    server: TestServer,
    incident: Uuid,
}

async fn serve(database: &TestDatabase, folder: PathBuf, clock: &StillClock) -> TestServer {
    let photos_url = std::env::var("YITU_TEST_PHOTOS_URL").ok();
    let config = Config { data_dir: folder, photos_url, ..Config::default() };
    TestServer::start(start_by(Arc::new(clock.clone()), config, database.databases.clone()).await.unwrap()).await
}

impl Bench {
    async fn open() -> Self {
        let database = TestDatabase::with_demo().await;
        let folder = tempfile::tempdir().unwrap();
        let clock = StillClock::at(DEMO_NOW);
        let server = serve(&database, folder.path().to_owned(), &clock).await;
        let mut bench = Self { database, folder, clock, server, incident: Uuid::nil() };
        bench.incident = bench.report("垃圾清运", json!({})).await;
        bench
    }

    /// The same county after the server was stopped and started again.
    async fn restarted(self) -> Self {
        drop(self.server);
        let server = serve(&self.database, self.folder.path().to_owned(), &self.clock).await;
        Self { server, ..self }
    }

    async fn report(&self, category: &str, more: Value) -> Uuid {
        let pool = &self.database.databases.migrator;
        let (lon, lat): (f64, f64) = sqlx::query_as(
            "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) p FROM layer_grid WHERE kind = 'general' ORDER BY id LIMIT 1) q",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        let code: String = sqlx::query_scalar("SELECT code FROM category WHERE name = $1")
            .bind(category)
            .fetch_one(pool)
            .await
            .unwrap();
        let id = Uuid::new_v4();
        let mut body = json!({"id": id, "category": code, "location": {"source": "map", "lon": lon, "lat": lat}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.server.post_json("/api/incidents", &body).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{}", answer.text().await.unwrap());
        id
    }

    async fn incident(&self) -> Value {
        self.server.get_json(&format!("/api/incidents/{}", self.incident)).await
    }

    async fn photos(&self) -> Vec<Value> {
        let list = self.server.get_json(&format!("/api/incidents/{}/photos", self.incident)).await;
        list.as_array().unwrap().clone()
    }

    /// One request with the whole file.
    async fn send(&self, id: Uuid, media_type: &str, file: Vec<u8>) -> Response {
        let url = self.server.url(&format!("/api/incidents/{}/photos?id={id}&kind=scene", self.incident));
        self.server.client.post(url).header("content-type", media_type).body(file).send().await.unwrap()
    }

    /// A photo that is taken.
    async fn taken(&self, file: Vec<u8>) -> Value {
        let answer = self.send(Uuid::new_v4(), "image/jpeg", file).await;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{body}");
        body
    }

    async fn bytes(&self, path: &Value) -> Vec<u8> {
        let answer = self.server.get(path.as_str().unwrap()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "image/jpeg");
        answer.bytes().await.unwrap().to_vec()
    }

    /// The names of the files of uploads under way.
    fn uploads(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join("uploads")) else { return Vec::new() };
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Nothing is left of what was refused.
    async fn assert_bare(&self) {
        assert_eq!(self.photos().await, Vec::<Value>::new());
        assert_eq!(self.uploads(), Vec::<String>::new());
        let kept = self.folder.path().join("photos");
        let files = std::fs::read_dir(&kept).map_or(0, Iterator::count);
        assert_eq!(files, 0, "in {}", kept.display());
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.database.databases.migrator).await.unwrap()
    }
}

async fn problem(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/problem+json", "{status}");
    (status, answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_in_one_request_is_kept_and_shown() {
    let bench = Bench::open().await;
    let before = bench.incident().await;
    assert_eq!((&before["photo_missing"], &before["photos"]), (&json!(true), &json!([])));

    let id = Uuid::new_v4();
    let url = bench.server.url(&format!(
        "/api/incidents/{}/photos?id={id}&kind=outcome&taken_at=2026-11-20T01:30:00Z&caption=%E6%A1%A5%E5%A4%B4",
        bench.incident
    ));
    let send = || bench.server.client.post(&url).header("content-type", "image/jpeg").body(jpeg(1600, 1200));
    let answer = send().send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let photo: Value = answer.json().await.unwrap();
    assert_eq!(
        (&photo["state"], &photo["kind"], &photo["caption"]),
        (&json!("ready"), &json!("outcome"), &json!("桥头"))
    );
    assert_eq!((&photo["width"], &photo["height"]), (&json!(1600), &json!(1200)));

    // Sent again it is the same photo.
    let again = send().send().await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(again.json::<Value>().await.unwrap(), photo);

    let picture = bench.bytes(&photo["url"]).await;
    assert_eq!(format!("{:x}", Sha256::digest(&picture)), photo["sha256"].as_str().unwrap());
    assert_eq!(picture.len() as u64, photo["bytes"].as_u64().unwrap());
    let thumb = image::load_from_memory(&bench.bytes(&photo["thumb"]).await).unwrap();
    assert_eq!((thumb.width(), thumb.height()), (320, 240));

    let after = bench.incident().await;
    assert_eq!(after["photo_missing"], json!(false));
    assert_eq!(after["photos"], json!([photo]));
    assert_eq!(bench.photos().await, vec![photo.clone()]);
    assert_eq!(bench.uploads(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_is_shown_as_nothing_but_a_picture_and_asked_for_cheaply() {
    let bench = Bench::open().await;
    let photo = bench.taken(jpeg(400, 300)).await;
    for (path, digest) in [
        ("url", photo["sha256"].as_str().unwrap().to_owned()),
        ("thumb", format!("{}-thumb", photo["sha256"].as_str().unwrap())),
    ] {
        let answer = bench.server.get(photo[path].as_str().unwrap()).await;
        let tag = format!("\"{digest}\"");
        for (name, value) in [
            ("etag", tag.as_str()),
            ("cache-control", "private, no-cache"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox; default-src 'none'"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers()[name], value);
        }
        assert!(answer.headers()["content-disposition"].to_str().unwrap().starts_with("inline"));
        let known = bench.server.client.get(bench.server.url(photo[path].as_str().unwrap()));
        let known = known.header("if-none-match", &tag).send().await.unwrap();
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
        assert!(known.bytes().await.unwrap().is_empty());
    }
    let (status, body) = problem(bench.server.get(&format!("/api/photos/{}", Uuid::new_v4())).await).await;
    assert_eq!((status, &body["type"]), (404, &json!("urn:yitu:problem:not-found")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_posts_of_one_id_are_one_photo() {
    let bench = Bench::open().await;
    let (id, file) = (Uuid::new_v4(), jpeg(1200, 900));
    let sent = futures::future::join_all((0..6).map(|_| bench.send(id, "image/jpeg", file.clone()))).await;
    let statuses: Vec<u16> = sent.iter().map(|a| a.status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|s| **s == 201).count(), 1, "{statuses:?}");
    // Whoever comes while it is being taken is told so, and finds it there the next time.
    assert!(statuses.iter().all(|s| [200, 201, 409].contains(s)), "{statuses:?}");
    assert_eq!(bench.send(id, "image/jpeg", file).await.status(), StatusCode::OK);
    assert_eq!(bench.photos().await.len(), 1);
    assert_eq!(bench.count("SELECT count(*) FROM incident_history WHERE action = 'photo'").await, 1);

    let other = Bench { incident: bench.report("垃圾清运", json!({})).await, ..bench };
    let (status, body) = problem(other.send(id, "image/jpeg", jpeg(40, 30)).await).await;
    assert_eq!((status, &body["type"]), (409, &json!("urn:yitu:problem:photo-elsewhere")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_photos_at_once_than_are_developed_at_once_all_arrive() {
    let bench = Bench::open().await;
    let sent =
        futures::future::join_all((0..10).map(|_| bench.send(Uuid::new_v4(), "image/jpeg", jpeg(900, 700)))).await;
    assert!(sent.iter().all(|a| a.status() == StatusCode::CREATED), "{sent:?}");
    assert_eq!(bench.incident().await["photos"].as_array().unwrap().len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_has_twenty_photos_at_most() {
    let bench = Bench::open().await;
    for _ in 0..20 {
        assert_eq!(resume::announce(&bench, Uuid::new_v4(), 1000).await.status(), StatusCode::CREATED);
    }
    for answer in [
        resume::announce(&bench, Uuid::new_v4(), 1000).await,
        bench.send(Uuid::new_v4(), "image/jpeg", jpeg(40, 30)).await,
    ] {
        let (status, body) = problem(answer).await;
        assert_eq!((status, &body["type"]), (409, &json!("urn:yitu:problem:photos-full")));
    }
}

#[test]
fn an_address_that_is_no_bucket_is_refused_at_the_start() {
    for url in ["http://minio/photos", "s3://", "s3:///prefix", "s3://key:secret@bucket/prefix"] {
        let config = Config { photos_url: Some(url.to_owned()), ..Config::default() };
        let error = yitu::service::photo::Photos::open(&config).unwrap_err().to_string();
        assert!(error.contains("photos_url") && !error.contains("secret"), "{url}: {error}");
    }
}
