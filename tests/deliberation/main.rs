//! 逢五说事: its calendar, its agendas, and what becomes of the matters on them.

#![allow(clippy::unwrap_used)]

mod agenda;
mod calendar;
mod demo;
mod http;
mod matter;
mod near;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;

use chrono::NaiveDate;
use serde_json::{Value, json};
use sqlx::PgPool;
use support::{StillClock, TestDatabase, problem_or};
use uuid::Uuid;
use yitu::domain::{Problem, Viewer};
use yitu::service::Yitu;
use yitu::service::deliberation::put::put;
use yitu::service::deliberation::record::record;
use yitu::service::deliberation::view::EntryView;
use yitu::service::incident::act::act;
use yitu::service::incident::view::IncidentView;
use yitu::service::incident::{list, report};

/// A Tuesday morning, the day after a lunar 15th.
const MORNING: &str = "2026-11-24T09:00:00+08:00";
/// The days that follow: 农历十月廿五, 十一月初五, 十五, 廿五. Thursday, Sunday, Wednesday, Saturday.
const DAYS: [&str; 4] = ["2026-12-03", "2026-12-13", "2026-12-23", "2027-01-02"];

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

struct Desk {
    database: TestDatabase,
    yitu: Yitu,
    viewer: Viewer,
    clock: StillClock,
}

impl Desk {
    /// The small demo county on a morning.
    async fn open() -> Self {
        let database = TestDatabase::with_demo().await;
        let clock = StillClock::at(MORNING);
        let yitu = database.yitu().await.with_clock(Arc::new(clock.clone()));
        let county = database.county().await;
        let viewer = Viewer::whole_county(county, "值班员甲");
        Self { database, yitu, viewer, clock }
    }

    fn sql(&self) -> &PgPool {
        &self.database.databases.migrator
    }

    fn set_clock(&self, instant: &str) {
        let at: chrono::DateTime<chrono::Utc> = instant.parse().unwrap();
        self.clock.advance(at - self.yitu.clock.now());
    }

    /// A place to deliberate.
    async fn venue(&self) -> i64 {
        let sql = "SELECT id FROM venue WHERE kind = 'pavilion' ORDER BY id LIMIT 1";
        sqlx::query_scalar(sql).fetch_one(self.sql()).await.unwrap()
    }

    /// An incident that someone has signed for, somewhere in the village of a venue.
    async fn matter(&self) -> IncidentView {
        let (lon, lat): (f64, f64) = sqlx::query_as(
            "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(g.geom) p FROM layer_grid g JOIN venue v ON v.village_id = g.village_id
             WHERE g.kind = 'general' AND v.id = $1 ORDER BY g.id LIMIT 1) q",
        )
        .bind(self.venue().await)
        .fetch_one(self.sql())
        .await
        .unwrap();
        self.matter_at(json!({"source": "map", "lon": lon, "lat": lat}), "0301").await
    }

    async fn matter_at(&self, location: Value, category: &str) -> IncidentView {
        let body =
            json!({"id": Uuid::new_v4(), "category": category, "description": "路灯装在哪一侧", "location": location});
        let body = serde_json::from_value(body).unwrap();
        let made = problem_or(report::report(&self.yitu, &self.viewer, body).await).unwrap().incident;
        if made.state == "pending_location" {
            let unit: i64 = sqlx::query_scalar("SELECT id FROM handling_unit WHERE kind = 'township_centre' LIMIT 1")
                .fetch_one(self.sql())
                .await
                .unwrap();
            let given = self.step(&made, json!({"action": "transfer", "to_unit_id": unit})).await;
            return self.step(&given, json!({"action": "accept"})).await;
        }
        self.step(&made, json!({"action": "accept"})).await
    }

    async fn act(&self, now: &IncidentView, mut body: Value) -> Result<IncidentView, Box<Problem>> {
        body["expected_version"] = json!(now.version);
        problem_or(act(&self.yitu, &self.viewer, now.id, serde_json::from_value(body).unwrap(), None).await)
    }

    async fn step(&self, now: &IncidentView, body: Value) -> IncidentView {
        self.act(now, body.clone()).await.unwrap_or_else(|problem| panic!("{body}: {problem:?}"))
    }

    /// The problem's name and the field it names.
    async fn refused(&self, now: &IncidentView, body: Value) -> (&'static str, String) {
        named(&self.act(now, body).await.unwrap_err())
    }

    async fn seen(&self, id: Uuid) -> IncidentView {
        list::find(&self.yitu, &self.viewer, id).await.unwrap()
    }

    async fn put(&self, body: Value) -> Result<EntryView, Box<Problem>> {
        problem_or(put(&self.yitu, &self.viewer, serde_json::from_value(body).unwrap()).await)
    }

    async fn record(&self, entry: &EntryView, mut body: Value) -> Result<EntryView, Box<Problem>> {
        body["expected_version"] = json!(entry.version);
        problem_or(record(&self.yitu, &self.viewer, entry.id, serde_json::from_value(body).unwrap()).await)
    }

    /// What must hold of agendas and the matters on them, whatever has happened.
    async fn agendas_hold(&self) {
        let broken: Vec<String> = sqlx::query_scalar(
            "SELECT 'number ' || id FROM (SELECT id, row_number() OVER (PARTITION BY venue_id, day ORDER BY agenda_no) AS n, agenda_no FROM deliberation) q
               WHERE n <> agenda_no
             UNION ALL SELECT 'waits in vain ' || d.id FROM deliberation d JOIN incident i ON i.id = d.incident_id
               WHERE d.outcome = 'waiting' AND i.state <> 'deliberating'
             UNION ALL SELECT 'on no agenda ' || i.number FROM incident i WHERE i.state = 'deliberating'
               AND (SELECT count(*) FROM deliberation d WHERE d.incident_id = i.id AND d.outcome = 'waiting') <> 1
             UNION ALL SELECT 'restricted ' || i.number FROM incident i JOIN deliberation d ON d.incident_id = i.id WHERE i.restricted
             UNION ALL SELECT 'chain ' || d.id FROM deliberation d LEFT JOIN deliberation f ON f.id = d.carried_over_from
               WHERE d.carried_over_count <> coalesce(f.carried_over_count + 1, 0) OR f.outcome <> 'carried_over' OR f.topic <> d.topic
             UNION ALL SELECT 'due ' || i.number FROM incident i WHERE i.state = 'deliberating' AND i.resolve_by < i.next_deadline_at",
        )
        .fetch_all(self.sql())
        .await
        .unwrap();
        assert!(broken.is_empty(), "{broken:?}");
    }
}

fn named(problem: &Problem) -> (&'static str, String) {
    (problem.slug, problem.fields.first().map(|f| f.pointer.clone()).unwrap_or_default())
}
