//! Whatever is changed behind the program's back is named.

use chrono::Duration;
use yitu::service::seal::{Copies, pass};

use crate::{Desk, rehash};

/// A row in the middle of an ended incident of the demo's past.
const MIDDLE: &str = "(SELECT h.id FROM incident_history h JOIN incident i ON i.id = h.incident_id
   WHERE h.ordinal = 3 AND i.state = 'closed' AND i.version >= 5 AND h.note <> '' ORDER BY h.id LIMIT 1)";
/// The last row of one.
const LAST: &str = "(SELECT h.id FROM incident_history h JOIN incident i ON i.id = h.incident_id
   WHERE h.ordinal = i.version AND i.version >= 5 ORDER BY h.id LIMIT 1)";

/// What is done behind the program's back, the kinds of fault it makes, and words one of their sentences holds.
const PLANTS: [(&str, &[&str], &str); 16] = [
    ("UPDATE incident_history SET at = at + interval '1 second' WHERE id = MIDDLE", &["altered_row"], "号事件第 3 条"),
    ("UPDATE incident_history SET detail = '{\"a\": 1}' WHERE id = MIDDLE", &["altered_row"], "内容被改动"),
    ("UPDATE incident_history SET actor = 'responder:1' WHERE id = MIDDLE", &["altered_row"], "号事件第 3 条"),
    ("UPDATE incident_history SET from_version = 0 WHERE id = MIDDLE", &["altered_row"], "号事件第 3 条"),
    ("UPDATE incident_history SET note = note || '?' WHERE id = MIDDLE", &["altered_words"], "第 3 条"),
    (
        "UPDATE incident_history SET digest = sha256(digest) WHERE id = MIDDLE",
        &["altered_row", "broken_link", "other_rows"],
        "第 4 条与前一条不相接",
    ),
    ("DELETE FROM incident_history WHERE id = MIDDLE", &["missing_row", "missing_sealed_row"], "缺第 3 条"),
    // Of the last row nothing in its chain tells, but its seal does.
    ("DELETE FROM incident_history WHERE id = LAST", &["missing_sealed_row", "other_state"], "有已封存的历史被删去"),
    (
        "DELETE FROM incident_history WHERE incident_id = (SELECT incident_id FROM incident_history WHERE id = MIDDLE)",
        &["missing_sealed_row", "no_history"],
        "没有任何历史",
    ),
    (
        "DELETE FROM incident WHERE id = (SELECT incident_id FROM incident_history WHERE id = MIDDLE)",
        &["incident_gone"],
        "已不存在",
    ),
    (
        "UPDATE incident SET state = 'cancelled' WHERE id = (SELECT incident_id FROM incident_history WHERE id = MIDDLE)",
        &["other_state"],
        "现为“已作废”",
    ),
    (
        "UPDATE history_seal SET sealed_at = sealed_at + interval '1 second' WHERE number = 2",
        &["altered_seal", "copy_differs"],
        "第 2 号封存",
    ),
    ("UPDATE history_seal SET previous = digest WHERE number = 2", &["altered_seal", "copy_differs"], "与前一号不相接"),
    ("DELETE FROM history_seal WHERE number IN (2, 3)", &["missing_seal"], "缺第 2 至 3 号封存"),
    ("DELETE FROM history_seal WHERE number = 4", &["missing_seal", "truncated"], "缺第 4 号封存"),
    // The tail cut off clean, matters, rows and seals: only the copy knows.
    (
        "DELETE FROM incident_history WHERE seal_number >= 3; DELETE FROM history_seal WHERE number >= 3;
      DELETE FROM incident i WHERE NOT EXISTS (SELECT FROM incident_history h WHERE h.incident_id = i.id)",
        &["truncated"],
        "第 3 至 4 号",
    ),
];

#[tokio::test]
async fn each_alteration_is_named() {
    let desk = Desk::sealed().await;
    let tables = ["incident", "incident_history", "history_seal"];
    let mut columns: Vec<String> = Vec::new();
    for table in tables {
        desk.tamper(&format!("CREATE TABLE saved_{table} AS TABLE {table}")).await;
        // What the database computes itself cannot be put back.
        let sql = "SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''";
        let given = sqlx::query_scalar(sql).bind(table).fetch_one(&desk.database.databases.migrator).await.unwrap();
        columns.push(given);
    }
    for (sql, kinds, words) in PLANTS {
        assert_eq!(desk.check().await.count, 0);
        desk.tamper(&sql.replace("MIDDLE", MIDDLE).replace("LAST", LAST)).await;
        assert_eq!(desk.kinds().await, kinds, "{sql}");
        let told: Vec<String> = desk.check().await.faults.into_iter().map(|f| f.sentence).collect();
        assert!(told.iter().any(|s| s.contains(words)), "{sql}: {told:?}");
        for (table, of) in tables.iter().zip(&columns) {
            desk.tamper(&format!("DELETE FROM {table}; INSERT INTO {table} ({of}) SELECT {of} FROM saved_{table}"))
                .await;
        }
    }
}

/// Someone with the database alone rewrites the past and computes every digest and every seal anew.
#[tokio::test]
async fn a_past_rewritten_whole_differs_from_the_copy() {
    let mut desk = Desk::sealed().await;
    let rehash = rehash();
    let rewrite = format!(
        "UPDATE incident_history SET at = at - interval '2 hours' WHERE id = {MIDDLE};
                           UPDATE incident_history SET detail = '{{}}'; {rehash};
                           UPDATE incident_history SET seal_number = NULL; DELETE FROM history_seal"
    );
    desk.tamper(&rewrite).await;
    let theirs = tempfile::tempdir().unwrap();
    pass(&desk.database.databases, &mut Copies::of(theirs.path()), desk.now()).await.unwrap();
    assert_eq!(desk.check_at(desk.now(), theirs.path()).await.count, 0, "in itself it is sound");
    assert_eq!(desk.kinds().await, ["copy_differs", "truncated"]);
    // And a server that starts with a copy does not go on from it.
    let before = std::fs::read(desk.copy()).unwrap();
    desk.copies = Copies::of(desk.data.path());
    let refused = pass(&desk.database.databases, &mut desk.copies, desk.yitu.clock.now()).await.unwrap_err();
    assert!(refused.to_string().contains("不相接"), "{refused}");
    assert_eq!(std::fs::read(desk.copy()).unwrap(), before, "it is never rewritten");
}

#[tokio::test]
async fn what_waits_too_long_for_its_seal_is_named() {
    let desk = Desk::sealed().await;
    desk.report("路边垃圾堆积").await;
    let soon = desk.check_at(desk.now() + Duration::seconds(2), desk.data.path()).await;
    assert_eq!(soon.count, 0, "{:?}", soon.faults);
    let told = desk.check().await;
    assert!(told.faults[0].kind == "unsealed" && told.faults[0].sentence.contains("2 条"), "{:?}", told.faults);
    let out = desk.cli(&["check", "--history"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stdout).contains("尚未封存"));
}
