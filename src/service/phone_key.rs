//! The county's key, in its file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::access::phone::{PhoneError, PhoneKey};

/// Its name in the data folder.
const FILE: &str = "phone.key";

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("电话密钥文件 {} 无法读写:{cause}。{}", path.display(), way_out(cause))]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file does not hold a key.
    #[error("{}:{cause}。", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: PhoneError,
    },
}

fn way_out(cause: &std::io::Error) -> &'static str {
    match cause.kind() {
        ErrorKind::StorageFull => "磁盘已满,请清理后再试。",
        _ => "请检查数据目录的权限。",
    }
}

/// The key as it is; nothing where none was ever made.
///
/// # Errors
/// When the file cannot be read or understood.
pub fn read(data_dir: &Path) -> Result<Option<PhoneKey>, KeyFileError> {
    let path = data_dir.join(FILE);
    match std::fs::read_to_string(&path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(KeyFileError::File { path, cause }),
        Ok(text) => PhoneKey::from_hex(&text).map(Some).map_err(|cause| KeyFileError::Key { path, cause }),
    }
}

/// The key phones and receivers' secrets are sealed with: `phone.key` in the data folder, made once and readable by its
/// owner alone.
///
/// # Errors
/// When the file cannot be read, written or understood.
pub fn read_or_make(data_dir: &Path) -> Result<PhoneKey, KeyFileError> {
    if let Some(key) = read(data_dir)? {
        return Ok(key);
    }
    let path = data_dir.join(FILE);
    let trouble = |cause| KeyFileError::File { path: path.clone(), cause };
    std::fs::create_dir_all(data_dir).map_err(trouble)?;
    let hex = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
    match write_new(&path, &format!("{hex}\n")) {
        // Another came first: its key is the county's.
        Err(e) if e.kind() == ErrorKind::AlreadyExists => read_or_make(data_dir),
        written => {
            written.map_err(trouble)?;
            PhoneKey::from_hex(&hex).map_err(|cause| KeyFileError::Key { path, cause })
        }
    }
}

/// Whole or not at all: half a key would keep the next start from making a good one.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let half = path.with_extension(format!("key.{:08x}", rand::random::<u32>()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&half)?;
    let written =
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| std::fs::hard_link(&half, path));
    std::fs::remove_file(&half)?;
    written
}
