//! The duty officer's lists, tables and figures, against brute force over the raw rows.

#![allow(clippy::unwrap_used)]

mod figures;
mod lists;
mod sampled;
#[path = "../support/mod.rs"]
mod support;
mod tables;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::FromRow;
use support::{StillClock, TestDatabase, TestServer};
use uuid::Uuid;
use yitu::domain::incident::Limits;
use yitu::domain::{Problem, Viewer};
use yitu::service::ServiceError;
use yitu::service::incident::act::{Act, act};
use yitu::service::incident::check::Report;
use yitu::service::incident::view::IncidentView;
use yitu::service::incident::{deadline, list, report};

/// A Tuesday morning.
const MORNING: &str = "2026-11-24T09:00:00+08:00";

struct Desk {
    database: TestDatabase,
    server: TestServer,
    viewer: Viewer,
    clock: StillClock,
    rng: ChaCha8Rng,
    /// Points well inside general grids of different villages.
    places: Vec<(f64, f64)>,
    categories: Vec<String>,
    units: Vec<i64>,
    /// What was reported here.
    all: Vec<Uuid>,
}

impl Desk {
    async fn open(seed: u64) -> Self {
        let database = TestDatabase::with_demo().await;
        let clock = StillClock::at(MORNING);
        let yitu = database.yitu().await.with_clock(Arc::new(clock.clone()));
        let pool = &database.databases.migrator;
        let county = database.county().await;
        let places = sqlx::query_as(
            "SELECT ST_X(p), ST_Y(p) FROM (SELECT DISTINCT ON (village_id) ST_PointOnSurface(geom) p FROM layer_grid
             WHERE kind = 'general' ORDER BY village_id, id) q",
        );
        let places = places.fetch_all(pool).await.unwrap();
        let categories = "SELECT code FROM category WHERE parent_id IS NOT NULL ORDER BY code";
        let categories = sqlx::query_scalar(categories).fetch_all(pool).await.unwrap();
        let units = "SELECT id FROM handling_unit ORDER BY kind, id";
        let units = sqlx::query_scalar(units).fetch_all(pool).await.unwrap();
        Self {
            server: TestServer::start(yitu).await,
            viewer: Viewer::whole_county(county, "值班员甲"),
            rng: ChaCha8Rng::seed_from_u64(seed),
            all: Vec::new(),
            database,
            clock,
            places,
            categories,
            units,
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.server.yitu.clock.now()
    }

    /// Reports from a place on the map (`map`), by words alone (`text`), or as done already (`spot`).
    async fn report(&mut self, category: &str, how: &str) -> IncidentView {
        let (lon, lat) = *self.places.choose(&mut self.rng).unwrap();
        let urgency = ["ordinary", "hard", "urgent"][self.rng.random_range(0..3)];
        let mut body = json!({"id": Uuid::from_u128(self.rng.random()), "category": category, "description": "路边垃圾堆积",
            "urgency": urgency, "location": {"source": "map", "lon": lon, "lat": lat}});
        match how {
            "text" => body["location"] = json!({"source": "text", "text": "祠堂后面"}),
            "spot" => body["resolve_on_spot"] = json!({"note": "当场清理"}),
            _ => {}
        }
        let body: Report = serde_json::from_value(body).unwrap();
        let made = report::report(&self.server.yitu, &self.viewer, body).await.unwrap().incident;
        self.all.push(made.id);
        made
    }

    async fn seen(&self, id: Uuid) -> IncidentView {
        list::find(&self.server.yitu, &self.viewer, id).await.unwrap()
    }

    /// Does a step with the present version.
    async fn act(&self, id: Uuid, mut body: Value) -> Result<IncidentView, Box<Problem>> {
        body["expected_version"] = json!(self.seen(id).await.version);
        let body: Act = serde_json::from_value(body).unwrap();
        match act(&self.server.yitu, &self.viewer, id, body, None).await {
            Ok(view) => Ok(view),
            Err(ServiceError::Problem(problem)) => Err(problem),
            Err(other) => panic!("{other}"),
        }
    }

    async fn step(&self, id: Uuid, body: Value) -> IncidentView {
        self.act(id, body.clone()).await.unwrap_or_else(|problem| panic!("{body}: {problem:?}"))
    }

    /// Reporters, people and the clock in any order.
    async fn live(&mut self, turns: usize) {
        for _ in 0..turns {
            match self.rng.random_range(0..10) {
                0 | 1 if self.all.len() < 40 => {
                    let category = self.categories.choose(&mut self.rng).unwrap().clone();
                    let how = *["map", "map", "map", "text", "spot"].choose(&mut self.rng).unwrap();
                    self.report(&category, how).await;
                }
                2 => {
                    self.clock.advance(Duration::minutes([7, 95, 60 * 30][self.rng.random_range(0..3)]));
                    deadline::pass(&self.server.yitu).await.unwrap();
                }
                _ => self.anything().await,
            }
        }
    }

    async fn anything(&mut self) {
        let Some(&id) = self.all.choose(&mut self.rng) else { return };
        let actions = self.seen(id).await.actions;
        let Some(mut action) = actions.choose(&mut self.rng) else { return };
        // Most matters are worked on; few are void or duplicates.
        if let Some(accept) = actions.iter().find(|a| *a == "accept").filter(|_| self.rng.random_bool(0.5)) {
            action = accept;
        }
        if matches!(action.as_str(), "cancel" | "merge") && self.rng.random_bool(0.8) {
            return;
        }
        let (other, unit) = (*self.all.choose(&mut self.rng).unwrap(), *self.units.choose(&mut self.rng).unwrap());
        let day = (self.now() + Duration::days(self.rng.random_range(0..9))).date_naive();
        let body = json!({"action": action, "note": "记", "passed": self.rng.random_bool(0.6), "to_unit_id": unit, "actor": "乡镇丙",
            "days": self.rng.random_range(1..9), "review_on": day, "unit_ids": [unit], "unit_id": unit, "into": other,
            "rating": self.rng.random_range(1..6)});
        // What may not be done is refused, and nothing is written.
        let _ = self.act(id, body).await;
    }

    /// One life of each kind, so that nothing is left to chance.
    async fn every_kind(&mut self) {
        let called: i64 =
            sqlx::query_scalar("SELECT id FROM handling_unit WHERE kind = 'department' ORDER BY id LIMIT 1")
                .fetch_one(&self.database.databases.migrator)
                .await
                .unwrap();
        let (one, same, void) = (
            self.report("0301", "map").await.id,
            self.report("0301", "map").await.id,
            self.report("0301", "map").await.id,
        );
        self.step(same, json!({"action": "merge", "into": one})).await;
        self.step(void, json!({"action": "cancel", "note": "误报"})).await;
        let whole = self.report("0301", "map").await.id;
        let fail = json!({"action": "check", "passed": false, "note": "还在", "actor": "乡镇丙"});
        for act in [
            json!({"action": "accept"}),
            json!({"action": "extend", "days": 1, "note": "等材料"}),
            json!({"action": "supervise", "note": "尽快"}),
            json!({"action": "whistle", "unit_ids": [called]}),
            json!({"action": "sign_in", "unit_id": called}),
            json!({"action": "resolve"}),
            fail.clone(),
            json!({"action": "resolve"}),
            json!({"action": "check", "passed": true, "actor": "乡镇丙"}),
        ] {
            self.clock.advance(Duration::minutes(3));
            self.step(whole, act).await;
        }
        let (spot, waiting) = (self.report("0301", "spot").await.id, self.report("0301", "map").await.id);
        self.step(spot, fail).await;
        self.report("0301", "text").await;
        self.step(one, json!({"action": "supervise", "note": "尽快"})).await;
        self.clock.advance(Duration::days(4));
        deadline::pass(&self.server.yitu).await.unwrap();
        self.step(waiting, json!({"action": "whistle", "unit_ids": [called], "sign_in_minutes": 600})).await;
        for how in ["spot", "text", "map", "map"] {
            self.report("0301", how).await;
        }
        let done = self.report("0301", "map").await.id;
        for action in ["accept", "resolve"] {
            self.step(done, json!({"action": action})).await;
        }
    }

    /// Every matter with its whole history, as it lies in the tables.
    async fn lives(&self) -> Vec<Life> {
        let pool = &self.database.databases.migrator;
        let sql = "SELECT i.id, i.number, i.restricted, i.received_at, i.village_id, v.parent_id AS township_id, c.code AS category, p.code AS parent
                   FROM incident i JOIN category c ON c.id = i.category_id LEFT JOIN category p ON p.id = c.parent_id
                     LEFT JOIN region v ON v.id = i.village_id ORDER BY i.id";
        let facts: Vec<Facts> = sqlx::query_as(sql).fetch_all(pool).await.unwrap();
        let sql = "SELECT incident_id, action::text AS action, at, from_state::text AS from_state, to_state::text AS to_state, unit_id, detail
                   FROM incident_history ORDER BY incident_id, ordinal";
        let mut steps: BTreeMap<Uuid, Vec<Step>> = BTreeMap::new();
        for step in sqlx::query_as::<_, Step>(sql).fetch_all(pool).await.unwrap() {
            steps.entry(step.incident_id).or_default().push(step);
        }
        facts.into_iter().map(|facts| Life { steps: steps.remove(&facts.id).unwrap(), facts }).collect()
    }
}

#[derive(Debug, FromRow)]
struct Facts {
    id: Uuid,
    number: i64,
    restricted: bool,
    received_at: DateTime<Utc>,
    village_id: Option<i64>,
    township_id: Option<i64>,
    category: String,
    parent: Option<String>,
}

#[derive(Debug, FromRow)]
struct Step {
    incident_id: Uuid,
    action: String,
    at: DateTime<Utc>,
    from_state: Option<String>,
    to_state: String,
    unit_id: Option<i64>,
    detail: Value,
}

impl Step {
    fn limits(&self) -> Limits {
        Limits::deserialize(&self.detail["limits"]).unwrap()
    }

    fn ends(&self) -> bool {
        matches!(self.to_state.as_str(), "closed" | "cancelled")
    }
}

#[derive(Debug)]
struct Life {
    facts: Facts,
    steps: Vec<Step>,
}

impl Life {
    /// The steps before an instant; none when it had not come in.
    fn before(&self, instant: DateTime<Utc>) -> &[Step] {
        &self.steps[..self.steps.partition_point(|s| s.at < instant)]
    }
}

fn is_overdue(steps: &[Step], at: DateTime<Utc>) -> bool {
    let last = steps.last().unwrap();
    let limits = last.limits();
    !last.ends() && (limits.overdue_since.is_some() || limits.next_deadline_at.unwrap() < at)
}

/// What an incident's row says of its limits is what its last history row says, in the demo's past as well.
#[tokio::test]
async fn the_history_keeps_the_limits_of_every_step() {
    let mut desk = Desk::open(1).await;
    desk.live(250).await;
    let differing: Vec<(i64, Value, Value)> = sqlx::query_as(
        "SELECT number, said, detail -> 'limits' FROM (
           SELECT i.number, h.detail, jsonb_build_object('accept_by', i.accept_by, 'resolve_by', i.resolve_by, 'next_deadline_at', i.next_deadline_at,
             'overdue_since', CASE WHEN i.next_deadline_at IS NOT NULL THEN i.overdue_since END) AS said
           FROM incident i JOIN incident_history h ON h.incident_id = i.id AND h.ordinal = i.version) q
         WHERE EXISTS (SELECT FROM jsonb_each_text(said) s WHERE s.value::timestamptz IS DISTINCT FROM (detail -> 'limits' ->> s.key)::timestamptz)",
    )
    .fetch_all(&desk.database.databases.migrator)
    .await
    .unwrap();
    assert!(differing.is_empty(), "{} differ: {:?}", differing.len(), &differing[..1]);
}
