//! Use cases: one verb a file, under the noun it serves.

pub mod atlas;
pub mod clock;
pub mod county;
pub mod health;
pub mod import;
pub mod incident;
pub mod startup;

use std::sync::Arc;

use thiserror::Error;

use crate::atlas::Atlas;
use crate::config::Config;
use crate::db::{Databases, DbError};
use crate::domain::Problem;

pub use clock::{Clock, SystemClock};

/// What every use case works with.
#[derive(Debug, Clone)]
pub struct Yitu {
    /// Settings.
    pub config: Arc<Config>,
    /// The three logins.
    pub db: Databases,
    /// The map in memory.
    pub atlas: Arc<Atlas>,
    /// The time; a parameter, so that tests run years in seconds.
    pub clock: Arc<dyn Clock>,
}

/// Why a use case did not succeed.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// For the asker, in their language.
    #[error(transparent)]
    Problem(#[from] Box<Problem>),
    /// For the log alone.
    #[error(transparent)]
    Db(#[from] DbError),
    /// For the log alone.
    #[error("{0}")]
    Internal(String),
}

impl From<Problem> for ServiceError {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}
