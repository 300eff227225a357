//! An identity server of the tests' own, which says whatever it is told to: what others forge, and what goes wrong.

use std::sync::Arc;

use axum::extract::{RawForm, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData};
use rustls::SignatureScheme;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use sha2::Sha256;

/// The secret shared with Yitu.
pub const SECRET: &str = "a secret of the test";

/// A key of the server.
#[derive(Clone)]
pub struct Key(Arc<KeyPair>);

impl Key {
    pub fn new() -> Self {
        Self(Arc::new(KeyPair::generate_for(&PKCS_ED25519).unwrap()))
    }

    /// As others see it (RFC 8037 §2).
    fn public(&self, id: &str) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.0.der_bytes());
        json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": id, "x": x})
    }

    fn sign(&self, text: &str) -> Vec<u8> {
        let der = PrivatePkcs8KeyDer::from(self.0.serialize_der());
        let key = rustls::crypto::ring::sign::any_eddsa_type(&der).unwrap();
        key.choose_scheme(&[SignatureScheme::ED25519]).unwrap().sign(text.as_bytes()).unwrap()
    }

    /// A token of these claims (RFC 7515 §3.1).
    pub fn token(&self, claims: &Value) -> String {
        let text = unsigned(&json!({"alg": "EdDSA", "kid": "one"}), claims);
        let signature = self.sign(&text);
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The part of a token that is signed.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// A token signed with a secret that both sides know.
pub fn by_secret(secret: &[u8], claims: &Value) -> String {
    let text = unsigned(&json!({"alg": "HS256"}), claims);
    let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// What the server says, and what it was asked.
pub struct Says {
    pub key: Key,
    /// The id token it gives for any code.
    pub token: String,
    /// What it tells of whoever has the access token.
    pub person: Value,
    /// Its own description, over what it would be.
    pub description: Value,
    /// Forms sent to the token endpoint, and with which authorization.
    pub asked: Vec<(String, Option<String>)>,
    /// How often it was asked what it is.
    pub discovered: usize,
}

pub struct Issuer {
    pub url: String,
    pub says: Arc<Mutex<Says>>,
    task: tokio::task::JoinHandle<()>,
}

type Shared = State<(String, Arc<Mutex<Says>>)>;

impl Issuer {
    pub async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let says = Says {
            key: Key::new(),
            token: String::new(),
            person: json!({}),
            description: json!({}),
            asked: Vec::new(),
            discovered: 0,
        };
        let says = Arc::new(Mutex::new(says));
        let app = axum::Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .route("/me", get(person))
            .with_state((url.clone(), Arc::clone(&says)));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, says, task }
    }

    /// It does not answer any more.
    pub async fn close(&self) {
        self.task.abort();
        while reqwest::get(&self.url).await.is_ok() {}
    }
}

async fn describe(State((url, says)): Shared) -> axum::Json<Value> {
    let mut says = says.lock();
    says.discovered += 1;
    let mut all = json!({
        "issuer": url, "authorization_endpoint": format!("{url}/auth"), "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/jwks"), "userinfo_endpoint": format!("{url}/me"), "response_types_supported": ["code"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["EdDSA", "HS256", "none"],
    });
    for (name, value) in says.description.as_object().unwrap() {
        all[name] = value.clone();
    }
    axum::Json(all)
}

async fn keys(State((_, says)): Shared) -> axum::Json<Value> {
    axum::Json(json!({"keys": [says.lock().key.public("one")]}))
}

async fn token(State((_, says)): Shared, headers: HeaderMap, RawForm(form): RawForm) -> axum::Json<Value> {
    let mut says = says.lock();
    let by = headers.get(header::AUTHORIZATION).map(|v| v.to_str().unwrap().to_owned());
    says.asked.push((String::from_utf8(form.to_vec()).unwrap(), by));
    axum::Json(json!({"access_token": "an-access-token", "token_type": "Bearer", "id_token": says.token}))
}

async fn person(State((_, says)): Shared, headers: HeaderMap) -> impl IntoResponse {
    if headers.get(header::AUTHORIZATION).is_none_or(|v| v != "Bearer an-access-token") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    axum::Json(says.lock().person.clone()).into_response()
}
