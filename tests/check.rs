//! The check finds each planted fault, and its place, in the small demo county.

#![allow(clippy::unwrap_used)]

mod support;

use sqlx::{AssertSqlSafe, Executor};
use support::TestDatabase;
use yitu::service::check::{CheckReport, run};

fn count(report: &CheckReport, kind: &str) -> usize {
    report.kinds.iter().find(|k| k.kind == kind).unwrap_or_else(|| panic!("no kind {kind}")).count
}

async fn check(database: &TestDatabase) -> CheckReport {
    run(&database.databases, "2026-11-20T02:00:00Z".parse().unwrap()).await.unwrap()
}

/// Each plant is one statement that makes exactly `more` faults of its kind.
const PLANTS: [(&str, usize, &str); 11] = [
    ("grid_without_group", 1, "DELETE FROM grid_responsibility WHERE grid_id = (SELECT min(g.id) FROM grid g JOIN grid_responsibility r ON r.grid_id = g.id WHERE g.kind = 'general')"),
    ("household_without_grid", 1, "UPDATE household SET grid_id = NULL, grid_source = 'point' WHERE id = (SELECT min(id) FROM household WHERE grid_id IS NOT NULL)"),
    ("household_off_grid", 1, "UPDATE household h SET geom = (SELECT ST_PointOnSurface(v.geom) FROM grid_version v JOIN grid g ON g.id = v.grid_id WHERE g.kind = 'general' AND g.village_id <> h.village_id LIMIT 1)
       WHERE id = (SELECT max(id) FROM household WHERE grid_source = 'point' AND geom IS NOT NULL AND grid_id IS NOT NULL)"),
    ("register_differs", 1, "UPDATE household h SET register_grid_id = (SELECT min(id) FROM grid WHERE id <> h.grid_id AND kind = 'general')
       WHERE id = (SELECT max(id) FROM household WHERE grid_id IS NOT NULL AND coalesce(register_grid_id, grid_id) = grid_id)"),
    ("cluster_member_unknown", 1, "INSERT INTO cluster_member (county_id, cluster_id, kind, member_name) SELECT county_id, id, 'village', '无此村' FROM cluster ORDER BY id LIMIT 1"),
    ("orphan_code", 1, "INSERT INTO code_alias (county_id, scheme, code, layer, feature_id) SELECT id, 'grid', 'X-1', 'grid', 9007199254740990 FROM region WHERE level = 'county'"),
    ("links_under_target", 1, "WITH p AS (INSERT INTO responder (county_id, name) SELECT id, '试验员' FROM region WHERE level = 'county' RETURNING id, county_id)
       INSERT INTO appointment (county_id, responder_id, role, unit_id, region_id)
       SELECT p.county_id, p.id, 'village_cadre', u.id, u.region_id FROM p, (SELECT * FROM handling_unit WHERE kind = 'village_party_org' ORDER BY id LIMIT 1) u"),
    ("links_over_target", 1, "WITH p AS (SELECT id, county_id FROM responder WHERE name = '试验员')
       INSERT INTO household_link (county_id, household_id, responder_id) SELECT p.county_id, h.id, p.id FROM p, (SELECT id FROM household ORDER BY id LIMIT 11) h"),
    ("group_nobody_present", 1, "UPDATE presence SET in_village = false WHERE responder_id IN (
       SELECT a.responder_id FROM appointment a JOIN handling_unit u ON u.id = a.unit_id WHERE u.lead_org_id = (
         SELECT u.lead_org_id FROM handling_unit u JOIN appointment a ON a.unit_id = u.id JOIN presence p ON p.responder_id = a.responder_id
         JOIN grid_responsibility r ON r.org_id = u.lead_org_id
         WHERE u.kind = 'grid_group' AND p.in_village AND p.month = '2026-11-01' AND NOT EXISTS (
           SELECT FROM appointment o JOIN handling_unit w ON w.id = o.unit_id WHERE o.responder_id = a.responder_id AND w.kind = 'grid_group' AND w.id <> u.id)
         ORDER BY 1 LIMIT 1))"),
    ("grid_overlap", 1, "ALTER TABLE grid_version DISABLE TRIGGER general_grids_do_not_overlap; UPDATE grid_version v SET geom = ST_Multi(ST_Union(v.geom, ST_Buffer(ST_PointOnSurface(o.geom), 0.00003)))
       FROM (SELECT v.geom, g.village_id, g.id FROM grid_version v JOIN grid g ON g.id = v.grid_id WHERE g.kind = 'general' ORDER BY g.id DESC LIMIT 1) o
       WHERE v.grid_id = (SELECT min(g.id) FROM grid g WHERE g.kind = 'general')"),
    ("grid_gap", 1, "UPDATE grid_version v SET geom = ST_Multi(ST_Difference(v.geom, ST_Buffer(ST_PointOnSurface(v.geom), 0.00002)))
       WHERE v.grid_id = (SELECT g.id FROM grid g WHERE g.kind = 'general' ORDER BY g.id OFFSET 3 LIMIT 1)"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_planted_fault_is_found() {
    let database = TestDatabase::with_demo().await;
    let mut before = check(&database).await;
    assert_eq!(count(&before, "grid_overlap"), 0);
    assert_eq!(count(&before, "orphan_code"), 0);
    for (kind, more, plant) in PLANTS {
        database.databases.migrator.execute(AssertSqlSafe(plant)).await.unwrap_or_else(|e| panic!("{kind}: {e}"));
        let after = check(&database).await;
        assert_eq!(count(&after, kind), count(&before, kind) + more, "{kind}");
        let faults = &after.kinds.iter().find(|k| k.kind == kind).unwrap().faults;
        assert!(
            kind == "orphan_code" || faults.iter().all(|f| f.lon.is_some() && f.lat.is_some()),
            "{kind} has no place"
        );
        before = after;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_county_there_is_nothing_to_check() {
    assert!(check(&TestDatabase::new().await).await.county.is_none());
}
