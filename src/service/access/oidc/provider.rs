//! What is asked of the identity server: who it is, and who somebody is that comes from there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreIdTokenClaims, CoreJwsSigningAlgorithm as Alg,
    CoreProviderMetadata, CoreTokenResponse,
};
use openidconnect::{
    AccessToken, AuthorizationCode, ClaimsVerificationError, CsrfToken, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenResponse, http,
};
use serde_json::{Map, Value};
use thiserror::Error;
use tokio::sync::Mutex;

use super::asking::{Http, HttpFault};
use super::settings::{OidcError, Settings, is_trusted};
use crate::config::Config;

/// How long the server is taken for what it said of itself.
const KNOWN_FOR: Duration = Duration::from_hours(24);
/// How long it is left alone when it did not answer.
const PAUSE: Duration = Duration::from_secs(5);
/// Signatures by a key that is the identity server's alone: neither `none` nor the shared ones.
const SIGNATURES: [Alg; 9] = [
    Alg::RsaSsaPkcs1V15Sha256,
    Alg::RsaSsaPkcs1V15Sha384,
    Alg::RsaSsaPkcs1V15Sha512,
    Alg::RsaSsaPssSha256,
    Alg::RsaSsaPssSha384,
    Alg::RsaSsaPssSha512,
    Alg::EcdsaP256Sha256,
    Alg::EcdsaP384Sha384,
    Alg::EdDsa,
];
/// What says in `acr` that more than a password was asked for: OpenID PAPE 1.0, REFEDS MFA 1.0, and the plain word.
const MFA: [&str; 3] =
    ["http://schemas.openid.net/pape/policies/2007/06/multi-factor", "https://refeds.org/profile/mfa", "mfa"];

/// Why nobody is proved to be anybody.
#[derive(Debug, Error)]
pub(super) enum Fault {
    /// The server does not answer as it should.
    #[error("identity server: {0}")]
    Unreachable(String),
    /// What it gave proves nothing.
    #[error("token: {0}")]
    Token(String),
}

/// The county's identity server.
#[derive(Debug)]
pub struct Oidc {
    pub(super) settings: Settings,
    http: Http,
    known: Mutex<Known>,
}

/// What the server said of itself, when, and when it last did not answer.
#[derive(Debug, Default)]
struct Known {
    said: Option<(Arc<CoreProviderMetadata>, Instant)>,
    silent: Option<Instant>,
}

/// Somebody the server vouches for.
#[derive(Debug)]
pub(super) struct Proven {
    /// What the server calls them, for good.
    pub subject: String,
    /// What it has asked for is more than a password.
    pub has_mfa: bool,
    name: Option<String>,
    access: AccessToken,
}

/// What was sent with somebody to the server, and has to come back.
#[derive(Debug)]
pub(super) struct Sent {
    pub state: String,
    pub nonce: String,
    pub verifier: String,
    /// Where they come back to.
    pub callback: String,
}

impl Oidc {
    /// The configured one; none where none is. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn open(config: &Config) -> Result<Option<Self>, OidcError> {
        let Some(settings) = Settings::of(config)? else { return Ok(None) };
        Ok(Some(Self { settings, http: Http::new()?, known: Mutex::default() }))
    }

    /// Where somebody goes to say who they are.
    pub(super) async fn leave(&self, sent: &Sent) -> Result<String, Fault> {
        let metadata = self.metadata(false).await?;
        if !is_trusted(metadata.authorization_endpoint().url()) {
            return Err(Fault::Unreachable("an authorization endpoint in the clear".to_owned()));
        }
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(sent.verifier.clone()));
        let client = CoreClient::from_provider_metadata(
            CoreProviderMetadata::clone(&metadata),
            self.settings.client_id.clone(),
            self.settings.secret.clone(),
        )
        .set_redirect_uri(callback(sent)?);
        let (state, nonce) = (sent.state.clone(), sent.nonce.clone());
        let request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || CsrfToken::new(state), || Nonce::new(nonce))
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(challenge);
        Ok(request.url().0.into())
    }

    /// Who somebody is that came back with a code.
    pub(super) async fn prove(&self, code: String, sent: &Sent, now: DateTime<Utc>) -> Result<Proven, Fault> {
        let metadata = self.metadata(false).await?;
        let client = CoreClient::from_provider_metadata(
            CoreProviderMetadata::clone(&metadata),
            self.settings.client_id.clone(),
            self.settings.secret.clone(),
        )
        .set_redirect_uri(callback(sent)?);
        let asked = client.exchange_code(AuthorizationCode::new(code));
        let asked = asked.map_err(|e| Fault::Unreachable(e.to_string()))?;
        let asked = asked.set_pkce_verifier(PkceCodeVerifier::new(sent.verifier.clone()));
        let answer: CoreTokenResponse = asked.request_async(&self.http).await.map_err(|e| match e {
            RequestTokenError::Request(fault) => Fault::Unreachable(fault.to_string()),
            // The server's own words may repeat what was sent.
            RequestTokenError::ServerResponse(said) => Fault::Token(said.error().as_ref().to_owned()),
            RequestTokenError::Parse(fault, _) => Fault::Token(fault.to_string()),
            RequestTokenError::Other(fault) => Fault::Token(fault),
        })?;
        let token = answer.id_token().ok_or_else(|| Fault::Token("no id token".to_owned()))?;
        let claims = match self.verified(&metadata, token, sent, now) {
            // A key we do not know may be a new one.
            Err(ClaimsVerificationError::SignatureVerification(_)) => {
                let fresh = self.metadata(true).await?;
                self.verified(&fresh, token, sent, now)
            }
            verified => verified,
        };
        let claims = claims.map_err(|e| Fault::Token(e.to_string()))?;
        let by_methods = claims.auth_method_refs().is_some_and(|methods| methods.iter().any(|m| m.as_str() == "mfa"));
        let by_class = claims.auth_context_ref().is_some_and(|class| MFA.contains(&class.as_str()));
        Ok(Proven {
            subject: claims.subject().to_string(),
            has_mfa: by_methods || by_class,
            name: self.name_in(&said_in(token)),
            access: answer.access_token().clone(),
        })
    }

    /// The name of their account; asked for where the token does not tell it.
    pub(super) async fn name_of(&self, proven: &Proven) -> Result<Option<String>, Fault> {
        if proven.name.is_some() {
            return Ok(proven.name.clone());
        }
        let metadata = self.metadata(false).await?;
        let Some(endpoint) = metadata.userinfo_endpoint() else { return Ok(None) };
        let request = http::Request::get(endpoint.as_str())
            .header(http::header::ACCEPT, "application/json")
            .header(http::header::AUTHORIZATION, format!("Bearer {}", proven.access.secret()))
            .body(Vec::new());
        let unreachable = |fault: HttpFault| Fault::Unreachable(fault.to_string());
        let answer = self.http.clone().ask(request.map_err(|e| unreachable(e.into()))?).await.map_err(unreachable)?;
        let said: Map<String, Value> = serde_json::from_slice(answer.body()).unwrap_or_default();
        // OpenID Connect Core 1.0 §5.3.4: what is said of another is not used.
        let is_theirs = said.get("sub").and_then(Value::as_str) == Some(&proven.subject);
        Ok(if answer.status().is_success() && is_theirs { self.name_in(&said) } else { None })
    }

    fn name_in(&self, said: &Map<String, Value>) -> Option<String> {
        said.get(&self.settings.claim)?.as_str().map(|name| name.trim().to_lowercase())
    }

    fn verified<'t>(
        &self,
        metadata: &CoreProviderMetadata,
        token: &'t CoreIdToken,
        sent: &Sent,
        now: DateTime<Utc>,
    ) -> Result<&'t CoreIdTokenClaims, ClaimsVerificationError> {
        let client = CoreClient::from_provider_metadata(
            metadata.clone(),
            self.settings.client_id.clone(),
            self.settings.secret.clone(),
        );
        let verifier = client.id_token_verifier().set_allowed_algs(SIGNATURES).set_time_fn(|| now);
        token.claims(&verifier, &Nonce::new(sent.nonce.clone()))
    }

    /// What the server says of itself, its keys among it; asked anew where it is old or has to be fresh.
    async fn metadata(&self, fresh: bool) -> Result<Arc<CoreProviderMetadata>, Fault> {
        let mut known = self.known.lock().await;
        let is_due = known.said.as_ref().is_none_or(|(_, since)| fresh || since.elapsed() > KNOWN_FOR);
        if is_due && known.silent.is_none_or(|since| since.elapsed() > PAUSE) {
            match CoreProviderMetadata::discover_async(self.settings.issuer.clone(), &self.http).await {
                Ok(said) => *known = Known { said: Some((Arc::new(said), Instant::now())), silent: None },
                Err(error) => {
                    tracing::warn!(issuer = %self.settings.issuer.as_str(), ?error, "the identity server does not say what it is");
                    known.silent = Some(Instant::now());
                }
            }
        }
        let said = known.said.as_ref().map(|(said, _)| Arc::clone(said));
        said.ok_or_else(|| Fault::Unreachable("no discovery document".to_owned()))
    }
}

fn callback(sent: &Sent) -> Result<RedirectUrl, Fault> {
    RedirectUrl::new(sent.callback.clone()).map_err(|e| Fault::Unreachable(e.to_string()))
}

/// All that a token says, whose signature was verified before.
fn said_in(token: &CoreIdToken) -> Map<String, Value> {
    let text = token.to_string();
    let payload = text.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).unwrap_or_default();
    serde_json::from_slice(&payload).unwrap_or_default()
}
