//! The working calendar: seeded for every county, edited by a duty officer, watched by the check.

use chrono::{DateTime, Datelike, Duration, NaiveDate, Utc};
use reqwest::StatusCode;
use serde_json::{Value, json};
use yitu::domain::holidays::{self, YearOfDays};

use crate::support::{StillClock, TestDatabase, TestServer};
use crate::{BARE_COUNTY, Desk, report};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn listed(year: &Value) -> Vec<(NaiveDate, bool)> {
    let days = year["days"].as_array().unwrap().iter();
    days.map(|d| (day(d["day"].as_str().unwrap()), d["working"].as_bool().unwrap())).collect()
}

async fn check(desk: &Desk, at: &str) -> Vec<String> {
    let report = yitu::service::check::run(&desk.database.databases, at.parse().unwrap()).await.unwrap();
    let kind = report.kinds.into_iter().find(|k| k.kind == "calendar_ahead").unwrap();
    kind.faults.into_iter().map(|f| f.sentence).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_county_without_years_gets_them_at_the_start_and_keeps_what_it_has() {
    let database = TestDatabase::new().await;
    let owner = database.databases.migrator.clone();
    sqlx::raw_sql(BARE_COUNTY).execute(&owner).await.unwrap();
    // An officer has declared this day before.
    let by_hand = "INSERT INTO calendar_day VALUES (1, '2026-10-08', false, '县庆', '值班员甲')";
    sqlx::raw_sql(by_hand).execute(&owner).await.unwrap();
    let clock = StillClock::at("2026-11-20T10:00:00+08:00");
    let start = || {
        let clock = std::sync::Arc::new(clock.clone());
        yitu::service::startup::start_by(clock, yitu::config::Config::default(), database.databases.clone())
    };
    let server = TestServer::start(start().await.unwrap()).await;
    for year in 2024..=2027 {
        let answer = server.get_json(&format!("/api/calendar?year={year}")).await;
        let mut expected: Vec<_> = holidays::year(year).days.into_iter().map(|d| (d.0, d.1)).collect();
        if year == 2026 {
            expected.push((day("2026-10-08"), false));
            expected.sort_unstable();
        }
        assert_eq!(listed(&answer), expected);
        assert_eq!(answer["state"], if year == 2027 { "provisional" } else { "announced" });
        assert!(answer["source"].as_str().unwrap().contains(if year == 2027 {
            "暂定"
        } else {
            "国务院办公厅"
        }));
    }
    let none = server.get_json("/api/calendar?year=2028").await;
    assert_eq!((&none["state"], &none["days"]), (&json!("none"), &json!([])));
    assert_eq!(server.get_json("/api/calendar").await["year"], 2026);
    // Started again, nothing is written anew; a year later the next one comes.
    let rows = "SELECT count(*), count(DISTINCT (xmin::text::bigint)) FROM calendar_day";
    let before: (i64, i64) = sqlx::query_as(rows).fetch_one(&owner).await.unwrap();
    start().await.unwrap();
    assert_eq!(before, sqlx::query_as(rows).fetch_one(&owner).await.unwrap());
    clock.advance(Duration::days(60));
    start().await.unwrap();
    assert_eq!(server.get_json("/api/calendar?year=2028").await["state"], "provisional");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_replaces_a_provisional_year_but_not_what_an_officer_set() {
    let desk = Desk::open().await;
    let (status, year) = desk.put("/api/calendar/2027-02-10", &json!({"working": false, "name": "春节"})).await;
    assert_eq!((status, &year["state"]), (StatusCode::OK, &json!("provisional")));
    assert!(year["seq"].is_string());
    assert_eq!(
        desk.put("/api/calendar/2027-05-02", &json!({"working": true, "name": "调休上班"})).await.0,
        StatusCode::OK
    );
    // What a later program knows of 2027.
    let announced = YearOfDays {
        year: 2027,
        provisional: false,
        source: "国务院办公厅关于2027年部分节假日安排的通知",
        days: vec![
            (day("2027-01-01"), false, "元旦"),
            (day("2027-05-02"), false, "劳动节"),
            (day("2027-02-20"), true, "调休上班"),
        ],
    };
    let mut system = desk.database.databases.system.acquire().await.unwrap();
    assert_eq!(yitu::db::calendar::seed(&mut system, &announced).await.unwrap(), 1);
    let year = desk.server.get_json("/api/calendar?year=2027").await;
    let expected = [("2027-01-01", false), ("2027-02-10", false), ("2027-02-20", true), ("2027-05-02", true)];
    assert_eq!(listed(&year), expected.map(|(d, w)| (day(d), w)));
    assert_eq!(year["state"], "announced");
    // Announced is announced: the festivals by law do not come back.
    assert_eq!(yitu::db::calendar::seed(&mut system, &holidays::year(2027)).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_follow_the_calendar_and_those_already_set_do_not_move() {
    let desk = Desk::open().await;
    let (lon, lat) = desk.some_place().await;
    // Friday 20 November 2026, ten in the morning; three working days end on Wednesday.
    let first = desk.post("/api/incidents", &report(lon, lat, "0301", "垃圾堆积")).await.1;
    let by = |incident: &Value| incident["resolve_by"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    assert_eq!(by(&first), "2026-11-25T02:00:00Z".parse::<DateTime<Utc>>().unwrap());
    let (status, year) = desk.put("/api/calendar/2026-11-23", &json!({"working": false, "name": " 县庆 "})).await;
    assert_eq!(status, StatusCode::OK);
    let set = year["days"].as_array().unwrap().iter().find(|d| d["day"] == "2026-11-23").unwrap();
    assert_eq!((&set["name"], &set["set_by"]), (&json!("县庆"), &json!("本机用户")));
    let second = desk.post("/api/incidents", &report(lon, lat, "0301", "垃圾又堆积")).await.1;
    assert_eq!(by(&second), by(&first) + Duration::days(1));
    let id = first["id"].as_str().unwrap();
    assert_eq!(by(&desk.server.get_json(&format!("/api/incidents/{id}")).await), by(&first));
    // Saturday worked in exchange: the day is won back.
    desk.put("/api/calendar/2026-11-21", &json!({"working": true, "name": "调休上班"})).await;
    let third = desk.post("/api/incidents", &report(lon, lat, "0301", "垃圾再堆积")).await.1;
    assert_eq!(by(&third), by(&first));
    assert_eq!(desk.delete("/api/calendar/2026-11-23").await.0, StatusCode::OK);
    let (status, gone) = desk.delete("/api/calendar/2026-11-23").await;
    assert_eq!((status, gone["type"].as_str().unwrap()), (StatusCode::NOT_FOUND, "urn:yitu:problem:not-found"));
    let fourth = desk.post("/api/incidents", &report(lon, lat, "0301", "垃圾还堆积")).await.1;
    assert_eq!(by(&fourth), by(&first) - Duration::days(1));

    for (path, body, field) in [
        ("/api/calendar/2026-13-01", json!({"working": true, "name": "x"}), "day"),
        ("/api/calendar/2026-12-01", json!({"working": true, "name": "  "}), "/name"),
        ("/api/calendar/2026-12-01", json!({"working": "yes", "name": "x"}), "/working"),
        ("/api/calendar/years/2027", json!({"source": ""}), "/source"),
        ("/api/calendar/years/next", json!({"source": "x"}), "year"),
        ("/api/calendar/3000-01-01", json!({"working": true, "name": "x"}), "day"),
    ] {
        let (status, problem) = desk.put(path, &body).await;
        assert_eq!(
            (status, problem["errors"][0]["pointer"].as_str()),
            (StatusCode::BAD_REQUEST, Some(field)),
            "{problem}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_warns_before_a_year_nobody_has_looked_after() {
    let desk = Desk::open().await;
    assert_eq!(check(&desk, "2026-10-20T10:00:00+08:00").await, Vec::<String>::new());
    let warned = check(&desk, "2026-11-20T10:00:00+08:00").await;
    assert!(warned.len() == 1 && warned[0].contains("2027年的工作日历是暂定的"), "{warned:?}");
    let notice = json!({"source": "国务院办公厅关于2027年部分节假日安排的通知"});
    assert_eq!(desk.put("/api/calendar/years/2027", &notice).await.1["state"], "announced");
    assert_eq!(check(&desk, "2026-11-20T10:00:00+08:00").await, Vec::<String>::new());
    let later = check(&desk, "2027-11-20T10:00:00+08:00").await;
    assert!(later.len() == 1 && later[0].contains("2028年的工作日历还没有数据"), "{later:?}");
}

/// A county that is imported has its calendar before any server starts.
#[tokio::test(flavor = "multi_thread")]
async fn an_imported_county_begins_with_its_calendar() {
    use yitu::db::import::{Level, NewCounty, Origin, Settings, store};
    let database = TestDatabase::new().await;
    let now: DateTime<Utc> = "2026-11-20T02:00:00Z".parse().unwrap();
    let settings = Settings {
        layer: "region",
        level: Some(Level::Township),
        parent: None,
        county: Some(NewCounty { name: "云栖县".to_owned(), code: "350699000000".to_owned() }),
        dry_run: false,
        keep_despite_refusals: false,
        refused_before: false,
        now,
        origin: Origin {
            file_name: "x".to_owned(),
            security_class: "internal".to_owned(),
            provider: "x".to_owned(),
            approval_no: None,
            dated: now.date_naive(),
            rows_read: 0,
        },
    };
    store(&database.databases.migrator, &settings, &[]).await.unwrap();
    let days: Vec<(NaiveDate, bool)> = sqlx::query_as("SELECT day, working FROM calendar_day ORDER BY day")
        .fetch_all(&database.databases.migrator)
        .await
        .unwrap();
    let expected: Vec<_> = holidays::until(now.year() + 1).flat_map(|y| y.days).map(|d| (d.0, d.1)).collect();
    assert_eq!(days, expected);
}
