//! A receiver over real HTTP that behaves as told, and keeps what it was sent.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::{Engine, prelude::BASE64_STANDARD};
use parking_lot::Mutex;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What it does.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// Answers 200 with this.
    Ok(&'static str),
    /// Answers 200 after a while.
    Slowly(Duration),
    /// Answers with another status.
    Status(u16),
    /// Answers never.
    Never,
    /// Answers 200 at once, and its body a byte a second.
    Drips,
    /// Answers 200 at once, and its body has no end.
    Floods,
    /// Sends elsewhere.
    Redirects(String),
    /// Answers 500 the first time an id comes.
    FailsFirst,
}

/// What came.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whether it was answered with 200.
    pub taken: bool,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Debug)]
struct Inside {
    behaviour: Behaviour,
    received: Vec<Received>,
}

/// The receiver.
#[derive(Debug, Clone)]
pub struct Hook {
    inside: Arc<Mutex<Inside>>,
    address: std::net::SocketAddr,
    _task: Arc<Task>,
}

#[derive(Debug)]
struct Task(tokio::task::JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Hook {
    pub async fn open(behaviour: Behaviour) -> Self {
        let inside = Arc::new(Mutex::new(Inside { behaviour, received: Vec::new() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(take).with_state(Arc::clone(&inside));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { inside, address, _task: Arc::new(Task(task)) }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook?token=geheim", self.address)
    }

    pub fn now(&self, behaviour: Behaviour) {
        self.inside.lock().behaviour = behaviour;
    }

    pub fn received(&self) -> Vec<Received> {
        self.inside.lock().received.clone()
    }

    pub fn count(&self) -> usize {
        self.inside.lock().received.len()
    }

    /// Waits until so much has come.
    pub async fn wait_for(&self, count: usize) {
        let wait = async {
            while self.count() < count {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
        assert!(waited.is_ok(), "only {} of {count} came", self.count());
    }
}

async fn take(
    State(inside): State<Arc<Mutex<Inside>>>,
    method: axum::http::Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let behaviour = {
        let mut inside = inside.lock();
        let known = |r: &Received| r.headers.get("webhook-id") == headers.get("webhook-id");
        let behaviour = match &inside.behaviour {
            Behaviour::FailsFirst if inside.received.iter().any(known) => Behaviour::Ok(""),
            Behaviour::FailsFirst => Behaviour::Status(500),
            other => other.clone(),
        };
        let taken = matches!(behaviour, Behaviour::Ok(_) | Behaviour::Slowly(_));
        inside.received.push(Received { method: method.to_string(), uri, headers, body, taken });
        behaviour
    };
    match behaviour {
        Behaviour::Ok(text) => text.into_response(),
        Behaviour::Slowly(after) => {
            tokio::time::sleep(after).await;
            StatusCode::OK.into_response()
        }
        Behaviour::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Behaviour::Never | Behaviour::FailsFirst => std::future::pending().await,
        Behaviour::Drips => {
            let drip = |n: u64| async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Some((Ok::<_, Infallible>(Bytes::from_static(b".")), n + 1))
            };
            Body::from_stream(futures::stream::unfold(0, drip)).into_response()
        }
        Behaviour::Floods => {
            let block = || Ok::<_, Infallible>(Bytes::from(vec![b'x'; 65536]));
            Body::from_stream(futures::stream::repeat_with(block)).into_response()
        }
        Behaviour::Redirects(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response(),
    }
}

/// HMAC-SHA256 as RFC 2104 writes it down, in Base64: not the code under test.
pub fn hmac_base64(key: &[u8], message: &[u8]) -> String {
    assert!(key.len() <= 64);
    let pad = |with: u8| -> Vec<u8> {
        let mut block = key.to_vec();
        block.resize(64, 0);
        block.iter().map(|b| b ^ with).collect()
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    BASE64_STANDARD.encode(Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize())
}

/// The bytes of a secret `whsec_…`.
pub fn key_bytes(secret: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap()
}

#[test]
fn the_tests_own_hmac_is_that_of_rfc_4231() {
    // Test case 2.
    let signed = hmac_base64(b"Jefe", b"what do ya want for nothing?");
    assert_eq!(signed, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
}
