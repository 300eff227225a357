//! One who is told: keeps under which ids, and of what, it was told how often.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sqlx::PgPool;

/// By the message's id: the incident and step it tells of, and how often it came.
type Told = Arc<Mutex<BTreeMap<String, Vec<(String, i64)>>>>;

pub struct Receiver {
    told: Told,
    address: std::net::SocketAddr,
}

/// What became of the notifications.
#[derive(Debug, Default)]
pub struct Delivered {
    pub notifications: usize,
    /// Never received.
    pub missing: usize,
    /// Ids that told of more than one step, or steps told under more than one id.
    pub mixed: usize,
    /// Received again, all together, and the most of any one.
    pub resent: usize,
    pub most: usize,
}

impl Receiver {
    pub async fn open() -> Self {
        let told = Told::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(take).with_state(Arc::clone(&told));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { told, address }
    }

    /// Asks a server to be told of everything.
    pub async fn subscribe(&self, server: &str) {
        let body = json!({"name": "强杀测试", "kind": "yitu", "url": format!("http://{}/", self.address), "subscription": {"restricted": true}});
        let answer = reqwest::Client::new().post(format!("{server}/api/webhooks")).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Waits until a server has nothing left to send.
    pub async fn wait_until_told(&self, server: &str) {
        for _ in 0..240 {
            let url = format!("{server}/api/notifications?state=pending&limit=1");
            let left: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
            if left["items"].as_array().is_some_and(Vec::is_empty) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        panic!("something is still to be sent after two minutes");
    }

    /// What was received of what the database says is to be told.
    pub async fn compare(&self, pool: &PgPool) -> Delivered {
        let rows: Vec<(String, String, i32)> =
            sqlx::query_as("SELECT id::text, incident_id::text, ordinal FROM notification")
                .fetch_all(pool)
                .await
                .unwrap();
        let told = self.told.lock();
        let mut of = Delivered { notifications: rows.len(), ..Delivered::default() };
        let mut steps: BTreeMap<(String, i64), usize> = BTreeMap::new();
        for (id, incident, step) in rows {
            let step = (incident, i64::from(step));
            *steps.entry(step.clone()).or_default() += 1;
            let Some(came) = told.get(&id) else {
                of.missing += 1;
                continue;
            };
            of.mixed += usize::from(came.iter().any(|c| *c != step));
            of.resent += came.len() - 1;
            of.most = of.most.max(came.len() - 1);
        }
        of.mixed += steps.values().filter(|n| **n > 1).count();
        of
    }
}

async fn take(State(told): State<Told>, headers: HeaderMap, body: axum::Json<Value>) {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    let data = &body["data"];
    let step = (data["incident_id"].as_str().unwrap().to_owned(), data["step"].as_i64().unwrap());
    told.lock().entry(id).or_default().push(step);
}
