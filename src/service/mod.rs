//! Use cases: one verb a file, under the noun it serves.

pub mod access;
pub mod area;
pub mod atlas;
pub mod calendar;
pub mod check;
pub mod clock;
pub mod county;
pub mod deliberation;
pub mod duty;
pub mod exchange;
pub mod export;
pub mod figures;
pub mod grid;
pub mod health;
pub mod household;
pub mod import;
pub mod incident;
pub mod live;
pub mod ogc;
pub mod outbox;
pub mod page;
pub mod phone_key;
pub mod photo;
pub mod prepared;
pub mod rounds;
pub mod rules;
pub mod seal;
pub mod seen;
pub mod spatial;
pub mod startup;
pub mod tile;
pub mod unit;
pub mod webhook;

use std::ops::Deref;
use std::sync::{Arc, Weak};

use thiserror::Error;

use crate::atlas::Atlas;
use crate::config::Config;
use crate::db::{Databases, DbError};
use crate::domain::Problem;

pub use clock::{Clock, SystemClock};

/// What every use case works with. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Yitu(Arc<Parts>);

/// The parts of a running server.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Settings.
    pub config: Config,
    /// The three logins.
    pub db: Databases,
    /// The map in memory.
    pub atlas: Arc<Atlas>,
    /// How tiles are drawn, and those at hand.
    pub tiles: Tiles,
    /// What changed lately on the map.
    pub changes: Arc<live::ChangeLog>,
    /// The time; a parameter, so that tests run years in seconds.
    pub clock: Arc<dyn Clock>,
    /// Indexes over the atlas.
    pub indexes: Arc<spatial::Indexes>,
    /// Those who ask.
    pub access: Arc<access::Access>,
    /// Photos of incidents.
    pub photos: Arc<photo::Photos>,
}

/// A server that does not run on because of this.
#[derive(Debug, Clone)]
pub struct WeakYitu(Weak<Parts>);

impl WeakYitu {
    /// The server, while it runs.
    #[must_use]
    pub fn upgrade(&self) -> Option<Yitu> {
        self.0.upgrade().map(Yitu)
    }
}

impl Deref for Yitu {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Yitu {
    /// For what runs beside the server, as long as it does.
    #[must_use]
    pub fn downgrade(&self) -> WeakYitu {
        WeakYitu(Arc::downgrade(&self.0))
    }

    /// The same server by another clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Parts { clock, ..Arc::unwrap_or_clone(self.0) }.into()
    }
}

impl From<Parts> for Yitu {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

/// How tiles are drawn, and those at hand.
#[derive(Debug, Clone)]
pub struct Tiles {
    /// The layers prepared for drawing, and their settings.
    pub layers: Arc<tile::MapLayers>,
    /// Rendered tiles.
    pub cache: tile::TileCache,
    /// What elevation tiles are drawn from.
    pub elevation: tile::elevation::ElevationCache,
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

/// Runs what takes milliseconds of computing where it holds up nobody.
///
/// # Errors
/// Only when the server is stopping or the work fails against all expectation.
pub async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ServiceError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| ServiceError::Internal(e.to_string()))
}
