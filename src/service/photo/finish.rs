//! Finish: what has arrived whole becomes the picture that is kept.

use std::panic;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};

use super::develop::{Developed, develop};
use super::store::Size;
use super::uploads::Upload;
use crate::db::photo::{self, Kept, PhotoRow};
use crate::db::{Request, incident};
use crate::domain::incident::Action;
use crate::domain::photo::{MOST_BYTES, PhotoKind, Refusal};
use crate::domain::{Problem, Viewer};
use crate::service::incident::retried;
use crate::service::incident::step::{Effect, Step, state, write};
use crate::service::{ServiceError, Yitu, off_thread};

/// Develops an upload, a few at a time, where it holds up nobody.
pub(super) async fn developed(yitu: &Yitu, upload: &mut Upload) -> Result<Result<Developed, Refusal>, ServiceError> {
    let turn = Arc::clone(&yitu.photos.turns).acquire_owned().await;
    let turn = turn.map_err(|e| ServiceError::Internal(e.to_string()))?;
    let file = upload.read(MOST_BYTES).await?;
    // The turn ends with the work, also when nobody waits for it any more.
    off_thread(move || {
        // A decoder that stumbles over what someone made up has not read a photo.
        let developed = panic::catch_unwind(|| develop(&file)).unwrap_or(Err(Refusal::Damaged));
        drop(turn);
        developed
    })
    .await
}

/// Brings an upload that has arrived whole to its end. What fails on the way is tried again by the sweep.
///
/// # Errors
/// Why it is no photo; a failing store or database.
pub async fn finish(
    yitu: &Yitu,
    viewer: &Viewer,
    photo: &PhotoRow,
    mut upload: Upload,
) -> Result<PhotoRow, ServiceError> {
    match developed(yitu, &mut upload).await? {
        Ok(developed) => keep(yitu, viewer, photo, developed, upload).await,
        Err(refusal) => Err(refuse(yitu, viewer, photo, refusal, upload).await?.into()),
    }
}

/// Notes that an upload is no photo, and throws it away.
pub(super) async fn refuse(
    yitu: &Yitu,
    viewer: &Viewer,
    photo: &PhotoRow,
    refusal: Refusal,
    upload: Upload,
) -> Result<Problem, ServiceError> {
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    photo::refuse(&mut on, viewer.county_id(), photo.id, refusal.code()).await?;
    on.finish().await?;
    upload.remove().await?;
    Ok(refusal.problem())
}

/// Keeps a picture: its files first, then the row and the incident's history in one transaction.
pub(super) async fn keep(
    yitu: &Yitu,
    viewer: &Viewer,
    photo: &PhotoRow,
    developed: Developed,
    upload: Upload,
) -> Result<PhotoRow, ServiceError> {
    let Developed { picture, thumb, width, height, sha256 } = developed;
    let kept = Kept { width: width as i32, height: height as i32, bytes: picture.len() as i64, sha256 };
    let (store, county) = (&yitu.photos.store, viewer.county_id());
    store.put(county, photo.id, Size::Thumb, thumb).await?;
    store.put(county, photo.id, Size::Full, picture).await?;
    let row = retried(|| record(yitu, viewer, photo, &kept)).await?;
    upload.remove().await?;
    Ok(row)
}

async fn record(yitu: &Yitu, viewer: &Viewer, photo: &PhotoRow, kept: &Kept) -> Result<PhotoRow, ServiceError> {
    let (county, now) = (viewer.county_id(), yitu.clock.now().trunc_subsecs(6));
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    incident::lock(&mut on, county, photo.incident_id).await?;
    if photo::keep(&mut on, county, photo.id, kept, now).await? {
        let what =
            format!("{}照片,{}×{} 像素,SHA-256 {}。", PhotoKind::zh(&photo.kind), kept.width, kept.height, kept.sha256);
        tell(&mut on, viewer, photo, &what, now).await?;
    }
    let row = photo::find(&mut on, county, photo.id).await?.ok_or_else(|| super::missing(photo.id))?;
    on.finish().await?;
    Ok(row)
}

/// Adds what happened to a photo to its incident's history. The incident is locked.
pub(super) async fn tell(
    on: &mut Request,
    viewer: &Viewer,
    photo: &PhotoRow,
    what: &str,
    now: DateTime<Utc>,
) -> Result<(), ServiceError> {
    let (county, id) = (viewer.county_id(), photo.incident_id);
    let row = incident::find(on, county, id).await?;
    let row = row.ok_or_else(|| Problem::not_found(("事件", "incident"), id))?;
    let state = state(&row)?;
    let step = Step { action: Action::Photo, actor: viewer.name(), at: now, from: state };
    write(on, county, &row, &step, &Effect::new(&row, state, what)).await
}
