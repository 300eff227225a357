//! `POST /api/incidents` beside pgbench writing the same rows in the same statement.

use std::path::Path;
use std::process::Command;

use yitu::dispatch::ALGORITHM_VERSION;
use yitu::service::incident::facts::Facts;
use yitu::service::incident::plan::{as_kept, plan};

use super::{Desk, checked, near_borders};
use crate::locate::{after, output, pgbench_path};
use crate::program::Server;
use crate::support::TestDatabase;
use crate::{Figure, seconds};
use yitu::geo::LonLat;

const CONNECTIONS: &str = "32";

/// The statement a report is stored by, with the values of one report in place of its parameters and a new id each time.
pub async fn capture(desk: &Desk, at: &LonLat) -> String {
    let report = checked(desk, *at, 30.0);
    let mut facts = Facts::new(&desk.yitu, &desk.viewer, desk.yitu.clock.now());
    let planned = plan(&mut facts, &report).await.unwrap();
    let decision = &planned.decision;
    // pgbench takes a colon before a word, in a text too, for a variable.
    let quoted = |text: &str| format!("U&'{}'", text.replace('\\', "\\\\").replace('\'', "''").replace(':', "\\003A"));
    let id = |id: Option<i64>| id.map_or("NULL".to_owned(), |id| id.to_string());
    let when = |t: chrono::DateTime<chrono::Utc>| quoted(&t.to_rfc3339()) + "::timestamptz";
    let helpers: Vec<String> = decision.helper_unit_ids.iter().map(i64::to_string).collect();
    let unit = decision.unit.id;
    let responder = id(decision.responder.as_ref().map(|p| p.responder_id));
    let digest = "'\\x".to_owned() + &"5a".repeat(32) + "'::bytea";
    let salt = "'\\x".to_owned() + &"5a".repeat(16) + "'::bytea";
    let values = [
        desk.viewer.county_id().to_string(),
        quoted(desk.viewer.name()),
        "gen_random_uuid()".to_owned(),
        quoted(decision.state.code()),
        planned.category.id.to_string(),
        "false".to_owned(),
        "'ordinary'".to_owned(),
        quoted(&report.report.description),
        "'gps'".to_owned(),
        at.lon().to_string(),
        at.lat().to_string(),
        "30".to_owned(),
        "NULL".to_owned(),
        "NULL".to_owned(),
        "''".to_owned(),
        id(planned.village.as_ref().map(|v| v.id)),
        id(decision.grid.as_ref().map(|g| g.grid_id)),
        id(decision.grid.as_ref().map(|g| g.version_id)),
        "'{}'::jsonb".to_owned(),
        when(planned.inputs.now),
        when(planned.inputs.now),
        when(decision.accept_by),
        when(decision.accept_by),
        when(decision.resolve_by),
        "2".to_owned(),
        "NULL".to_owned(),
        unit.to_string(),
        responder.clone(),
        decision.provisional.to_string(),
        format!("'{{{}}}'", helpers.join(",")),
        "'{1,2}'".to_owned(),
        "'{report,dispatch}'".to_owned(),
        "'{测量,系统}'".to_owned(),
        "'{NULL,pending_dispatch}'".to_owned(),
        format!("'{{pending_dispatch,{}}}'", decision.state.code()),
        format!("'{{NULL,{unit}}}'"),
        format!("'{{NULL,{responder}}}'"),
        "'{\"\",\"\"}'".to_owned(),
        r#"ARRAY['{"limits": {}}', '{"limits": {}}']"#.to_owned(),
        format!("ARRAY[{salt}, {salt}]"),
        format!("ARRAY[{digest}, {digest}]"),
        format!("ARRAY[NULL, {digest}]"),
        format!("ARRAY[{digest}, {digest}]"),
        ALGORITHM_VERSION.to_string(),
        planned.inputs.rule.version.to_string(),
        quoted(&as_kept(&planned.inputs).unwrap()),
        quoted(&as_kept(decision).unwrap()),
        quoted(&decision.explanation),
        "gen_random_uuid()".to_owned(),
        "2".to_owned(),
        "NULL".to_owned(),
        "NULL".to_owned(),
        "NULL".to_owned(),
    ];
    let mut sql = include_str!("../../../src/db/sql/report.sql").to_owned();
    for (n, value) in values.iter().enumerate().rev() {
        sql = sql.replace(&format!("${}", n + 1), value);
    }
    let lines: Vec<&str> = sql.lines().filter(|l| !l.starts_with("--")).collect();
    lines.join("\n") + ";\n"
}

pub async fn measure(database: &TestDatabase, folder: &Path, statement: &str) -> Figure {
    let server = Server::start(database).await;
    let durable: String =
        sqlx::query_scalar("SHOW synchronous_commit").fetch_one(&database.databases.migrator).await.unwrap();
    let script = folder.join("post.lua");
    let places: Vec<String> = near_borders(database, 1000)
        .await
        .iter()
        .map(|p| format!("'\"lon\":{},\"lat\":{}'", p.lon(), p.lat()))
        .collect();
    let lua = format!(
        "local places, n = {{{}}}, 0\n\
         local headers = {{['Content-Type'] = 'application/json'}}\n\
         local seed = math.random(0, 65535)\n\
         function init() math.randomseed(os.time() + tonumber(tostring({{}}):match('0x(%x+)'), 16) % 100000) seed = math.random(0, 65535) end\n\
         function request()\n\
           n = n + 1\n\
           local id = string.format('%08x-%04x-4%03x-8%03x-%012x', math.random(0, 0x7fffffff), seed, n % 4096, math.random(0, 4095), n)\n\
           local body = '{{\"id\":\"' .. id .. '\",\"category\":\"0301\",\"description\":\"村口路边垃圾堆积,请尽快清运\",\"location\":{{\"source\":\"gps\",\"accuracy_m\":30,' .. places[n % #places + 1] .. '}}}}'\n\
           return wrk.format('POST', '/api/incidents', headers, body)\n\
         end\n\
         function done(s, l, r) io.write(string.format('rate=%f p99=%f bad=%d\\n', s.requests / s.duration * 1e6, l:percentile(99) / 1000, s.errors.status + s.errors.read + s.errors.timeout)) end",
        places.join(",")
    );
    std::fs::write(&script, lua).unwrap();
    let load = |time: &str| {
        let mut wrk = Command::new("wrk");
        wrk.args(["-t1", "-c", CONNECTIONS, "-d", time, "-s"]).arg(&script).arg(server.url("/"));
        output(&mut wrk)
    };
    // Once for what is read when it is first asked for.
    load("10");
    let said = load(&seconds().to_string());
    assert!(said.contains("bad=0"), "{said}");
    let (ours, late): (f64, f64) = (after(&said, "rate="), after(&said, "p99="));
    drop(server);
    let file = folder.join("post.sql");
    std::fs::write(&file, statement).unwrap();
    let mut pgbench = Command::new(pgbench_path());
    pgbench.args(["-n", "-M", "prepared", "-c", CONNECTIONS, "-j1", "-T", &seconds().to_string(), "-f"]).arg(&file);
    let bare = after(&output(pgbench.arg(database.url())), "tps = ");
    Figure {
        what: "`POST /api/incidents`, 32 connections".to_owned(),
        measured: format!("{ours:.0} a second, p99 {late:.1} ms (synchronous_commit = {durable})"),
        beside: format!("pgbench, the same rows by the same statement: {bare:.0} a second (ratio {:.2})", ours / bare),
        target: "≥ 0.40×, p99 ≤ 40 ms",
    }
}
