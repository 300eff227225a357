//! What accounts cost: the same questions of a server that is one person's own and of one that asks who; how often two
//! hundred grid workers of different scopes share a tile; signing in; ten thousand streams.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use yitu::domain::Viewer;
use yitu::domain::viewer::Role;
use yitu::geo::TileId;
use yitu::service::access::audit::Doer;
use yitu::service::access::demo::PASSWORD;
use yitu::service::access::token::{Holder, NewToken};
use yitu::service::access::{token, user};
use yitu::service::{Yitu, startup};

use crate::fill;
use crate::locate::{after, output};
use crate::program::Server;
use crate::support::TestDatabase;
use crate::{Figure, ms, quantiles, seconds};

const WORKERS: i64 = 200;
/// How often each server is asked in turn: the machine's speed moves, and both should meet the same of it.
const TURNS: usize = 5;
const STREAMS: usize = 10_000;
/// What the page of a phone draws.
const FIELD_LAYERS: [&str; 9] =
    ["land_use", "water", "road", "building", "region", "grid", "household", "venue", "incident"];

/// A grid worker: a token, and a point of the grid with one of its households.
struct Worker {
    token: String,
    lon: f64,
    lat: f64,
    household: i64,
}

pub async fn measure(folder: &Path) -> Vec<Figure> {
    let (open, asking) = (TestDatabase::new().await, TestDatabase::new().await);
    fill::demo(&open);
    fill::without_accounts(&open).await;
    fill::demo(&asking);
    let workers = workers(&asking).await;
    // Before thousands are reported that no county has open at once.
    let mut figures = vec![shared_tiles(&open, &asking, &workers).await.told()];
    let unlimited = [("YITU_REQUESTS_PER_SECOND", "0".to_owned())];
    let servers = [Server::with(&open, &unlimited).await, Server::with(&asking, &unlimited).await];
    let page = |w: &Worker| {
        let (west, south, east, north) = (w.lon - 2e-4, w.lat - 2e-4, w.lon + 2e-4, w.lat + 2e-4);
        get(&format!("/ogc/collections/household/items?limit=20&bbox={west:.7},{south:.7},{east:.7},{north:.7}"))
    };
    figures.push(beside("A page of households of the own grid", &servers, &workers, folder, "≥ 0.85 ×", &page).told());
    let household = |w: &Worker| get(&format!("/ogc/collections/household/items/{}", w.household));
    figures.push(beside("One household (by the database)", &servers, &workers, folder, "≥ 0.85 ×", &household).told());
    figures.push(beside("`POST /api/incidents`", &servers, &workers, folder, "≥ 0.85 ×", &report).told());
    let tile = |w: &Worker| get(&tile_path("household", w, 15));
    figures.push(beside("A `household` tile z15, cached", &servers, &workers, folder, "≥ 0.9 ×", &tile).told());
    drop(servers);
    figures.push(sign_in(&asking).await.told());
    figures.push(streams(&asking, &workers).await.told());
    figures
}

/// Two hundred people, each of a grid of their own, with an account and a token.
async fn workers(database: &TestDatabase) -> Vec<Worker> {
    let yitu: Yitu = startup::start(yitu::config::Config::default(), database.databases.clone()).await.unwrap();
    let county = database.county().await;
    let doer = Doer { viewer: Viewer::whole_county(county, "测量"), origin: String::new() };
    let people: Vec<(i64, f64, f64, i64)> = sqlx::query_as(
        "SELECT a.responder_id, ST_X(h.geom), ST_Y(h.geom), h.id
         FROM (SELECT DISTINCT ON (grid_id) grid_id, responder_id FROM appointment WHERE role = 'grid_worker' AND valid_during @> current_date AND grid_id IS NOT NULL ORDER BY grid_id, responder_id) a
         JOIN LATERAL (SELECT id, geom FROM household WHERE grid_id = a.grid_id AND geom IS NOT NULL ORDER BY id OFFSET 5 LIMIT 1) h ON true
         ORDER BY md5(a.grid_id::text) LIMIT $1",
    )
    .bind(WORKERS)
    .fetch_all(&database.databases.migrator)
    .await
    .unwrap();
    let mut workers = Vec::new();
    for (n, (responder_id, lon, lat, household)) in people.into_iter().enumerate() {
        let new = user::NewUser {
            name: format!("worker{n}"),
            display_name: format!("网格员{n}"),
            password: None,
            responder_id: Some(responder_id),
            unit_id: None,
            issuer: None,
            subject: None,
            awaits_identity: false,
        };
        let made = user::make(&yitu, &doer, &new, Some(Role::GridWorker), false).await.unwrap();
        let token = token_of(&yitu, (county, made.id), Role::GridWorker, true).await;
        workers.push(Worker { token, lon, lat, household });
    }
    assert_eq!(workers.len() as i64, WORKERS);
    workers
}

/// A request as wrk's script makes it: method, path, body.
type Asked = (&'static str, String, String);

fn get(path: &str) -> Asked {
    ("GET", path.to_owned(), String::new())
}

fn report(w: &Worker) -> Asked {
    let body = json!({"id": "00000000-0000-4000-8000-ID", "category": "0301", "description": "村口路边垃圾堆积,请尽快清运",
        "location": {"source": "gps", "lon": w.lon, "lat": w.lat, "accuracy_m": 10}});
    ("POST", "/api/incidents".to_owned(), body.to_string())
}

fn tile_path(layer: &str, w: &Worker, z: u8) -> String {
    let (x, y) = tile_of(w, z);
    format!("/tiles/{layer}/{z}/{x}/{y}")
}

fn tile_of(w: &Worker, z: u8) -> (u32, u32) {
    let tile = TileId::containing(z, w.lon, w.lat);
    (tile.x(), tile.y())
}

/// The same questions of both servers in turns; only the second asks who.
fn beside(
    what: &str,
    servers: &[Server; 2],
    workers: &[Worker],
    folder: &Path,
    target: &'static str,
    asked: &dyn Fn(&Worker) -> Asked,
) -> Figure {
    let script = folder.join("access.lua");
    let mut lua = "local asked, n = {}, 0\n".to_owned();
    for w in workers {
        let (method, path, body) = asked(w);
        writeln!(lua, "asked[#asked + 1] = {{'{method}', '{path}', '{}', '{body}'}}", w.token).unwrap();
    }
    // Each report has an id of its own, in every turn.
    lua.push_str(
        "math.randomseed(os.time() * 1000 + math.floor(os.clock() * 1e6) % 1000)\n\
         function request() n = n % #asked + 1 local a = asked[n]\n\
         local id = string.format('%06x%06x', math.random(0, 16777215), math.random(0, 16777215))\n\
         return wrk.format(a[1], a[2], {Authorization = 'Bearer ' .. a[3], ['Content-Type'] = 'application/json'}, (a[4]:gsub('ID', id))) end\n\
         function done(s, l, r) io.write(string.format('rate=%f bad=%d\\n', s.requests / s.duration * 1e6, s.errors.status + s.errors.read + s.errors.timeout)) end",
    );
    std::fs::write(&script, lua).unwrap();
    let rate = |server: &Server, seconds: u64| {
        let mut wrk = Command::new("wrk");
        wrk.args(["-t1", "-c8", "-d", &seconds.to_string(), "-s"]).arg(&script).arg(server.url("/"));
        let said = output(&mut wrk);
        assert!(said.contains("bad=0"), "{what}: {said}");
        after(&said, "rate=")
    };
    // Both are warm before they are measured.
    for server in servers {
        rate(server, 1);
    }
    let turn = seconds().div_ceil(2).max(1);
    let mut rates: Vec<[f64; 2]> = (0..TURNS).map(|_| [rate(&servers[0], turn), rate(&servers[1], turn)]).collect();
    rates.sort_by(|a, b| (a[1] / a[0]).total_cmp(&(b[1] / b[0])));
    let [without, with] = rates[TURNS / 2];
    Figure {
        what: format!("{what}, by {} grid workers in turn", workers.len()),
        measured: format!("{with:.0} a second"),
        beside: format!(
            "without accounts {without:.0} a second (ratio {:.2}, the middle one of {TURNS})",
            with / without
        ),
        target,
    }
}

/// Each worker opens the map on a phone: the county, the township, the village, the own grid; a minute apart, on a server
/// that has just begun. What they share then is beside each other; without accounts, as much as they ever could.
async fn shared_tiles(open: &TestDatabase, asking: &TestDatabase, workers: &[Worker]) -> Figure {
    let admin: String = system_token(asking).await;
    let share = |(hits, drawn): (f64, f64)| 100.0 * hits / (hits + drawn);
    let unlimited = [("YITU_REQUESTS_PER_SECOND", "0".to_owned())];
    let without = openings(&Server::with(open, &unlimited).await, &admin, workers).await;
    let server = Server::with(asking, &unlimited).await;
    let (first, second) = (openings(&server, &admin, workers).await, openings(&server, &admin, workers).await);
    Figure {
        what: format!("Tiles from the cache, {} grid workers opening the map, each twice", workers.len()),
        measured: format!(
            "{:.1} % of {:.0} tiles",
            share((first.0 + second.0, first.1 + second.1)),
            first.0 + first.1 + second.0 + second.1
        ),
        beside: format!(
            "the first time, from a cold start, {:.1} % (without accounts {:.1} %), the second {:.1} %",
            share(first),
            share(without),
            share(second)
        ),
        target: "≥ 80 %",
    }
}

/// How many tiles come from the cache, and how many are drawn, when each worker opens the map.
async fn openings(server: &Server, admin: &str, workers: &[Worker]) -> (f64, f64) {
    let client = reqwest::Client::new();
    let before = tiles_from(server, admin).await;
    for w in workers {
        for z in [9, 11, 13, 14, 15, 16] {
            let (x, y) = tile_of(w, z);
            // A phone shows about two tiles of 512 pixels beside and three above one another.
            for (x, y) in [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1), (x, y - 1), (x + 1, y - 1)] {
                for layer in FIELD_LAYERS {
                    let url = server.url(&format!("/tiles/{layer}/{z}/{x}/{y}"));
                    let status = client.get(url).bearer_auth(&w.token).send().await.unwrap().status();
                    assert!(status.is_success(), "{status}");
                }
            }
        }
    }
    let after = tiles_from(server, admin).await;
    (after.0 - before.0, after.1 - before.1)
}

async fn system_token(database: &TestDatabase) -> String {
    let yitu: Yitu = startup::start(yitu::config::Config::default(), database.databases.clone()).await.unwrap();
    let id: i64 = database.one("SELECT id FROM account WHERE name = 'system_admin'").await;
    token_of(&yitu, (database.county().await, id), Role::SystemAdmin, false).await
}

async fn token_of(yitu: &Yitu, (county_id, account_id): (i64, i64), role: Role, may_write: bool) -> String {
    let doer = Doer { viewer: Viewer::whole_county(county_id, "测量"), origin: String::new() };
    let holder = Holder { county_id, account_id, role, may_write };
    let new = NewToken { name: "测量".to_owned(), may_write, days: Some(30) };
    token::issue(yitu, &doer, &holder, &new).await.unwrap().secret.unwrap()
}

/// Tiles that came from the cache, and those that were drawn.
async fn tiles_from(server: &Server, token: &str) -> (f64, f64) {
    let client = reqwest::Client::new();
    let text = client.get(server.url("/metrics")).bearer_auth(token).send().await.unwrap().text().await.unwrap();
    let of = |from: &str| {
        let line = text.lines().find(|l| l.starts_with("yitu_tiles_total") && l.contains(from));
        line.and_then(|l| l.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
    };
    (of("cache"), of("drawing"))
}

async fn sign_in(database: &TestDatabase) -> Figure {
    let server = Server::start(database).await;
    let client = reqwest::Client::new();
    let body = json!({"name": "duty_officer", "password": PASSWORD});
    let once = async || {
        let begun = Instant::now();
        let answer = client.post(server.url("/api/session")).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        begun.elapsed()
    };
    once().await;
    let mut times = Vec::new();
    for _ in 0..60 {
        times.push(once().await);
    }
    let (median, late) = quantiles(&mut times);
    let mut four: Vec<Duration> = Vec::new();
    for _ in 0..10 {
        four.extend(futures::future::join_all((0..4).map(|_| once())).await);
    }
    let (of_four, _) = quantiles(&mut four);
    Figure {
        what: "Signing in by password (argon2id, 19 MiB, 2 passes)".to_owned(),
        measured: format!("median {}, p99 {}", ms(median), ms(late)),
        beside: format!("four at a time: median {}", ms(of_four)),
        target: "≤ 300 ms",
    }
}

/// Ten thousand open streams of two hundred people on one server, and a change that all of them are told of.
async fn streams(database: &TestDatabase, workers: &[Worker]) -> Figure {
    let server = Server::start(database).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = server.resident();
    let told = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::with_capacity(STREAMS);
    for n in 0..STREAMS {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let ask = format!(
            "GET /live?topics=tiles,incident HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
            server.address,
            workers[n % workers.len()].token
        );
        stream.write_all(ask.as_bytes()).await.unwrap();
        let told = Arc::clone(&told);
        tasks.push(tokio::spawn(async move {
            let mut bytes = [0; 2048];
            loop {
                let read = stream.read(&mut bytes).await.unwrap();
                assert!(read > 0, "a stream ended");
                if bytes[..read].windows(7).any(|w| w == b"\"venue\"") {
                    told.fetch_add(1, Ordering::Relaxed);
                }
            }
        }));
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let busy = server.resident();
    let mut times = Vec::new();
    for n in 1..=5 {
        sqlx::query("UPDATE venue SET name = name || '·' WHERE id = (SELECT min(id) FROM venue)")
            .execute(&database.databases.migrator)
            .await
            .unwrap();
        let begun = Instant::now();
        while told.load(Ordering::Relaxed) < n * STREAMS {
            assert!(begun.elapsed() < Duration::from_secs(30), "{} told", told.load(Ordering::Relaxed));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        times.push(begun.elapsed());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let most = server.resident().max(busy);
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    let (median, late) = quantiles(&mut times);
    Figure {
        what: format!("{STREAMS} open streams of {} accounts", workers.len()),
        measured: format!(
            "{} MB resident, of it {} MB the streams'; commit → event at the last of them: median {}, longest {}",
            most / 1_000_000,
            most.saturating_sub(idle) / 1_000_000,
            ms(median),
            ms(late)
        ),
        beside: "client and server on the same two cores".to_owned(),
        target: "≤ 1 GB, ≤ 2 s",
    }
}
