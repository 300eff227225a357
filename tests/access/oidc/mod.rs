//! Signing in through an identity server: what is forged, replayed, old or meant for others opens nothing.

mod forged;
mod provider;

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{Duration, Utc};
use forged::{Issuer, Key, SECRET, by_secret, unsigned};
use reqwest::{Client, Response, StatusCode, Url};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use yitu::config::Config;
use yitu::service::access::demo;
use yitu::service::startup;

use crate::support::{StillClock, TestDatabase, TestServer};
use crate::{Town, problem, told};

/// The settings for an identity server.
fn settings(issuer: &str, folder: &Path) -> Config {
    let secret = folder.join("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    Config {
        oidc_issuer: Some(issuer.to_owned()),
        oidc_client_id: Some("yitu".to_owned()),
        oidc_client_secret_file: Some(secret),
        data_dir: folder.join("data"),
        ..Config::default()
    }
}

/// The parameters of an address's query.
fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}

/// Where an answer leads.
fn location(response: &Response) -> Url {
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "{}", response.url());
    response.url().join(response.headers()["location"].to_str().unwrap()).unwrap()
}

/// The cookies an answer sets, as a browser sends them back.
fn cookies(response: &Response) -> Vec<String> {
    let all = response.headers().get_all("set-cookie").iter().map(|v| v.to_str().unwrap().to_owned());
    all.collect()
}

fn session_cookie(response: &Response) -> Option<String> {
    cookies(response)
        .into_iter()
        .find(|c| c.starts_with("yitu_session="))
        .map(|c| c.split(';').next().unwrap().to_owned())
}

/// The demo county, an identity server of the test's own, and a clock.
struct Place {
    town: Town,
    issuer: Issuer,
    clock: StillClock,
    /// Redirects are looked at, not followed.
    client: Client,
    _folder: TempDir,
}

/// Somebody on their way to the identity server.
struct Away {
    address: Url,
    cookie: String,
}

impl Away {
    fn state(&self) -> String {
        query(&self.address, "state").unwrap()
    }
}

impl Place {
    async fn open() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (issuer, folder) = (Issuer::open().await, tempfile::tempdir().unwrap());
        let mut config = settings(&issuer.url, folder.path());
        change(&mut config);
        let clock = StillClock::at(&Utc::now().to_rfc3339());
        let database = TestDatabase::with_demo().await;
        let yitu = startup::start_by(Arc::new(clock.clone()), config, database.databases.clone()).await.unwrap();
        let tokens = demo::accounts(&yitu).await.unwrap();
        let town = Town { database, server: TestServer::start(yitu).await, tokens };
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { town, issuer, clock, client, _folder: folder }
    }

    async fn get(&self, path: &str, cookie: &str) -> Response {
        self.client.get(self.town.server.url(path)).header("cookie", cookie).send().await.unwrap()
    }

    async fn leave(&self) -> Away {
        let response = self.get("/api/session/oidc?next=%2Fdesk%23map%3D9", "").await;
        let set = cookies(&response);
        assert_eq!(set.len(), 1, "{set:?}");
        for part in ["yitu_oidc=", "; HttpOnly", "; SameSite=Lax", "; Max-Age=600"] {
            assert!(set[0].contains(part), "{set:?}");
        }
        Away { address: location(&response), cookie: set[0].split(';').next().unwrap().to_owned() }
    }

    async fn come_back(&self, state: &str, cookie: &str) -> Response {
        self.get(&format!("/api/session/oidc/callback?code=a-code&state={state}"), cookie).await
    }

    /// What the server says of `sub`, called `name`, to somebody on their way.
    fn claims(&self, away: &Away, sub: &str, name: &str) -> Value {
        let now = yitu::service::Clock::now(&self.clock).timestamp();
        json!({"iss": self.issuer.url, "sub": sub, "aud": "yitu", "iat": now, "exp": now + 300,
            "nonce": query(&away.address, "nonce"), "preferred_username": name})
    }

    /// Goes there and comes back with a token made of the claims.
    async fn walk(&self, token: impl FnOnce(&Key, Value) -> String) -> Response {
        let away = self.leave().await;
        let claims = self.claims(&away, "person-7", "duty_officer");
        let key = self.issuer.says.lock().key.clone();
        self.issuer.says.lock().token = token(&key, claims);
        self.come_back(&away.state(), &away.cookie).await
    }

    /// The same with what the server itself would say.
    async fn walk_well(&self) -> Response {
        self.walk(|key, claims| key.token(&claims)).await
    }

    /// The system administrator opens an account for its identity, or closes it for that.
    async fn identity(&self, name: &str, wanted: &str) -> Response {
        let account = self.town.account(name).await;
        let change = json!({"identity": wanted, "expected_version": account["version"]});
        let path = format!("/api/users/{}", account["id"]);
        self.town.ask("system_admin", reqwest::Method::PATCH, &path).json(&change).send().await.unwrap()
    }

    async fn audit(&self, action: &str) -> Vec<Value> {
        let page = self.town.get("auditor", &format!("/api/audit?action={action}&limit=100")).await;
        page["items"].as_array().unwrap().clone()
    }
}

/// Nobody was signed in, and the sign-in page is told why.
fn refused(response: &Response, why: &str) {
    let address = location(response);
    assert_eq!(address.path(), "/sign-in");
    assert_eq!(query(&address, "failed").as_deref(), Some(why));
    assert_eq!(session_cookie(response), None, "{why}");
}

async fn signed_in(place: &Place, response: Response, account: &str) {
    let cookie = session_cookie(&response).unwrap_or_else(|| panic!("no session: {response:?}"));
    assert_eq!(
        (response.status(), &response.headers()["referrer-policy"]),
        (StatusCode::OK, &"no-referrer".parse().unwrap())
    );
    let session = told(place.get("/api/session", &cookie).await, StatusCode::OK).await;
    assert_eq!(session["account"], account);
}

/// Makes a token of what the server would say.
type Forge = Box<dyn FnOnce(&Key, Value) -> String>;

#[tokio::test]
async fn forged_tokens_open_nothing_and_the_servers_own_does() {
    let place = Place::open().await;
    told(place.identity("duty_officer", "await").await, StatusCode::OK).await;
    let other = Key::new();
    let with = |name: &'static str, value: Value| -> Forge {
        Box::new(move |key, mut claims| {
            claims[name] = value;
            key.token(&claims)
        })
    };
    let past = yitu::service::Clock::now(&place.clock).timestamp() - 1;
    let forged: Vec<(&str, Forge)> = vec![
        ("unsigned", Box::new(|_, claims| format!("{}.", unsigned(&json!({"alg": "none"}), &claims)))),
        (
            "unsigned, under the key's name",
            Box::new(|_, c| format!("{}.", unsigned(&json!({"alg": "none", "kid": "one"}), &c))),
        ),
        ("by the shared secret", Box::new(|_, claims| by_secret(SECRET.as_bytes(), &claims))),
        ("by another's key", Box::new(move |_, claims| other.token(&claims))),
        (
            "altered",
            Box::new(|key, mut claims| {
                let token = key.token(&claims);
                claims["sub"] = json!("another");
                let signature = token.rsplit('.').next().unwrap().to_owned();
                format!("{}.{signature}", unsigned(&json!({"alg": "EdDSA", "kid": "one"}), &claims))
            }),
        ),
        ("for another sign-in", with("nonce", json!("another"))),
        ("for no sign-in", with("nonce", Value::Null)),
        ("for another program", with("aud", json!("another"))),
        ("for others too", with("aud", json!(["yitu", "another"]))),
        ("of another server", with("iss", json!("https://id.another"))),
        ("too old", with("exp", json!(past))),
        ("nothing", Box::new(|_, _| String::new())),
        ("noise", Box::new(|_, _| "a.b.c".to_owned())),
    ];
    let count = forged.len();
    for (what, forge) in forged {
        let response = place.walk(forge).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{what}");
        assert_eq!(query(&location(&response), "failed").as_deref(), Some("token"), "{what}");
        assert_eq!(session_cookie(&response), None, "{what}");
    }
    let failed = place.audit("sign_in_failed").await;
    assert_eq!(failed.len(), count);
    assert!(failed.iter().all(|e| e["detail"] == json!({"by": "oidc", "why": "token"})), "{failed:?}");
    assert!(place.audit("identity_bound").await.is_empty());
    let response = place.walk_well().await;
    let page = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(page.starts_with("text/html"));
    signed_in(&place, response, "duty_officer").await;
    // What was sent to the server: who Yitu is, and what only whoever began could know (RFC 7636 §4.6).
    let (form, by) = place.issuer.says.lock().asked.last().unwrap().clone();
    assert!(by.unwrap().starts_with("Basic "));
    let form = Url::parse(&format!("http://form/?{form}")).unwrap();
    assert_eq!(query(&form, "grant_type").as_deref(), Some("authorization_code"));
    assert!(query(&form, "redirect_uri").unwrap().ends_with("/api/session/oidc/callback"));
    let sign_in = place.audit("sign_in").await;
    assert_eq!(sign_in[0]["detail"], json!({"by": "oidc"}));
    assert_eq!(place.audit("identity_bound").await[0]["detail"], json!({"issuer": place.issuer.url}));
}

#[tokio::test]
async fn what_comes_back_was_sent_from_this_browser_lately_and_once() {
    let place = Place::open().await;
    told(place.identity("duty_officer", "await").await, StatusCode::OK).await;
    let (mine, theirs) = (place.leave().await, place.leave().await);
    let challenge = query(&mine.address, "code_challenge").unwrap();
    assert_eq!(query(&mine.address, "code_challenge_method").as_deref(), Some("S256"));
    assert_ne!(query(&mine.address, "nonce"), query(&theirs.address, "nonce"));
    let token = place.issuer.says.lock().key.token(&place.claims(&mine, "person-7", "duty_officer"));
    place.issuer.says.lock().token = token;
    for (state, cookie) in [
        (mine.state(), String::new()),
        (mine.state(), theirs.cookie.clone()),
        (theirs.state(), mine.cookie.clone()),
        (String::new(), mine.cookie.clone()),
        (mine.state(), format!("{}A", mine.cookie)),
        (mine.state(), "yitu_oidc=AAAA".to_owned()),
    ] {
        refused(&place.come_back(&state, &cookie).await, "state");
    }
    assert!(place.issuer.says.lock().asked.is_empty(), "no code was given away");
    let good = place.come_back(&mine.state(), &mine.cookie).await;
    let gone = cookies(&good).into_iter().find(|c| c.starts_with("yitu_oidc=;")).unwrap();
    assert!(gone.contains("Max-Age=0"));
    signed_in(&place, good, "duty_officer").await;
    let (form, _) = place.issuer.says.lock().asked.last().unwrap().clone();
    let verifier = query(&Url::parse(&format!("http://form/?{form}")).unwrap(), "code_verifier").unwrap();
    assert_eq!(URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)), challenge);
    refused(&place.come_back(&mine.state(), &mine.cookie).await, "replayed");
    assert_eq!(place.issuer.says.lock().asked.len(), 1);
    // Another server mixed in between (RFC 9207 §2.4).
    let mixed = place.leave().await;
    let path = format!("/api/session/oidc/callback?code=a&state={}&iss=https://id.another", mixed.state());
    refused(&place.get(&path, &mixed.cookie).await, "state");
    let late = place.leave().await;
    place.clock.advance(Duration::minutes(11));
    refused(&place.come_back(&late.state(), &late.cookie).await, "state");
}

#[tokio::test]
async fn no_account_comes_into_being_and_one_is_bound_once() {
    let place = Place::open().await;
    refused(&place.walk_well().await, "unknown");
    // Too long ago.
    told(place.identity("duty_officer", "await").await, StatusCode::OK).await;
    place.clock.advance(Duration::days(15));
    refused(&place.walk_well().await, "unknown");
    let waiting = told(place.identity("duty_officer", "await").await, StatusCode::OK).await;
    assert!(waiting["awaits_identity_until"].is_string() && waiting["subject"].is_null(), "{waiting}");
    signed_in(&place, place.walk_well().await, "duty_officer").await;
    let bound = place.town.account("duty_officer").await;
    assert_eq!(
        (bound["issuer"].as_str(), bound["subject"].as_str()),
        (Some(place.issuer.url.as_str()), Some("person-7"))
    );
    assert!(bound["awaits_identity_until"].is_null());
    let again = place.identity("duty_officer", "await").await;
    assert_eq!(problem(again, StatusCode::CONFLICT).await, "has-identity");
    // Whoever takes the name there is not who has it here; whoever has another name there still is.
    let as_another = |key: &Key, mut claims: Value| {
        claims["sub"] = json!("person-8");
        key.token(&claims)
    };
    refused(&place.walk(as_another).await, "unknown");
    let renamed = place.walk(|key, mut claims| {
        claims["preferred_username"] = json!("somebody");
        key.token(&claims)
    });
    let response = renamed.await;
    let cookie = session_cookie(&response).unwrap();
    signed_in(&place, response, "duty_officer").await;
    // Taken back, the identity is worth nothing, nor is what was begun by it.
    told(place.identity("duty_officer", "none").await, StatusCode::OK).await;
    assert_eq!(place.get("/api/county", &cookie).await.status(), StatusCode::UNAUTHORIZED);
    refused(&place.walk_well().await, "unknown");
    // Administrators are opened for it at the server alone: who could do it from afar would be all three.
    let raised = place.identity("security_admin", "await").await;
    assert_eq!(problem(raised, StatusCode::FORBIDDEN).await, "not-for-your-role");
    let count: i64 = place.town.one("SELECT count(*) FROM account").await;
    assert_eq!(count as usize, yitu::domain::viewer::Role::of_accounts().count());
}

#[tokio::test]
async fn a_closed_account_stays_closed() {
    let place = Place::open().await;
    told(place.identity("duty_officer", "await").await, StatusCode::OK).await;
    signed_in(&place, place.walk_well().await, "duty_officer").await;
    let account = place.town.account("duty_officer").await;
    let change = json!({"disabled": true, "expected_version": account["version"]});
    let path = format!("/api/users/{}", account["id"]);
    let patch = place.town.ask("security_admin", reqwest::Method::PATCH, &path).json(&change);
    told(patch.send().await.unwrap(), StatusCode::OK).await;
    refused(&place.walk_well().await, "closed");
    let failed = place.audit("sign_in_failed").await;
    assert_eq!((&failed[0]["detail"]["why"], &failed[0]["account_id"]), (&json!("closed"), &account["id"]));
}

#[tokio::test]
async fn the_servers_new_key_is_found_and_its_silence_is_told() {
    let place = Place::open().await;
    told(place.identity("duty_officer", "await").await, StatusCode::OK).await;
    signed_in(&place, place.walk_well().await, "duty_officer").await;
    signed_in(&place, place.walk_well().await, "duty_officer").await;
    assert_eq!(place.issuer.says.lock().discovered, 1, "what is known is not asked again");
    place.issuer.says.lock().key = Key::new();
    signed_in(&place, place.walk_well().await, "duty_officer").await;
    assert_eq!(place.issuer.says.lock().discovered, 2);
    let away = place.leave().await;
    place.issuer.close().await;
    refused(&place.come_back(&away.state(), &away.cookie).await, "unreachable");
}

#[tokio::test]
async fn a_server_that_does_not_answer_or_speaks_in_the_clear_is_not_gone_to() {
    for (name, value) in [
        ("token_endpoint", json!("http://id.county.example/token")),
        ("authorization_endpoint", json!("http://id.county.example/auth")),
        ("jwks_uri", json!("http://id.county.example/jwks")),
        ("issuer", json!("https://id.another")),
    ] {
        let place = Place::open().await;
        place.issuer.says.lock().description = json!({name: value});
        if name == "token_endpoint" {
            refused(&place.walk_well().await, "unreachable");
        } else {
            refused(&place.get("/api/session/oidc", "").await, "unreachable");
        }
    }
    let place = Place::open().await;
    place.issuer.close().await;
    refused(&place.get("/api/session/oidc?next=/field", "").await, "unreachable");
}

#[tokio::test]
async fn a_name_the_token_does_not_tell_is_asked_for_and_only_ones_own() {
    let place = Place::with(|config| config.oidc_account_claim = "gh".to_owned()).await;
    told(place.identity("duty_officer", "await").await, StatusCode::OK).await;
    refused(&place.walk_well().await, "unknown");
    place.issuer.says.lock().person = json!({"sub": "another", "gh": "duty_officer"});
    refused(&place.walk_well().await, "unknown");
    place.issuer.says.lock().person = json!({"sub": "person-7", "gh": " Duty_Officer"});
    signed_in(&place, place.walk_well().await, "duty_officer").await;
}

#[tokio::test]
async fn failing_again_and_again_is_slowed_down() {
    let place = Place::open().await;
    for _ in 0..50 {
        refused(&place.come_back("x", "").await, "state");
    }
    refused(&place.walk_well().await, "throttled");
    assert_eq!(place.audit("sign_in_failed").await.len(), 50);
}

#[tokio::test]
async fn where_no_identity_server_is_set_up_there_is_none() {
    let town = Town::open().await;
    assert_eq!(town.server.get_json("/api/session/ways").await, json!({"oidc_name": null}));
    for path in ["/api/session/oidc", "/api/session/oidc/callback?code=a&state=b"] {
        assert_eq!(problem(town.server.get(path).await, StatusCode::NOT_FOUND).await, "no-oidc");
    }
    let place = Place::with(|config| config.oidc_name = "县统一身份认证".to_owned()).await;
    assert_eq!(place.town.server.get_json("/api/session/ways").await, json!({"oidc_name": "县统一身份认证"}));
}
