//! One's own second factor.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::audit::{Deed, What, note};
use super::principal::{Principal, forget};
use super::session::{one, too_many};
use crate::access::phone::NONCE_BYTES;
use crate::access::second_factor;
use crate::access::secret::SecretKey;
use crate::db::account::{self, AccountRow};
use crate::db::identity;
use crate::domain::{Problem, ProblemKind};
use crate::service::phone_key::read_or_make;
use crate::service::{ServiceError, Yitu, off_thread};

/// A second factor to be set up.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecondFactor {
    /// The secret in Base32, to type in by hand.
    pub secret: String,
    /// The same for an authenticator app, as the address in a QR code.
    pub address: String,
}

/// A code of the second factor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// Six digits.
    pub code: String,
}

/// Makes a new second factor; it holds once a code of it was given.
///
/// # Errors
/// A problem where there is one already; a failing database.
pub async fn begin_second_factor(yitu: &Yitu, principal: &Principal) -> Result<SecondFactor, ServiceError> {
    let row = one(yitu, principal).await?;
    let secret: [u8; 20] = rand::random();
    let nonce: [u8; NONCE_BYTES] = rand::random();
    let sealed = key(yitu).await?.seal(&secret, nonce);
    if !account::set_second_factor(&yitu.db.system, row.id, Some(&sealed)).await? {
        return Err(Problem::new(
            ProblemKind::Conflict,
            "has-second-factor",
            ("已有动态口令", "There is a second factor"),
            (
                "此账号已绑定动态口令。要换绑,请先由安全管理员解除。".to_owned(),
                "The account has a second factor already; the security administrator can take it away.".to_owned(),
            ),
        )
        .into());
    }
    let told = second_factor::spelt(&secret).zip(second_factor::address(&secret, &row.name));
    let (secret, address) = told.ok_or_else(|| ServiceError::Internal("a new second factor".to_owned()))?;
    Ok(SecondFactor { secret, address })
}

/// Confirms a new second factor by a code of it; completes a session that wants its code.
///
/// # Errors
/// A problem that names `code`; `too-many-attempts`; a failing database.
pub async fn confirm_second_factor(
    yitu: &Yitu,
    principal: &Principal,
    code: &str,
    origin: &str,
) -> Result<(), ServiceError> {
    let now = yitu.clock.now();
    let key = format!("{}@code", principal.account);
    let row = one(yitu, principal).await?;
    yitu.access.throttle.lock().begin(&key, now).map_err(too_many)?;
    let fresh = is_fresh_code(yitu, &row, code, now).await;
    if !matches!(fresh, Ok(false)) {
        yitu.access.throttle.lock().forgive(&key);
    }
    if !fresh? {
        if principal.code_due {
            let what = What { detail: json!({"by": "oidc", "why": "code"}), ..What::about("account", row.id) };
            note(yitu, &principal.doer(origin), Deed::SignInFailed, what).await?;
        }
        return Err(Problem::bad_field(
            "/code",
            "动态口令不对,请看手机上的六位数字,并核对手机时间",
            "The code is not right; look at the six digits and at the phone's clock",
        )
        .into());
    }
    if principal.code_due {
        identity::code_given(&yitu.db.system, principal.credential_id).await?;
    }
    forget(yitu, row.id);
    let what = What::about("account", row.id);
    let (deed, what) = if principal.code_due {
        (Deed::SignIn, What { detail: json!({"by": "oidc", "code": true}), ..what })
    } else {
        (Deed::SecondFactorSet, what)
    };
    note(yitu, &principal.doer(origin), deed, what).await
}

/// Whether a code is right and was not used before.
pub(super) async fn is_fresh_code(
    yitu: &Yitu,
    row: &AccountRow,
    code: &str,
    now: DateTime<Utc>,
) -> Result<bool, ServiceError> {
    let Some(sealed) = &row.totp_sealed else { return Ok(false) };
    let secret = key(yitu).await?.open(sealed).map_err(|e| ServiceError::Internal(e.to_string()))?;
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    match second_factor::step_of(&secret, code, seconds) {
        Some(step) => Ok(account::use_second_factor(&yitu.db.system, row.id, step).await?),
        None => Ok(false),
    }
}

/// What secrets are sealed with.
pub(super) async fn key(yitu: &Yitu) -> Result<SecretKey, ServiceError> {
    let folder = yitu.config.data_dir.clone();
    let key = off_thread(move || read_or_make(&folder)).await?;
    key.map(|key| SecretKey::of(&key)).map_err(|e| ServiceError::Internal(e.to_string()))
}
