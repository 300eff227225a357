//! What a tile shows of an outline: cut to the tile, or written once for all tiles it lies in whole.

use super::{Outline, OutlineKind, WorldBox};
use crate::geo::TileId;
use crate::tiles::clip::{BUFFER, clip_line, clip_ring, doubled_area, drop_needless, is_inside, valid};
use crate::tiles::encode::{EXTENT, Shape, Unit, commands_after_start};
use crate::tiles::points::{Units, unit_shift};
use crate::tiles::touched::Far;

/// What tiles carry of an outline that lies in them whole, zoom by zoom: commands hold differences, so they are the same
/// in all of them but for where they start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Written {
    first_zoom: u8,
    commands: Vec<u8>,
    /// Of each zoom, where the outline starts and where its commands end.
    zooms: Vec<(Far, u32)>,
    bounds: Option<WorldBox>,
}

impl Written {
    /// Nothing yet, of an outline within a box.
    pub(super) fn from(first_zoom: u8, bounds: WorldBox) -> Self {
        Self { first_zoom, bounds: Some(bounds), ..Self::default() }
    }

    /// Memory it holds beside itself, bytes.
    pub(super) fn resident(&self) -> usize {
        self.commands.capacity() + self.zooms.capacity() * size_of::<(Far, u32)>()
    }

    pub(super) fn shrink(&mut self) {
        self.commands.shrink_to_fit();
        self.zooms.shrink_to_fit();
    }
}

/// An outline that lies whole in a tile, ready to be copied into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WholeOutline<'a> {
    /// Where it starts.
    pub start: Unit,
    /// Its commands after the one that moves there; empty where nothing is left of it.
    pub commands: &'a [u8],
}

impl Outline {
    /// Whether a zoom's tiles are large enough for it. What is too large stays so at higher zooms.
    pub(super) fn may_be_whole(&self, z: u8) -> bool {
        let (low, high) = self.bounds();
        let reach = i64::from(high.x - low.x).max(i64::from(high.y - low.y));
        let shift = unit_shift(z);
        shift >= 0 && reach >> shift <= i64::from(EXTENT) + 2 * i64::from(BUFFER)
    }

    /// Notes what a zoom's tiles carry of it.
    pub(super) fn write(&mut self, z: u8, mut parts: Vec<Vec<Unit>>) {
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
}

fn begin_at_least(ring: &mut [Unit]) {
    if let Some(least) = ring.iter().enumerate().min_by_key(|(_, p)| **p).map(|(at, _)| at) {
        ring.rotate_left(least);
    }
}

#[cfg(test)]
mod tests {
    use geo::{Coord, LineString, MultiPolygon, Polygon, polygon};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::geo::Geometry;
    use crate::tiles::encode::{LayerWriter, Scratch};
    use crate::tiles::values::ValueTable;

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
        let (table, mut one, mut other) = (ValueTable::default(), Scratch::default(), Scratch::default());
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
                let mut writer = LayerWriter::new("o", &table, &mut one);
                if !whole.commands.is_empty() {
                    writer.add_whole(None, outline.kind() == OutlineKind::Areas, whole.start, whole.commands, &[]);
                }
                writer.finish(&mut copied);
                let mut writer = LayerWriter::new("o", &table, &mut other);
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
