//! What is sent by those who mean ill: refused, on record, and others are served meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use yitu::service::access::demo::PASSWORD;

use crate::{Town, problem, told};

/// Sends bytes as they are; what comes back until the other side has nothing more to say for a while.
async fn raw(town: &Town, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(town.server.address).await.unwrap();
    // The other side may hang up while much is still being sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_millis(1500), stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn no_path_leads_around_the_gate() {
    let town = Town::open().await;
    let paths = [
        "//api/county",
        "/api//county",
        "/./api/county",
        "/api/../api/county",
        "/assets/../api/county",
        "/assets/..%2fapi%2fcounty",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/assets/....//....//etc/passwd",
        "/api%2fcounty",
        "/api/county%00",
        "/api/county/",
        "/api/county;a=b",
        "/API/COUNTY",
        "/api/county%20",
        "/tiles/household/16/1/1/..",
        "/ogc/collections/household/items/%2e%2e",
        "/api/county#a",
        "http://elsewhere/api/county",
        "*",
    ];
    for path in paths {
        let answer =
            raw(&town, format!("GET {path} HTTP/1.1\r\nHost: map\r\nConnection: close\r\n\r\n").as_bytes()).await;
        assert!(matches!(status(&answer), 400 | 401 | 404), "{path}: {}", answer.lines().next().unwrap_or_default());
        assert!(!answer.contains("岚溪") && !answer.contains("root:"), "{path}");
    }
    for method in ["TRACE", "CONNECT", "PROPFIND", "get", "GET\t"] {
        let answer =
            raw(&town, format!("{method} /api/county HTTP/1.1\r\nHost: map\r\nConnection: close\r\n\r\n").as_bytes())
                .await;
        assert!(
            matches!(status(&answer), 400 | 401 | 404 | 405),
            "{method}: {}",
            answer.lines().next().unwrap_or_default()
        );
    }
    // Two requests in one, told apart differently by two readers.
    let smuggled = "POST /api/session HTTP/1.1\r\nHost: map\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/county HTTP/1.1\r\nHost: map\r\n\r\n";
    assert!(!raw(&town, smuggled.as_bytes()).await.contains("岚溪"));
}

#[tokio::test]
async fn what_is_too_large_is_refused_unread() {
    let town = Town::with(yitu::config::Config::default()).await;
    let token = town.tokens["duty_officer"].as_str().unwrap();
    let bomb = format!("GET /api/county HTTP/1.1\r\nHost: map\r\nX-Bomb: {}\r\n\r\n", "a".repeat(1 << 20));
    assert!(matches!(status(&raw(&town, bomb.as_bytes()).await), 0 | 400 | 431));
    let many: String = (0..2000).map(|n| format!("X-{n}: a\r\n")).collect();
    let many = format!("GET /api/county HTTP/1.1\r\nHost: map\r\n{many}\r\n");
    assert!(matches!(status(&raw(&town, many.as_bytes()).await), 0 | 400 | 431));
    let long = format!(
        "GET /api/search?q={} HTTP/1.1\r\nHost: map\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n",
        "a".repeat(60_000)
    );
    assert!(matches!(status(&raw(&town, long.as_bytes()).await), 400 | 414 | 431));
    // Said to be large, and large without saying so.
    let head = format!(
        "POST /api/incidents HTTP/1.1\r\nHost: map\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    );
    let said = format!("{head}Content-Length: 9000000000\r\n\r\n{{");
    assert_eq!(status(&raw(&town, said.as_bytes()).await), 413);
    let mut chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..6 {
        chunked.extend_from_slice(b"100000\r\n");
        chunked.extend(std::iter::repeat_n(b' ', 1 << 20));
        chunked.extend_from_slice(b"\r\n");
    }
    assert!(matches!(status(&raw(&town, &chunked).await), 0 | 413));
    let deep = town.ask("duty_officer", Method::POST, "/api/incidents").header("content-type", "application/json");
    let deep = deep.body("[".repeat(200_000)).send().await.unwrap();
    assert_eq!(deep.status(), StatusCode::BAD_REQUEST);
    // Whoever sends byte by byte holds up nobody.
    let mut slow = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(town.server.address).await.unwrap();
        stream.write_all(format!("{head}Content-Length: 1000\r\n\r\n{{").as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let begun = std::time::Instant::now();
    town.get("township_staff", "/api/county").await;
    let own = town.ask("duty_officer", Method::GET, "/api/county").send().await.unwrap();
    assert_eq!(own.status(), StatusCode::TOO_MANY_REQUESTS, "whoever sends them has had enough");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_thousand_wrong_passwords_let_nobody_in_and_hold_nobody_up() {
    let town = Arc::new(Town::open().await);
    let (refused, slowed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut guessers = Vec::new();
    for guesser in 0..20 {
        let (town, refused, slowed) = (Arc::clone(&town), Arc::clone(&refused), Arc::clone(&slowed));
        guessers.push(tokio::spawn(async move {
            for n in 0..50 {
                let body = json!({"name": "village_cadre", "password": format!("Guess-{guesser}-{n}-2026")});
                let (cookie, answer) = town.sign_in(body).await;
                assert_eq!(cookie, None);
                match answer.status() {
                    StatusCode::UNAUTHORIZED => refused.fetch_add(1, Ordering::Relaxed),
                    StatusCode::TOO_MANY_REQUESTS => slowed.fetch_add(1, Ordering::Relaxed),
                    other => panic!("{other}"),
                };
            }
        }));
    }
    let mut served = 0;
    while guessers.iter().any(|g| !g.is_finished()) {
        let begun = std::time::Instant::now();
        town.get("village_cadre", "/api/county").await;
        assert!(begun.elapsed() < Duration::from_secs(5), "others wait {:?}", begun.elapsed());
        served += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for guesser in guessers {
        guesser.await.unwrap();
    }
    let (refused, slowed) = (refused.load(Ordering::Relaxed), slowed.load(Ordering::Relaxed));
    assert_eq!(refused + slowed, 1000);
    // Five at once, and one after each wait.
    assert!(refused < 15 && served > 3, "{refused} were looked at, {served} answers to others");
    let right = town.sign_in(json!({"name": "village_cadre", "password": PASSWORD})).await.1;
    assert_eq!(right.status(), StatusCode::TOO_MANY_REQUESTS, "not even the right one, for a while");
    let failed = town.get("auditor", "/api/audit?action=sign_in_failed&limit=1000").await;
    let on_record = failed["items"].as_array().unwrap().iter().filter(|e| e["actor"] == "village_cadre").count();
    assert!(on_record >= refused, "{on_record} on record");
    assert!(!failed.to_string().contains("Guess-"));
}

#[tokio::test]
async fn a_session_that_was_taken_elsewhere_changes_nothing() {
    let town = Town::open().await;
    let (cookie, answer) = town.sign_in(json!({"name": "duty_officer", "password": PASSWORD})).await;
    let cookie = cookie.unwrap().split(';').next().unwrap().to_owned();
    let key = told(answer, StatusCode::OK).await["page_key"].as_str().unwrap().to_owned();
    let report = || json!({"id": uuid::Uuid::new_v4(), "category": "0301", "description": "垃圾", "location": {"source": "text", "text": "村口"}});
    let send = |headers: &[(&'static str, &str)]| {
        let mut request = town.server.client.post(town.server.url("/api/incidents")).header("cookie", &cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.json(&report()).send()
    };
    for headers in
        [vec![], vec![("x-page-key", "guess")], vec![("x-page-key", key.as_str()), ("sec-fetch-site", "cross-site")]]
    {
        let refused = send(&headers).await.unwrap();
        assert_eq!(problem(refused, StatusCode::FORBIDDEN).await, "other-page", "{headers:?}");
    }
    assert_eq!(send(&[("x-page-key", &key)]).await.unwrap().status(), StatusCode::CREATED);
    let before: i64 = town.one("SELECT count(*) FROM audit_event WHERE action = 'refused'").await;
    assert!(before >= 3, "{before} refusals on record");
}

#[tokio::test]
async fn whoever_does_not_come_to_the_point_is_let_go() {
    let town = Arc::new(Town::open().await);
    let settings = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let whole = b"GET /health/live HTTP/1.1\r\nHost: map\r\n\r\n";
    // What is said at once, and what byte by byte.
    let kinds: [(&str, &[u8], &[u8]); 5] = [
        ("nothing", b"", b""),
        ("a head", b"", &[b'G'; 300]),
        ("the beginning of HTTP/2", b"", settings),
        ("HTTP/2 without a question", settings, b""),
        ("a second head", whole, &[b'G'; 300]),
    ];
    let held = kinds.map(|(kind, at_once, slowly)| {
        let town = Arc::clone(&town);
        async move {
            let mut stream = TcpStream::connect(town.server.address).await.unwrap();
            stream.write_all(at_once).await.unwrap();
            let begun = std::time::Instant::now();
            let (mut reading, mut writing) = stream.into_split();
            let write = async {
                for byte in slowly {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    if writing.write_all(&[*byte]).await.is_err() {
                        break;
                    }
                }
                std::future::pending::<()>().await;
            };
            let mut answer = Vec::new();
            let closed = tokio::time::timeout(Duration::from_secs(100), reading.read_to_end(&mut answer));
            let closed = tokio::select! { closed = closed => closed, () = write => unreachable!() };
            assert!(closed.is_ok(), "{kind}: still open after {:?}", begun.elapsed());
            let took = begun.elapsed().as_secs();
            // A slow network is not abuse; and a proxy keeps a connection for a minute.
            let expected = if at_once == whole { 70..90 } else { 15..30 };
            assert!(expected.contains(&took), "{kind}: {took} s");
        }
    });
    let all = futures::future::join_all(held);
    futures::join!(all, whoever_takes_nothing(&town), whoever_only_says_to_be_there(&town));
    town.get("village_cadre", "/api/county").await;
}

/// Asks for much and does not read it: what is not taken is not kept for ever.
async fn whoever_takes_nothing(town: &Town) {
    let token = town.tokens["duty_officer"].as_str().unwrap();
    let ask = format!(
        "GET /ogc/collections/household/items?limit=1000 HTTP/1.1\r\nHost: map\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let mut stream = TcpStream::connect(town.server.address).await.unwrap();
    stream.write_all(ask.repeat(100).as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(90)).await;
    let mut came = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut came)).await;
    let answers = String::from_utf8_lossy(&came).matches("HTTP/1.1 200").count();
    assert!(closed.is_ok() && answers < 100, "{answers} answers were kept");
}

/// Asks one question over HTTP/2, and then answers the pings.
async fn whoever_only_says_to_be_there(town: &Town) {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let stream = TcpStream::connect(town.server.address).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let begun = std::time::Instant::now();
    let ask = axum::http::Request::get(format!("http://{}/health/live", town.server.address));
    let answer = client.send_request(ask.body(axum::body::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    drop(answer);
    let closed = tokio::time::timeout(Duration::from_secs(100), connection).await;
    assert!(closed.is_ok() && (70..90).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    drop(client);
}

#[tokio::test]
async fn whoever_is_refused_without_end_does_not_fill_the_log() {
    let town = Town::open().await;
    for _ in 0..100 {
        let refused = town.ask("wall", Method::GET, "/api/users").send().await.unwrap();
        assert_eq!(problem(refused, StatusCode::FORBIDDEN).await, "not-for-your-role");
    }
    let written: i64 = town.one("SELECT count(*) FROM audit_event WHERE action = 'refused'").await;
    // The minute may end meanwhile.
    assert!((30..=60).contains(&written), "{written}");
    // And asks no faster than others may.
    let slow = Town::with(yitu::config::Config { requests_per_second: 5, ..Default::default() }).await;
    let asked = (0..40).map(|_| async { slow.ask("wall", Method::GET, "/api/users").send().await.unwrap().status() });
    let said = futures::future::join_all(asked).await;
    assert!(said.contains(&StatusCode::TOO_MANY_REQUESTS), "{said:?}");
}

#[tokio::test]
async fn whoever_hangs_up_leaves_nothing_done_out_of_the_log() {
    let town = Town::open().await;
    let account = town.account("grid_worker").await;
    let region: i64 = town.one("SELECT min(id) FROM region WHERE level = 'village'").await;
    let body = json!({"region_id": region}).to_string();
    let token = town.tokens["security_admin"].as_str().unwrap();
    let ask = format!(
        "POST /api/users/{}/grants HTTP/1.1\r\nHost: map\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        account["id"],
        body.len()
    );
    for n in 0..60 {
        let mut stream = TcpStream::connect(town.server.address).await.unwrap();
        stream.write_all(ask.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_micros(n * 200)).await;
        drop(stream);
    }
    let counts = "SELECT (SELECT count(*) FROM access_grant g JOIN account a ON a.id = g.account_id WHERE a.name = 'grid_worker')
                       - (SELECT count(*) FROM audit_event e WHERE e.action = 'granted' AND e.subject = 'account:' || (SELECT id FROM account WHERE name = 'grid_worker'))";
    let mut beyond: i64 = 1;
    for _ in 0..100 {
        beyond = town.one(counts).await;
        if beyond == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(beyond, 0, "grants that are not in the log");
    let granted: i64 = town.one("SELECT count(*) FROM audit_event WHERE action = 'granted'").await;
    assert!(granted > 10, "{granted}");
}
