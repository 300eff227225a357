//! The second factor: six digits that follow from a shared secret and the time (TOTP, RFC 6238), as authenticator apps
//! reckon them: HMAC-SHA-1, steps of 30 seconds.

use totp_rs::{Algorithm, TOTP};

/// Seconds of a step.
pub const STEP_S: u64 = 30;

fn totp(secret: &[u8], account: &str) -> Option<TOTP> {
    TOTP::new(Algorithm::SHA1, 6, 1, STEP_S, secret.to_vec(), Some("一图统揽".to_owned()), account.to_owned()).ok()
}

/// The step whose code this is: the present one, or that before or after it, for clocks that differ.
#[must_use]
pub fn step_of(secret: &[u8], code: &str, unix_seconds: u64) -> Option<i64> {
    let totp = totp(secret, "account")?;
    let code = code.trim();
    let present = unix_seconds / STEP_S;
    let steps = [present, present.checked_sub(1)?, present + 1];
    steps.into_iter().find(|step| totp.generate(step * STEP_S) == code).and_then(|step| i64::try_from(step).ok())
}

/// What an authenticator app reads: `otpauth://totp/…` with the secret in it.
#[must_use]
pub fn address(secret: &[u8], account: &str) -> Option<String> {
    Some(totp(secret, account)?.get_url())
}

/// The secret as it is typed in by hand (Base32).
#[must_use]
pub fn spelt(secret: &[u8]) -> Option<String> {
    Some(totp(secret, "account")?.get_secret_base32())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, SHA-1; the last six of its eight digits.
        let secret = b"12345678901234567890";
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(step_of(secret, code, seconds), i64::try_from(seconds / STEP_S).ok(), "{seconds}");
        }
        assert_eq!(step_of(secret, "287082", 59 + 30), Some(1), "a step ago");
        assert_eq!(step_of(secret, "287082", 59 + 61), None);
        assert_eq!(step_of(secret, "000000", 59), None);
    }

    #[test]
    fn an_authenticator_reads_its_address() {
        let address = address(b"12345678901234567890", "li").expect("an address");
        assert!(address.starts_with("otpauth://totp/") && address.contains("secret=GEZDGNBVGY3TQOJQ"), "{address}");
    }
}
