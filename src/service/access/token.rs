//! Tokens: what a program or a wall asks with. Shown once, kept as a digest.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::audit::{Deed, Doer, What, note};
use super::principal::{Means, Principal, forget};
use crate::access::credential;
use crate::db::account::{self, CredentialRow, NewCredential};
use crate::domain::viewer::Role;
use crate::domain::{FeatureId, Problem};
use crate::service::incident::check::check_text;
use crate::service::{ServiceError, Yitu};

/// Days a token lasts unless said, and at most.
const DAYS: (i64, i64) = (90, 366);

/// A token that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for, as its list says it.
    pub name: String,
    /// Whether it may change anything; not unless said.
    #[serde(default)]
    pub may_write: bool,
    /// So many days; 90 unless said, up to 366.
    #[serde(default)]
    pub days: Option<i64>,
}

/// A token, and its secret while it is new.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
#[allow(missing_docs)] // named as in the interface
pub struct TokenView {
    pub id: FeatureId,
    /// `token`, `display` or `session`.
    pub kind: String,
    pub name: String,
    pub may_write: bool,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// What to send as `Authorization: Bearer …`. It is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl From<CredentialRow> for TokenView {
    fn from(row: CredentialRow) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            name: row.name,
            may_write: row.may_write,
            created_at: row.created_at,
            expires_at: row.expires_at,
            secret: None,
        }
    }
}

/// The account a token is of.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    /// Its county.
    pub county_id: FeatureId,
    /// Itself.
    pub account_id: FeatureId,
    /// Its role.
    pub role: Role,
    /// Whether the token may be one that writes.
    pub may_write: bool,
}

/// Sessions and tokens of an account that are good now.
///
/// # Errors
/// When the database fails.
pub async fn of_account(yitu: &Yitu, account_id: FeatureId) -> Result<Vec<TokenView>, ServiceError> {
    let rows = account::credentials(&yitu.db.system, account_id, yitu.clock.now()).await?;
    Ok(rows.into_iter().map(TokenView::from).collect())
}

/// Makes a token of one's own. It may do what the account may, or only read.
///
/// # Errors
/// Problems that name the field; a failing database.
pub async fn create(
    yitu: &Yitu,
    principal: &Principal,
    asked: &NewToken,
    origin: &str,
) -> Result<TokenView, ServiceError> {
    // What is out of bounds is refused below.
    let days = asked.days.unwrap_or(DAYS.0).clamp(1, DAYS.1);
    if principal.means != Means::Session && yitu.clock.now() + Duration::days(days) > principal.expires_at {
        return Err(Problem::bad_field(
            "/days",
            "用令牌建立的令牌不能比它更晚到期;请登录后再建立,或缩短 days",
            "A token made with a token ends no later than that one; sign in to make it, or give fewer days",
        )
        .into());
    }
    let holder = Holder {
        county_id: principal.viewer.county_id(),
        account_id: principal.account_id,
        role: principal.viewer.role(),
        // Whoever may only read makes nothing that writes.
        may_write: principal.may_write,
    };
    issue(yitu, &principal.doer(origin), &holder, asked).await
}

/// Makes a token of an account.
///
/// # Errors
/// Problems that name the field; a failing database.
pub async fn issue(yitu: &Yitu, doer: &Doer, holder: &Holder, asked: &NewToken) -> Result<TokenView, ServiceError> {
    let name = asked.name.trim();
    check_text("/name", name, 100)?;
    if name.is_empty() {
        return Err(Problem::bad_field("/name", "请写明令牌的用途", "Say what the token is for").into());
    }
    let days = asked.days.unwrap_or(DAYS.0);
    if !(1..=DAYS.1).contains(&days) {
        return Err(Problem::bad_field(
            "/days",
            format!("令牌有效期为 1 至 {} 天", DAYS.1),
            format!("A token lasts 1 to {} days", DAYS.1),
        )
        .into());
    }
    if asked.may_write && !holder.may_write {
        return Err(Problem::bad_field(
            "/may_write",
            "只读令牌不能建立可写的令牌",
            "A token that only reads makes none that writes",
        )
        .into());
    }
    let wall = holder.role == Role::Wall;
    if wall && asked.may_write {
        return Err(Problem::bad_field("/may_write", "大屏令牌只能查看", "A wall's token writes nothing").into());
    }
    let means = if wall { Means::Display } else { Means::Token };
    let made = make(yitu, (holder.county_id, holder.account_id), means, name, asked.may_write, days).await?;
    let what = What { reason: name, ..What::about("token", made.id) };
    note(yitu, doer, Deed::TokenMade, what).await?;
    Ok(made)
}

/// Makes a token without asking anything.
///
/// # Errors
/// When the database fails.
pub(super) async fn make(
    yitu: &Yitu,
    (county_id, account_id): (FeatureId, FeatureId),
    means: Means,
    name: &str,
    may_write: bool,
    days: i64,
) -> Result<TokenView, ServiceError> {
    let now = yitu.clock.now();
    let secret = credential::secret_of(&rand::random());
    let digest = credential::digest_of(&secret).ok_or_else(|| ServiceError::Internal("a new token".to_owned()))?;
    let new = NewCredential {
        county_id,
        account_id,
        kind: means.code(),
        name,
        digest,
        may_write,
        vouched: None,
        created_at: now,
        expires_at: now + Duration::days(days),
    };
    let id = account::add_credential(&yitu.db.system, &new).await?;
    Ok(TokenView {
        id,
        kind: means.code().to_owned(),
        name: name.to_owned(),
        may_write,
        created_at: now,
        expires_at: new.expires_at,
        secret: Some(secret),
    })
}

/// Takes back a token or a session: one's own, or anybody's for whoever says who may see what.
///
/// # Errors
/// `not-found`; a failing database.
pub async fn revoke(yitu: &Yitu, principal: &Principal, id: FeatureId, origin: &str) -> Result<(), ServiceError> {
    let of = (principal.viewer.role() != Role::SecurityAdmin).then_some(principal.account_id);
    take_back(yitu, &principal.doer(origin), of, id).await
}

/// Takes back a token or a session, of one account or of any.
///
/// # Errors
/// `not-found`; a failing database.
pub async fn take_back(yitu: &Yitu, doer: &Doer, of: Option<FeatureId>, id: FeatureId) -> Result<(), ServiceError> {
    let account = account::revoke(&yitu.db.system, doer.viewer.county_id(), id, of, yitu.clock.now()).await?;
    let account = account.ok_or_else(|| Problem::not_found(("令牌", "token"), id))?;
    forget(yitu, account);
    note(yitu, doer, Deed::TokenRevoked, What::about("token", id)).await
}
