//! Sets of tiles as ranges, zoom by zoom.

use super::TileId;

/// Tiles of one zoom from a north-west one to a south-east one, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileRange {
    /// Zoom.
    pub z: u8,
    /// First column.
    pub x_min: u32,
    /// First row.
    pub y_min: u32,
    /// Last column.
    pub x_max: u32,
    /// Last row.
    pub y_max: u32,
}

impl TileRange {
    /// How many tiles.
    #[must_use]
    pub fn len(&self) -> u64 {
        u64::from(self.x_max - self.x_min + 1) * u64::from(self.y_max - self.y_min + 1)
    }

    /// Never: a range has at least one tile.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// All its tiles.
    pub fn tiles(self) -> impl Iterator<Item = TileId> {
        (self.y_min..=self.y_max)
            .flat_map(move |y| (self.x_min..=self.x_max).filter_map(move |x| TileId::new(self.z, x, y)))
    }
}

/// A set of tiles.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TileRanges(Vec<TileRange>);

impl TileRanges {
    /// Adds columns `x_min` to `x_max` of one row. What lies beyond the grid is left out.
    pub fn add_row(&mut self, z: u8, y: i64, (x_min, x_max): (i64, i64)) {
        let last = (1_i64 << z) - 1;
        if (0..=last).contains(&y) && x_max >= 0 && x_min <= last && x_min <= x_max {
            let (x_min, x_max, y) = (x_min.max(0) as u32, x_max.min(last) as u32, y as u32);
            self.0.push(TileRange { z, x_min, y_min: y, x_max, y_max: y });
        }
    }

    /// Adds one tile.
    pub fn add_tile(&mut self, z: u8, (x, y): (u32, u32)) {
        self.add_row(z, i64::from(y), (i64::from(x), i64::from(x)));
    }

    /// Adds those of another set.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Joins what overlaps or meets: each tile is then in one range alone, and the ranges are in order.
    pub fn join(&mut self) {
        // Along the rows first, then rows of the same columns.
        self.0 = self
            .0
            .iter()
            .flat_map(|r| (r.y_min..=r.y_max).map(move |y| TileRange { y_min: y, y_max: y, ..*r }))
            .collect();
        self.0.sort_unstable_by_key(|r| (r.z, r.y_min, r.x_min));
        self.0.dedup_by(|next, last| {
            let meets = next.z == last.z && next.y_min == last.y_min && next.x_min <= last.x_max.saturating_add(1);
            if meets {
                last.x_max = last.x_max.max(next.x_max);
            }
            meets
        });
        self.0.sort_unstable_by_key(|r| (r.z, r.x_min, r.x_max, r.y_min));
        self.0.dedup_by(|next, last| {
            let meets =
                (next.z, next.x_min, next.x_max) == (last.z, last.x_min, last.x_max) && next.y_min == last.y_max + 1;
            if meets {
                last.y_max = next.y_max;
            }
            meets
        });
    }

    /// The ranges.
    #[must_use]
    pub fn ranges(&self) -> &[TileRange] {
        &self.0
    }

    /// Whether no tile is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a tile is in it.
    #[must_use]
    pub fn contains(&self, tile: TileId) -> bool {
        self.0.iter().any(|r| {
            r.z == tile.z() && (r.x_min..=r.x_max).contains(&tile.x()) && (r.y_min..=r.y_max).contains(&tile.y())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_join_to_blocks_and_nothing_beyond_the_grid_is_kept() {
        let mut set = TileRanges::default();
        for y in [3, 2, 4, -1, 8] {
            set.add_row(3, y, (1, 2));
            set.add_row(3, y, (3, 9));
        }
        set.add_row(2, 0, (-5, -1));
        set.join();
        assert_eq!(set.ranges(), [TileRange { z: 3, x_min: 1, y_min: 2, x_max: 7, y_max: 4 }]);
        assert!(
            set.contains(TileId::new(3, 7, 3).expect("a tile")) && !set.contains(TileId::new(2, 3, 3).expect("a tile"))
        );
        assert_eq!(set.ranges()[0].tiles().count() as u64, set.ranges()[0].len());
    }
}
