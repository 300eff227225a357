//! What a request is made with: 256 random bits that the server knows by their digest alone.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Tokens of Yitu begin so, that a scanner finds one where it should not be.
pub const PREFIX: &str = "yitu_";

/// A new secret from random bytes, as it is handed out: once.
#[must_use]
pub fn secret_of(random: &[u8; 32]) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random))
}

/// The digest a secret is known by; nothing where it is no secret of ours.
///
/// ```
/// use yitu::access::credential::{digest_of, secret_of};
/// assert!(digest_of(&secret_of(&[7; 32])).is_some());
/// assert_eq!(digest_of("yitu_short"), None);
/// ```
#[must_use]
pub fn digest_of(secret: &str) -> Option<[u8; 32]> {
    let bytes = URL_SAFE_NO_PAD.decode(secret.strip_prefix(PREFIX)?).ok()?;
    (bytes.len() == 32).then(|| Sha256::digest(&bytes).into())
}

/// What a page must send beside its session's cookie to change anything: it follows from the session, and no other site
/// can read it.
#[must_use]
pub fn page_key(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::new().chain_update(b"page key").chain_update(secret.as_bytes()).finalize())
}
