//! What keeps the past as it was: words under a salt, and the seals over committed history.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::FeatureId;

/// What stands where something was erased.
pub const ERASED: &str = "已依法删除";
/// Who the history names for what the program does by itself.
pub const SYSTEM: &str = "系统";

/// Whether an actor is a reference (`responder:7`, `unit:3`, the program itself) and so says nothing personal.
///
/// ```
/// use yitu::domain::seal::is_reference;
/// assert!(is_reference("responder:7") && is_reference("系统"));
/// assert!(!is_reference("值班员甲") && !is_reference("responder:") && !is_reference("热线:12345"));
/// ```
#[must_use]
pub fn is_reference(actor: &str) -> bool {
    let parts = actor.split_once(':');
    actor == SYSTEM
        || parts.is_some_and(|(kind, id)| {
            let is_kind = |b: u8| b.is_ascii_lowercase() || b == b'_';
            !kind.is_empty() && kind.bytes().all(is_kind) && !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit())
        })
}

/// The digest of what a row of the history says in words: SHA-256 over the salt, the actor where it is a name, a zero
/// byte and the note. Once the salt is gone nobody can tell from it what was said.
#[must_use]
pub fn words_digest(salt: &[u8], actor: &str, note: &str) -> [u8; 32] {
    let name = if is_reference(actor) { "" } else { actor };
    Sha256::new().chain_update(salt).chain_update(name).chain_update([0]).chain_update(note).finalize().into()
}

/// Bytes as lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A seal over rows of a county's history; as JSON, one line of the copy outside the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// The county.
    pub county: FeatureId,
    /// 1, 2, 3 … within the county.
    pub number: i64,
    /// When: microseconds since 1970 UTC.
    pub sealed_at: i64,
    /// How many rows it covers.
    pub rows: i32,
    /// [`Root`] over the digests of its rows, in the order of their ids; hexadecimal, as the others.
    pub root: String,
    /// The digest of the seal before; zeros for the first.
    pub previous: String,
    /// SHA-256 over this seal's JSON with an empty `digest`.
    pub digest: String,
}

impl Seal {
    /// What the first seal has before it.
    #[must_use]
    pub fn nothing_before() -> String {
        hex(&[0; 32])
    }

    /// The same with its digest.
    ///
    /// # Errors
    /// Never for these types; the encoder's signature asks for it.
    pub fn closed(mut self) -> Result<Self, serde_json::Error> {
        self.digest.clear();
        self.digest = hex(&Sha256::digest(serde_json::to_vec(&self)?));
        Ok(self)
    }

    /// Its line in the copy, the line's end included.
    ///
    /// # Errors
    /// Never for these types; the encoder's signature asks for it.
    pub fn line(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

/// SHA-256 over row digests, taken one after the other.
#[derive(Debug, Clone, Default)]
pub struct Root {
    hash: Sha256,
    rows: i32,
}

impl Root {
    /// Takes the next row's digest.
    pub fn take(&mut self, digest: &[u8]) {
        self.hash.update(digest);
        self.rows += 1;
    }

    /// How many were taken, and the hash over them in hexadecimal.
    #[must_use]
    pub fn close(self) -> (i32, String) {
        (self.rows, hex(&self.hash.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_a_name_from_a_note_and_one_salt_from_another() {
        let salted = words_digest(&[7; 16], "王某", "已清");
        assert_ne!(salted, words_digest(&[8; 16], "王某", "已清"));
        assert_ne!(salted, words_digest(&[7; 16], "王", "某已清"));
        assert_eq!(words_digest(&[7; 16], "unit:3", "已清"), words_digest(&[7; 16], "responder:7", "已清"));
    }

    #[test]
    fn a_seal_is_its_line_and_holds_what_it_says() {
        let open = Seal {
            county: 1,
            number: 2,
            sealed_at: 3,
            rows: 1,
            root: hex(&[0xab; 32]),
            previous: Seal::nothing_before(),
            digest: String::new(),
        };
        let seal = open.clone().closed().expect("json");
        let line = seal.line().expect("json");
        assert_eq!(serde_json::from_str::<Seal>(&line).expect("json"), seal);
        assert_eq!(seal.clone().closed().expect("json"), seal);
        assert_ne!(Seal { rows: 2, ..open }.closed().expect("json").digest, seal.digest);
    }
}
