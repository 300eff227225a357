//! Passwords: what is asked of one, and how it is kept (argon2id, RFC 9106).

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

/// The least characters of a password.
pub const LEAST: usize = 10;
/// The most: longer ones would only keep the server busy.
pub const MOST: usize = 128;

/// What a password lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// Fewer than [`LEAST`] characters.
    Short,
    /// More than [`MOST`] characters.
    Long,
    /// Fewer than three of: capital letters, small letters, digits, others. A phrase of 16 characters needs none of them.
    Plain,
    /// The account's name is in it.
    HoldsName,
    /// What everybody tries first.
    Common,
}

/// What a password begins with or is made of that everybody tries first.
const COMMON: [&str; 12] = [
    "password",
    "passw0rd",
    "p@ssw0rd",
    "qwerty",
    "123456",
    "abc123",
    "admin123",
    "admin@123",
    "letmein",
    "welcome",
    "1qaz2wsx",
    "iloveyou",
];

/// Whether a password will do for an account.
///
/// ```
/// use yitu::access::password::{Weakness, check};
/// assert_eq!(check("Lanxi-2026-xia", "zhangsan"), Ok(()));
/// assert_eq!(check("zhangsan-2026A", "zhangsan"), Err(Weakness::HoldsName));
/// assert_eq!(check("Qwerty123456!", "zhangsan"), Err(Weakness::Common));
/// assert_eq!(check("short1A!", "zhangsan"), Err(Weakness::Short));
/// ```
///
/// # Errors
/// The first thing it lacks.
pub fn check(password: &str, account: &str) -> Result<(), Weakness> {
    let count = password.chars().count();
    if count < LEAST {
        return Err(Weakness::Short);
    }
    if count > MOST {
        return Err(Weakness::Long);
    }
    let lower = password.to_lowercase();
    if account.chars().count() >= 3 && lower.contains(account) {
        return Err(Weakness::HoldsName);
    }
    if COMMON.iter().any(|common| lower.contains(common)) {
        return Err(Weakness::Common);
    }
    let kinds =
        [char::is_uppercase as fn(char) -> bool, char::is_lowercase, char::is_numeric, |c| !c.is_alphanumeric()];
    let kinds = kinds.iter().filter(|is| password.chars().any(**is)).count();
    if count < 16 && kinds < 3 { Err(Weakness::Plain) } else { Ok(()) }
}

/// 19 MiB, two passes, one lane: the least OWASP's cheat sheet on password storage (2024) recommends for argon2id.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash to keep, with its salt and costs (PHC string format). Takes tens of milliseconds.
///
/// # Errors
/// Only when memory is short.
pub fn hash(password: &str, salt: &[u8; 16]) -> Result<String, argon2::password_hash::Error> {
    let salt = SaltString::encode_b64(salt)?;
    Ok(argon2().hash_password(password.as_bytes(), &salt)?.to_string())
}

/// Whether a password is the one a hash was made of. Takes as long where there is no hash: nobody learns from the time
/// whether an account exists.
#[must_use]
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    // Of a password nobody has.
    const NOBODYS: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$xP5pgMfyL1r7RyD1yB6dsQKDLQ5V1uW5sFDwm3cWm9k";
    let Ok(parsed) = PasswordHash::new(hash.unwrap_or(NOBODYS)) else { return false };
    argon2().verify_password(password.as_bytes(), &parsed).is_ok() && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash_alone() {
        let kept = hash("Lanxi-2026-xia", &[7; 16]).expect("a hash");
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(verify("Lanxi-2026-xia", Some(&kept)));
        assert!(!verify("Lanxi-2026-xiA", Some(&kept)));
        assert!(!verify("Lanxi-2026-xia", None));
        assert!(!verify("Lanxi-2026-xia", Some("no hash")));
    }

    #[test]
    fn what_is_easily_guessed_is_refused() {
        assert_eq!(check("aaaaaaaaaaaa", "li"), Err(Weakness::Plain));
        assert_eq!(check("hill path under the old camphor", "li"), Ok(()));
        assert_eq!(check(&"长".repeat(129), "li"), Err(Weakness::Long));
        assert_eq!(check("岚溪村口的老樟树下第三块石头旁", "li"), Err(Weakness::Plain));
        assert_eq!(check("Password2026!", "li"), Err(Weakness::Common));
    }
}
