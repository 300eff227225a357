//! Loads the atlas and keeps it at the database's present state.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::atlas::{Applied, Atlas, Change, Delta, Extent, LayerStore};
use crate::db::change_log::{LayerUpdate, Reader, Standing, Step, trim};
use crate::db::{Databases, DbError};

/// How often the log is asked.
const POLL: Duration = Duration::from_millis(50);
/// First and last pause after a failure.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Longer than this for one step counts as a dead connection; a whole large county is read in seconds.
const STEP_TIMEOUT: Duration = Duration::from_mins(2);
/// Rows of the log are kept this long.
const KEEP: Duration = Duration::from_hours(24);
/// How often older ones are dropped.
const TRIM_EVERY: Duration = Duration::from_mins(10);

/// Loads everything in one snapshot and follows from there, for as long as the atlas is in use.
///
/// # Errors
/// When the database cannot be read.
pub async fn start(atlas: &Arc<Atlas>, databases: &Databases) -> Result<(), DbError> {
    let (reader, standing) = load(atlas, databases).await?;
    atlas.set_following(true);
    tokio::spawn(follow(Arc::downgrade(atlas), databases.clone(), reader, standing));
    tokio::spawn(trim_now_and_then(Arc::downgrade(atlas), databases.clone()));
    Ok(())
}

/// Loads everything in one snapshot.
///
/// # Errors
/// When the database cannot be read.
pub async fn load(atlas: &Arc<Atlas>, databases: &Databases) -> Result<(Reader, Standing), DbError> {
    let mut reader = Reader::connect(&databases.system).await?;
    let step = reader.everything().await?;
    let standing = take(atlas.clone(), step).await?;
    Ok((reader, standing))
}

/// Puts a step into the atlas, and says where it stands then. A whole layer's index is work for a thread.
async fn take(atlas: Arc<Atlas>, step: Step) -> Result<Standing, DbError> {
    let taken = tokio::task::spawn_blocking(move || put(&atlas, step)).await;
    taken.map_err(|e| DbError::Stored(format!("the atlas did not take a step: {e}")))
}

fn put(atlas: &Atlas, step: Step) -> Standing {
    let applied = Applied { epoch: step.standing.epoch, snapshot: step.standing.snapshot.clone() };
    let position = applied.position();
    let mut deltas = Vec::new();
    let mut replaced = Vec::new();
    for (layer, update) in step.updates {
        match update {
            LayerUpdate::Whole(schema, features) => {
                atlas.replace(layer, LayerStore::load(schema, features));
                replaced.push(Change { position, layer, extent: Extent::Everything });
            }
            LayerUpdate::Some(features) => {
                deltas.extend(features.into_iter().map(|(id, now)| Delta { layer, id, now }));
            }
        }
    }
    if step.organisation {
        atlas.note_organisation_change();
    }
    atlas.apply(deltas, applied, replaced);
    step.standing
}

async fn follow(atlas: Weak<Atlas>, databases: Databases, reader: Reader, mut standing: Standing) {
    let mut reader = Some(reader);
    let mut pause = BACKOFF.0;
    loop {
        tokio::time::sleep(if reader.is_some() { POLL } else { pause }).await;
        let Some(atlas) = atlas.upgrade() else { return };
        match tokio::time::timeout(STEP_TIMEOUT, advance(reader.take(), &databases, &standing, &atlas)).await {
            Ok(Ok((connected, moved))) => {
                standing = moved.unwrap_or(standing);
                reader = Some(connected);
                pause = BACKOFF.0;
                if !atlas.is_following() {
                    tracing::info!("the atlas follows the database again");
                }
                atlas.set_following(true);
            }
            failed => {
                if atlas.is_following() {
                    let error =
                        failed.map_or_else(|e| e.to_string(), |r| r.err().map(|e| e.to_string()).unwrap_or_default());
                    tracing::warn!(error, "the atlas lost the database; trying again");
                }
                atlas.set_following(false);
                pause = (pause * 2).min(BACKOFF.1);
            }
        }
    }
}

/// One look at the log, over a new connection where there is none, and what it tells into the atlas.
async fn advance(
    reader: Option<Reader>,
    databases: &Databases,
    last: &Standing,
    atlas: &Arc<Atlas>,
) -> Result<(Reader, Option<Standing>), DbError> {
    let mut reader = match reader {
        Some(reader) => reader,
        None => Reader::connect(&databases.system).await?,
    };
    let moved = match reader.since(last).await? {
        Some(step) => Some(take(atlas.clone(), step).await?),
        None => None,
    };
    Ok((reader, moved))
}

async fn trim_now_and_then(atlas: Weak<Atlas>, databases: Databases) {
    loop {
        tokio::time::sleep(TRIM_EVERY).await;
        if atlas.strong_count() == 0 {
            return;
        }
        match trim(&databases.system, KEEP).await {
            Ok(rows) => tracing::debug!(rows, "trimmed the change log"),
            Err(error) => tracing::warn!(%error, "the change log could not be trimmed"),
        }
    }
}
