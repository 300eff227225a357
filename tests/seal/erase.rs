//! Lawful erasure: the words go, the chain stays.

use serde_json::json;
use yitu::domain::seal::{ERASED, SYSTEM};
use yitu::service::ServiceError;
use yitu::service::incident::erase::erase;
use yitu::service::incident::{list, retention};

use crate::Desk;

/// How many rows of all that is kept of incidents hold a text.
async fn holding(desk: &Desk, text: &str) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT to_jsonb(i)::text AS t FROM incident i UNION ALL SELECT to_jsonb(h)::text FROM incident_history h
           UNION ALL SELECT to_jsonb(d)::text FROM dispatch_decision d UNION ALL SELECT to_jsonb(a)::text FROM assignment a) x
         WHERE position($1 in t) > 0",
    )
    .bind(text)
    .fetch_one(&desk.database.databases.migrator)
    .await
    .unwrap()
}

#[tokio::test]
async fn the_words_of_an_ended_incident_go_and_its_chain_stays() {
    let mut desk = Desk::sealed().await;
    let made = desk.report("林小明与邻居争吵").await;
    let signed = desk.act(&made, json!({"action": "accept", "note": "林小明在家"})).await;
    desk.seal().await;
    let (db, now) = (desk.database.databases.clone(), desk.now());
    let which = made.id.to_string();
    let refused = |result| match result {
        Err(ServiceError::Problem(p)) => p.slug,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(erase(&db, &desk.viewer, &which, "当事人申请", now).await), "still-open");
    assert_eq!(refused(erase(&db, &desk.viewer, &which, " ", now).await), "bad-field");
    assert_eq!(refused(erase(&db, &desk.viewer, "987654321", "当事人申请", now).await), "not-found");
    let done = desk.act(&signed, json!({"action": "resolve", "note": "劝和", "actor": "调解员林大"})).await;
    let closed = desk.act(&done, json!({"action": "check", "passed": true, "note": "林小明满意"})).await;
    assert!(holding(&desk, "林小明").await > 3 && holding(&desk, "林大").await == 2);

    let number = erase(&db, &desk.viewer, &which, "当事人申请", now).await.unwrap();
    assert_eq!(number, made.number);
    // Of the other reports of this folder three are by the same person, and are not touched.
    assert_eq!((holding(&desk, "争吵").await, holding(&desk, "林小明").await, holding(&desk, "林大").await), (0, 3, 0));
    let erased = list::find(&desk.yitu, &desk.viewer, made.id).await.unwrap();
    assert_eq!((erased.version, erased.state.as_str()), (closed.version + 1, "closed"));
    assert_eq!((erased.description.as_str(), erased.resolved_by.as_deref()), (ERASED, Some(ERASED)));
    assert_eq!(erased.location.text.as_deref(), Some(ERASED));
    let timeline = erased.timeline.unwrap();
    let last = timeline.last().unwrap();
    assert_eq!((last.action.as_str(), last.actor.as_str(), last.note.as_str()), ("erase", "值班员甲", "当事人申请"));
    assert!(timeline[2].note == ERASED && timeline[1].note.is_empty());
    desk.seal().await;
    let report = desk.check().await;
    assert_eq!((report.count, report.faults.as_slice()), (0, &[][..]));
    assert_eq!(report.erased, 4, "report, accept, resolve, check");

    // Again, from the command line, by number: the first erasure keeps its reason.
    let out = desk.cli(&["erase", "incident", &number.to_string(), "--reason", "再次申请", "--by", "法制员"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!((holding(&desk, "当事人申请").await, holding(&desk, "再次申请").await), (1, 1));
    let out = desk.cli(&["erase", "incident", "0", "--reason", "申请"]);
    assert_eq!(out.status.code(), Some(2));
    desk.seal().await;
    assert_eq!(desk.check().await.count, 0);

    // An erased text is not a free text.
    desk.tamper("UPDATE incident_history SET note = '并无此事' WHERE salt IS NULL AND note <> ''").await;
    assert_eq!(desk.kinds().await, ["altered_words"]);
}

#[tokio::test]
async fn an_erasure_that_is_not_recorded_is_named_and_no_login_rewrites_history() {
    let desk = Desk::sealed().await;
    for sql in [
        "UPDATE incident_history SET note = 'x'",
        "UPDATE incident_history SET at = now()",
        "UPDATE incident_history SET seal_number = 1 WHERE seal_number = 2",
        "UPDATE incident_history SET seal_number = NULL",
        "UPDATE incident_history SET salt = NULL, note = 'x'",
        "UPDATE incident_history SET salt = NULL, actor = '已依法删除' WHERE is_reference(actor)",
        "DELETE FROM incident_history",
        "UPDATE history_seal SET rows = 1",
        "DELETE FROM history_seal",
    ] {
        let refused = sqlx::query(sql).execute(&desk.database.databases.migrator).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{sql}: {refused}");
        assert!(sqlx::query(sql).execute(&desk.database.databases.system).await.is_err(), "{sql}");
    }
    // The words alone may go; then the check asks for the record.
    sqlx::query("UPDATE incident_history SET salt = NULL, note = '已依法删除' WHERE id = (SELECT min(id) FROM incident_history WHERE note <> '')")
        .execute(&desk.database.databases.migrator)
        .await
        .unwrap();
    assert_eq!(desk.kinds().await, ["unrecorded_erasure"]);
}

#[tokio::test]
async fn what_was_kept_long_enough_goes_by_itself() {
    let mut desk = Desk::sealed().await;
    let made = desk.report("林小明与邻居争吵").await;
    let signed = desk.act(&made, json!({"action": "accept", "note": "林小明在家"})).await;
    let done = desk.act(&signed, json!({"action": "resolve", "note": "劝和"})).await;
    desk.act(&done, json!({"action": "check", "passed": true, "note": "林小明满意"})).await;
    let open = desk.report("林小明家漏水").await;
    desk.seal().await;
    let (db, now) = (desk.database.databases.clone(), desk.now());
    let ended: i64 = desk.one("SELECT count(*) FROM incident WHERE closed_at IS NOT NULL").await;
    let earlier = ended - 1;
    let day = chrono::Duration::days(1);
    assert_eq!(retention::pass(&db, 0, now + day * 4000).await.unwrap(), 0, "unless the county says how long");
    // The demo's ended before now, this one at this very instant.
    assert_eq!(retention::pass(&db, 30, now + day * 30).await.unwrap() as i64, earlier);
    assert!(holding(&desk, "争吵").await > 0);
    assert_eq!(retention::pass(&db, 30, now + day * 31).await.unwrap(), 1);
    assert_eq!(retention::pass(&db, 30, now + day * 31).await.unwrap(), 0, "once");
    assert_eq!(holding(&desk, "争吵").await, 0);
    assert!(holding(&desk, "漏水").await > 0, "what is open is needed");
    let erased = list::find(&desk.yitu, &desk.viewer, made.id).await.unwrap();
    let last = erased.timeline.unwrap().pop().unwrap();
    assert_eq!((last.action.as_str(), last.actor.as_str(), last.note.as_str()), ("erase", SYSTEM, "保存期满 30 天"));
    assert_eq!(list::find(&desk.yitu, &desk.viewer, open.id).await.unwrap().description, "林小明家漏水");
    desk.seal().await;
    assert_eq!(desk.check_at(now + day * 32, desk.data.path()).await.count, 0);
}
