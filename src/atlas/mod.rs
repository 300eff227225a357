//! The in-memory copy of what the map needs, fed by the change log.

pub mod locate;
pub mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{RwLock, RwLockReadGuard};
use tokio::sync::watch;
use uuid::Uuid;

use crate::domain::{Feature, FeatureId, Layer, LogPosition, PropertyKind, Schema, Snapshot};

pub use store::LayerStore;

/// How far in the change log the atlas stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Which life of the database.
    pub epoch: Uuid,
    /// All transactions it sees are in the atlas.
    pub snapshot: Snapshot,
}

impl Applied {
    /// The position of the latest transaction that has ended.
    #[must_use]
    pub fn position(&self) -> LogPosition {
        LogPosition { epoch: self.epoch, xid: self.snapshot.xmax.saturating_sub(1) }
    }

    /// The position before which every transaction has ended, and is in the atlas if it wrote anything.
    #[must_use]
    pub fn settled(&self) -> LogPosition {
        LogPosition { epoch: self.epoch, xid: self.snapshot.xmin }
    }
}

/// A feature as it was and as it is; nothing where it was not there or is gone.
#[derive(Debug, Clone)]
pub struct FeatureChange {
    /// Which.
    pub id: FeatureId,
    /// As it was.
    pub before: Option<Arc<Feature>>,
    /// As it is.
    pub now: Option<Arc<Feature>>,
}

#[derive(Debug)]
struct Slot {
    store: RwLock<LayerStore>,
    generation: AtomicU64,
}

/// All layers, each behind its own lock; readers take what they need and let go.
#[derive(Debug)]
pub struct Atlas {
    layers: Vec<Slot>,
    applied: watch::Sender<Applied>,
    organisation_generation: AtomicU64,
    following: AtomicBool,
}

impl Default for Atlas {
    fn default() -> Self {
        Self::new()
    }
}

impl Atlas {
    /// An empty atlas.
    #[must_use]
    pub fn new() -> Self {
        let slot = || Slot {
            store: RwLock::new(LayerStore::empty(Schema::new([("", PropertyKind::Text); 0]))),
            generation: AtomicU64::new(0),
        };
        Self {
            layers: Layer::ALL.iter().map(|_| slot()).collect(),
            applied: watch::Sender::new(Applied::default()),
            organisation_generation: AtomicU64::new(0),
            following: AtomicBool::new(false),
        }
    }

    /// A layer for reading. Hold it briefly and never across an await.
    pub fn layer(&self, layer: Layer) -> RwLockReadGuard<'_, LayerStore> {
        self.layers[layer as usize].store.read()
    }

    /// Replaces a whole layer.
    pub fn replace(&self, layer: Layer, store: LayerStore) {
        let slot = &self.layers[layer as usize];
        let old = std::mem::replace(&mut *slot.store.write(), store);
        slot.generation.fetch_add(1, Ordering::AcqRel);
        drop(old);
    }

    /// Puts features' present state in, or takes them out; answers how they were and are. Data first, then its
    /// generation: who reads a generation and then the data may find the data newer than it noted, never older.
    pub fn put(&self, layer: Layer, features: Vec<(FeatureId, Option<Feature>)>) -> Vec<FeatureChange> {
        let slot = &self.layers[layer as usize];
        let changes = {
            let mut store = slot.store.write();
            let put = |(id, now): (FeatureId, Option<Feature>)| {
                let now = now.map(Arc::new);
                FeatureChange { id, before: store.put(id, now.clone()), now }
            };
            features.into_iter().map(put).collect()
        };
        slot.generation.fetch_add(1, Ordering::AcqRel);
        changes
    }

    /// Notes where the atlas stands now, once all that depends on it stands there too.
    pub fn stand(&self, applied: Applied) {
        self.applied.send_replace(applied);
    }
    /// How far in the change log the atlas stands.
    pub fn applied(&self) -> Applied {
        self.applied.borrow().clone()
    }

    /// Waits until a transaction's effects are in the atlas; false when they are not by then.
    pub async fn wait_for(&self, position: LogPosition, timeout: Duration) -> bool {
        let mut applied = self.applied.subscribe();
        let arrived = applied.wait_for(|a| a.epoch == position.epoch && a.snapshot.sees(position.xid));
        tokio::time::timeout(timeout, arrived).await.is_ok_and(|seen| seen.is_ok())
    }

    /// Whether the atlas is kept up to date at the moment.
    pub fn is_following(&self) -> bool {
        self.following.load(Ordering::Acquire)
    }

    /// Notes whether the atlas is kept up to date.
    pub fn set_following(&self, following: bool) {
        self.following.store(following, Ordering::Release);
    }

    /// Moves on with every change of what decides who answers: units, people, grids, rules, working days. Read it
    /// before what is prepared from them.
    pub fn organisation_generation(&self) -> u64 {
        self.organisation_generation.load(Ordering::Acquire)
    }

    /// Notes that something that decides who answers has changed.
    pub fn note_organisation_change(&self) {
        self.organisation_generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Moves on with every change of a layer. Read it before the data that is prepared from the layer.
    pub fn layer_generation(&self, layer: Layer) -> u64 {
        self.layers[layer as usize].generation.load(Ordering::Acquire)
    }
}
