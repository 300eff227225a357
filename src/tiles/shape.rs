//! From degrees to tile units: project, simplify, clip, quantise.

use geo::{Coord, LineString, Polygon};

use super::encode::{EXTENT, Shape, Unit};
use crate::geo::tile::project;
use crate::geo::{Geometry, TileId};

/// Tile units kept beyond the tile's edge, so that strokes and labels meet across it.
pub const BUFFER: f64 = 256.0;

type Line = Vec<Coord<f64>>;

/// A geometry as one tile shows it, or nothing of it. `tolerance` is in tile units; 0 keeps every position
/// that the tile's grid can tell apart.
#[must_use]
pub fn shape(geometry: &Geometry, tile: TileId, tolerance: f64) -> Option<Shape> {
    match geometry {
        Geometry::Point(p) => points(&[p.0], tile),
        Geometry::MultiPoint(points_) => points(&points_.iter().map(|p| p.0).collect::<Vec<_>>(), tile),
        Geometry::LineString(line) => lines(std::slice::from_ref(line), tile, tolerance),
        Geometry::MultiLineString(all) => lines(&all.0, tile, tolerance),
        Geometry::Polygon(polygon) => rings(std::slice::from_ref(polygon), tile, tolerance),
        Geometry::MultiPolygon(all) => rings(&all.0, tile, tolerance),
        _ => None,
    }
}

/// Degrees to tile units, not yet rounded.
#[must_use]
pub fn to_units(at: Coord<f64>, tile: TileId) -> Coord<f64> {
    let n = f64::from(1_u32 << tile.z());
    let (u, v) = project(at.x, at.y);
    let side = f64::from(EXTENT);
    Coord { x: (u * n - f64::from(tile.x())) * side, y: (v * n - f64::from(tile.y())) * side }
}

fn round(at: Coord<f64>) -> Unit {
    (at.x.round() as i32, at.y.round() as i32)
}

fn within(at: Coord<f64>) -> bool {
    let range = -BUFFER..=f64::from(EXTENT) + BUFFER;
    range.contains(&at.x) && range.contains(&at.y)
}

fn points(all: &[Coord<f64>], tile: TileId) -> Option<Shape> {
    let inside: Vec<Unit> = all.iter().map(|p| to_units(*p, tile)).filter(|p| within(*p)).map(round).collect();
    (!inside.is_empty()).then_some(Shape::Points(inside))
}

fn lines(all: &[LineString<f64>], tile: TileId, tolerance: f64) -> Option<Shape> {
    let mut parts = Vec::new();
    for line in all {
        let line: Line = line.0.iter().map(|p| to_units(*p, tile)).collect();
        for part in clip_line(&simplify(line, tolerance)) {
            let mut part: Vec<Unit> = part.into_iter().map(round).collect();
            part.dedup();
            if part.len() > 1 {
                parts.push(part);
            }
        }
    }
    (!parts.is_empty()).then_some(Shape::Lines(parts))
}

fn rings(all: &[Polygon<f64>], tile: TileId, tolerance: f64) -> Option<Shape> {
    let mut parts = Vec::new();
    for polygon in all {
        let Some(exterior) = ring(polygon.exterior(), tile, tolerance, true) else { continue };
        parts.push(exterior);
        parts.extend(polygon.interiors().iter().filter_map(|hole| ring(hole, tile, tolerance, false)));
    }
    (!parts.is_empty()).then_some(Shape::Rings(parts))
}

/// A ring in tile units: clipped, without its closing position, turned as the specification wants it.
fn ring(ring: &LineString<f64>, tile: TileId, tolerance: f64, exterior: bool) -> Option<Vec<Unit>> {
    let line: Line = ring.0.iter().map(|p| to_units(*p, tile)).collect();
    let mut units: Vec<Unit> = clip_ring(simplify(line, tolerance)).into_iter().map(round).collect();
    units.dedup();
    if units.len() > 1 && units.first() == units.last() {
        units.pop();
    }
    drop_spurs(&mut units);
    let area = doubled_area(&units);
    if units.len() < 3 || area == 0 {
        return None;
    }
    if (area > 0) != exterior {
        units.reverse();
    }
    Some(units)
}

/// Takes out positions where the ring turns straight back: clipping leaves such spurs along the rim.
fn drop_spurs(ring: &mut Vec<Unit>) {
    let turns_back = |a: Unit, b: Unit, c: Unit| {
        let (d, e) = ((i64::from(b.0 - a.0), i64::from(b.1 - a.1)), (i64::from(c.0 - b.0), i64::from(c.1 - b.1)));
        d.0 * e.1 == d.1 * e.0 && d.0 * e.0 + d.1 * e.1 <= 0
    };
    let mut settled = 0;
    let mut at = 0;
    while ring.len() > 2 && settled < ring.len() {
        let n = ring.len();
        at %= n;
        if turns_back(ring[(at + n - 1) % n], ring[at], ring[(at + 1) % n]) {
            ring.remove(at);
            // The neighbours have new neighbours.
            at = (at + n - 2) % (n - 1);
            settled = 0;
        } else {
            at += 1;
            settled += 1;
        }
    }
}

/// Positive for a ring that runs clockwise as seen on the tile (surveyor's formula with y to the south).
fn doubled_area(ring: &[Unit]) -> i64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| i64::from(a.0) * i64::from(b.1) - i64::from(b.0) * i64::from(a.1)).sum()
}

/// Douglas–Peucker: keeps the ends and whatever lies farther than `tolerance` from the line drawn without it.
fn simplify(line: Line, tolerance: f64) -> Line {
    if tolerance <= 0.0 || line.len() < 3 {
        return line;
    }
    let mut keep = vec![false; line.len()];
    let last = line.len() - 1;
    (keep[0], keep[last]) = (true, true);
    let mut open = vec![(0, last)];
    while let Some((from, to)) = open.pop() {
        let far = (from + 1..to)
            .map(|k| (k, distance_squared(line[k], line[from], line[to])))
            .fold((0, tolerance * tolerance), |best, here| if here.1 > best.1 { here } else { best });
        if far.0 > 0 {
            keep[far.0] = true;
            open.extend([(from, far.0), (far.0, to)]);
        }
    }
    line.into_iter().zip(keep).filter_map(|(at, kept)| kept.then_some(at)).collect()
}

fn distance_squared(p: Coord<f64>, a: Coord<f64>, b: Coord<f64>) -> f64 {
    let (d, e) = (b - a, p - a);
    let length = d.x * d.x + d.y * d.y;
    let t = if length == 0.0 { 0.0 } else { ((e.x * d.x + e.y * d.y) / length).clamp(0.0, 1.0) };
    let off = e - d * t;
    off.x * off.x + off.y * off.y
}

/// Liang–Barsky, segment by segment; the parts inside the buffered tile.
fn clip_line(line: &[Coord<f64>]) -> Vec<Line> {
    let mut parts: Vec<Line> = Vec::new();
    let mut joined = false;
    for pair in line.windows(2) {
        let Some((a, b)) = clip_segment(pair[0], pair[1]) else {
            joined = false;
            continue;
        };
        match parts.last_mut() {
            Some(part) if joined && a == pair[0] => part.push(b),
            _ => parts.push(vec![a, b]),
        }
        joined = b == pair[1];
    }
    parts
}

fn clip_segment(a: Coord<f64>, b: Coord<f64>) -> Option<(Coord<f64>, Coord<f64>)> {
    let (low, high) = (-BUFFER, f64::from(EXTENT) + BUFFER);
    let d = b - a;
    let (mut t0, mut t1) = (0.0_f64, 1.0_f64);
    for (p, q) in [(-d.x, a.x - low), (d.x, high - a.x), (-d.y, a.y - low), (d.y, high - a.y)] {
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
    let start = if t0 > 0.0 { a + d * t0 } else { a };
    let end = if t1 < 1.0 { a + d * t1 } else { b };
    Some((start, end))
}

/// Sutherland–Hodgman against the four sides of the buffered tile.
fn clip_ring(ring: Line) -> Line {
    let (low, high) = (-BUFFER, f64::from(EXTENT) + BUFFER);
    let mut ring = ring;
    for side in 0..4 {
        let inside = |p: Coord<f64>| match side {
            0 => p.x >= low,
            1 => p.x <= high,
            2 => p.y >= low,
            _ => p.y <= high,
        };
        let cross = |a: Coord<f64>, b: Coord<f64>| match side {
            0 | 1 => {
                let x = if side == 0 { low } else { high };
                Coord { x, y: a.y + (b.y - a.y) * (x - a.x) / (b.x - a.x) }
            }
            _ => {
                let y = if side == 2 { low } else { high };
                Coord { x: a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y), y }
            }
        };
        let Some(mut before) = ring.last().copied() else { return ring };
        let mut out = Vec::with_capacity(ring.len() + 4);
        for at in ring {
            match (inside(before), inside(at)) {
                (true, true) => out.push(at),
                (true, false) => out.push(cross(before, at)),
                (false, true) => out.extend([cross(before, at), at]),
                (false, false) => {}
            }
            before = at;
        }
        ring = out;
    }
    ring
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spurs_go_and_corners_stay() {
        let mut ring = vec![(0, 0), (10, 0), (10, 30), (10, 10), (0, 10)];
        drop_spurs(&mut ring);
        assert_eq!(ring, [(0, 0), (10, 0), (10, 10), (0, 10)]);
        let mut line = vec![(0, 0), (10, 0), (5, 0)];
        drop_spurs(&mut line);
        assert!(line.len() < 3);
    }

    #[test]
    fn a_line_that_leaves_and_returns_is_two() {
        let at = |x, y| Coord { x, y };
        let parts = clip_line(&[at(0.0, 0.0), at(6000.0, 0.0), at(6000.0, 100.0), at(0.0, 100.0)]);
        assert_eq!(parts, [vec![at(0.0, 0.0), at(4352.0, 0.0)], vec![at(4352.0, 100.0), at(0.0, 100.0)]]);
    }
}
