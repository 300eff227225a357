//! Shut seams: outlines that meet share their vertices.
//!
//! A cut meets a neighbour's border between two of its vertices. Its end is rounded to 1e-8° and so lies up to a
//! millimetre beside that border; without a vertex there the neighbours would differ by a sliver, and each would be
//! simplified in its own way on the map. So the end is put into the neighbour's border as well.

use std::collections::{HashMap, HashSet};

use geo::{Coord, LineString, MultiPolygon, Polygon, Validation};
use rstar::{AABB, RTree};

/// Within which a vertex of a drawing is taken to lie on an edge or on another vertex, degrees; about 2 mm, more than
/// twice what rounding does.
pub const REACH_DEGREES: f64 = 2e-8;

type Vertices = RTree<[f64; 2]>;

/// Makes the drawn outlines of one set share their vertices among themselves, and take over those of outlines that
/// stay as they are. `fixed` is never changed. An outline that would lose its validity stays as it was drawn.
/// `reach` is in degrees. O(n log n) in the number of vertices.
pub fn shut(drawn: &mut [MultiPolygon], fixed: &[MultiPolygon], reach: f64) {
    let mut vertices = RTree::bulk_load(distinct(fixed.iter().flat_map(coords)));
    let mut moved: HashMap<[u64; 2], Coord> = HashMap::new();
    for v in distinct(drawn.iter().flat_map(coords)) {
        match nearest(&vertices, v, reach) {
            Some(there) if bits(there) != bits(v) => drop(moved.insert(bits(v), Coord { x: there[0], y: there[1] })),
            Some(_) => {}
            None => vertices.insert(v),
        }
    }
    for outline in drawn {
        let shut = MultiPolygon::new(outline.0.iter().map(|p| polygon(p, &moved, &vertices, reach)).collect());
        if shut != *outline && (shut.is_valid() || !outline.is_valid()) {
            *outline = shut;
        }
    }
}

fn coords(outline: &MultiPolygon) -> impl Iterator<Item = Coord> {
    outline.0.iter().flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors())).flat_map(|r| r.0.iter().copied())
}

/// Each position once, in the order of their first appearance, so that the same set is always shut in the same way.
fn distinct(coords: impl Iterator<Item = Coord>) -> Vec<[f64; 2]> {
    let mut seen = HashSet::new();
    coords.map(|c| [c.x, c.y]).filter(|c| seen.insert(bits(*c))).collect()
}

fn bits(at: [f64; 2]) -> [u64; 2] {
    at.map(f64::to_bits)
}

fn nearest(vertices: &Vertices, at: [f64; 2], reach: f64) -> Option<[f64; 2]> {
    let there = vertices.nearest_neighbor(&at)?;
    let (dx, dy) = (there[0] - at[0], there[1] - at[1]);
    (dx.hypot(dy) <= reach).then_some(*there)
}

fn polygon(drawn: &Polygon, moved: &HashMap<[u64; 2], Coord>, vertices: &Vertices, reach: f64) -> Polygon {
    let ring = |r: &LineString| ring(r, moved, vertices, reach);
    Polygon::new(ring(drawn.exterior()), drawn.interiors().iter().map(ring).collect())
}

fn ring(drawn: &LineString, moved: &HashMap<[u64; 2], Coord>, vertices: &Vertices, reach: f64) -> LineString {
    let at = |c: &Coord| moved.get(&bits([c.x, c.y])).copied().unwrap_or(*c);
    let mut out: Vec<Coord> = Vec::with_capacity(drawn.0.len() + 4);
    for edge in drawn.0.windows(2) {
        let (from, to) = (at(&edge[0]), at(&edge[1]));
        out.push(from);
        out.extend(between(from, to, vertices, reach));
    }
    out.extend(drawn.0.last().map(at));
    out.dedup();
    if out.len() < 4 { drawn.clone() } else { LineString::new(out) }
}

/// The vertices that lie on the edge, in its direction.
fn between(from: Coord, to: Coord, vertices: &Vertices, reach: f64) -> Vec<Coord> {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let square = dx * dx + dy * dy;
    if square == 0.0 {
        return Vec::new();
    }
    let low = [from.x.min(to.x) - reach, from.y.min(to.y) - reach];
    let high = [from.x.max(to.x) + reach, from.y.max(to.y) + reach];
    let mut on: Vec<(f64, Coord)> = vertices
        .locate_in_envelope(&AABB::from_corners(low, high))
        .filter_map(|v| {
            let (px, py) = (v[0] - from.x, v[1] - from.y);
            let along = (px * dx + py * dy) / square;
            let beside = (px * dy - py * dx).abs() / square.sqrt();
            (along > 0.0 && along < 1.0 && beside <= reach).then_some((along, Coord { x: v[0], y: v[1] }))
        })
        .filter(|(_, v)| *v != from && *v != to)
        .collect();
    on.sort_by(|a, b| a.0.total_cmp(&b.0));
    on.into_iter().map(|(_, v)| v).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::lon_lat::snap;
    use rand::{Rng, SeedableRng};

    fn area(corners: &[(f64, f64)]) -> MultiPolygon {
        let ring = corners.iter().map(|(x, y)| Coord { x: snap(*x), y: snap(*y) }).collect();
        MultiPolygon::new(vec![Polygon::new(LineString::new(ring), vec![])])
    }

    fn edges(outline: &MultiPolygon) -> HashSet<[[u64; 2]; 2]> {
        let exterior = &outline.0[0].exterior().0;
        exterior.windows(2).map(|w| [bits([w[0].x, w[0].y]), bits([w[1].x, w[1].y])]).collect()
    }

    /// Two neighbours with a slanting border; the west one is cut somewhere, in many ways.
    #[test]
    fn a_cut_ends_in_the_neighbours_border_too() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        for _ in 0..200 {
            let (x0, x1) = (117.1 + rng.random_range(-0.01..0.01), 117.1 + rng.random_range(-0.01..0.01));
            let t: f64 = rng.random_range(0.1..0.9);
            let cut = (x0 + (x1 - x0) * t, 25.0 + 0.02 * t);
            let north = area(&[(117.0, 25.02), (117.0, cut.1), cut, (x1, 25.02)]);
            let south = area(&[(117.0, cut.1), (117.0, 25.0), (x0, 25.0), cut]);
            let east = area(&[(117.2, 25.0), (117.2, 25.02), (x1, 25.02), (x0, 25.0)]);
            let mut drawn = [north, south, east];
            shut(&mut drawn, &[], REACH_DEGREES);
            assert_eq!(drawn[2].0[0].exterior().0.len(), 6, "the east has the end of the cut");
            let turned: HashSet<_> = edges(&drawn[2]).into_iter().map(|[a, b]| [b, a]).collect();
            let shared = |k: usize| edges(&drawn[k]).intersection(&turned).count();
            assert_eq!((shared(0), shared(1)), (1, 1), "and its border is that of both, edge by edge");
            let once = drawn.clone();
            shut(&mut drawn, &[], REACH_DEGREES);
            assert_eq!(drawn, once, "nothing is left to shut");
        }
    }

    #[test]
    fn what_stays_is_taken_over_and_not_changed() {
        let fixed = area(&[(117.2, 25.0), (117.2, 25.02), (117.1, 25.02), (117.1, 25.007), (117.1, 25.0)]);
        let before = [fixed];
        let mut drawn = [area(&[(117.0, 25.0), (117.1 + 1e-8, 25.0), (117.1 - 1e-8, 25.02), (117.0, 25.02)])];
        shut(&mut drawn, &before, REACH_DEGREES);
        let want = area(&[(117.0, 25.0), (117.1, 25.0), (117.1, 25.007), (117.1, 25.02), (117.0, 25.02)]);
        assert_eq!(drawn[0], want);
        // Farther than the reach, nothing is drawn together.
        let mut apart = [area(&[(117.0, 25.0), (117.1 - 5e-8, 25.0), (117.1 - 5e-8, 25.02), (117.0, 25.02)])];
        let was = apart.clone();
        shut(&mut apart, &before, REACH_DEGREES);
        assert_eq!(apart, was);
    }
}
