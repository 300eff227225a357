//! What happens to incidents is told to whoever has asked, and matters of other systems come in, on the small demo county
//! and over real HTTP.

#![allow(clippy::unwrap_used)]

mod delivery;
mod exchange;
mod failure;
mod hook;
mod receivers;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;

use chrono::Duration;
use hook::Hook;
use serde_json::{Value, json};
use support::{StillClock, TestDatabase, TestServer};
use uuid::Uuid;
use yitu::config::Config;
use yitu::domain::Viewer;
use yitu::service::Yitu;
use yitu::service::incident::act::{Act, act};
use yitu::service::incident::check::Report;
use yitu::service::incident::report;
use yitu::service::incident::view::IncidentView;
use yitu::service::outbox::deliver;

/// A Tuesday morning.
const MORNING: &str = "2026-11-24T09:00:00+08:00";

/// A county with a clock of its own, served over HTTP.
struct Desk {
    database: TestDatabase,
    viewer: Viewer,
    clock: StillClock,
    server: TestServer,
    data: tempfile::TempDir,
}

impl Desk {
    async fn open() -> Self {
        let database = TestDatabase::with_demo().await;
        let county = database.county().await;
        let (clock, data) = (StillClock::at(MORNING), tempfile::tempdir().unwrap());
        let yitu = yitu_over(&database, &clock, data.path()).await;
        let server = TestServer::start(yitu).await;
        Self { database, viewer: Viewer::whole_county(county, "值班员甲"), clock, server, data }
    }

    fn yitu(&self) -> &Yitu {
        &self.server.yitu
    }

    /// Another server of the same county.
    async fn another(&self) -> Yitu {
        yitu_over(&self.database, &self.clock, self.data.path()).await
    }

    fn later(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn pass(&self) -> usize {
        deliver::pass(self.yitu()).await.unwrap()
    }

    /// Passes until nothing is due at this instant.
    async fn pass_all(&self) {
        while self.pass().await > 0 {}
    }

    /// Sets up a receiver; what is told to it from now on.
    async fn receiver(&self, settings: Value) -> Value {
        let answer = self.server.post_json("/api/webhooks", &settings).await;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(status, 201, "{body}");
        body
    }

    /// A signed receiver at a hook, with more settings.
    async fn signed(&self, hook: &Hook, name: &str, more: Value) -> Value {
        let mut settings = json!({"name": name, "kind": "yitu", "url": hook.url()});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.receiver(settings).await
    }

    async fn report(&self, body: Value) -> IncidentView {
        let body: Report = serde_json::from_value(body).unwrap();
        report::report(self.yitu(), &self.viewer, body).await.unwrap().incident
    }

    async fn reported(&self, category: &str) -> IncidentView {
        self.report(self.body(category).await).await
    }

    async fn body(&self, category: &str) -> Value {
        let (lon, lat) = self.some_place().await;
        json!({"id": Uuid::new_v4(), "category": category, "description": "张三家门口堆了垃圾",
               "location": {"source": "map", "lon": lon, "lat": lat}})
    }

    async fn act(&self, now: &IncidentView, mut body: Value) -> IncidentView {
        body["expected_version"] = json!(now.version);
        let body: Act = serde_json::from_value(body).unwrap();
        act(self.yitu(), &self.viewer, now.id, body, None).await.unwrap()
    }

    /// A point well inside a general grid.
    async fn some_place(&self) -> (f64, f64) {
        let (lon, lat, _) = self.database.some_place().await;
        (lon, lat)
    }

    async fn one<T: Send + Unpin>(&self, sql: &'static str) -> T
    where
        (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        self.database.one(sql).await
    }

    async fn notifications(&self, query: &str) -> Vec<Value> {
        let page = self.server.get_json(&format!("/api/notifications?{query}")).await;
        page["items"].as_array().unwrap().clone()
    }
}

async fn yitu_over(database: &TestDatabase, clock: &StillClock, data: &std::path::Path) -> Yitu {
    let config = Config { data_dir: data.to_owned(), ..Config::default() };
    let yitu = yitu::service::startup::start(config, database.databases.clone()).await.unwrap();
    yitu.with_clock(Arc::new(clock.clone()))
}
