//! Loads the atlas and keeps it at the database's present state.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use crate::atlas::{Applied, Atlas, LayerStore};
use crate::config::Config;
use crate::db::change_log::{LayerUpdate, Reader, Standing, Step, trim};
use crate::db::{Databases, DbError};
use crate::domain::Layer;
use crate::service::Clock;
use crate::service::live::{ChangeLog, What};
use crate::service::startup::StartError;
use crate::service::tile::MapLayers;

/// How often the log is asked.
const POLL: Duration = Duration::from_millis(50);
/// First and last pause after a failure.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Longer than this for one step counts as a dead connection; a whole large county is read in seconds.
const STEP_TIMEOUT: Duration = Duration::from_mins(2);
/// How often the tile settings are looked at.
const CONFIG_POLL: Duration = Duration::from_secs(1);
/// Rows of the log are kept this long.
const KEEP: Duration = Duration::from_hours(24);
/// How often older ones are dropped.
const TRIM_EVERY: Duration = Duration::from_mins(10);

/// What follows the database, together.
#[derive(Debug, Clone)]
pub struct Followed {
    /// The features.
    pub atlas: Arc<Atlas>,
    /// The layers prepared for drawing.
    pub layers: Arc<MapLayers>,
    /// What streams are told.
    pub changes: Arc<ChangeLog>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// Loads everything in one snapshot and follows from there, for as long as the atlas is in use.
///
/// # Errors
/// When the database cannot be read, or a layer's tile settings cannot be used.
pub async fn start(config: &Config, databases: &Databases, clock: Arc<dyn Clock>) -> Result<Followed, StartError> {
    let (followed, standing) = load(config, databases, clock).await?;
    followed.atlas.set_following(true);
    follow_apart(Following::of(&followed), databases.clone(), standing)?;
    tokio::spawn(trim_now_and_then(Arc::downgrade(&followed.atlas), databases.clone()));
    if let Some(folder) = config.tiles_config_dir.clone() {
        tokio::spawn(configure(Following::of(&followed), folder));
    }
    Ok(followed)
}

/// Loads everything in one snapshot.
///
/// # Errors
/// When the database cannot be read, or a layer's tile settings cannot be used.
pub async fn load(
    config: &Config,
    databases: &Databases,
    clock: Arc<dyn Clock>,
) -> Result<(Followed, Standing), StartError> {
    let mut reader = Reader::connect(&databases.system).await.map_err(StartError::Load)?;
    let step = reader.everything().await.map_err(StartError::Load)?;
    let folder = config.tiles_config_dir.clone();
    let made = tokio::task::spawn_blocking(move || first(step, folder.as_deref(), clock)).await;
    made.map_err(|e| StartError::Load(DbError::Stored(e.to_string())))?
}

/// Puts everything into an atlas and prepares it.
fn first(step: Step, folder: Option<&Path>, clock: Arc<dyn Clock>) -> Result<(Followed, Standing), StartError> {
    let atlas = Arc::new(Atlas::new());
    std::thread::scope(|scope| {
        for (layer, update) in step.updates {
            if let LayerUpdate::Whole(schema, features) = update {
                let atlas = &atlas;
                scope.spawn(move || atlas.replace(layer, LayerStore::load(schema, features)));
            }
        }
    });
    let layers = Arc::new(MapLayers::load(&atlas, folder, clock.now())?);
    let changes = Arc::new(ChangeLog::default());
    let applied = applied(&step.standing);
    changes.begin(&applied);
    atlas.stand(applied);
    Ok((Followed { atlas, layers, changes, clock }, step.standing))
}

fn applied(standing: &Standing) -> Applied {
    Applied { epoch: standing.epoch, snapshot: standing.snapshot.clone() }
}

/// What is followed, for as long as somebody uses it.
struct Following {
    atlas: Weak<Atlas>,
    layers: Arc<MapLayers>,
    changes: Arc<ChangeLog>,
    clock: Arc<dyn Clock>,
}

impl Following {
    fn of(followed: &Followed) -> Self {
        let Followed { atlas, layers, changes, clock } = followed.clone();
        Self { atlas: Arc::downgrade(&atlas), layers, changes, clock }
    }

    fn upgrade(&self) -> Option<Followed> {
        let (layers, changes, clock) = (self.layers.clone(), self.changes.clone(), self.clock.clone());
        Some(Followed { atlas: self.atlas.upgrade()?, layers, changes, clock })
    }
}

impl Followed {
    /// Takes a step, and tells of it once all of it is there.
    async fn take(&self, step: Step) -> Result<Standing, DbError> {
        let followed = self.clone();
        // A task of its own, so that it may fail alone.
        let taken = tokio::spawn(async move { followed.put(step) }).await;
        taken.map_err(|e| DbError::Stored(format!("the atlas did not take a step: {e}")))
    }

    fn put(&self, step: Step) -> Standing {
        let now = self.clock.now();
        let applied = applied(&step.standing);
        let mut changes = Vec::new();
        for (layer, update) in step.updates {
            let what = match update {
                LayerUpdate::Whole(schema, features) => {
                    self.layers.replace(&self.atlas, layer, LayerStore::load(schema, features), now);
                    What::Everything
                }
                LayerUpdate::Some(features) => {
                    let ids = features.iter().map(|(id, _)| *id).collect();
                    let (tiles, touched) = self.layers.put(&self.atlas, layer, features, now);
                    What::Features { ids, tiles, touched }
                }
            };
            changes.push((layer, what));
        }
        if step.organisation {
            self.atlas.note_organisation_change();
        }
        self.changes.tell(changes, &applied);
        // Last, so that who waited for a write finds it told as well.
        self.atlas.stand(applied);
        step.standing
    }

    /// Draws what the time alone has changed.
    fn pass(&self) {
        if let Some((ids, (tiles, touched))) = self.layers.pass(&self.atlas, self.clock.now()) {
            self.changes.tell(vec![(Layer::Incident, What::Features { ids, tiles, touched })], &self.atlas.applied());
        }
    }
}

/// Follows on a thread of its own: a busy server's requests do not stand before it, and it does not hold them up.
fn follow_apart(following: Following, databases: Databases, standing: Standing) -> Result<(), StartError> {
    let failed = |e: std::io::Error| StartError::Load(DbError::Sql(e.into()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let run = move || runtime.block_on(follow(following, databases, standing));
    std::thread::Builder::new().name("follow".to_owned()).spawn(run).map_err(failed)?;
    Ok(())
}

async fn follow(following: Following, databases: Databases, mut standing: Standing) {
    let mut reader = None;
    let mut pause = BACKOFF.0;
    loop {
        tokio::time::sleep(if reader.is_some() { POLL } else { pause }).await;
        let Some(followed) = following.upgrade() else { return };
        let atlas = &followed.atlas;
        followed.pass();
        match tokio::time::timeout(STEP_TIMEOUT, advance(reader.take(), &databases, &standing, &followed)).await {
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
    followed: &Followed,
) -> Result<(Reader, Option<Standing>), DbError> {
    let mut reader = match reader {
        Some(reader) => reader,
        None => Reader::connect(&databases.system).await?,
    };
    let moved = match reader.since(last).await? {
        Some(step) => Some(followed.take(step).await?),
        None => None,
    };
    Ok((reader, moved))
}

/// Looks at the tile settings now and then: what changed there is drawn at once, and what is wrong there is told once.
async fn configure(following: Following, folder: PathBuf) {
    let mut seen = stamp(&folder);
    loop {
        tokio::time::sleep(CONFIG_POLL).await;
        let Some(followed) = following.upgrade() else { return };
        let now = stamp(&folder);
        if now == seen {
            continue;
        }
        seen = now;
        let (layers, atlas, at) = (followed.layers.clone(), followed.atlas.clone(), followed.clock.now());
        let folder = folder.clone();
        let read = tokio::task::spawn_blocking(move || layers.configure(&atlas, Some(&folder), at)).await;
        match read {
            Ok(Ok(changed)) if changed.is_empty() => {}
            Ok(Ok(changed)) => {
                let names: Vec<&str> = changed.iter().map(|l| l.name()).collect();
                tracing::info!(layers = names.join(","), "the tile settings changed");
                let told = changed.into_iter().map(|layer| (layer, What::Everything)).collect();
                followed.changes.tell(told, &followed.atlas.applied());
            }
            Ok(Err(error)) => tracing::error!(%error, "the tile settings cannot be used; the last ones stay"),
            Err(error) => tracing::error!(%error, "the tile settings were not read"),
        }
    }
}

/// The names, sizes and times of a folder's files.
fn stamp(folder: &Path) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let about = entry.metadata().ok()?;
            Some((entry.path(), about.len(), about.modified().ok()))
        })
        .collect();
    files.sort();
    files
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
