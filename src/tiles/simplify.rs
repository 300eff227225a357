//! From which zoom each position of an outline is kept.
//!
//! Outlines are cut where three or more edges of the layer meet, and each piece is simplified for itself, always from
//! the same end: neighbours that share it keep the same positions, so that nothing gapes between them. A stretch is
//! drawn straight only where no other position of the layer lies between it and the straight line; then no two
//! simplified lines cross (de Berg, van Kreveld, Schirra 1998).

use std::collections::{HashMap, HashSet};

use rstar::{AABB, RTree};

use super::outline::{Outline, OutlineKind};
use super::points::unit_shift;
use crate::geo::World;

/// Positions no farther apart than this along either axis are one, steps of the world: rounding alone sets them apart.
const SAME: f64 = 3.0;
/// A position no farther from an edge than this lies on it, steps of the world: 30 cm at the equator, two tile units of
/// zoom 16. Surveys of neighbours that were digitised apart differ by so much.
pub const NEXT_TO: f64 = 32.0;

/// How far edges may stray by zoom, steps of the world.
#[derive(Debug, Clone, PartialEq)]
pub struct Tolerances {
    first: u8,
    /// From the first zoom on; the zoom after the last keeps everything.
    steps: Vec<f64>,
}

impl Tolerances {
    /// For zooms `first` to below `last`; pixels of a tile 512 wide by zoom. From `last` on everything is kept.
    pub fn new(first: u8, last: u8, pixels: impl Fn(u8) -> f64) -> Self {
        let steps = (first..last).map(|z| pixels(z) * 8.0 * f64::powi(2.0, unit_shift(z))).collect();
        Self { first, steps }
    }

    /// The zoom from which a position is kept that strays so far without it.
    fn kept_from(&self, strays: f64) -> u8 {
        let dropped = self.steps.iter().take_while(|tolerance| strays <= **tolerance).count();
        self.first + dropped as u8
    }

    fn greatest(&self) -> f64 {
        self.steps.first().copied().unwrap_or(0.0)
    }
}

/// How the edges of a layer's areas meet.
#[derive(Debug, Default)]
pub struct Topology {
    /// The positions next to each, each with how many edges lead there.
    neighbours: HashMap<World, Vec<(World, u32)>>,
    positions: RTree<[f64; 2]>,
}

impl Topology {
    /// Of many outlines.
    #[must_use]
    pub fn of<'a>(outlines: impl Iterator<Item = &'a Outline>) -> Self {
        let mut topology = Self::default();
        for outline in outlines {
            each_edge(outline, |a, b| {
                topology.join(a, b);
                topology.join(b, a);
            });
        }
        topology.positions = RTree::bulk_load(topology.neighbours.keys().map(|at| point(*at)).collect());
        topology
    }

    /// Adds an outline's edges.
    pub fn add(&mut self, outline: &Outline) {
        each_edge(outline, |a, b| {
            for (a, b) in [(a, b), (b, a)] {
                if !self.neighbours.contains_key(&a) {
                    self.positions.insert(point(a));
                }
                self.join(a, b);
            }
        });
    }

    /// Takes an outline's edges out.
    pub fn take(&mut self, outline: &Outline) {
        each_edge(outline, |a, b| {
            for (a, b) in [(a, b), (b, a)] {
                let Some(others) = self.neighbours.get_mut(&a) else { continue };
                if let Some(at) = others.iter().position(|(other, _)| *other == b) {
                    others[at].1 -= 1;
                    if others[at].1 == 0 {
                        others.swap_remove(at);
                    }
                }
                if others.is_empty() {
                    self.neighbours.remove(&a);
                    self.positions.remove(&point(a));
                }
            }
        });
    }

    fn join(&mut self, a: World, b: World) {
        let others = self.neighbours.entry(a).or_default();
        match others.iter_mut().find(|(other, _)| *other == b) {
            Some((_, edges)) => *edges += 1,
            None => others.push((b, 1)),
        }
    }

    /// An outline that meets its neighbours: positions of others that are all but its own become its own, and those on
    /// its edges, or next to them, are positions of its edges too. Where one area's corner lies on another's side, both
    /// then have the corner. `None` where it meets them already.
    #[must_use]
    pub fn noded(&self, outline: &Outline) -> Option<Outline> {
        let snapped = outline.map_positions(|at| self.near(at, at, SAME).min().unwrap_or(at));
        let mut own: HashSet<World> = snapped.positions().iter().copied().collect();
        let noded = snapped.map_edges(|a, b| {
            let mut on_edge: Vec<(f64, World)> = self
                .near(a, b, NEXT_TO)
                .filter(|at| {
                    !own.contains(at) && distance(*at, a, b) <= NEXT_TO && self.near(*at, *at, SAME).all(|o| o >= *at)
                })
                .map(|at| (distance(at, a, a), at))
                .collect();
            on_edge.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
            own.extend(on_edge.iter().map(|(_, at)| *at));
            on_edge.into_iter().map(|(_, at)| at).collect()
        });
        (!noded.is_same_place(outline)).then_some(noded)
    }

    /// The positions in the box around two, so much wider on each side.
    fn near(&self, a: World, b: World, by: f64) -> impl Iterator<Item = World> {
        let low = [f64::from(a.x.min(b.x)) - by, f64::from(a.y.min(b.y)) - by];
        let high = [f64::from(a.x.max(b.x)) + by, f64::from(a.y.max(b.y)) + by];
        let found = self.positions.locate_in_envelope(&AABB::from_corners(low, high));
        found.map(|p| World { x: p[0] as u32, y: p[1] as u32 })
    }

    /// Whether edges of more than one line meet at a position, or one ends.
    fn is_junction(&self, at: World) -> bool {
        self.neighbours.get(&at).is_some_and(|others| others.len() != 2)
    }

    /// Whether a position other than its own lies between a stretch and the straight line that replaces it.
    fn is_in_the_way(&self, stretch: &[World], strays: f64) -> bool {
        let (first, last) = (stretch[0], stretch[stretch.len() - 1]);
        let of = |pick: fn(&World) -> u32| (stretch.iter().map(pick).min(), stretch.iter().map(pick).max());
        let ((Some(west), Some(east)), (Some(north), Some(south))) = (of(|p| p.x), of(|p| p.y)) else { return false };
        self.near(World { x: west, y: north }, World { x: east, y: south }, 0.0).any(|at| {
            at != first
                && at != last
                && distance(at, first, last) <= strays
                && !stretch.contains(&at)
                && is_enclosed(at, stretch)
        })
    }
}

/// The zoom from which each position of an outline is kept.
#[must_use]
pub fn kept_from(outline: &Outline, topology: Option<&Topology>, tolerances: &Tolerances) -> Vec<u8> {
    let all = outline.positions().len();
    if tolerances.greatest() <= 0.0 || outline.kind() == OutlineKind::Points {
        return vec![0; all];
    }
    let mut kept = Vec::with_capacity(all);
    for part in outline.parts() {
        match outline.kind() {
            OutlineKind::Areas => ring(part, topology, tolerances, &mut kept),
            _ => stretch(part, topology, tolerances, &mut kept),
        }
    }
    kept
}

/// A ring, cut at its junctions; without any at its least position and the one farthest from it.
fn ring(ring: &[World], topology: Option<&Topology>, tolerances: &Tolerances, kept: &mut Vec<u8>) {
    let mut ends: Vec<usize> =
        (0..ring.len()).filter(|&at| topology.is_some_and(|t| t.is_junction(ring[at]))).collect();
    if ends.is_empty() {
        let least = (0..ring.len()).min_by_key(|&at| ring[at]).unwrap_or(0);
        ends.push(least);
    }
    if let [only] = ends[..] {
        let squared = |at: usize| {
            let (dx, dy) =
                (f64::from(ring[at].x) - f64::from(ring[only].x), f64::from(ring[at].y) - f64::from(ring[only].y));
            dx * dx + dy * dy
        };
        let farther = |a: &usize, b: &usize| squared(*a).total_cmp(&squared(*b)).then_with(|| ring[*b].cmp(&ring[*a]));
        if let Some(farthest) = (0..ring.len()).max_by(farther) {
            ends.push(farthest);
            ends.sort_unstable();
        }
    }
    let start = kept.len();
    kept.resize(start + ring.len(), 0);
    for (k, &from) in ends.iter().enumerate() {
        let to = ends.get(k + 1).copied().unwrap_or(ends[0] + ring.len());
        let piece: Vec<World> = (from..=to).map(|at| ring[at % ring.len()]).collect();
        let mut zooms = Vec::with_capacity(piece.len());
        stretch(&piece, topology, tolerances, &mut zooms);
        // The ends are kept by what they are.
        for (at, zoom) in (from + 1..to).zip(&zooms[1..]) {
            kept[start + at % ring.len()] = *zoom;
        }
    }
}

/// A stretch between two positions that are always kept (Douglas and Peucker 1973), from its lesser end.
fn stretch(line: &[World], topology: Option<&Topology>, tolerances: &Tolerances, kept: &mut Vec<u8>) {
    let start = kept.len();
    kept.resize(start + line.len(), 0);
    let backwards =
        line.last() < line.first() || line.last() == line.first() && line.len() > 2 && line[line.len() - 2] < line[1];
    let mut turned: Vec<World> = line.to_vec();
    if backwards {
        turned.reverse();
    }
    let mut open = vec![(0, line.len() - 1, f64::INFINITY)];
    while let Some((from, to, within)) = open.pop() {
        if to - from < 2 {
            continue;
        }
        let (a, b) = (turned[from], turned[to]);
        let (mut far, mut strays) = (from + 1, -1.0);
        for (at, &position) in turned.iter().enumerate().take(to).skip(from + 1) {
            let here = distance(position, a, b);
            if here > strays {
                (far, strays) = (at, here);
            }
        }
        let greatest = tolerances.greatest();
        let must_stay = strays <= greatest
            && within > 0.0
            && topology.is_some_and(|t| t.is_in_the_way(&turned[from..=to], strays + 1.0));
        let worth = if must_stay { within } else { strays.min(within) };
        let place = if backwards { line.len() - 1 - far } else { far };
        kept[start + place] = if worth > greatest { 0 } else { tolerances.kept_from(worth) };
        open.extend([(from, far, worth), (far, to, worth)]);
    }
}

fn each_edge(outline: &Outline, mut edge: impl FnMut(World, World)) {
    for part in outline.parts() {
        part.windows(2).for_each(|w| edge(w[0], w[1]));
        if outline.kind() == OutlineKind::Areas
            && let (Some(first), Some(last)) = (part.first(), part.last())
        {
            edge(*last, *first);
        }
    }
}

fn point(at: World) -> [f64; 2] {
    [f64::from(at.x), f64::from(at.y)]
}

/// From a position to a segment, steps.
fn distance(p: World, a: World, b: World) -> f64 {
    let apart = |n: u32, m: u32| f64::from(n) - f64::from(m);
    let (dx, dy) = (apart(b.x, a.x), apart(b.y, a.y));
    let (ex, ey) = (apart(p.x, a.x), apart(p.y, a.y));
    let length = dx * dx + dy * dy;
    let t = if length == 0.0 { 0.0 } else { ((ex * dx + ey * dy) / length).clamp(0.0, 1.0) };
    (ex - dx * t).hypot(ey - dy * t)
}

/// Whether a position lies between a stretch and the straight line between its ends, or on that line (even–odd).
fn is_enclosed(p: World, stretch: &[World]) -> bool {
    let wide = |at: World| (i64::from(at.x), i64::from(at.y));
    let p = wide(p);
    let next = stretch.iter().cycle().skip(1);
    let mut inside = false;
    for (a, b) in stretch.iter().zip(next).map(|(a, b)| (wide(*a), wide(*b))) {
        let side = i128::from(b.0 - a.0) * i128::from(p.1 - a.1) - i128::from(b.1 - a.1) * i128::from(p.0 - a.0);
        let between = |n: i64, m: i64, at: i64| n.min(m) <= at && at <= n.max(m);
        if side == 0 && between(a.0, b.0, p.0) && between(a.1, b.1, p.1) {
            return true;
        }
        if (a.1 <= p.1) != (b.1 <= p.1) && (side > 0) == (b.1 > a.1) {
            inside = !inside;
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use geo::{LineString, MultiPolygon, Polygon};

    use super::*;
    use crate::geo::Geometry;

    /// Two areas that share a wavy border, and a third in the hollow of a wave.
    fn areas() -> Vec<Outline> {
        let wave = |k: i32| (117.0 + 0.001 * f64::from(k % 2), 25.0 + 0.002 * f64::from(k));
        let border: Vec<(f64, f64)> = (0..30).map(wave).collect();
        let mut west = border.clone();
        west.extend([(116.9, 25.058), (116.9, 25.0)]);
        let mut east: Vec<(f64, f64)> = border.into_iter().rev().collect();
        east.extend([(117.1, 25.0), (117.1, 25.058)]);
        let area =
            |ring: Vec<(f64, f64)>| Outline::of(&Polygon::new(LineString::from(ring), vec![]).into()).expect("an area");
        vec![area(west), area(east)]
    }

    #[test]
    fn neighbours_keep_the_same_positions() {
        let mut areas = areas();
        let topology = Topology::of(areas.iter());
        let tolerances = Tolerances::new(6, 16, |_| 1.0);
        let mut dropped = 0;
        for area in &mut areas {
            let kept = kept_from(area, Some(&topology), &tolerances);
            area.keep(kept, 6..=16);
        }
        for z in 6..=16 {
            let border = |a: &Outline| -> std::collections::BTreeSet<World> {
                let kept = a.positions().iter().enumerate().filter(|(at, _)| a.kept_from(*at) <= z);
                kept.map(|(_, p)| *p)
                    .filter(|p| (World::of(116.95, 25.0).x..World::of(117.05, 25.0).x).contains(&p.x))
                    .collect()
            };
            assert_eq!(border(&areas[0]), border(&areas[1]), "z{z}");
            dropped += 30 - border(&areas[0]).len();
        }
        assert!(dropped > 100, "only {dropped} dropped");
    }

    #[test]
    fn what_lies_in_a_bend_keeps_it_bent() {
        let square = |lon: f64, lat: f64, side: f64| {
            Polygon::new(
                LineString::from(vec![(lon, lat), (lon + side, lat), (lon + side, lat + side), (lon, lat + side)]),
                vec![],
            )
        };
        let bent =
            LineString::from(vec![(117.0, 25.0), (117.01, 25.01), (117.02, 25.0), (117.02, 24.98), (117.0, 24.98)]);
        let bent = Polygon::new(bent, vec![]);
        let alone = Outline::of(&Geometry::MultiPolygon(MultiPolygon(vec![bent]))).expect("an area");
        let inside = Outline::of(&square(117.009, 25.004, 0.002).into()).expect("an area");
        let tolerances = Tolerances::new(6, 16, |_| 20.0);
        let top = alone.positions().iter().position(|p| *p == World::of(117.01, 25.01)).expect("the top");
        let without = kept_from(&alone, Some(&Topology::of(std::iter::once(&alone))), &tolerances);
        let with = kept_from(&alone, Some(&Topology::of([&alone, &inside].into_iter())), &tolerances);
        assert!(with[top] < without[top], "{with:?} {without:?}");
    }

    #[test]
    fn edges_come_and_go() {
        let areas = areas();
        let mut topology = Topology::of(areas.iter());
        let both = topology.neighbours.len();
        topology.take(&areas[1]);
        topology.add(&areas[1]);
        assert_eq!((topology.neighbours.len(), topology.positions.size()), (both, both));
        topology.take(&areas[0]);
        topology.take(&areas[1]);
        assert_eq!((topology.neighbours.len(), topology.positions.size()), (0, 0));
    }
}
