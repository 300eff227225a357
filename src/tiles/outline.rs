//! Lines and areas, prepared once: projected, with the zoom from which each of their positions is kept.

use geo::{Coord, LineString, Polygon};

use super::clip::{BUFFER, clip_line, clip_ring, doubled_area, drop_needless, is_inside, is_nested, is_simple, valid};
use super::encode::{EXTENT, Shape, Unit, commands_after_start};
use super::points::{Units, unit_shift};
use crate::geo::tile::MAX_ZOOM;
use crate::geo::{Geometry, TileId, TileRanges, World};

/// What an outline is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutlineKind {
    /// Places.
    Points,
    /// Lines.
    Lines,
    /// Areas: rings without their closing position, the exteriors clockwise as seen on the map, the holes not.
    Areas,
}

/// A geometry in the world's steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    kind: OutlineKind,
    positions: Vec<World>,
    /// The zoom from which each position is kept.
    kept_from: Vec<u8>,
    /// Where each part ends, and whether it is the exterior of an area.
    parts: Vec<(u32, bool)>,
    /// Zooms at which its rings touch or cross when drawn, a bit each.
    tangled: u32,
    written: Written,
}

/// What tiles carry of an outline that lies in them whole, zoom by zoom: commands hold differences, so they are the same
/// in all of them but for where they start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Written {
    first_zoom: u8,
    commands: Vec<u8>,
    /// Of each zoom, where the outline starts and where its commands end.
    zooms: Vec<(Far, u32)>,
    bounds: Option<WorldBox>,
}

/// An outline that lies whole in a tile, ready to be copied into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WholeOutline<'a> {
    /// Where it starts.
    pub start: Unit,
    /// Its commands after the one that moves there; empty where nothing is left of it.
    pub commands: &'a [u8],
}

/// North-west and south-east.
pub type WorldBox = (World, World);

impl Outline {
    /// Projected, every position kept at every zoom. Parts in an order of their own, so that two descriptions of
    /// one place are the same outline. `None` for what is neither points, lines nor areas, or has no extent.
    #[must_use]
    pub fn of(geometry: &Geometry) -> Option<Self> {
        let line = |l: &LineString<f64>| -> Vec<World> { project(&l.0) };
        let (kind, mut parts): (_, Vec<Vec<ProjectedPart>>) = match geometry {
            Geometry::Point(p) => (OutlineKind::Points, vec![vec![(project(&[p.0]), false)]]),
            Geometry::MultiPoint(all) => {
                (OutlineKind::Points, all.iter().map(|p| vec![(project(&[p.0]), false)]).collect())
            }
            Geometry::LineString(l) => (OutlineKind::Lines, vec![vec![(line(l), false)]]),
            Geometry::MultiLineString(all) => {
                (OutlineKind::Lines, all.iter().map(|l| vec![(line(l), false)]).collect())
            }
            Geometry::Polygon(p) => (OutlineKind::Areas, vec![rings(p)]),
            Geometry::MultiPolygon(all) => (OutlineKind::Areas, all.iter().map(rings).collect()),
            _ => return None,
        };
        let least = match kind {
            OutlineKind::Points => 1,
            OutlineKind::Lines => 2,
            OutlineKind::Areas => 3,
        };
        for group in &mut parts {
            let exterior_is_lost = group.first().is_none_or(|(ring, _)| ring.len() < least);
            group.retain(|(part, _)| part.len() >= least && !exterior_is_lost);
        }
        parts.retain(|group| !group.is_empty());
        parts.sort();
        let mut outline = Self::empty(kind);
        for (part, exterior) in parts.into_iter().flatten() {
            outline.push_part(&part, &vec![0; part.len()], exterior);
        }
        (!outline.parts.is_empty()).then_some(outline)
    }

    fn empty(kind: OutlineKind) -> Self {
        let (positions, kept_from, parts) = (Vec::new(), Vec::new(), Vec::new());
        Self { kind, positions, kept_from, parts, tangled: 0, written: Written::default() }
    }

    /// An area of rings turned as areas' are, with the zoom each position is kept from.
    #[must_use]
    pub fn of_rings(rings: &[Vec<World>], kept_from: impl Fn(World) -> u8) -> Self {
        let mut outline = Self::empty(OutlineKind::Areas);
        for ring in rings {
            let kept: Vec<u8> = ring.iter().map(|at| kept_from(*at)).collect();
            outline.push_part(ring, &kept, is_exterior(ring));
        }
        outline
    }

    /// The same with other positions; parts that would be too few of them stay as they are.
    #[must_use]
    pub fn map_positions(&self, to: impl Fn(World) -> World) -> Self {
        let mut outline = Self::empty(self.kind);
        for (range, exterior) in self.ranges() {
            let part = &self.positions[range];
            let mut moved: Vec<World> = part.iter().map(|at| to(*at)).collect();
            moved.dedup();
            if moved.len() > 1 && moved.first() == moved.last() {
                moved.pop();
            }
            let part = if moved.len() < 3 { part } else { &moved };
            outline.push_part(part, &vec![0; part.len()], exterior);
        }
        outline
    }

    /// An area with more positions between those it has: `between` answers those of an edge, in their order.
    #[must_use]
    pub fn map_edges(&self, mut between: impl FnMut(World, World) -> Vec<World>) -> Self {
        let mut outline = Self::empty(self.kind);
        for (range, exterior) in self.ranges() {
            let part = &self.positions[range];
            let next = part.iter().cycle().skip(1);
            let mut more = Vec::with_capacity(part.len());
            for (a, b) in part.iter().zip(next) {
                more.push(*a);
                more.extend(between(*a, *b));
            }
            outline.push_part(&more, &vec![0; more.len()], exterior);
        }
        outline
    }

    fn push_part(&mut self, part: &[World], kept_from: &[u8], exterior: bool) {
        self.positions.extend_from_slice(part);
        self.kept_from.extend_from_slice(kept_from);
        self.parts.push((self.positions.len() as u32, exterior));
    }

    /// What it is of.
    #[must_use]
    pub fn kind(&self) -> OutlineKind {
        self.kind
    }

    /// All positions.
    #[must_use]
    pub fn positions(&self) -> &[World] {
        &self.positions
    }

    /// The positions of each part.
    pub fn parts(&self) -> impl Iterator<Item = &[World]> {
        self.ranges().map(|(range, _)| &self.positions[range])
    }

    fn ranges(&self) -> impl Iterator<Item = (std::ops::Range<usize>, bool)> {
        let mut start = 0;
        self.parts.iter().map(move |&(end, exterior)| {
            let range = start..end as usize;
            start = end as usize;
            (range, exterior)
        })
    }

    /// The zoom from which a position is kept, by its number.
    #[must_use]
    pub fn kept_from(&self, at: usize) -> u8 {
        self.kept_from[at]
    }

    /// Sets from which zoom the positions are kept, and prepares what the `zooms` draw.
    pub fn keep(&mut self, kept_from: Vec<u8>, zooms: std::ops::RangeInclusive<u8>) {
        self.kept_from = kept_from;
        self.tangled = 0;
        self.written = Written { first_zoom: *zooms.start(), bounds: Some(self.bounds()), ..Written::default() };
        if self.kind == OutlineKind::Points {
            return;
        }
        for z in zooms {
            let mut parts = self.drawn(z);
            if self.kind == OutlineKind::Areas && !(is_simple(&parts) && is_nested(&parts)) {
                self.tangled |= 1 << z;
                parts = valid(&parts);
            }
            if self.may_be_whole(z) {
                self.write(z, parts);
            }
        }
        self.written.commands.shrink_to_fit();
    }

    /// Whether a zoom's tiles are large enough for it. What is too large stays so at higher zooms.
    fn may_be_whole(&self, z: u8) -> bool {
        let (low, high) = self.bounds();
        let reach = i64::from(high.x - low.x).max(i64::from(high.y - low.y));
        let shift = unit_shift(z);
        shift >= 0 && reach >> shift <= i64::from(EXTENT) + 2 * i64::from(BUFFER)
    }

    /// Notes what a zoom's tiles carry of it.
    fn write(&mut self, z: u8, mut parts: Vec<Vec<Unit>>) {
        if self.kind == OutlineKind::Areas {
            for ring in &mut parts {
                begin_at_least(ring);
            }
        } else {
            parts.retain(|line| line.len() > 1);
        }
        let start = parts.first().map_or((0, 0), |part| {
            let origin = self.corner(z);
            let far = |origin: u32, unit: i32| i64::from(origin >> unit_shift(z)) + i64::from(unit);
            (far(origin.x, part[0].0), far(origin.y, part[0].1))
        });
        commands_after_start(&mut self.written.commands, &parts, self.kind == OutlineKind::Areas);
        self.written.zooms.push((start, self.written.commands.len() as u32));
    }

    /// What a tile shows of it, if it lies in the tile whole and was prepared for its zoom.
    #[must_use]
    pub fn whole_in(&self, tile: TileId) -> Option<WholeOutline<'_>> {
        let at = usize::from(tile.z().checked_sub(self.written.first_zoom)?);
        let &(start, end) = self.written.zooms.get(at)?;
        let ((low, high), units) = (self.written.bounds?, Units::of(tile));
        if !is_inside(units.round(low)) || !is_inside(units.round(high)) {
            return None;
        }
        let begin = at.checked_sub(1).map_or(0, |before| self.written.zooms[before].1);
        let unit = |far: i64, tile: u32| (far - i64::from(tile) * i64::from(EXTENT)) as i32;
        let commands = &self.written.commands[begin as usize..end as usize];
        Some(WholeOutline { start: (unit(start.0, tile.x()), unit(start.1, tile.y())), commands })
    }

    /// Whether it is the same geometry, however its positions are kept.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        (self.kind, &self.positions, &self.parts) == (other.kind, &other.positions, &other.parts)
    }

    /// Whether its rings touch or cross when drawn at a zoom.
    #[must_use]
    pub fn is_tangled(&self, z: u8) -> bool {
        self.tangled >> z.min(MAX_ZOOM) & 1 == 1
    }

    /// Memory it holds beside itself, bytes, about.
    #[must_use]
    pub fn resident(&self) -> usize {
        let written = self.written.commands.capacity() + self.written.zooms.capacity() * size_of::<(Far, u32)>();
        self.positions.len() * (size_of::<World>() + 1) + self.parts.len() * size_of::<(u32, bool)>() + written
    }

    /// The box around it.
    #[must_use]
    pub fn bounds(&self) -> WorldBox {
        let mut low = World { x: u32::MAX, y: u32::MAX };
        let mut high = World { x: 0, y: 0 };
        for at in &self.positions {
            low = World { x: low.x.min(at.x), y: low.y.min(at.y) };
            high = World { x: high.x.max(at.x), y: high.y.max(at.y) };
        }
        (low, high)
    }

    /// Its area in square steps; 0 for what has none.
    #[must_use]
    pub fn area(&self) -> f64 {
        if self.kind != OutlineKind::Areas {
            return 0.0;
        }
        self.parts().map(signed_area).sum::<f64>().abs()
    }

    /// The unit at the corner of what a zoom keeps of it.
    fn corner(&self, z: u8) -> World {
        let shift = unit_shift(z).max(0) as u32;
        let kept = || self.positions.iter().zip(&self.kept_from).filter(|(_, from)| **from <= z).map(|(at, _)| at);
        let least = |of: fn(&World) -> u32| kept().map(of).min().unwrap_or(0) >> shift << shift;
        World { x: least(|at| at.x), y: least(|at| at.y) }
    }

    /// Its parts in tile units of a zoom, from its corner: what a tile would show without its edges. Rings without area
    /// are left out.
    #[must_use]
    pub fn drawn(&self, z: u8) -> Vec<Vec<Unit>> {
        let origin = Units::from_corner(self.corner(z), z);
        let mut parts: Vec<Vec<Unit>> = Vec::new();
        let mut exterior_is_there = true;
        for (range, exterior) in self.ranges() {
            let mut part = self.units(range, z, origin);
            if self.kind == OutlineKind::Areas {
                drop_needless(&mut part);
                let area = doubled_area(&part);
                if part.len() < 3 || area == 0 || !exterior && !exterior_is_there {
                    exterior_is_there &= !exterior;
                    continue;
                }
                if (area > 0) != exterior {
                    part.reverse();
                }
                exterior_is_there |= exterior;
            }
            parts.push(part);
        }
        parts
    }

    /// The segments a zoom's tiles show of it with the positions kept at the zoom `detail`, in that zoom's units from
    /// the world's corner, each with its lesser end first.
    #[must_use]
    pub fn segments(&self, z: u8, detail: u8) -> Vec<(Far, Far)> {
        let shift = unit_shift(z);
        let half = if shift > 0 { 1_i64 << (shift - 1) } else { 0 };
        let unit = |n: u32| if shift >= 0 { (i64::from(n) + half) >> shift } else { i64::from(n) << -shift };
        let mut segments = Vec::new();
        for (range, _) in self.ranges() {
            let kept = range.filter(|&at| self.kept_from[at] <= detail).map(|at| self.positions[at]);
            let mut part: Vec<Far> = kept.map(|at| (unit(at.x), unit(at.y))).collect();
            part.dedup();
            match self.kind {
                OutlineKind::Points => segments.extend(part.iter().map(|p| (*p, *p))),
                OutlineKind::Lines => segments.extend(part.windows(2).map(|w| (w[0].min(w[1]), w[0].max(w[1])))),
                OutlineKind::Areas => {
                    let next = part.iter().cycle().skip(1);
                    segments.extend(part.iter().zip(next).filter(|(a, b)| a != b).map(|(a, b)| (*a.min(b), *a.max(b))));
                }
            }
        }
        segments.sort_unstable();
        segments
    }

    /// What a tile shows of it, with the positions kept at the zoom `detail`.
    #[must_use]
    pub fn in_tile(&self, tile: TileId, detail: u8) -> Option<Shape> {
        let units = Units::of(tile);
        let z = detail;
        match self.kind {
            OutlineKind::Points => {
                let all: Vec<Unit> = self.positions.iter().map(|p| units.round(*p)).filter(|p| is_inside(*p)).collect();
                (!all.is_empty()).then_some(Shape::Points(all))
            }
            OutlineKind::Lines => {
                let mut parts = Vec::new();
                for (range, _) in self.ranges() {
                    clip_line(&self.units(range, z, units), &mut parts);
                }
                (!parts.is_empty()).then_some(Shape::Lines(parts))
            }
            OutlineKind::Areas => self.area_in_tile(z, units, detail != tile.z()),
        }
    }

    fn area_in_tile(&self, z: u8, units: Units, tangled: bool) -> Option<Shape> {
        let mut rings: Vec<Vec<Unit>> = Vec::new();
        let mut comes_apart = false;
        let mut exterior_is_there = false;
        for (range, exterior) in self.ranges() {
            if !exterior && !exterior_is_there {
                continue;
            }
            let mut ring = self.units(range, z, units);
            let crossed = clip_ring(&mut ring);
            drop_needless(&mut ring);
            let area = doubled_area(&ring);
            let is_there = ring.len() > 2 && area != 0;
            if exterior {
                exterior_is_there = is_there;
            }
            if !is_there {
                continue;
            }
            // A hole that is cut shares its edge with the exterior around it.
            comes_apart |= crossed > 2 || crossed > 0 && !exterior;
            // What is drawn coarsely may turn over; its winding is what it was.
            if (area > 0) != exterior {
                ring.reverse();
            }
            rings.push(ring);
        }
        if tangled || self.is_tangled(z) || comes_apart {
            rings = valid(&rings);
        }
        // The same ring begins at the same position, wherever its outline was begun.
        for ring in &mut rings {
            begin_at_least(ring);
        }
        (!rings.is_empty()).then_some(Shape::Rings(rings))
    }

    fn units(&self, range: std::ops::Range<usize>, z: u8, units: Units) -> Vec<Unit> {
        let mut out: Vec<Unit> = Vec::with_capacity(range.len());
        for at in range {
            if self.kept_from[at] <= z {
                let unit = units.round(self.positions[at]);
                if out.last() != Some(&unit) {
                    out.push(unit);
                }
            }
        }
        out
    }
}

/// A position in tile units of a zoom from the world's corner.
pub type Far = (i64, i64);

/// The tiles that show any of some segments, and with `inside` the areas they enclose (even–odd).
pub fn tiles_of(segments: &[(Far, Far)], inside: bool, z: u8, tiles: &mut TileRanges) {
    let side = i64::from(EXTENT);
    let buffer = i64::from(BUFFER);
    let tile = |unit: i64| unit.div_euclid(side);
    for &(a, b) in segments {
        let (top, bottom) = (a.1.min(b.1), a.1.max(b.1));
        for row in tile(top - buffer)..=tile(bottom + buffer) {
            let (from, to) = (row * side - buffer, (row + 1) * side + buffer);
            let (x0, x1) = across(a, b, from, to);
            tiles.add_row(z, row, (tile(x0 - buffer), tile(x1 + buffer)));
        }
    }
    if !inside {
        return;
    }
    let low = segments.iter().map(|(a, b)| a.1.min(b.1)).min().unwrap_or(0);
    let high = segments.iter().map(|(a, b)| a.1.max(b.1)).max().unwrap_or(0);
    let mut crossings: Vec<i64> = Vec::new();
    for row in tile(low)..=tile(high) {
        let middle = row * side + side / 2;
        crossings.clear();
        for &(a, b) in segments.iter().filter(|(a, b)| (a.1 <= middle) != (b.1 <= middle)) {
            crossings.push(across(a, b, middle, middle).0);
        }
        crossings.sort_unstable();
        for pair in crossings.chunks_exact(2) {
            tiles.add_row(z, row, (tile(pair[0]), tile(pair[1])));
        }
    }
}

/// The columns a segment passes between two rows, from the least to the greatest.
fn across(a: Far, b: Far, from: i64, to: i64) -> (i64, i64) {
    let at = |y: i64| {
        if a.1 == b.1 {
            return a.0;
        }
        let t = (y - a.1) as f64 / (b.1 - a.1) as f64;
        a.0 + ((b.0 - a.0) as f64 * t.clamp(0.0, 1.0)).round() as i64
    };
    if a.1 == b.1 {
        return (a.0.min(b.0), a.0.max(b.0));
    }
    let (p, q) = (at(from), at(to));
    (p.min(q), p.max(q))
}

fn begin_at_least(ring: &mut [Unit]) {
    if let Some(least) = ring.iter().enumerate().min_by_key(|(_, p)| **p).map(|(at, _)| at) {
        ring.rotate_left(least);
    }
}

fn project(line: &[Coord<f64>]) -> Vec<World> {
    let mut out: Vec<World> = line.iter().map(|p| World::of(p.x, p.y)).collect();
    out.dedup();
    out
}

/// A part's positions, and whether it is an exterior ring.
type ProjectedPart = (Vec<World>, bool);

/// A polygon's rings: the exterior, then the holes in an order of their own.
fn rings(polygon: &Polygon<f64>) -> Vec<ProjectedPart> {
    let ring = |line: &LineString<f64>, exterior: bool| {
        let mut ring = project(&line.0);
        if ring.len() > 1 && ring.first() == ring.last() {
            ring.pop();
        }
        if is_exterior(&ring) != exterior {
            ring.reverse();
        }
        let least = ring.iter().enumerate().min_by_key(|(_, p)| **p).map_or(0, |(at, _)| at);
        ring.rotate_left(least);
        (ring, exterior)
    };
    let mut holes: Vec<_> = polygon.interiors().iter().map(|l| ring(l, false)).collect();
    holes.sort();
    holes.insert(0, ring(polygon.exterior(), true));
    holes
}

fn is_exterior(ring: &[World]) -> bool {
    signed_area(ring) > 0.0
}

/// Half the surveyor's formula, from the first position, so that large numbers do not drown small areas.
fn signed_area(ring: &[World]) -> f64 {
    let Some(first) = ring.first() else { return 0.0 };
    let at = |p: &World| (f64::from(p.x) - f64::from(first.x), f64::from(p.y) - f64::from(first.y));
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| (at(a), at(b))).map(|(a, b)| (a.0 * b.1 - b.0 * a.1) / 2.0).sum()
}

#[cfg(test)]
mod tests {
    use geo::{MultiPolygon, polygon};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::tiles::encode::{LayerWriter, Scratch};

    /// A ring around a place that may cross itself, or not.
    fn star(rng: &mut ChaCha8Rng, (lon, lat): (f64, f64), radius: f64) -> LineString<f64> {
        let n = rng.random_range(3..30);
        let crosses = rng.random_bool(0.1);
        let at = |k: i32, rng: &mut ChaCha8Rng| {
            let turn = f64::from(if crosses { k * 2 } else { k }) / f64::from(n) * std::f64::consts::TAU;
            let r = radius * rng.random_range(0.3..1.0);
            Coord { x: lon + r * turn.cos(), y: lat + r * turn.sin() }
        };
        (0..n).map(|k| at(k, rng)).collect()
    }

    fn any(rng: &mut ChaCha8Rng) -> Geometry {
        let place = (117.0 + rng.random_range(-0.1..0.1), 25.0 + rng.random_range(-0.1..0.1));
        let radius = f64::powi(10.0, rng.random_range(-5..0));
        let area = |rng: &mut ChaCha8Rng| {
            let hole =
                LineString::from(vec![place, (place.0 + radius / 20.0, place.1), (place.0, place.1 + radius / 9.0)]);
            Polygon::new(star(rng, place, radius), if rng.random_bool(0.3) { vec![hole] } else { vec![] })
        };
        match rng.random_range(0..4) {
            0 => Geometry::LineString(star(rng, place, radius)),
            1 => {
                let (w, s) = (place.0 + radius * 2.0, place.1);
                let beside = polygon![(x: w, y: s), (x: w + radius, y: s), (x: w, y: s + radius)];
                Geometry::MultiPolygon(MultiPolygon(vec![area(rng), beside]))
            }
            _ => Geometry::Polygon(area(rng)),
        }
    }

    /// What is copied into a tile is what drawing it there gives.
    #[test]
    fn whole_outlines_are_the_same_written_once_or_in_each_tile() {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let (mut one, mut other) = (Scratch::default(), Scratch::default());
        let mut compared = [0; 3];
        for _ in 0..3000 {
            let Some(mut outline) = Outline::of(&any(&mut rng)) else { continue };
            let kept = outline.positions().iter().map(|_| rng.random_range(4..14)).collect();
            outline.keep(kept, 6..=16);
            for z in 6..=18 {
                let at = outline.positions()[0];
                let (x, y) = at.tile(z);
                let tile = TileId::new(z, x, y).expect("a tile");
                let Some(whole) = outline.whole_in(tile) else { continue };
                let (mut copied, mut drawn) = (Vec::new(), Vec::new());
                let mut writer = LayerWriter::new("o", &mut one);
                if !whole.commands.is_empty() {
                    writer.add_whole(None, outline.kind() == OutlineKind::Areas, whole.start, whole.commands, &[]);
                }
                writer.finish(&mut copied);
                let mut writer = LayerWriter::new("o", &mut other);
                if let Some(shape) = outline.in_tile(tile, z) {
                    writer.add(None, &shape, &[]);
                }
                writer.finish(&mut drawn);
                assert_eq!(copied, drawn, "z{z} {outline:?}");
                compared[if outline.is_tangled(z) { 2 } else { usize::from(copied.is_empty()) }] += 1;
            }
        }
        assert!(compared.iter().all(|n| *n > 50), "{compared:?}");
    }
}
