//! A layer's lines and areas, prepared for drawing.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, Envelope, RTree};

use super::config::TileConfig;
use super::outline::{Outline, OutlineKind, WorldBox};
use super::points::unit_shift;
use super::rules::{LayerRules, Row};
use super::simplify::{NEXT_TO, Tolerances, Topology, kept_from};
use super::touched::{Far, tiles_of};
use crate::domain::FeatureId;
use crate::geo::world::corner;
use crate::geo::{TileId, TileRanges, World};

type Entry = GeomWithData<Rectangle<[f64; 2]>, FeatureId>;

/// More shapes changed at once than these prepare the whole layer anew.
const FEW: usize = 500;
/// Zooms whose detail a tile that is too large may be drawn with instead.
pub const COARSEST: u8 = 3;

/// One shape as tiles show it.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapeRow {
    /// Its own outline, with the corners of its neighbours on it.
    pub outline: Outline,
    /// As it was given, where neighbours have corners on it.
    given: Option<Outline>,
    /// The rest of it.
    pub row: Row,
    /// Its area in square steps.
    pub area: f64,
    /// The zoom from which it is drawn for itself; below, markers count it.
    pub drawn_from: u8,
    /// What it is drawn as, from a zoom to another, where smaller neighbours fold into it.
    pub folded: Vec<(u8, u8, Outline)>,
    bounds: WorldBox,
}

impl ShapeRow {
    fn new(outline: Outline, row: Row) -> Self {
        let (bounds, area) = (outline.bounds(), outline.area());
        Self { outline, given: None, row, area, drawn_from: 0, folded: Vec::new(), bounds }
    }

    fn given(&self) -> &Outline {
        self.given.as_ref().unwrap_or(&self.outline)
    }

    /// Whether a zoom's tiles have it at all.
    #[must_use]
    pub fn shows_at(&self, z: u8) -> bool {
        self.row.zooms >> z & 1 == 1
    }

    /// What a zoom's tiles draw of it; nothing where a marker stands for it.
    #[must_use]
    pub fn drawn_at(&self, z: u8) -> Option<&Outline> {
        if !self.shows_at(z) || z < self.drawn_from {
            return None;
        }
        let folded = self.folded.iter().find(|(from, to, _)| (*from..=*to).contains(&z));
        Some(folded.map_or(&self.outline, |(_, _, outline)| outline))
    }

    /// Where its marker stands, at the zooms that have one.
    #[must_use]
    pub fn marker_at(&self, z: u8) -> Option<World> {
        (self.shows_at(z) && z < self.drawn_from).then(|| self.middle())
    }

    /// The middle of its box as it was given.
    #[must_use]
    pub fn middle(&self) -> World {
        let (low, high) = self.bounds;
        World { x: low.x + (high.x - low.x) / 2, y: low.y + (high.y - low.y) / 2 }
    }
}

/// The shapes of a layer.
pub type ShapeRows = HashMap<FeatureId, ShapeRow>;
/// Shapes as they were before a change.
type Before = HashMap<FeatureId, Option<ShapeRow>>;

/// Shapes by id, with an R-tree over their boxes.
#[derive(Debug)]
pub struct Shapes {
    tolerances: Tolerances,
    zooms: (u8, u8),
    /// The least area drawn by zoom from the first, square steps.
    least_areas: Vec<f64>,
    rows: ShapeRows,
    tree: RTree<Entry>,
    /// How edges meet, where the layer's areas share them.
    topology: Option<Topology>,
}

impl Shapes {
    /// All of a layer.
    #[must_use]
    pub fn load(config: &TileConfig, shapes: impl Iterator<Item = (FeatureId, Outline, Row)>) -> Self {
        let rows: ShapeRows = shapes.map(|(id, o, row)| (id, ShapeRow::new(o, row))).collect();
        let (first, last) = (config.minzoom, config.maxzoom);
        let unit = |z: u8| 8.0 * f64::powi(2.0, unit_shift(z));
        let mut shapes = Self {
            tolerances: Tolerances::new(first, last, |z| config.tolerance_px(z)),
            zooms: (first, last),
            least_areas: (first..=last).map(|z| config.min_area_px(z) * unit(z) * unit(z)).collect(),
            tree: RTree::bulk_load(rows.iter().map(|(id, row)| entry(*id, row.bounds)).collect()),
            topology: config.coverage.then(|| Topology::of(rows.values().map(|r| &r.outline))),
            rows,
        };
        shapes.prepare_all();
        shapes
    }

    /// The numbers of all values, wherever they are used.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut u32> {
        self.rows.values_mut().flat_map(|shape| shape.row.values.iter_mut().chain([&mut shape.row.coverage]))
    }

    /// One shape.
    #[must_use]
    pub fn get(&self, id: FeatureId) -> Option<&ShapeRow> {
        self.rows.get(&id)
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (FeatureId, &ShapeRow)> {
        self.rows.iter().map(|(id, row)| (*id, row))
    }

    /// Those whose box meets a tile with its buffer, by their place in the order of drawing.
    #[must_use]
    pub fn near_tile(&self, tile: TileId) -> Vec<(FeatureId, &ShapeRow)> {
        let side = f64::powi(2.0, 32 - i32::from(tile.z()));
        let (at, buffer) = (corner(tile), side / 16.0);
        let low = [f64::from(at.x) - buffer, f64::from(at.y) - buffer];
        let area = AABB::from_corners(low, [low[0] + side + 2.0 * buffer, low[1] + side + 2.0 * buffer]);
        let mut found: Vec<_> = self
            .tree
            .locate_in_envelope_intersecting(&area)
            .filter_map(|e| self.rows.get(&e.data).map(|row| (e.data, row)))
            .filter(|(_, row)| row.shows_at(tile.z()))
            .collect();
        found.sort_unstable_by_key(|(id, row)| (row.row.rank, *id));
        found
    }

    /// How many a tile would have if they lay evenly over the layer's extent. O(1).
    #[must_use]
    pub fn count_about(&self, tile: TileId) -> usize {
        let of_layer = self.tree.root().envelope();
        let side = f64::powi(2.0, 32 - i32::from(tile.z()));
        let low = corner(tile);
        let low = [f64::from(low.x), f64::from(low.y)];
        let both = of_layer.intersection_area(&AABB::from_corners(low, [low[0] + side, low[1] + side]));
        let share = if of_layer.area() > 0.0 { both / of_layer.area() } else { 1.0 };
        (self.rows.len() as f64 * share).ceil() as usize
    }

    /// Puts shapes in place of what they were, or takes them out; adds the tiles that show anything else now, and to
    /// `beyond` those of the last zoom that changed in any way. Answers the rows that are no more.
    pub fn put(
        &mut self,
        changes: Vec<(FeatureId, Option<(Outline, Row)>)>,
        rules: &LayerRules,
        (tiles, beyond): (&mut TileRanges, &mut TileRanges),
    ) -> Vec<Row> {
        let mut before: Before = HashMap::new();
        let mut moved: Vec<WorldBox> = Vec::new();
        let mut gone = Vec::new();
        for (id, now) in changes {
            let old = self.rows.remove(&id);
            gone.extend(old.as_ref().map(|o| o.row.clone()));
            let same_place = match (&old, &now) {
                (Some(old), Some((outline, _))) => old.given().is_same_place(outline),
                _ => false,
            };
            if same_place {
                if let (Some(old), Some((_, row))) = (&old, now) {
                    self.rows.insert(id, ShapeRow { row, ..old.clone() });
                }
            } else {
                if let Some(old) = &old {
                    self.tree.remove(&entry(id, old.bounds));
                    moved.push(old.bounds);
                    if let Some(topology) = &mut self.topology {
                        topology.take(&old.outline);
                    }
                }
                if let Some((outline, row)) = now {
                    let row = ShapeRow::new(outline, row);
                    self.tree.insert(entry(id, row.bounds));
                    moved.push(row.bounds);
                    if let Some(topology) = &mut self.topology {
                        topology.add(&row.outline);
                    }
                    self.rows.insert(id, row);
                }
            }
            before.entry(id).or_insert(old);
        }
        self.prepare(&moved, &mut before);
        for (id, old) in &before {
            self.compare(old.as_ref(), self.rows.get(id), rules, tiles, beyond);
        }
        gone
    }

    /// Prepares what may look otherwise now that shapes came or went within some boxes; notes how it was.
    fn prepare(&mut self, moved: &[WorldBox], before: &mut Before) {
        if moved.is_empty() {
            return;
        }
        let affected: BTreeSet<FeatureId> = if self.topology.is_none() {
            before.keys().copied().collect()
        } else if moved.len() > FEW {
            self.rows.keys().copied().collect()
        } else {
            let near = |bounds: &WorldBox| self.tree.locate_in_envelope_intersecting(&around(*bounds)).map(|e| e.data);
            moved.iter().flat_map(near).collect()
        };
        for id in &affected {
            if let Some(row) = self.rows.get(id) {
                before.entry(*id).or_insert_with(|| Some(row.clone()));
            }
        }
        self.node(&affected);
        for id in affected {
            self.prepare_one(id);
        }
        self.fold(before);
    }

    /// Gives shapes the corners their neighbours have on them now.
    fn node(&mut self, ids: &BTreeSet<FeatureId>) {
        let Some(topology) = &mut self.topology else { return };
        for id in ids {
            if let Some(row) = self.rows.get_mut(id)
                && let Some(given) = row.given.take()
            {
                topology.take(&row.outline);
                topology.add(&given);
                row.outline = given;
            }
        }
        for id in ids {
            let Some(row) = self.rows.get_mut(id).filter(|r| r.outline.kind() == OutlineKind::Areas) else { continue };
            if let Some(noded) = topology.noded(&row.outline) {
                topology.take(&row.outline);
                topology.add(&noded);
                row.given = Some(std::mem::replace(&mut row.outline, noded));
            }
        }
    }

    fn prepare_all(&mut self) {
        let ids: BTreeSet<FeatureId> = self.rows.keys().copied().collect();
        self.node(&ids);
        for id in ids {
            self.prepare_one(id);
        }
        self.fold(&mut HashMap::new());
    }

    fn prepare_one(&mut self, id: FeatureId) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        let kept = kept_from(&row.outline, self.topology.as_ref(), &self.tolerances);
        row.outline.keep(kept, self.zooms.0..=self.zooms.1);
        row.drawn_from = 0;
        if row.outline.kind() == OutlineKind::Areas {
            let zooms = self.zooms.0..=self.zooms.1;
            let is_lost =
                |(z, least): (u8, &f64)| *least > 0.0 && (row.area < *least || row.outline.drawn(z).is_empty());
            let lost = zooms.zip(&self.least_areas).rev().find(|at| is_lost(*at));
            row.drawn_from = lost.map_or(0, |(z, _)| z + 1);
        }
    }

    /// Lets areas that are too small for a zoom fold into the neighbour they share the longest border with.
    fn fold(&mut self, before: &mut Before) {
        if self.topology.is_none() {
            return;
        }
        let folded = super::fold::fold(&self.rows, self.zooms, |bounds| {
            self.tree.locate_in_envelope_intersecting(&envelope(bounds)).map(|e| e.data).collect()
        });
        for (id, row) in &mut self.rows {
            let now = folded.get(id);
            if now.map_or(&[][..], Vec::as_slice) != row.folded.as_slice() {
                before.entry(*id).or_insert_with(|| Some(row.clone()));
                row.folded = now.cloned().unwrap_or_default();
            }
        }
    }

    /// Adds the tiles in which two states of a shape look different.
    fn compare(
        &self,
        old: Option<&ShapeRow>,
        new: Option<&ShapeRow>,
        rules: &LayerRules,
        tiles: &mut TileRanges,
        beyond: &mut TileRanges,
    ) {
        if old == new {
            return;
        }
        for z in self.zooms.0..=self.zooms.1 {
            // A tile that is too large is drawn with the detail of lower zooms.
            let coarsest = if rules.config().max_bytes(z) > 0 { COARSEST } else { 0 };
            for detail in z.saturating_sub(coarsest).max(self.zooms.0)..=z {
                compare_at(z, detail, (old, new), rules, tiles);
            }
        }
        for row in old.into_iter().chain(new) {
            let (low, high) = row.bounds;
            let z = self.zooms.1;
            let edge = |at: World, by: i64| {
                let (x, y) = at.tile(z);
                (i64::from(x) + by, i64::from(y) + by)
            };
            let (first, last) = (edge(low, -1), edge(high, 1));
            (first.1..=last.1).for_each(|y| beyond.add_row(z, y, (first.0, last.0)));
        }
    }

    /// Memory the outlines hold, bytes, about.
    #[must_use]
    pub fn resident(&self) -> usize {
        let outlines = |r: &ShapeRow| {
            let folded: usize = r.folded.iter().map(|(_, _, outline)| outline.resident()).sum();
            r.outline.resident() + r.given.as_ref().map_or(0, Outline::resident) + folded
        };
        self.rows.values().map(|r| outlines(r) + size_of::<ShapeRow>() + size_of::<Entry>()).sum()
    }
}

/// Adds the tiles of a zoom in which two states of a shape look different with the detail of a zoom.
fn compare_at(
    z: u8,
    detail: u8,
    (old, new): (Option<&ShapeRow>, Option<&ShapeRow>),
    rules: &LayerRules,
    tiles: &mut TileRanges,
) {
    let marker = |row: Option<&ShapeRow>| row.and_then(|r| r.marker_at(detail)).map(|at| (at, at.tile(z)));
    let (old_marker, new_marker) = (marker(old), marker(new));
    if old_marker != new_marker {
        for (_, tile) in old_marker.into_iter().chain(new_marker) {
            tiles.add_tile(z, tile);
        }
    }
    let mask = rules.mask(z);
    let (a, b) = (old.and_then(|r| drawn(r, detail, mask)), new.and_then(|r| drawn(r, detail, mask)));
    if a == b {
        return;
    }
    let is_area = [&a, &b].into_iter().flatten().any(|(o, _)| o.kind() == OutlineKind::Areas);
    let whole = |drawn: &Option<Drawn<'_>>| drawn.as_ref().map_or_else(Vec::new, |(o, _)| o.segments(z, detail));
    let (before, after) = (whole(&a), whole(&b));
    let same_look = match (&a, &b) {
        (Some((one, look)), Some((other, other_look))) => {
            look == other_look && one.is_tangled(detail) == other.is_tangled(detail) && one.kind() == other.kind()
        }
        _ => false,
    };
    if same_look {
        tiles_of(&difference(&before, &after), is_area, z, tiles);
    } else {
        tiles_of(&before, is_area, z, tiles);
        tiles_of(&after, is_area, z, tiles);
    }
}

/// What a tile shows of a shape: its outline, its values and its place in the order.
type Drawn<'a> = (&'a Outline, (Vec<u32>, i64));

fn drawn(row: &ShapeRow, detail: u8, mask: u32) -> Option<Drawn<'_>> {
    let outline = row.drawn_at(detail)?;
    let values = row.row.values.iter().enumerate().filter(|(at, _)| mask >> at & 1 == 1).map(|(_, v)| *v);
    Some((outline, (values.collect(), row.row.rank)))
}

/// What is in one of two sorted lists more often than in the other.
fn difference(a: &[(Far, Far)], b: &[(Far, Far)]) -> Vec<(Far, Far)> {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut out = Vec::new();
    loop {
        let next = match (a.peek(), b.peek()) {
            (Some(one), Some(other)) if one == other => {
                a.next();
                b.next();
                continue;
            }
            (Some(one), Some(other)) if one < other => a.next(),
            (Some(_), None) => a.next(),
            (_, Some(_)) => b.next(),
            (None, None) => return out,
        };
        out.extend(next.copied());
    }
}

fn entry(id: FeatureId, (low, high): WorldBox) -> Entry {
    let corner = |at: World| [f64::from(at.x), f64::from(at.y)];
    GeomWithData::new(Rectangle::from_corners(corner(low), corner(high)), id)
}

fn envelope((low, high): WorldBox) -> AABB<[f64; 2]> {
    AABB::from_corners([f64::from(low.x), f64::from(low.y)], [f64::from(high.x), f64::from(high.y)])
}

/// A box and what lies next to it.
fn around((low, high): WorldBox) -> AABB<[f64; 2]> {
    let corner = |at: World, by: f64| [f64::from(at.x) + by, f64::from(at.y) + by];
    AABB::from_corners(corner(low, -NEXT_TO), corner(high, NEXT_TO))
}
