//! The demo county's own matters under deliberation.

use chrono::NaiveDate;
use yitu::domain::lunar::LunarDate;
use yitu::service::incident::deadline;

use crate::Desk;

#[tokio::test]
async fn the_demos_matters_stand_on_agendas_and_live_on() {
    let desk = Desk::open().await;
    let days: Vec<NaiveDate> = sqlx::query_scalar("SELECT day FROM deliberation").fetch_all(desk.sql()).await.unwrap();
    assert!(!days.is_empty());
    assert!(days.iter().all(|d| LunarDate::of(*d).unwrap().is_deliberation_day()), "{days:?}");
    let kinds: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM deliberation d JOIN venue v ON v.id = d.venue_id WHERE v.kind NOT IN ('pavilion', 'corridor', 'courtyard')",
    )
    .fetch_one(desk.sql())
    .await
    .unwrap();
    assert_eq!(kinds, 0);
    desk.agendas_hold().await;
    // The clock finds them as it would find any other: a month on, each was carried over or went up.
    for _ in 0..40 {
        desk.clock.advance(chrono::Duration::days(1));
        deadline::pass(&desk.yitu).await.unwrap();
        desk.agendas_hold().await;
    }
    let waiting: i64 =
        sqlx::query_scalar("SELECT count(*) FROM deliberation WHERE outcome = 'waiting' AND day < '2026-12-28'")
            .fetch_one(desk.sql())
            .await
            .unwrap();
    assert_eq!(waiting, 0);
}
