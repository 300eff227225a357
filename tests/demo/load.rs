//! The county as loaded: the database judges its shapes, the schema its rows.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use sqlx::PgPool;
use yitu::access::phone::PhoneKey;

use crate::support::TestDatabase;

const NOW: &str = "2026-11-20T10:00:00+08:00";

fn demo(database: &TestDatabase, data: &std::path::Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_yitu"))
        .args(["demo", "--size", "small", "--now", NOW])
        .args(more)
        .env("DATABASE_URL", database.url())
        .env("YITU_DATA_DIR", data)
        .output()
        .unwrap()
}

async fn number(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

/// A hash over what people see of every feature, so that two loads can be compared.
async fn fingerprint(pool: &PgPool) -> String {
    sqlx::query_scalar(
        "SELECT md5(string_agg(t, ',' ORDER BY t)) FROM (
           SELECT 'r' || id || name || md5(ST_AsBinary(geom)) AS t FROM region
           UNION ALL SELECT 'h' || id || number || head_name || coalesce(md5(ST_AsBinary(geom)), '') FROM household
           UNION ALL SELECT 'p' || id || encode(ciphertext, 'hex') FROM phone
           UNION ALL SELECT 'i' || id || state || description FROM incident
           UNION ALL SELECT 's' || id || encode(digest, 'hex') FROM incident_history) x",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_loaded_county_is_whole_and_only_replaced_when_asked() {
    let database = TestDatabase::new().await;
    let data = tempfile::tempdir().unwrap();
    let loaded = demo(&database, data.path(), &[]);
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
    assert!(String::from_utf8_lossy(&loaded.stdout).contains("岚溪县"));
    let pool = &database.databases.migrator;
    shapes_are_whole(pool).await;
    people_stand_where_they_belong(pool).await;
    ledgers_are_whole(pool).await;
    phones_open(pool, data.path()).await;

    let first = fingerprint(pool).await;
    let refused = demo(&database, data.path(), &["--seed", "8"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--replace"));
    assert_eq!(fingerprint(pool).await, first, "a refused load changes nothing");

    let epoch: uuid::Uuid = sqlx::query_scalar("SELECT epoch FROM log_epoch").fetch_one(pool).await.unwrap();
    let replaced = demo(&database, data.path(), &["--replace"]);
    assert!(replaced.status.success(), "{}", String::from_utf8_lossy(&replaced.stderr));
    assert_eq!(fingerprint(pool).await, first, "the same seed, size and instant give the same rows");
    let renewed: uuid::Uuid = sqlx::query_scalar("SELECT epoch FROM log_epoch").fetch_one(pool).await.unwrap();
    assert_ne!(epoch, renewed, "readers of the old log must begin anew");
}

async fn shapes_are_whole(pool: &PgPool) {
    let unequal = "SELECT count(*) FROM region v WHERE level = 'village' AND NOT ST_Equals(v.geom,
        (SELECT ST_Union(gv.geom) FROM grid g JOIN grid_version gv ON gv.grid_id = g.id WHERE g.village_id = v.id AND g.kind = 'general'))";
    assert_eq!(number(pool, unequal).await, 0, "a village is the union of its general grids");
    let parents = "SELECT count(*) FROM region p WHERE level <> 'village' AND NOT ST_Equals(p.geom,
        (SELECT ST_Union(c.geom) FROM region c WHERE c.parent_id = p.id))";
    assert_eq!(number(pool, parents).await, 0, "a region is the union of those below it");
    let overlaps = "SELECT count(*) FROM layer_grid a JOIN layer_grid b ON a.id < b.id AND a.kind = 'general' AND b.kind = 'general'
        AND a.geom && b.geom AND ST_Relate(a.geom, b.geom, '2********')";
    assert_eq!(number(pool, overlaps).await, 0, "general grids do not overlap");
    let snapped = "SELECT count(*) FROM household WHERE round(ST_X(geom)::numeric, 8) <> ST_X(geom)::numeric";
    assert_eq!(number(pool, snapped).await, 0, "coordinates stand on the 1e-8° lattice");
}

async fn people_stand_where_they_belong(pool: &PgPool) {
    let outside = "SELECT count(*) FROM household h JOIN layer_grid g ON g.id = h.grid_id WHERE h.geom IS NOT NULL AND NOT ST_Covers(g.geom, h.geom)";
    assert_eq!(number(pool, outside).await, 0);
    assert!(number(pool, "SELECT count(*) FROM household WHERE geom IS NULL").await > 0, "some are 待落图");
    assert!(
        number(pool, "SELECT count(*) FROM household WHERE geom IS NOT NULL AND register_grid_id <> grid_id").await > 0,
        "some are 插花户"
    );
    let misplaced = "SELECT count(*) FROM incident i JOIN grid_version v ON v.id = i.grid_version_id WHERE NOT ST_Covers(v.geom, i.geom)";
    assert_eq!(number(pool, misplaced).await, 0);
    let codes = "SELECT count(*) FROM layer_grid WHERE code IS NULL OR village_code IS NULL OR group_id IS NULL";
    assert_eq!(number(pool, codes).await, 0, "every grid has its code, its village's code and its group today");
}

async fn ledgers_are_whole(pool: &PgPool) {
    for (layer, table) in
        [("household", "household"), ("grid", "grid"), ("building", "building"), ("road", "road"), ("region", "region")]
    {
        let sql = format!(
            "SELECT count(*) FROM {table} t WHERE NOT EXISTS (SELECT FROM change_log c WHERE c.layer = '{layer}' AND c.feature_id = t.id)"
        );
        let missing: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(pool).await.unwrap();
        assert_eq!(missing, 0, "every {layer} is in the change log");
    }
    let broken = "SELECT count(*) FROM incident_history h LEFT JOIN incident_history p
        ON p.incident_id = h.incident_id AND p.ordinal = h.ordinal - 1 WHERE h.previous_digest IS DISTINCT FROM p.digest";
    assert_eq!(number(pool, broken).await, 0, "each history row holds the digest of the one before");
    let versions = "SELECT count(*) FROM incident i WHERE version <> (SELECT count(*) FROM incident_history h WHERE h.incident_id = i.id)";
    assert_eq!(number(pool, versions).await, 0, "an incident's version counts its actions");
    assert!(
        number(pool, "SELECT nextval('feature_id')").await > number(pool, "SELECT max(id) FROM household_link").await,
        "new ids follow the loaded ones"
    );
}

async fn phones_open(pool: &PgPool, data: &std::path::Path) {
    let key = PhoneKey::from_hex(&std::fs::read_to_string(data.join("phone.key")).unwrap()).unwrap();
    let sealed: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> =
        sqlx::query_as("SELECT ciphertext, number_hash, tail_hash FROM phone ORDER BY id LIMIT 50")
            .fetch_all(pool)
            .await
            .unwrap();
    for (ciphertext, number_hash, tail_hash) in sealed {
        let digits = key.open(&ciphertext).unwrap();
        assert!(digits.starts_with("1990") && digits.len() == 11, "{digits} is outside the fictional block");
        assert_eq!(
            (number_hash.as_slice(), tail_hash.as_slice()),
            (&key.number_hash(&digits)[..], &key.tail_hash(&digits)[..])
        );
    }
}
