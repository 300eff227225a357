//! Thousands of short random schedules of reporters, people, clocks and crashes. After every step each matter is compared
//! with what the rules say becomes of it: its state, its owner, its deadline, and that it happened once.

// The rules stand one a line, and every step is a future of its own.
#![allow(clippy::match_same_arms, clippy::large_futures)]

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use futures::FutureExt;
use futures::future::{join, join_all, poll_fn};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use uuid::Uuid;
use yitu::db::Request;
use yitu::domain::calendar::WorkCalendar;
use yitu::service::Yitu;
use yitu::service::incident::deadline;
use yitu::service::incident::facts::Facts;

use crate::support::StillClock;
use crate::{Desk, chains_hold};

/// A Tuesday morning; every schedule begins then.
const MORNING: &str = "2026-11-24T09:00:00+08:00";
const A_WORKING_DAY: i64 = 24 * 60;
const RUNGS: [&str; 5] = ["grid_group", "village_party_org", "township_centre", "county_centre", "county_duty_officer"];

/// A matter as it is stored, and whether it is whole.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
struct Matter {
    state: String,
    version: i32,
    next_deadline_at: Option<DateTime<Utc>>,
    resolve_by: Option<DateTime<Utc>>,
    owner: Option<i64>,
    owner_kind: Option<String>,
    /// Steps of the clock because a limit had passed or a review was due.
    clock_steps: i64,
    last_action: String,
    broken: Option<String>,
}

impl Matter {
    fn height(&self) -> Option<usize> {
        RUNGS.iter().position(|k| Some(*k) == self.owner_kind.as_deref())
    }

    fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.next_deadline_at.is_some_and(|by| by <= now)
    }
}

/// What was tried, and how often it happened.
#[derive(Debug, Default)]
struct Tally {
    taken: std::collections::BTreeMap<String, u32>,
    refused: u32,
    raced: u32,
    by_the_clock: u32,
    crashes_before: u32,
    crashes_after: u32,
}

struct Play {
    desk: Desk,
    clock: StillClock,
    calendar: WorkCalendar,
    other_server: Yitu,
    units: Vec<i64>,
    departments: Vec<i64>,
    doors: Vec<(i64, f64, f64)>,
    rng: ChaCha8Rng,
    tally: Tally,
}

impl Play {
    async fn open(seed: u64) -> Self {
        let clock = StillClock::at(MORNING);
        let desk = Desk::open().await.by(&clock);
        let pool = &desk.database.databases.migrator;
        let units = "SELECT id FROM handling_unit WHERE kind IN ('grid_group', 'village_party_org', 'township_centre') ORDER BY md5(id::text) LIMIT 40";
        let units = sqlx::query_scalar(units).fetch_all(pool).await.unwrap();
        let departments = "SELECT id FROM handling_unit WHERE kind = 'department' ORDER BY id";
        let departments = sqlx::query_scalar(departments).fetch_all(pool).await.unwrap();
        let doors = "SELECT id, ST_X(geom), ST_Y(geom) FROM household WHERE geom IS NOT NULL AND grid_id IS NOT NULL ORDER BY md5(id::text) LIMIT 400";
        let doors = sqlx::query_as(doors).fetch_all(pool).await.unwrap();
        // What the demo left overdue is moved before anything is counted.
        deadline::pass(&desk.yitu).await.unwrap();
        let calendar = Facts::new(&desk.yitu, &desk.viewer, desk.yitu.clock.now()).calendar().await.unwrap();
        let other_server = desk.database.yitu().await.with_clock(Arc::new(clock.clone()));
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self {
            desk,
            clock,
            calendar: (*calendar).clone(),
            other_server,
            units,
            departments,
            doors,
            rng,
            tally: Tally::default(),
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.desk.yitu.clock.now()
    }

    /// The matter as committed. A step that was cut off holds its lock until it is undone or done: that is waited for.
    async fn stored(&self, id: Uuid) -> Option<Matter> {
        let mut tx = self.desk.database.databases.migrator.begin().await.unwrap();
        let lock = sqlx::query("SELECT FROM incident WHERE id = $1 FOR UPDATE").bind(id);
        let there = soon("the lock of what was cut off", lock.fetch_optional(&mut *tx)).await;
        there.unwrap()?;
        let sql = "SELECT i.state::text, i.version, i.next_deadline_at, i.resolve_by, o.unit_id AS owner, u.kind::text AS owner_kind,
              h.clock_steps, h.last_action, CASE
                WHEN a.owners <> CASE WHEN i.state IN ('closed', 'cancelled') THEN 0 ELSE 1 END THEN 'owners'
                WHEN (i.state IN ('closed', 'cancelled')) <> (i.next_deadline_at IS NULL) THEN 'deadline'
                WHEN a.doubled THEN 'a unit has two parts'
                WHEN h.steps <> i.version OR h.last <> i.version THEN 'version'
                WHEN h.last_state <> i.state::text THEN 'state'
                WHEN h.torn THEN 'history' END AS broken
            FROM incident i
            LEFT JOIN assignment o ON o.county_id = i.county_id AND o.id = i.current_assignment_id AND o.ended_at IS NULL AND o.role = 'owner'
            LEFT JOIN handling_unit u ON u.id = o.unit_id,
              LATERAL (SELECT count(*) FILTER (WHERE role = 'owner' AND ended_at IS NULL) AS owners,
                 count(*) FILTER (WHERE ended_at IS NULL) <> count(DISTINCT unit_id) FILTER (WHERE ended_at IS NULL) AS doubled
                 FROM assignment a WHERE a.county_id = i.county_id AND a.incident_id = i.id) a,
              LATERAL (SELECT count(*) AS steps, max(ordinal) AS last,
                 count(*) FILTER (WHERE actor = '系统' AND action IN ('escalate', 'resume', 'nudge', 'deliberate') AND note NOT LIKE '%未在时限内签到%') AS clock_steps,
                 (array_agg(action::text ORDER BY ordinal DESC))[1] AS last_action,
                 (array_agg(to_state::text ORDER BY ordinal DESC))[1] AS last_state,
                 bool_or(torn) AS torn
                 FROM (SELECT *, ordinal > 1 AND (from_state IS DISTINCT FROM lag(to_state) OVER w OR previous_digest IS DISTINCT FROM lag(digest) OVER w) AS torn
                       FROM incident_history h WHERE h.county_id = i.county_id AND h.incident_id = i.id WINDOW w AS (ORDER BY ordinal)) h) h
            WHERE i.id = $1";
        let found: Matter = sqlx::query_as(sql).bind(id).fetch_one(&mut *tx).await.unwrap();
        assert_eq!(found.broken, None, "{id}: {found:?}");
        Some(found)
    }

    fn a_report(&mut self) -> Value {
        let (household, lon, lat) = *self.doors.choose(&mut self.rng).unwrap();
        let location = match self.rng.random_range(0..10) {
            0 => json!({"source": "text", "text": "村口大樟树旁"}),
            1 => json!({"source": "household", "household_id": household}),
            2..5 => {
                json!({"source": "gps", "lon": lon, "lat": lat, "accuracy_m": *[5.0, 30.0, 80.0].choose(&mut self.rng).unwrap()})
            }
            _ => json!({"source": "map", "lon": lon, "lat": lat}),
        };
        let mut body = json!({"id": Uuid::new_v4(), "category": "0301", "description": "路边垃圾堆积", "location": location,
            "urgency": *["ordinary", "ordinary", "hard", "urgent"].choose(&mut self.rng).unwrap()});
        if self.rng.random_bool(0.1) && body["location"]["source"] != "text" {
            body["resolve_on_spot"] = json!({"note": "当场清理"});
        }
        body
    }

    /// Several phones, or one that tries again, or one that is cut off: the same id is one matter.
    async fn report(&mut self) -> Uuid {
        let body = self.a_report();
        let id: Uuid = serde_json::from_value(body["id"].clone()).unwrap();
        if self.rng.random_bool(0.3) {
            let polls = self.rng.random_range(1..24);
            let done = soon("a report cut off", cut_off(self.desk.report(body.clone()), polls)).await;
            self.note_crash(done.is_some());
        }
        let times = self.rng.random_range(1..4);
        let all = soon("a report", join_all((0..times).map(|_| self.desk.report(body.clone())))).await;
        let numbers: Vec<i64> = all.into_iter().map(|r| r.unwrap().incident.number).collect();
        assert!(numbers.windows(2).all(|w| w[0] == w[1]), "{numbers:?}");
        let now = self.stored(id).await.unwrap();
        let expected = match (&body["resolve_on_spot"], &body["location"]["source"]) {
            (Value::Object(_), _) => "closed",
            (_, source) if source == "text" => "pending_location",
            _ => "pending_accept",
        };
        assert_eq!(now.state, expected);
        assert!(!now.is_due(self.now()));
        *self.tally.taken.entry("report".to_owned()).or_default() += 1;
        id
    }

    fn note_crash(&mut self, done: bool) {
        if done { self.tally.crashes_after += 1 } else { self.tally.crashes_before += 1 }
    }

    fn an_act(&mut self, before: &Matter, others: &[Uuid], actions: &[String]) -> Value {
        let unit =
            *if self.rng.random_bool(0.7) { &self.units } else { &self.departments }.choose(&mut self.rng).unwrap();
        let (_, lon, lat) = *self.doors.choose(&mut self.rng).unwrap();
        let day = self.calendar.day(self.now()) + Duration::days(self.rng.random_range(0..9));
        let impossible = self.rng.random_bool(0.05);
        let action = actions.choose(&mut self.rng).filter(|_| !impossible).cloned();
        let action = action
            .unwrap_or_else(|| (*["accept", "resolve", "check", "resume"].choose(&mut self.rng).unwrap()).to_owned());
        // Most matters are signed for, and their ends are rarer than their middles.
        let action =
            if before.state == "pending_accept" && self.rng.random_bool(0.3) { "accept".to_owned() } else { action };
        let action = if action == "cancel" && self.rng.random_bool(0.8) { "nudge".to_owned() } else { action };
        let mut act = json!({"action": action, "expected_version": before.version, "note": "记", "passed": self.rng.random_bool(0.5),
            "days": self.rng.random_range(0..6), "review_on": day, "unit_ids": [unit], "unit_id": unit,
            "into": others.choose(&mut self.rng).unwrap(), "rating": self.rng.random_range(0..7),
            "location": {"source": "map", "lon": lon, "lat": lat}, "actor": "网格员甲"});
        if action == "check" {
            act["actor"] = json!("核查员乙");
        }
        if action == "transfer" || self.rng.random_bool(0.5) {
            act["to_unit_id"] = json!(unit);
        }
        act
    }

    /// Someone acts, or two at once, or one who is cut off before the answer comes.
    async fn act(&mut self, id: Uuid, others: &[Uuid]) {
        let before = self.stored(id).await.unwrap();
        let ways = soon("a look", yitu::service::incident::list::find(&self.desk.yitu, &self.desk.viewer, id))
            .await
            .unwrap()
            .actions;
        let act = self.an_act(&before, others, &ways);
        let how = self.rng.random_range(0..10);
        let taken = match how {
            0..2 => {
                let polls = self.rng.random_range(1..60);
                let done = soon("an action cut off", cut_off(self.desk.act(id, act.clone()), polls)).await;
                self.note_crash(done.is_some());
                done.map(|result| result.is_ok())
            }
            2..4 => {
                let rival = self.an_act(&before, others, &ways);
                let (one, two) =
                    soon("two actions", join(self.desk.act(id, act.clone()), self.desk.act(id, rival.clone()))).await;
                assert!(!(one.is_ok() && two.is_ok()), "both were taken: {act} {rival}");
                self.tally.raced += 1;
                if two.is_ok() {
                    return self.happened(id, &before, &rival).await;
                }
                Some(one.is_ok())
            }
            _ => Some(soon("an action", self.desk.act(id, act.clone())).await.is_ok()),
        };
        let after = self.stored(id).await.unwrap();
        match taken {
            Some(true) => self.happened(id, &before, &act).await,
            Some(false) => {
                self.tally.refused += 1;
                assert_eq!(after, before, "refused, and something changed: {act}");
            }
            // Nobody was told: all of it, or nothing.
            None if after.version == before.version => assert_eq!(after, before, "half done: {act}"),
            None => self.happened(id, &before, &act).await,
        }
    }

    /// What an action makes of a matter, by the rules.
    async fn happened(&mut self, id: Uuid, before: &Matter, act: &Value) {
        let after = self.stored(id).await.unwrap();
        let now = self.now();
        let said = format!("{act}\nbefore {before:?}\nafter {after:?}");
        let action = act["action"].as_str().unwrap();
        *self.tally.taken.entry(action.to_owned()).or_default() += 1;
        let grace = self.calendar.after_minutes(now, A_WORKING_DAY);
        let promised = before.resolve_by.filter(|by| *by > now);
        let at_least = before.resolve_by.map_or(grace, |by| by.max(grace));
        let day = serde_json::from_value(act["review_on"].clone()).unwrap();
        let passed = act["passed"] == true;
        let was = before.state.as_str();
        let (state, deadline) = match action {
            "accept" => ("in_progress", Some(promised.unwrap_or(grace))),
            "return" | "transfer" | "locate" => ("pending_accept", after.next_deadline_at.filter(|by| *by > now)),
            "resolve" => ("pending_check", Some(grace)),
            "check" if passed => ("closed", None),
            "check" => ("in_progress", Some(at_least)),
            "extend" => ("in_progress", after.resolve_by.filter(|by| *by > before.resolve_by.unwrap_or(now).max(now))),
            "suspend" => ("suspended", Some(self.calendar.midnight(day))),
            "resume" => ("in_progress", Some(at_least)),
            "deliberate" => ("deliberating", after.next_deadline_at.filter(|by| *by > now)),
            "resolve_on_spot" => ("closed", None),
            "merge" | "cancel" => ("cancelled", None),
            "rate" => ("closed", None),
            "nudge" | "supervise" | "comment" | "whistle" | "sign_in" => (was, before.next_deadline_at),
            other => panic!("the rules say nothing of {other}"),
        };
        assert_eq!((after.version, after.last_action.as_str()), (before.version + 1, action), "{said}");
        assert_eq!((after.state.as_str(), after.next_deadline_at), (state, deadline), "{said}");
        assert_eq!(after.clock_steps, before.clock_steps, "{said}");
        match action {
            "transfer" => assert_eq!(Some(after.owner), before.owner.map(|_| act["to_unit_id"].as_i64()), "{said}"),
            "return" if act["to_unit_id"].is_null() => assert!(after.height() > before.height(), "{said}"),
            "return" => assert_eq!(after.owner, act["to_unit_id"].as_i64(), "{said}"),
            "locate" => assert!(after.owner.is_some(), "{said}"),
            _ if matches!(after.state.as_str(), "closed" | "cancelled") => assert_eq!(after.owner, None, "{said}"),
            // Closed on the spot and not as it should be: an owner again.
            "check" if was == "closed" => assert!(after.owner.is_some(), "{said}"),
            _ => assert_eq!(after.owner, before.owner, "{said}"),
        }
    }

    /// Time passes, and one server or two look at the clock, or one that dies over it.
    async fn tick(&mut self, all: &[Uuid]) {
        self.clock
            .advance(Duration::minutes(*[5, 31, 130, 60 * 15, 60 * 25, 60 * 24 * 4].choose(&mut self.rng).unwrap()));
        let now = self.now();
        let mut before = Vec::new();
        for id in all {
            before.push(self.stored(*id).await.unwrap());
        }
        if self.rng.random_bool(0.2) {
            let polls = self.rng.random_range(1..80);
            let done = soon("a look at the clock cut off", cut_off(deadline::pass(&self.desk.yitu), polls)).await;
            self.note_crash(done.is_some());
        }
        // A matter somebody holds is left for the next look.
        for _ in 0..100 {
            let both = join(deadline::pass(&self.desk.yitu), deadline::pass(&self.other_server));
            let (one, two) = soon("a look at the clock", both).await;
            one.unwrap();
            two.unwrap();
            let left = "SELECT count(*) FROM incident WHERE next_deadline_at <= $1";
            let left: i64 =
                sqlx::query_scalar(left).bind(now).fetch_one(&self.desk.database.databases.migrator).await.unwrap();
            if left == 0 {
                break;
            }
        }
        for (id, before) in all.iter().zip(before) {
            let after = self.stored(*id).await.unwrap();
            let said = format!("at {now}: {before:?}\nafter {after:?}");
            if !before.is_due(now) {
                assert_eq!(
                    (after.clock_steps, &after.state, after.owner),
                    (before.clock_steps, &before.state, before.owner),
                    "{said}"
                );
                continue;
            }
            self.tally.by_the_clock += 1;
            assert_eq!(after.clock_steps, before.clock_steps + 1, "once: {said}");
            assert!(!after.is_due(now) && after.next_deadline_at.is_some(), "{said}");
            match before.state.as_str() {
                "suspended" => assert_eq!((after.state.as_str(), after.owner), ("in_progress", before.owner), "{said}"),
                "pending_check" => assert_eq!((&after.state, after.owner), (&before.state, before.owner), "{said}"),
                // The next agenda, as long as it may be carried over.
                "deliberating" if after.state == "deliberating" => assert_eq!(after.owner, before.owner, "{said}"),
                _ if before.owner_kind.as_deref() == Some(RUNGS[4]) => {
                    assert_eq!((&after.state, after.owner), (&before.state, before.owner), "{said}");
                }
                _ => {
                    assert_eq!(after.state, "pending_accept", "{said}");
                    assert!(after.height() > before.height(), "one level up: {said}");
                    assert_eq!(after.resolve_by, before.resolve_by, "the promise stays: {said}");
                }
            }
        }
    }

    /// The server dies and comes again; what it knew by heart is gone.
    async fn restart(&mut self) {
        self.desk.yitu = self.desk.database.yitu().await.with_clock(Arc::new(self.clock.clone()));
    }

    async fn schedule(&mut self) {
        let mut all = vec![self.report().await];
        if self.rng.random_bool(0.3) {
            all.push(self.report().await);
        }
        for _ in 0..self.rng.random_range(3..10) {
            if self.rng.random_bool(0.2) {
                self.tick(&all).await;
            } else {
                let id = *all.choose(&mut self.rng).unwrap();
                self.act(id, &all).await;
            }
        }
        // Whatever is open ends here, so that the next schedule is alone with the clock.
        for id in &all {
            let left = self.stored(*id).await.unwrap();
            if left.next_deadline_at.is_some() {
                let void = json!({"action": "cancel", "note": "演练结束", "expected_version": left.version, "review_on": "2026-11-24"});
                self.desk.act(*id, void.clone()).await.unwrap();
                self.happened(*id, &left, &void).await;
            }
        }
        self.clock.set(MORNING);
    }
}

/// What never ends is told by its name.
async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    let limit = std::time::Duration::from_mins(1);
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| panic!("{what} does not end"))
}

/// Runs something for so many turns and drops it then, as a process that is killed does; its answer if it was done before.
async fn cut_off<T>(work: impl Future<Output = T>, turns: u32) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut left = turns;
    poll_fn(|context| {
        if left == 0 {
            return std::task::Poll::Ready(None);
        }
        left -= 1;
        work.poll_unpin(context).map(Some)
    })
    .await
}

/// A transaction left open would take in what the next one writes, and never commit it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_away_while_a_transaction_begins_leaves_none_open() {
    let desk = Desk::open().await;
    for turns in (1..12).cycle().take(200) {
        drop(cut_off(Request::begin(&desk.yitu.db.request, &desk.viewer), turns).await);
    }
    let open = async || -> i64 {
        desk.one("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'").await
    };
    // What was begun is undone behind the asker's back.
    for _ in 0..200 {
        if open().await == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{} transactions stay open", open().await);
}

/// `YITU_SCHEDULES` runs more of them.
async fn play(seed: u64) {
    let schedules = std::env::var("YITU_SCHEDULES").map_or(1_000, |n| n.parse().unwrap());
    let mut play = Play::open(seed).await;
    for n in 0..schedules {
        play.schedule().await;
        if n % 200 == 199 {
            play.restart().await;
        }
    }
    chains_hold(&play.desk).await;
    let tally = &play.tally;
    println!("{schedules} schedules: {tally:?}");
    let each = [
        "accept",
        "return",
        "transfer",
        "locate",
        "resolve",
        "check",
        "extend",
        "suspend",
        "resume",
        "deliberate",
        "whistle",
        "resolve_on_spot",
        "merge",
        "cancel",
        "rate",
        "nudge",
        "supervise",
        "comment",
    ];
    for action in each {
        assert!(tally.taken.get(action).is_some_and(|n| *n > 5), "{action} hardly happened: {tally:?}");
    }
    assert!(tally.refused > 100 && tally.raced > 100 && tally.by_the_clock > 100, "{tally:?}");
    assert!(tally.crashes_before > 50 && tally.crashes_after > 50, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_every_matter_is_answered_for() {
    play(404).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_whatever_else_happens() {
    play(405).await;
}
