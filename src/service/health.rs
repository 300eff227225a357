//! Whether work can be done.

use std::time::Duration;

use super::Yitu;

/// Whether the atlas is up to date and the database answers within two seconds.
pub async fn is_ready(yitu: &Yitu) -> bool {
    if !yitu.atlas.is_following() {
        return false;
    }
    let asked = crate::db::ping(&yitu.db.request);
    tokio::time::timeout(Duration::from_secs(2), asked).await.is_ok_and(|answer| answer.is_ok())
}
