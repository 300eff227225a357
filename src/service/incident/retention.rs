//! Retention: what ended incidents hold of persons is kept as long as the county says, and no longer.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::erase::erase;
use super::report::SYSTEM;
use crate::db::{Databases, incident};
use crate::domain::Viewer;
use crate::service::rounds::Rounds;
use crate::service::{ServiceError, WeakYitu};

/// How often it is looked whether something has been kept long enough.
const EVERY: Duration = Duration::from_hours(1);
/// So many at a time.
const BATCH: i64 = 100;

/// Runs for as long as the server does. Any number of servers may.
pub async fn run(yitu: WeakYitu) {
    let mut rounds = Rounds::every(EVERY, yitu);
    while let Some(yitu) = rounds.next().await {
        if let Err(error) = pass(&yitu.db, yitu.config.incident_kept_days, yitu.clock.now()).await {
            tracing::error!(%error, "what was kept long enough could not be erased; trying again");
        }
    }
}

/// Erases the words, persons and photos of incidents that ended more than so many days ago, as somebody would by hand;
/// answers of how many. 0 days keep them until somebody does.
///
/// # Errors
/// When the database fails. One that fails does not keep the others.
pub async fn pass(db: &Databases, days: u32, now: DateTime<Utc>) -> Result<usize, ServiceError> {
    if days == 0 {
        return Ok(0);
    }
    let reason = format!("保存期满 {days} 天");
    let mut erased = 0;
    loop {
        let before = erased;
        let ended_before = now - chrono::Duration::days(days.into());
        for (county, id) in incident::kept_since(&db.system, ended_before, BATCH).await? {
            match erase(db, &Viewer::whole_county(county, SYSTEM), &id.to_string(), &reason, now).await {
                Ok(_) => erased += 1,
                Err(error) => tracing::error!(%error, incident = %id, "could not be erased; trying again"),
            }
        }
        // Those that cannot be erased are no reason to go round.
        if erased == before {
            return Ok(erased);
        }
    }
}
