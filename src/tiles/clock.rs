//! When tiles last changed.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::geo::{TileId, TileRanges};

/// Tiles share this many places by their hash: two that share one change together, which costs a drawing and no more.
const PLACES: usize = 1 << 14;
/// Above a layer's last zoom tiles are known by the one of that zoom they lie in.
const BEYOND: u8 = 31;

/// Counts a layer's changes and remembers which tiles each was in. Reads and writes need no lock.
#[derive(Debug)]
pub struct TileClock {
    generation: AtomicU64,
    /// Everything changed then.
    all: AtomicU64,
    places: Vec<AtomicU64>,
}

impl Default for TileClock {
    fn default() -> Self {
        let places = (0..PLACES).map(|_| AtomicU64::new(0)).collect();
        Self { generation: AtomicU64::new(0), all: AtomicU64::new(0), places }
    }
}

impl TileClock {
    /// Moves on with each change. Read it before the data a tile is drawn from: the tile may then be newer than it
    /// claims, never older.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Notes that tiles changed, and of `beyond`, tiles of the layer's last zoom, those inside them. Call it after the
    /// data changed.
    pub fn note(&self, tiles: &TileRanges, beyond: &TileRanges) {
        let next = self.generation() + 1;
        let tiles = tiles.ranges().iter().map(|range| (range.z, range));
        for (z, range) in tiles.chain(beyond.ranges().iter().map(|range| (BEYOND, range))) {
            if range.len() > PLACES as u64 {
                self.all.store(next, Ordering::Release);
            } else {
                range.tiles().for_each(|tile| self.places[place(z, tile)].store(next, Ordering::Release));
            }
        }
        self.generation.store(next, Ordering::Release);
    }

    /// Notes that every tile may have changed.
    pub fn note_all(&self) {
        let next = self.generation() + 1;
        self.all.store(next, Ordering::Release);
        self.generation.store(next, Ordering::Release);
    }

    /// Whether a tile may have changed after a generation. `last` is the layer's last zoom.
    #[must_use]
    pub fn changed_since(&self, generation: u64, tile: TileId, last: u8) -> bool {
        let at = if tile.z() <= last {
            place(tile.z(), tile)
        } else {
            let up = tile.z() - last;
            match TileId::new(last, tile.x() >> up, tile.y() >> up) {
                Some(ancestor) => place(BEYOND, ancestor),
                None => return true,
            }
        };
        self.all.load(Ordering::Acquire) > generation || self.places[at].load(Ordering::Acquire) > generation
    }
}

/// A tile's place (multiplicative hashing, Knuth 1973, §6.4).
fn place(z: u8, tile: TileId) -> usize {
    let key = u64::from(z) << 58 ^ u64::from(tile.x()) << 29 ^ u64::from(tile.y());
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - PLACES.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_known_where_it_was() {
        let clock = TileClock::default();
        let tile = |z, x, y| TileId::new(z, x, y).expect("a tile");
        let mut tiles = TileRanges::default();
        tiles.add_row(10, 400, (800, 802));
        let mut beyond = TileRanges::default();
        beyond.add_row(14, 6400, (12800, 12800));
        let before = clock.generation();
        clock.note(&tiles, &beyond);
        assert!(clock.changed_since(before, tile(10, 801, 400), 14));
        assert!(clock.changed_since(before, tile(16, 51201, 25603), 14));
        assert!(!clock.changed_since(before, tile(10, 803, 400), 14));
        assert!(!clock.changed_since(clock.generation(), tile(10, 801, 400), 14));
        clock.note_all();
        assert!(clock.changed_since(clock.generation() - 1, tile(3, 1, 1), 14));
    }
}
