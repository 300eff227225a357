//! Sweep: what was left lying. Uploads that arrived whole are finished, abandoned ones forgotten, files of withdrawn
//! photos erased. Any number of servers may run it.

use std::time::Duration;

use super::finish::finish;
use super::receive::{LASTS, discard};
use super::withdraw::erase;
use crate::db::Request;
use crate::db::photo::{self, PhotoRow};
use crate::domain::Viewer;
use crate::service::rounds::Rounds;
use crate::service::{ServiceError, WeakYitu, Yitu};

/// How often.
const EVERY: Duration = Duration::from_mins(1);

/// Runs for as long as the server does.
pub async fn run(yitu: WeakYitu) {
    let mut rounds = Rounds::every(EVERY, yitu);
    while let Some(yitu) = rounds.next().await {
        if let Err(error) = pass(&yitu).await {
            tracing::error!(%error, "photos could not be swept; trying again");
        }
    }
}

/// Sweeps once; answers how much it brought to an end.
///
/// # Errors
/// When the database or the disk fails. One photo that fails does not keep the others.
pub async fn pass(yitu: &Yitu) -> Result<usize, ServiceError> {
    let mut ended = 0;
    let mut count = |what: &str, result: Result<bool, ServiceError>| match result {
        Ok(done) => ended += usize::from(done),
        // A problem is what became of the photo, and stands in its row.
        Err(ServiceError::Problem(problem)) => tracing::info!(%problem, what, "a photo was swept"),
        Err(error) => tracing::error!(%error, what, "a photo could not be swept; trying again"),
    };
    for (county, id) in photo::to_erase(&yitu.db.system).await? {
        count("withdrawn", erase(yitu, county, id).await.map(|()| true));
    }
    for row in photo::unfinished(&yitu.db.system).await? {
        count("upload", unfinished(yitu, &row).await);
    }
    for (county, id) in yitu.photos.uploads.all().await? {
        let Some(upload) = yitu.photos.uploads.open(county, id).await? else { continue };
        // Asked under the lock: a file without its row belongs to a request that was cut off.
        let mut on = Request::begin(&yitu.db.request, &Viewer::whole_county(county, "")).await?;
        let row = photo::find(&mut on, county, id).await?;
        on.finish().await?;
        match row {
            Some(row) if row.is_receiving() => {}
            Some(_) => count("file", upload.remove().await.map(|()| true)),
            None => count("file", discard(yitu, county, id, upload).await.map(|()| true)),
        }
    }
    Ok(ended)
}

async fn unfinished(yitu: &Yitu, row: &PhotoRow) -> Result<bool, ServiceError> {
    let (uploads, county) = (&yitu.photos.uploads, row.county_id);
    let whole = row.is_receiving() && uploads.received(county, row.id).await? == row.sent_bytes as u64;
    let abandoned = row.announced_at + LASTS <= yitu.clock.now();
    if !whole && !abandoned {
        return Ok(false);
    }
    let Some(upload) = uploads.open(county, row.id).await? else { return Ok(false) };
    let viewer = Viewer::whole_county(county, row.uploaded_by.as_str());
    if whole && upload.received == row.sent_bytes as u64 {
        finish(yitu, &viewer, row, upload).await?;
        return Ok(true);
    }
    let mut on = Request::begin(&yitu.db.request, &viewer).await?;
    let forgotten = photo::forget(&mut on, county, row.id).await?;
    on.finish().await?;
    if forgotten {
        discard(yitu, county, row.id, upload).await?;
    } else {
        upload.remove().await?;
    }
    Ok(forgotten)
}
