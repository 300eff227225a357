//! Secrets of others that must be used again, as the database keeps them: sealed with XChaCha20-Poly1305 under a key that
//! follows from the one phones are sealed with.

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use super::phone::{NONCE_BYTES, PhoneError, PhoneKey};

/// Seals and opens what receivers of notifications are reached with.
#[derive(Clone)]
pub struct SecretKey(XChaCha20Poly1305);

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

impl SecretKey {
    /// Derived from the county's key.
    #[must_use]
    pub fn of(key: &PhoneKey) -> Self {
        Self(XChaCha20Poly1305::new(&key.derived(b"receiver seal").into()))
    }

    /// Seals bytes: the nonce, then the ciphertext. A nonce must never serve twice under one key.
    #[must_use]
    pub fn seal(&self, plain: &[u8], nonce: [u8; NONCE_BYTES]) -> Vec<u8> {
        let mut sealed = nonce.to_vec();
        // Encrypting fails only beyond 256 GB.
        sealed.extend(self.0.encrypt(XNonce::from_slice(&nonce), plain).unwrap_or_default());
        sealed
    }

    /// What was sealed.
    ///
    /// # Errors
    /// When it was sealed with another key or was changed.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, PhoneError> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or(PhoneError::Sealed)?;
        self.0.decrypt(XNonce::from_slice(nonce), sealed).map_err(|_| PhoneError::Sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_key_alone() {
        let key = SecretKey::of(&PhoneKey::new(&[7; 32]));
        let sealed = key.seal(b"https://gateway.example/?key=1", [3; NONCE_BYTES]);
        assert!(!sealed.windows(7).any(|w| w == b"gateway"));
        assert_eq!(key.open(&sealed).as_deref(), Ok(b"https://gateway.example/?key=1".as_slice()));
        assert_eq!(SecretKey::of(&PhoneKey::new(&[8; 32])).open(&sealed), Err(PhoneError::Sealed));
        assert_eq!(key.open(&sealed[..20]), Err(PhoneError::Sealed));
    }
}
