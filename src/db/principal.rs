//! Transactions on behalf of a viewer.

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};

use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use super::DbError;
use crate::domain::viewer::Reach;
use crate::domain::{FeatureId, LogPosition, Viewer};

/// A transaction of the request login that has told the database who asks; row-level security holds in it.
/// Dropped without [`Request::commit`] it leaves nothing behind.
#[derive(Debug)]
pub struct Request {
    transaction: Transaction<'static, Postgres>,
    people: Reach,
    matters: Reach,
}

impl Request {
    /// Begins one.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn begin(pool: &PgPool, viewer: &Viewer) -> Result<Self, DbError> {
        let mut transaction = super::begin(pool).await?;
        let scope = viewer.scope();
        let (people, matters) = (viewer.reach_of_people(), viewer.reach_of_matters());
        let ids = |ids: &BTreeSet<FeatureId>| ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        sqlx::query(
            "SELECT set_config('yitu.county_id', $1, true), set_config('yitu.viewer', $2, true), set_config('yitu.role', $3, true),
               set_config('yitu.people', $4, true), set_config('yitu.matters', $5, true), set_config('yitu.account_id', $6, true),
               set_config('yitu.regions', $7, true), set_config('yitu.grids', $8, true), set_config('yitu.households', $9, true),
               set_config('yitu.units', $10, true)",
        )
        .bind(viewer.county_id().to_string())
        .bind(viewer.name())
        .bind(viewer.role().code())
        .bind(people.code())
        .bind(matters.code())
        .bind(viewer.account_id().map_or_else(String::new, |id| id.to_string()))
        .bind(ids(&scope.regions))
        .bind(ids(&scope.grids))
        .bind(ids(&scope.households))
        .bind(ids(&scope.units))
        .execute(&mut *transaction)
        .await?;
        Ok(Self { transaction, people, matters })
    }

    /// From here on the program works for itself, whoever asked: what was asked is allowed, and takes more than the asker
    /// may see, such as the whole of a matter that goes to somebody else.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn as_the_program(&mut self) -> Result<(), DbError> {
        self.reach(Reach::All, Reach::Every).await
    }

    /// From here on it reaches as far as whoever asked again, whatever was set since.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn as_the_asker(&mut self) -> Result<(), DbError> {
        self.reach(self.people, self.matters).await
    }

    async fn reach(&mut self, people: Reach, matters: Reach) -> Result<(), DbError> {
        let sql = "SELECT set_config('yitu.people', $1, true), set_config('yitu.matters', $2, true)";
        sqlx::query(sql).bind(people.code()).bind(matters.code()).execute(&mut *self.transaction).await?;
        Ok(())
    }

    /// Commits a transaction that only read.
    ///
    /// # Errors
    /// When the commit fails.
    pub async fn finish(self) -> Result<(), DbError> {
        Ok(self.transaction.commit().await?)
    }

    /// Commits what was written and answers its position in the change log.
    ///
    /// # Errors
    /// When a deferred rule refuses it, or the connection is lost.
    pub async fn commit(mut self) -> Result<LogPosition, DbError> {
        let (epoch, xid): (Uuid, String) = sqlx::query_as("SELECT epoch, pg_current_xact_id()::text FROM log_epoch")
            .fetch_one(&mut *self.transaction)
            .await?;
        let xid = xid.parse().map_err(|_| DbError::Stored(format!("transaction id {xid}")))?;
        self.transaction.commit().await?;
        Ok(LogPosition { epoch, xid })
    }
}

impl Deref for Request {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.transaction
    }
}

impl DerefMut for Request {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }
}
