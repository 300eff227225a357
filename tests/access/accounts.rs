//! Three administrators who are kept apart, what they do to others' accounts, and the log of it.

use std::time::{Duration, Instant};

use chrono::Utc;
use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{Town, problem, told};

#[tokio::test]
async fn one_makes_an_account_another_says_what_it_may_and_a_third_reads_it() {
    let town = Town::open().await;
    let body = json!({"name": "lin.xi", "display_name": "林溪(虚构)", "password": "Bamboo-raft-77"});
    for role in ["security_admin", "auditor", "duty_officer"] {
        assert_eq!(town.post(role, "/api/users", body.clone()).await.status(), StatusCode::FORBIDDEN, "{role}");
    }
    let made = told(town.post("system_admin", "/api/users", body.clone()).await, StatusCode::CREATED).await;
    assert_eq!((made["role"].as_str(), made["has_password"].as_bool()), (None, Some(true)));
    assert_eq!(
        problem(town.post("system_admin", "/api/users", body.clone()).await, StatusCode::BAD_REQUEST).await,
        "bad-field"
    );
    let early = town.sign_in(json!({"name": "lin.xi", "password": "Bamboo-raft-77"})).await.1;
    assert_eq!(early.status(), StatusCode::UNAUTHORIZED, "without a role it is nobody's");
    let path = format!("/api/users/{}", made["id"]);
    let patch =
        async |role: &str, change: Value| town.ask(role, Method::PATCH, &path).json(&change).send().await.unwrap();
    let raise = json!({"role": "grid_worker", "expected_version": made["version"]});
    assert_eq!(problem(patch("system_admin", raise.clone()).await, StatusCode::FORBIDDEN).await, "not-for-your-role");
    let given = told(patch("security_admin", raise.clone()).await, StatusCode::OK).await;
    assert_eq!(given["role"], "grid_worker");
    assert_eq!(problem(patch("security_admin", raise).await, StatusCode::PRECONDITION_FAILED).await, "stale-version");
    let strange = json!({"role": "king", "expected_version": given["version"]});
    assert_eq!(problem(patch("security_admin", strange).await, StatusCode::BAD_REQUEST).await, "bad-field");
    let grid: i64 = town.one("SELECT min(id) FROM layer_grid").await;
    let grants = format!("{path}/grants");
    let granted = told(town.post("security_admin", &grants, json!({"grid_id": grid})).await, StatusCode::CREATED).await;
    assert_eq!(granted["grants"][0]["grid_id"], grid);
    for (bad, field) in [
        (json!({}), "/region_id"),
        (json!({"grid_id": grid, "region_id": 1}), "/region_id"),
        (json!({"grid_id": 1}), "/region_id"),
        (json!({"grid_id": grid, "in_full": true, "reason": "汛期转移"}), "/until"),
        (json!({"grid_id": grid, "until": "2020-01-01T00:00:00Z", "reason": "过去"}), "/until"),
        (json!({"grid_id": grid, "until": Utc::now() + chrono::Duration::days(2)}), "/reason"),
    ] {
        let refused = told(town.post("security_admin", &grants, bad.clone()).await, StatusCode::BAD_REQUEST).await;
        assert_eq!(refused["errors"][0]["pointer"], field, "{bad}");
    }
    // A first password is changed before anything else is done.
    let (cookie, response) = town.sign_in(json!({"name": "lin.xi", "password": "Bamboo-raft-77"})).await;
    let session = told(response, StatusCode::OK).await;
    assert_eq!((session["password_expires"].as_bool(), &session["grids"]), (Some(true), &json!([grid])));
    let cookie = cookie.unwrap().split(';').next().unwrap().to_owned();
    let ask = |method: Method, path: &str| {
        let request = town.server.client.request(method, town.server.url(path)).header("cookie", &cookie);
        request.header("x-page-key", session["page_key"].as_str().unwrap())
    };
    assert_eq!(
        problem(ask(Method::GET, "/api/county").send().await.unwrap(), StatusCode::FORBIDDEN).await,
        "password-expires"
    );
    let change =
        |old: &str, new: &str| ask(Method::PUT, "/api/session/password").json(&json!({"old": old, "new": new})).send();
    for (old, new, field) in [
        ("Bamboo-raft-77", "short", "/new"),
        ("wrong", "Camphor-hill-9", "/old"),
        ("Bamboo-raft-77", "Bamboo-raft-77", "/new"),
    ] {
        let refused = told(change(old, new).await.unwrap(), StatusCode::BAD_REQUEST).await;
        assert_eq!(refused["errors"][0]["pointer"], field, "{new}");
    }
    assert_eq!(change("Bamboo-raft-77", "Camphor-hill-9").await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(ask(Method::GET, "/api/county").send().await.unwrap().status(), StatusCode::OK);
    // All of it is written down, and only the auditor reads it.
    for role in ["system_admin", "security_admin", "county_leader"] {
        assert_eq!(town.ask(role, Method::GET, "/api/audit").send().await.unwrap().status(), StatusCode::FORBIDDEN);
    }
    let subject = format!("/api/audit?subject=account:{}", made["id"]);
    let events = town.get("auditor", &subject).await;
    let deeds: Vec<&str> = events["items"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(deeds, ["password_set", "sign_in", "granted", "account_changed", "account_made"]);
    assert!(!events.to_string().contains("Bamboo") && !events.to_string().contains("Camphor"));
}

#[tokio::test]
async fn whoever_is_closed_out_is_out_within_seconds_everywhere() {
    let town = Town::open().await;
    let other = crate::support::TestServer::start(town.database.yitu().await).await;
    let token = town.tokens["grid_worker"].as_str().unwrap();
    let ask = async |server: &crate::support::TestServer| {
        server.client.get(server.url("/api/county")).bearer_auth(token).send().await.unwrap().status()
    };
    assert_eq!((ask(&town.server).await, ask(&other).await), (StatusCode::OK, StatusCode::OK));
    let account = town.account("grid_worker").await;
    let change = json!({"disabled": true, "expected_version": account["version"]});
    let path = format!("/api/users/{}", account["id"]);
    let closed = town.ask("system_admin", Method::PATCH, &path).json(&change).send().await.unwrap();
    assert_eq!(closed.status(), StatusCode::OK);
    let since = Instant::now();
    assert_eq!(ask(&town.server).await, StatusCode::UNAUTHORIZED, "here at once");
    while ask(&other).await != StatusCode::UNAUTHORIZED {
        assert!(since.elapsed() < Duration::from_secs(5), "and on the other server within five seconds");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Nobody shuts out, or raises, themselves.
    let own = town.account("security_admin").await;
    let path = format!("/api/users/{}", own["id"]);
    for change in [json!({"disabled": true}), json!({"role": "county_leader"})] {
        let mut change = change;
        change["expected_version"] = own["version"].clone();
        let refused = town.ask("security_admin", Method::PATCH, &path).json(&change).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    }
    let region: i64 = town.one("SELECT id FROM region WHERE level = 'county'").await;
    let refused = town.post("security_admin", &format!("{path}/grants"), json!({"region_id": region})).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "nor do administrators get a part of the county");
}

#[tokio::test]
async fn what_is_given_for_a_time_ends() {
    let town = Town::open().await;
    let township: i64 = town.one("SELECT max(id) FROM region WHERE level = 'township'").await;
    let account = town.account("township_staff").await;
    let path = format!("/api/users/{}/grants", account["id"]);
    let asked =
        json!({"region_id": township, "until": Utc::now() + chrono::Duration::days(3), "reason": "跨镇支援防汛"});
    let granted = told(town.post("security_admin", &path, asked).await, StatusCode::CREATED).await;
    let grant = &granted["grants"][0];
    assert_eq!((grant["region_id"].as_i64(), grant["reason"].as_str()), (Some(township), Some("跨镇支援防汛")));
    let has = async || {
        town.get("township_staff", "/api/session").await["regions"].as_array().unwrap().contains(&json!(township))
    };
    assert!(has().await);
    let end = format!("/api/grants/{}", grant["id"]);
    assert_eq!(town.ask("security_admin", Method::DELETE, &end).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert!(!has().await, "at once");
    assert_eq!(town.ask("security_admin", Method::DELETE, &end).send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_is_one_chain_and_an_altered_row_is_named() {
    let town = Town::open().await;
    // Many at once stand in line.
    join_all((0..24).map(|_| town.ask("grid_worker", Method::GET, "/api/audit").send())).await;
    let owner = &town.database.databases.migrator;
    let county = town.database.county().await;
    let broken = async || yitu::db::audit::broken(&mut owner.acquire().await.unwrap(), county).await.unwrap();
    let events: i64 = town.one("SELECT count(*) FROM audit_event").await;
    assert!(events > 24 && broken().await.is_empty(), "{events}");
    let refused: i64 = town.one("SELECT count(*) FROM audit_event WHERE action = 'refused'").await;
    assert_eq!(refused, 24);
    let change = "UPDATE audit_event SET actor = '别人' WHERE number = 7";
    let denied = sqlx::query(change).execute(owner).await.unwrap_err().to_string();
    assert!(denied.contains("append-only"), "{denied}");
    sqlx::query("ALTER TABLE audit_event DISABLE TRIGGER append_only").execute(owner).await.unwrap();
    sqlx::query(change).execute(owner).await.unwrap();
    assert_eq!(broken().await, [7]);
    sqlx::query("DELETE FROM audit_event WHERE number >= 20").execute(owner).await.unwrap();
    assert_eq!(broken().await, [7, events], "and cut off at its end");
    // `yitu check --history` names both.
    let nowhere = tempfile::tempdir().unwrap();
    let databases = &town.database.databases;
    let reports =
        yitu::service::check::history::run(databases, nowhere.path(), chrono::DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(reports[0].faults.iter().filter(|f| f.kind == "audit_log").count(), 2);
    // Not even the program's own login reads it; only an auditor's transaction does.
    for login in [&town.database.databases.system, &town.database.databases.request] {
        let seen = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM audit_event").fetch_one(login).await;
        assert!(seen.map_or(true, |n| n == 0));
    }
}

#[tokio::test]
async fn who_changes_what_all_are_bound_by_is_written_down() {
    let town = Town::open().await;
    let day = json!({"working": false, "name": "抗灾停工"});
    let set = town.ask("duty_officer", Method::PUT, "/api/calendar/2026-12-30").json(&day).send().await.unwrap();
    told(set, StatusCode::OK).await;
    let bad = town.ask("duty_officer", Method::PUT, "/api/calendar/never").json(&day).send().await.unwrap();
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    let events = town.get("auditor", "/api/audit?action=rules_changed").await;
    let events = events["items"].as_array().unwrap();
    assert_eq!(events.len(), 1, "what was refused has changed nothing");
    assert_eq!(
        (events[0]["actor"].as_str(), events[0]["subject"].as_str()),
        (Some("值班员(演示)"), Some("/api/calendar/2026-12-30"))
    );
}

#[tokio::test]
async fn the_log_is_taken_away_as_a_file_and_that_is_in_it() {
    let town = Town::open().await;
    let response = town.ask("auditor", Method::GET, "/api/audit?f=csv").send().await.unwrap();
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
    let text = response.text().await.unwrap();
    assert!(text.starts_with('\u{feff}') && text.contains("account_made"), "{text}");
    assert_eq!(town.get("auditor", "/api/audit?action=export").await["items"].as_array().unwrap().len(), 1);
    for (query, field) in [("action=strange", "action"), ("cursor=x", "cursor"), ("limit=0", "limit"), ("f=xml", "f")] {
        let refused = town.ask("auditor", Method::GET, &format!("/api/audit?{query}")).send().await.unwrap();
        assert_eq!(told(refused, StatusCode::BAD_REQUEST).await["errors"][0]["pointer"], field);
    }
}

#[tokio::test]
async fn a_stream_ends_with_what_it_was_opened_with() {
    use futures::StreamExt;
    let town = Town::open().await;
    let open = async |role: &str| town.ask(role, Method::GET, "/live").send().await.unwrap().bytes_stream();
    let (mut closed, mut other) = (open("grid_worker").await, open("county_leader").await);
    let account = town.account("grid_worker").await;
    let change = json!({"disabled": true, "expected_version": account["version"]});
    let path = format!("/api/users/{}", account["id"]);
    told(town.ask("security_admin", Method::PATCH, &path).json(&change).send().await.unwrap(), StatusCode::OK).await;
    let ends = async { while closed.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(5), ends).await.expect("an open stream ends within five seconds");
    let goes_on = async { while other.next().await.is_some() {} };
    assert!(tokio::time::timeout(Duration::from_secs(3), goes_on).await.is_err(), "others go on");
}

#[tokio::test]
async fn what_an_account_asks_with_ends_with_its_role_and_with_anothers_password() {
    let town = Town::open().await;
    let make = async |role: &str, days: i64| {
        let body = json!({"name": "脚本", "may_write": true, "days": days});
        town.post(role, "/api/tokens", body).await
    };
    let works = async |secret: &Value| {
        let ask = town.server.client.get(town.server.url("/api/county")).bearer_auth(secret.as_str().unwrap());
        ask.send().await.unwrap().status() == StatusCode::OK
    };
    let change = async |role: &str, name: &str, change: Value| {
        let account = town.account(name).await;
        let mut change = change;
        change["expected_version"] = account["version"].clone();
        town.ask(role, Method::PATCH, &format!("/api/users/{}", account["id"])).json(&change).send().await.unwrap()
    };
    // A token makes none that outlives it.
    for days in [366, i64::MAX, 0, i64::MIN] {
        let refused = told(make("township_staff", days).await, StatusCode::BAD_REQUEST).await;
        assert_eq!(refused["errors"][0]["pointer"], "/days", "{days}");
    }
    let [staff, cadre] = [make("township_staff", 1).await, make("village_cadre", 1).await];
    let (staff, cadre) = (told(staff, StatusCode::CREATED).await, told(cadre, StatusCode::CREATED).await);
    assert!(works(&staff["secret"]).await && works(&cadre["secret"]).await);
    told(change("security_admin", "township_staff", json!({"role": "village_cadre"})).await, StatusCode::OK).await;
    assert!(!works(&staff["secret"]).await, "another role");
    let path = format!("/api/users/{}/password", town.account("village_cadre").await["id"]);
    let reset = town.post("system_admin", &path, json!({"password": "Camphor-hill-9"})).await;
    assert!(reset.status().is_success());
    assert!(!works(&cadre["secret"]).await, "another's password");
    // No account becomes one of those who watch over whoever made it.
    for role in ["auditor", "security_admin", "system_admin"] {
        let raised = change("security_admin", "department", json!({"role": role})).await;
        assert_eq!(problem(raised, StatusCode::FORBIDDEN).await, "not-for-your-role", "{role}");
    }
    let body = json!({"name": "gao.ming", "display_name": "高明(虚构)", "unit_id": 1});
    assert_eq!(
        problem(town.post("system_admin", "/api/users", body).await, StatusCode::FORBIDDEN).await,
        "not-for-your-role"
    );
    let own = change("security_admin", "security_admin", json!({"forget_second_factor": true})).await;
    assert_eq!(told(own, StatusCode::BAD_REQUEST).await["errors"][0]["pointer"], "/forget_second_factor");
    // A wall's token is a wall's whatever becomes of the account.
    let sql = "UPDATE account SET role = 'county_leader' WHERE name = 'wall'";
    sqlx::query(sql).execute(&town.database.databases.migrator).await.unwrap();
    let since = Instant::now();
    while town.ask("wall", Method::GET, "/api/county").send().await.unwrap().status() != StatusCode::UNAUTHORIZED {
        assert!(since.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn whoever_runs_the_system_has_no_matters_sent_to_themselves() {
    let town = Town::open().await;
    let receiver = |change: Value| {
        let mut body = json!({"name": "大数据平台", "kind": "yitu", "url": "https://data.example.com/yitu"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    for more in [json!({"fields": ["description"]}), json!({"subscription": {"restricted": true}})] {
        let refused = town.post("system_admin", "/api/webhooks", receiver(more)).await;
        assert_eq!(problem(refused, StatusCode::FORBIDDEN).await, "not-released");
    }
    let made = told(town.post("system_admin", "/api/webhooks", receiver(json!({}))).await, StatusCode::CREATED).await;
    let path = format!("/api/webhooks/{}", made["id"]);
    let put =
        async |role: &str, path: &str, body: Value| town.ask(role, Method::PUT, path).json(&body).send().await.unwrap();
    let release = format!("{path}/release");
    let asked = |version: i64| json!({"fields": ["description", "note"], "expected_version": version});
    assert_eq!(put("system_admin", &release, asked(1)).await.status(), StatusCode::FORBIDDEN);
    let strange = put("security_admin", &release, json!({"fields": ["phone"], "expected_version": 1})).await;
    assert_eq!(told(strange, StatusCode::BAD_REQUEST).await["errors"][0]["pointer"], "/fields/0");
    let stale = put("security_admin", &release, asked(7)).await;
    assert_eq!(problem(stale, StatusCode::PRECONDITION_FAILED).await, "stale-version");
    let released = told(put("security_admin", &release, asked(1)).await, StatusCode::OK).await;
    assert_eq!((&released["fields"], &released["version"]), (&json!(["description", "note"]), &json!(2)));
    // Within that the other may set it up as it should be; beyond it not.
    let less = put("system_admin", &path, receiver(json!({"fields": ["note"], "expected_version": 2}))).await;
    assert_eq!(told(less, StatusCode::OK).await["fields"], json!(["note"]));
    let more =
        put("system_admin", &path, receiver(json!({"fields": ["note", "position"], "expected_version": 3}))).await;
    assert_eq!(problem(more, StatusCode::FORBIDDEN).await, "not-released");
    // What was released, and what is kept, was so for that place.
    let elsewhere = |change: Value| {
        let mut body = receiver(change);
        body["url"] = json!("https://elsewhere.example.com/");
        body
    };
    let kept = put("system_admin", &path, elsewhere(json!({"expected_version": 3}))).await;
    assert_eq!(told(kept, StatusCode::BAD_REQUEST).await["errors"][0]["pointer"], "/secret");
    let anew = json!({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "headers": {}, "fields": ["note"], "expected_version": 3});
    assert_eq!(problem(put("system_admin", &path, elsewhere(anew)).await, StatusCode::FORBIDDEN).await, "not-released");
    let log = town.get("auditor", "/api/audit?action=receivers_changed").await;
    let told_of: Vec<&Value> = log["items"].as_array().unwrap().iter().map(|e| &e["detail"]).collect();
    assert_eq!(told_of.len(), 3);
    assert_eq!(
        *told_of[1],
        json!({"receiver": made["id"], "origin": "https://data.example.com", "fields": ["description", "note"], "restricted": false})
    );
}
