//! What a receiver is reached with, sealed in the database.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::access::phone::NONCE_BYTES;
use crate::access::secret::SecretKey;
use crate::service::phone_key::read_or_make;
use crate::service::{ServiceError, Yitu, off_thread};

/// The address, the secret and the headers of a receiver.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Secrets {
    /// Where it is.
    pub url: String,
    /// What messages are signed with.
    pub secret: Option<String>,
    /// Headers sent along.
    pub headers: BTreeMap<String, String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// The key they are sealed with.
///
/// # Errors
/// When its file cannot be read or made.
pub async fn key(yitu: &Yitu) -> Result<SecretKey, ServiceError> {
    let folder = yitu.config.data_dir.clone();
    let key = off_thread(move || read_or_make(&folder)).await?;
    key.map(|k| SecretKey::of(&k)).map_err(|e| ServiceError::Internal(e.to_string()))
}

impl Secrets {
    /// As the database keeps them.
    ///
    /// # Errors
    /// Never for these types; the encoder's signature asks for it.
    pub fn seal(&self, key: &SecretKey) -> Result<Vec<u8>, ServiceError> {
        let plain = serde_json::to_vec(self).map_err(|e| ServiceError::Internal(e.to_string()))?;
        Ok(key.seal(&plain, rand::random::<[u8; NONCE_BYTES]>()))
    }

    /// From what the database keeps.
    ///
    /// # Errors
    /// When they were sealed with another key.
    pub fn open(key: &SecretKey, sealed: &[u8]) -> Result<Self, ServiceError> {
        let plain = key.open(sealed).map_err(|e| ServiceError::Internal(format!("receiver: {e}")))?;
        serde_json::from_slice(&plain).map_err(|_| ServiceError::Internal("receiver: sealed in another form".into()))
    }
}
