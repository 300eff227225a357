//! Hand-over and monthly table: against the lives, the lists and each other, as JSON and as workbooks.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use gdal::Dataset;
use gdal::vector::LayerAccess;
use serde_json::Value;

use crate::{Desk, Life, Step, is_overdue};

fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

fn numbers(told: &Value, list: &str) -> BTreeSet<i64> {
    told[list].as_array().unwrap().iter().map(|i| i["number"].as_i64().unwrap()).collect()
}

/// The numbers of matters that were so at an instant.
fn those(lives: &[Life], at: DateTime<Utc>, fits: impl Fn(&Life, &[Step]) -> bool) -> BTreeSet<i64> {
    let told = lives.iter().filter(|l| !l.facts.restricted && l.facts.received_at < at);
    told.filter(|l| fits(l, l.before(at))).map(|l| l.facts.number).collect()
}

/// When it was closed or cancelled the last time.
fn ended(steps: &[Step]) -> Option<DateTime<Utc>> {
    steps.iter().rev().find(|s| s.ends() && s.from_state.as_deref() != Some(s.to_state.as_str())).map(|s| s.at)
}

#[tokio::test]
async fn a_shift_hands_over_what_the_lives_say() {
    let mut desk = Desk::open(20).await;
    desk.live(150).await;
    desk.every_kind().await;
    let lives = desk.lives().await;
    let mut seen = 0;
    for (back, hours) in [(0, 12), (12, 12), (48, 24), (0, 24 * 30), (24 * 20, 24 * 7)] {
        let to = desk.now() - Duration::hours(back);
        let from = to - Duration::hours(hours);
        let path = format!("/api/duty/handover?from={}&to={}", stamp(from), stamp(to));
        let told = desk.server.get_json(&path).await;
        let last = |s: &[Step]| s.last().unwrap().to_state.clone();
        let within = |s: &[Step], state: &str| last(s) == state && ended(s).is_some_and(|at| at >= from);
        let open = |s: &[Step]| !s.last().unwrap().ends();
        let next = |s: &[Step]| s.last().unwrap().limits().next_deadline_at;
        let next_to = to + (to - from);
        let lists = [
            ("came_in", those(&lives, to, |l, _| l.facts.received_at >= from)),
            ("closed", those(&lives, to, |_, s| within(s, "closed"))),
            ("due_next", those(&lives, to, |_, s| open(s) && next(s).is_some_and(|by| by >= to && by < next_to))),
            ("overdue", those(&lives, to, |_, s| is_overdue(s, to))),
            ("supervised", those(&lives, to, |_, s| open(s) && s.iter().any(|s| s.action == "supervise"))),
        ];
        for (list, truth) in &lists {
            assert_eq!(numbers(&told, list), *truth, "{list} of {path}");
            assert_eq!(told["totals"][list], truth.len(), "{list} of {path}");
            seen += truth.len();
        }
        assert_eq!(told["totals"]["open"], those(&lives, to, |_, s| open(s)).len());
        assert_eq!(told["totals"]["cancelled"], those(&lives, to, |_, s| within(s, "cancelled")).len());
        let secret = |l: &&Life| l.facts.restricted && l.facts.received_at < to;
        let secret_open = lives.iter().filter(secret).filter(|l| open(l.before(to))).count();
        assert_eq!(told["totals"]["restricted_open"], secret_open);
    }
    assert!(seen > 200, "{seen}");
}

/// A hand-over that ends now names what the duty lists name now.
#[tokio::test]
async fn a_shift_that_ends_now_agrees_with_the_lists() {
    let mut desk = Desk::open(21).await;
    desk.live(80).await;
    desk.every_kind().await;
    // History is read before the instant, the lists at it.
    desk.clock.advance(Duration::milliseconds(1));
    let to = desk.now();
    let path =
        format!("/api/duty/handover?from={}&to={}", stamp(to - Duration::hours(12)), stamp(to + Duration::hours(1)));
    let told = desk.server.get_json(&path).await;
    assert_eq!(told["to"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap(), to, "not past now");
    for (mine, theirs) in [("overdue", "overdue"), ("supervised", "supervised"), ("due_next", "due_soon")] {
        let page = desk.server.get_json(&format!("/api/duty/{theirs}?within_hours=13&limit=1000")).await;
        assert_eq!(numbers(&told, mine), numbers(&page, "items"), "{mine}");
        assert!(!numbers(&told, mine).is_empty(), "{mine}");
    }
    let look = desk.server.get_json("/api/duty").await;
    assert_eq!(look["restricted"], told["totals"]["restricted_open"]);
    let open = desk.server.get_json("/api/incidents?state=open&limit=1").await;
    assert_eq!(open["number_matched"], told["totals"]["open"]);
}

#[tokio::test]
async fn a_months_parts_add_up_to_the_month() {
    let mut desk = Desk::open(22).await;
    desk.live(80).await;
    desk.every_kind().await;
    for month in ["2026-10", "2026-11"] {
        let whole = desk.server.get_json(&format!("/api/duty/monthly?month={month}")).await;
        let lives = desk.lives().await;
        let local = |l: &&Life| (l.facts.received_at + Duration::hours(8)).format("%Y-%m").to_string() == month;
        let reported = lives.iter().filter(local).filter(|l| !l.facts.restricted).count();
        assert_eq!(whole["total"]["reported"], reported);
        assert!(reported > 20, "{reported}");
        let townships = whole["by_region"].as_array().unwrap();
        assert_eq!(townships.iter().filter(|t| !t["key"].is_null()).count(), 3);
        let codes: Vec<&str> = townships.iter().filter_map(|t| t["code"].as_str()).collect();
        assert!(codes.is_sorted(), "{codes:?}");
        for measure in ["reported", "closed", "on_the_spot", "on_time", "overdue", "checks_failed", "extended"] {
            let sum =
                |rows: &Value| -> i64 { rows.as_array().unwrap().iter().map(|r| r[measure].as_i64().unwrap()).sum() };
            assert_eq!(sum(&whole["by_region"]), whole["total"][measure], "{measure} by region");
            assert_eq!(sum(&whole["by_category"]), whole["total"][measure], "{measure} by category");
            for township in townships.iter().filter_map(|t| t["key"].as_str()) {
                let part = desk.server.get_json(&format!("/api/duty/monthly?month={month}&region={township}")).await;
                let own = townships.iter().find(|t| t["key"] == township).unwrap();
                assert_eq!(part["total"][measure], own[measure]);
                assert_eq!(sum(&part["by_region"]), own[measure], "{measure} of the villages of {township}");
            }
        }
    }
}

/// Every cell of a sheet as GDAL reads it, all rows.
fn cells(file: &Dataset, sheet: &str) -> Vec<Vec<String>> {
    let mut layer = file.layer_by_name(sheet).unwrap();
    let read = |f: gdal::vector::Feature| {
        (0..f.field_count()).map(|k| f.field_as_string(k).unwrap().unwrap_or_default()).collect()
    };
    layer.features().map(read).collect()
}

async fn download(desk: &Desk, path: &str, named: &str) -> (tempfile::TempDir, Dataset) {
    let response = desk.server.get(path).await;
    assert_eq!(response.status(), 200);
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(kind, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
    let kept = response.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(kept.contains(named), "{kept}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("table.xlsx");
    std::fs::write(&file, response.bytes().await.unwrap()).unwrap();
    gdal::config::set_config_option("OGR_XLSX_HEADERS", "DISABLE").unwrap();
    gdal::config::set_config_option("OGR_XLSX_FIELD_TYPES", "STRING").unwrap();
    let dataset = Dataset::open(&file).unwrap();
    (folder, dataset)
}

#[tokio::test]
async fn the_monthly_workbook_holds_the_table() {
    let mut desk = Desk::open(23).await;
    desk.live(60).await;
    desk.every_kind().await;
    let month = (desk.now() + Duration::hours(8)).format("%Y-%m").to_string();
    let path = format!("/api/duty/monthly?month={month}");
    let told = desk.server.get_json(&path).await;
    // 网格事件月报, percent-encoded.
    let (_folder, book) = download(&desk, &format!("{path}&format=xlsx"), "%E6%9C%88%E6%8A%A5").await;
    let names: Vec<String> = book.layers().map(|l| l.name()).collect();
    assert_eq!(names, ["按辖区", "按事项", "口径说明"]);
    for (sheet, list) in [("按辖区", "by_region"), ("按事项", "by_category")] {
        let rows = cells(&book, sheet);
        let truth = told[list].as_array().unwrap();
        assert!(rows[0][0].contains(&month) && rows[0][0].contains("月报"), "{:?}", rows[0]);
        assert!(rows[0][0].starts_with(told["region"]["name"].as_str().unwrap()));
        assert!(rows[1][0].contains("仍会变化"), "the month still runs: {:?}", rows[1]);
        assert_eq!(
            rows[2],
            [
                "名称",
                "代码",
                "上报",
                "作废",
                "并件",
                "即办即结",
                "已结案",
                "结案率",
                "按期结案率",
                "返工率",
                "延期率",
                "平均签收时长(小时)",
                "超期"
            ]
        );
        assert_eq!(rows.len(), 3 + truth.len() + 1);
        let number = |text: &str| if text.is_empty() { None } else { Some(text.parse::<f64>().unwrap()) };
        let close = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-9,
            (a, b) => a == b,
        };
        for (row, truth) in rows[3..].iter().zip(truth.iter().chain([&told["total"]])) {
            assert_eq!(row[0], truth["name"].as_str().unwrap());
            for (column, name, per) in [
                (2, "reported", 1.0),
                (3, "cancelled", 1.0),
                (4, "merged", 1.0),
                (5, "on_the_spot", 1.0),
                (6, "closed", 1.0),
                (7, "closed_rate", 1.0),
                (8, "on_time_rate", 1.0),
                (9, "rework_rate", 1.0),
                (10, "extended_rate", 1.0),
                (11, "sign_minutes_mean", 60.0),
                (12, "overdue", 1.0),
            ] {
                let truth = truth[name].as_f64().map(|v| v / per);
                assert!(close(number(&row[column]), truth), "{name}: {row:?}, {truth:?}");
            }
        }
    }
    let notes = cells(&book, "口径说明").concat().join("\n");
    for word in ["结案率 =", "按期结案率 =", "返工率 =", "延期率 =", "保密件"] {
        assert!(notes.contains(word), "{word}");
    }
}

#[tokio::test]
async fn the_hand_over_workbook_holds_the_lists() {
    let mut desk = Desk::open(24).await;
    desk.live(60).await;
    desk.every_kind().await;
    let path = format!("/api/duty/handover?from={}&to={}", stamp(desk.now() - Duration::hours(24)), stamp(desk.now()));
    let told = desk.server.get_json(&path).await;
    // 交接班, percent-encoded.
    let named = "%E4%BA%A4%E6%8E%A5%E7%8F%AD";
    let (_folder, book) = download(&desk, &format!("{path}&format=xlsx"), named).await;
    let names: Vec<String> = book.layers().map(|l| l.name()).collect();
    assert_eq!(names, ["合计", "新收", "已结", "下一班到期", "超期", "督办中", "口径说明"]);
    let totals = cells(&book, "合计");
    let total = |name: &str| totals.iter().find(|r| r[0] == name).unwrap()[1].parse::<f64>().unwrap();
    assert!((total("未办结") - told["totals"]["open"].as_f64().unwrap()).abs() < 0.1);
    assert!((total("新收") - told["totals"]["came_in"].as_f64().unwrap()).abs() < 0.1);
    for (sheet, list) in [("新收", "came_in"), ("已结", "closed"), ("下一班到期", "due_next"), ("超期", "overdue")]
    {
        let rows = cells(&book, sheet);
        let truth = told[list].as_array().unwrap();
        assert_eq!(rows.len(), 3 + truth.len(), "{sheet}");
        for (row, item) in rows[3..].iter().zip(truth) {
            assert_eq!(row[0].parse::<f64>().unwrap() as i64, item["number"].as_i64().unwrap());
            assert_eq!(
                (row[1].as_str(), row[9].as_str()),
                (item["category_name"].as_str().unwrap(), item["description"].as_str().unwrap())
            );
            let at: DateTime<Utc> = item["received_at"].as_str().unwrap().parse().unwrap();
            let local = (at + Duration::hours(8)).format("%Y/%m/%d %H:%M").to_string();
            assert!(row[6].starts_with(&local), "the county's clock: {} {local}", row[6]);
        }
    }
}
