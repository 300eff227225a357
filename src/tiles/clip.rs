//! Cutting what is in tile units to the buffered tile.

use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay::IntOverlayOptions;
use i_overlay::core::simplify::Simplify;
use i_overlay::i_float::int::point::IntPoint;

use super::encode::{EXTENT, Unit};

/// Tile units kept beyond the tile's edge, so that strokes and labels meet across it.
pub const BUFFER: i32 = 256;

const LOW: i32 = -BUFFER;
const HIGH: i32 = EXTENT as i32 + BUFFER;

/// Whether a position lies in the buffered tile.
#[must_use]
pub fn is_inside((x, y): Unit) -> bool {
    (LOW..=HIGH).contains(&x) && (LOW..=HIGH).contains(&y)
}

/// The parts of a line inside the buffered tile (Liang and Barsky 1984, segment by segment), each of at least two
/// different positions.
pub fn clip_line(line: &[Unit], parts: &mut Vec<Vec<Unit>>) {
    let first = parts.len();
    let mut joined = false;
    for pair in line.windows(2) {
        let Some((a, b)) = clip_segment(pair[0], pair[1]) else {
            joined = false;
            continue;
        };
        if joined && a == pair[0] {
            if let Some(part) = parts.last_mut() {
                part.push(b);
            }
        } else {
            parts.push(vec![a, b]);
        }
        joined = b == pair[1];
    }
    for part in &mut parts[first..] {
        part.dedup();
    }
    let mut at = 0;
    parts.retain(|part| {
        at += 1;
        at <= first || part.len() > 1
    });
}

fn clip_segment(a: Unit, b: Unit) -> Option<(Unit, Unit)> {
    if is_inside(a) && is_inside(b) {
        return Some((a, b));
    }
    let wide = |n: i32| f64::from(n);
    let (dx, dy) = (wide(b.0) - wide(a.0), wide(b.1) - wide(a.1));
    let (mut t0, mut t1) = (0.0_f64, 1.0_f64);
    let sides = [
        (-dx, wide(a.0) - wide(LOW)),
        (dx, wide(HIGH) - wide(a.0)),
        (-dy, wide(a.1) - wide(LOW)),
        (dy, wide(HIGH) - wide(a.1)),
    ];
    for (p, q) in sides {
        if p == 0.0 {
            if q < 0.0 {
                return None;
            }
        } else if p < 0.0 {
            t0 = t0.max(q / p);
        } else {
            t1 = t1.min(q / p);
        }
    }
    if t0 > t1 {
        return None;
    }
    let at = |t: f64| ((wide(a.0) + dx * t).round() as i32, (wide(a.1) + dy * t).round() as i32);
    Some((if t0 > 0.0 { at(t0) } else { a }, if t1 < 1.0 { at(t1) } else { b }))
}

/// A ring cut to the buffered tile (Sutherland and Hodgman 1974). Answers how often it crosses a side, the most of any:
/// of a simple ring that crosses none more than twice, what is left is a simple ring.
pub fn clip_ring(ring: &mut Vec<Unit>) -> usize {
    let mut most = 0;
    for side in 0..4 {
        let inside = |p: Unit| match side {
            0 => p.0 >= LOW,
            1 => p.0 <= HIGH,
            2 => p.1 >= LOW,
            _ => p.1 <= HIGH,
        };
        if ring.iter().all(|p| inside(*p)) {
            continue;
        }
        let Some(mut before) = ring.last().copied() else { return most };
        let mut crossings = 0;
        let mut out = Vec::with_capacity(ring.len() + 4);
        for &at in ring.iter() {
            match (inside(before), inside(at)) {
                (true, true) => out.push(at),
                (true, false) => {
                    crossings += 1;
                    out.push(cross(side, before, at));
                }
                (false, true) => {
                    crossings += 1;
                    out.extend([cross(side, before, at), at]);
                }
                (false, false) => {}
            }
            before = at;
        }
        *ring = out;
        most = most.max(crossings);
    }
    most
}

/// Where a segment meets a side. The same from either end, so that neighbours meet in one place.
fn cross(side: u8, a: Unit, b: Unit) -> Unit {
    let (a, b) = if a <= b { (a, b) } else { (b, a) };
    let along = |a: (i32, i32), b: (i32, i32), at: i32| {
        let (x0, y0, x1, y1) = (f64::from(a.0), f64::from(a.1), f64::from(b.0), f64::from(b.1));
        (y0 + (y1 - y0) * (f64::from(at) - x0) / (x1 - x0)).round() as i32
    };
    let turned = |p: Unit| (p.1, p.0);
    match side {
        0 => (LOW, along(a, b, LOW)),
        1 => (HIGH, along(a, b, HIGH)),
        2 => (along(turned(a), turned(b), LOW), LOW),
        _ => (along(turned(a), turned(b), HIGH), HIGH),
    }
}

/// Takes out positions that lie on the line between their neighbours, or where the ring turns straight back.
pub fn drop_needless(ring: &mut Vec<Unit>) {
    let is_needless = |a: Unit, b: Unit, c: Unit| {
        let (dx, dy) = (i64::from(b.0) - i64::from(a.0), i64::from(b.1) - i64::from(a.1));
        dx * (i64::from(c.1) - i64::from(b.1)) == dy * (i64::from(c.0) - i64::from(b.0))
    };
    let mut kept = 0;
    for at in 0..ring.len() {
        ring[kept] = ring[at];
        kept += 1;
        while kept > 2 && is_needless(ring[kept - 3], ring[kept - 2], ring[kept - 1]) {
            ring[kept - 2] = ring[kept - 1];
            kept -= 1;
        }
        if kept > 1 && ring[kept - 2] == ring[kept - 1] {
            kept -= 1;
        }
    }
    ring.truncate(kept);
    // The end meets the beginning.
    let mut first = 0;
    while ring.len() - first > 2 {
        let (n, last) = (ring.len(), ring[ring.len() - 1]);
        if last == ring[first] || is_needless(ring[n - 2], last, ring[first]) {
            ring.pop();
        } else if is_needless(last, ring[first], ring[first + 1]) {
            first += 1;
        } else {
            break;
        }
    }
    ring.drain(..first);
}

/// Twice the area: positive for a ring that runs clockwise as seen on the tile (surveyor's formula, y to the south).
#[must_use]
pub fn doubled_area(ring: &[Unit]) -> i64 {
    let wide = |p: Unit| (i64::from(p.0), i64::from(p.1));
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| (wide(*a), wide(*b))).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum()
}

/// Rings that may touch or cross themselves or one another as valid polygons: of what winds around any place.
#[must_use]
pub fn valid(rings: &[Vec<Unit>]) -> Vec<Vec<Unit>> {
    let contours: Vec<Vec<IntPoint>> =
        rings.iter().map(|r| r.iter().map(|p| IntPoint::new(p.0, p.1)).collect()).collect();
    let shapes = contours.simplify(FillRule::NonZero, IntOverlayOptions::ogc());
    let mut found: Vec<Vec<Unit>> =
        shapes.into_iter().flatten().map(|ring| ring.into_iter().map(|p| (p.x, p.y)).collect()).collect();
    // The library takes some holes that touch their exterior for exteriors, and puts holes behind others' exteriors
    // where those touch: what is within a ring says what it is.
    let is_exterior: Vec<bool> = found.iter().map(|ring| winds_within(ring, &found, rings)).collect();
    for (ring, exterior) in found.iter_mut().zip(&is_exterior) {
        if (doubled_area(ring) > 0) != *exterior {
            ring.reverse();
        }
    }
    let (exteriors, holes): (Vec<_>, Vec<_>) = found.into_iter().partition(|ring| doubled_area(ring) > 0);
    by_exterior(exteriors, holes)
}

/// Whether `given` rings wind around what lies just within the western side of a ring. `all` are the rings nothing else
/// lies between.
fn winds_within(ring: &[Unit], all: &[Vec<Unit>], given: &[Vec<Unit>]) -> bool {
    // Between two rows no ring has a position.
    let row = f64::from(ring.iter().map(|p| p.1).min().unwrap_or(0)) + 0.5;
    let crossings = |ring: &[Unit]| -> Vec<(f64, i32)> {
        let next = ring.iter().cycle().skip(1);
        let meets = ring.iter().zip(next).filter(|(a, b)| (f64::from(a.1) < row) != (f64::from(b.1) < row));
        meets
            .map(|(a, b)| {
                let t = (row - f64::from(a.1)) / (f64::from(b.1) - f64::from(a.1));
                (f64::from(a.0) + (f64::from(b.0) - f64::from(a.0)) * t, if a.1 < b.1 { 1 } else { -1 })
            })
            .collect()
    };
    let west = crossings(ring).into_iter().map(|(x, _)| x).fold(f64::INFINITY, f64::min);
    let next = all.iter().flat_map(|r| crossings(r)).map(|(x, _)| x).filter(|x| *x > west);
    let within = f64::midpoint(west, next.fold(f64::INFINITY, f64::min));
    given.iter().flat_map(|r| crossings(r)).filter(|(x, _)| *x < within).map(|(_, turn)| turn).sum::<i32>() != 0
}

/// Puts each hole behind the least exterior around it.
fn by_exterior(exteriors: Vec<Vec<Unit>>, holes: Vec<Vec<Unit>>) -> Vec<Vec<Unit>> {
    let mut groups: Vec<Vec<Vec<Unit>>> = exteriors.into_iter().map(|ring| vec![ring]).collect();
    for hole in holes {
        // Rings touch in positions alone, so the middle of a side lies on no other ring; doubled, it is a whole one.
        let middle = (hole[0].0 + hole[1].0, hole[0].1 + hole[1].1);
        let twice = |ring: &[Unit]| -> Vec<Unit> { ring.iter().map(|p| (p.0 * 2, p.1 * 2)).collect() };
        let around = groups.iter_mut().filter(|group| winding(middle, &twice(&group[0])) != 0);
        if let Some(group) = around.min_by_key(|group| doubled_area(&group[0])) {
            group.push(hole);
        }
    }
    groups.into_iter().flatten().collect()
}

/// Whether no ring touches or crosses itself or another one. O(n log n) for rings that do not crowd.
#[must_use]
pub fn is_simple(rings: &[Vec<Unit>]) -> bool {
    let mut segments: Vec<(Unit, Unit, usize, usize)> = Vec::new();
    for (k, ring) in rings.iter().enumerate() {
        let next = ring.iter().cycle().skip(1);
        segments.extend(ring.iter().zip(next).enumerate().map(|(at, (a, b))| (*a, *b, k, at)));
    }
    segments.sort_unstable_by_key(|s| s.0.0.min(s.1.0));
    for (at, one) in segments.iter().enumerate() {
        let end = one.0.0.max(one.1.0);
        for other in segments[at + 1..].iter().take_while(|s| s.0.0.min(s.1.0) <= end) {
            let n = rings[one.2].len();
            let follows = one.2 == other.2 && ((one.3 + 1) % n == other.3 || (other.3 + 1) % n == one.3);
            if if follows { turns_back(one, other, n) } else { meet((one.0, one.1), (other.0, other.1)) } {
                return false;
            }
        }
    }
    true
}

/// Whether of rings that do not touch each hole lies in the exterior before it, and each exterior outside the others'
/// areas. What is smaller than a unit may be rounded past its neighbour.
#[must_use]
pub fn is_nested(rings: &[Vec<Unit>]) -> bool {
    if rings.len() < 2 {
        return true;
    }
    let mut exterior = 0;
    for (at, ring) in rings.iter().enumerate() {
        if doubled_area(ring) > 0 {
            exterior = at;
            // How often other rings wind around it: its own holes do not, nor do areas it lies beside.
            let around: i32 =
                rings.iter().enumerate().filter(|(k, _)| *k != at).map(|(_, r)| winding(ring[0], r)).sum();
            if around != 0 {
                return false;
            }
        } else if winding(ring[0], &rings[exterior]) == 0 {
            return false;
        }
    }
    true
}

/// How often a ring winds around a position: 1, -1 or 0 for rings that do not cross themselves.
fn winding(p: Unit, ring: &[Unit]) -> i32 {
    let next = ring.iter().cycle().skip(1);
    let mut winds = 0;
    for (a, b) in ring.iter().zip(next) {
        if a.1 <= p.1 && b.1 > p.1 && side(*a, *b, p) > 0 {
            winds += 1;
        } else if a.1 > p.1 && b.1 <= p.1 && side(*a, *b, p) < 0 {
            winds -= 1;
        }
    }
    winds
}

type Segment = (Unit, Unit, usize, usize);

/// Whether of two segments that follow one another one lies on the other.
fn turns_back(one: &Segment, other: &Segment, n: usize) -> bool {
    let (first, second) = if (one.3 + 1) % n == other.3 { (one, other) } else { (other, one) };
    let back = side(first.0, first.1, second.1) == 0;
    let ahead = (i64::from(first.1.0) - i64::from(first.0.0)) * (i64::from(second.1.0) - i64::from(first.1.0))
        + (i64::from(first.1.1) - i64::from(first.0.1)) * (i64::from(second.1.1) - i64::from(first.1.1));
    n == 2 || back && ahead < 0
}

fn side(a: Unit, b: Unit, c: Unit) -> i64 {
    let wide = |n: i32| i64::from(n);
    ((wide(b.0) - wide(a.0)) * (wide(c.1) - wide(a.1)) - (wide(b.1) - wide(a.1)) * (wide(c.0) - wide(a.0))).signum()
}

/// Whether two segments have a position in common.
fn meet((a, b): (Unit, Unit), (c, d): (Unit, Unit)) -> bool {
    let apart = |a: (i32, i32), b: (i32, i32)| a.0.max(a.1) < b.0.min(b.1) || b.0.max(b.1) < a.0.min(a.1);
    if apart((a.1, b.1), (c.1, d.1)) || apart((a.0, b.0), (c.0, d.0)) {
        return false;
    }
    side(a, b, c) * side(a, b, d) <= 0 && side(c, d, a) * side(c, d, b) <= 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_ring_does_not_need_goes_and_corners_stay() {
        let mut ring = vec![(0, 0), (10, 0), (10, 30), (10, 10), (0, 10)];
        drop_needless(&mut ring);
        assert_eq!(ring, [(0, 0), (10, 0), (10, 10), (0, 10)]);
        let mut ring = vec![(5, 0), (10, 0), (10, 10), (0, 10), (0, 0)];
        drop_needless(&mut ring);
        assert_eq!(ring, [(10, 0), (10, 10), (0, 10), (0, 0)]);
        let mut line = vec![(0, 0), (10, 0), (5, 0)];
        drop_needless(&mut line);
        assert!(line.len() < 3);
    }

    #[test]
    fn a_line_that_leaves_and_returns_is_two() {
        let mut parts = Vec::new();
        clip_line(&[(0, 0), (6000, 0), (6000, 100), (0, 100)], &mut parts);
        assert_eq!(parts, [vec![(0, 0), (4352, 0)], vec![(4352, 100), (0, 100)]]);
    }

    #[test]
    fn a_ring_that_leaves_twice_becomes_two_valid_ones() {
        let mut comb =
            vec![(100, 100), (5000, 100), (5000, 200), (300, 200), (300, 300), (5000, 300), (5000, 400), (100, 400)];
        assert!(is_simple(std::slice::from_ref(&comb)));
        assert_eq!(clip_ring(&mut comb), 4);
        let rings = valid(&[comb]);
        assert!(is_simple(&rings) && rings.iter().all(|r| doubled_area(r) > 0));
        let mut twice = vec![
            (4000, 100),
            (5000, 100),
            (5000, 400),
            (4000, 400),
            (4000, 300),
            (4500, 300),
            (4500, 200),
            (4000, 200),
        ];
        clip_ring(&mut twice);
        let rings = valid(&[twice]);
        assert_eq!(rings.len(), 2);
        assert!(is_simple(&rings) && rings.iter().all(|r| doubled_area(r) > 0), "{rings:?}");
    }

    #[test]
    fn a_hole_that_touches_its_exterior_stays_a_hole() {
        let exterior = vec![(0, 0), (50, 0), (100, 0), (100, 100), (0, 100)];
        let hole = vec![(50, 0), (40, 30), (60, 30)];
        let island = vec![(45, 60), (55, 60), (55, 70), (45, 70)];
        let around_island = vec![(40, 55), (40, 75), (60, 75), (60, 55)];
        assert!(doubled_area(&hole) < 0 && doubled_area(&around_island) < 0);
        let found = valid(&[exterior, hole, around_island, island]);
        let areas: Vec<i64> = found.iter().map(|r| doubled_area(r)).collect();
        assert_eq!(areas.iter().filter(|a| **a > 0).copied().collect::<Vec<_>>(), [20_000, 200], "{found:?}");
        assert_eq!(areas.iter().sum::<i64>(), 20_000 - 600 - 800 + 200, "{found:?}");
    }

    #[test]
    fn touching_and_crossing_rings_are_not_simple() {
        let square = |x: i32, y: i32| vec![(x, y), (x + 10, y), (x + 10, y + 10), (x, y + 10)];
        assert!(is_simple(&[square(0, 0), square(20, 0)]));
        assert!(!is_simple(&[square(0, 0), square(10, 10)]), "one corner");
        assert!(!is_simple(&[square(0, 0), square(5, 5)]));
        let turned = |mut ring: Vec<Unit>| {
            ring.reverse();
            ring
        };
        let wide = vec![(0, 0), (100, 0), (100, 100), (0, 100)];
        assert!(is_nested(&[
            wide.clone(),
            turned(square(20, 20)),
            square(200, 0),
            turned(vec![(202, 2), (205, 2), (205, 5)])
        ]));
        assert!(!is_nested(&[wide.clone(), turned(square(120, 20))]), "a hole beside its exterior");
        assert!(!is_nested(&[wide, square(20, 20)]), "an area in another");
        assert!(!is_simple(&[vec![(0, 0), (10, 10), (10, 0), (0, 10)]]), "a bow");
        assert!(!is_simple(&[vec![(0, 0), (10, 0), (5, 0), (5, 5)]]), "a spur");
    }
}
