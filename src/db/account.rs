//! Accounts, what they are granted, and what they sign in with. Read and written by the system login: no request's own
//! statement ever sees a password's hash or a token's digest.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgPool};

use super::DbError;
use crate::domain::FeatureId;

/// An account as its sign-in needs it.
#[derive(Clone, FromRow)]
#[allow(missing_docs)] // the columns of the account table
pub struct AccountRow {
    pub id: FeatureId,
    pub county_id: FeatureId,
    pub name: String,
    pub display_name: String,
    pub role: Option<String>,
    pub responder_id: Option<FeatureId>,
    pub responder_name: Option<String>,
    pub unit_id: Option<FeatureId>,
    pub unit_name: Option<String>,
    pub password_hash: Option<String>,
    pub password_expires: bool,
    pub totp_sealed: Option<Vec<u8>>,
    pub totp_confirmed: bool,
    pub issuer: Option<String>,
    pub subject: Option<String>,
    pub awaits_identity_until: Option<DateTime<Utc>>,
    pub disabled_at: Option<DateTime<Utc>>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
}

impl std::fmt::Debug for AccountRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountRow").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// A new account.
#[derive(Debug)]
#[allow(missing_docs)] // the columns of the account table
pub struct NewAccount<'a> {
    pub county_id: FeatureId,
    pub name: &'a str,
    pub display_name: &'a str,
    pub role: Option<&'a str>,
    pub responder_id: Option<FeatureId>,
    pub unit_id: Option<FeatureId>,
    pub issuer: Option<&'a str>,
    pub subject: Option<&'a str>,
}

/// What is changed of an account; what is none stays.
#[derive(Debug, Default)]
#[allow(missing_docs)] // the columns of the account table
pub struct AccountChange<'a> {
    pub display_name: Option<&'a str>,
    pub role: Option<&'a str>,
    pub responder_id: Option<FeatureId>,
    pub unit_id: Option<FeatureId>,
    pub disabled: Option<bool>,
}

/// A part of the county an account is given.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs)] // the columns of the grant table
pub struct GrantRow {
    pub id: FeatureId,
    pub account_id: FeatureId,
    pub region_id: Option<FeatureId>,
    pub region_name: Option<String>,
    pub grid_id: Option<FeatureId>,
    pub grid_name: Option<String>,
    pub in_full: bool,
    pub reason: String,
    pub granted_by: String,
    pub since: DateTime<Utc>,
    pub until: Option<DateTime<Utc>>,
}

/// A new grant.
#[derive(Debug)]
#[allow(missing_docs)] // the columns of the grant table
pub struct NewGrant<'a> {
    pub county_id: FeatureId,
    pub account_id: FeatureId,
    pub region_id: Option<FeatureId>,
    pub grid_id: Option<FeatureId>,
    pub in_full: bool,
    pub reason: &'a str,
    pub granted_by: &'a str,
    pub since: DateTime<Utc>,
    pub until: Option<DateTime<Utc>>,
}

/// A credential as its owner sees it.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs)] // the columns of the credential table
pub struct CredentialRow {
    pub id: FeatureId,
    pub account_id: FeatureId,
    pub kind: String,
    pub name: String,
    pub may_write: bool,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// A new credential.
#[derive(Debug)]
#[allow(missing_docs)] // the columns of the credential table
pub struct NewCredential<'a> {
    pub county_id: FeatureId,
    pub account_id: FeatureId,
    pub kind: &'a str,
    pub name: &'a str,
    pub digest: [u8; 32],
    pub may_write: bool,
    pub vouched: Option<&'a str>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// Who stands behind a credential, and what they are given, at an instant.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs, clippy::struct_excessive_bools)] // the columns of the tables it comes from
pub struct PrincipalRow {
    pub credential_id: FeatureId,
    pub kind: String,
    pub may_write: bool,
    pub expires_at: DateTime<Utc>,
    pub account_id: FeatureId,
    pub county_id: FeatureId,
    pub name: String,
    pub display_name: String,
    pub role: Option<String>,
    pub password_expires: bool,
    pub has_second_factor: bool,
    pub code_due: bool,
    pub responder_id: Option<FeatureId>,
    /// Regions and grids that are granted, and those granted in full.
    pub regions: Vec<FeatureId>,
    pub grids: Vec<FeatureId>,
    pub regions_in_full: Vec<FeatureId>,
    pub grids_in_full: Vec<FeatureId>,
    /// By their appointments: the units they act in, the grids they answer for.
    pub units: Vec<FeatureId>,
    pub own_grids: Vec<FeatureId>,
    /// Households they are linked to.
    pub households: Vec<FeatureId>,
}

const ACCOUNT: &str = "SELECT a.id, a.county_id, a.name, a.display_name, a.role::text AS role, a.responder_id, r.name AS responder_name,
    a.unit_id, u.name AS unit_name, a.password_hash, a.password_expires, a.totp_sealed, a.totp_confirmed, a.issuer, a.subject,
    a.awaits_identity_until, a.disabled_at, a.version, a.created_at
  FROM account a LEFT JOIN responder r ON r.id = a.responder_id LEFT JOIN handling_unit u ON u.id = a.unit_id";

/// Whether there is any account: before the first, nobody can sign in.
///
/// # Errors
/// When the database fails.
pub async fn any(system: &PgPool) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT FROM account)").fetch_one(system).await?)
}

/// Whether an account with a password that everybody knows can sign in.
///
/// # Errors
/// When the database fails.
pub async fn any_demo(system: &PgPool) -> Result<bool, DbError> {
    let sql = "SELECT EXISTS (SELECT FROM account WHERE is_demo AND disabled_at IS NULL)";
    Ok(sqlx::query_scalar(sql).fetch_one(system).await?)
}

/// Marks an account as one of the demo's.
///
/// # Errors
/// When the database fails.
pub async fn mark_demo(system: &PgPool, id: FeatureId) -> Result<(), DbError> {
    sqlx::query("UPDATE account SET is_demo = true WHERE id = $1").bind(id).execute(system).await?;
    Ok(())
}

/// The account of a name.
///
/// # Errors
/// When the database fails.
pub async fn named(system: &PgPool, name: &str) -> Result<Option<AccountRow>, DbError> {
    let sql = account_where(" WHERE a.name = $1");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(name).fetch_optional(system).await?)
}

/// The accounts of a county by name, or one of them.
///
/// # Errors
/// When the database fails.
pub async fn list(system: &PgPool, county: FeatureId, id: Option<FeatureId>) -> Result<Vec<AccountRow>, DbError> {
    let sql = account_where(" WHERE a.county_id = $1 AND ($2::bigint IS NULL OR a.id = $2) ORDER BY a.name");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(county).bind(id).fetch_all(system).await?)
}

/// The accounts a condition is true of.
pub(super) fn account_where(tail: &str) -> String {
    format!("{ACCOUNT}{tail}")
}

/// Makes an account; answers its id.
///
/// # Errors
/// When the name is taken, something it names is not there, or the database fails.
pub async fn insert(system: &PgPool, new: &NewAccount<'_>) -> Result<FeatureId, DbError> {
    let sql = "INSERT INTO account (county_id, name, display_name, role, responder_id, unit_id, issuer, subject)
               VALUES ($1, $2, $3, $4::account_role, $5, $6, $7, $8) RETURNING id";
    let query = sqlx::query_scalar(sql).bind(new.county_id).bind(new.name).bind(new.display_name).bind(new.role);
    let query = query.bind(new.responder_id).bind(new.unit_id).bind(new.issuer).bind(new.subject);
    Ok(query.fetch_one(system).await?)
}

/// Changes an account that is at a version; whether it was. With another role all it asks with has to be made anew: a token
/// of a grid worker's becomes no auditor's.
///
/// # Errors
/// When something it names is not there, or the database fails.
pub async fn update(
    system: &PgPool,
    (county, id, version): (FeatureId, FeatureId, i32),
    change: &AccountChange<'_>,
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    let mut tx = super::begin(system).await?;
    let sql = "UPDATE account SET display_name = coalesce($4, display_name), role = coalesce($5::account_role, role),
                 responder_id = coalesce($6, responder_id), unit_id = coalesce($7, unit_id),
                 disabled_at = CASE $8 WHEN true THEN coalesce(disabled_at, $9) WHEN false THEN NULL ELSE disabled_at END
               WHERE county_id = $1 AND id = $2 AND version = $3";
    let query = sqlx::query(sql).bind(county).bind(id).bind(version).bind(change.display_name).bind(change.role);
    let query = query.bind(change.responder_id).bind(change.unit_id).bind(change.disabled).bind(now);
    let done = query.execute(&mut *tx).await?.rows_affected() == 1;
    if done && change.role.is_some() {
        let sql = "UPDATE credential SET revoked_at = $2 WHERE account_id = $1 AND revoked_at IS NULL";
        sqlx::query(sql).bind(id).bind(now).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(done)
}

/// Sets a password. Of all that the account asks with nothing is good any more, where another set it; its other sessions are
/// not, where it did so itself in one.
///
/// # Errors
/// When the database fails.
pub async fn set_password(
    system: &PgPool,
    id: FeatureId,
    (hash, expires): (&str, bool),
    own_session: Option<FeatureId>,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let mut tx = super::begin(system).await?;
    let sql = "UPDATE account SET password_hash = $2, password_expires = $3 WHERE id = $1";
    sqlx::query(sql).bind(id).bind(hash).bind(expires).execute(&mut *tx).await?;
    let sql = "UPDATE credential SET revoked_at = $3 WHERE account_id = $1 AND revoked_at IS NULL
               AND ($2::bigint IS NULL OR (kind = 'session' AND id <> $2))";
    sqlx::query(sql).bind(id).bind(own_session).bind(now).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// Keeps the sealed secret of a second factor that is still to be confirmed; none takes it away. Whether it did: one that is
/// confirmed is not replaced.
///
/// # Errors
/// When the database fails.
pub async fn set_second_factor(system: &PgPool, id: FeatureId, sealed: Option<&[u8]>) -> Result<bool, DbError> {
    let sql = "UPDATE account SET totp_sealed = $2, totp_confirmed = false, totp_step = 0
               WHERE id = $1 AND ($2::bytea IS NULL OR NOT totp_confirmed)";
    Ok(sqlx::query(sql).bind(id).bind(sealed).execute(system).await?.rows_affected() == 1)
}

/// Notes that a code of a step was used, which confirms the second factor. Whether it is the first use of that step.
///
/// # Errors
/// When the database fails.
pub async fn use_second_factor(system: &PgPool, id: FeatureId, step: i64) -> Result<bool, DbError> {
    let sql = "UPDATE account SET totp_step = $2, totp_confirmed = true WHERE id = $1 AND totp_step < $2";
    Ok(sqlx::query(sql).bind(id).bind(step).execute(system).await?.rows_affected() == 1)
}

/// What accounts are given, the latest first.
///
/// # Errors
/// When the database fails.
pub async fn grants(system: &PgPool, accounts: &[FeatureId]) -> Result<Vec<GrantRow>, DbError> {
    let sql = "SELECT g.id, g.account_id, g.region_id, r.name AS region_name, g.grid_id, v.name AS grid_name, g.in_full, g.reason, g.granted_by,
                 lower(g.during) AS since, upper(g.during) AS until
               FROM access_grant g LEFT JOIN region r ON r.id = g.region_id
               LEFT JOIN LATERAL (SELECT name FROM grid_version v WHERE v.grid_id = g.grid_id AND upper_inf(v.recorded_during) ORDER BY v.id DESC LIMIT 1) v ON true
               WHERE g.account_id = ANY($1) ORDER BY lower(g.during) DESC, g.id DESC";
    Ok(sqlx::query_as(sql).bind(accounts).fetch_all(system).await?)
}

/// Gives an account a part of the county; answers the grant's id.
///
/// # Errors
/// When the part is not there, or the database fails.
pub async fn grant(system: &PgPool, new: &NewGrant<'_>) -> Result<FeatureId, DbError> {
    let sql =
        "INSERT INTO access_grant (county_id, account_id, region_id, grid_id, in_full, reason, granted_by, during)
               VALUES ($1, $2, $3, $4, $5, $6, $7, tstzrange($8, $9)) RETURNING id";
    let query = sqlx::query_scalar(sql).bind(new.county_id).bind(new.account_id).bind(new.region_id).bind(new.grid_id);
    let query = query.bind(new.in_full).bind(new.reason).bind(new.granted_by).bind(new.since).bind(new.until);
    Ok(query.fetch_one(system).await?)
}

/// Ends a grant of the county now; the account it was of, where it was in force or to come.
///
/// # Errors
/// When the database fails.
pub async fn end_grant(
    system: &PgPool,
    county: FeatureId,
    id: FeatureId,
    now: DateTime<Utc>,
) -> Result<Option<FeatureId>, DbError> {
    // One that has not begun yet never does.
    let sql = "UPDATE access_grant SET during = tstzrange(least(lower(during), $3 - interval '1 microsecond'), $3),
                 reason = CASE WHEN reason = '' THEN '收回' ELSE reason END
               WHERE county_id = $1 AND id = $2 AND (upper_inf(during) OR upper(during) > $3) RETURNING account_id";
    Ok(sqlx::query_scalar(sql).bind(county).bind(id).bind(now).fetch_optional(system).await?)
}

/// Keeps the digest of a credential; answers its id.
///
/// # Errors
/// When the database fails.
pub async fn add_credential(system: &PgPool, new: &NewCredential<'_>) -> Result<FeatureId, DbError> {
    let sql =
        "INSERT INTO credential (county_id, account_id, kind, name, digest, may_write, created_at, expires_at, vouched)
               VALUES ($1, $2, $3::credential_kind, $4, $5, $6, $7, $8, $9::vouched) RETURNING id";
    let query = sqlx::query_scalar(sql).bind(new.county_id).bind(new.account_id).bind(new.kind).bind(new.name);
    let query = query
        .bind(new.digest.as_slice())
        .bind(new.may_write)
        .bind(new.created_at)
        .bind(new.expires_at)
        .bind(new.vouched);
    Ok(query.fetch_one(system).await?)
}

/// An account's credentials that are good at an instant, the latest first.
///
/// # Errors
/// When the database fails.
pub async fn credentials(
    system: &PgPool,
    account: FeatureId,
    now: DateTime<Utc>,
) -> Result<Vec<CredentialRow>, DbError> {
    let sql = "SELECT id, account_id, kind::text AS kind, name, may_write, created_at, expires_at FROM credential
               WHERE account_id = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY created_at DESC, id DESC";
    Ok(sqlx::query_as(sql).bind(account).bind(now).fetch_all(system).await?)
}

/// Ends a credential of a county now, of one account or of any; the account it was of, where it was still good.
///
/// # Errors
/// When the database fails.
pub async fn revoke(
    system: &PgPool,
    county: FeatureId,
    id: FeatureId,
    of: Option<FeatureId>,
    now: DateTime<Utc>,
) -> Result<Option<FeatureId>, DbError> {
    let sql = "UPDATE credential SET revoked_at = $4 WHERE county_id = $1 AND id = $2 AND revoked_at IS NULL
               AND ($3::bigint IS NULL OR account_id = $3) RETURNING account_id";
    Ok(sqlx::query_scalar(sql).bind(county).bind(id).bind(of).bind(now).fetch_optional(system).await?)
}

/// Who stands behind a credential at an instant; nobody when it is unknown, revoked, past its end, or its account disabled.
///
/// # Errors
/// When the database fails.
pub async fn principal(
    system: &PgPool,
    digest: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<PrincipalRow>, DbError> {
    let sql = include_str!("sql/principal.sql");
    Ok(sqlx::query_as(sql).bind(digest.as_slice()).bind(now).fetch_optional(system).await?)
}
