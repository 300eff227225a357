//! The in-memory copy of what the map needs, fed by the change log.

pub mod store;

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{RwLock, RwLockReadGuard};
use uuid::Uuid;

use crate::domain::{Feature, FeatureId, Layer, Schema, Snapshot};

pub use store::LayerStore;

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

/// All layers, each behind its own lock; readers take what they need and let go.
#[derive(Debug)]
pub struct Atlas {
    layers: Vec<RwLock<LayerStore>>,
    applied: RwLock<Applied>,
    generation: AtomicU64,
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
        Self {
            layers: Layer::ALL.iter().map(|_| RwLock::new(LayerStore::empty(Schema::new([""; 0])))).collect(),
            applied: RwLock::new(Applied::default()),
            generation: AtomicU64::new(0),
        }
    }

    /// A layer for reading. Hold it briefly and never across an await.
    pub fn layer(&self, layer: Layer) -> RwLockReadGuard<'_, LayerStore> {
        self.layers[layer as usize].read()
    }

    /// Replaces a whole layer.
    pub fn replace(&self, layer: Layer, store: LayerStore) {
        *self.layers[layer as usize].write() = store;
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Applies the present state of changed features; afterwards the atlas stands at `applied`.
    pub fn apply(&self, deltas: Vec<Delta>, applied: Applied) {
        for delta in deltas {
            self.layers[delta.layer as usize].write().put(delta.id, delta.now);
        }
        self.generation.fetch_add(1, Ordering::AcqRel);
        *self.applied.write() = applied;
    }

    /// How far in the change log the atlas stands.
    pub fn applied(&self) -> Applied {
        self.applied.read().clone()
    }

    /// Moves on with every change.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
}
