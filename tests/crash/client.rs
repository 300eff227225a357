//! A client that sends again until it is answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

/// What the clients were told.
#[derive(Debug, Default)]
pub struct Ledger {
    pub stop: AtomicBool,
    pub requests: AtomicU64,
    /// Sent again after no answer or a 5xx.
    pub resent: AtomicU64,
    /// Actions whose answer was lost, found done.
    pub found_done: AtomicU64,
    /// Every number an acknowledged id was answered with.
    pub reports: Mutex<BTreeMap<Uuid, Vec<i64>>>,
    /// Acknowledged actions: the incident and the note that tells it from all others.
    pub acts: Mutex<BTreeSet<(Uuid, String)>>,
}

impl Ledger {
    pub fn acknowledged(&self) -> usize {
        self.reports.lock().len() + self.acts.lock().len()
    }
}

pub struct Client {
    k: u64,
    url: String,
    places: Vec<(f64, f64)>,
    ledger: Arc<Ledger>,
    http: reqwest::Client,
    rng: ChaCha8Rng,
    count: u64,
}

impl Client {
    pub fn new(k: u64, url: String, places: Vec<(f64, f64)>, ledger: Arc<Ledger>) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        Self { k, url, places, ledger, http, rng: ChaCha8Rng::seed_from_u64(1000 + k), count: 0 }
    }

    /// Reports and acts until told to stop, and ends what it has begun.
    pub async fn run(mut self) {
        while !self.ledger.stop.load(Ordering::Relaxed) {
            let id = self.report().await;
            for _ in 0..self.rng.random_range(0..5) {
                // Sometimes somebody else's, which that client may be acting on as well.
                let others: Vec<Uuid> = self.ledger.reports.lock().keys().copied().collect();
                let of = if self.rng.random_bool(0.3) { *others.choose(&mut self.rng).unwrap() } else { id };
                self.act(of).await;
            }
        }
    }

    async fn report(&mut self) -> Uuid {
        let id = uuid::Builder::from_random_bytes(self.rng.random()).into_uuid();
        let (lon, lat) = *self.places.choose(&mut self.rng).unwrap();
        let mut body = json!({"id": id, "category": "0301", "description": format!("路边垃圾堆积 {}", self.k),
                          "location": {"source": "map", "lon": lon, "lat": lat}});
        if self.rng.random_bool(0.1) {
            body["resolve_on_spot"] = json!({"note": "当场清理"});
        }
        // A hasty client sends twice at once.
        let sent = if self.rng.random_bool(0.2) { 2 } else { 1 };
        let answers = futures::future::join_all((0..sent).map(|_| self.until_answered("/api/incidents", &body))).await;
        for (status, answer) in answers {
            assert!(matches!(status, StatusCode::OK | StatusCode::CREATED), "{status} {answer}");
            self.ledger.reports.lock().entry(id).or_default().push(answer["number"].as_i64().unwrap());
        }
        id
    }

    /// Does something to an incident, once: after a lost answer it looks whether it is done before it tries again.
    async fn act(&mut self, id: Uuid) {
        self.count += 1;
        let note = format!("记{}-{}", self.k, self.count);
        loop {
            let now = self.look(id).await;
            let done = now["timeline"].as_array().unwrap().iter().any(|e| e["note"] == note.as_str());
            if done {
                self.ledger.found_done.fetch_add(1, Ordering::Relaxed);
                self.ledger.acts.lock().insert((id, note));
                return;
            }
            let wanted = ["accept", "resolve", "check", "comment", "nudge"];
            let possible: Vec<&str> = now["actions"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            let possible: Vec<&str> = possible.into_iter().filter(|a| wanted.contains(a)).collect();
            // An ended one is only rated.
            let Some(action) = possible.choose(&mut self.rng) else { return };
            let mut body = json!({"action": action, "expected_version": now["version"], "note": note});
            if *action == "check" {
                body["passed"] = json!(self.rng.random_bool(0.7));
                body["actor"] = json!(format!("核查员{}", self.k));
            }
            let Some(answer) =
                self.send(self.http.post(format!("{}/api/incidents/{id}/actions", self.url)).json(&body)).await
            else {
                self.wait().await;
                continue;
            };
            match answer.status() {
                StatusCode::OK => {
                    self.ledger.acts.lock().insert((id, note));
                    return;
                }
                // Somebody came first, or the lost one was done after all.
                StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {}
                status => panic!("{status} {}", answer.text().await.unwrap_or_default()),
            }
        }
    }

    async fn look(&mut self, id: Uuid) -> Value {
        loop {
            let answer = self.send(self.http.get(format!("{}/api/incidents/{id}", self.url))).await;
            if let Some(answer) = answer {
                assert_eq!(answer.status(), StatusCode::OK, "an acknowledged incident is there");
                if let Ok(body) = answer.json().await {
                    return body;
                }
            }
            self.wait().await;
        }
    }

    async fn until_answered(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        loop {
            if let Some(answer) = self.send(self.http.post(format!("{}{path}", self.url)).json(body)).await {
                let status = answer.status();
                if let Ok(body) = answer.json().await {
                    return (status, body);
                }
            }
            self.wait().await;
        }
    }

    /// An answer that says something; none where the connection broke or the server is in trouble.
    async fn send(&self, request: reqwest::RequestBuilder) -> Option<Response> {
        self.ledger.requests.fetch_add(1, Ordering::Relaxed);
        let answer = request.send().await.ok().filter(|a| !a.status().is_server_error());
        if answer.is_none() {
            self.ledger.resent.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    async fn wait(&self) {
        tokio::time::sleep(Duration::from_millis(50 + 10 * self.k)).await;
    }
}
