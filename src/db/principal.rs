//! Transactions on behalf of a viewer.

use std::ops::{Deref, DerefMut};

use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use super::DbError;
use crate::domain::{LogPosition, Viewer};

/// A transaction of the request login that has told the database who asks; row-level security holds in it.
/// Dropped without [`Request::commit`] it leaves nothing behind.
#[derive(Debug)]
pub struct Request(Transaction<'static, Postgres>);

impl Request {
    /// Begins one.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn begin(pool: &PgPool, viewer: &Viewer) -> Result<Self, DbError> {
        let mut transaction = super::begin(pool).await?;
        sqlx::query("SELECT set_config('yitu.county_id', $1, true), set_config('yitu.viewer', $2, true)")
            .bind(viewer.county_id().to_string())
            .bind(viewer.name())
            .execute(&mut *transaction)
            .await?;
        Ok(Self(transaction))
    }

    /// Commits a transaction that only read.
    ///
    /// # Errors
    /// When the commit fails.
    pub async fn finish(self) -> Result<(), DbError> {
        Ok(self.0.commit().await?)
    }

    /// Commits what was written and answers its position in the change log.
    ///
    /// # Errors
    /// When a deferred rule refuses it, or the connection is lost.
    pub async fn commit(mut self) -> Result<LogPosition, DbError> {
        let (epoch, xid): (Uuid, String) =
            sqlx::query_as("SELECT epoch, pg_current_xact_id()::text FROM log_epoch").fetch_one(&mut *self.0).await?;
        let xid = xid.parse().map_err(|_| DbError::Stored(format!("transaction id {xid}")))?;
        self.0.commit().await?;
        Ok(LogPosition { epoch, xid })
    }
}

impl Deref for Request {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Request {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}
