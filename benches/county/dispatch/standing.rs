//! Twenty thousand matters in a list, a hundred thousand under the clock.

use std::time::{Duration, Instant};

use yitu::service::incident::deadline;
use yitu::service::incident::list::{Asked, list};

use super::Desk;
use crate::support::TestDatabase;
use crate::{Figure, ms, quantiles};

const LISTED: i64 = 20_000;
const OPEN: i64 = 100_000;

pub async fn list_of_twenty_thousand(database: &TestDatabase) -> Figure {
    let there: i64 = database.one("SELECT count(*) FROM incident").await;
    copies(database, (LISTED - there).max(0)).await;
    first_page(database, &Desk::open(database).await).await
}

pub async fn clock_over_a_hundred_thousand(database: &TestDatabase) -> Figure {
    let open: i64 = database.one("SELECT count(*) FROM incident WHERE next_deadline_at IS NOT NULL").await;
    copies(database, (OPEN - open).max(0)).await;
    clock(&Desk::open(database).await).await
}

/// Open matters like those there are, due in the coming days.
async fn copies(database: &TestDatabase, so_many: i64) {
    let sql = "WITH alike AS (
        SELECT i.*, row_number() OVER () AS n FROM incident i, generate_series(1, 1 + $1 / (SELECT count(*) FROM incident)) WHERE NOT restricted LIMIT $1
      ), made AS (
        INSERT INTO incident (county_id, id, state, category_id, restricted, urgency, description, location_source, geom, village_id, grid_id,
          grid_version_id, reported_at, received_at, current_assignment_id, next_deadline_at, accept_by, resolve_by)
        SELECT county_id, gen_random_uuid(), 'pending_accept', category_id, false, urgency, description, location_source, geom, village_id, grid_id,
          grid_version_id, reported_at, received_at, nextval('feature_id'), now() + (1 + n % 96) * interval '1 hour',
          now() + (1 + n % 96) * interval '1 hour', now() + interval '5 days'
        FROM alike RETURNING county_id, id, current_assignment_id, accept_by
      )
      INSERT INTO assignment (county_id, id, incident_id, role, unit_id, accept_by, started_at)
      SELECT m.county_id, m.current_assignment_id, m.id, 'owner', (SELECT id FROM handling_unit WHERE kind = 'grid_group' LIMIT 1), m.accept_by, now() FROM made m";
    sqlx::query(sql).bind(so_many).execute(&database.databases.migrator).await.unwrap();
    sqlx::query("ANALYZE incident, assignment").execute(&database.databases.migrator).await.unwrap();
}

async fn first_page(database: &TestDatabase, desk: &Desk) -> Figure {
    let townships: Vec<i64> = sqlx::query_scalar("SELECT id FROM region WHERE level = 'township' ORDER BY id")
        .fetch_all(&database.databases.migrator)
        .await
        .unwrap();
    let mut times: Vec<Duration> = Vec::new();
    for round in 0..200 {
        let asked: Asked = serde_json::from_value(serde_json::json!({
            "region": townships[round % townships.len()], "state": "pending_accept,in_progress,closed",
            "since": "2025-06-01T00:00:00Z", "limit": 50}))
        .unwrap();
        let begun = Instant::now();
        std::hint::black_box(list(&desk.yitu, &desk.viewer, asked).await.unwrap());
        times.push(begun.elapsed());
    }
    let (median, late) = quantiles(&mut times);
    Figure {
        what: "First page of a list of 20,000 incidents by township, state and time".to_owned(),
        measured: format!("median {}, p99 {}", ms(median), ms(late)),
        beside: String::new(),
        target: "≤ 20 ms",
    }
}

/// The clock's work while nothing is due, as it runs: two looks a second.
async fn clock(desk: &Desk) -> Figure {
    deadline::pass(&desk.yitu).await.unwrap();
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        deadline::pass(&desk.yitu).await.unwrap();
        times.push(begun.elapsed());
    }
    let (median, late) = quantiles(&mut times);
    let core = times.iter().sum::<Duration>().as_secs_f64() / times.len() as f64 * 2.0 * 100.0;
    Figure {
        what: "The clock over 100,000 open incidents, nothing due".to_owned(),
        measured: format!(
            "a look takes {} (p99 {}), two a second: {core:.2} % of a core at most",
            ms(median),
            ms(late)
        ),
        beside: String::new(),
        target: "≤ 5 % of a core",
    }
}
