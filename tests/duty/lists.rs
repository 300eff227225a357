//! Each list against the rows.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::FromRow;
use uuid::Uuid;
use yitu::domain::duty::DutyList;

use crate::Desk;

/// A matter as a duty officer with all the time in the world would look at it.
#[derive(Debug, FromRow)]
struct Row {
    id: Uuid,
    state: String,
    restricted: bool,
    village_id: Option<i64>,
    township_id: Option<i64>,
    next_deadline_at: Option<DateTime<Utc>>,
    overdue_since: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    on_the_spot: bool,
    waiting_helpers: i64,
    supervised: i64,
    checks_since: i64,
}

const ROWS: &str = "SELECT i.id, i.state::text AS state, restricted, village_id, v.parent_id AS township_id, next_deadline_at, overdue_since, closed_at, on_the_spot,
    (SELECT count(*) FROM assignment a WHERE a.incident_id = i.id AND role = 'helper' AND ended_at IS NULL AND accepted_at IS NULL AND a.accept_by IS NOT NULL) AS waiting_helpers,
    (SELECT count(*) FROM incident_history h WHERE h.incident_id = i.id AND h.action = 'supervise') AS supervised,
    (SELECT count(*) FROM incident_history h WHERE h.incident_id = i.id AND h.action = 'check' AND h.ordinal >
       (SELECT max(s.ordinal) FROM incident_history s WHERE s.incident_id = i.id AND s.action = 'resolve_on_spot')) AS checks_since
  FROM incident i LEFT JOIN region v ON v.id = i.village_id";

fn drawn(id: Uuid, percent: u32) -> bool {
    let digest = Sha256::digest(id.as_bytes());
    u32::from(u16::from_be_bytes([digest[0], digest[1]])) * 100 < 65536 * percent
}

fn is_on(list: DutyList, row: &Row, now: DateTime<Utc>, soon: DateTime<Utc>, percent: u32) -> bool {
    let due = row.next_deadline_at;
    match list {
        DutyList::Unlocated => row.state == "pending_location",
        DutyList::Undispatched => row.state == "pending_dispatch",
        DutyList::ToAccept => row.state == "pending_accept",
        DutyList::DueSoon => due.is_some_and(|d| d >= now && d < soon),
        DutyList::Overdue => due.is_some_and(|d| d < now || row.overdue_since.is_some()),
        DutyList::ToCheck => row.state == "pending_check",
        DutyList::Sampled => {
            let recent = row.closed_at.is_some_and(|at| at > now - Duration::days(30));
            row.state == "closed" && row.on_the_spot && recent && row.checks_since == 0 && drawn(row.id, percent)
        }
        DutyList::NotSignedIn => due.is_some() && row.waiting_helpers > 0,
        DutyList::Supervised => due.is_some() && row.supervised > 0,
    }
}

/// All pages of a list.
async fn pages(desk: &Desk, path: &str, limit: usize) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = desk.server.get_json(&format!("{path}limit={limit}&cursor={cursor}")).await;
        let got = page["items"].as_array().unwrap();
        items.extend(got.iter().cloned());
        assert!(got.len() <= limit);
        let Some(next) = page["next"].as_str() else {
            assert_eq!(page["number_matched"].as_u64().unwrap() as usize, items.len(), "{path}");
            return items;
        };
        next.clone_into(&mut cursor);
    }
}

#[tokio::test]
async fn every_list_is_what_brute_force_finds() {
    let mut desk = Desk::open(2).await;
    desk.live(150).await;
    desk.every_kind().await;
    // A report is given to somebody in the same transaction; nothing waits for that unless something is broken.
    sqlx::query("UPDATE incident SET state = 'pending_dispatch' WHERE id = (SELECT id FROM incident WHERE state = 'pending_accept' AND NOT restricted LIMIT 1)")
        .execute(&desk.database.databases.migrator)
        .await
        .unwrap();
    let percent = 60;
    sqlx::query("UPDATE region SET spot_check_percent = $1 WHERE level = 'county'")
        .bind(percent as i16)
        .execute(&desk.database.databases.migrator)
        .await
        .unwrap();
    let rows: Vec<Row> = sqlx::query_as(ROWS).fetch_all(&desk.database.databases.migrator).await.unwrap();
    let township: i64 = rows.iter().find_map(|r| r.township_id).unwrap();
    let village: i64 = rows.iter().filter(|r| r.next_deadline_at.is_some()).find_map(|r| r.village_id).unwrap();
    let county = desk.viewer.county_id();
    let now = desk.now();
    let mut found_somewhere = BTreeSet::new();
    for (region, hours) in [(None, 4), (Some(county), 48), (Some(township), 4), (Some(village), 200)] {
        let inside = |r: &&Row| {
            !r.restricted && region.is_none_or(|id| id == county || [r.village_id, r.township_id].contains(&Some(id)))
        };
        let place = region.map(|id| format!("region={id}&")).unwrap_or_default();
        let look = desk.server.get_json(&format!("/api/duty?{place}within_hours={hours}")).await;
        let counted = look["lists"].as_array().unwrap();
        assert_eq!(counted.len(), DutyList::ALL.len());
        for (list, counted) in DutyList::ALL.iter().zip(counted) {
            let soon = now + Duration::hours(hours);
            let truth: BTreeSet<String> = rows
                .iter()
                .filter(inside)
                .filter(|r| is_on(*list, r, now, soon, percent))
                .map(|r| r.id.to_string())
                .collect();
            assert_eq!((counted["list"].as_str(), counted["title"].as_str()), (Some(list.code()), Some(list.zh())));
            assert_eq!(counted["count"].as_u64().unwrap() as usize, truth.len(), "{list:?} {region:?}");
            let path = format!("/api/duty/{}?{place}within_hours={hours}&", list.code());
            let items = pages(&desk, &path, 7).await;
            let ids: BTreeSet<String> = items.iter().map(|i| i["id"].as_str().unwrap().to_owned()).collect();
            assert_eq!((ids.len(), ids), (items.len(), truth), "{list:?} {region:?}: each once");
            let order = |i: &Value| -> DateTime<Utc> {
                let at = i["next_deadline_at"].as_str().or(i["closed_at"].as_str());
                at.unwrap().parse().unwrap()
            };
            assert!(items.windows(2).all(|w| order(&w[0]) <= order(&w[1])), "what is due first comes first");
            if !items.is_empty() {
                found_somewhere.insert(list.code());
            }
            if *list == DutyList::NotSignedIn {
                assert!(items.iter().all(|i| !i["helpers"].as_array().unwrap().is_empty()), "who is waited for");
            }
        }
        let secret = rows.iter().filter(|r| r.restricted && r.next_deadline_at.is_some()).count();
        let told = look.get("restricted").map(|n| n.as_u64().unwrap() as usize);
        assert_eq!(told, region.is_none_or(|id| id == county).then_some(secret), "{region:?}");
        assert!(secret > 0);
    }
    assert_eq!(found_somewhere.len(), DutyList::ALL.len(), "{found_somewhere:?}");
}

#[tokio::test]
async fn what_is_asked_wrongly_is_told_by_its_name() {
    let desk = Desk::open(3).await;
    for (path, status, named) in [
        ("/api/duty?within_hours=0", 400, "within_hours"),
        ("/api/duty?region=9007199254740991", 404, "辖区"),
        ("/api/duty?hours=4", 400, "hours"),
        ("/api/duty/late", 404, "overdue"),
        ("/api/duty/overdue?limit=0", 400, "limit"),
        ("/api/duty/overdue?cursor=x", 400, "cursor"),
        ("/api/duty/handover?from=2026-11-24T00:00:00Z&to=2026-11-23T00:00:00Z", 400, "from"),
        ("/api/duty/handover?from=2026-11-20T00:00:00Z&to=heute", 400, "to"),
        ("/api/duty/handover?from=2026-09-20T00:00:00Z&to=2026-11-20T00:00:00Z", 400, "31"),
        ("/api/duty/handover?from=2027-01-01T00:00:00Z&to=2027-01-01T08:00:00Z", 400, "from"),
        ("/api/duty/monthly?month=2026-13", 400, "2026-13"),
        ("/api/duty/monthly?month=十月", 400, "十月"),
        ("/api/duty/monthly?month=2026-10&format=pdf", 400, "xlsx"),
        ("/api/duty/monthly?month=2026-10&region=9007199254740991", 404, "辖区"),
        ("/api/figures?by=person&from=2026-10-01&to=2026-10-31", 400, "unit"),
        ("/api/figures?by=day&from=2026-10-01&to=2026-09-30", 400, "to"),
        ("/api/figures?by=day&from=2000-01-01&to=2026-09-30", 400, "3660"),
        ("/api/figures?by=day&from=2026-10-01&to=2026-10-31&as_of=2026-09-01", 400, "as_of"),
        ("/api/figures?by=day&from=2026-10-01&to=2026-10-31&category=%00", 400, "category"),
        ("/api/figures?by=day&from=%2B262142-12-31&to=%2B262142-12-31", 400, "from"),
        ("/api/figures?by=day&from=2026-10-01&to=2026-10-31&as_of=%2B262142-12-31", 400, "as_of"),
        ("/api/figures?by=day&from=-200000-01-01&to=-200000-01-01", 400, "from"),
        ("/api/duty/monthly?month=-200000-01", 400, "-200000"),
        ("/api/duty/handover?from=-200000-01-01T00:00:00Z&to=-200000-01-01T08:00:00Z", 400, "from"),
    ] {
        let response = desk.server.get(path).await;
        let (got, text) = (response.status().as_u16(), response.text().await.unwrap());
        assert_eq!(got, status, "{path}: {text}");
        assert!(text.contains(named), "{path}: {text}");
    }
}
