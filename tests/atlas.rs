//! The atlas follows the database.

mod support;

use support::TestDatabase;

#[tokio::test]
async fn the_demo_template_holds_a_county() {
    let db = TestDatabase::with_demo().await;
    let counties = yitu::db::copy::counties(&db.databases.migrator).await.unwrap();
    assert_eq!(counties.len(), 1);
}
