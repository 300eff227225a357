//! Signing in and out; one's own password.

use std::sync::Arc;
use std::time::Duration as Wait;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::Access;
use super::audit::{Deed, What, note, note_stranger};
use super::factor::is_fresh_code;
use super::principal::{Means, Principal, Vouched, forget, of_secret};
use crate::access::credential;
use crate::access::operations::{Need, may};
use crate::access::password::{self, LEAST, MOST, Weakness};
use crate::access::throttle::network;
use crate::db::account::{self, AccountRow, NewCredential};
use crate::domain::viewer::{Role, Scope};
use crate::domain::{FeatureId, Layer, Problem, ProblemKind};
use crate::service::spatial::{int, text};
use crate::service::{ServiceError, Yitu, county, off_thread};

/// How long a session lasts.
const SESSION: Duration = Duration::hours(12);
/// How long a password waits for its turn to be hashed.
const PATIENCE: Wait = Wait::from_secs(5);

/// What somebody signs in with.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The account's name.
    pub name: String,
    /// Its password.
    pub password: String,
    /// The six digits of the second factor, where the account has one.
    #[serde(default)]
    pub code: Option<String>,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A session just begun.
#[derive(Debug)]
pub struct Begun {
    /// What the browser's cookie holds.
    pub secret: String,
    /// Until when it lasts.
    pub expires_at: DateTime<Utc>,
}

/// Signs in by name and password, with the second factor where there is one.
///
/// # Errors
/// `sign-in-failed`, whatever was wrong; `second-factor-needed`; `too-many-attempts`; a failing database.
pub async fn sign_in(yitu: &Yitu, asked: &SignIn, origin: &str) -> Result<Begun, ServiceError> {
    let now = yitu.clock.now();
    let name: String = asked.name.trim().to_lowercase().chars().take(64).collect();
    let (key, address) = (format!("{name}@{origin}"), counted_by(origin));
    let Access { throttle, addresses, .. } = &*yitu.access;
    addresses.lock().begin(&address, now).map_err(too_many)?;
    if let Err(wait) = throttle.lock().begin(&key, now) {
        addresses.lock().forgive(&address);
        return Err(too_many(wait).into());
    }
    let tried = tried(yitu, &name, asked, now).await;
    if !matches!(tried, Ok(Err(_))) {
        throttle.lock().forgive(&key);
        addresses.lock().forgive(&address);
    }
    match tried? {
        Ok(row) => {
            throttle.lock().succeeded(&key);
            begin(yitu, &row, None, origin).await
        }
        Err(account) => Err(failed(yitu, &name, account, origin).await?),
    }
}

/// The account of a name and its password; the account alone, where its code was wrong.
async fn tried(
    yitu: &Yitu,
    name: &str,
    asked: &SignIn,
    now: DateTime<Utc>,
) -> Result<Result<AccountRow, Option<FeatureId>>, ServiceError> {
    let row = if name.contains('\0') { None } else { account::named(&yitu.db.system, name).await? };
    let hash = row.as_ref().and_then(|r| r.password_hash.clone());
    let is_right = verified(yitu, asked.password.clone(), hash).await?;
    let Some(row) = row.filter(|r| is_right && r.disabled_at.is_none() && r.role.is_some()) else {
        return Ok(Err(None));
    };
    if row.totp_confirmed {
        let Some(code) = asked.code.as_deref().filter(|c| !c.trim().is_empty()) else {
            return Err(code_needed().into());
        };
        if !is_fresh_code(yitu, &row, code, now).await? {
            return Ok(Err(Some(row.id)));
        }
    }
    Ok(Ok(row))
}

/// What an address's tries are counted by.
pub(super) fn counted_by(origin: &str) -> String {
    origin.parse().map_or_else(|_| origin.to_owned(), |address| network(address).to_string())
}

/// Begins a session for an account whose owner has proved to be who they are: here, or by the identity server's word.
///
/// # Errors
/// When the database fails.
pub(super) async fn begin(
    yitu: &Yitu,
    row: &AccountRow,
    vouched: Option<Vouched>,
    origin: &str,
) -> Result<Begun, ServiceError> {
    let now = yitu.clock.now();
    let secret = credential::secret_of(&rand::random());
    let expires_at = now + SESSION;
    let digest = credential::digest_of(&secret).ok_or_else(|| ServiceError::Internal("a new secret".to_owned()))?;
    let by = if vouched.is_some() { "oidc" } else { "password" };
    let detail = match vouched {
        Some(Vouched::CodeDue) => json!({"by": by, "code_due": true}),
        _ => json!({"by": by}),
    };
    let what = What { detail, ..What::about("account", row.id) };
    let who = (Some(row.id), row.display_name.as_str());
    note_stranger(yitu, row.county_id, who, Deed::SignIn, what, origin).await?;
    account::add_credential(
        &yitu.db.system,
        &NewCredential {
            county_id: row.county_id,
            account_id: row.id,
            kind: Means::Session.code(),
            name: "",
            digest,
            may_write: true,
            vouched: vouched.map(Vouched::code),
            created_at: now,
            expires_at,
        },
    )
    .await?;
    Ok(Begun { secret, expires_at })
}

/// Hashing is kept to a few at a time: a flood of wrong passwords leaves the server to others.
async fn verified(yitu: &Yitu, password: String, hash: Option<String>) -> Result<bool, ServiceError> {
    if password.chars().count() > MOST {
        return Ok(false);
    }
    let turn = tokio::time::timeout(PATIENCE, yitu.access.hashing.acquire()).await;
    let Ok(Ok(_turn)) = turn else { return Err(busy().into()) };
    off_thread(move || password::verify(&password, hash.as_deref())).await
}

async fn failed(
    yitu: &Yitu,
    name: &str,
    account: Option<FeatureId>,
    origin: &str,
) -> Result<ServiceError, ServiceError> {
    // Only names that could be one are written down: a password typed in its place is not.
    let named = if name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) { name } else { "?" };
    let actor = if named.is_empty() { "?" } else { named };
    note_stranger(yitu, county::current(yitu)?, (account, actor), Deed::SignInFailed, What::default(), origin).await?;
    Ok(Problem::new(
        ProblemKind::NotSignedIn,
        "sign-in-failed",
        ("登录失败", "Not signed in"),
        (
            "账号、口令或动态口令不对。请核对后再试;忘记口令请找系统管理员重设。".to_owned(),
            "The name, the password or the code is not right. Try again; an administrator can set a new password."
                .to_owned(),
        ),
    )
    .into())
}

/// Ends the session, or takes the token back, that a request was made with.
///
/// # Errors
/// When the database fails.
pub async fn sign_out(yitu: &Yitu, principal: &Principal, origin: &str) -> Result<(), ServiceError> {
    let viewer = &principal.viewer;
    // A wall's token is taken back where it was made, not by whoever stands before the wall.
    if principal.means != Means::Display {
        account::revoke(&yitu.db.system, viewer.county_id(), principal.credential_id, None, yitu.clock.now()).await?;
        forget(yitu, principal.account_id);
    }
    note(yitu, &principal.doer(origin), Deed::SignOut, What::default()).await
}

/// A wall's token, for the browser of the wall.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Display {
    /// As it was shown when it was made.
    pub token: String,
}

impl std::fmt::Debug for Display {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Display(…)")
    }
}

/// Lets a wall in by its token.
///
/// # Errors
/// `sign-in-failed` for any other token; `too-many-attempts`; a failing database.
pub async fn display(yitu: &Yitu, asked: &Display, origin: &str) -> Result<Arc<Principal>, ServiceError> {
    let now = yitu.clock.now();
    let address = counted_by(origin);
    yitu.access.addresses.lock().begin(&address, now).map_err(too_many)?;
    let known = of_secret(yitu, asked.token.trim()).await?.filter(|p| p.means == Means::Display);
    let Some(principal) = known else { return Err(failed(yitu, "", None, origin).await?) };
    yitu.access.addresses.lock().forgive(&address);
    let what = What { detail: json!({"by": "display"}), ..What::about("account", principal.account_id) };
    note(yitu, &principal.doer(origin), Deed::SignIn, what).await?;
    Ok(principal)
}

/// A new password, and the present one.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The present one.
    pub old: String,
    /// The new one: at least 10 characters of three kinds, or 16 of any.
    pub new: String,
}

impl std::fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPassword(…)")
    }
}

/// Changes one's own password. All other sessions of the account end.
///
/// # Errors
/// Problems that name the field; `too-many-attempts`; a failing database.
pub async fn change_password(
    yitu: &Yitu,
    principal: &Principal,
    asked: &NewPassword,
    origin: &str,
) -> Result<(), ServiceError> {
    let now = yitu.clock.now();
    let key = format!("{}@password", principal.account);
    let row = one(yitu, principal).await?;
    yitu.access.throttle.lock().begin(&key, now).map_err(too_many)?;
    let verified = verified(yitu, asked.old.clone(), row.password_hash.clone()).await;
    if !matches!(verified, Ok(false)) {
        yitu.access.throttle.lock().forgive(&key);
    }
    if !verified? {
        return Err(Problem::bad_field("/old", "现用口令不对", "The present password is not right").into());
    }
    if asked.new == asked.old {
        return Err(Problem::bad_field("/new", "新口令不能与现用的相同", "The new password is the present one").into());
    }
    let hash = new_hash(yitu, &asked.new, &row.name, "/new").await?;
    let kept = Some(principal.credential_id);
    account::set_password(&yitu.db.system, row.id, (&hash, false), kept, now).await?;
    forget(yitu, row.id);
    note(yitu, &principal.doer(origin), Deed::PasswordSet, What::about("account", row.id)).await
}

/// The hash of a password that will do.
///
/// # Errors
/// A problem that names `field` and says what it lacks.
pub(super) async fn new_hash(yitu: &Yitu, new: &str, account: &str, field: &str) -> Result<String, ServiceError> {
    password::check(new, account).map_err(|weakness| {
        let (zh, en) = lacking(weakness);
        Problem::bad_field(field, zh, en)
    })?;
    let turn = tokio::time::timeout(PATIENCE, yitu.access.hashing.acquire()).await;
    let Ok(Ok(_turn)) = turn else { return Err(busy().into()) };
    let new = new.to_owned();
    let hash = off_thread(move || password::hash(&new, &rand::random())).await?;
    hash.map_err(|e| ServiceError::Internal(e.to_string()))
}

/// What a password lacks, and the way out.
#[must_use]
pub fn lacking(weakness: Weakness) -> (String, String) {
    match weakness {
        Weakness::Short => (format!("口令至少 {LEAST} 个字符"), format!("A password has at least {LEAST} characters")),
        Weakness::Long => (format!("口令最多 {MOST} 个字符"), format!("A password has at most {MOST} characters")),
        Weakness::Plain => (
            "口令要含大写、小写、数字、符号中的三种;16 个字符以上不限".to_owned(),
            "A password has three of: capitals, small letters, digits, others; or 16 characters of any kind".to_owned(),
        ),
        Weakness::HoldsName => {
            ("口令不能含账号名".to_owned(), "A password does not hold the account's name".to_owned())
        }
        Weakness::Common => {
            ("这个口令太常见,请换一个".to_owned(), "This password is too common; choose another".to_owned())
        }
    }
}

pub(super) async fn one(yitu: &Yitu, principal: &Principal) -> Result<AccountRow, ServiceError> {
    let found = account::list(&yitu.db.system, principal.viewer.county_id(), Some(principal.account_id)).await?.pop();
    found.ok_or_else(|| Problem::not_found(("账号", "account"), principal.account_id).into())
}

fn code_needed() -> Problem {
    Problem::new(
        ProblemKind::NotSignedIn,
        "second-factor-needed",
        ("请输入动态口令", "A code is needed"),
        (
            "此账号绑定了动态口令,请再输入手机上的六位数字(code)。".to_owned(),
            "The account has a second factor; give its six digits as well, as code.".to_owned(),
        ),
    )
}

/// Whoever tried too often waits.
pub(in crate::service) fn too_many(wait: Duration) -> Problem {
    let seconds = wait.num_seconds().max(1);
    Problem::new(
        ProblemKind::TooMany,
        "too-many-attempts",
        ("尝试过于频繁", "Too many tries"),
        (
            format!("连续出错较多,请 {seconds} 秒后再试。"),
            format!("Too many failed tries; try again in {seconds} seconds."),
        ),
    )
    .with_extra("retry_after_s", seconds)
}

fn busy() -> Problem {
    Problem::new(
        ProblemKind::Unavailable,
        "busy",
        ("登录繁忙", "Busy"),
        ("此刻登录的人较多,请稍后再试。".to_owned(), "Many are signing in; try again shortly.".to_owned()),
    )
}

/// Who asks, as a page introduces them.
#[derive(Debug, Serialize, ToSchema)]
#[allow(clippy::struct_excessive_bools)] // named as in the interface
pub struct SessionView {
    /// The server has no account yet: whoever reaches it sees and does everything.
    pub open: bool,
    /// The account's id.
    pub account_id: Option<FeatureId>,
    /// The name it signs in by.
    pub account: String,
    /// Its person or place.
    pub name: String,
    /// The role's code.
    pub role: String,
    /// Its name.
    pub role_name: String,
    /// What the role may do, by the names the interface gives it.
    pub may: Vec<&'static str>,
    /// All of the county is in scope.
    pub whole_county: bool,
    /// Regions in scope.
    pub regions: Vec<FeatureId>,
    /// Grids in scope beside those.
    pub grids: Vec<FeatureId>,
    /// Units acted for.
    pub units: Vec<FeatureId>,
    /// The village, where all that is in scope lies in one: a phone opens there.
    pub home: Option<Home>,
    /// The password is to be changed first.
    pub password_expires: bool,
    /// A second factor is to be set up first.
    pub second_factor_due: bool,
    /// Its code is to be given first: the identity server has asked for a password alone.
    pub code_due: bool,
    /// What a page sends as `X-Page-Key` with everything that changes something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_key: Option<String>,
    /// Until when.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A village somebody works in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Home {
    /// Its id.
    pub id: FeatureId,
    /// Its name.
    pub name: String,
}

const ABILITIES: [(&str, Need); 11] = [
    ("overview", Need::Overview),
    ("map", Need::Map),
    ("matters", Need::Matters),
    ("report", Need::Report),
    ("act", Need::Act),
    ("duty", Need::Duty),
    ("survey", Need::Survey),
    ("rules", Need::Rules),
    ("operate", Need::Operate),
    ("grants", Need::Grants),
    ("audit", Need::Audit),
];

fn abilities(role: Role) -> Vec<&'static str> {
    ABILITIES.iter().filter(|(_, need)| may(role, *need)).map(|(name, _)| *name).collect()
}

impl SessionView {
    /// Of a server without accounts.
    #[must_use]
    pub fn open() -> Self {
        Self {
            open: true,
            account_id: None,
            account: String::new(),
            name: "本机用户".to_owned(),
            role: Role::System.code().to_owned(),
            role_name: "本机用户".to_owned(),
            may: abilities(Role::System),
            whole_county: true,
            regions: Vec::new(),
            grids: Vec::new(),
            units: Vec::new(),
            home: None,
            password_expires: false,
            second_factor_due: false,
            code_due: false,
            page_key: None,
            expires_at: None,
        }
    }

    /// Of somebody who is signed in. `secret` is what the cookie holds.
    #[must_use]
    pub fn of(yitu: &Yitu, principal: &Principal, secret: Option<&str>) -> Self {
        let (role, scope) = (principal.viewer.role(), principal.viewer.scope());
        Self {
            open: false,
            account_id: Some(principal.account_id),
            account: principal.account.clone(),
            name: principal.viewer.name().to_owned(),
            role: role.code().to_owned(),
            role_name: role.zh().to_owned(),
            may: abilities(role),
            whole_county: scope.whole,
            regions: scope.regions.iter().copied().collect(),
            grids: scope.grids.iter().copied().collect(),
            units: scope.units.iter().copied().collect(),
            home: home(yitu, scope),
            password_expires: principal.password_expires,
            second_factor_due: needs_second_factor(principal),
            code_due: principal.code_due,
            page_key: secret.map(credential::page_key),
            expires_at: Some(principal.expires_at),
        }
    }
}

fn home(yitu: &Yitu, scope: &Scope) -> Option<Home> {
    let grids = yitu.atlas.layer(Layer::Grid);
    let village_of = |id: &FeatureId| int(grids.get(*id)?, grids.schema(), "village_id");
    let mut villages = scope.grids.iter().filter_map(village_of);
    let id = villages.next().filter(|first| villages.all(|other| other == *first))?;
    drop(grids);
    let regions = yitu.atlas.layer(Layer::Region);
    Some(Home { id, name: text(regions.get(id)?, regions.schema(), "name").to_owned() })
}

/// Whoever administers has to have a second factor, and sets it up before anything else.
#[must_use]
pub fn needs_second_factor(principal: &Principal) -> bool {
    principal.means == Means::Session && principal.viewer.role().administers() && !principal.has_second_factor
}
