//! PostgreSQL: the only module that speaks SQL.

pub mod account;
pub mod assignment;
pub mod audit;
pub mod binary;
pub mod calendar;
pub mod change_log;
pub mod check;
pub mod connect;
pub mod copy;
pub mod decision;
pub mod deliberation;
pub mod duplicate;
pub mod duty;
pub mod edit;
pub mod elevation;
pub mod embedded;
pub mod exchange;
pub mod figures;
pub mod grid_history;
pub mod history;
pub mod household;
pub mod identity;
pub mod import;
pub mod incident;
pub mod item;
pub mod layer;
pub mod outbox;
pub mod photo;
pub mod principal;
pub mod published;
pub mod receiver;
pub mod redraw;
pub mod redraw_discard;
pub mod report;
pub mod rule_table;
pub mod seal;
pub mod unit;

use sqlx::{PgPool, Postgres, Transaction};
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

/// What keeps the database from its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// Its disk is full.
    NoRoom,
    /// It does not answer, is starting, stopping or has no connection left.
    Unreachable,
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

    /// Whether the database itself is in trouble, not the query.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        let Self::Sql(error) = self else { return None };
        match error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Some(Outage::Unreachable),
            // PostgreSQL's error codes (appendix A): no room for a file or a page, shutting down, starting up.
            sqlx::Error::Database(e) => match e.code().as_deref() {
                Some("53100") => Some(Outage::NoRoom),
                Some("53300" | "57P01" | "57P02" | "57P03") => Some(Outage::Unreachable),
                _ => None,
            },
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

/// Which of the schema's rules refused a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Something refers to what is to go, or what is referred to is not there. The other table, where known.
    Reference(String),
    /// Another row already has this. The constraint.
    Duplicate(String),
    /// A CHECK, an exclusion or a trigger's rule. The constraint.
    Rule(String),
    /// A value that the column's type cannot hold.
    Value,
}

impl DbError {
    /// Which rule of the schema refused the write, if one did (SQLSTATE classes 22 and 23).
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let Self::Sql(sqlx::Error::Database(e)) = self else { return None };
        let rule = || e.constraint().unwrap_or_default().to_owned();
        match e.code().as_deref()? {
            "23503" => Some(Refusal::Reference(e.table().unwrap_or_default().to_owned())),
            "23505" => Some(Refusal::Duplicate(rule())),
            code if code.starts_with("23") => Some(Refusal::Rule(rule())),
            code if code.starts_with("22") => Some(Refusal::Value),
            _ => None,
        }
    }
}

/// How often a migration is tried that deadlocks with a reader.
const MIGRATION_TRIES: usize = 10;

/// The schema's migrations, in the binary.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Brings the schema up to date. Safe to call from several programs at once, and beside servers that go on reading.
///
/// # Errors
/// When a migration fails, or the database has migrations this program does not know.
pub async fn migrate(owner: &PgPool) -> Result<(), MigrateError> {
    // A migration wants tables for itself that a server reads in another order; it is undone then, and comes again.
    for _ in 1..MIGRATION_TRIES {
        match MIGRATIONS.run(owner).await {
            Err(MigrateError::ExecuteMigration(sqlx::Error::Database(e), _))
                if e.code().as_deref() == Some("40P01") =>
            {
                tracing::info!("a migration stood in another's way; trying again");
            }
            done => return done,
        }
    }
    MIGRATIONS.run(owner).await
}

/// Begins a transaction, or does not: whoever asks may go away meanwhile. A future dropped while `BEGIN` is under way would
/// give its connection back with a transaction open that nobody knows of (sqlx 0.9.0, its issue 4393), and whatever the
/// next one writes through it, acknowledged, would never be committed. So `BEGIN` is a task of its own, which ends.
///
/// # Errors
/// When the database cannot be reached.
pub(crate) async fn begin(pool: &PgPool) -> Result<Transaction<'static, Postgres>, DbError> {
    begin_as(pool, "BEGIN").await
}

/// The same by a statement of one's own.
///
/// # Errors
/// When the database cannot be reached.
pub(crate) async fn begin_as(
    pool: &PgPool,
    statement: &'static str,
) -> Result<Transaction<'static, Postgres>, DbError> {
    let pool = pool.clone();
    match tokio::spawn(async move { pool.begin_with(statement).await }).await {
        Ok(begun) => Ok(begun?),
        Err(stopped) => Err(sqlx::Error::Io(std::io::Error::other(stopped)).into()),
    }
}

/// Whether the database answers.
///
/// # Errors
/// When it does not.
pub async fn ping(pool: &PgPool) -> Result<(), DbError> {
    sqlx::query("SELECT 1").execute(pool).await?;
    Ok(())
}
