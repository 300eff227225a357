//! A county's quarter: twenty thousand matters, crowded together so that many look like others.

use std::collections::BTreeSet;
use std::time::Instant;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use yitu::db::Request;
use yitu::db::duplicate::{self, Near};
use yitu::dispatch::Sigma;
use yitu::dispatch::duplicates::{LIKELY, Seen, likeness};
use yitu::geo::LonLat;
use yitu::service::incident::whereabouts::sigma_of;

use crate::Desk;
use crate::support::DEMO_NOW;

const CROWD: &str = include_str!("../support/crowd.sql");

const EXPLAIN: &str = concat!(
    "EXPLAIN ",
    include_str!("../../src/db/sql/duplicate_select.sql"),
    include_str!("../../src/db/sql/duplicate_near.sql")
);

type Row = (uuid::Uuid, f64, f64, String, Option<f64>, Option<f64>, DateTime<Utc>, i64, Option<i64>, String, bool);

fn seen(r: &Row) -> Seen {
    let sigma: Option<Sigma> = r.4.filter(|_| r.3 == "gps").and_then(|a| sigma_of(a, r.5));
    Seen { point: LonLat::new(r.1, r.2).unwrap(), sigma, at: r.6, category_id: r.7, head_id: r.8, text: r.9.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_tried_on_all_and_duplicates_found_by_the_index() {
    let desk = Desk::open().await;
    sqlx::query(CROWD).bind(20_000).execute(desk.owner()).await.unwrap();
    sqlx::raw_sql("VACUUM ANALYZE incident").execute(desk.owner()).await.unwrap();
    assert!(desk.one::<i64>("SELECT count(*) FROM incident").await >= 20_000);
    duplicates_are_those_of_brute_force(&desk).await;
    candidates_come_by_the_index(&desk).await;

    let mut draft = desk.server.get_json("/api/dispatch/rules").await;
    draft["lines"].as_array_mut().unwrap().push(json!({"category": "03", "urgency": "ordinary", "region": null, "first_level": "township_centre", "accept_minutes": 60, "resolve_days": 5}));
    let begun = Instant::now();
    let (status, tried) = desk.post("/api/dispatch/rules/preview", &draft).await;
    let took = begun.elapsed();
    println!("a draft over {} matters: {took:?}", tried["impact"]["incidents"]);
    assert!(status.is_success() && tried["impact"]["incidents"].as_i64().unwrap() > 19_000, "{tried}");
    assert!(tried["impact"]["changed"].as_i64().unwrap() > 500);
}

/// What the index and the box find is what comparing with every matter finds.
async fn duplicates_are_those_of_brute_force(desk: &Desk) {
    let now: DateTime<Utc> = DEMO_NOW.parse().unwrap();
    let sql = "SELECT i.id, ST_X(i.geom), ST_Y(i.geom), i.location_source::text, i.accuracy_m, i.confidence, i.reported_at, i.category_id, c.parent_id,
                 i.description, NOT i.restricted AND i.state <> 'cancelled' AND i.received_at >= $1 - interval '90 days'
                   AND (i.closed_at IS NULL OR i.closed_at >= $1 - interval '7 days') AS offered
               FROM incident i JOIN category c ON c.id = i.category_id WHERE i.geom IS NOT NULL ORDER BY i.number";
    let all: Vec<Row> = sqlx::query_as(sql).bind(now).fetch_all(desk.owner()).await.unwrap();
    let restricted: BTreeSet<uuid::Uuid> = sqlx::query_scalar("SELECT id FROM incident WHERE restricted")
        .fetch_all(desk.owner())
        .await
        .unwrap()
        .into_iter()
        .collect();
    let (mut found, mut some) = (0, 0);
    for subject in all.iter().step_by(all.len() / 80) {
        let mut expected: Vec<(f64, uuid::Uuid)> = Vec::new();
        if !restricted.contains(&subject.0) {
            let others = all.iter().filter(|r| r.10 && r.0 != subject.0);
            let scored = others.filter_map(|r| Some((likeness(&seen(subject), &seen(r))?.score, r.0)));
            expected.extend(scored.filter(|s| s.0 >= LIKELY));
        }
        expected.sort_by(|a, b| b.0.total_cmp(&a.0));
        let answer: Value = desk.server.get_json(&format!("/api/incidents/{}/duplicates", subject.0)).await;
        let got = answer["likely_duplicates"].as_array().unwrap();
        assert_eq!(got.len(), expected.len().min(10), "{}", subject.0);
        for (g, e) in got.iter().zip(&expected) {
            assert!((g["score"].as_f64().unwrap() - e.0).abs() < 0.006, "{}: {g} {e:?}", subject.0);
        }
        found += got.len();
        some += usize::from(!got.is_empty());
    }
    println!("{found} likely duplicates of {some} matters out of 80");
    assert!(some > 10 && some < 80, "{some}");
}

/// Under row-level security too, and fast.
async fn candidates_come_by_the_index(desk: &Desk) {
    let now: DateTime<Utc> = DEMO_NOW.parse().unwrap();
    let places: Vec<(f64, f64, i64)> =
        sqlx::query_as("SELECT ST_X(geom), ST_Y(geom), category_id FROM incident WHERE geom IS NOT NULL AND NOT restricted ORDER BY id LIMIT 200")
            .fetch_all(desk.owner())
            .await
            .unwrap();
    let mut on = Request::begin(&desk.database.databases.request, &desk.viewer).await.unwrap();
    let mut took = Vec::new();
    for (lon, lat, category_id) in places {
        let near = Near {
            bounds: [lon - 0.0028, lat - 0.0025, lon + 0.0028, lat + 0.0025],
            category_id,
            since: now - chrono::Duration::days(90),
            closed_since: now - chrono::Duration::days(7),
            except: uuid::Uuid::nil(),
        };
        let begun = Instant::now();
        duplicate::near(&mut on, desk.viewer.county_id(), &near).await.unwrap();
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    println!("candidates: median {:?}, 99 % {:?}", took[100], took[198]);
    let plan: Vec<String> = sqlx::query_scalar(EXPLAIN)
        .bind(desk.viewer.county_id())
        .bind(vec![4_687_010_230_i64, 4_687_010_231, 4_687_110_230])
        .bind(now - chrono::Duration::days(90))
        .bind(now - chrono::Duration::days(7))
        .bind(1_i64)
        .bind(uuid::Uuid::nil())
        .bind(117.175)
        .bind(25.575)
        .bind(117.18)
        .bind(25.58)
        .fetch_all(&mut *on)
        .await
        .unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("incident_cell") && !plan.contains("Seq Scan on incident"), "{plan}");
}
