//! What a receiver knows a message of ours by.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// How a secret of the Standard Webhooks specification begins.
pub const PREFIX: &str = "whsec_";

/// The bytes of a secret of Standard Webhooks: `whsec_` and 24 to 64 bytes in Base64. Nothing where it is none.
///
/// ```
/// use yitu::access::signature::key_of;
/// assert_eq!(key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").map(|k| k.len()), Some(24));
/// assert_eq!(key_of("whsec_short"), None);
/// ```
#[must_use]
pub fn key_of(secret: &str) -> Option<Vec<u8>> {
    let key = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
    (24..=64).contains(&key.len()).then_some(key)
}

/// A new secret of Standard Webhooks from random bytes.
#[must_use]
pub fn secret_of(bytes: &[u8; 32]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(bytes))
}

/// `webhook-signature` of Standard Webhooks 1.0: HMAC-SHA256 over id, Unix seconds and body, joined by full stops.
#[must_use]
pub fn standard(key: &[u8], id: &str, seconds: i64, body: &[u8]) -> String {
    format!("v1,{}", hmac(key, &[format!("{id}.{seconds}.").as_bytes(), body]))
}

/// `sign` of a 钉钉 robot: HMAC-SHA256 over the milliseconds and the secret, under the secret; not yet URL-encoded.
#[must_use]
pub fn dingtalk(secret: &str, millis: i64) -> String {
    hmac(secret.as_bytes(), &[format!("{millis}\n{secret}").as_bytes()])
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> String {
    // HMAC takes a key of any length (RFC 2104).
    let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(key) else { return String::new() };
    for part in parts {
        mac.update(part);
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_example_is_signed_alike() {
        let key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a key");
        let signed = standard(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_new_secret_can_be_read() {
        assert_eq!(key_of(&secret_of(&[9; 32])), Some(vec![9; 32]));
        assert_eq!(key_of("whsec_AAAA"), None);
        assert_eq!(key_of("SEC0123"), None);
    }
}
