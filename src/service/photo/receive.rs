//! Receive: a photo in pieces, each where the last one ended.

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use futures::Stream;
use uuid::Uuid;

use super::develop::{HEAD_BYTES, format};
use super::finish::{finish, refuse};
use super::show::visible;
use super::uploads::{Ended, Upload};
use super::{busy, cut_off, of_sender};
use crate::db::photo::{self, PhotoRow};
use crate::db::{DbError, Request};
use crate::domain::photo::Refusal;
use crate::domain::{FeatureId, Problem, ProblemKind, Viewer};
use crate::service::{ServiceError, Yitu};

/// How long an upload may take from its announcement.
pub const LASTS: Duration = Duration::hours(24);

/// How far an upload has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Bytes that are safe here.
    pub offset: u64,
    /// Bytes in all.
    pub length: u64,
    /// Until when it may go on; none once it has ended.
    pub expires_at: Option<DateTime<Utc>>,
}

/// How far an upload has come.
///
/// # Errors
/// `not-found`; why it was refused; a failing disk or database.
pub async fn progress(yitu: &Yitu, viewer: &Viewer, photo: Uuid) -> Result<Progress, ServiceError> {
    let row = one(yitu, viewer, photo).await?;
    let offset = if row.is_receiving() {
        yitu.photos.uploads.received(viewer.county_id(), photo).await?
    } else {
        row.sent_bytes as u64
    };
    Ok(at(&row, offset))
}

/// Takes the piece that begins at an offset. The last one makes the photo.
///
/// # Errors
/// `not-your-photo`, `upload-offset` where it does not begin where the last one ended, `upload-busy`; why the file is no photo; a failing
/// disk, store or database.
pub async fn receive<E>(
    yitu: &Yitu,
    viewer: &Viewer,
    photo: Uuid,
    offset: u64,
    body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
) -> Result<Progress, ServiceError> {
    let row = one(yitu, viewer, photo).await?;
    of_sender(viewer, &row)?;
    let length = row.sent_bytes as u64;
    if !row.is_receiving() {
        return if offset == length { Ok(at(&row, offset)) } else { Err(not_there(offset, length).into()) };
    }
    let mut upload = yitu.photos.uploads.open(viewer.county_id(), photo).await?.ok_or_else(busy)?;
    if offset != upload.received {
        return Err(not_there(offset, upload.received).into());
    }
    let ended = upload.fill(body, length).await?;
    if ended == Ended::TooMuch {
        upload.cut(offset).await?;
        return Err(too_long(length).into());
    }
    if upload.received == length {
        return Ok(at(&finish(yitu, viewer, &row, upload).await?, length));
    }
    // A film need not be sent to its end to be known as one.
    if offset < HEAD_BYTES as u64
        && upload.received >= HEAD_BYTES as u64
        && let Err(refusal) = format(&upload.read(HEAD_BYTES as u64).await?)
    {
        return Err(refuse(yitu, viewer, &row, refusal, upload).await?.into());
    }
    if ended == Ended::Cut { Err(cut_off().into()) } else { Ok(at(&row, upload.received)) }
}

/// Gives an upload up.
///
/// # Errors
/// `not-your-photo`, `photo-is-evidence` for one that has become a photo, `upload-busy`; a failing disk or database.
pub async fn give_up(yitu: &Yitu, viewer: &Viewer, photo: Uuid) -> Result<(), ServiceError> {
    let county = viewer.county_id();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let row = visible(&mut on, viewer, photo).await?;
    if !row.is_kept() {
        of_sender(viewer, &row)?;
    }
    let upload = yitu.photos.uploads.open(county, photo).await?.ok_or_else(busy)?;
    let forgotten = photo::forget(&mut on, county, photo).await?;
    on.finish().await?;
    if forgotten {
        return discard(yitu, county, photo, upload).await;
    }
    upload.remove().await?;
    Err(evidence().into())
}

/// Throws away an upload whose row is gone, with what may have been stored of it already.
pub(super) async fn discard(yitu: &Yitu, county: FeatureId, photo: Uuid, upload: Upload) -> Result<(), ServiceError> {
    yitu.photos.store.erase(county, photo).await?;
    upload.remove().await
}

async fn one(yitu: &Yitu, viewer: &Viewer, photo: Uuid) -> Result<PhotoRow, ServiceError> {
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let row = visible(&mut on, viewer, photo).await?;
    on.finish().await?;
    match &row.refusal {
        None => Ok(row),
        Some(code) => {
            let refusal = Refusal::from_code(code).ok_or_else(|| DbError::Stored(format!("refusal {code}")))?;
            Err(refusal.problem().into())
        }
    }
}

fn at(row: &PhotoRow, offset: u64) -> Progress {
    let expires_at = row.is_receiving().then(|| row.announced_at + LASTS);
    Progress { offset, length: row.sent_bytes as u64, expires_at }
}

fn not_there(sent: u64, received: u64) -> Problem {
    Problem::new(
        ProblemKind::Conflict,
        "upload-offset",
        ("断点不符", "Not where the upload is"),
        (
            format!("已收到 {received} 字节,这一段从 {sent} 字节开始。请从 {received} 字节处继续。"),
            format!("{received} bytes have come and this piece begins at {sent}; go on at {received}."),
        ),
    )
    .with_extra("upload_offset", received)
}

fn too_long(length: u64) -> Problem {
    Problem::bad_field(
        "",
        format!("内容超过事先声明的 {length} 字节,这一段没有收。请核对 Upload-Length"),
        format!("There is more than the {length} bytes announced and this piece was not taken; check Upload-Length"),
    )
}

/// The answer to whoever would delete a photo.
#[must_use]
pub fn evidence() -> Problem {
    Problem::new(
        ProblemKind::NotAllowed,
        "photo-is-evidence",
        ("照片不能删除", "A photo is not deleted"),
        (
            "照片是办理依据,不能删除。确需撤下的,由管理员写明理由后撤下(withdraw),摘要仍保留。".to_owned(),
            "A photo is evidence. Where it has to go, an operator withdraws it with a reason; its digest stays."
                .to_owned(),
        ),
    )
}
