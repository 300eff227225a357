//! The atlas follows the database, whatever order transactions commit in and whatever breaks.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sqlx::PgPool;
use sqlx::{AssertSqlSafe, Executor};
use support::{TestDatabase, commit};
use yitu::atlas::Atlas;
use yitu::db::change_log::{self, LayerUpdate, Reader};
use yitu::db::layer::LayerReader;
use yitu::domain::{Layer, LogPosition, Value};
use yitu::service::live::What;

const COUNTY: &str = "
  INSERT INTO region (id, county_id, parent_id, level, kind, name, time_zone, geom) VALUES
    (1, 1, NULL, 'county', '县', '云栖县', 'Asia/Shanghai', ST_Multi(ST_MakeEnvelope(117, 25, 118, 26, 4490)));
  INSERT INTO region (id, county_id, parent_id, level, kind, name, geom) VALUES
    (2, 1, 1, 'township', '镇', '岚溪镇', ST_Multi(ST_MakeEnvelope(117, 25, 118, 26, 4490))),
    (3, 1, 2, 'village', '村', '岭下村', ST_Multi(ST_MakeEnvelope(117, 25, 117.5, 26, 4490))),
    (4, 1, 2, 'village', '村', '溪口村', ST_Multi(ST_MakeEnvelope(117.5, 25, 118, 26, 4490)));
  INSERT INTO code_alias (county_id, scheme, code, layer, feature_id) VALUES (1, 'division', '350000001001', 'region', 3);
  INSERT INTO party_org (id, county_id, parent_id, kind, form, name, region_id) VALUES
    (10, 1, NULL, 'county_committee', 'committee', '云栖县委', 1), (11, 1, 10, 'grid_group', 'group', '第一网格党小组', 3);
  INSERT INTO handling_unit (id, county_id, parent_id, kind, name, region_id, lead_org_id) VALUES
    (20, 1, NULL, 'county_duty_officer', '县值班员', 1, 10), (21, 1, 20, 'grid_group', '第一网格', 3, 11);
  INSERT INTO category (id, county_id, code, name, village_admitted) VALUES (30, 1, 'ROAD', '道路破损', true);
  INSERT INTO grid (id, county_id, village_id, kind) VALUES (40, 1, 3, 'general'), (41, 1, 4, 'general');
  INSERT INTO grid_version (county_id, grid_id, name, geom, valid_during) VALUES
    (1, 40, '第一网格', ST_Multi(ST_MakeEnvelope(117, 25, 117.5, 26, 4490)), '[2020-01-01,)'),
    (1, 41, '第二网格', ST_Multi(ST_MakeEnvelope(117.5, 25, 118, 26, 4490)), '[2020-01-01,)');
  INSERT INTO grid_responsibility (county_id, grid_id, org_id) VALUES (1, 40, 11);
  INSERT INTO cluster (id, county_id, name, committee_org_id, industries) VALUES (50, 1, '茶香联村', 10, '{茶叶,竹编}');
  INSERT INTO cluster_member (county_id, cluster_id, kind, member_name, village_id) VALUES (1, 50, 'village', '岭下村', 3);
  INSERT INTO settlement (id, county_id, village_id, name, geom)
    SELECT 100 + n, 1, 3, '自然村' || n, ST_SetSRID(ST_MakePoint(117 + n / 200.0, 25.5), 4490) FROM generate_series(1, 40) n;
  INSERT INTO incident (county_id, id, state, category_id, restricted, urgency, description, location_source, geom,
      village_id, reported_at, received_at, current_assignment_id, next_deadline_at)
    VALUES (1, '00000000-0000-4000-8000-000000000001', 'pending_accept', 30, false, 'ordinary', '路面塌陷', 'map',
      ST_SetSRID(ST_MakePoint(117.2, 25.5), 4490), 3, '2026-11-20T02:00:00Z', now(), 60, '2026-11-21T02:00:00Z');
  INSERT INTO assignment (county_id, id, incident_id, role, unit_id, started_at)
    VALUES (1, 60, '00000000-0000-4000-8000-000000000001', 'owner', 21, now());
";

const LONG: Duration = Duration::from_secs(20);

async fn county() -> TestDatabase {
    let db = TestDatabase::new().await;
    let mut tx = db.databases.migrator.begin().await.unwrap();
    tx.execute(COUNTY).await.unwrap();
    tx.commit().await.unwrap();
    db
}

async fn write(pool: &PgPool, sql: &str) -> LogPosition {
    let mut tx = pool.begin().await.unwrap();
    tx.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    commit(tx).await
}

/// Every feature of every layer in the atlas is what its view says now, and no more.
async fn assert_is_the_truth(atlas: &Atlas, pool: &PgPool) {
    let mut connection = pool.acquire().await.unwrap();
    for &layer in Layer::ALL {
        let mut reader = LayerReader::open(&mut connection, layer).await.unwrap();
        let mut truth = reader.all(&mut connection).await.unwrap();
        truth.sort_by_key(|f| f.id);
        let store = atlas.layer(layer);
        let mut known: Vec<_> = store.iter().map(|f| f.as_ref().clone()).collect();
        known.sort_by_key(|f| f.id);
        assert_eq!(known, truth, "layer {layer}");
        let placed = truth.iter().filter(|f| f.geometry.is_some()).count();
        let world = yitu::geo::Bbox::new((-180.0, -90.0), (180.0, 90.0));
        assert_eq!(store.in_bbox(world).count(), placed, "index of {layer}");
    }
}

fn text(atlas: &Atlas, layer: Layer, id: i64, property: &str) -> Option<String> {
    let store = atlas.layer(layer);
    store.get(id)?.get(store.schema(), property)?.as_text().map(str::to_owned)
}

#[tokio::test]
async fn a_loaded_layer_has_its_properties_by_type() {
    let db = county().await;
    let yitu = db.yitu().await;
    assert_eq!(text(&yitu.atlas, Layer::Grid, 40, "group_name").as_deref(), Some("第一网格党小组"));
    assert_eq!(text(&yitu.atlas, Layer::Grid, 40, "village_code").as_deref(), Some("350000001001"));
    assert_eq!(text(&yitu.atlas, Layer::Grid, 40, "valid_from").as_deref(), Some("2020-01-01"));
    assert_eq!(text(&yitu.atlas, Layer::Incident, 1, "reported_at").as_deref(), Some("2026-11-20T02:00:00.000Z"));
    let clusters = yitu.atlas.layer(Layer::Cluster);
    let cluster = clusters.get(50).unwrap();
    assert_eq!(cluster.get(clusters.schema(), "villages"), Some(&Value::Int(1)));
    assert_eq!(cluster.get(clusters.schema(), "industries").unwrap().to_json(), serde_json::json!(["茶叶", "竹编"]));
    assert!(cluster.geometry.is_some());
}

#[tokio::test]
async fn a_transaction_that_commits_late_is_not_skipped() {
    let db = county().await;
    let yitu = db.yitu().await;
    let pool = db.writers().await;
    let mut changes = yitu.changes.listen();
    let mut early = pool.begin().await.unwrap();
    early.execute("UPDATE settlement SET name = '先写后交' WHERE id = 101").await.unwrap();
    for n in 0..5 {
        let seq = write(&pool, &format!("UPDATE settlement SET name = '后写先交{n}' WHERE id = 102")).await;
        assert!(yitu.atlas.wait_for(seq, LONG).await);
        assert_eq!(text(&yitu.atlas, Layer::Settlement, 102, "name"), Some(format!("后写先交{n}")));
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    assert_eq!(text(&yitu.atlas, Layer::Settlement, 101, "name").as_deref(), Some("自然村1"));
    let seq = commit(early).await;
    assert!(yitu.atlas.wait_for(seq, LONG).await);
    assert_eq!(text(&yitu.atlas, Layer::Settlement, 101, "name").as_deref(), Some("先写后交"));
    let mut told = Vec::new();
    while let Ok(change) = changes.try_recv() {
        match &change.what {
            What::Features { ids, tiles, .. } => {
                assert!(change.layer == Layer::Settlement && !tiles.is_empty());
                told.extend(ids.iter().copied());
            }
            What::Everything => panic!("a small change is told by its features"),
        }
    }
    assert_eq!(told, [102, 102, 102, 102, 102, 101]);
    assert!(!yitu.atlas.wait_for(LogPosition { xid: seq.xid + 1_000_000, ..seq }, Duration::from_millis(100)).await);
}

#[tokio::test]
async fn what_shows_a_part_of_a_changed_feature_changes_with_it() {
    let db = county().await;
    let yitu = db.yitu().await;
    let pool = db.writers().await;
    let seq = write(
        &pool,
        "UPDATE party_org SET name = '红旗党小组' WHERE id = 11; UPDATE region SET name = '岭上村' WHERE id = 3;
         UPDATE category SET name = '路面损坏' WHERE id = 30; UPDATE code_alias SET code = '350000001009' WHERE feature_id = 3",
    )
    .await;
    assert!(yitu.atlas.wait_for(seq, LONG).await);
    for (layer, id, property, expected) in [
        (Layer::Grid, 40, "group_name", "红旗党小组"),
        (Layer::Grid, 40, "village_code", "350000001009"),
        (Layer::Settlement, 101, "village_name", "岭上村"),
        (Layer::Incident, 1, "village_name", "岭上村"),
        (Layer::Incident, 1, "category_name", "路面损坏"),
        (Layer::PartyOrg, 11, "region_name", "岭上村"),
    ] {
        assert_eq!(text(&yitu.atlas, layer, id, property).as_deref(), Some(expected), "{layer} {id} {property}");
    }
    assert_is_the_truth(&yitu.atlas, &pool).await;
}

/// One writer's share of a storm: small transactions over shared rows, held open for a while, some undone. No row
/// of theirs ends in 0: those are the idle writer's.
async fn storm(pool: PgPool, seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for turn in 0..25 {
        let mut tx = pool.begin().await.unwrap();
        let id = 101 + random.random_range(0..9) + 10 * (seed as i64 % 4);
        let x = 117.0 + random.random_range(0.0..1.0);
        let sql = match random.random_range(0..7) {
            0 => format!("DELETE FROM settlement WHERE id = {id}"),
            1 => format!(
                "INSERT INTO settlement (id, county_id, village_id, name, geom)
                 VALUES ({id}, 1, 4, '新村{turn}', ST_SetSRID(ST_MakePoint({x}, 25.4), 4490)) ON CONFLICT (id) DO NOTHING"
            ),
            2 => format!("UPDATE region SET name = '村{seed}之{turn}' WHERE id = 3"),
            3 => format!("UPDATE party_org SET name = '党小组{seed}之{turn}' WHERE id = 11"),
            4 => format!("UPDATE incident SET geom = ST_SetSRID(ST_MakePoint({x}, 25.4), 4490) WHERE number = 1"),
            _ => format!("UPDATE settlement SET geom = ST_SetSRID(ST_MakePoint({x}, 25.6), 4490), name = '迁{turn}' WHERE id = {id}"),
        };
        tx.execute(AssertSqlSafe(sql)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(random.random_range(0..60))).await;
        if random.random_bool(0.15) {
            tx.rollback().await.unwrap();
        } else {
            tx.commit().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_storm_of_writers_and_cut_connections_the_atlas_is_the_truth() {
    let db = county().await;
    let yitu = db.yitu().await;
    let pool = db.writers().await;
    let mut idle = pool.begin().await.unwrap();
    idle.execute("UPDATE settlement SET name = '久未提交' WHERE id = 140").await.unwrap();
    let writing: Vec<_> = (1..=8).map(|seed| tokio::spawn(storm(pool.clone(), seed))).collect();
    let mut cut = 0;
    while writing.iter().any(|w| !w.is_finished()) {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let ended: Vec<bool> = sqlx::query_scalar(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name LIKE 'yitu%'",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        cut += ended.len();
    }
    for writer in writing {
        writer.await.unwrap();
    }
    assert!(cut >= 3, "the follower was cut off only {cut} times");
    let last = commit(idle).await;
    let last = LogPosition {
        xid: last.xid.max(write(&pool, "UPDATE region SET kind = '社区' WHERE id = 4").await.xid),
        ..last
    };
    assert!(yitu.atlas.wait_for(last, LONG).await, "the follower came back");
    assert_eq!(text(&yitu.atlas, Layer::Settlement, 140, "name").as_deref(), Some("久未提交"));
    assert_is_the_truth(&yitu.atlas, &pool).await;
    assert!(yitu::service::health::is_ready(&yitu).await);
}

#[tokio::test]
async fn a_reader_the_log_no_longer_reaches_and_one_of_an_older_epoch_begin_anew() {
    let db = county().await;
    let pool = db.writers().await;
    let mut reader = Reader::connect(&db.databases.system).await.unwrap();
    let loaded = reader.everything().await.unwrap();
    // Transactions of other databases of the server move the snapshot on, but bring nothing.
    assert!(reader.since(&loaded.standing).await.unwrap().is_none_or(|step| step.updates.is_empty()));
    write(&pool, "UPDATE settlement SET name = '改名' WHERE id = 101").await;
    // Where a transaction of another database is running, its place in the log might be trimmed away as well.
    let step = loop {
        let step = reader.since(&loaded.standing).await.unwrap().unwrap();
        if step.standing.snapshot.running.is_empty() {
            break step;
        }
    };
    assert!(matches!(&step.updates[..], [(Layer::Settlement, LayerUpdate::Some(one))] if one.len() == 1));

    assert_eq!(change_log::trim(&db.databases.system, Duration::from_hours(1)).await.unwrap(), 0);
    assert!(change_log::trim(&db.databases.system, Duration::ZERO).await.unwrap() > 40);
    let anew = reader.since(&loaded.standing).await.unwrap().unwrap();
    assert_eq!(anew.updates.len(), Layer::ALL.len(), "its row was trimmed away");
    let up_to_date = reader.since(&step.standing).await.unwrap().unwrap();
    assert!(up_to_date.updates.is_empty(), "who had seen the row misses nothing: {:?}", up_to_date.updates);

    sqlx::query("UPDATE log_epoch SET epoch = gen_random_uuid()").execute(&pool).await.unwrap();
    let restored = reader.since(&anew.standing).await.unwrap().unwrap();
    assert!(restored.standing.epoch != anew.standing.epoch && restored.updates.len() == Layer::ALL.len());
    sqlx::raw_sql(
        "ALTER VIEW layer_venue RENAME COLUMN name TO title;
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'rename', true, '', 0)",
    )
    .execute(&pool)
    .await
    .unwrap();
    let migrated = reader.since(&restored.standing).await.unwrap().unwrap();
    let venue = migrated.updates.iter().find(|(layer, _)| *layer == Layer::Venue).unwrap();
    assert!(
        matches!(&venue.1, LayerUpdate::Whole(schema, _) if schema.names().iter().any(|n| &**n == "title")),
        "who follows reads the layers a migration has changed"
    );
}
