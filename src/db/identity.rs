//! Accounts by who they are at the county's identity server.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::DbError;
use super::account::{AccountRow, account_where};
use crate::domain::FeatureId;

/// Who somebody is at an identity server.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The server.
    pub issuer: &'a str,
    /// What it calls them, for good.
    pub subject: &'a str,
}

/// The account that is bound to an identity.
///
/// # Errors
/// When the database fails.
pub async fn bound(system: &PgPool, who: Identity<'_>) -> Result<Option<AccountRow>, DbError> {
    let sql = account_where(" WHERE a.issuer = $1 AND a.subject = $2");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(who.issuer).bind(who.subject).fetch_optional(system).await?)
}

/// Binds the account of a name to an identity, where it waits for one; whether it did.
///
/// # Errors
/// When another account has the identity already, or the database fails.
pub async fn bind(system: &PgPool, name: &str, who: Identity<'_>, now: DateTime<Utc>) -> Result<bool, DbError> {
    let sql = "UPDATE account SET issuer = $2, subject = $3, awaits_identity_until = NULL
               WHERE name = $1 AND awaits_identity_until > $4 AND disabled_at IS NULL";
    let query = sqlx::query(sql).bind(name).bind(who.issuer).bind(who.subject).bind(now);
    Ok(query.execute(system).await?.rows_affected() == 1)
}

/// Lets an account wait for its identity until an instant; one that has an identity keeps it.
///
/// # Errors
/// When the database fails.
pub async fn await_identity(system: &PgPool, id: FeatureId, until: DateTime<Utc>) -> Result<(), DbError> {
    let sql = "UPDATE account SET awaits_identity_until = $2 WHERE id = $1 AND issuer IS NULL";
    sqlx::query(sql).bind(id).bind(until).execute(system).await?;
    Ok(())
}

/// Takes an account's identity away, and ends the sessions that were begun by it.
///
/// # Errors
/// When the database fails.
pub async fn unbind(system: &PgPool, id: FeatureId, now: DateTime<Utc>) -> Result<(), DbError> {
    let mut tx = super::begin(system).await?;
    let sql = "UPDATE account SET issuer = NULL, subject = NULL, awaits_identity_until = NULL WHERE id = $1";
    sqlx::query(sql).bind(id).execute(&mut *tx).await?;
    let sql =
        "UPDATE credential SET revoked_at = $2 WHERE account_id = $1 AND vouched IS NOT NULL AND revoked_at IS NULL";
    sqlx::query(sql).bind(id).bind(now).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// Notes that a state came back, for as long as it would be taken; whether it is the first time. Those too old to be taken
/// are forgotten.
///
/// # Errors
/// When the database fails.
pub async fn use_state(
    system: &PgPool,
    digest: &[u8; 32],
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    sqlx::query("DELETE FROM used_state WHERE expires_at < $1").bind(now).execute(system).await?;
    let sql = "INSERT INTO used_state (digest, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let query = sqlx::query(sql).bind(digest.as_slice()).bind(expires_at);
    Ok(query.execute(system).await?.rows_affected() == 1)
}

/// The second factor of a session that still wanted it was given.
///
/// # Errors
/// When the database fails.
pub async fn code_given(system: &PgPool, credential: FeatureId) -> Result<(), DbError> {
    let sql = "UPDATE credential SET vouched = 'plain' WHERE id = $1 AND vouched = 'code_due'";
    sqlx::query(sql).bind(credential).execute(system).await?;
    Ok(())
}
