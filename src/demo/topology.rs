//! Areas drawn by shared borders.
//!
//! A label raster is cut into arcs, each between two labels. An arc is smoothed, simplified and
//! snapped once; every area, at whatever level, is put together from the same arcs, so that
//! neighbours have the same vertices and leave neither gap nor overlap.

use std::collections::{BTreeMap, HashMap};

use super::raster::{Raster, Xy};
use super::terrain::CELL_M;

/// A border between two labels.
#[derive(Debug, Clone)]
pub struct Arc {
    /// The label to the left as the arc runs, with y to the south.
    pub left: u32,
    /// The label to the right.
    pub right: u32,
    /// Corner of the raster it starts from.
    start: u32,
    /// Corner it ends at; the same as `start` for a ring without junctions.
    end: u32,
    /// Its corners, as they stand in the raster.
    corners: Vec<(i32, i32)>,
    /// Its drawn line, metres.
    pub line: Vec<Xy>,
}

/// All borders of a label raster.
#[derive(Debug, Clone)]
pub struct Topology {
    /// The borders.
    pub arcs: Vec<Arc>,
}

/// One polygon: an outer ring and holes, closed, first vertex repeated at the end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Polygon {
    /// The rings, the outer first.
    pub rings: Vec<Vec<Xy>>,
}

/// How far a simplified border may stray from the smoothed one, metres.
const TOLERANCE_M: f64 = 7.0;
/// Spacing of the lattice vertices are put on before they are projected, metres. The final snap
/// to 1e-8° moves a vertex by less than a millimetre.
const LATTICE_PER_M: f64 = 1000.0;

/// Cuts a label raster into smoothed borders. Cells outside the raster count as `outside`.
#[must_use]
pub fn trace(labels: &Raster<u32>, outside: u32) -> Topology {
    let mut arcs = cut(labels, outside);
    for arc in &mut arcs {
        arc.line = draw(arc, 0);
    }
    mend(&mut arcs);
    Topology { arcs }
}

struct Corners<'a> {
    labels: &'a Raster<u32>,
    outside: u32,
}

/// Directions along raster edges: east, south, west, north.
const TURNS: [(i32, i32); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];

impl Corners<'_> {
    fn label(&self, x: i32, y: i32) -> u32 {
        self.labels.get(x, y).unwrap_or(self.outside)
    }

    /// Labels to the left and right of the edge leaving a corner (with y to the south, "left" of
    /// east is north).
    fn sides(&self, x: i32, y: i32, turn: usize) -> (u32, u32) {
        match turn {
            0 => (self.label(x, y - 1), self.label(x, y)),
            1 => (self.label(x, y), self.label(x - 1, y)),
            2 => (self.label(x - 1, y), self.label(x - 1, y - 1)),
            _ => (self.label(x - 1, y - 1), self.label(x, y - 1)),
        }
    }

    fn edges(&self, x: i32, y: i32) -> impl Iterator<Item = usize> + '_ {
        (0..4).filter(move |&t| {
            let (l, r) = self.sides(x, y, t);
            l != r
        })
    }
}

fn cut(labels: &Raster<u32>, outside: u32) -> Vec<Arc> {
    let corners = Corners { labels, outside };
    let (w, h) = (labels.width as i32, labels.height as i32);
    let id = |x: i32, y: i32| (y * (w + 1) + x) as u32;
    // Edges already walked: bit 0 the edge to the east of a corner, bit 1 the edge to the south.
    let mut walked = vec![0_u8; ((w + 1) * (h + 1)) as usize];
    let mut arcs = Vec::new();
    let mut walk = |x: i32, y: i32, turn: usize, junctions: bool| -> Option<Arc> {
        let bit = |x: i32, y: i32, t: usize| match t {
            0 => (id(x, y), 1),
            1 => (id(x, y), 2),
            2 => (id(x - 1, y), 1),
            _ => (id(x, y - 1), 2),
        };
        let (mut cx, mut cy, mut t) = (x, y, turn);
        let mut line = vec![(x, y)];
        let (left, right) = corners.sides(x, y, turn);
        loop {
            let (k, b) = bit(cx, cy, t);
            if walked[k as usize] & b != 0 {
                return None;
            }
            walked[k as usize] |= b;
            cx += TURNS[t].0;
            cy += TURNS[t].1;
            line.push((cx, cy));
            let exits = corners.edges(cx, cy).count();
            if (junctions && exits != 2) || (cx, cy) == (x, y) {
                break;
            }
            let back = (t + 2) % 4;
            t = corners.edges(cx, cy).find(|&e| e != back)?;
        }
        Some(Arc { left, right, start: id(x, y), end: id(cx, cy), corners: line, line: Vec::new() })
    };
    for junctions in [true, false] {
        for y in 0..=h {
            for x in 0..=w {
                let exits: Vec<usize> = corners.edges(x, y).collect();
                if exits.is_empty() || (junctions && exits.len() == 2) {
                    continue;
                }
                arcs.extend(exits.into_iter().filter_map(|t| walk(x, y, t, junctions)));
            }
        }
    }
    arcs
}

/// Draws an arc: level 0 smoothed and simplified, 1 smoothed less, 2 corners cut, 3 as in the raster.
fn draw(arc: &Arc, level: u8) -> Vec<Xy> {
    let size = f64::from(CELL_M);
    let at = |c: (i32, i32)| Xy::new(f64::from(c.0) * size, f64::from(c.1) * size);
    let ring = arc.start == arc.end;
    let raw: Vec<Xy> = arc.corners.iter().map(|&c| at(c)).collect();
    if level >= 3 {
        return raw;
    }
    let mut line: Vec<Xy> = Vec::with_capacity(raw.len() + 1);
    if !ring {
        line.push(raw[0]);
    }
    line.extend(raw.windows(2).map(|p| Xy::new(p[0].x.midpoint(p[1].x), p[0].y.midpoint(p[1].y))));
    if ring {
        line.push(line[0]);
    } else {
        line.push(raw[raw.len() - 1]);
    }
    if level < 2 {
        for _ in 0..(if level == 0 { 4 } else { 1 }) {
            line = soften(&line, ring);
        }
        line = simplify(&line, if level == 0 { TOLERANCE_M } else { 1.0 });
    }
    for p in &mut line {
        p.x = (p.x * LATTICE_PER_M).round() / LATTICE_PER_M;
        p.y = (p.y * LATTICE_PER_M).round() / LATTICE_PER_M;
    }
    line
}

/// One pass of the 1-2-1 filter with the ends held, or around a ring.
#[must_use]
pub fn soften(line: &[Xy], ring: bool) -> Vec<Xy> {
    let n = line.len();
    if n < 4 {
        return line.to_vec();
    }
    let mix = |a: Xy, b: Xy, c: Xy| Xy::new((a.x + 2.0 * b.x + c.x) / 4.0, (a.y + 2.0 * b.y + c.y) / 4.0);
    let mut out = line.to_vec();
    for i in 1..n - 1 {
        out[i] = mix(line[i - 1], line[i], line[i + 1]);
    }
    if ring {
        out[0] = mix(line[n - 2], line[0], line[1]);
        out[n - 1] = out[0];
    }
    out
}

/// Douglas–Peucker simplification of an open or closed line; ends stay.
#[must_use]
pub fn simplify(line: &[Xy], tolerance: f64) -> Vec<Xy> {
    if line.len() < 3 {
        return line.to_vec();
    }
    let closed = line[0] == line[line.len() - 1];
    let mut keep = vec![false; line.len()];
    keep[0] = true;
    keep[line.len() - 1] = true;
    let mut stack = vec![(0, line.len() - 1)];
    if closed {
        // A ring is cut at the places farthest apart, so that it keeps an area.
        let far = (0..line.len())
            .max_by(|&a, &b| line[0].distance(line[a]).total_cmp(&line[0].distance(line[b])))
            .unwrap_or(0);
        let third = (0..line.len())
            .max_by(|&a, &b| {
                segment_distance(line[a], line[0], line[far]).total_cmp(&segment_distance(line[b], line[0], line[far]))
            })
            .unwrap_or(0);
        keep[far] = true;
        keep[third] = true;
        let (a, b) = (far.min(third), far.max(third));
        stack = vec![(0, a), (a, b), (b, line.len() - 1)];
    }
    while let Some((a, b)) = stack.pop() {
        let mut worst = (tolerance, 0);
        for i in a + 1..b {
            let d = segment_distance(line[i], line[a], line[b]);
            if d > worst.0 {
                worst = (d, i);
            }
        }
        if worst.1 > 0 {
            keep[worst.1] = true;
            stack.push((a, worst.1));
            stack.push((worst.1, b));
        }
    }
    line.iter().zip(keep).filter(|(_, k)| *k).map(|(p, _)| *p).collect()
}

/// Distance from a place to a straight piece, metres.
#[must_use]
pub fn segment_distance(p: Xy, a: Xy, b: Xy) -> f64 {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let len2 = dx * dx + dy * dy;
    let t = if len2 == 0.0 { 0.0 } else { (((p.x - a.x) * dx + (p.y - a.y) * dy) / len2).clamp(0.0, 1.0) };
    p.distance(Xy::new(a.x + t * dx, a.y + t * dy))
}

/// Redraws closer to the raster whatever crosses, until nothing does. At the last level lines follow
/// the raster's edges, which never cross.
fn mend(arcs: &mut [Arc]) {
    let mut level = vec![0_u8; arcs.len()];
    loop {
        let crossing = crossings(arcs);
        let mut changed = false;
        for a in crossing {
            if level[a] < 3 {
                level[a] += 1;
                arcs[a].line = draw(&arcs[a], level[a]);
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

type Ends = ((i64, i64), (i64, i64));

/// The arcs that cross or touch another, or themselves, anywhere but at shared ends.
fn crossings(arcs: &[Arc]) -> Vec<usize> {
    let lattice = |p: Xy| ((p.x * LATTICE_PER_M).round() as i64, (p.y * LATTICE_PER_M).round() as i64);
    let bucket = 200_000_i64;
    let mut pieces: Vec<(u32, Ends)> = Vec::new();
    let mut buckets: HashMap<(i64, i64), Vec<u32>> = HashMap::new();
    for (k, arc) in arcs.iter().enumerate() {
        for w in arc.line.windows(2) {
            let (a, b) = (lattice(w[0]), lattice(w[1]));
            let id = pieces.len() as u32;
            pieces.push((k as u32, (a, b)));
            for by in a.1.min(b.1).div_euclid(bucket)..=a.1.max(b.1).div_euclid(bucket) {
                for bx in a.0.min(b.0).div_euclid(bucket)..=a.0.max(b.0).div_euclid(bucket) {
                    buckets.entry((bx, by)).or_default().push(id);
                }
            }
        }
    }
    let mut bad = vec![false; arcs.len()];
    for ids in buckets.values() {
        for (n, &p) in ids.iter().enumerate() {
            for &q in &ids[n + 1..] {
                let (a, b) = (pieces[p as usize], pieces[q as usize]);
                if meet_wrongly(a.1, b.1) {
                    bad[a.0 as usize] = true;
                    bad[b.0 as usize] = true;
                }
            }
        }
    }
    (0..arcs.len()).filter(|&k| bad[k]).collect()
}

/// Whether two pieces share anything but one common end.
fn meet_wrongly(p: Ends, q: Ends) -> bool {
    let side =
        |a: (i64, i64), b: (i64, i64), c: (i64, i64)| ((b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0)).signum();
    let on = |a: (i64, i64), b: (i64, i64), c: (i64, i64)| {
        side(a, b, c) == 0 && c.0 >= a.0.min(b.0) && c.0 <= a.0.max(b.0) && c.1 >= a.1.min(b.1) && c.1 <= a.1.max(b.1)
    };
    let shared = [p.0, p.1].iter().filter(|e| **e == q.0 || **e == q.1).count();
    if shared >= 2 {
        return true;
    }
    if shared == 1 {
        // They may only meet there: neither other end lies on the other piece.
        let (p_free, q_free) =
            (if p.0 == q.0 || p.0 == q.1 { p.1 } else { p.0 }, if q.0 == p.0 || q.0 == p.1 { q.1 } else { q.0 });
        return on(p.0, p.1, q_free) || on(q.0, q.1, p_free);
    }
    let (d1, d2) = (side(q.0, q.1, p.0), side(q.0, q.1, p.1));
    let (d3, d4) = (side(p.0, p.1, q.0), side(p.0, p.1, q.1));
    (d1 != d2 && d3 != d4) && !(d1 == 0 && d2 == 0)
        || on(q.0, q.1, p.0)
        || on(q.0, q.1, p.1)
        || on(p.0, p.1, q.0)
        || on(p.0, p.1, q.1)
}

impl Topology {
    /// The areas of a level: `area(label)` names the area of a label, `None` for what is not drawn.
    /// Every area is a list of polygons, exteriors running anticlockwise as seen on a map.
    #[must_use]
    pub fn areas(&self, area: impl Fn(u32) -> Option<u32>) -> BTreeMap<u32, Vec<Polygon>> {
        let mut sides: BTreeMap<u32, Vec<(usize, bool)>> = BTreeMap::new();
        for (k, arc) in self.arcs.iter().enumerate() {
            let (l, r) = (area(arc.left), area(arc.right));
            if l == r {
                continue;
            }
            if let Some(l) = l {
                sides.entry(l).or_default().push((k, true));
            }
            if let Some(r) = r {
                sides.entry(r).or_default().push((k, false));
            }
        }
        sides.into_iter().map(|(id, parts)| (id, self.assemble(&parts))).collect()
    }

    fn assemble(&self, parts: &[(usize, bool)]) -> Vec<Polygon> {
        let ends = |&(k, forward): &(usize, bool)| {
            let arc = &self.arcs[k];
            if forward { (arc.start, arc.end) } else { (arc.end, arc.start) }
        };
        let mut leaving: HashMap<u32, Vec<usize>> = HashMap::new();
        for (n, part) in parts.iter().enumerate() {
            leaving.entry(ends(part).0).or_default().push(n);
        }
        let mut used = vec![false; parts.len()];
        let mut rings = Vec::new();
        for first in 0..parts.len() {
            if used[first] {
                continue;
            }
            let mut ring: Vec<Xy> = Vec::new();
            let mut n = first;
            loop {
                used[n] = true;
                let (k, forward) = parts[n];
                let line = &self.arcs[k].line;
                let skip = usize::from(!ring.is_empty());
                if forward {
                    ring.extend(line.iter().skip(skip));
                } else {
                    ring.extend(line.iter().rev().skip(skip));
                }
                let end = ends(&parts[n]).1;
                if end == ends(&parts[first]).0 {
                    break;
                }
                let Some(&next) = leaving.get(&end).and_then(|o| o.iter().find(|&&o| !used[o])) else { break };
                n = next;
            }
            rings.push(ring);
        }
        nest(rings)
    }
}

/// Twice the signed area of a closed ring, positive when it runs anticlockwise on a map (y to the south).
#[must_use]
pub fn signed_area2(ring: &[Xy]) -> f64 {
    ring.windows(2).map(|w| w[1].x * w[0].y - w[0].x * w[1].y).sum()
}

/// Whether a place lies within a closed ring (even–odd rule).
#[must_use]
pub fn ring_holds(ring: &[Xy], p: Xy) -> bool {
    ring.windows(2)
        .filter(|w| {
            (w[0].y > p.y) != (w[1].y > p.y) && p.x < (w[1].x - w[0].x) * (p.y - w[0].y) / (w[1].y - w[0].y) + w[0].x
        })
        .count()
        % 2
        == 1
}

impl Polygon {
    /// Whether a place lies within.
    #[must_use]
    pub fn holds(&self, p: Xy) -> bool {
        self.rings.iter().filter(|r| ring_holds(r, p)).count() % 2 == 1
    }

    /// Area in square metres.
    #[must_use]
    pub fn area(&self) -> f64 {
        self.rings.iter().map(|r| signed_area2(r) / 2.0).sum()
    }
}

/// Sorts rings into polygons: anticlockwise rings are exteriors, each hole goes to the smallest
/// exterior that holds it.
fn nest(rings: Vec<Vec<Xy>>) -> Vec<Polygon> {
    let (outer, holes): (Vec<_>, Vec<_>) = rings.into_iter().partition(|r| signed_area2(r) > 0.0);
    let mut polygons: Vec<Polygon> = outer.into_iter().map(|r| Polygon { rings: vec![r] }).collect();
    polygons.sort_by(|a, b| b.area().total_cmp(&a.area()));
    for hole in holes {
        let inner = Xy::new(hole[0].x.midpoint(hole[1].x), hole[0].y.midpoint(hole[1].y));
        let home = (0..polygons.len()).rev().find(|&k| ring_holds(&polygons[k].rings[0], inner)).unwrap_or(0);
        if let Some(p) = polygons.get_mut(home) {
            p.rings.push(hole);
        }
    }
    polygons
}
