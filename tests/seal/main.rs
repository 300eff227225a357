//! Seals over the history, their copy, the check that recomputes them, and lawful erasure; on the small demo county.

#![allow(clippy::unwrap_used)]

mod copy;
mod erase;
#[path = "../support/mod.rs"]
mod support;
mod tampered;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};
use support::{DEMO_NOW, StillClock, TestDatabase};
use uuid::Uuid;
use yitu::db::Request;
use yitu::domain::Viewer;
use yitu::domain::incident::{Action, Limits, State};
use yitu::service::Yitu;
use yitu::service::check::history::{self, HistoryReport};
use yitu::service::incident::act::act;
use yitu::service::incident::history::{Chain, Happening};
use yitu::service::incident::report::report;
use yitu::service::incident::view::IncidentView;
use yitu::service::seal::{Copies, pass};

/// A county with a data folder that holds the copies of its seals.
struct Desk {
    database: TestDatabase,
    yitu: Yitu,
    viewer: Viewer,
    data: tempfile::TempDir,
    copies: Copies,
}

impl Desk {
    async fn open() -> Self {
        let database = TestDatabase::with_demo().await;
        let yitu = database.yitu().await.with_clock(Arc::new(StillClock::at(DEMO_NOW)));
        let county = database.county().await;
        let data = tempfile::tempdir().unwrap();
        let copies = Copies::of(data.path());
        Self { database, yitu, viewer: Viewer::whole_county(county, "值班员甲"), data, copies }
    }

    /// The same with a seal over the demo's past and three over matters of now.
    async fn sealed() -> Self {
        let mut desk = Self::open().await;
        assert!(desk.seal().await > 1000);
        for _ in 0..3 {
            desk.report("路边垃圾堆积").await;
            assert_eq!(desk.seal().await, 2);
        }
        desk
    }

    fn now(&self) -> DateTime<Utc> {
        self.yitu.clock.now()
    }

    async fn seal(&mut self) -> usize {
        pass(&self.database.databases, &mut self.copies, self.yitu.clock.now()).await.unwrap()
    }

    /// The check a minute later, when nothing is new any more.
    async fn check(&self) -> HistoryReport {
        self.check_at(self.now() + Duration::minutes(1), self.data.path()).await
    }

    async fn check_at(&self, now: DateTime<Utc>, data: &Path) -> HistoryReport {
        let mut reports = history::run(&self.database.databases, data, now).await.unwrap();
        assert_eq!(reports.len(), 1);
        reports.remove(0)
    }

    /// The kinds of fault, each once.
    async fn kinds(&self) -> Vec<&'static str> {
        let mut kinds: Vec<_> = self.check().await.faults.iter().map(|f| f.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    fn copy(&self) -> std::path::PathBuf {
        yitu::service::seal::copy::path(self.data.path(), self.viewer.county_id())
    }

    async fn report(&self, description: &str) -> IncidentView {
        let (lon, lat) = self.place().await;
        let body = json!({"id": Uuid::new_v4(), "category": "0301", "description": description,
                          "reporter": {"kind": "villager", "name": "林小明", "phone": "19900001234"},
                          "location": {"source": "map", "lon": lon, "lat": lat, "text": "林小明家门口"}});
        report(&self.yitu, &self.viewer, serde_json::from_value(body).unwrap()).await.unwrap().incident
    }

    async fn act(&self, now: &IncidentView, mut body: Value) -> IncidentView {
        body["expected_version"] = json!(now.version);
        act(&self.yitu, &self.viewer, now.id, serde_json::from_value(body).unwrap(), None).await.unwrap()
    }

    async fn place(&self) -> (f64, f64) {
        sqlx::query_as("SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) p FROM layer_grid WHERE kind = 'general' ORDER BY id LIMIT 1) q")
            .fetch_one(&self.database.databases.migrator)
            .await
            .unwrap()
    }

    async fn one<T: Send + Unpin>(&self, sql: &'static str) -> T
    where
        (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        self.database.one(sql).await
    }

    /// As someone may who has the database: no trigger stands in the way.
    async fn tamper(&self, sql: &str) {
        let mut connection = self.database.databases.migrator.acquire().await.unwrap();
        let sql = format!("SET session_replication_role = replica; {sql}; RESET session_replication_role");
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
    }

    fn cli(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_yitu"))
            .args(arguments)
            .env("DATABASE_URL", self.database.url())
            .env("YITU_DATA_DIR", self.data.path())
            .output()
            .unwrap()
    }
}

/// The statement of migration 0023 that computes every digest anew.
fn rehash() -> &'static str {
    let sql = include_str!("../../migrations/0023_sealed_history.sql");
    let from = sql.find("WITH RECURSIVE body").unwrap();
    &sql[from..from + sql[from..].find(';').unwrap()]
}

fn comment(note: &str, at: DateTime<Utc>, state: State) -> Happening<'_> {
    Happening {
        action: Action::Comment,
        actor: "值班员甲",
        at,
        from: Some(state),
        to: state,
        unit: None,
        responder: None,
        note,
        limits: Limits { resolve_by: Some(at), accept_by: Some(at), next_deadline_at: Some(at), overdue_since: None },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_row_is_sealed_once_however_late_it_commits_and_whoever_seals() {
    let mut desk = Desk::open().await;
    let county = desk.viewer.county_id();
    // A row whose id is given out first and whose transaction ends last.
    let slow = desk.report("久拖的一件").await;
    let mut late = Request::begin(&desk.database.databases.request, &desk.viewer).await.unwrap();
    let row = comment("补充", desk.now(), State::PendingAccept);
    Chain::of(&mut late, county, slow.id).await.unwrap().append(&mut late, county, slow.id, &row).await.unwrap();

    // Two servers with a data folder each, and a third that shares the first one's.
    let elsewhere = tempfile::tempdir().unwrap();
    let (mut other, mut third) = (Copies::of(elsewhere.path()), Copies::of(desk.data.path()));
    for turn in 0..6 {
        let mut own = std::mem::replace(&mut desk.copies, Copies::of(desk.data.path()));
        let (db, now) = (&desk.database.databases, desk.now());
        let (_, a, b, c) = tokio::join!(
            futures::future::join_all((0..4).map(|_| desk.report("路边垃圾堆积"))),
            pass(db, &mut own, now),
            pass(db, &mut other, now),
            pass(db, &mut third, now)
        );
        desk.copies = own;
        let sealed = a.unwrap() + b.unwrap() + c.unwrap();
        assert!(turn > 0 || sealed > 0);
    }
    // It held the file; whoever is left goes on with it.
    drop(third);
    desk.seal().await;
    let unsealed = "SELECT count(*) FROM incident_history WHERE seal_number IS NULL";
    assert_eq!(desk.one::<i64>(unsealed).await, 0, "what is under way is not seen");
    late.commit().await.unwrap();
    assert_eq!(desk.one::<i64>(unsealed).await, 1);
    assert_eq!(desk.seal().await, 1, "the late row, and only that");
    assert_eq!(desk.seal().await, 0);
    pass(&desk.database.databases, &mut other, desk.now()).await.unwrap();

    let report = desk.check().await;
    assert_eq!((report.count, report.faults.as_slice()), (0, &[][..]));
    let rows: i64 = desk.one("SELECT count(*) FROM incident_history").await;
    assert_eq!((report.rows as i64, report.seals as i64), (rows, desk.one("SELECT count(*) FROM history_seal").await));
    let covered: i64 = desk.one("SELECT sum(rows)::bigint FROM history_seal").await;
    assert_eq!(covered, rows, "each row once");
    let copied = std::fs::read_to_string(desk.copy()).unwrap();
    assert_eq!(copied, std::fs::read_to_string(yitu::service::seal::copy::path(elsewhere.path(), county)).unwrap());
    assert_eq!(copied.lines().count() as u64, report.seals);
}

#[tokio::test]
async fn a_history_from_before_gets_the_digests_this_program_computes() {
    let desk = Desk::sealed().await;
    let rehash = rehash();
    // Rows from before held no details and no seal.
    let before = "UPDATE incident_history SET detail = '{}', digest = sha256(digest), seal_number = NULL; DELETE FROM history_seal";
    desk.tamper(before).await;
    assert_ne!(desk.check().await.count, 0);
    desk.tamper(rehash).await;
    let anew = tempfile::tempdir().unwrap();
    pass(&desk.database.databases, &mut Copies::of(anew.path()), desk.now()).await.unwrap();
    assert_eq!(desk.check_at(desk.now(), anew.path()).await.count, 0);

    for actor in [
        "系统",
        "responder:7",
        "unit:12",
        "user_group:1",
        "值班员甲",
        "responder:",
        ":7",
        "热线:7",
        "Unit:3",
        "unit:3 ",
    ] {
        let told: bool = sqlx::query_scalar("SELECT is_reference($1)")
            .bind(actor)
            .fetch_one(&desk.database.databases.migrator)
            .await
            .unwrap();
        assert_eq!(told, yitu::domain::seal::is_reference(actor), "{actor}");
    }
}
