//! Incidents: report, look, act.

pub mod act;
pub mod check;
pub mod complete;
pub mod deadline;
pub mod deliberate;
pub mod duplicates;
pub mod erase;
pub mod facts;
pub mod hand_on;
pub mod history;
pub mod list;
pub mod parts;
pub mod plan;
pub mod preview;
pub mod replay;
pub mod report;
pub mod retention;
pub mod step;
pub mod view;
pub mod wall;
pub mod whereabouts;

use super::ServiceError;

/// How often a transaction that met another is tried.
const ATTEMPTS: usize = 4;

/// Runs a transaction again when it only met another one (serialisation failure, deadlock).
pub(in crate::service) async fn retried<T, F: Future<Output = Result<T, ServiceError>>>(
    attempt: impl Fn() -> F,
) -> Result<T, ServiceError> {
    let mut tries = 1;
    loop {
        match attempt().await {
            Err(ServiceError::Db(e)) if e.is_transient() && tries < ATTEMPTS => tries += 1,
            done => return done,
        }
    }
}
