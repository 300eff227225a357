//! Every county has the days of past years, this one and the next, as far as they are announced.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Datelike, Utc};

use crate::db::{Databases, DbError, calendar};
use crate::domain::holidays;
use crate::service::Clock;

/// How often it is looked whether another year has come.
const EVERY: Duration = Duration::from_hours(6);

/// Gives counties the years they lack.
///
/// # Errors
/// When the database fails.
pub async fn seed(databases: &Databases, now: DateTime<Utc>) -> Result<(), DbError> {
    let mut system = databases.system.acquire().await?;
    for year in holidays::until(now.year() + 1) {
        let counties = calendar::seed(&mut system, &year).await?;
        if counties > 0 {
            tracing::info!(year = year.year, provisional = year.provisional, counties, "calendar filled in");
        }
    }
    Ok(())
}

/// The same as time goes on, until the database is closed.
pub async fn run(databases: Databases, clock: Arc<dyn Clock>) {
    let mut tick = tokio::time::interval(EVERY);
    // The first tick comes at once, when it was just done.
    tick.tick().await;
    loop {
        tick.tick().await;
        if databases.system.is_closed() {
            return;
        }
        if let Err(error) = seed(&databases, clock.now()).await {
            tracing::error!(%error, "the calendar could not be filled in; trying again");
        }
    }
}
