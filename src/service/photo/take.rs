//! Take: a photo in one request.

use bytes::Bytes;
use futures::Stream;
use uuid::Uuid;

use super::begin::{About, Begun, begin, look};
use super::finish::{developed, keep};
use super::uploads::{Ended, Upload};
use super::{busy, cut_off};
use crate::db::photo::PhotoRow;
use crate::domain::Viewer;
use crate::domain::photo::{MOST_BYTES, Refusal, too_large};
use crate::service::{ServiceError, Yitu};

/// Takes a photo in whole. It is announced only once it has proved to be one, so that nothing is left of what is not.
///
/// # Errors
/// Why it is not taken; a failing disk, store or database.
pub async fn take<E>(
    yitu: &Yitu,
    viewer: &Viewer,
    incident: Uuid,
    about: &About,
    body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
) -> Result<Begun, ServiceError> {
    about.check(yitu.clock.now())?;
    if let Some(photo) = look(yitu, viewer, incident, about.id).await?.filter(PhotoRow::is_kept) {
        return Ok(Begun { photo, new: false });
    }
    let mut upload = yitu.photos.uploads.open(viewer.county_id(), about.id).await?.ok_or_else(busy)?;
    upload.cut(0).await?;
    let arrived = match upload.fill(body, MOST_BYTES).await? {
        Ended::Whole if upload.received == 0 => Err(Refusal::Empty.problem()),
        Ended::Whole => developed(yitu, &mut upload).await?.map_err(Refusal::problem),
        Ended::Cut => Err(cut_off()),
        Ended::TooMuch => Err(too_large()),
    };
    let developed = match arrived {
        Ok(developed) => developed,
        Err(problem) => return Err(without(upload, problem.into()).await),
    };
    match begin(yitu, viewer, incident, about, upload.received).await {
        Ok(begun) if !begun.new => {
            upload.remove().await?;
            Ok(Begun { photo: begun.photo, new: false })
        }
        Ok(begun) => Ok(Begun { photo: keep(yitu, viewer, &begun.photo, developed, upload).await?, new: true }),
        Err(error) => Err(without(upload, error).await),
    }
}

/// The failure, once nothing is left of the upload.
async fn without(upload: Upload, error: ServiceError) -> ServiceError {
    upload.remove().await.err().unwrap_or(error)
}
