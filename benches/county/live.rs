//! How soon a commit is known: in the stream of events.

use std::time::{Duration, Instant};

use crate::program::Server;
use crate::support::TestDatabase;
use crate::{Figure, quantiles};

pub async fn commit_to_event(server: &Server, database: &TestDatabase) -> Figure {
    let mut stream = reqwest::get(server.url("/live?topics=tiles")).await.unwrap();
    let ids: Vec<i64> = sqlx::query_scalar("SELECT id FROM venue ORDER BY id LIMIT 200")
        .fetch_all(&database.databases.migrator)
        .await
        .unwrap();
    let mut times = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        // Not in step with whatever interval the server looks at the log.
        tokio::time::sleep(Duration::from_millis(n as u64 * 7 % 53)).await;
        sqlx::query("UPDATE venue SET name = name || '·' WHERE id = $1")
            .bind(id)
            .execute(&database.databases.migrator)
            .await
            .unwrap();
        let begun = Instant::now();
        loop {
            let bytes = stream.chunk().await.unwrap().unwrap();
            if String::from_utf8_lossy(&bytes).contains("venue") {
                break;
            }
        }
        times.push(begun.elapsed());
    }
    let (median, late) = quantiles(&mut times);
    Figure {
        what: "Commit → event in the stream".to_owned(),
        measured: format!("median {median:.0?}, p99 {late:.0?}"),
        beside: String::new(),
        target: "median ≤ 200 ms",
    }
}
