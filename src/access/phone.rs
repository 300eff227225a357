//! Phone numbers as the database keeps them: sealed, and found by keyed hashes.
//!
//! A number is sealed with XChaCha20-Poly1305 and found by HMAC-SHA256 of all its digits or of the last
//! four. The key never enters the database. Hashes of four digits can be guessed by whoever holds the
//! key; without it they tell nothing.

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use thiserror::Error;

/// Bytes of a nonce, which begin each ciphertext.
pub const NONCE_BYTES: usize = 24;

/// What is wrong with a key or a sealed number.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PhoneError {
    /// The key is not 64 hexadecimal digits.
    #[error("电话密钥应为 64 位十六进制字符(32 字节)")]
    Key,
    /// The ciphertext was not sealed with this key, or was changed.
    #[error("电话密文无法用当前密钥解开")]
    Sealed,
}

/// The key all numbers of a county are sealed and found with.
#[derive(Clone)]
pub struct PhoneKey {
    cipher: XChaCha20Poly1305,
    finder: Hmac<Sha256>,
}

impl std::fmt::Debug for PhoneKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PhoneKey(…)")
    }
}

/// A number as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPhone {
    /// Nonce, then the sealed digits.
    pub ciphertext: Vec<u8>,
    /// Keyed hash of all digits.
    pub number_hash: [u8; 32],
    /// Keyed hash of the last four.
    pub tail_hash: [u8; 32],
}

impl PhoneKey {
    /// From 32 secret bytes. Sealing and finding use keys of their own, derived from them.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        let seal: [u8; 32] = digest(&keyed(secret), &[b"yitu phone seal"]);
        let find: [u8; 32] = digest(&keyed(secret), &[b"yitu phone find"]);
        Self { cipher: XChaCha20Poly1305::new(&seal.into()), finder: keyed(&find) }
    }

    /// From 64 hexadecimal digits, white space around them ignored.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn from_hex(text: &str) -> Result<Self, PhoneError> {
        let text = text.trim().as_bytes();
        let mut secret = [0; 32];
        if text.len() != 64 {
            return Err(PhoneError::Key);
        }
        for (byte, pair) in secret.iter_mut().zip(text.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| PhoneError::Key)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| PhoneError::Key)?;
        }
        Ok(Self::new(&secret))
    }

    /// Seals the digits of a number. A nonce must never serve two numbers under one key.
    #[must_use]
    pub fn seal(&self, digits: &str, nonce: [u8; NONCE_BYTES]) -> SealedPhone {
        let sealed = self.cipher.encrypt(XNonce::from_slice(&nonce), digits.as_bytes()).unwrap_or_default();
        let mut ciphertext = nonce.to_vec();
        ciphertext.extend_from_slice(&sealed);
        SealedPhone { ciphertext, number_hash: self.number_hash(digits), tail_hash: self.tail_hash(digits) }
    }

    /// The digits of a sealed number.
    ///
    /// # Errors
    /// When it was sealed with another key or was changed.
    pub fn open(&self, ciphertext: &[u8]) -> Result<String, PhoneError> {
        let (nonce, sealed) = ciphertext.split_at_checked(NONCE_BYTES).ok_or(PhoneError::Sealed)?;
        let digits = self.cipher.decrypt(XNonce::from_slice(nonce), sealed).map_err(|_| PhoneError::Sealed)?;
        String::from_utf8(digits).map_err(|_| PhoneError::Sealed)
    }

    /// A key of its own for another use.
    pub(super) fn derived(&self, for_what: &[u8]) -> [u8; 32] {
        digest(&self.finder, &[b"derived", for_what])
    }

    /// The hash a whole number is found by.
    #[must_use]
    pub fn number_hash(&self, digits: &str) -> [u8; 32] {
        digest(&self.finder, &[b"number", digits.as_bytes()])
    }

    /// The hash a number is found by from its last four digits; of the digits given, the last four count.
    #[must_use]
    pub fn tail_hash(&self, digits: &str) -> [u8; 32] {
        let tail = digits.len().checked_sub(4).and_then(|at| digits.get(at..)).unwrap_or(digits);
        digest(&self.finder, &[b"tail", tail.as_bytes()])
    }

    /// A nonce that follows from an id: for bulk loads that must give the same bytes each time.
    /// Sound as long as an id never gets a second number under the same key.
    #[must_use]
    pub fn nonce_of(&self, id: i64) -> [u8; NONCE_BYTES] {
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&digest(&self.finder, &[b"nonce", &id.to_be_bytes()])[..NONCE_BYTES]);
        nonce
    }
}

fn keyed(secret: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC pads a short key with zeros to its block of 64 bytes (RFC 2104); `new` takes the whole block.
    let mut block = [0; 64];
    block[..32].copy_from_slice(secret);
    <Hmac<Sha256> as Mac>::new(&block.into())
}

fn digest(key: &Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = key.clone();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_opens_under_its_key_alone() {
        let (key, other) = (PhoneKey::new(&[7; 32]), PhoneKey::new(&[8; 32]));
        let sealed = key.seal("19900001234", key.nonce_of(1));
        assert_eq!(key.open(&sealed.ciphertext).as_deref(), Ok("19900001234"));
        assert_eq!(other.open(&sealed.ciphertext), Err(PhoneError::Sealed));
        let mut changed = sealed.ciphertext.clone();
        changed[30] ^= 1;
        assert_eq!(key.open(&changed), Err(PhoneError::Sealed));
        assert_eq!(key.open(&[0; 5]), Err(PhoneError::Sealed));
    }

    #[test]
    fn numbers_are_found_by_their_keyed_hashes() {
        let (key, other) = (PhoneKey::new(&[7; 32]), PhoneKey::new(&[8; 32]));
        let sealed = key.seal("19900001234", key.nonce_of(2));
        assert_eq!(sealed.number_hash, key.number_hash("19900001234"));
        assert_eq!(sealed.tail_hash, key.tail_hash("1234"));
        assert_ne!(sealed.tail_hash, key.number_hash("1234"));
        assert_ne!(sealed.number_hash, other.number_hash("19900001234"));
    }

    #[test]
    fn a_key_is_sixty_four_hexadecimal_digits() {
        assert!(PhoneKey::from_hex(&"0a".repeat(32)).is_ok());
        assert!(PhoneKey::from_hex(&format!("{}\n", "0A".repeat(32))).is_ok());
        assert_eq!(PhoneKey::from_hex("0a").err(), Some(PhoneError::Key));
        assert_eq!(PhoneKey::from_hex(&"zz".repeat(32)).err(), Some(PhoneError::Key));
    }
}
