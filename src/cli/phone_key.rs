//! The key that seals phones, in its file.

use std::path::Path;

use super::CliError;
use crate::access::phone::PhoneKey;
use crate::service::phone_key::read_or_make;

/// The key phones are sealed with: `phone.key` in the data folder, made once and readable by its owner alone.
///
/// # Errors
/// When the file cannot be read, written or understood.
pub(super) fn phone_key(data_dir: &Path) -> Result<PhoneKey, CliError> {
    read_or_make(data_dir).map_err(CliError::fault)
}
