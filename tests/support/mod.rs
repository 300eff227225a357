//! What the tests share: a fresh PostGIS database each, and a server over it.

#![allow(dead_code, missing_docs, clippy::missing_panics_doc, clippy::unwrap_used)]

pub mod mvt;

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, PgPool};
use yitu::config::Config;
use yitu::db::connect::Addresses;
use yitu::db::{self, Databases};
use yitu::domain::LogPosition;
use yitu::service::Yitu;

/// A fresh database on the throwaway server, migrated.
pub struct TestDatabase {
    pub name: String,
    pub databases: Databases,
}

fn server() -> PgConnectOptions {
    let url = std::env::var("YITU_TEST_DATABASE_URL")
        .expect("run the tests with `make test`, or with tests/support/with-postgis cargo nextest run");
    PgConnectOptions::from_str(&url).expect("YITU_TEST_DATABASE_URL is a PostgreSQL address")
}

/// Makes `template` once, whichever of the parallel tests comes first.
async fn ensure_template(template: &str, fill: impl AsyncFnOnce(PgConnectOptions)) {
    let mut admin = PgConnection::connect_with(&server()).await.unwrap();
    admin.execute("SELECT pg_advisory_lock(8520)").await.unwrap();
    let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(template)
        .fetch_one(&mut admin)
        .await
        .unwrap();
    if !there {
        let making = format!("{template}_making");
        admin.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {making}"))).await.unwrap();
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {making}"))).await.unwrap();
        fill(server().database(&making)).await;
        admin.execute(AssertSqlSafe(format!("ALTER DATABASE {making} RENAME TO {template}"))).await.unwrap();
    }
    admin.close().await.unwrap();
}

async fn migrate(options: PgConnectOptions) {
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    db::migrate(&pool).await.unwrap();
    pool.close().await;
}

/// The instant the demo county ends at.
pub const DEMO_NOW: &str = "2026-11-20T10:00:00+08:00";

/// Loads the small demo county (seed 7), as `yitu demo --size small` does.
async fn load_demo(options: PgConnectOptions) {
    migrate(options.clone()).await;
    let pool = PgPoolOptions::new().max_connections(2).connect_with(options).await.unwrap();
    let now = DEMO_NOW.parse().unwrap();
    let made = tokio::task::spawn_blocking(move || {
        yitu::demo::county::generate(7, now, &yitu::demo::plan::Plan::small(), &mut |_| {})
    });
    let made = made.await.unwrap();
    let key = yitu::access::phone::PhoneKey::from_hex(&"5a".repeat(32)).unwrap();
    let bulk = db::copy::BulkLoad::begin(&pool).await.unwrap();
    yitu::demo::load::load(bulk, &made, &key, &mut |_| {}).await.unwrap();
    db::copy::analyze(&pool).await.unwrap();
    pool.close().await;
}

impl TestDatabase {
    /// The small demo county; loaded once for all tests, copied for each.
    pub async fn with_demo() -> Self {
        ensure_template("yitu_demo_template", load_demo).await;
        Self::copy_of("yitu_demo_template").await
    }

    /// An empty, migrated database.
    pub async fn new() -> Self {
        ensure_template("yitu_template", migrate).await;
        Self::copy_of("yitu_template").await
    }

    async fn copy_of(template: &str) -> Self {
        let name = format!("t_{}", uuid::Uuid::new_v4().simple());
        let mut admin = PgConnection::connect_with(&server()).await.unwrap();
        // CREATE DATABASE … TEMPLATE wants the template to itself.
        admin.execute("SELECT pg_advisory_lock(8520)").await.unwrap();
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE {template}"))).await.unwrap();
        admin.close().await.unwrap();
        let addresses =
            Addresses { migrator: server().database(&name), request: None, system: None, request_connections: 8 };
        let databases = Databases::connect(addresses).await.unwrap();
        Self { name, databases }
    }

    /// Its address, for programs that are run beside the tests.
    pub fn url(&self) -> String {
        let url = std::env::var("YITU_TEST_DATABASE_URL").unwrap();
        url.replacen("/postgres?", &format!("/{}?", self.name), 1)
    }

    /// Connections of their own, for writers whom no test cuts off.
    pub async fn writers(&self) -> PgPool {
        let options: PgConnectOptions = self.url().parse().unwrap();
        PgPoolOptions::new().max_connections(12).connect_with(options.application_name("writer")).await.unwrap()
    }

    /// The one value a query answers.
    pub async fn one<T: Send + Unpin>(&self, sql: &'static str) -> T
    where
        (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        let (value,): (T,) = sqlx::query_as(sql).fetch_one(&self.databases.migrator).await.unwrap();
        value
    }

    /// Its county.
    pub async fn county(&self) -> i64 {
        self.one("SELECT id FROM region WHERE level = 'county'").await
    }

    /// A point well inside a general grid that no dedicated one comes near, and that grid.
    pub async fn some_place(&self) -> (f64, f64, i64) {
        sqlx::query_as("SELECT ST_X(p), ST_Y(p), id FROM (SELECT ST_PointOnSurface(geom) p, id FROM layer_grid g
             WHERE kind = 'general' AND NOT EXISTS (SELECT FROM layer_grid d WHERE d.kind = 'dedicated' AND d.geom && g.geom) ORDER BY id LIMIT 1) q")
            .fetch_one(&self.databases.migrator)
            .await
            .unwrap()
    }

    /// A running Yitu over it.
    pub async fn yitu(&self) -> Yitu {
        yitu::service::startup::start(Config::default(), self.databases.clone()).await.unwrap()
    }
}

/// Commits and answers where in the log the write stands, as a write of the service does.
pub async fn commit(mut tx: sqlx::Transaction<'static, sqlx::Postgres>) -> LogPosition {
    let seq: String = sqlx::query_scalar("SELECT epoch || '.' || pg_current_xact_id() FROM log_epoch")
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    seq.parse().unwrap()
}

/// Problems are for the asker; anything else fails the test.
pub fn problem_or<T>(result: Result<T, yitu::service::ServiceError>) -> Result<T, Box<yitu::domain::Problem>> {
    match result {
        Ok(value) => Ok(value),
        Err(yitu::service::ServiceError::Problem(problem)) => Err(problem),
        Err(other) => panic!("{other}"),
    }
}

/// A server on a loopback port of its own.
pub struct TestServer {
    pub address: SocketAddr,
    pub yitu: Yitu,
    pub client: reqwest::Client,
    task: tokio::task::JoinHandle<()>,
}

impl TestServer {
    pub async fn start(yitu: Yitu) -> Self {
        Self::on(tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(), yitu)
    }

    /// One whose port was known before it.
    pub fn on(listener: tokio::net::TcpListener, yitu: Yitu) -> Self {
        // The client's TLS needs a provider, and takes none by itself.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let address = listener.local_addr().unwrap();
        let serving = yitu::http::serve(listener, None, yitu.clone(), std::future::pending());
        let task = tokio::spawn(async move { serving.await.unwrap() });
        Self { address, yitu, client: reqwest::Client::new(), task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub async fn get_json(&self, path: &str) -> serde_json::Value {
        let response = self.get(path).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "GET {path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub async fn post_json(&self, path: &str, body: &serde_json::Value) -> reqwest::Response {
        self.client.post(self.url(path)).json(body).send().await.unwrap()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Time that stands still until told to move.
#[derive(Debug, Clone)]
pub struct StillClock(Arc<parking_lot::Mutex<chrono::DateTime<chrono::Utc>>>);

impl StillClock {
    pub fn at(instant: &str) -> Self {
        Self(Arc::new(parking_lot::Mutex::new(instant.parse().unwrap())))
    }

    pub fn advance(&self, by: chrono::Duration) {
        *self.0.lock() += by;
    }

    pub fn set(&self, instant: &str) {
        *self.0.lock() = instant.parse().unwrap();
    }
}

impl yitu::service::Clock for StillClock {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        *self.0.lock()
    }
}

/// Whether an event of the stream names a tile.
pub fn tells(event: &serde_json::Value, tile: yitu::geo::TileId) -> bool {
    event["tiles"].as_array().unwrap().iter().any(|range| {
        let n: Vec<u32> = range.as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as u32).collect();
        n[0] == u32::from(tile.z()) && (n[1]..=n[3]).contains(&tile.x()) && (n[2]..=n[4]).contains(&tile.y())
    })
}
