//! Signing in through the county's own identity server: OpenID Connect Core 1.0, the authorization code flow with PKCE
//! (RFC 7636). It says who somebody is; what they may is said here alone, and no account comes into being by it.

mod asking;
mod provider;
mod settings;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::audit::{Deed, What, note_stranger};
use super::factor::key;
use super::principal::Vouched;
use super::session::{Begun, begin, counted_by};
use crate::access::phone::NONCE_BYTES;
use crate::db::Refusal;
use crate::db::account::AccountRow;
use crate::db::identity::{self, Identity};
use crate::domain::{FeatureId, Problem, ProblemKind};
use crate::service::{ServiceError, Yitu, county};
use provider::{Fault, Proven, Sent};

pub use provider::Oidc;
pub use settings::OidcError;

/// How long somebody may take to say there who they are.
const AWAY: Duration = Duration::minutes(10);
/// The longest address somebody is led to afterwards.
const LONGEST_NEXT: usize = 1000;

/// How one may sign in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WaysToSignIn)]
pub struct Ways {
    /// What the county's identity server is called; null where there is none to sign in through.
    pub oidc_name: Option<String>,
}

/// How one may sign in here.
#[must_use]
pub fn ways(yitu: &Yitu) -> Ways {
    Ways { oidc_name: yitu.access.oidc.as_ref().map(|oidc| oidc.settings.name.clone()) }
}

/// Why nobody was signed in, as the sign-in page is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// What came back is not what was sent from this browser, or too long ago.
    State,
    /// It came back a second time.
    Replayed,
    /// The identity server refused, or whoever was asked.
    Declined,
    /// What it gave does not prove anything.
    Token,
    /// No account is theirs.
    Unknown,
    /// Their account is closed, or has no role.
    Closed,
    /// The identity server does not answer.
    Unreachable,
    /// Too many failed tries.
    Throttled,
}

impl Why {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Replayed => "replayed",
            Self::Declined => "declined",
            Self::Token => "token",
            Self::Unknown => "unknown",
            Self::Closed => "closed",
            Self::Unreachable => "unreachable",
            Self::Throttled => "throttled",
        }
    }
}

/// Somebody on their way to the identity server.
#[derive(Debug)]
pub struct Leaving {
    /// Where to.
    pub address: String,
    /// What their browser keeps until they come back.
    pub kept: String,
    /// For so long, seconds.
    pub seconds: i64,
}

/// With what somebody comes back (RFC 6749 §4.1.2, RFC 9207).
#[derive(Debug, Default, Deserialize)]
#[allow(missing_docs)] // named as in the standard
pub struct Returned {
    pub code: Option<String>,
    pub state: Option<String>,
    pub error: Option<String>,
    pub iss: Option<String>,
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// Somebody is signed in, and may go where they wanted to.
    SignedIn {
        /// Their session.
        begun: Begun,
        /// Where they wanted to go.
        next: String,
    },
    /// Nobody is.
    Refused {
        /// Why.
        why: Why,
        /// Where they wanted to go.
        next: String,
    },
}

/// What a browser keeps meanwhile, sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    state: String,
    nonce: String,
    verifier: String,
    callback: String,
    next: String,
    until: DateTime<Utc>,
}

/// Sends somebody to the identity server. `callback` is where it sends them back to, `next` where they want to go then.
///
/// # Errors
/// `no-oidc`; when the key cannot be read. Inside: why they cannot go.
pub async fn leave(yitu: &Yitu, callback: String, next: Option<&str>) -> Result<Result<Leaving, Why>, ServiceError> {
    let oidc = configured(yitu)?;
    let fresh = || URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    let sent = Sent { state: fresh(), nonce: fresh(), verifier: fresh(), callback };
    let address = match oidc.leave(&sent).await {
        Ok(address) => address,
        Err(fault) => {
            tracing::warn!(%fault, "nobody can sign in through the identity server");
            return Ok(Err(Why::Unreachable));
        }
    };
    let kept = Kept {
        state: sent.state,
        nonce: sent.nonce,
        verifier: sent.verifier,
        callback: sent.callback,
        next: next.filter(|next| is_own(next)).unwrap_or("/").to_owned(),
        until: yitu.clock.now() + AWAY,
    };
    let text = serde_json::to_vec(&kept).map_err(|e| ServiceError::Internal(e.to_string()))?;
    let sealed = key(yitu).await?.seal(&text, rand::random::<[u8; NONCE_BYTES]>());
    Ok(Ok(Leaving { address, kept: URL_SAFE_NO_PAD.encode(sealed), seconds: AWAY.num_seconds() }))
}

/// Takes somebody in who comes back from the identity server, with what their browser kept.
///
/// # Errors
/// `no-oidc`; a failing database.
pub async fn come_back(
    yitu: &Yitu,
    kept: Option<&str>,
    returned: Returned,
    origin: &str,
) -> Result<Outcome, ServiceError> {
    let oidc = configured(yitu)?;
    let now = yitu.clock.now();
    let opened = opened(yitu, kept).await?;
    let next = opened.as_ref().map_or_else(|| "/".to_owned(), |kept| kept.next.clone());
    if yitu.access.addresses.lock().wait(&counted_by(origin), now).is_some() {
        return Ok(Outcome::Refused { why: Why::Throttled, next });
    }
    let refused = match proven(yitu, oidc, opened, returned).await? {
        Ok(proven) => match account_of(yitu, oidc, &proven, origin).await? {
            Ok(row) => {
                let vouched = vouched(&row, proven.has_mfa);
                let begun = begin(yitu, &row, Some(vouched), origin).await?;
                return Ok(Outcome::SignedIn { begun, next });
            }
            Err(refused) => refused,
        },
        Err(why) => Refused { why, account: None },
    };
    if refused.why != Why::Unreachable {
        yitu.access.addresses.lock().failed(&counted_by(origin), now);
    }
    let (id, name) = refused.account.as_ref().map_or((None, "?"), |(id, name)| (Some(*id), name.as_str()));
    let what = What { detail: json!({"by": "oidc", "why": refused.why.code()}), ..What::default() };
    note_stranger(yitu, county::current(yitu)?, (id, name), Deed::SignInFailed, what, origin).await?;
    Ok(Outcome::Refused { why: refused.why, next })
}

/// Why somebody who may be known is not signed in.
struct Refused {
    why: Why,
    account: Option<(FeatureId, String)>,
}

impl Refused {
    fn stranger(why: Why) -> Self {
        Self { why, account: None }
    }
}

/// What a browser kept, where it was made here and not too long ago.
async fn opened(yitu: &Yitu, kept: Option<&str>) -> Result<Option<Kept>, ServiceError> {
    let Some(sealed) = kept.and_then(|kept| URL_SAFE_NO_PAD.decode(kept).ok()) else { return Ok(None) };
    let kept = key(yitu).await?.open(&sealed).ok().and_then(|text| serde_json::from_slice::<Kept>(&text).ok());
    Ok(kept.filter(|kept| kept.until > yitu.clock.now()))
}

/// Who somebody is that comes back: with what was sent from their own browser, for the first time.
async fn proven(
    yitu: &Yitu,
    oidc: &Oidc,
    kept: Option<Kept>,
    returned: Returned,
) -> Result<Result<Proven, Why>, ServiceError> {
    let Some(kept) = kept.filter(|kept| returned.state.as_deref() == Some(&kept.state)) else {
        return Ok(Err(Why::State));
    };
    let now = yitu.clock.now();
    let digest: [u8; 32] = Sha256::digest(kept.state.as_bytes()).into();
    if !identity::use_state(&yitu.db.system, &digest, kept.until, now).await? {
        return Ok(Err(Why::Replayed));
    }
    if returned.iss.is_some_and(|issuer| issuer != oidc.settings.issuer.as_str()) {
        return Ok(Err(Why::State));
    }
    let Some(code) = returned.code.filter(|_| returned.error.is_none()) else { return Ok(Err(Why::Declined)) };
    let sent = Sent { state: kept.state, nonce: kept.nonce, verifier: kept.verifier, callback: kept.callback };
    Ok(oidc.prove(code, &sent, now).await.map_err(|fault| why(&fault)))
}

fn why(fault: &Fault) -> Why {
    tracing::warn!(%fault, "nobody is signed in through the identity server");
    match fault {
        Fault::Unreachable(_) => Why::Unreachable,
        Fault::Token(_) => Why::Token,
    }
}

/// The account of whoever is proved: the one that is bound to them; or, once, the one that waits for its identity and has
/// their name.
async fn account_of(
    yitu: &Yitu,
    oidc: &Oidc,
    proven: &Proven,
    origin: &str,
) -> Result<Result<AccountRow, Refused>, ServiceError> {
    let who = Identity { issuer: oidc.settings.issuer.as_str(), subject: &proven.subject };
    let row = match identity::bound(&yitu.db.system, who).await? {
        Some(row) => row,
        None => match oidc.name_of(proven).await {
            Err(fault) => return Ok(Err(Refused::stranger(why(&fault)))),
            Ok(None) => return Ok(Err(Refused::stranger(Why::Unknown))),
            Ok(Some(name)) => match bound_now(yitu, &name, who, origin).await? {
                Some(row) => row,
                None => return Ok(Err(Refused::stranger(Why::Unknown))),
            },
        },
    };
    if row.disabled_at.is_some() || row.role.is_none() {
        return Ok(Err(Refused { why: Why::Closed, account: Some((row.id, row.display_name)) }));
    }
    Ok(Ok(row))
}

async fn bound_now(
    yitu: &Yitu,
    name: &str,
    who: Identity<'_>,
    origin: &str,
) -> Result<Option<AccountRow>, ServiceError> {
    if name.contains('\0') || who.subject.contains('\0') {
        return Ok(None);
    }
    match identity::bind(&yitu.db.system, name, who, yitu.clock.now()).await {
        Ok(true) => {}
        Ok(false) => return Ok(None),
        // The same person in two windows: they are bound already.
        Err(error) if matches!(error.refusal(), Some(Refusal::Duplicate(_))) => {}
        Err(error) => return Err(error.into()),
    }
    let row = identity::bound(&yitu.db.system, who).await?;
    if let Some(row) = &row {
        let what = What { detail: json!({"issuer": who.issuer}), ..What::about("account", row.id) };
        let (county, by) = (row.county_id, (Some(row.id), row.display_name.as_str()));
        note_stranger(yitu, county, by, Deed::IdentityBound, what, origin).await?;
    }
    Ok(row)
}

/// How far the identity server vouches for a session. Whoever has a second factor here gives it, unless more than a
/// password was asked for there.
fn vouched(row: &AccountRow, has_mfa: bool) -> Vouched {
    match (has_mfa, row.totp_confirmed) {
        (true, _) => Vouched::Mfa,
        (false, true) => Vouched::CodeDue,
        (false, false) => Vouched::Plain,
    }
}

/// Whether an address is a path of this site: two slashes begin another host's, and browsers take a backslash for a slash.
fn is_own(next: &str) -> bool {
    let mut bytes = next.bytes();
    bytes.next() == Some(b'/')
        && !matches!(next.as_bytes().get(1), Some(b'/' | b'\\'))
        && next.len() <= LONGEST_NEXT
        && bytes.all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>'))
}

fn configured(yitu: &Yitu) -> Result<&Oidc, Problem> {
    yitu.access.oidc.as_ref().ok_or_else(|| {
        Problem::new(
            ProblemKind::NotFound,
            "no-oidc",
            ("没有统一身份认证", "No identity server"),
            (
                "本系统没有接入统一身份认证,请用账号与口令登录。管理员可设 oidc_issuer 与 oidc_client_id 接入。"
                    .to_owned(),
                "No identity server is set up (oidc_issuer, oidc_client_id); sign in by name and password.".to_owned(),
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn one_is_led_nowhere_but_here() {
        for own in ["/", "/desk#map=12/25.6/117.2", "/field?a=1&b=%E5%8E%BF"] {
            assert!(is_own(own), "{own}");
        }
        let long = format!("/{}", "a".repeat(1000));
        for other in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a b",
            "/a\nb",
            "/\"><script>",
            "/县",
            &long,
        ] {
            assert!(!is_own(other), "{other}");
        }
    }
}
