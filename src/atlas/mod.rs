//! The in-memory copy of what the map needs, fed by the change log.

pub mod history;
pub mod locate;
pub mod store;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use geo::BoundingRect;
use parking_lot::{RwLock, RwLockReadGuard};
use tokio::sync::{broadcast, watch};
use uuid::Uuid;

use crate::domain::{Feature, FeatureId, Layer, LogPosition, PropertyKind, Schema, Snapshot};
use crate::geo::Bbox;

pub use history::History;
pub use store::LayerStore;

/// Changes a slow listener may lag behind before it is told that it missed some.
const LISTENER_BACKLOG: usize = 1024;

/// What became of one feature: its present state, or nothing when it is gone.
#[derive(Debug, Clone)]
pub struct Delta {
    /// The layer it is of.
    pub layer: Layer,
    /// Which feature.
    pub id: FeatureId,
    /// As it is now in the database.
    pub now: Option<Feature>,
}

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
}

/// Where in a layer something changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Extent {
    /// Anywhere; the ids are not told.
    Everything,
    /// These features, within these boxes (degrees) of their state before and after.
    Features {
        /// Which.
        ids: Vec<FeatureId>,
        /// Where they were and are.
        boxes: Vec<Bbox>,
    },
}

/// One step of the atlas in one layer, as streams tell it. It is in the atlas when it is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where the atlas stands with it.
    pub position: LogPosition,
    /// The layer.
    pub layer: Layer,
    /// What of it.
    pub extent: Extent,
}

#[derive(Debug)]
struct Slot {
    store: RwLock<LayerStore>,
    history: RwLock<History>,
}

/// All layers, each behind its own lock; readers take what they need and let go.
#[derive(Debug)]
pub struct Atlas {
    layers: Vec<Slot>,
    applied: watch::Sender<Applied>,
    organisation_generation: AtomicU64,
    following: AtomicBool,
    changes: broadcast::Sender<Arc<Change>>,
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
            history: RwLock::new(History::default()),
        };
        Self {
            layers: Layer::ALL.iter().map(|_| slot()).collect(),
            applied: watch::Sender::new(Applied::default()),
            organisation_generation: AtomicU64::new(0),
            following: AtomicBool::new(false),
            changes: broadcast::Sender::new(LISTENER_BACKLOG),
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
        slot.history.write().note_all();
        drop(old);
    }

    /// Applies the present state of changed features; afterwards the atlas stands at `applied`. Listeners are
    /// told of these and of the layers `replaced` before, once all is in place.
    pub fn apply(&self, deltas: Vec<Delta>, applied: Applied, replaced: Vec<Change>) {
        let position = applied.position();
        let mut changes = replaced;
        let mut by_layer: BTreeMap<Layer, Vec<Delta>> = BTreeMap::new();
        for delta in deltas {
            by_layer.entry(delta.layer).or_default().push(delta);
        }
        for (layer, deltas) in by_layer {
            changes.push(Change { position, layer, extent: self.put(layer, deltas) });
        }
        for change in changes {
            // Nobody may be listening.
            let _ = self.changes.send(Arc::new(change));
        }
        // Last, so that who waited for a write finds it told as well.
        self.applied.send_replace(applied);
    }

    /// Data first, then its generation: who reads a generation and then the data may find the data newer
    /// than it noted, never older.
    fn put(&self, layer: Layer, deltas: Vec<Delta>) -> Extent {
        let slot = &self.layers[layer as usize];
        let ids = deltas.iter().map(|d| d.id).collect();
        let mut boxes: Vec<Bbox> = Vec::new();
        {
            let mut store = slot.store.write();
            for delta in deltas {
                boxes.extend(delta.now.as_ref().and_then(bounds));
                let before = store.put(delta.id, delta.now);
                boxes.extend(before.as_deref().and_then(bounds));
            }
        }
        boxes.dedup();
        slot.history.write().note(boxes.iter().copied());
        Extent::Features { ids, boxes }
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

    /// All changes from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Arc<Change>> {
        self.changes.subscribe()
    }

    /// Whether the atlas is kept up to date at the moment.
    pub fn is_following(&self) -> bool {
        self.following.load(Ordering::Acquire)
    }

    /// Notes whether the atlas is kept up to date.
    pub fn set_following(&self, following: bool) {
        self.following.store(following, Ordering::Release);
    }

    /// Moves on with every change of the party tree and the handling units, which are on no map. Read it
    /// before what is prepared from them.
    pub fn organisation_generation(&self) -> u64 {
        self.organisation_generation.load(Ordering::Acquire)
    }

    /// Notes that the party tree or a handling unit changed.
    pub fn note_organisation_change(&self) {
        self.organisation_generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Moves on with every change of a layer. Read it before the data that is prepared from the layer.
    pub fn layer_generation(&self, layer: Layer) -> u64 {
        self.layers[layer as usize].history.read().generation()
    }

    /// Whether anything of a layer within `bbox` (degrees) may have changed after a generation of it.
    pub fn changed_since(&self, layer: Layer, generation: u64, bbox: Bbox) -> bool {
        self.layers[layer as usize].history.read().changed_since(generation, bbox)
    }
}

fn bounds(feature: &Feature) -> Option<Bbox> {
    feature.geometry.as_ref()?.bounding_rect()
}
