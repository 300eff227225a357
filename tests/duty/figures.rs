//! Figures, computed once more from the raw history.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::{Desk, Life, Step, is_overdue};

/// The oracle's sum of one row.
#[derive(Default)]
struct Sum {
    counts: BTreeMap<&'static str, i64>,
    timed: i64,
    minutes: Vec<f64>,
}

impl Sum {
    fn add(&mut self, name: &'static str, n: usize) {
        *self.counts.entry(name).or_default() += n as i64;
    }

    fn of(&self, name: &str) -> i64 {
        self.counts.get(name).copied().unwrap_or_default()
    }

    fn take(&mut self, life: &Life, steps: &[Step], as_of: DateTime<Utc>) {
        let last = steps.last().unwrap();
        let is = |state: &str| usize::from(last.to_state == state);
        let merged = steps.iter().any(|s| s.action == "merge");
        let done = steps.iter().rev().find(|s| s.action.starts_with("resolve"));
        self.add("reported", 1);
        self.add("cancelled", is("cancelled") * usize::from(!merged));
        self.add("merged", is("cancelled") * usize::from(merged));
        self.add("open", usize::from(!last.ends()));
        self.add("overdue", usize::from(is_overdue(steps, as_of)));
        self.add("closed", is("closed"));
        if last.to_state == "closed" {
            let done = done.unwrap();
            self.add("on_the_spot", usize::from(done.action == "resolve_on_spot"));
            self.timed += 1;
            self.add("on_time", usize::from(done.at <= done.limits().resolve_by.unwrap()));
        }
        let checks = steps.iter().filter(|s| s.action == "check");
        self.add("checks", checks.clone().count());
        self.add("checks_failed", checks.filter(|s| s.to_state == "in_progress").count());
        self.add("extended", usize::from(steps.iter().any(|s| s.action == "extend")));
        if let Some(signed) = steps.iter().find(|s| s.action == "accept") {
            self.add("signed", 1);
            self.minutes.push((signed.at - life.facts.received_at).as_seconds_f64() / 60.0);
        }
    }

    /// The value at a share of the way through the sorted ones, between two neighbours in proportion.
    fn percentile(&self, share: f64) -> Option<f64> {
        let mut sorted = self.minutes.clone();
        sorted.sort_by(f64::total_cmp);
        let at = share * (sorted.len().checked_sub(1)?) as f64;
        let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
        Some(low + (high - low) * at.fract())
    }

    fn check(&self, row: &Value, what: &str) {
        for name in [
            "reported",
            "cancelled",
            "merged",
            "open",
            "overdue",
            "closed",
            "on_the_spot",
            "on_time",
            "checks",
            "checks_failed",
            "extended",
            "signed",
        ] {
            assert_eq!(row[name], json!(self.of(name)), "{name} of {what}");
        }
        let rate = |part: i64, of: i64| (of > 0).then(|| part as f64 / of as f64);
        let valid = self.of("reported") - self.of("cancelled") - self.of("merged");
        let mean = (!self.minutes.is_empty()).then(|| self.minutes.iter().sum::<f64>() / self.minutes.len() as f64);
        for (name, truth) in [
            ("closed_rate", rate(self.of("closed"), valid)),
            ("on_time_rate", rate(self.of("on_time"), self.timed)),
            ("rework_rate", rate(self.of("checks_failed"), self.of("checks"))),
            ("extended_rate", rate(self.of("extended"), valid)),
            ("sign_minutes_mean", mean),
            ("sign_minutes_median", self.percentile(0.5)),
            ("sign_minutes_p90", self.percentile(0.9)),
        ] {
            match (row[name].as_f64(), truth) {
                (Some(told), Some(truth)) => assert!((told - truth).abs() < 1e-6, "{name} of {what}: {told}, {truth}"),
                (told, truth) => assert_eq!(told, truth, "{name} of {what}"),
            }
        }
    }
}

/// A question with the days it is of.
struct Question {
    by: &'static str,
    from: NaiveDate,
    to: NaiveDate,
    as_of: NaiveDate,
    region: Option<i64>,
    category: Option<String>,
}

impl Question {
    fn path(&self) -> String {
        let region = self.region.map(|id| format!("&region={id}")).unwrap_or_default();
        let category = self.category.as_ref().map(|c| format!("&category={c}")).unwrap_or_default();
        let (by, from, to, as_of) = (self.by, self.from, self.to, self.as_of);
        format!("/api/figures?by={by}&from={from}&to={to}&as_of={as_of}{region}{category}")
    }

    fn fits(&self, life: &Life, county: i64) -> bool {
        let f = &life.facts;
        let day = china_day(f.received_at);
        !f.restricted
            && day >= self.from
            && day <= self.to
            && self.region.is_none_or(|id| id == county || [f.village_id, f.township_id].contains(&Some(id)))
            && self.category.as_ref().is_none_or(|c| *c == f.category || Some(c) == f.parent.as_ref())
    }

    fn key(&self, life: &Life, steps: &[Step], county: i64, codes: &BTreeMap<String, i64>) -> Option<String> {
        let f = &life.facts;
        match self.by {
            "region" if self.region.is_none_or(|id| id == county) => f.township_id.map(|id| id.to_string()),
            "region" => f.village_id.map(|id| id.to_string()),
            "unit" => {
                let told = steps.iter().rev().filter(|s| s.action != "sign_in").find_map(|s| s.unit_id);
                told.map(|id| id.to_string())
            }
            "category" => {
                let code = if self.category.is_none() { f.parent.as_ref().unwrap_or(&f.category) } else { &f.category };
                Some(codes[code].to_string())
            }
            "day" => Some(china_day(f.received_at).to_string()),
            _ => Some(china_day(f.received_at).format("%Y-%m").to_string()),
        }
    }

    async fn check(&self, desk: &Desk, lives: &[Life], codes: &BTreeMap<String, i64>) -> usize {
        let county = desk.viewer.county_id();
        let as_of = midnight(self.as_of.succ_opt().unwrap()).min(desk.now());
        let mut total = Sum::default();
        let mut sums: BTreeMap<Option<String>, Sum> = BTreeMap::new();
        for life in lives.iter().filter(|l| self.fits(l, county)) {
            let steps = life.before(as_of);
            if steps.is_empty() {
                continue;
            }
            total.take(life, steps, as_of);
            sums.entry(self.key(life, steps, county, codes)).or_default().take(life, steps, as_of);
        }
        let path = self.path();
        let told = desk.server.get_json(&path).await;
        assert_eq!(told["as_of"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap(), as_of, "{path}");
        total.check(&told["total"], &path);
        for row in told["rows"].as_array().unwrap() {
            let key = row["key"].as_str().map(str::to_owned);
            sums.remove(&key).unwrap_or_default().check(row, &format!("{key:?} of {path}"));
        }
        assert!(sums.is_empty(), "{path}: no row for {:?}", sums.keys());
        total.of("reported") as usize
    }
}

fn china_day(at: DateTime<Utc>) -> NaiveDate {
    (at + Duration::hours(8)).date_naive()
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc() - Duration::hours(8)
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

async fn category_ids(desk: &Desk) -> BTreeMap<String, i64> {
    let all: Vec<(String, i64)> =
        sqlx::query_as("SELECT code, id FROM category").fetch_all(&desk.database.databases.migrator).await.unwrap();
    all.into_iter().collect()
}

fn questions(lives: &[Life], today: NaiveDate) -> Vec<Question> {
    let township = lives.iter().find_map(|l| l.facts.township_id).unwrap();
    let village = lives.last().and_then(|l| l.facts.village_id).unwrap();
    let mut all = Vec::new();
    for by in ["region", "unit", "category", "day", "month"] {
        for (from, to, as_of) in [
            ("2026-11-24".parse().unwrap(), today, today),
            (day("2026-11-24"), day("2026-11-26"), day("2026-11-27")),
            (day("2026-10-01"), day("2026-10-31"), day("2026-10-31")),
            (day("2026-10-01"), day("2026-10-31"), day("2026-10-15")),
            (day("2026-01-01"), today, today + Duration::days(40)),
        ] {
            let parts = [(Some(township), None), (Some(village), Some("03")), (None, Some("0301"))];
            for (region, category) in [(None, None), parts[all.len() / 2 % 3]] {
                all.push(Question { by, from, to, as_of, region, category: category.map(str::to_owned) });
            }
        }
    }
    all
}

#[tokio::test]
async fn figures_are_what_the_raw_history_gives() {
    let mut desk = Desk::open(10).await;
    desk.every_kind().await;
    desk.live(250).await;
    desk.every_kind().await;
    let (lives, codes) = (desk.lives().await, category_ids(&desk).await);
    let told = |action: &str| lives.iter().flat_map(|l| &l.steps).filter(|s| s.action == action).count();
    for action in ["merge", "cancel", "extend", "check", "escalate", "resolve_on_spot", "supervise", "sign_in"] {
        assert!(told(action) > 1, "the lives hold no {action}");
    }
    let reopened = |s: &&Step| s.action == "check" && s.from_state.as_deref() == Some("closed");
    assert!(lives.iter().flat_map(|l| &l.steps).filter(reopened).any(|s| s.to_state == "in_progress"));
    let mut counted = 0;
    for question in questions(&lives, china_day(desk.now())) {
        counted += question.check(&desk, &lives, &codes).await;
    }
    assert!(counted > 2000, "{counted}");
}

#[tokio::test]
async fn what_is_told_of_a_past_day_stays_whatever_happens_later() {
    let mut desk = Desk::open(11).await;
    desk.live(60).await;
    desk.every_kind().await;
    let today = china_day(desk.now());
    desk.clock.advance(midnight(today.succ_opt().unwrap()) - desk.now());
    let lives = desk.lives().await;
    let mut paths: Vec<String> =
        questions(&lives, today).into_iter().map(|q| Question { as_of: q.as_of.min(today), ..q }.path()).collect();
    paths.push("/api/duty/monthly?month=2026-10".to_owned());
    paths.push("/api/duty/monthly?month=2026-10&as_of=2026-11-24".to_owned());
    let end = midnight(today.succ_opt().unwrap());
    for hours in [8, 24, 72] {
        let stamp = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ");
        paths.push(format!("/api/duty/handover?from={}&to={}", stamp(end - Duration::hours(hours)), stamp(end)));
    }
    let mut before = Vec::new();
    for path in &paths {
        let told = desk.server.get_json(path).await;
        assert!(told.get("settled").is_none_or(|s| s == true), "{path}: {told}");
        before.push(told);
    }
    desk.live(100).await;
    desk.every_kind().await;
    desk.clock.advance(Duration::days(40));
    yitu::service::incident::deadline::pass(&desk.server.yitu).await.unwrap();
    for (path, before) in paths.iter().zip(before) {
        assert_eq!(desk.server.get_json(path).await, before, "{path}");
    }
}

#[tokio::test]
async fn restricted_matters_move_no_figure() {
    let mut desk = Desk::open(12).await;
    let secret: String = sqlx::query_scalar("SELECT code FROM category WHERE restricted ORDER BY code DESC LIMIT 1")
        .fetch_one(&desk.database.databases.migrator)
        .await
        .unwrap();
    let today = china_day(desk.now());
    let path = format!("/api/figures?by=category&from={today}&to={today}");
    let shift = "/api/duty/handover?from=2026-11-24T00:00:00Z&to=2026-11-24T12:00:00Z";
    desk.report("0301", "map").await;
    desk.clock.advance(Duration::minutes(1));
    let (before, handed) = (desk.server.get_json(&path).await, desk.server.get_json(shift).await);
    let made = desk.report(&secret, "map").await;
    desk.clock.advance(Duration::minutes(1));
    let (after, handed_after) = (desk.server.get_json(&path).await, desk.server.get_json(shift).await);
    assert_eq!((&before["total"], &before["rows"]), (&after["total"], &after["rows"]));
    assert_eq!(before["total"]["reported"], 1);
    let came = |told: &Value| told["totals"]["restricted_came_in"].as_u64().unwrap();
    assert_eq!(came(&handed_after), came(&handed) + 1);
    assert_eq!(handed["came_in"], handed_after["came_in"]);
    assert!(!handed_after.to_string().contains(&made.id.to_string()));
}
