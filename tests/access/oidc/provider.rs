//! Signing in through a real identity server: the npm package `oidc-provider`, run beside the test (`tests/oidc`).

use std::process::Stdio;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};
use yitu::domain::Viewer;
use yitu::service::access::audit::Doer;
use yitu::service::access::user::{self, Change, IdentityChange};

use super::*;
use crate::session::Authenticator;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oidc");
/// Whoever is first installs what the lock names; the others wait.
const INSTALL: &str = "[ node_modules/.package-lock.json -nt package-lock.json ] || \
    { npm ci --no-audit --no-fund --silent && touch node_modules/.package-lock.json; }";

/// The identity server; it ends with the test.
struct Provider {
    url: String,
    _process: Child,
    /// It may say more, and would end if nobody listened.
    _said: Lines<BufReader<ChildStdout>>,
}

impl Provider {
    async fn run(yitu: &str) -> Self {
        let installed =
            Command::new("flock").args(["package-lock.json", "sh", "-c", INSTALL]).current_dir(FOLDER).status();
        assert!(installed.await.unwrap().success(), "npm ci in tests/oidc");
        let mut process = Command::new("node")
            .arg("server.mjs")
            .current_dir(FOLDER)
            .env("YITU_URL", yitu)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(Duration::from_mins(1), lines.next_line()).await;
        let url = line.expect("it starts").unwrap().expect("it tells where it is");
        Self { url, _process: process, _said: lines }
    }
}

/// The demo county beside a real identity server, and a browser of somebody's.
struct County {
    town: Town,
    _provider: Provider,
    _folder: TempDir,
}

impl County {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Provider::run(&format!("http://{}", listener.local_addr().unwrap())).await;
        let folder = tempfile::tempdir().unwrap();
        let mut config = settings(&provider.url, folder.path());
        std::fs::write(config.oidc_client_secret_file.as_ref().unwrap(), "a-secret-of-the-test\n").unwrap();
        "县统一身份认证".clone_into(&mut config.oidc_name);
        let database = TestDatabase::with_demo().await;
        let yitu = startup::start(config, database.databases.clone()).await.unwrap();
        let tokens = demo::accounts(&yitu).await.unwrap();
        let town = Town { database, server: TestServer::on(listener, yitu), tokens };
        Self { town, _provider: provider, _folder: folder }
    }

    /// An operator at the server opens accounts for their identities.
    async fn open_for_identity(&self, names: &[&str]) {
        let yitu = &self.town.server.yitu;
        let county = self.town.database.county().await;
        let doer = Doer { viewer: Viewer::whole_county(county, "yitu user"), origin: String::new() };
        for name in names {
            let account = self.town.account(name).await;
            let version = account["version"].as_i64().unwrap() as i32;
            let change =
                Change { identity: Some(IdentityChange::Await), expected_version: Some(version), ..Change::default() };
            user::change(yitu, &doer, account["id"].as_i64().unwrap(), &change, None).await.unwrap();
        }
    }

    /// Goes to the server by the button and signs in there; the last answer of Yitu.
    async fn sign_in(&self, client: &Client, login: &str) -> Response {
        let mut response = client.get(self.town.server.url("/api/session/oidc?next=/desk")).send().await.unwrap();
        for _ in 0..12 {
            if response.status().is_redirection() {
                let to = response.url().join(response.headers()["location"].to_str().unwrap()).unwrap();
                if to.path() == "/sign-in" {
                    return response;
                }
                response = client.get(to).send().await.unwrap();
            } else if response.url().path().starts_with("/login/") {
                let to = response.url().clone();
                let form = client.post(to).header("content-type", "application/x-www-form-urlencoded");
                response = form.body(format!("login={login}")).send().await.unwrap();
            } else {
                return response;
            }
        }
        panic!("led round and round: {}", response.url());
    }

    async fn get(&self, client: &Client, path: &str) -> Response {
        client.get(self.town.server.url(path)).send().await.unwrap()
    }
}

/// A browser that keeps its cookies.
fn browser() -> Client {
    Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

#[tokio::test]
async fn people_of_the_countys_identity_server_sign_in_as_their_accounts() {
    let county = County::open().await;
    refused(&county.sign_in(&browser(), "zhou").await, "unknown");
    refused(&county.sign_in(&browser(), "nobody").await, "declined");
    county.open_for_identity(&["duty_officer", "county_leader"]).await;
    // What it calls her is not spelt as it is here.
    for (login, account) in [("zhou", "duty_officer"), ("wu", "county_leader"), ("zhou", "duty_officer")] {
        let person = browser();
        let page = county.sign_in(&person, login).await;
        assert_eq!(page.status(), StatusCode::OK, "{login}");
        let cookie = cookies(&page).into_iter().find(|c| c.starts_with("yitu_session=")).unwrap();
        assert!(cookie.contains("SameSite=Strict") && cookie.contains("HttpOnly"), "{cookie}");
        assert!(page.text().await.unwrap().contains("url='/desk'"));
        let session = told(county.get(&person, "/api/session").await, StatusCode::OK).await;
        assert_eq!((session["account"].as_str(), session["password_expires"].as_bool()), (Some(account), Some(false)));
        assert_eq!(county.get(&person, "/api/county").await.status(), StatusCode::OK);
    }
    refused(&county.sign_in(&browser(), "feng").await, "unknown");
    let bound = county.town.get("auditor", "/api/audit?action=identity_bound").await;
    assert_eq!(bound["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn administrators_still_give_their_second_factor_unless_they_gave_one_there() {
    let county = County::open().await;
    county.open_for_identity(&["security_admin", "auditor"]).await;
    // Whoever gave more than a password there gives nothing more here.
    let zheng = browser();
    assert_eq!(county.sign_in(&zheng, "zheng").await.status(), StatusCode::OK);
    let session = told(county.get(&zheng, "/api/session").await, StatusCode::OK).await;
    assert_eq!((session["second_factor_due"].as_bool(), session["code_due"].as_bool()), (Some(false), Some(false)));
    assert_eq!(county.get(&zheng, "/api/users").await.status(), StatusCode::OK);
    // Whoever did not sets one up first.
    let chen = browser();
    assert!(county.sign_in(&chen, "chen").await.text().await.unwrap().contains("url='/sign-in?due&amp;next=/desk'"));
    let session = told(county.get(&chen, "/api/session").await, StatusCode::OK).await;
    assert_eq!((session["second_factor_due"].as_bool(), session["code_due"].as_bool()), (Some(true), Some(false)));
    let key = session["page_key"].as_str().unwrap().to_owned();
    let ask = |client: &Client, method: Method, path: &str, key: &str| {
        client.request(method, county.town.server.url(path)).header("x-page-key", key)
    };
    let made = ask(&chen, Method::POST, "/api/session/second-factor", &key).send().await.unwrap();
    let [code, next] = Authenticator::of(&told(made, StatusCode::OK).await).codes();
    let confirm = ask(&chen, Method::PUT, "/api/session/second-factor", &key).json(&json!({"code": code}));
    assert_eq!(confirm.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(county.get(&chen, "/api/audit").await.status(), StatusCode::OK);
    // From then on it is asked for each time, and until it is given the session is good for nothing.
    let again = browser();
    assert_eq!(county.sign_in(&again, "chen").await.status(), StatusCode::OK);
    let session = told(county.get(&again, "/api/session").await, StatusCode::OK).await;
    assert_eq!((session["second_factor_due"].as_bool(), session["code_due"].as_bool()), (Some(false), Some(true)));
    let key = session["page_key"].as_str().unwrap().to_owned();
    assert_eq!(problem(county.get(&again, "/api/audit").await, StatusCode::FORBIDDEN).await, "code-due");
    for (method, path, body) in [
        (Method::POST, "/api/tokens", json!({"name": "绕过"})),
        (Method::PUT, "/api/session/password", json!({"old": demo::PASSWORD, "new": "Camphor-hill-9"})),
    ] {
        let refused = ask(&again, method, path, &key).json(&body).send().await.unwrap();
        assert_eq!(problem(refused, StatusCode::FORBIDDEN).await, "code-due", "{path}");
    }
    let give = async |code: String| {
        ask(&again, Method::PUT, "/api/session/second-factor", &key).json(&json!({"code": code})).send().await.unwrap()
    };
    assert_eq!(give(code).await.status(), StatusCode::BAD_REQUEST, "no code serves twice");
    // The next step's code is taken already.
    assert_eq!(give(next).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(county.get(&again, "/api/audit").await.status(), StatusCode::OK);
}
