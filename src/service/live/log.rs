//! What changed lately, for streams that listen and for those that come back.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::broadcast;

use crate::atlas::Applied;
use crate::domain::{FeatureId, Layer, LogPosition};
use crate::geo::TileRanges;

/// Changes kept for streams that come back; who was away longer is told to load everything anew.
const KEPT: usize = 4096;
/// Changes a slow listener may lag behind before it is told that it missed some.
const BACKLOG: usize = 1024;

/// What of a layer changed.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Anything may have.
    Everything,
    /// Some features.
    Features {
        /// Which.
        ids: Vec<FeatureId>,
        /// The tiles that look different.
        tiles: TileRanges,
        /// Of households and incidents: each by itself.
        touched: Vec<Touched>,
    },
}

/// A household or an incident that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Touched {
    /// Which.
    pub id: FeatureId,
    /// The grids, villages, units and accounts by which it is somebody's, or was.
    pub whose: BTreeSet<FeatureId>,
    /// The tiles that look different for it; absent where it was drawn together with many others.
    pub tiles: Option<TileRanges>,
}

/// One step of the map in one layer. It is on the map when it is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where the map stands with it.
    pub position: LogPosition,
    /// Whoever has been told everything up to here needs nothing from before it.
    pub settled: LogPosition,
    /// The layer.
    pub layer: Layer,
    /// What of it.
    pub what: What,
}

/// The latest changes.
#[derive(Debug)]
pub struct ChangeLog {
    told: broadcast::Sender<Arc<Change>>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    changes: VecDeque<Arc<Change>>,
    /// Transactions from here on are told of by what is kept.
    from: LogPosition,
}

impl Default for ChangeLog {
    fn default() -> Self {
        Self { told: broadcast::Sender::new(BACKLOG), kept: Mutex::default() }
    }
}

impl ChangeLog {
    /// Begins anew: what was before is not told.
    pub fn begin(&self, applied: &Applied) {
        let from = LogPosition { epoch: applied.epoch, xid: applied.snapshot.xmax };
        *self.kept.lock() = Kept { changes: VecDeque::new(), from };
    }

    /// Tells everybody who listens, and keeps it for those who come back.
    pub fn tell(&self, changes: Vec<(Layer, What)>, applied: &Applied) {
        let (position, settled) = (applied.position(), applied.settled());
        let mut kept = self.kept.lock();
        if kept.from.epoch != applied.epoch {
            *kept = Kept { changes: VecDeque::new(), from: settled };
        }
        for (layer, what) in changes {
            let change = Arc::new(Change { position, settled, layer, what });
            if kept.changes.len() == KEPT
                && let Some(dropped) = kept.changes.pop_front()
            {
                kept.from.xid = kept.from.xid.max(dropped.position.xid + 1);
            }
            kept.changes.push_back(Arc::clone(&change));
            // Nobody may be listening.
            let _ = self.told.send(change);
        }
    }

    /// All changes from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Arc<Change>> {
        self.told.subscribe()
    }

    /// All changes that somebody may not know who was told everything up to `settled`; `None` when that is no longer
    /// known. The map changes by its own clock as well, hence the one position more.
    #[must_use]
    pub fn since(&self, settled: LogPosition) -> Option<Vec<Arc<Change>>> {
        let kept = self.kept.lock();
        if kept.from.epoch != settled.epoch || settled.xid < kept.from.xid {
            return None;
        }
        Some(kept.changes.iter().filter(|c| c.position.xid + 1 >= settled.xid).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::Snapshot;

    fn at(xmin: u64, xmax: u64) -> Applied {
        Applied { epoch: Uuid::nil(), snapshot: Snapshot { xmin, xmax, running: (xmin..xmax.min(xmin + 1)).collect() } }
    }

    fn change(id: FeatureId) -> (Layer, What) {
        (Layer::Venue, What::Features { ids: vec![id], tiles: TileRanges::default(), touched: Vec::new() })
    }

    fn ids(changes: &[Arc<Change>]) -> Vec<FeatureId> {
        let of = |c: &Arc<Change>| match &c.what {
            What::Features { ids, .. } => ids[0],
            What::Everything => 0,
        };
        changes.iter().map(of).collect()
    }

    #[test]
    fn who_comes_back_hears_at_least_what_it_missed() {
        let log = ChangeLog::default();
        log.begin(&at(10, 10));
        // 10 runs on while 11 and 12 commit; then 10 commits, and no number is given out since.
        log.tell(vec![change(11)], &at(10, 12));
        log.tell(vec![change(12)], &at(10, 13));
        let heard = LogPosition { epoch: Uuid::nil(), xid: 10 };
        log.tell(vec![change(10)], &at(13, 13));
        assert_eq!(ids(&log.since(heard).expect("known")), [11, 12, 10]);
        let all = LogPosition { xid: 13, ..heard };
        log.tell(vec![change(14)], &at(15, 15));
        assert!(ids(&log.since(all).expect("known")).ends_with(&[14]));
        assert_eq!(log.since(LogPosition { xid: 9, ..heard }), None, "before the beginning");
        assert_eq!(log.since(LogPosition { epoch: Uuid::max(), xid: 20 }), None, "of another life");
        for n in 0..KEPT as u64 {
            log.tell(vec![change(1)], &at(20 + n, 20 + n));
        }
        assert_eq!(log.since(all), None, "forgotten");
    }
}
