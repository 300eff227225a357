//! Whatever is asked, the answer is a tile or says what is wrong with the question.

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use yitu::domain::Layer;

use crate::support::{TestDatabase, TestServer};

const WORDS: [&str; 36] = [
    "name",
    "tags",
    "number",
    "kind",
    "geom",
    "colour",
    "'低保'",
    "''",
    "'",
    "\"",
    "(",
    ")",
    "((",
    "NOT",
    "AND",
    "OR",
    "=",
    "<>",
    "<",
    "IN",
    "LIKE",
    "BETWEEN",
    "IS NULL",
    "S_INTERSECTS",
    "T_AFTER",
    "A_CONTAINS",
    "POINT(117 25)",
    "BBOX(0,0,1,1)",
    "DATE('2026-01-01')",
    "1e999",
    "-1",
    "9223372036854775808",
    ",",
    "%",
    "\u{0}",
    "网格",
];

fn some(rng: &mut ChaCha8Rng, most: usize, between: &str) -> String {
    let n = rng.random_range(0..=most);
    (0..n).map(|_| *WORDS.choose(rng).unwrap()).collect::<Vec<_>>().join(between)
}

fn number(rng: &mut ChaCha8Rng) -> String {
    match rng.random_range(0..8) {
        0 => format!("-{}", rng.random_range(0..9)),
        1 => rng.random::<u64>().to_string(),
        2 => "1.5".to_owned(),
        3 => some(rng, 2, ""),
        _ => rng.random_range(0..24).to_string(),
    }
}

fn path(rng: &mut ChaCha8Rng) -> String {
    let layer = |rng: &mut ChaCha8Rng| match rng.random_range(0..5) {
        0 => some(rng, 2, ""),
        _ => Layer::ALL.choose(rng).unwrap().name().to_owned(),
    };
    let layers: Vec<String> = (0..rng.random_range(1..60)).map(|_| layer(rng)).collect();
    let layers = layers[..rng.random_range(1..=layers.len().min(3))].join(",");
    let (z, x, y) = (number(rng), number(rng), number(rng));
    let escaped = |text: &str| text.bytes().map(|b| format!("%{b:02X}")).collect::<Vec<_>>().concat();
    let mut query = Vec::new();
    for (key, value) in [
        ("filter", some(rng, 9, " ")),
        ("properties", some(rng, 3, ",")),
        ("min_seq", some(rng, 1, "")),
        ("colour", String::new()),
    ] {
        if rng.random_bool(if key == "filter" { 0.6 } else { 0.1 }) {
            query.push(format!("{key}={}", escaped(&value)));
        }
    }
    let parts = [layers, z, x, y].map(|part| if part.is_ascii() { part } else { escaped(&part) });
    format!("/tiles/{}?{}", parts.join("/").replace([' ', '\0'], "%20"), query.join("&"))
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_questions_are_answered() {
    let db = TestDatabase::with_demo().await;
    let server = TestServer::start(db.yitu().await).await;
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    let mut statuses = std::collections::BTreeMap::new();
    for _ in 0..3000 {
        let path = path(&mut rng);
        let answer = server.get(&path).await;
        let status = answer.status().as_u16();
        *statuses.entry(status).or_insert(0) += 1;
        if status >= 400 {
            let problem: serde_json::Value = answer.json().await.unwrap();
            assert!(status < 500, "{path}: {problem}");
            assert!(problem["detail"].as_str().is_some_and(|d| !d.is_empty()), "{path}: {problem}");
        }
    }
    assert!([204, 400, 404].iter().all(|s| statuses.contains_key(s)), "{statuses:?}");
}

/// What would take long or much is refused before it does.
#[tokio::test(flavor = "multi_thread")]
async fn questions_are_bounded() {
    let db = TestDatabase::with_demo().await;
    let server = TestServer::start(db.yitu().await).await;
    let deep = format!("{}name='a'{}", "(".repeat(5_000), ")".repeat(5_000));
    let many = "NOT ".repeat(10_000) + "name='a'";
    for filter in [deep, many] {
        let answer = server
            .client
            .get(server.url("/tiles/household/15/0/0"))
            .query(&[("filter", &filter)])
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_client_error(), "{}: {:.20}", answer.status(), filter);
    }
    let layers = vec!["household"; 6_000].join(",");
    assert!(server.get(&format!("/tiles/{layers}/15/0/0")).await.status().is_client_error());
    assert_eq!(server.get("/tiles/household,household/15/0/0").await.status(), 204);
}
