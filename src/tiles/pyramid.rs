//! Counts of points by cell, zoom by zoom, that follow as points come, move and go.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::encode::{EXTENT, Unit};
use crate::domain::FeatureId;
use crate::geo::World;
use crate::geo::world::{WORLD_BITS, morton_range};

/// A cell is a tile this many zooms deeper: 64 pixels of a tile 512 wide.
pub const CELL_ZOOMS: u8 = 3;

/// What a cell holds: exact, so that taking a point out leaves what was there before it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sum {
    /// Points.
    pub count: u32,
    x: u64,
    y: u64,
    /// Points of each kind that is counted, by the kind's number; as long as the highest number needs.
    pub kinds: Vec<u32>,
}

/// A point as cells count it.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// Where.
    pub at: World,
    /// What it can be told apart by, such as its grid.
    pub part: FeatureId,
    /// The zooms it shows at, a bit each.
    pub zooms: u32,
    /// The numbers of the kinds it is of.
    pub kinds: &'a [u16],
}

impl Sum {
    fn add(&mut self, point: &Counted<'_>) {
        self.count += 1;
        self.x += u64::from(point.at.x);
        self.y += u64::from(point.at.y);
        for &kind in point.kinds {
            let at = usize::from(kind);
            if self.kinds.len() <= at {
                self.kinds.resize(at + 1, 0);
            }
            self.kinds[at] += 1;
        }
    }

    fn take(&mut self, point: &Counted<'_>) {
        self.count -= 1;
        self.x -= u64::from(point.at.x);
        self.y -= u64::from(point.at.y);
        for &kind in point.kinds {
            self.kinds[usize::from(kind)] -= 1;
        }
        while self.kinds.last() == Some(&0) {
            self.kinds.pop();
        }
    }

    /// Adds another cell's points.
    pub fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.x += other.x;
        self.y += other.y;
        if self.kinds.len() < other.kinds.len() {
            self.kinds.resize(other.kinds.len(), 0);
        }
        self.kinds.iter_mut().zip(&other.kinds).for_each(|(a, b)| *a += b);
    }

    /// The points' mean. Undefined for none.
    #[must_use]
    pub fn mean(&self) -> World {
        let n = u64::from(self.count.max(1));
        World { x: (self.x / n) as u32, y: (self.y / n) as u32 }
    }
}

/// The cells of each zoom at which a layer's points are clusters.
#[derive(Debug)]
pub struct Pyramid {
    zooms: RangeInclusive<u8>,
    /// By zoom, then by place along the Z-order curve of cells.
    levels: Vec<BTreeMap<u64, Sum>>,
    /// The cells of the last zoom by cell, part and the zooms its points show at: what a viewer of some parts counts.
    leaves: BTreeMap<(u64, FeatureId, u32), Sum>,
}

impl Pyramid {
    /// An empty one for some zooms.
    #[must_use]
    pub fn new(zooms: RangeInclusive<u8>) -> Self {
        Self { levels: zooms.clone().map(|_| BTreeMap::new()).collect(), zooms, leaves: BTreeMap::new() }
    }

    /// The zooms it is for.
    #[must_use]
    pub fn zooms(&self) -> RangeInclusive<u8> {
        self.zooms.clone()
    }

    /// Counts a point.
    pub fn add(&mut self, point: &Counted<'_>) {
        for (z, level) in self.zooms.clone().zip(&mut self.levels) {
            if point.zooms >> z & 1 == 1 {
                level.entry(cell(point.at, z)).or_default().add(point);
            }
        }
        self.leaves.entry(self.leaf(point)).or_default().add(point);
    }

    /// Counts a point that was counted no more.
    pub fn take(&mut self, point: &Counted<'_>) {
        for (z, level) in self.zooms.clone().zip(&mut self.levels) {
            if point.zooms >> z & 1 == 1 {
                take_from(level, cell(point.at, z), point);
            }
        }
        let leaf = self.leaf(point);
        take_from(&mut self.leaves, leaf, point);
    }

    fn leaf(&self, point: &Counted<'_>) -> (u64, FeatureId, u32) {
        (cell(point.at, *self.zooms.end()), point.part, point.zooms)
    }

    /// What the cell of a point holds at a zoom.
    #[must_use]
    pub fn cell_of(&self, at: World, z: u8) -> Option<&Sum> {
        self.levels[usize::from(z - self.zooms.start())].get(&cell(at, z))
    }

    /// The cells of a tile, in the order of the curve.
    pub fn in_tile(&self, z: u8, x: u32, y: u32) -> impl Iterator<Item = &Sum> {
        let (first, last) = cells(z, (x, y), z);
        self.levels[usize::from(z - self.zooms.start())].range(first..=last).map(|(_, sum)| sum)
    }

    /// The cells of a tile, counting only points of some parts.
    #[must_use]
    pub fn in_tile_of(&self, z: u8, x: u32, y: u32, parts: &BTreeSet<FeatureId>) -> Vec<Sum> {
        let end = *self.zooms.end();
        let (first, last) = cells(z, (x, y), end);
        let mut found: BTreeMap<u64, Sum> = BTreeMap::new();
        let range = (first, FeatureId::MIN, 0)..=(last, FeatureId::MAX, u32::MAX);
        for ((leaf, part, zooms), sum) in self.leaves.range(range) {
            if zooms >> z & 1 == 1 && parts.contains(part) {
                found.entry(leaf >> (2 * (end - z))).or_default().join(sum);
            }
        }
        found.into_values().collect()
    }

    /// Memory it holds, bytes, about.
    #[must_use]
    pub fn resident(&self) -> usize {
        let cells = self.levels.iter().map(BTreeMap::len).sum::<usize>() + self.leaves.len();
        let kinds = |sum: &Sum| sum.kinds.capacity() * size_of::<u32>();
        let counted: usize = self.levels.iter().flat_map(BTreeMap::values).chain(self.leaves.values()).map(kinds).sum();
        // A B-tree's nodes are two thirds full.
        cells * (size_of::<Sum>() + size_of::<(u64, FeatureId, u32)>()) * 3 / 2 + counted
    }
}

fn take_from<K: Ord>(level: &mut BTreeMap<K, Sum>, key: K, point: &Counted<'_>) {
    if let std::collections::btree_map::Entry::Occupied(mut entry) = level.entry(key) {
        entry.get_mut().take(point);
        if entry.get().count == 0 {
            entry.remove();
        }
    }
}

fn cell(at: World, z: u8) -> u64 {
    at.morton() >> (2 * (WORLD_BITS - u32::from(z + CELL_ZOOMS)))
}

/// The first and the last cell of the zoom `of` in a tile.
fn cells(z: u8, (x, y): (u32, u32), of: u8) -> (u64, u64) {
    let (first, last) = morton_range(z, x, y);
    let open = 2 * (WORLD_BITS - u32::from(of + CELL_ZOOMS));
    (first >> open, last >> open)
}

/// Joins points of a tile by its cells, `per_side` of them along each side; in the order of rows.
pub fn gather<'a>(points: impl Iterator<Item = (Unit, &'a [u16])>, per_side: i32) -> Vec<(Unit, Sum)> {
    let side = EXTENT as i32 / per_side;
    let mut found: BTreeMap<Unit, Sum> = BTreeMap::new();
    for ((x, y), kinds) in points {
        let inside = 0..EXTENT as i32;
        if inside.contains(&x) && inside.contains(&y) {
            let at = World { x: x as u32, y: y as u32 };
            found.entry((y / side, x / side)).or_default().add(&Counted { at, part: 0, zooms: 0, kinds });
        }
    }
    let unit = |sum: &Sum| (sum.mean().x as i32, sum.mean().y as i32);
    found.into_values().map(|sum| (unit(&sum), sum)).collect()
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    struct Point {
        at: World,
        part: FeatureId,
        zooms: u32,
        kinds: Vec<u16>,
    }

    impl Point {
        fn random(rng: &mut ChaCha8Rng) -> Self {
            Self {
                at: World { x: rng.random_range(1 << 30..1 << 31), y: rng.random_range(1 << 30..1 << 31) },
                part: rng.random_range(0..4),
                zooms: if rng.random_bool(0.9) { u32::MAX } else { 1 << 5 },
                kinds: (0..6).filter(|_| rng.random_bool(0.2)).collect(),
            }
        }

        fn counted(&self) -> Counted<'_> {
            Counted { at: self.at, part: self.part, zooms: self.zooms, kinds: &self.kinds }
        }
    }

    /// The tile's cells counted anew.
    fn by_hand(points: &[Point], (z, x, y): (u8, u32, u32), parts: Option<&BTreeSet<FeatureId>>) -> Vec<Sum> {
        let mut cells: BTreeMap<u64, Sum> = BTreeMap::new();
        let shown =
            |p: &&Point| p.zooms >> z & 1 == 1 && p.at.tile(z) == (x, y) && parts.is_none_or(|s| s.contains(&p.part));
        for point in points.iter().filter(shown) {
            cells.entry(cell(point.at, z)).or_default().add(&point.counted());
        }
        cells.into_values().collect()
    }

    #[test]
    fn counts_stay_exact_while_points_come_move_and_go() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut pyramid = Pyramid::new(2..=7);
        let mut points: Vec<Point> = Vec::new();
        for step in 0..3000 {
            if points.len() < 100 || rng.random_bool(0.55) {
                points.push(Point::random(&mut rng));
                pyramid.add(&points[points.len() - 1].counted());
            } else {
                let gone = points.swap_remove(rng.random_range(0..points.len()));
                pyramid.take(&gone.counted());
            }
            if step % 100 == 0 {
                let z = rng.random_range(2..=7);
                let (x, y) = points[0].at.tile(z);
                let found: Vec<Sum> = pyramid.in_tile(z, x, y).cloned().collect();
                assert_eq!(found, by_hand(&points, (z, x, y), None), "z{z}");
                let parts = BTreeSet::from([1, 3]);
                assert_eq!(pyramid.in_tile_of(z, x, y, &parts), by_hand(&points, (z, x, y), Some(&parts)), "z{z}");
            }
        }
        for point in &points {
            pyramid.take(&point.counted());
        }
        assert!(pyramid.leaves.is_empty() && pyramid.levels.iter().all(BTreeMap::is_empty));
    }
}
