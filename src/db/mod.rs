//! PostgreSQL: the only module that speaks SQL.

pub mod change_log;
pub mod check;
pub mod connect;
pub mod copy;
pub mod elevation;
pub mod embedded;
pub mod import;
pub mod incident;
pub mod item;
pub mod layer;
pub mod principal;
pub mod redraw;
pub mod unit;

use sqlx::PgPool;
use thiserror::Error;

pub use connect::{ConnectError, Databases};
pub use principal::Request;
pub use sqlx::migrate::MigrateError;

/// A query failed; the cause is for the log, never for the asker.
#[derive(Debug, Error)]
pub enum DbError {
    /// The database refused or could not be reached.
    #[error("database: {0}")]
    Sql(#[from] sqlx::Error),
    /// A stored geometry is not readable.
    #[error(transparent)]
    Geometry(#[from] crate::geo::ewkb::EwkbError),
    /// A stored value is not of the form the schema promises.
    #[error("stored value: {0}")]
    Stored(String),
}

impl DbError {
    /// The name of the constraint that refused a write, if one did.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Sql(sqlx::Error::Database(e)) => e.constraint(),
            _ => None,
        }
    }

    /// Whether trying the same transaction again may succeed (serialisation failure, deadlock).
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Sql(sqlx::Error::Database(e)) => matches!(e.code().as_deref(), Some("40001" | "40P01")),
            _ => false,
        }
    }
}

/// The schema's migrations, in the binary.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Brings the schema up to date. Safe to call from several programs at once.
///
/// # Errors
/// When a migration fails, or the database has migrations this program does not know.
pub async fn migrate(owner: &PgPool) -> Result<(), MigrateError> {
    MIGRATIONS.run(owner).await
}

/// Whether the database answers.
///
/// # Errors
/// When it does not.
pub async fn ping(pool: &PgPool) -> Result<(), DbError> {
    sqlx::query("SELECT 1").execute(pool).await?;
    Ok(())
}
