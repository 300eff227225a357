//! The server and its PostgreSQL are killed with SIGKILL at random moments under parallel clients, again and again:
//! whatever was acknowledged is there afterwards, once.
//!
//! `YITU_CRASH_ROUNDS=N` kills N times and writes the outcome to `docs/CRASH.md`; without it a short form runs.

#![allow(clippy::unwrap_used)]

mod client;
mod receiver;
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use client::{Client, Ledger};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use receiver::{Delivered, Receiver};
use server::{Killed, Server};
use sqlx::PgPool;
use uuid::Uuid;

/// Clients at work at the same time.
const CLIENTS: u64 = 16;
/// Kills of the short form.
const SHORT: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_acknowledged_outlives_every_kill() {
    // Clients want one, though they speak plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let rounds: Option<usize> = std::env::var("YITU_CRASH_ROUNDS").ok().map(|n| n.parse().unwrap());
    let mut server = Server::over_a_demo_county().await;
    server.start();
    server.wait_until_ready().await;
    let receiver = Receiver::open().await;
    receiver.subscribe(&server.url).await;
    let places = server.places.clone();
    let ledger = Arc::new(Ledger::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|k| tokio::spawn(Client::new(k, server.url.clone(), places.clone(), Arc::clone(&ledger)).run()))
        .collect();

    let begun = Instant::now();
    let mut rng = ChaCha8Rng::seed_from_u64(40);
    let mut killed: BTreeMap<Killed, usize> = BTreeMap::new();
    let mut away = Duration::ZERO;
    let wanted = rounds.unwrap_or(SHORT);
    while killed.values().sum::<usize>() < wanted {
        tokio::time::sleep(Duration::from_millis(rng.random_range(100..1500))).await;
        // All three ways are taken even in the short form.
        let what = Killed::ALL.into_iter().find(|w| !killed.contains_key(w));
        let what = what.unwrap_or_else(|| Killed::ALL[rng.random_range(0..3)]);
        let from = Instant::now();
        if server.kill(what) {
            *killed.entry(what).or_default() += 1;
        }
        // One time in five the next kill may come while it is still getting up.
        if rng.random_bool(0.8) {
            server.wait_until_ready().await;
            away += from.elapsed();
        }
        if rounds.is_some() {
            eprintln!("{killed:?}, {} acknowledged", ledger.acknowledged());
        }
    }
    server.wait_until_ready().await;
    ledger.stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let elapsed = begun.elapsed();
    receiver.wait_until_told(&server.url).await;
    // The sealer comes by every second.
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.stop().await;

    let history = server.check_history();
    let pool = server.open().await;
    let outcome = Outcome::of(&pool, &ledger).await;
    let delivered = receiver.compare(&pool).await;
    let table = table(&ledger, &outcome, &delivered, &killed, (elapsed, away), &history);
    if rounds.is_some() {
        std::fs::write("docs/CRASH.md", &table).unwrap();
    }
    eprintln!("{table}");
    assert!(outcome.acknowledged > CLIENTS as usize, "the clients came to nothing");
    assert_eq!((outcome.lost, outcome.doubled), (0, 0));
    for (promise, broken) in &outcome.broken {
        assert_eq!(*broken, 0, "{promise}");
    }
    assert!(delivered.notifications > 0);
    assert_eq!((delivered.missing, delivered.mixed), (0, 0), "{delivered:?}");
    // A message that is under way when the server dies is sent once more.
    assert!(delivered.most <= killed.values().sum::<usize>(), "{delivered:?}");
    server.end().await;
}

/// What the database holds of what was acknowledged.
struct Outcome {
    acknowledged: usize,
    lost: usize,
    doubled: usize,
    /// Promises that hold of every incident, acknowledged or not: how often each is broken.
    broken: Vec<(&'static str, i64)>,
}

/// Each counts what must not be.
const PROMISES: [(&str, &str); 4] = [
    (
        "an open incident has exactly one live owner, an ended one none",
        "SELECT count(*) FROM incident i WHERE (SELECT count(*) FROM assignment a
           WHERE a.incident_id = i.id AND a.role = 'owner' AND a.ended_at IS NULL) <> CASE WHEN i.closed_at IS NULL THEN 1 ELSE 0 END",
    ),
    (
        "an open incident has a next deadline, an ended one none",
        "SELECT count(*) FROM incident WHERE (state IN ('closed', 'cancelled')) <> (next_deadline_at IS NULL)",
    ),
    (
        "an incident's version counts its history",
        "SELECT count(*) FROM incident i WHERE version <> (SELECT count(*) FROM incident_history h WHERE h.incident_id = i.id)",
    ),
    ("every row of the history is sealed", "SELECT count(*) FROM incident_history WHERE seal_number IS NULL"),
];

impl Outcome {
    async fn of(pool: &PgPool, ledger: &Ledger) -> Self {
        let numbers: BTreeMap<Uuid, i64> =
            sqlx::query_as("SELECT id, number FROM incident").fetch_all(pool).await.unwrap().into_iter().collect();
        let steps: Vec<(Uuid, String, i64)> = sqlx::query_as(
            "SELECT incident_id, note, count(*) FROM incident_history WHERE note LIKE '记%' GROUP BY incident_id, note",
        )
        .fetch_all(pool)
        .await
        .unwrap();
        let steps: BTreeMap<(Uuid, String), i64> = steps.into_iter().map(|(id, note, n)| ((id, note), n)).collect();
        let mut broken = Vec::new();
        for (promise, sql) in PROMISES {
            broken.push((promise, sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()));
        }
        let reports = ledger.reports.lock();
        let acts = ledger.acts.lock();
        let lost_reports = reports.iter().filter(|(id, answered)| numbers.get(*id) != answered.first()).count();
        let lost_acts = acts.iter().filter(|act| !steps.contains_key(*act)).count();
        // An id is one row by its primary key; it is doubled when it was ever answered with another number.
        let doubled_reports = reports.values().filter(|answered| answered.iter().any(|n| *n != answered[0])).count();
        let doubled_acts = steps.values().filter(|n| **n > 1).count();
        Self {
            acknowledged: reports.len() + acts.len(),
            lost: lost_reports + lost_acts,
            doubled: doubled_reports + doubled_acts,
            broken,
        }
    }
}

fn table(
    ledger: &Ledger,
    outcome: &Outcome,
    delivered: &Delivered,
    killed: &BTreeMap<Killed, usize>,
    (elapsed, away): (Duration, Duration),
    history: &str,
) -> String {
    let kills: usize = killed.values().sum();
    let ways: Vec<String> = killed.iter().map(|(what, n)| format!("{} {n}", what.name())).collect();
    let mut lines = vec![
        ("kills with SIGKILL".to_owned(), format!("{kills} ({})", ways.join(", "))),
        ("clients at a time".to_owned(), CLIENTS.to_string()),
        ("seconds, of them waiting for the server".to_owned(), format!("{}, {}", elapsed.as_secs(), away.as_secs())),
        ("requests sent".to_owned(), ledger.requests.load(Ordering::Relaxed).to_string()),
        ("sent again after no answer or a 5xx".to_owned(), ledger.resent.load(Ordering::Relaxed).to_string()),
        (
            "of those, already done when looked at again".to_owned(),
            ledger.found_done.load(Ordering::Relaxed).to_string(),
        ),
        ("incidents acknowledged".to_owned(), ledger.reports.lock().len().to_string()),
        ("actions acknowledged".to_owned(), ledger.acts.lock().len().to_string()),
        ("acknowledged and lost".to_owned(), outcome.lost.to_string()),
        ("doubled".to_owned(), outcome.doubled.to_string()),
        ("notifications".to_owned(), delivered.notifications.to_string()),
        ("never received, or under another's id".to_owned(), format!("{}, {}", delivered.missing, delivered.mixed)),
        ("received again, the most of any one".to_owned(), format!("{}, {}", delivered.resent, delivered.most)),
    ];
    lines.extend(outcome.broken.iter().map(|(promise, n)| (format!("exceptions to: {promise}"), n.to_string())));
    let rows: Vec<String> = lines.iter().map(|(what, n)| format!("| {what} | {n} |")).collect();
    let rows = rows.join("\n");
    format!(
        "# Killed again and again\n\n`make crash` runs `yitu serve` over its own PostgreSQL (`fsync=on`), kills the server, its database with all\n\
         its processes, or both with SIGKILL at random moments while clients report and act, starts again what does not\n\
         start by itself, and looks afterwards whether all that was acknowledged is there, once (`tests/crash/`). Clients\n\
         send again until they are answered: a report under its id, an action after a look whether it is done. The last\n\
         run:\n\n| | |\n|---|---|\n{rows}\n\n`yitu check --history` afterwards:\n\n```\n{history}```\n"
    )
}
