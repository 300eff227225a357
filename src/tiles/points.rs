//! A layer's points as columns that lie in memory in the order tiles read them.

use std::collections::BTreeMap;
use std::ops::Range;

use super::encode::{EXTENT, Unit};
use crate::domain::FeatureId;
use crate::geo::world::{WORLD_BITS, corner, morton_range};
use crate::geo::{TileId, World};

/// Points of a tile of this zoom lie together; deeper tiles are parts of one leaf, others are whole leaves.
const LEAF_ZOOM: u32 = 13;
const LEAF_BITS: u32 = 2 * (WORLD_BITS - LEAF_ZOOM);
/// The buffer is a sixteenth of a tile wide: one tile four zooms deeper.
const BUFFER_ZOOMS: u8 = 4;

/// One point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointRow<'a> {
    /// Its id.
    pub id: FeatureId,
    /// Where.
    pub at: World,
    /// The zooms it shows at, a bit each.
    pub zooms: u32,
    /// Its place in the layer's order of drawing.
    pub rank: i64,
    /// What it can be told apart by, such as its grid.
    pub part: FeatureId,
    /// The numbers of its attributes' values.
    pub values: &'a [u32],
    /// The number of its list of kinds.
    pub kinds: u32,
}

/// Points by leaf, and in it along the Z-order curve.
#[derive(Debug)]
pub struct PointColumns {
    attributes: usize,
    leaves: BTreeMap<u64, Leaf>,
}

/// What a change of a row must keep together.
#[derive(Debug, Clone, Copy)]
struct Fixed {
    code: u64,
    id: FeatureId,
    part: FeatureId,
    rank: i64,
    zooms: u32,
    kinds: u32,
}

#[derive(Debug, Default)]
struct Leaf {
    rows: Vec<Fixed>,
    values: Vec<u32>,
}

impl PointColumns {
    /// None yet, of so many attributes.
    #[must_use]
    pub fn new(attributes: usize) -> Self {
        Self { attributes, leaves: BTreeMap::new() }
    }

    /// Many at once: cheaper in the order of the curve.
    pub fn insert(&mut self, row: PointRow<'_>) {
        let code = row.at.morton();
        let leaf = self.leaves.entry(code >> LEAF_BITS).or_default();
        let at = leaf.rows.partition_point(|r| (r.code, r.id) < (code, row.id));
        let PointRow { id, zooms, rank, part, kinds, .. } = row;
        leaf.rows.insert(at, Fixed { code, id, part, rank, zooms, kinds });
        let values = at * self.attributes;
        leaf.values.splice(values..values, row.values.iter().copied());
    }

    /// Takes a point out of where it was; answers its values and the rest of it.
    pub fn remove(&mut self, id: FeatureId, at: World) -> Option<(Vec<u32>, PointRow<'static>)> {
        let code = at.morton();
        let leaf = self.leaves.get_mut(&(code >> LEAF_BITS))?;
        let index = leaf.rows.binary_search_by_key(&(code, id), |r| (r.code, r.id)).ok()?;
        let row = leaf.rows.remove(index);
        let values = leaf.values.drain(index * self.attributes..(index + 1) * self.attributes).collect();
        if leaf.rows.is_empty() {
            self.leaves.remove(&(code >> LEAF_BITS));
        }
        let Fixed { rank, zooms, part, kinds, .. } = row;
        Some((values, PointRow { id, at, zooms, rank, part, values: &[], kinds }))
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leaves.values().map(|l| l.rows.len()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// Hands out the points of a tile and, where wanted, of its buffer, which show at its zoom: along the curve, those
    /// of one tile unit by their ids. O(log n + points).
    pub fn in_tile(&self, tile: TileId, buffered: bool, mut each: impl FnMut(Unit, PointRow<'_>)) {
        let z = tile.z();
        let to_unit = Units::of(tile);
        // Along the curve, positions of one unit follow one another.
        let unit_bits = 2 * WORLD_BITS.saturating_sub(u32::from(z) + EXTENT.ilog2());
        let mut same_unit: Vec<usize> = Vec::new();
        for (first, last) in if buffered { buffered_ranges(tile) } else { vec![morton_range(z, tile.x(), tile.y())] } {
            for (&key, leaf) in self.leaves.range(first >> LEAF_BITS..=last >> LEAF_BITS) {
                let Range { start: mut at, end } = leaf.within(key, (first, last));
                while at < end {
                    let unit = leaf.rows[at].code.checked_shr(unit_bits);
                    let next = at + 1;
                    if next == end || leaf.rows[next].code.checked_shr(unit_bits) != unit {
                        leaf.hand_out(at, self.attributes, z, &to_unit, &mut each);
                        at = next;
                        continue;
                    }
                    same_unit.clear();
                    same_unit.extend((at..end).take_while(|&k| leaf.rows[k].code.checked_shr(unit_bits) == unit));
                    at += same_unit.len();
                    same_unit.sort_unstable_by_key(|&k| leaf.rows[k].id);
                    for &k in &same_unit {
                        leaf.hand_out(k, self.attributes, z, &to_unit, &mut each);
                    }
                }
            }
        }
    }

    /// How many are in a tile without its buffer, whatever zoom they show at. O(leaves of the tile).
    #[must_use]
    pub fn count_in(&self, tile: TileId) -> usize {
        let (first, last) = morton_range(tile.z(), tile.x(), tile.y());
        let leaves = self.leaves.range(first >> LEAF_BITS..=last >> LEAF_BITS);
        leaves.map(|(&key, leaf)| leaf.within(key, (first, last)).len()).sum()
    }

    /// Memory they hold, bytes.
    #[must_use]
    pub fn resident(&self) -> usize {
        let of = |l: &Leaf| l.rows.capacity() * size_of::<Fixed>() + l.values.capacity() * 4 + size_of::<Leaf>() + 8;
        self.leaves.values().map(of).sum()
    }

    /// The numbers of all values, wherever they are used.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut u32> {
        self.leaves.values_mut().flat_map(|leaf| &mut leaf.values)
    }

    /// Gives back memory kept for growth.
    pub fn shrink(&mut self) {
        for leaf in self.leaves.values_mut() {
            leaf.rows.shrink_to_fit();
            leaf.values.shrink_to_fit();
        }
    }
}

impl Leaf {
    /// Where the rows of a range of the curve are. O(1) if the leaf lies in it whole.
    fn within(&self, key: u64, (first, last): (u64, u64)) -> Range<usize> {
        let whole = first <= key << LEAF_BITS && key << LEAF_BITS | ((1 << LEAF_BITS) - 1) <= last;
        if whole {
            return 0..self.rows.len();
        }
        self.rows.partition_point(|r| r.code < first)..self.rows.partition_point(|r| r.code <= last)
    }

    #[inline]
    fn row(&self, at: usize, attributes: usize) -> PointRow<'_> {
        let Fixed { code, id, part, rank, zooms, kinds } = self.rows[at];
        let values = &self.values[at * attributes..(at + 1) * attributes];
        PointRow { id, at: World::from_morton(code), zooms, rank, part, values, kinds }
    }

    #[inline]
    fn hand_out(&self, at: usize, attributes: usize, z: u8, units: &Units, each: &mut impl FnMut(Unit, PointRow<'_>)) {
        if self.rows[at].zooms >> z & 1 == 1 {
            let row = self.row(at, attributes);
            each(units.floor(row.at), row);
        }
    }
}

/// From positions to the units of one tile.
#[derive(Debug, Clone, Copy)]
pub struct Units {
    corner: World,
    /// Steps of the world to a unit are 2^shift; a negative one is units to a step.
    shift: i32,
}

impl Units {
    /// Those of a tile.
    #[must_use]
    pub fn of(tile: TileId) -> Self {
        Self { corner: corner(tile), shift: unit_shift(tile.z()) }
    }

    /// Those of a zoom from any corner that is a unit's.
    #[must_use]
    pub fn from_corner(corner: World, z: u8) -> Self {
        Self { corner, shift: unit_shift(z) }
    }

    /// The unit a position lies in.
    #[must_use]
    pub fn floor(self, at: World) -> Unit {
        let down = |n: u32, from: u32| shifted(i64::from(n) - i64::from(from), self.shift);
        (down(at.x, self.corner.x), down(at.y, self.corner.y))
    }

    /// The unit nearest to a position.
    #[must_use]
    pub fn round(self, at: World) -> Unit {
        let half = if self.shift > 0 { 1_i64 << (self.shift - 1) } else { 0 };
        let near = |n: u32, from: u32| shifted(i64::from(n) - i64::from(from) + half, self.shift);
        (near(at.x, self.corner.x), near(at.y, self.corner.y))
    }
}

/// How many bits finer a step of the world is than a tile unit of a zoom.
#[must_use]
pub fn unit_shift(z: u8) -> i32 {
    WORLD_BITS as i32 - i32::from(z) - EXTENT.ilog2() as i32
}

/// Steps as units. What is farther off than any tile's business stays out there.
fn shifted(n: i64, shift: i32) -> i32 {
    let units = if shift >= 0 { n >> shift } else { n << -shift };
    units.clamp(-(1 << 30), 1 << 30) as i32
}

/// The tiles of a zoom a point is in, with the buffer: columns and rows.
#[must_use]
pub fn tiles_around(at: World, z: u8) -> ((i64, i64), (i64, i64)) {
    let shift = WORLD_BITS - u32::from(z + BUFFER_ZOOMS);
    let around = |n: u32| {
        let cell = i64::from(n >> shift);
        ((cell - 1) >> BUFFER_ZOOMS, (cell + 1) >> BUFFER_ZOOMS)
    };
    (around(at.x), around(at.y))
}

/// The buffered tile as ranges of the curve, in order.
fn buffered_ranges(tile: TileId) -> Vec<(u64, u64)> {
    let z = tile.z() + BUFFER_ZOOMS;
    let side = 1_i64 << BUFFER_ZOOMS;
    let last = (1_i64 << z) - 1;
    let (x0, y0) = (i64::from(tile.x()) * side, i64::from(tile.y()) * side);
    let mut ranges = vec![morton_range(tile.z(), tile.x(), tile.y())];
    for k in -1..=side {
        for (x, y) in [(x0 + k, y0 - 1), (x0 + k, y0 + side), (x0 - 1, y0 + k), (x0 + side, y0 + k)] {
            if (0..=last).contains(&x) && (0..=last).contains(&y) {
                ranges.push(morton_range(z, x as u32, y as u32));
            }
        }
    }
    ranges.sort_unstable();
    // The corners came twice; cells that follow one another are one range.
    ranges.dedup_by(|next, last| {
        let meets = next.0 <= last.1.saturating_add(1);
        if meets {
            last.1 = last.1.max(next.1);
        }
        meets
    });
    ranges
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn row(id: FeatureId, at: World, values: &[u32]) -> PointRow<'_> {
        PointRow { id, at, zooms: u32::MAX, rank: 0, part: 0, values, kinds: 0 }
    }

    #[test]
    fn a_tile_has_its_points_and_its_buffers_whatever_came_and_went() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let middle = World::of(117.0, 25.0);
        let mut columns = PointColumns::new(2);
        let mut known: BTreeMap<FeatureId, World> = BTreeMap::new();
        for id in 0..4000 {
            // Many in one unit, some in one place.
            let spread = [1 << 6, 1 << 16, 1 << 22][rng.random_range(0..3)];
            let at = World { x: middle.x + rng.random_range(0..spread), y: middle.y - rng.random_range(0..spread) };
            columns.insert(row(id, at, &[id as u32, 7]));
            known.insert(id, at);
            if rng.random_bool(0.3) {
                let (&gone, &was) = known.iter().nth(rng.random_range(0..known.len())).expect("some");
                assert_eq!(columns.remove(gone, was).expect("there").0, [gone as u32, 7]);
                known.remove(&gone);
            }
        }
        assert_eq!(columns.len(), known.len());
        for z in 6..=20 {
            let tile = TileId::containing(z, 117.0, 25.0);
            let units = Units::of(tile);
            let inside = |u: i32| (-256..4096 + 256).contains(&u);
            let mut expected: Vec<(FeatureId, Unit)> = known
                .iter()
                .map(|(id, at)| (*id, units.floor(*at)))
                .filter(|(_, unit)| inside(unit.0) && inside(unit.1))
                .collect();
            let mut found = Vec::new();
            columns.in_tile(tile, true, |unit, row| {
                assert_eq!(FeatureId::from(row.values[0]), row.id);
                found.push((row.id, unit));
            });
            let in_order = found.windows(2).all(|w| w[0].1 != w[1].1 || w[0].0 < w[1].0);
            assert!(in_order, "z{z}: points of one unit come by their ids");
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected, "z{z}");
            for at in known.values() {
                let ((x0, x1), (y0, y1)) = tiles_around(*at, z);
                let unit = units.floor(*at);
                let told = (x0..=x1).contains(&i64::from(tile.x())) && (y0..=y1).contains(&i64::from(tile.y()));
                assert_eq!(told, inside(unit.0) && inside(unit.1), "z{z}");
            }
        }
        columns.shrink();
        assert!(columns.resident() > known.len() * size_of::<Fixed>());
    }
}
