//! Decisions: told as they are stored, made again to the byte, and made from what the server has just heard.

use serde_json::{Value, json};
use sqlx::Executor;
use yitu::service::incident::list::find;
use yitu::service::incident::replay::replay;
use yitu::service::incident::view::IncidentView;

use crate::support::{StillClock, commit};
use crate::{Desk, body};

/// A Tuesday morning.
const MORNING: &str = "2026-11-24T09:00:00+08:00";

/// Changes what dispatch knows, and waits until the server has heard of it.
async fn change(desk: &Desk, statements: &[&'static str]) {
    let mut tx = desk.database.databases.migrator.begin().await.unwrap();
    for sql in statements {
        tx.execute(*sql).await.unwrap();
    }
    let position = commit(tx).await;
    assert!(desk.yitu.atlas.wait_for(position, std::time::Duration::from_secs(5)).await);
}

async fn act(desk: &Desk, now: &IncidentView, mut act: Value) -> IncidentView {
    act["expected_version"] = json!(now.version);
    desk.act(now.id, act.clone()).await.unwrap_or_else(|problem| panic!("{act}: {problem:?}"))
}

/// All but the position of the write.
fn told(view: &IncidentView) -> Value {
    let mut value = serde_json::to_value(view).unwrap();
    value.as_object_mut().unwrap().remove("seq");
    value
}

#[tokio::test]
async fn a_report_is_answered_as_it_is_read_afterwards() {
    let desk = Desk::open().await.at(MORNING);
    let (lon, lat, _) = desk.some_place().await;
    let household: i64 = desk.one("SELECT id FROM household WHERE geom IS NOT NULL ORDER BY id LIMIT 1").await;
    let mut bodies =
        vec![body(lon, lat, "0301"), body(lon, lat, "0304"), body(lon, lat, "0701"), body(lon, lat, "1002")];
    bodies[0]["location"] = json!({"source": "gps", "lon": lon, "lat": lat, "accuracy_m": 400, "confidence": 0.9});
    bodies[1]["resolve_on_spot"] = json!({"note": "已清扫"});
    bodies.push(body(lon, lat, "0302"));
    bodies[4]["location"] = json!({"source": "household", "household_id": household});
    bodies.push(body(lon, lat, "0303"));
    bodies[5]["location"] = json!({"source": "text", "text": "不知在哪"});
    for body in bodies {
        let answered = desk.report(body).await.unwrap();
        assert!(answered.new);
        let read = find(&desk.yitu, &desk.viewer, answered.incident.id).await.unwrap();
        assert_eq!(told(&answered.incident), told(&read));
    }
}

#[tokio::test]
async fn every_decision_is_made_again_to_the_byte_and_differs_only_under_other_rules() {
    let clock = StillClock::at(MORNING);
    let desk = Desk::open().await.by(&clock);
    let (lon, lat, grid) = desk.some_place().await;
    let mut words = body(lon, lat, "0301");
    words["location"] = json!({"source": "text", "text": "村口大树下"});
    let first = desk.report(body(lon, lat, "0301")).await.unwrap().incident;
    let second = desk.report(words).await.unwrap().incident;
    assert_eq!((second.state.as_str(), second.grid.is_none()), ("pending_location", true));
    let second =
        act(&desk, &second, json!({"action": "locate", "location": {"source": "map", "lon": lon, "lat": lat}})).await;
    assert_eq!(second.grid.as_ref().map(|g| g.id), Some(grid));
    assert_eq!((second.state.as_str(), second.location.source.as_str()), ("pending_accept", "map"));
    assert_eq!(second.owner.unit_id, first.owner.unit_id, "as if it had been reported there");
    let first = act(&desk, &first, json!({"action": "return", "note": "不归我们"})).await;
    // Nobody signs for either.
    clock.advance(first.accept_by.unwrap() - desk.yitu.clock.now() + chrono::Duration::minutes(1));
    yitu::service::incident::deadline::pass(&desk.yitu).await.unwrap();
    // What is known today does not change what was decided on what was known then.
    change(&desk, &["UPDATE presence SET in_village = NOT in_village", "DELETE FROM calendar_day"]).await;
    for (incident, decisions) in [(&first, 3), (&second, 3)] {
        let made = replay(&desk.yitu, &desk.viewer, incident.id, None).await.unwrap();
        assert_eq!(made.len(), decisions);
        for again in made {
            assert!(again.same && again.differences.is_empty(), "{again:?}");
        }
    }
    change(
        &desk,
        &[
            "INSERT INTO dispatch_rule_version (county_id, version, note) SELECT id, 2, '都归乡镇' FROM region WHERE level = 'county'",
            "INSERT INTO dispatch_rule (county_id, version, ordinal, first_level, accept_within_minutes, resolve_within_days)
             SELECT id, 2, 1, 'township_centre', 60, 2 FROM region WHERE level = 'county'",
        ],
    )
    .await;
    let under = replay(&desk.yitu, &desk.viewer, second.id, Some(2)).await.unwrap();
    let changed: Vec<&str> = under[1].differences.iter().map(|d| d.pointer.as_str()).collect();
    assert!(!under[1].same && changed.contains(&"/unit/id") && changed.contains(&"/accept_by"), "{changed:?}");
    assert_eq!(under[1].outcome.as_ref().unwrap()["unit"]["kind"], "township_centre");
    assert!(replay(&desk.yitu, &desk.viewer, second.id, Some(9)).await.is_err());
    // And the next report goes by the new rules.
    let third = desk.report(body(lon, lat, "0301")).await.unwrap().incident;
    assert!(third.owner.unit_name.contains("综治中心"), "{:?}", third.owner);
}

#[tokio::test]
async fn a_grid_that_was_only_likely_is_handed_to_its_neighbour() {
    let desk = Desk::open().await.at(MORNING);
    let (lon, lat): (f64, f64) = sqlx::query_as(
        "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(ST_Intersection(ST_Boundary(a.geom), ST_Boundary(b.geom))) AS p
           FROM layer_grid a JOIN layer_grid b ON a.id < b.id AND a.village_id = b.village_id AND a.kind = 'general' AND b.kind = 'general'
             AND ST_Length(ST_Intersection(ST_Boundary(a.geom), ST_Boundary(b.geom))) > 0.001 ORDER BY a.id LIMIT 1) q",
    )
    .fetch_one(&desk.database.databases.migrator)
    .await
    .unwrap();
    let mut body = body(lon, lat, "0301");
    body["location"] = json!({"source": "gps", "lon": lon, "lat": lat, "accuracy_m": 30});
    let incident = desk.report(body).await.unwrap().incident;
    assert!(incident.provisional, "{:?}", incident.explanation);
    let neighbour = incident.neighbours[0].grid_id;
    let both = json!({"action": "transfer", "to_grid_id": neighbour, "to_unit_id": 1, "expected_version": 2});
    assert_eq!(desk.act(incident.id, both).await.unwrap_err().fields[0].pointer, "/to_unit_id");
    let nowhere = json!({"action": "transfer", "to_grid_id": 1, "expected_version": 2});
    assert_eq!(desk.act(incident.id, nowhere).await.unwrap_err().fields[0].pointer, "/to_grid_id");
    let moved = act(&desk, &incident, json!({"action": "transfer", "to_grid_id": neighbour})).await;
    assert_eq!(moved.grid.as_ref().map(|g| g.id), Some(neighbour));
    assert!(!moved.provisional);
    assert_ne!(moved.owner.unit_id, incident.owner.unit_id);
    assert_eq!((moved.location.lon, moved.location.lat), (Some(lon), Some(lat)), "the place itself stays");
}

#[tokio::test]
async fn where_nobody_of_the_village_is_there_its_cluster_helps() {
    let desk = Desk::open().await.at(MORNING);
    let (lon, lat, village): (f64, f64, i64) = sqlx::query_as(
        "SELECT ST_X(p), ST_Y(p), village_id FROM (SELECT ST_PointOnSurface(g.geom) AS p, g.village_id FROM layer_grid g
           JOIN cluster_member m ON m.village_id = g.village_id WHERE g.kind = 'general' ORDER BY g.id LIMIT 1) q",
    )
    .fetch_one(&desk.database.databases.migrator)
    .await
    .unwrap();
    let away = "INSERT INTO presence (county_id, responder_id, month, in_village)
       SELECT r.county_id, r.id, '2026-11-01', a.region_id <> (SELECT village_id FROM layer_grid g JOIN cluster_member m USING (village_id)
         WHERE g.kind = 'general' ORDER BY g.id LIMIT 1)
       FROM responder r JOIN LATERAL (SELECT region_id FROM appointment WHERE responder_id = r.id ORDER BY id LIMIT 1) a ON true
       ON CONFLICT (responder_id, month) DO UPDATE SET in_village = excluded.in_village";
    change(&desk, &[away]).await;
    let mut body = body(lon, lat, "0301");
    body["urgency"] = json!("hard");
    let incident = desk.report(body).await.unwrap().incident;
    assert!(incident.owner.unit_name.contains("综治中心"), "{:?}", incident.owner);
    let explanation = incident.explanation.unwrap();
    let helps =
        explanation.walk.iter().find(|s| s.outcome == "helps").unwrap_or_else(|| panic!("{:?}", explanation.walk));
    assert!(explanation.text.contains(&helps.unit_name), "{}", explanation.text);
    let helper = incident.helpers.unwrap().into_iter().find(|h| h.unit_name == helps.unit_name).unwrap();
    let of_cluster: bool = sqlx::query_scalar(
        "SELECT u.region_id <> $2 AND EXISTS (SELECT FROM cluster_member a JOIN cluster_member b USING (cluster_id)
           WHERE a.village_id = $2 AND b.village_id = u.region_id) FROM handling_unit u WHERE u.id = $1",
    )
    .bind(helper.unit_id)
    .bind(village)
    .fetch_one(&desk.database.databases.migrator)
    .await
    .unwrap();
    assert!(of_cluster, "{helper:?}");
}

#[tokio::test]
async fn enforcement_goes_to_the_lawful_department_even_where_no_rule_says_so() {
    let desk = Desk::open().await.at(MORNING);
    change(
        &desk,
        &[
            "INSERT INTO dispatch_rule_version (county_id, version) SELECT id, 2 FROM region WHERE level = 'county'",
            "INSERT INTO dispatch_rule (county_id, version, ordinal, accept_within_minutes, resolve_within_days)
             SELECT id, 2, 1, 1440, 3 FROM region WHERE level = 'county'",
            "UPDATE category SET township_delegated = NULL WHERE code = '0701'",
        ],
    )
    .await;
    let (lon, lat, _) = desk.some_place().await;
    let incident = desk.report(body(lon, lat, "0701")).await.unwrap().incident;
    assert!(incident.owner.unit_name.ends_with("自然资源局"), "{:?}", incident.owner);
    let ordinary = desk.report(body(lon, lat, "0301")).await.unwrap().incident;
    assert!(!ordinary.owner.unit_name.ends_with("局"), "{:?}", ordinary.owner);
}

#[tokio::test]
async fn what_lies_in_another_county_is_recorded_as_handed_over() {
    let desk = Desk::open().await.at(MORNING);
    let (lon, lat, _) = desk.some_place().await;
    let mut there = body(lon + 3.0, lat, "0301");
    assert_eq!(desk.report(there.clone()).await.unwrap_err().slug, "outside-county");
    there["transferred_to"] = json!("邻县综治中心");
    let incident = desk.report(there).await.unwrap().incident;
    assert_eq!((incident.state.as_str(), incident.owner.unit_name.contains("值班室")), ("closed", true));
    assert!(incident.timeline.unwrap().last().unwrap().note.starts_with("转外县:邻县综治中心"));
    assert!(incident.explanation.unwrap().text.contains("县外"));
    let mut here = body(lon, lat, "0301");
    here["transferred_to"] = json!("邻县");
    assert_eq!(desk.report(here).await.unwrap_err().fields[0].pointer, "/transferred_to");
}
