//! The key that seals phones, in its file.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::CliError;
use crate::access::phone::PhoneKey;

/// The key phones are sealed with: `phone.key` in the data folder, made once and readable by its owner alone.
///
/// # Errors
/// When the file cannot be read, written or understood.
pub(super) fn phone_key(data_dir: &Path) -> Result<PhoneKey, CliError> {
    let path = data_dir.join("phone.key");
    let trouble = |e: std::io::Error| {
        CliError::fault(format!("电话密钥文件 {} 无法读写:{e}。请检查数据目录的权限。", path.display()))
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => PhoneKey::from_hex(&text).map_err(|e| CliError::fault(format!("{}:{e}。", path.display()))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(data_dir).map_err(trouble)?;
            let hex = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
            let mut file =
                std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(trouble)?;
            writeln!(file, "{hex}").map_err(trouble)?;
            PhoneKey::from_hex(&hex).map_err(CliError::fault)
        }
        Err(e) => Err(trouble(e)),
    }
}
