//! Accounts. Three are kept apart: the system administrator makes and closes them, the security administrator says what
//! they may, the auditor sees what came of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::audit::{Deed, Doer, What, note};
use super::grant::GrantView;
use super::identity;
use super::principal::{begin, forget};
use super::session::new_hash;
use crate::db::account::{self, AccountChange, AccountRow, NewAccount};
use crate::db::{DbError, Refusal};
use crate::domain::viewer::Role;
use crate::domain::{FeatureId, Problem, ProblemKind};
use crate::service::incident::check::check_text;
use crate::service::{ServiceError, Yitu};

/// An account that is wanted. It may nothing until it is given a role.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// 2 to 40 of a–z, 0–9, `.`, `_`, `-`.
    pub name: String,
    /// Its person or place.
    pub display_name: String,
    /// A first password, changed when it is first used; none signs in through the county's own identity server.
    #[serde(default)]
    pub password: Option<String>,
    /// As whom of the people who act. At the server alone; of an account that is there, by the security administrator.
    #[serde(default)]
    pub responder_id: Option<FeatureId>,
    /// The unit it acts for, beside those of its person's appointments. Given like `responder_id`.
    #[serde(default)]
    pub unit_id: Option<FeatureId>,
    /// The identity server that vouches for it, and what it is called there.
    #[serde(default)]
    pub issuer: Option<String>,
    /// See `issuer`.
    #[serde(default)]
    pub subject: Option<String>,
    /// What `issuer` calls it is not known yet: it is bound to whoever of the account's name first comes from the configured
    /// identity server, within 14 days.
    #[serde(default)]
    pub awaits_identity: bool,
}

impl std::fmt::Debug for NewUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewUser").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is to be another of an account; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Its person or place.
    #[serde(default)]
    pub display_name: Option<String>,
    /// Closed, or open again. By the system administrator or the security administrator.
    #[serde(default)]
    pub disabled: Option<bool>,
    /// Its role, none of the administrators'. By the security administrator. All it asks with ends.
    #[serde(default)]
    pub role: Option<String>,
    /// As whom of the people who act. By the security administrator.
    #[serde(default)]
    pub responder_id: Option<FeatureId>,
    /// The unit it acts for. By the security administrator.
    #[serde(default)]
    pub unit_id: Option<FeatureId>,
    /// Takes its second factor away, for whoever lost the phone. By the security administrator.
    #[serde(default)]
    pub forget_second_factor: bool,
    /// What it is to the county's identity server. By the system administrator; of an administrator's account, at the
    /// server alone (`yitu user identity`).
    #[serde(default)]
    pub identity: Option<IdentityChange>,
    /// The version that was seen.
    #[serde(default)]
    pub expected_version: Option<i32>,
}

/// What an account is to be to the county's identity server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityChange {
    /// To be bound to whoever of its name first comes from there, within 14 days.
    Await,
    /// Nothing any more: sessions begun through it end.
    None,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
#[allow(missing_docs)] // named as in the interface
pub struct UserView {
    pub id: FeatureId,
    pub name: String,
    pub display_name: String,
    pub role: Option<String>,
    pub role_name: Option<String>,
    pub responder_id: Option<FeatureId>,
    pub responder_name: Option<String>,
    pub unit_id: Option<FeatureId>,
    pub unit_name: Option<String>,
    pub has_password: bool,
    pub has_second_factor: bool,
    pub issuer: Option<String>,
    pub subject: Option<String>,
    /// Until when it waits to be bound to its identity.
    pub awaits_identity_until: Option<DateTime<Utc>>,
    pub disabled_at: Option<DateTime<Utc>>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    /// What of the county it is given, the latest first.
    pub grants: Vec<GrantView>,
}

impl UserView {
    /// Whether its role is one of those that watch over each other.
    pub(super) fn administers(&self) -> bool {
        self.role.as_deref().and_then(Role::from_code).is_some_and(Role::administers)
    }

    fn of(row: AccountRow, grants: Vec<GrantView>) -> Self {
        let role = row.role.as_deref().and_then(Role::from_code);
        Self {
            id: row.id,
            name: row.name,
            display_name: row.display_name,
            role: row.role,
            role_name: role.map(|r| r.zh().to_owned()),
            responder_id: row.responder_id,
            responder_name: row.responder_name,
            unit_id: row.unit_id,
            unit_name: row.unit_name,
            has_password: row.password_hash.is_some(),
            has_second_factor: row.totp_confirmed,
            issuer: row.issuer,
            subject: row.subject,
            awaits_identity_until: row.awaits_identity_until,
            disabled_at: row.disabled_at,
            version: row.version,
            created_at: row.created_at,
            grants,
        }
    }
}

/// All accounts by name, or one of them.
///
/// # Errors
/// When the database fails.
pub async fn list(yitu: &Yitu, county: FeatureId, id: Option<FeatureId>) -> Result<Vec<UserView>, ServiceError> {
    let rows = account::list(&yitu.db.system, county, id).await?;
    let ids: Vec<FeatureId> = rows.iter().map(|r| r.id).collect();
    let mut grants = account::grants(&yitu.db.system, &ids).await?;
    let views = rows.into_iter().map(|row| {
        let own = grants.extract_if(.., |g| g.account_id == row.id).map(GrantView::from).collect();
        UserView::of(row, own)
    });
    Ok(views.collect())
}

/// One account.
///
/// # Errors
/// `not-found`; a failing database.
pub async fn find(yitu: &Yitu, county: FeatureId, id: FeatureId) -> Result<UserView, ServiceError> {
    list(yitu, county, Some(id)).await?.pop().ok_or_else(|| missing(id).into())
}

/// Makes an account without a role.
///
/// # Errors
/// Problems that name the field; a failing database.
pub async fn create(yitu: &Yitu, doer: &Doer, asked: &NewUser) -> Result<UserView, ServiceError> {
    make(yitu, doer, asked, None, true).await
}

/// Makes an account, with a role where an operator at the terminal gives it one. `expires`: its password is to be changed
/// when it is first used.
///
/// # Errors
/// Problems that name the field; a failing database.
pub async fn make(
    yitu: &Yitu,
    doer: &Doer,
    asked: &NewUser,
    role: Option<Role>,
    expires: bool,
) -> Result<UserView, ServiceError> {
    let by = doer.viewer.role();
    let rights = [("/responder_id", asked.responder_id.is_some()), ("/unit_id", asked.unit_id.is_some())];
    if let Some((field, _)) = rights.iter().find(|(_, given)| *given && by == Role::SystemAdmin) {
        return Err(not_theirs(field, Role::SecurityAdmin).into());
    }
    let name = asked.name.trim();
    check_name(name)?;
    let display_name = asked.display_name.trim();
    check_text("/display_name", display_name, 100)?;
    if display_name.is_empty() {
        return Err(Problem::bad_field("/display_name", "请写明这是谁的账号", "Say whose account it is").into());
    }
    for (field, text) in [("/issuer", &asked.issuer), ("/subject", &asked.subject)] {
        check_text(field, text.as_deref().unwrap_or_default(), 500)?;
    }
    if asked.issuer.is_some() != asked.subject.is_some() {
        return Err(
            Problem::bad_field("/subject", "issuer 与 subject 要一起给", "Give issuer and subject together").into()
        );
    }
    if asked.issuer.is_some() && asked.awaits_identity {
        return Err(Problem::bad_field(
            "/awaits_identity",
            "已给出 issuer 与 subject,不用再等待绑定",
            "With issuer and subject there is nothing to wait for",
        )
        .into());
    }
    let hash = match &asked.password {
        Some(password) => Some(new_hash(yitu, password, name, "/password").await?),
        None => None,
    };
    let county_id = doer.viewer.county_id();
    let new = NewAccount {
        county_id,
        name,
        display_name,
        role: role.map(Role::code),
        responder_id: asked.responder_id,
        unit_id: asked.unit_id,
        issuer: asked.issuer.as_deref(),
        subject: asked.subject.as_deref(),
    };
    let id = account::insert(&yitu.db.system, &new).await.map_err(|e| refused(e, name))?;
    begin(yitu);
    if let Some(hash) = hash {
        account::set_password(&yitu.db.system, id, (&hash, expires), None, yitu.clock.now()).await?;
    }
    if asked.awaits_identity {
        identity::change(yitu, id, IdentityChange::Await).await?;
    }
    let detail = json!({"name": name, "role": role.map(Role::code), "awaits_identity": asked.awaits_identity});
    note(yitu, doer, Deed::AccountMade, What { detail, ..What::about("account", id) }).await?;
    find(yitu, county_id, id).await
}

/// Changes an account: each administrator what is theirs to change.
///
/// # Errors
/// `not-found`, `stale-version`, `version-required`, and problems that name the field; a failing database.
pub async fn change(
    yitu: &Yitu,
    doer: &Doer,
    id: FeatureId,
    asked: &Change,
    if_match: Option<i32>,
) -> Result<UserView, ServiceError> {
    let version = asked.expected_version.or(if_match).ok_or_else(Problem::version_required)?;
    let (county, by) = (doer.viewer.county_id(), doer.viewer.role());
    is_theirs(asked, by)?;
    let role = asked.role.as_deref().map(read_role).transpose()?;
    let display_name = asked.display_name.as_deref().map(str::trim);
    check_text("/display_name", display_name.unwrap_or_default(), 100)?;
    if display_name == Some("") {
        return Err(Problem::bad_field("/display_name", "请写明这是谁的账号", "Say whose account it is").into());
    }
    // Nobody raises themselves, nor shuts themselves out.
    let about_oneself = [
        ("/role", role.is_some()),
        ("/disabled", asked.disabled.is_some()),
        ("/forget_second_factor", asked.forget_second_factor),
    ];
    if let Some((field, _)) = about_oneself.iter().find(|(_, given)| *given && doer.viewer.account_id() == Some(id)) {
        return Err(Problem::bad_field(*field, "不能变更自己的账号", "Nobody changes their own account").into());
    }
    // Whoever made the account, or set its password, could come back as one of those who watch over them.
    if role.is_some_and(Role::administers) && by != Role::System {
        return Err(at_the_server(
            "系统管理员、安全管理员、审计员的账号,由运维人员在服务器上用 yitu user add 建立,不由其他账号变更而来。",
            "Administrators' accounts are made at the server, with yitu user add; no other account becomes one.",
        )
        .into());
    }
    let there = find(yitu, county, id).await?;
    let stale = |present: i32| Problem::stale(("账号已被变更", "The account has changed"), present, version);
    if there.version != version {
        return Err(stale(there.version).into());
    }
    if let Some(wanted) = asked.identity {
        identity::may_change(&there, by, wanted)?;
    }
    let change = AccountChange {
        display_name,
        role: role.map(Role::code),
        responder_id: asked.responder_id,
        unit_id: asked.unit_id,
        disabled: asked.disabled,
    };
    let done = account::update(&yitu.db.system, (county, id, version), &change, yitu.clock.now()).await;
    if !done.map_err(|e| refused(e, &there.name))? {
        return Err(stale(find(yitu, county, id).await?.version).into());
    }
    if asked.forget_second_factor {
        account::set_second_factor(&yitu.db.system, id, None).await?;
    }
    if let Some(wanted) = asked.identity {
        identity::change(yitu, id, wanted).await?;
    }
    forget(yitu, id);
    let detail = json!({"identity": asked.identity, "role": role.map(Role::code), "disabled": asked.disabled, "display_name": display_name.is_some(),
        "responder_id": asked.responder_id, "unit_id": asked.unit_id, "forget_second_factor": asked.forget_second_factor});
    note(yitu, doer, Deed::AccountChanged, What { detail, ..What::about("account", id) }).await?;
    find(yitu, county, id).await
}

/// Whether what is to be changed is for a role to change: one says what an account may, another who it is.
fn is_theirs(asked: &Change, by: Role) -> Result<(), Problem> {
    let rights = [
        ("/role", asked.role.is_some()),
        ("/responder_id", asked.responder_id.is_some()),
        ("/unit_id", asked.unit_id.is_some()),
        ("/forget_second_factor", asked.forget_second_factor),
    ];
    if let Some((field, _)) = rights.iter().find(|(_, given)| *given && by == Role::SystemAdmin) {
        return Err(not_theirs(field, Role::SecurityAdmin));
    }
    let data = [("/display_name", asked.display_name.is_some()), ("/identity", asked.identity.is_some())];
    if let Some((field, _)) = data.iter().find(|(_, given)| *given && by == Role::SecurityAdmin) {
        return Err(not_theirs(field, Role::SystemAdmin));
    }
    Ok(())
}

/// A password for an account whose owner has forgotten theirs.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// Changed when it is first used.
    pub password: String,
}

impl std::fmt::Debug for Reset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reset(…)")
    }
}

/// Sets another's password. All their sessions and tokens end, and they change it when they first sign in.
///
/// # Errors
/// `not-found`; a problem that names the field; a failing database.
pub async fn reset_password(yitu: &Yitu, doer: &Doer, id: FeatureId, asked: &Reset) -> Result<(), ServiceError> {
    let there = find(yitu, doer.viewer.county_id(), id).await?;
    // Whoever could set the password of those who watch over them would be all three.
    if there.administers() && doer.viewer.role() == Role::SystemAdmin && doer.viewer.account_id() != Some(id) {
        return Err(at_the_server(
            "安全管理员、审计员与其他系统管理员的口令,由其本人修改,或由运维人员在服务器上用 yitu user password 重设。",
            "Administrators change their own passwords; an operator resets them at the server with yitu user password.",
        )
        .into());
    }
    set_password(yitu, doer, (id, &there.name), &asked.password).await
}

/// Sets a password whoever it is of.
///
/// # Errors
/// A problem that names the field; a failing database.
pub async fn set_password(
    yitu: &Yitu,
    doer: &Doer,
    (id, name): (FeatureId, &str),
    password: &str,
) -> Result<(), ServiceError> {
    let hash = new_hash(yitu, password, name, "/password").await?;
    account::set_password(&yitu.db.system, id, (&hash, true), None, yitu.clock.now()).await?;
    forget(yitu, id);
    note(yitu, doer, Deed::PasswordSet, What::about("account", id)).await
}

/// The role of a code.
///
/// # Errors
/// A problem that names `role`.
pub fn read_role(code: &str) -> Result<Role, Problem> {
    Role::of_accounts().find(|role| role.code() == code).ok_or_else(|| {
        let all: Vec<String> = Role::of_accounts().map(|r| format!("{}({})", r.code(), r.zh())).collect();
        let codes: Vec<&str> = Role::of_accounts().map(Role::code).collect();
        Problem::bad_field(
            "/role",
            format!("没有“{code}”这个角色,可用:{}", all.join("、")),
            format!("There is no role {code:?}; there are: {}", codes.join(", ")),
        )
    })
}

fn check_name(name: &str) -> Result<(), Problem> {
    let fits = (2..=40).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if fits {
        return Ok(());
    }
    Err(Problem::bad_field(
        "/name",
        "账号名为 2 至 40 个小写字母、数字或 . _ -,以字母或数字开头",
        "An account's name is 2 to 40 of a–z, 0–9, . _ -, and begins with a letter or a digit",
    ))
}

fn not_theirs(field: &str, whose: Role) -> Problem {
    let mut problem = Problem::bad_field(
        field,
        format!("此项由{}变更", whose.zh()),
        format!("This is changed by the role {}", whose.code()),
    );
    (problem.kind, problem.slug) = (ProblemKind::Forbidden, "not-for-your-role");
    problem
}

/// Something that is done at the server itself.
pub(super) fn at_the_server(zh: &str, en: &str) -> Problem {
    let title = ("无权办理", "Not for your role");
    Problem::new(ProblemKind::Forbidden, "not-for-your-role", title, (zh.to_owned(), en.to_owned()))
}

fn refused(error: DbError, name: &str) -> ServiceError {
    match error.refusal() {
        Some(Refusal::Duplicate(rule)) if rule == "account_name_key" => {
            Problem::bad_field("/name", format!("已有账号 {name}"), format!("There is an account {name} already"))
                .into()
        }
        Some(Refusal::Duplicate(_)) => Problem::bad_field(
            "/subject",
            "这个身份已绑定别的账号",
            "Another account is vouched for by this identity already",
        )
        .into(),
        Some(Refusal::Reference(_)) => {
            Problem::bad_field("/responder_id", "没有这个办理人或承办单位", "There is no such responder or unit").into()
        }
        _ => error.into(),
    }
}

fn missing(id: FeatureId) -> Problem {
    Problem::not_found(("账号", "account"), id)
}
