//! The key that seals phones, in its file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
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
        let way_out = match e.kind() {
            ErrorKind::StorageFull => "磁盘已满,请清理后再试。",
            _ => "请检查数据目录的权限。",
        };
        CliError::fault(format!("电话密钥文件 {} 无法读写:{e}。{way_out}", path.display()))
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => PhoneKey::from_hex(&text).map_err(|e| CliError::fault(format!("{}:{e}。", path.display()))),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            std::fs::create_dir_all(data_dir).map_err(trouble)?;
            let hex = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
            write_new(&path, &format!("{hex}\n")).map_err(trouble)?;
            PhoneKey::from_hex(&hex).map_err(CliError::fault)
        }
        Err(e) => Err(trouble(e)),
    }
}

/// Whole or not at all: half a key would keep the next start from making a good one.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let half = path.with_extension("key.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
    let written =
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| std::fs::hard_link(&half, path));
    std::fs::remove_file(&half)?;
    written
}
