//! Who may sign in, as what, and what of it is written down.

#![allow(clippy::unwrap_used, clippy::format_collect, clippy::type_complexity)]

mod abuse;
mod accounts;
mod areas;
mod leak;
mod matrix;
mod matters;
mod oidc;
mod operations;
mod people;
mod scope;
mod session;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
mod tls;

use std::sync::Arc;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Map, Value, json};
use support::{TestDatabase, TestServer};
use yitu::config::Config;
use yitu::service::access::demo;
use yitu::service::startup;

/// The small demo county with an account of each role.
struct Town {
    database: TestDatabase,
    server: TestServer,
    tokens: Map<String, Value>,
}

impl Town {
    async fn open() -> Self {
        // Tests ask faster than anybody.
        Self::with(Config { requests_per_second: 0, ..Config::default() }).await
    }

    async fn with(config: Config) -> Self {
        Self::by(Arc::new(yitu::service::clock::SystemClock), config).await
    }

    async fn by(clock: Arc<dyn yitu::service::Clock>, config: Config) -> Self {
        let database = TestDatabase::with_demo().await;
        let yitu = startup::start_by(clock, config, database.databases.clone()).await.unwrap();
        let tokens = demo::accounts(&yitu).await.unwrap();
        Self { database, server: TestServer::start(yitu).await, tokens }
    }

    /// A request by the token of a role.
    fn ask(&self, role: &str, method: Method, path: &str) -> RequestBuilder {
        self.server.client.request(method, self.server.url(path)).bearer_auth(self.tokens[role].as_str().unwrap())
    }

    async fn get(&self, role: &str, path: &str) -> Value {
        told(self.ask(role, Method::GET, path).send().await.unwrap(), StatusCode::OK).await
    }

    async fn post(&self, role: &str, path: &str, body: Value) -> Response {
        self.ask(role, Method::POST, path).json(&body).send().await.unwrap()
    }

    /// Signs in by password; the session's cookie and what is told of it.
    async fn sign_in(&self, body: Value) -> (Option<String>, Response) {
        let response = self.server.client.post(self.server.url("/api/session")).json(&body).send().await.unwrap();
        let cookie = response.headers().get("set-cookie").map(|v| v.to_str().unwrap().to_owned());
        (cookie, response)
    }

    async fn account(&self, name: &str) -> Value {
        let all = self.get("security_admin", "/api/users").await;
        all.as_array().unwrap().iter().find(|a| a["name"] == name).unwrap().clone()
    }

    async fn one<T: Send + Unpin>(&self, sql: &'static str) -> T
    where
        (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        self.database.one(sql).await
    }
}

/// A text as it stands in an address.
fn encoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

/// The JSON of an answer of a status.
async fn told(response: Response, status: StatusCode) -> Value {
    let (was, url) = (response.status(), response.url().to_string());
    let text = response.text().await.unwrap();
    assert_eq!(was, status, "{url}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|_| json!(text))
}

/// The last part of a problem's type.
async fn problem(response: Response, status: StatusCode) -> String {
    let problem = told(response, status).await;
    problem["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
}
