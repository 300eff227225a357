//! Photos of incidents: taken in whole or in pieces, written anew, kept, shown, withdrawn. An incident never waits for
//! them.

pub mod begin;
pub mod develop;
pub mod finish;
pub mod receive;
pub mod show;
pub mod store;
pub mod sweep;
pub mod take;
pub mod uploads;
pub mod withdraw;

use std::sync::Arc;

use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::config::Config;
use crate::db::photo::PhotoRow;
use crate::domain::viewer::Role;
use crate::domain::{Problem, ProblemKind, Viewer};

use store::{Store, StoreError};
use uploads::Uploads;

/// So many files are decoded at a time: one of 50 million pixels takes some hundred megabytes while it is.
const AT_ONCE: usize = 2;

/// What the use cases of photos share.
#[derive(Debug)]
pub struct Photos {
    /// Where photos are kept.
    pub store: Store,
    /// Uploads under way.
    pub uploads: Uploads,
    turns: Arc<Semaphore>,
}

impl Photos {
    /// As configured.
    ///
    /// # Errors
    /// When the settings describe no store.
    pub fn open(config: &Config) -> Result<Self, StoreError> {
        Ok(Self {
            store: Store::open(config)?,
            uploads: Uploads::new(config.data_dir.join("uploads")),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }
}

/// Checks that an upload is continued or given up by the account that began it, or by the program. What the program began,
/// without accounts, is nobody's in particular.
fn of_sender(viewer: &Viewer, photo: &PhotoRow) -> Result<(), Problem> {
    if photo.account_id.is_none() || photo.is_of(viewer) || viewer.role() == Role::System {
        return Ok(());
    }
    Err(not_theirs((
        format!(
            "照片 {} 由{}上传,只能由其本人的账号继续或取消。请为自己的照片生成新的 id。",
            photo.id, photo.uploaded_by
        ),
        format!(
            "Photo {} is being sent by {}, whose account alone continues it or gives it up; make a new id for a photo of your own.",
            photo.id, photo.uploaded_by
        ),
    )))
}

fn not_theirs(detail: (String, String)) -> Problem {
    Problem::new(ProblemKind::Forbidden, "not-your-photo", ("不是您的照片", "Not your photo"), detail)
}

fn missing(id: Uuid) -> Problem {
    Problem::not_found(("照片", "photo"), id)
}

/// Somebody else writes the same upload.
fn busy() -> Problem {
    Problem::new(
        ProblemKind::Conflict,
        "upload-busy",
        ("照片正在上传", "The photo is being uploaded"),
        (
            "另一个请求正在上传这张照片。请稍等,查询进度后从断点继续。".to_owned(),
            "Another request is uploading this photo. Wait a little, ask how far it has come and go on from there."
                .to_owned(),
        ),
    )
}

fn cut_off() -> Problem {
    Problem::new(
        ProblemKind::Unavailable,
        "upload-cut",
        ("上传中断", "The upload was cut off"),
        (
            "网络中断,照片没有传完。请重试;分段上传的可查询进度后从断点继续。".to_owned(),
            "The connection was lost before the photo was complete. Try again; a resumable upload goes on where it was."
                .to_owned(),
        ),
    )
}
