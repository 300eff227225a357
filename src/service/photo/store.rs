//! Where photos are kept: a folder, or a bucket that speaks S3.

use std::fmt;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt, RetryConfig};
use thiserror::Error;
use uuid::Uuid;

use crate::config::Config;
use crate::domain::{FeatureId, Problem, ProblemKind};
use crate::service::ServiceError;

/// How often a bucket is asked again, and for how long: someone waits for the answer.
const RETRIES: (usize, Duration) = (3, Duration::from_secs(20));

/// Which of a photo's two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// The picture.
    Full,
    /// At most 320 pixels a side.
    Thumb,
}

/// The store. Its debug form names the place and never a key.
pub enum Store {
    /// A folder, made when it is first used.
    Folder(PathBuf),
    /// A bucket.
    Bucket(Arc<dyn ObjectStore>, String),
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Bucket(_, url) => f.write_str(url),
        }
    }
}

/// Why the store cannot be opened.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Not an address of a bucket.
    #[error(
        "photos_url 应形如 s3://桶名/前缀,且不含密钥;服务地址与密钥由环境变量 AWS_ENDPOINT、AWS_REGION、AWS_ACCESS_KEY_ID、AWS_SECRET_ACCESS_KEY 给出。"
    )]
    Url,
    /// The environment does not describe a bucket.
    #[error("照片存储的 AWS_… 环境变量有误:{0}")]
    Settings(object_store::Error),
}

impl Store {
    /// The configured one. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When the settings describe none.
    pub fn open(config: &Config) -> Result<Self, StoreError> {
        // Every HTTP client of the process finds its cryptography here; one that is installed already does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let Some(url) = &config.photos_url else { return Ok(Self::Folder(config.data_dir.join("photos"))) };
        let place = url.strip_prefix("s3://").ok_or(StoreError::Url)?;
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        if bucket.is_empty() || url.contains(['@', '?', '#']) {
            return Err(StoreError::Url);
        }
        let retry = RetryConfig { max_retries: RETRIES.0, retry_timeout: RETRIES.1, ..RetryConfig::default() };
        let store = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry).build();
        let store = PrefixStore::new(store.map_err(StoreError::Settings)?, prefix);
        Ok(Self::Bucket(Arc::new(store), url.clone()))
    }

    fn objects(&self) -> Result<Arc<dyn ObjectStore>, ServiceError> {
        match self {
            Self::Bucket(store, _) => Ok(Arc::clone(store)),
            Self::Folder(folder) => {
                make_folder(folder).map_err(|e| io_failed(&e))?;
                let store = LocalFileSystem::new_with_prefix(folder).map_err(|e| failed(&e))?;
                Ok(Arc::new(store.with_fsync(true)))
            }
        }
    }

    /// Keeps a file, over one of the same photo that is there.
    ///
    /// # Errors
    /// `photo-store-unavailable`.
    pub async fn put(&self, county: FeatureId, photo: Uuid, size: Size, file: Vec<u8>) -> Result<(), ServiceError> {
        self.objects()?.put(&key(county, photo, size), file.into()).await.map_err(|e| failed(&e))?;
        Ok(())
    }

    /// Reads a file.
    ///
    /// # Errors
    /// `photo-store-unavailable`; a file that should be there and is not.
    pub async fn get(&self, county: FeatureId, photo: Uuid, size: Size) -> Result<Bytes, ServiceError> {
        let read = async |store: Arc<dyn ObjectStore>| store.get(&key(county, photo, size)).await?.bytes().await;
        read(self.objects()?).await.map_err(|e| match e {
            object_store::Error::NotFound { .. } => ServiceError::Internal(format!("photo {photo} is gone: {e}")),
            e => failed(&e),
        })
    }

    /// Takes both files away, where they are there.
    ///
    /// # Errors
    /// `photo-store-unavailable`.
    pub async fn erase(&self, county: FeatureId, photo: Uuid) -> Result<(), ServiceError> {
        let store = self.objects()?;
        for size in [Size::Full, Size::Thumb] {
            match store.delete(&key(county, photo, size)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(e) => return Err(failed(&e)),
            }
        }
        Ok(())
    }
}

fn key(county: FeatureId, photo: Uuid, size: Size) -> Key {
    let name = match size {
        Size::Full => format!("{photo}.jpg"),
        Size::Thumb => format!("{photo}.thumb.jpg"),
    };
    Key::from_iter([county.to_string(), name])
}

/// Makes a folder that only its owner may look into.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn failed(error: &object_store::Error) -> ServiceError {
    tracing::error!(%error, "the photo store failed");
    Problem::new(
        ProblemKind::Unavailable,
        "photo-store-unavailable",
        ("照片暂时存取不了", "Photos cannot be reached for now"),
        (
            "照片存储暂时不可用。已收到的照片不会丢,稍后自动存好;事件办理不受影响。".to_owned(),
            "The photo store does not answer. What was received is not lost and will be kept later; the incident itself goes on.".to_owned(),
        ),
    )
    .into()
}

/// A file of the server's own could not be written or read.
pub(super) fn io_failed(error: &io::Error) -> ServiceError {
    if error.kind() != io::ErrorKind::StorageFull {
        return ServiceError::Internal(format!("photo file: {error}"));
    }
    tracing::error!(%error, "no room for photos");
    Problem::new(
        ProblemKind::Unavailable,
        "no-room",
        ("暂时不能办理", "Not possible at the moment"),
        (
            "服务器磁盘已满,照片没有保存。请联系系统管理员清理磁盘,然后重试。".to_owned(),
            "The server's disk is full and the photo was not saved. Ask the administrator to make room, then try again.".to_owned(),
        ),
    )
    .into()
}
