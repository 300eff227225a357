//! Which grid a point lies in, in process and over HTTP.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use yitu::atlas::LayerStore;
use yitu::atlas::locate::AreaIndex;
use yitu::db::layer::LayerReader;
use yitu::domain::Layer;
use yitu::geo::LonLat;

use crate::program::Server;
use crate::support::TestDatabase;
use crate::{Figure, quantiles, seconds};

const CONNECTIONS: &str = "8";

/// Points spread evenly over the county.
pub async fn points(database: &TestDatabase) -> Vec<LonLat> {
    let rows: Vec<(f64, f64)> = sqlx::query_as(
        "SELECT ST_X(p.geom), ST_Y(p.geom) FROM region, ST_Dump(ST_GeneratePoints(geom, 100000, 7)) p WHERE level = 'county'",
    )
    .fetch_all(&database.databases.migrator)
    .await
    .unwrap();
    rows.into_iter().map(|(lon, lat)| LonLat::new(lon, lat).unwrap()).collect()
}

pub async fn in_process(database: &TestDatabase, points: &[LonLat]) -> Figure {
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
        what: "`locate` in process".to_owned(),
        measured: format!("median {median:.0?}, p99 {late:.0?} ({} grids, 100,000 points)", grids.len()),
        beside: String::new(),
        target: "median ≤ 1 µs, p99 ≤ 5 µs",
    }
}

pub fn over_http(server: &Server, database: &TestDatabase, points: &[LonLat], folder: &Path) -> Figure {
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
    wrk.args(["-t1", "-c", CONNECTIONS, "-d", &seconds().to_string(), "-s"]).arg(&script).arg(server.url("/"));
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
        pgbench.args(["-n", "-M", "prepared", "-c", CONNECTIONS, "-j1", "-T", &seconds().to_string()]);
        for n in 0..some.len() {
            pgbench.arg("-f").arg(folder.join(format!("{n}.sql")));
        }
        after(&output(pgbench.arg(address)), "tps = ")
    };
    let socket = database.url();
    let tcp = socket.split("?host=").next().unwrap().replace("@localhost:", "@127.0.0.1:");
    let (by_tcp, by_socket): (f64, f64) = (pgbench(&tcp), pgbench(&socket));
    Figure {
        what: "`GET /api/locate`, 8 connections (the whole answer)".to_owned(),
        measured: format!("{ours:.0} a second"),
        beside: format!(
            "pgbench, the bare point-in-grid query: {by_tcp:.0} a second over TCP as here (ratio {:.2}), {by_socket:.0} over a Unix socket (ratio {:.2})",
            ours / by_tcp,
            ours / by_socket
        ),
        target: "≥ 1.0×",
    }
}

pub fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{}: {e}", command.get_program().display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Debian keeps it beside the server, off the path.
pub fn pgbench_path() -> std::path::PathBuf {
    let of = |version: u32| std::path::PathBuf::from(format!("/usr/lib/postgresql/{version}/bin/pgbench"));
    (13..=19).rev().map(of).find(|p| p.exists()).unwrap_or_else(|| "pgbench".into())
}

pub fn after(text: &str, label: &str) -> f64 {
    let from = text.find(label).unwrap_or_else(|| panic!("{label} in {text}")) + label.len();
    text[from..].split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap().parse().unwrap()
}
