//! The log of who signed in, looked at personal data, took it away, changed what others may, or was refused.

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::db::Request;
use crate::db::audit::{self, EventRow, Filter, NewEvent};
use crate::domain::incident::coded;
use crate::domain::{FeatureId, Problem, Viewer, seal};
use crate::service::incident::check::check_text;
use crate::service::{ServiceError, Yitu, page};

coded! {
    /// What is logged.
    Deed {
        /// Somebody signed in.
        SignIn = "sign_in", "登录";
        /// Somebody tried and failed.
        SignInFailed = "sign_in_failed", "登录失败";
        /// Somebody signed out.
        SignOut = "sign_out", "退出";
        /// Something was asked that is not for who asked.
        Refused = "refused", "拒绝";
        /// A household was looked at in full.
        Look = "look", "查看个人信息";
        /// Households that are not one's own were found by the whole name of whom they are of.
        FoundByName = "found_by_name", "按姓名查找";
        /// A household was erased, as the law asks.
        Erased = "erased", "依法删除";
        /// Data was taken away.
        Export = "export", "导出";
        /// An account was made.
        AccountMade = "account_made", "建立账号";
        /// An account was changed, closed or opened again.
        AccountChanged = "account_changed", "变更账号";
        /// A password was set.
        PasswordSet = "password_set", "设置口令";
        /// A second factor was set up.
        SecondFactorSet = "second_factor_set", "设置动态口令";
        /// An account was bound to somebody at the identity server.
        IdentityBound = "identity_bound", "绑定统一身份";
        /// A part of the county was given.
        Granted = "granted", "授权";
        /// It was taken back.
        GrantEnded = "grant_ended", "收回授权";
        /// A token was made.
        TokenMade = "token_made", "建立令牌";
        /// A token was taken back.
        TokenRevoked = "token_revoked", "收回令牌";
        /// The rule table, or the working calendar, was changed.
        RulesChanged = "rules_changed", "变更规则";
        /// Grids were redrawn.
        GridsChanged = "grids_changed", "调整网格";
        /// Receivers of notifications were changed.
        ReceiversChanged = "receivers_changed", "变更接收方";
    }
}

/// Whoever does something, and from where.
#[derive(Debug, Clone)]
pub struct Doer {
    /// Who.
    pub viewer: Viewer,
    /// The address it came from; empty at the terminal.
    pub origin: String,
}

/// What was done.
#[derive(Debug, Clone, Default)]
pub struct What<'a> {
    /// What it was done to, as `household:123`.
    pub subject: String,
    /// Why, where a reason was given.
    pub reason: &'a str,
    /// Particulars; never a secret, a name or a number of a person.
    pub detail: Value,
}

impl What<'_> {
    /// Something done to a thing of a kind, such as an account.
    #[must_use]
    pub fn about(kind: &str, id: FeatureId) -> Self {
        Self { subject: format!("{kind}:{id}"), ..Self::default() }
    }
}

/// Logs a deed of somebody who is known.
///
/// # Errors
/// When the database fails: what cannot be logged is not done.
pub async fn note(yitu: &Yitu, doer: &Doer, deed: Deed, what: What<'_>) -> Result<(), ServiceError> {
    let viewer = &doer.viewer;
    let by = (viewer.account_id(), viewer.name(), viewer.role().code());
    append(yitu, viewer.county_id(), by, deed, &what, &doer.origin).await
}

/// Logs a deed of somebody who is not, or not yet.
///
/// # Errors
/// When the database fails.
pub async fn note_stranger(
    yitu: &Yitu,
    county: FeatureId,
    (account, name): (Option<FeatureId>, &str),
    deed: Deed,
    what: What<'_>,
    origin: &str,
) -> Result<(), ServiceError> {
    append(yitu, county, (account, name, ""), deed, &what, origin).await
}

async fn append(
    yitu: &Yitu,
    county_id: FeatureId,
    (account_id, actor, role): (Option<FeatureId>, &str, &str),
    deed: Deed,
    what: &What<'_>,
    origin: &str,
) -> Result<(), ServiceError> {
    let none = json!({});
    let event = NewEvent {
        county_id,
        at: yitu.clock.now().trunc_subsecs(6),
        account_id,
        actor,
        role,
        action: deed.code(),
        subject: &what.subject,
        reason: what.reason,
        detail: if what.detail.is_null() { &none } else { &what.detail },
        origin,
    };
    Ok(audit::append(&yitu.db.system, &event).await?)
}

/// Which events are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// At or after.
    pub since: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
    /// Of this account.
    pub account: Option<FeatureId>,
    /// Of this kind.
    pub action: Option<String>,
    /// Done to this, as `household:123`.
    pub subject: Option<String>,
    /// `json`, or `csv` for all that match.
    pub f: Option<String>,
    /// At most so many; 50 unless said, up to 1000.
    pub limit: Option<i64>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// A page of the log, the latest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditPage)]
pub struct Page {
    /// The events.
    pub items: Vec<Event>,
    /// Cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// An event of the log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
#[allow(missing_docs)] // named as in the log
pub struct Event {
    pub number: i64,
    pub at: DateTime<Utc>,
    pub account_id: Option<FeatureId>,
    pub actor: String,
    pub role: String,
    pub action: String,
    pub action_name: String,
    pub subject: String,
    pub reason: String,
    pub detail: Value,
    pub origin: String,
    /// SHA-256 over this event and the digest of the one before, hexadecimal.
    pub digest: String,
}

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Self {
        Self {
            action_name: Deed::from_code(&row.action).map_or_else(String::new, |d| d.zh().to_owned()),
            number: row.number,
            at: row.at,
            account_id: row.account_id,
            actor: row.actor,
            role: row.role,
            action: row.action,
            subject: row.subject,
            reason: row.reason,
            detail: row.detail,
            origin: row.origin,
            digest: seal::hex(&row.digest),
        }
    }
}

/// Reads the log. The database itself shows it to auditors alone.
///
/// # Errors
/// Problems that name the parameter; a failing database.
pub async fn list(yitu: &Yitu, viewer: &Viewer, asked: &Asked) -> Result<Page, ServiceError> {
    let limit = page::limit(asked.limit)?;
    let before = page::cursor(asked.cursor.as_deref(), |text| text.parse().ok())?;
    if let Some(action) = asked.action.as_deref().filter(|a| Deed::from_code(a).is_none()) {
        let codes: Vec<&str> = Deed::ALL.iter().map(|d| d.code()).collect();
        let action: String = action.chars().take(64).collect();
        return Err(Problem::bad_field(
            "action",
            format!("没有“{action}”这类记录,可用:{}", codes.join("、")),
            format!("There is no kind of event {action:?}; there are: {}", codes.join(", ")),
        )
        .into());
    }
    if let Some(subject) = &asked.subject {
        check_text("subject", subject, 200)?;
    }
    let filter = Filter {
        since: asked.since,
        until: asked.until,
        account_id: asked.account,
        action: asked.action.as_deref(),
        subject: asked.subject.as_deref(),
        before,
    };
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let mut rows = audit::list(&mut on, viewer.county_id(), &filter, limit + 1).await?;
    on.finish().await?;
    let next = page::cut(&mut rows, limit, |row| row.number.to_string());
    Ok(Page { items: rows.into_iter().map(Event::from).collect(), next })
}
