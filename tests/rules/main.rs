//! What a county sets by data: its rule table and its calendar; and what is likely the same matter.

#![allow(clippy::unwrap_used)]

mod best;
mod calendar;
mod duplicates;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod twenty_thousand;

use std::sync::Arc;

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;
use support::{StillClock, TestDatabase, TestServer};
use uuid::Uuid;
use yitu::domain::Viewer;

const BARE_COUNTY: &str = "INSERT INTO region (id, county_id, level, kind, name, time_zone) VALUES (1, 1, 'county', '县', '云栖县', 'Asia/Shanghai')";

/// A server over a county, the small demo county unless said, at a standstill.
struct Desk {
    database: TestDatabase,
    server: TestServer,
    clock: StillClock,
    viewer: Viewer,
}

impl Desk {
    async fn open() -> Self {
        Self::over(TestDatabase::with_demo().await).await
    }

    /// A county with nothing in it.
    async fn bare() -> Self {
        let database = TestDatabase::new().await;
        sqlx::raw_sql(BARE_COUNTY).execute(&database.databases.migrator).await.unwrap();
        Self::over(database).await
    }

    async fn over(database: TestDatabase) -> Self {
        let clock = StillClock::at(support::DEMO_NOW);
        let yitu = database.yitu().await.with_clock(Arc::new(clock.clone()));
        let county = database.county().await;
        let viewer = Viewer::whole_county(county, "值班员甲");
        Self { server: TestServer::start(yitu).await, database, clock, viewer }
    }

    fn owner(&self) -> &PgPool {
        &self.database.databases.migrator
    }

    async fn one<T: Send + Unpin>(&self, sql: &'static str) -> T
    where
        (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        self.database.one(sql).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> (StatusCode, Value) {
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(self.server.client.post(self.server.url(path)).json(body)).await
    }

    async fn post_sheet(&self, path: &str, body: Vec<u8>) -> (StatusCode, Value) {
        let request = self.server.client.post(self.server.url(path)).header("content-type", "text/csv");
        self.send(request.body(body)).await
    }

    async fn put(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(self.server.client.put(self.server.url(path)).json(body)).await
    }

    async fn delete(&self, path: &str) -> (StatusCode, Value) {
        self.send(self.server.client.delete(self.server.url(path))).await
    }

    /// A point well inside a general grid.
    async fn some_place(&self) -> (f64, f64) {
        let (lon, lat, _) = self.database.some_place().await;
        (lon, lat)
    }
}

fn report(lon: f64, lat: f64, category: &str, description: &str) -> Value {
    json!({"id": Uuid::new_v4(), "category": category, "description": description,
           "location": {"source": "map", "lon": lon, "lat": lat}})
}
