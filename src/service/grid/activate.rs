//! The timer that puts published redraws in force when their day comes.

use std::sync::Arc;
use std::time::Duration;

use crate::db::{Databases, redraw};
use crate::service::Clock;

/// How often the calendar is looked at.
const EVERY: Duration = Duration::from_secs(20);

/// Runs until the database is closed.
pub async fn run(databases: Databases, clock: Arc<dyn Clock>) {
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tick.tick().await;
        if databases.system.is_closed() {
            return;
        }
        match redraw::activate_due(&databases.system, clock.now()).await {
            Ok(0) => {}
            Ok(redraws) => tracing::info!(redraws, "grids put in force"),
            Err(error) => tracing::error!(%error, "redraws could not be put in force; trying again"),
        }
    }
}
