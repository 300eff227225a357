//! The invariants stand in the database: what must be impossible to commit is.

#![allow(clippy::unwrap_used)]

mod support;

use std::fmt::Write;

use sqlx::{AssertSqlSafe, Executor};
use support::TestDatabase;

const COUNTY: &str = "
  INSERT INTO region (id, county_id, parent_id, level, kind, name, time_zone) VALUES (1, 1, NULL, 'county', '县', '云栖县', 'Asia/Shanghai');
  INSERT INTO region (id, county_id, parent_id, level, kind, name) VALUES (2, 1, 1, 'township', '镇', '岚溪镇'), (3, 1, 2, 'village', '村', '岭下村');
  INSERT INTO party_org (id, county_id, parent_id, kind, form, name, region_id) VALUES
    (10, 1, NULL, 'county_committee', 'committee', '云栖县委', 1), (11, 1, 10, 'grid_group', 'group', '第一网格党小组', 3);
  INSERT INTO handling_unit (id, county_id, parent_id, kind, name, region_id, lead_org_id) VALUES
    (20, 1, NULL, 'county_duty_officer', '县值班员', 1, 10), (21, 1, 20, 'grid_group', '第一网格', 3, 11);
  INSERT INTO category (id, county_id, code, name, village_admitted) VALUES (30, 1, 'ROAD', '道路破损', true);
  INSERT INTO grid (id, county_id, village_id, kind) VALUES (40, 1, 3, 'general'), (41, 1, 3, 'general'), (42, 1, 3, 'dedicated');
";

fn square(west: f64, east: f64) -> String {
    format!("ST_Multi(ST_MakeEnvelope({west}, 25.0, {east}, 25.01, 4490))")
}

fn incident(id: u8, deadline: &str, owners: usize) -> String {
    let uuid = format!("00000000-0000-4000-8000-0000000000{id:02}");
    let mut sql = format!(
        "INSERT INTO incident (county_id, id, state, category_id, restricted, urgency, description, location_source,
           reported_at, received_at, current_assignment_id, next_deadline_at)
         VALUES (1, '{uuid}', 'pending_accept', 30, false, 'ordinary', '路面塌陷', 'map', now(), now(), {}, {deadline});",
        10_000 + u64::from(id)
    );
    for n in 0..owners {
        let assignment = 10_000 + u64::from(id) + 100_000 * n as u64;
        write!(
            sql,
            "INSERT INTO assignment (county_id, id, incident_id, role, unit_id, started_at)
             VALUES (1, {assignment},  '{uuid}', 'owner', 21, now());"
        )
        .unwrap();
    }
    sql
}

async fn refused(db: &TestDatabase, sql: String, by: &str) {
    let mut tx = db.databases.migrator.begin().await.unwrap();
    let outcome = match tx.execute(AssertSqlSafe(sql.clone())).await {
        Ok(_) => tx.commit().await,
        Err(error) => Err(error),
    };
    let error = outcome.expect_err(&format!("should be refused by {by}: {sql}"));
    assert!(
        error.to_string().contains(by) || error.as_database_error().and_then(|e| e.constraint()) == Some(by),
        "{by}: {error}"
    );
}

async fn accepted(db: &TestDatabase, sql: String) {
    let mut tx = db.databases.migrator.begin().await.unwrap();
    tx.execute(AssertSqlSafe(sql)).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn an_open_incident_has_one_owner_and_a_deadline() {
    let db = TestDatabase::new().await;
    accepted(&db, COUNTY.to_owned()).await;
    accepted(&db, incident(1, "now() + interval '1 day'", 1)).await;
    refused(&db, incident(2, "NULL", 1), "open_incident_has_a_deadline").await;
    refused(&db, incident(3, "now()", 2), "one_live_owner").await;
    refused(&db, incident(4, "now()", 0), "incident_current_assignment").await;
    refused(&db, "UPDATE assignment SET ended_at = now()".to_owned(), "open_incident_has_a_live_owner").await;
    refused(
        &db,
        "UPDATE incident SET state = 'closed', next_deadline_at = NULL, closed_at = now()".to_owned(),
        "ended_incident_has_no_live_owner",
    )
    .await;
    refused(&db, "DELETE FROM incident".to_owned(), "append-only").await;
}

#[tokio::test]
async fn general_grids_never_overlap_and_dedicated_ones_may() {
    let db = TestDatabase::new().await;
    accepted(&db, COUNTY.to_owned()).await;
    let version = |grid: i64, west: f64, east: f64, days: &str| {
        format!(
            "INSERT INTO grid_version (county_id, grid_id, name, geom, valid_during) VALUES (1, {grid}, '网格', {}, '{days}');",
            square(west, east)
        )
    };
    accepted(&db, version(40, 117.0, 117.01, "[2024-01-01,)")).await;
    accepted(&db, version(42, 117.0, 117.01, "[2024-01-01,)")).await;
    refused(&db, version(41, 117.009, 117.02, "[2025-01-01,)"), "general_grids_do_not_overlap").await;
    refused(&db, version(40, 117.2, 117.3, "[2025-01-01,)"), "grid_version_grid_id_valid_during_recorded_during_excl")
        .await;
    // Before the other one applies, and beside it, are both fine.
    accepted(&db, version(41, 117.009, 117.02, "[2023-01-01,2024-01-01)")).await;
    accepted(&db, version(41, 117.01, 117.02, "[2024-01-01,)")).await;
}

#[tokio::test]
async fn two_at_once_cannot_draw_over_each_other() {
    let db = TestDatabase::new().await;
    accepted(&db, COUNTY.to_owned()).await;
    // A second village beside the first, whose turn is another.
    let more =
        "INSERT INTO region (id, county_id, parent_id, level, kind, name) VALUES (4, 1, 2, 'village', '村', '岭上村');
                INSERT INTO grid (id, county_id, village_id, kind) VALUES (43, 1, 4, 'general'), (44, 1, 3, 'general')";
    accepted(&db, more.to_owned()).await;
    let draw = |grid: i64, west: f64| {
        let pool = db.databases.migrator.clone();
        async move {
            let mut tx = pool.begin().await?;
            let sql = format!(
                "INSERT INTO grid_version (county_id, grid_id, name, geom, valid_during) VALUES (1, {grid}, '网格', {}, '[2024-01-01,)')",
                square(west, west + 0.01)
            );
            tx.execute(AssertSqlSafe(sql)).await?;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            tx.commit().await
        }
    };
    for (one, other, west) in [(40, 41, 117.0), (43, 44, 117.1)] {
        let (a, b) = tokio::join!(draw(one, west), draw(other, west));
        assert_eq!(u8::from(a.is_ok()) + u8::from(b.is_ok()), 1, "{a:?} {b:?}");
    }
}

#[tokio::test]
async fn the_request_login_sees_only_the_county_it_named() {
    let db = TestDatabase::new().await;
    accepted(&db, COUNTY.to_owned()).await;
    let count = "SELECT count(*) FROM region";
    let nobody: i64 = sqlx::query_scalar(count).fetch_one(&db.databases.request).await.unwrap();
    assert_eq!(nobody, 0, "without a principal there is nothing to see");
    for (county, expected) in [(1, 3_i64), (2, 0)] {
        let viewer = yitu::domain::Viewer::whole_county(county, "测试");
        let mut request = yitu::db::Request::begin(&db.databases.request, &viewer).await.unwrap();
        let seen: i64 = sqlx::query_scalar(count).fetch_one(&mut *request).await.unwrap();
        assert_eq!(seen, expected);
    }
    let ddl = db.databases.request.execute("CREATE TABLE mine (id int)").await;
    assert!(ddl.is_err(), "the request login must not change the schema");
}

/// The tables a layer's tile settings name are those its view reads: a change of any of them reaches its tiles.
#[tokio::test]
async fn tile_settings_name_the_tables_of_their_views() {
    let db = TestDatabase::new().await;
    let configs = yitu::tiles::TileConfigs::load(None, &|_, _, _| None).unwrap();
    for (layer, config) in configs.iter() {
        let mut read: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT c.relname::text FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
             JOIN pg_class v ON v.oid = r.ev_class JOIN pg_class c ON c.oid = d.refobjid
             WHERE v.relname = $1 AND c.relkind = 'r' ORDER BY 1",
        )
        .bind(format!("layer_{layer}"))
        .fetch_all(&db.databases.migrator)
        .await
        .unwrap();
        // The official codes are read by a function, which the catalogue does not look into.
        if config.attributes.iter().any(|a| a.ends_with("code")) {
            read.push("code_alias".to_owned());
        }
        let named: std::collections::BTreeSet<_> = config.tables.iter().cloned().collect();
        assert_eq!(named, read.into_iter().collect(), "{layer}");
    }
}
