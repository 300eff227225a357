//! Signing in, staying so, and being signed out.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use totp_rs::TOTP;
use yitu::access::second_factor::STEP_S;
use yitu::service::access::demo::PASSWORD;

use crate::support::{TestDatabase, TestServer};
use crate::{Town, problem, told};

#[tokio::test]
async fn without_accounts_the_server_is_ones_own_and_with_them_it_asks_who() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    assert_eq!(server.get_json("/api/session").await["open"], true);
    server.get_json("/api/county").await;
    yitu::service::access::demo::accounts(&server.yitu).await.unwrap();
    for path in ["/api/county", "/api/incidents", "/tiles/region/9/420/213", "/ogc/collections", "/live"] {
        assert_eq!(server.get(path).await.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(problem(server.get("/api/session").await, StatusCode::UNAUTHORIZED).await, "not-signed-in");
    for path in ["/", "/health/live", "/api/openapi.json"] {
        assert!(server.get(path).await.status() != StatusCode::UNAUTHORIZED, "{path}");
    }
    // Nothing is told of what is not there either.
    assert_eq!(server.get("/api/nothing-here").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_page_of_another_site_does_not_read_a_server_without_accounts() {
    use futures::StreamExt;
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let ask =
        async |host: &str| server.client.get(server.url("/api/county")).header("host", host).send().await.unwrap();
    for host in ["map.attacker.example", "localhost.attacker.example:80", "127.0.0.1.attacker.example"] {
        assert_eq!(problem(ask(host).await, StatusCode::FORBIDDEN).await, "strange-host", "{host}");
    }
    for host in ["localhost", "LOCALHOST:8080", "127.0.0.1", "[::1]:8080", "192.168.1.9:8080"] {
        assert_eq!(ask(host).await.status(), StatusCode::OK, "{host}");
    }
    // What was opened before there were accounts ends with them.
    let mut stream = server.client.get(server.url("/live")).send().await.unwrap().bytes_stream();
    yitu::service::access::demo::accounts(&server.yitu).await.unwrap();
    let ends = async { while stream.next().await.is_some() {} };
    tokio::time::timeout(std::time::Duration::from_secs(5), ends).await.expect("an open stream ends");
}

#[tokio::test]
async fn whoever_works_in_one_village_is_at_home_there() {
    let town = Town::open().await;
    let villages: Vec<(i64, String)> = sqlx::query_as(
        "SELECT DISTINCT v.id, v.name FROM account a JOIN appointment p ON p.responder_id = a.responder_id AND p.valid_during @> current_date
         JOIN grid g ON g.id = p.grid_id JOIN region v ON v.id = g.village_id WHERE a.name = 'grid_worker'",
    )
    .fetch_all(&town.database.databases.migrator)
    .await
    .unwrap();
    let [(id, name)] = villages.try_into().unwrap();
    assert_eq!(town.get("grid_worker", "/api/session").await["home"], json!({"id": id, "name": name}));
    for role in ["duty_officer", "township_staff", "department", "wall", "system_admin"] {
        assert_eq!(town.get(role, "/api/session").await["home"], json!(null), "{role}");
    }
}

#[tokio::test]
async fn a_session_is_a_cookie_and_changes_things_only_from_its_own_pages() {
    let town = Town::open().await;
    let (cookie, response) = town.sign_in(json!({"name": "Duty_Officer ", "password": PASSWORD})).await;
    let session = told(response, StatusCode::OK).await;
    let cookie = cookie.unwrap();
    for part in ["yitu_session=yitu_", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert_eq!((session["role"].as_str(), session["whole_county"].as_bool()), (Some("duty_officer"), Some(true)));
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let ask = |method: Method, path: &str| {
        town.server.client.request(method, town.server.url(path)).header("cookie", &cookie)
    };
    assert!(ask(Method::GET, "/api/county").send().await.unwrap().status().is_success());
    let body = json!({"name": "手机", "may_write": false});
    let bare = ask(Method::POST, "/api/tokens").json(&body).send().await.unwrap();
    assert_eq!(problem(bare, StatusCode::FORBIDDEN).await, "other-page");
    let key = session["page_key"].as_str().unwrap();
    let foreign = ask(Method::POST, "/api/tokens").header("x-page-key", key).header("sec-fetch-site", "cross-site");
    assert_eq!(problem(foreign.json(&body).send().await.unwrap(), StatusCode::FORBIDDEN).await, "other-page");
    let made = ask(Method::POST, "/api/tokens").header("x-page-key", key).json(&body).send().await.unwrap();
    let token = told(made, StatusCode::CREATED).await;
    assert!(token["secret"].as_str().unwrap().starts_with("yitu_"));
    let listed = told(ask(Method::GET, "/api/tokens").send().await.unwrap(), StatusCode::OK).await;
    assert!(listed.as_array().unwrap().iter().all(|t| t["secret"].is_null()), "{listed}");
    // A token that only reads.
    let reads = |method: Method, path: &str| {
        town.server.client.request(method, town.server.url(path)).bearer_auth(token["secret"].as_str().unwrap())
    };
    assert!(reads(Method::GET, "/api/county").send().await.unwrap().status().is_success());
    let write = reads(Method::POST, "/api/incidents").json(&json!({})).send().await.unwrap();
    assert_eq!(problem(write, StatusCode::FORBIDDEN).await, "read-only");
    // Signed out, the cookie is worth nothing, here and at once.
    let out = ask(Method::DELETE, "/api/session").header("x-page-key", key).send().await.unwrap();
    assert!(out.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    assert_eq!(ask(Method::GET, "/api/county").send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "replayed");
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_told_alike_and_slow_down() {
    let town = Town::open().await;
    let mut answers = Vec::new();
    for body in [
        json!({"name": "duty_officer", "password": "Wrong-word-2026"}),
        json!({"name": "nobody-here", "password": "Wrong-word-2026"}),
        json!({"name": "nobody\u{0}here", "password": PASSWORD}),
        json!({"name": "", "password": ""}),
        json!({"name": "duty_officer", "password": "长".repeat(5_000)}),
    ] {
        let (cookie, response) = town.sign_in(body).await;
        assert_eq!(cookie, None);
        let mut answer = told(response, StatusCode::UNAUTHORIZED).await;
        answer.as_object_mut().unwrap().remove("request_id");
        answers.push(answer);
    }
    assert!(answers.windows(2).all(|w| w[0] == w[1]), "{answers:?}");
    let mut last = StatusCode::OK;
    for _ in 0..6 {
        last = town.sign_in(json!({"name": "wall", "password": "Wrong-word-2026"})).await.1.status();
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let right = town.sign_in(json!({"name": "wall", "password": PASSWORD})).await.1;
    assert!(right.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(problem(right, StatusCode::TOO_MANY_REQUESTS).await, "too-many-attempts");
    let others = town.sign_in(json!({"name": "duty_officer", "password": PASSWORD})).await.1;
    assert_eq!(others.status(), StatusCode::OK, "others are let in meanwhile");
    let failed = town.get("auditor", "/api/audit?action=sign_in_failed&limit=100").await;
    let actors: Vec<&str> = failed["items"].as_array().unwrap().iter().map(|e| e["actor"].as_str().unwrap()).collect();
    assert!(actors.contains(&"wall") && actors.contains(&"?") && actors.len() >= 10, "{actors:?}");
    assert!(!failed.to_string().contains("Wrong-word") && !failed.to_string().contains(PASSWORD));
}

#[tokio::test]
async fn a_wall_is_let_in_by_its_token_and_by_no_other() {
    let town = Town::open().await;
    let enter = async |token: &str| {
        let url = town.server.url("/api/session/display");
        town.server.client.put(url).json(&json!({"token": token})).send().await.unwrap()
    };
    let of = |role: &str| town.tokens[role].as_str().unwrap().to_owned();
    for other in [of("duty_officer"), of("gis_client"), "yitu_".to_owned(), String::new()] {
        assert_eq!(problem(enter(&other).await, StatusCode::UNAUTHORIZED).await, "sign-in-failed");
    }
    let answer = enter(&of("wall")).await;
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("; Max-Age=3"), "as long as the token: {cookie}");
    assert_eq!(told(answer, StatusCode::OK).await["role"], "wall");
    let ask = |method: Method, path: &str| {
        town.server.client.request(method, town.server.url(path)).header("cookie", cookie.split(';').next().unwrap())
    };
    assert_eq!(ask(Method::GET, "/api/wall/incidents").send().await.unwrap().status(), StatusCode::OK);
    // Who stands before the wall closes it there, and not elsewhere.
    let out = ask(Method::DELETE, "/api/session").send().await.unwrap();
    assert!(out.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(ask(Method::GET, "/api/county").send().await.unwrap().status(), StatusCode::OK);
    let log = town.get("auditor", "/api/audit?action=sign_in").await;
    assert_eq!(log["items"][0]["detail"]["by"], "display");
}

#[tokio::test]
async fn forged_and_foreign_tokens_open_nothing() {
    let town = Town::open().await;
    let good = town.tokens["duty_officer"].as_str().unwrap().to_owned();
    let mut changed = good.clone();
    changed.pop();
    changed.push(if good.ends_with('A') { 'B' } else { 'A' });
    let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJkdXR5X29mZmljZXIifQ.";
    let twice = format!("{good}{good}");
    for token in ["", "yitu_", none, &changed, &twice, "null", "../../etc/passwd"] {
        let response = town.server.client.get(town.server.url("/api/county")).bearer_auth(token).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{token}");
        let cookie = format!("yitu_session={token}");
        let response =
            town.server.client.get(town.server.url("/api/county")).header("cookie", cookie).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{token}");
    }
    // A scope is what is granted, whatever the request says.
    let other: i64 = town.one("SELECT max(id) FROM region WHERE level = 'township'").await;
    let own = town.get("township_staff", "/api/session").await;
    assert!(!own["regions"].as_array().unwrap().contains(&json!(other)), "{own}");
    let widened = town
        .ask("township_staff", Method::GET, "/api/session?regions=1&role=county_leader")
        .header("x-role", "county_leader");
    assert_eq!(told(widened.send().await.unwrap(), StatusCode::OK).await["regions"], own["regions"]);
}

#[tokio::test]
async fn an_administrator_sets_up_a_second_factor_before_anything_else() {
    let town = Town::open().await;
    let (cookie, response) = town.sign_in(json!({"name": "security_admin", "password": PASSWORD})).await;
    let session = told(response, StatusCode::OK).await;
    assert_eq!(session["second_factor_due"], true);
    let (cookie, key) = (cookie.unwrap(), session["page_key"].as_str().unwrap().to_owned());
    let ask = |method: Method, path: &str| {
        let request = town.server.client.request(method, town.server.url(path));
        request.header("cookie", cookie.split(';').next().unwrap()).header("x-page-key", &key)
    };
    let early = ask(Method::GET, "/api/users").send().await.unwrap();
    assert_eq!(problem(early, StatusCode::FORBIDDEN).await, "second-factor-due");
    let made = told(ask(Method::POST, "/api/session/second-factor").send().await.unwrap(), StatusCode::OK).await;
    assert!(made["address"].as_str().unwrap().starts_with("otpauth://totp/"));
    let app = Authenticator::of(&made);
    assert_eq!(app.0.get_secret_base32(), made["secret"].as_str().unwrap());
    let [code, next] = app.codes();
    let confirm = |code: String| ask(Method::PUT, "/api/session/second-factor").json(&json!({"code": code})).send();
    assert_eq!(confirm("000000".to_owned()).await.unwrap().status(), StatusCode::BAD_REQUEST);
    assert_eq!(confirm(code.clone()).await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(ask(Method::GET, "/api/users").send().await.unwrap().status(), StatusCode::OK);
    let sealed: bool = town.one("SELECT position('\\x3132'::bytea in totp_sealed) >= 0 AND length(totp_sealed) > 40 FROM account WHERE name = 'security_admin'").await;
    assert!(sealed);
    // From now on the password alone does not do, and no code serves twice.
    let alone = town.sign_in(json!({"name": "security_admin", "password": PASSWORD})).await.1;
    assert_eq!(problem(alone, StatusCode::UNAUTHORIZED).await, "second-factor-needed");
    let again = town.sign_in(json!({"name": "security_admin", "password": PASSWORD, "code": code})).await.1;
    assert_eq!(problem(again, StatusCode::UNAUTHORIZED).await, "sign-in-failed");
    told(town.sign_in(json!({"name": "security_admin", "password": PASSWORD, "code": next})).await.1, StatusCode::OK)
        .await;
    let wrong = town.sign_in(json!({"name": "security_admin", "password": "Wrong-word-2026"})).await.1;
    assert_eq!(
        problem(wrong, StatusCode::UNAUTHORIZED).await,
        "sign-in-failed",
        "whether there is a second factor is not told"
    );
}

/// An authenticator app that has read the address it was shown.
pub struct Authenticator(TOTP);

impl Authenticator {
    /// Of the answer to `POST /api/session/second-factor`.
    pub fn of(made: &Value) -> Self {
        Self(TOTP::from_url(made["address"].as_str().unwrap()).unwrap())
    }

    /// The code shown now, and the one after it, which the server takes already: however slow the machine, a test
    /// that asks once and keeps both does not run into the next step.
    pub fn codes(&self) -> [String; 2] {
        let now = chrono::Utc::now().timestamp() as u64;
        [now, now + STEP_S].map(|time| self.0.generate(time))
    }
}

#[tokio::test]
async fn behind_a_proxy_the_cookie_is_bound_to_the_host_and_every_answer_says_how_to_take_it() {
    let town = Town::open().await;
    let config = yitu::config::Config { behind_proxy: true, ..yitu::config::Config::default() };
    let yitu = yitu::service::startup::start(config, town.database.databases.clone()).await.unwrap();
    let server = TestServer::start(yitu).await;
    let body = json!({"name": "wall", "password": PASSWORD});
    let post = server.client.post(server.url("/api/session")).header("x-forwarded-proto", "https").json(&body);
    let response = post.send().await.unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert!(header("set-cookie").starts_with("__Host-yitu_session=yitu_") && header("set-cookie").contains("; Secure"));
    assert_eq!(header("strict-transport-security"), "max-age=31536000");
    // Whoever is not behind a proxy of their own is believed nothing of the kind.
    let plain = town
        .server
        .client
        .get(town.server.url("/api/county"))
        .header("x-forwarded-proto", "https")
        .send()
        .await
        .unwrap();
    assert_eq!(plain.status(), StatusCode::UNAUTHORIZED);
    for (name, value) in
        [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("referrer-policy", "same-origin")]
    {
        assert_eq!(plain.headers()[name], value);
    }
    assert!(!plain.headers().contains_key("strict-transport-security"));
}
