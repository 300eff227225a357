//! The figures Yitu stands by, on the full demo county, beside PostGIS in the same run.
//!
//! Run by `make bench`; prints one Markdown table. Needs `pgbench` (with PostgreSQL) and `wrk`.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use futures::StreamExt;
use support::TestDatabase;
use yitu::atlas::LayerStore;
use yitu::atlas::locate::AreaIndex;
use yitu::db::layer::LayerReader;
use yitu::domain::Layer;
use yitu::geo::LonLat;

const CONNECTIONS: &str = "8";
const SECONDS: &str = "10";

/// One line of the table.
struct Figure {
    what: &'static str,
    measured: String,
    beside: String,
    target: &'static str,
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::new().await;
    let mut figures = vec![demo(&database)];
    figures.push(atlas_load(&database).await);
    let points = points(&database).await;
    figures.push(locate_in_process(&database, &points).await);
    let server = Server::start(&database).await;
    figures.push(locate_over_http(&server, &database, &points, folder.path()));
    figures.push(commit_to_event(&server, &database).await);
    drop(server);
    figures.push(import(&database, folder.path()).await);
    println!("\n| What | Measured | Beside it, same run | Target |\n|---|---|---|---|");
    for f in figures {
        println!("| {} | {} | {} | {} |", f.what, f.measured, f.beside, f.target);
    }
}

/// Runs the program itself; answers its time and the most memory it held.
fn program(database: &TestDatabase, arguments: &[&str]) -> (Duration, u64) {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_yitu"))
        .args(arguments)
        .env("DATABASE_URL", database.url())
        .env("YITU_DATA_DIR", std::env::temp_dir().join("yitu-bench-data"))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        if let Some(code) = child.try_wait().unwrap() {
            assert!(code.success(), "yitu {arguments:?}: {code}");
            return (begun.elapsed(), most);
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let kib: u64 = line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0);
        most = most.max(kib << 10);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The program itself, serving.
struct Server {
    child: std::process::Child,
    address: std::net::SocketAddr,
}

impl Server {
    async fn start(database: &TestDatabase) -> Self {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_yitu"))
            .arg("serve")
            .env("DATABASE_URL", database.url())
            .env("YITU_LISTEN", address.to_string())
            .env("YITU_DATA_DIR", std::env::temp_dir().join("yitu-bench-data"))
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, address };
        while reqwest::get(server.url("/health/ready")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        server
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn demo(database: &TestDatabase) -> Figure {
    let (time, most) = program(database, &["demo"]);
    Figure {
        what: "`yitu demo`, full county",
        measured: format!("{:.1} s, {} MB", time.as_secs_f64(), most / 1_000_000),
        beside: String::new(),
        target: "≤ 60 s, 1.5 GB",
    }
}

async fn atlas_load(database: &TestDatabase) -> Figure {
    let mut connection = database.databases.system.acquire().await.unwrap();
    let (mut best, mut households) = (Duration::MAX, 0);
    for _ in 0..5 {
        let begun = Instant::now();
        let mut reader = LayerReader::open(&mut connection, Layer::Household).await.unwrap();
        let features = reader.all(&mut connection).await.unwrap();
        households = features.len();
        std::hint::black_box(LayerStore::load(reader.schema().clone(), features));
        best = best.min(begun.elapsed());
    }
    let begun = Instant::now();
    let mut rows =
        connection.copy_out_raw("COPY (SELECT * FROM layer_household) TO STDOUT (FORMAT binary)").await.unwrap();
    while let Some(bytes) = rows.next().await {
        std::hint::black_box(bytes.unwrap());
    }
    drop(rows);
    let bare = begun.elapsed();
    let rate = |time: Duration| households as f64 / time.as_secs_f64();
    Figure {
        what: "Households read from PostGIS into the atlas",
        measured: format!("{:.0} a second", rate(best)),
        beside: format!(
            "bare binary COPY of the same view: {:.0} a second (ratio {:.2})",
            rate(bare),
            rate(best) / rate(bare)
        ),
        target: "≥ 200,000 a second",
    }
}

/// Points spread evenly over the county.
async fn points(database: &TestDatabase) -> Vec<LonLat> {
    let rows: Vec<(f64, f64)> = sqlx::query_as(
        "SELECT ST_X(p.geom), ST_Y(p.geom) FROM region, ST_Dump(ST_GeneratePoints(geom, 100000, 7)) p WHERE level = 'county'",
    )
    .fetch_all(&database.databases.migrator)
    .await
    .unwrap();
    rows.into_iter().map(|(lon, lat)| LonLat::new(lon, lat).unwrap()).collect()
}

async fn locate_in_process(database: &TestDatabase, points: &[LonLat]) -> Figure {
    let mut connection = database.databases.system.acquire().await.unwrap();
    let mut reader = LayerReader::open(&mut connection, Layer::Grid).await.unwrap();
    let features = reader.all(&mut connection).await.unwrap();
    let grids = LayerStore::load(reader.schema().clone(), features);
    let index = AreaIndex::of_grids(&grids);
    let mut times: Vec<Duration> = points
        .iter()
        .map(|at| {
            let begun = Instant::now();
            std::hint::black_box(index.locate(std::hint::black_box(*at)));
            begun.elapsed()
        })
        .collect();
    let (median, late) = quantiles(&mut times);
    Figure {
        what: "`locate` in process",
        measured: format!("median {median:.0?}, p99 {late:.0?} ({} grids, 100,000 points)", grids.len()),
        beside: String::new(),
        target: "median ≤ 1 µs, p99 ≤ 5 µs",
    }
}

/// Median and 99th percentile.
fn quantiles(times: &mut [Duration]) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

fn locate_over_http(server: &Server, database: &TestDatabase, points: &[LonLat], folder: &Path) -> Figure {
    let some = &points[..100];
    let paths: Vec<String> = some.iter().map(|p| format!("'/api/locate?lon={}&lat={}'", p.lon(), p.lat())).collect();
    let script = folder.join("locate.lua");
    let lua = format!(
        "local paths, asked, n = {{{}}}, {{}}, 0\n\
         function init() for k, path in ipairs(paths) do asked[k] = wrk.format('GET', path) end end\n\
         function request() n = n % #asked + 1 return asked[n] end\n\
         function done(s, l, r) io.write(string.format('rate=%f bad=%d\\n', s.requests / s.duration * 1e6, s.errors.status + s.errors.read + s.errors.timeout)) end",
        paths.join(",")
    );
    std::fs::write(&script, lua).unwrap();
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", "-c", CONNECTIONS, "-d", SECONDS, "-s"]).arg(&script).arg(server.url("/"));
    let said = output(&mut wrk);
    let ours: f64 = after(&said, "rate=");
    assert!(said.contains("bad=0"), "{said}");
    for (n, p) in some.iter().enumerate() {
        let sql = format!(
            "SELECT grid_id FROM grid_version WHERE valid_during @> current_date AND upper_inf(recorded_during) \
             AND ST_Covers(geom, ST_SetSRID(ST_Point({}, {}), 4490));\n",
            p.lon(),
            p.lat()
        );
        std::fs::write(folder.join(format!("{n}.sql")), sql).unwrap();
    }
    let pgbench = |address: &str| {
        let mut pgbench = Command::new(pgbench_path());
        pgbench.args(["-n", "-M", "prepared", "-c", CONNECTIONS, "-j1", "-T", SECONDS]);
        for n in 0..some.len() {
            pgbench.arg("-f").arg(folder.join(format!("{n}.sql")));
        }
        after(&output(pgbench.arg(address)), "tps = ")
    };
    let socket = database.url();
    let tcp = socket.split("?host=").next().unwrap().replace("@localhost:", "@127.0.0.1:");
    let (by_tcp, by_socket): (f64, f64) = (pgbench(&tcp), pgbench(&socket));
    Figure {
        what: "`GET /api/locate`, 8 connections (the whole answer)",
        measured: format!("{ours:.0} a second"),
        beside: format!(
            "pgbench, the bare point-in-grid query: {by_tcp:.0} a second over TCP as here (ratio {:.2}), {by_socket:.0} over a Unix socket (ratio {:.2})",
            ours / by_tcp,
            ours / by_socket
        ),
        target: "≥ 1.0×",
    }
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{}: {e}", command.get_program().display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Debian keeps it beside the server, off the path.
fn pgbench_path() -> std::path::PathBuf {
    let of = |version: u32| std::path::PathBuf::from(format!("/usr/lib/postgresql/{version}/bin/pgbench"));
    (13..=19).rev().map(of).find(|p| p.exists()).unwrap_or_else(|| "pgbench".into())
}

fn after(text: &str, label: &str) -> f64 {
    let from = text.find(label).unwrap_or_else(|| panic!("{label} in {text}")) + label.len();
    text[from..].split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap().parse().unwrap()
}

async fn commit_to_event(server: &Server, database: &TestDatabase) -> Figure {
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
        what: "Commit → event in the stream",
        measured: format!("median {median:.0?}, p99 {late:.0?}"),
        beside: String::new(),
        target: "median ≤ 200 ms",
    }
}

async fn import(database: &TestDatabase, folder: &Path) -> Figure {
    let file = folder.join("households.csv");
    let rows: Vec<(String, String, f64, f64)> =
        sqlx::query_as("SELECT number, head_name, ST_X(geom), ST_Y(geom) FROM household WHERE geom IS NOT NULL")
            .fetch_all(&database.databases.migrator)
            .await
            .unwrap();
    // All of the county's with a place, and a few of them again, to make 160,000.
    let more = rows.iter().take(160_000 - rows.len()).map(|r| (format!("B{}", r.0), r.1.clone(), r.2, r.3));
    let rows: Vec<_> = more.collect::<Vec<_>>().into_iter().chain(rows).collect();
    let count = rows.len();
    let mut text = "户号,户主,lon,lat\n".to_owned();
    for (number, head, lon, lat) in rows {
        writeln!(text, "N{number},{head},{lon},{lat}").unwrap();
    }
    std::fs::write(&file, text).unwrap();
    let arguments = [
        "import",
        "household",
        file.to_str().unwrap(),
        "--crs",
        "cgcs2000",
        "--security-class",
        "internal",
        "--provider",
        "演示",
        "--dated",
        "2026-03-01",
    ];
    let (new, most) = program(database, &arguments);
    let (same, _) = program(database, &arguments);
    Figure {
        what: "`yitu import household`, CSV",
        measured: format!(
            "{count} rows: {:.1} s all new ({} MB), {:.1} s nothing changed",
            new.as_secs_f64(),
            most / 1_000_000,
            same.as_secs_f64()
        ),
        beside: String::new(),
        target: "≤ 15 s for 160,000 rows",
    }
}
