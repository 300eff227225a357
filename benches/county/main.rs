//! The figures Yitu stands by, on the full demo county, beside PostGIS and other servers in the same run.
//!
//! Run by `make bench`; prints Markdown tables. Needs `pgbench` (with PostgreSQL) and `wrk`; measures Martin too when it
//! is on the path. `cargo bench -- tiles` runs one part: `county`, `tiles`, `edits`, `dispatch`, `routing`,
//! `access` or `million`.
//! `BENCH_SECONDS` is how long each load lasts (10).

#![allow(missing_docs, clippy::missing_panics_doc, clippy::must_use_candidate, clippy::unwrap_used)]

mod access;
mod dispatch;
mod fill;
mod live;
mod locate;
mod program;
#[path = "../../tests/support/mod.rs"]
mod support;
mod tiles;

use std::time::Duration;

use program::Server;
use support::TestDatabase;

/// One line of the table.
#[derive(Debug, Default)]
pub struct Figure {
    what: String,
    measured: String,
    beside: String,
    target: &'static str,
}

impl Figure {
    /// Says it at once: a whole run takes long.
    fn told(self) -> Self {
        eprintln!("{}: {} {}", self.what, self.measured, self.beside);
        self
    }
}

#[tokio::main]
async fn main() {
    // The client's TLS needs a provider, and takes none by itself.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let parts: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|p| p == part);
    let mut figures = Vec::new();
    let mut slow = Vec::new();
    let mut tables = String::new();
    if ["county", "tiles", "edits", "routing", "dispatch"].iter().any(|p| wanted(p)) {
        let folder = tempfile::tempdir().unwrap();
        let database = TestDatabase::new().await;
        figures.push(fill::demo(&database).told());
        fill::without_accounts(&database).await;
        if wanted("tiles") {
            let (found, cases) = tiles::measure(&database, folder.path()).await;
            figures.extend(found);
            slow.extend(cases);
        }
        if wanted("edits") {
            figures.extend(tiles::edits::measure(&database).await);
        }
        if wanted("county") {
            figures.extend(county(&database, folder.path()).await);
        }
        if wanted("routing") {
            tables = dispatch::tables(&database).await;
        }
        // Last: it adds incidents.
        if wanted("dispatch") {
            figures.extend(dispatch::measure(&database, folder.path()).await);
        }
    }
    if wanted("access") {
        figures.extend(access::measure(tempfile::tempdir().unwrap().path()).await);
    }
    if wanted("million") {
        let (found, cases) = tiles::million::measure().await;
        figures.extend(found);
        slow.extend(cases);
    }
    println!("\n| What | Measured | Beside it, same run | Target |\n|---|---|---|---|");
    for f in figures {
        println!("| {} | {} | {} | {} |", f.what, f.measured, f.beside, f.target);
    }
    if !slow.is_empty() {
        println!("\n| Tiles | Zoom | Alone, tiles/s | In the mix: median | p99 | Bytes a tile, mean | most |");
        println!("|---|---|---|---|---|---|---|");
        for line in slow {
            println!("{line}");
        }
    }
    println!("\n{tables}");
}

async fn county(database: &TestDatabase, folder: &std::path::Path) -> Vec<Figure> {
    let mut figures = vec![fill::atlas_load(database).await];
    let points = locate::points(database).await;
    figures.push(locate::in_process(database, &points).await);
    let server = Server::start(database).await;
    figures.push(locate::over_http(&server, database, &points, folder));
    figures.push(live::commit_to_event(&server, database).await);
    drop(server);
    // Last: it adds households.
    figures.push(fill::import(database, folder).await);
    figures
}

/// How long each load lasts.
pub fn seconds() -> u64 {
    std::env::var("BENCH_SECONDS").ok().map_or(10, |s| s.parse().unwrap())
}

/// Median and 99th percentile.
pub fn quantiles(times: &mut [Duration]) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

/// As people read it: 999 µs, 9.9 ms, 99 ms.
pub fn ms(time: Duration) -> String {
    match time.as_secs_f64() * 1e3 {
        t if t < 1.0 => format!("{:.0} µs", t * 1e3),
        t if t < 10.0 => format!("{t:.1} ms"),
        t => format!("{t:.0} ms"),
    }
}
