//! Lines and areas, prepared once: projected, with the zoom from which each of their positions is kept.

mod in_tile;

use geo::{Coord, LineString, Polygon};

pub use self::in_tile::WholeOutline;
use self::in_tile::Written;
use super::clip::{doubled_area, drop_needless, is_nested, is_simple, valid};
use super::encode::Unit;
use super::points::{Units, unit_shift};
use super::touched::Far;
use crate::geo::tile::MAX_ZOOM;
use crate::geo::{Geometry, World};

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
        self.written = Written::from(*zooms.start(), self.bounds());
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
        self.written.shrink();
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
        self.positions.len() * (size_of::<World>() + 1)
            + self.parts.len() * size_of::<(u32, bool)>()
            + self.written.resident()
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
