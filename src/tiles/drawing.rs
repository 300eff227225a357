//! One layer prepared for its tiles: once when it is loaded, and then with each change.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::encode::{Column, EXTENT, LayerWriter, Scratch, Unit};
use super::outline::{Outline, OutlineKind, WholeOutline};
use super::points::{PointColumns, PointRow, Units, tiles_around, unit_shift};
use super::pyramid::{CELL_ZOOMS, Counted, Pyramid, Sum, gather};
use super::rules::{Derived, KindLists, LayerRules, Row};
use super::shapes::{COARSEST, ShapeRow, Shapes};
use super::values::{ABSENT, ValueTable};
use crate::domain::{Feature, FeatureId, Value};
use crate::geo::{Geometry, TileId, TileRanges, World};

/// Clusters of a tile along each side: 64 pixels each.
const CELLS: i32 = 1 << CELL_ZOOMS;
/// Marks what is drawn coarser than the zoom would have it, to stay within a tile's bytes.
pub const COARSER: &str = "coarser";
/// How many points a cluster or a marker stands for.
pub const COUNT: &str = "count";
/// Follows a layer's name in the name of the layer that counts what is too small to be drawn.
pub const MARKERS: &str = "_markers";

/// A layer, ready to be drawn.
#[derive(Debug)]
pub struct Drawing {
    rules: LayerRules,
    values: ValueTable,
    kinds: KindLists,
    points: PointColumns,
    pyramid: Option<Pyramid>,
    shapes: Shapes,
}

/// What of a layer a viewer asks for.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The attributes' bits; a tile has those of them that its zoom has.
    pub attributes: u32,
    /// Which features, by their ids; all when absent.
    pub admits: Option<&'a dyn Fn(FeatureId) -> bool>,
    /// Only points of these parts, such as the viewer's grids; all when absent.
    pub parts: Option<&'a BTreeSet<FeatureId>>,
    /// And these points, whatever part they are of.
    pub also: Option<&'a BTreeSet<FeatureId>>,
}

impl Wanted<'_> {
    fn takes(&self, id: FeatureId, part: FeatureId) -> bool {
        let is_in = |some: &BTreeSet<FeatureId>, id| some.contains(&id);
        self.parts.is_none_or(|parts| is_in(parts, part) || self.also.is_some_and(|also| is_in(also, id)))
            && self.admits.is_none_or(|admits| admits(id))
    }
}

/// A tile, and what it shows of a cell: where its cluster stands, how many it counts, and of each kind.
type ShownCell = ((u8, (u32, u32)), Option<(Unit, u32, Vec<u32>)>);

/// A feature as it was and as it is.
pub type Change = (FeatureId, Option<Arc<Feature>>, Option<Arc<Feature>>);

impl Drawing {
    /// All of a layer.
    #[must_use]
    pub fn load<'a>(rules: LayerRules, features: impl Iterator<Item = &'a Feature>, derived: Derived<'_>) -> Self {
        let mut values = ValueTable::default();
        let mut kinds = KindLists::default();
        let config = rules.config();
        let pyramid =
            (config.cluster_below > config.minzoom).then(|| Pyramid::new(config.minzoom..=config.cluster_below - 1));
        let mut points: Vec<(u64, &Feature)> = Vec::new();
        let mut shapes: Vec<&Feature> = Vec::new();
        for feature in features {
            match place(feature) {
                Some(at) => points.push((at.morton(), feature)),
                None => shapes.push(feature),
            }
        }
        // Values come in the order tiles read them in.
        points.sort_unstable_by_key(|(code, feature)| (*code, feature.id));
        shapes.sort_unstable_by_key(|feature| feature.id);
        let outlines: Vec<(FeatureId, Outline, Row)> = shapes
            .into_iter()
            .filter_map(|f| Some((f.id, Outline::of(f.geometry.as_ref()?)?, f)))
            .map(|(id, outline, f)| (id, outline, rules.row(f, derived, &mut values, &mut kinds)))
            .collect();
        let shapes = Shapes::load(config, outlines.into_iter());
        let attributes = config.attributes.len();
        let mut drawing = Self { rules, values, kinds, points: PointColumns::new(attributes), pyramid, shapes };
        for (code, feature) in points {
            let row = drawing.rules.row(feature, derived, &mut drawing.values, &mut drawing.kinds);
            drawing.insert(feature.id, World::from_morton(code), &row);
        }
        drawing.count_shapes();
        let numbers = drawing.values.arrange();
        for value in drawing.points.values_mut().chain(drawing.shapes.values_mut()).filter(|v| **v != ABSENT) {
            *value = numbers[*value as usize];
        }
        drawing.points.shrink();
        drawing
    }

    /// Shapes of a layer whose low zooms are clusters are counted where their middle is.
    fn count_shapes(&mut self) {
        let Some(pyramid) = &mut self.pyramid else { return };
        for (_, shape) in self.shapes.iter() {
            pyramid.add(&counted(shape, &self.kinds));
        }
    }

    /// The layer's rules.
    #[must_use]
    pub fn rules(&self) -> &LayerRules {
        &self.rules
    }

    /// The kinds that clusters count, in the order of their names.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.kinds.names().map(|(_, name)| name)
    }

    /// Memory it holds, bytes, about.
    #[must_use]
    pub fn resident(&self) -> usize {
        let pyramid = self.pyramid.as_ref().map_or(0, Pyramid::resident);
        self.values.resident() + self.points.resident() + pyramid + self.shapes.resident()
    }

    /// Takes over changes. Answers the tiles whose bytes are others now, and those of the last zoom in which anything
    /// changed, however little.
    pub fn put(&mut self, changes: &[Change], derived: Derived<'_>) -> (TileRanges, TileRanges) {
        let (mut tiles, mut beyond) = (TileRanges::default(), TileRanges::default());
        let mut shapes = Vec::new();
        for (id, before, now) in changes {
            let was = before.as_deref().and_then(place);
            let is = now.as_deref().and_then(place);
            if was.is_some() || is.is_some() {
                let now = now.as_deref().zip(is);
                self.put_point(*id, was, now, derived, (&mut tiles, &mut beyond));
            }
            let outline = now.as_deref().filter(|_| is.is_none()).and_then(|f| Outline::of(f.geometry.as_ref()?));
            if outline.is_some() || self.shapes.get(*id).is_some() {
                let now = outline.zip(now.as_deref());
                let rules = &self.rules;
                let now = now.map(|(o, f)| (o, rules.row(f, derived, &mut self.values, &mut self.kinds)));
                shapes.push((*id, now));
            }
        }
        self.put_shapes(shapes, (&mut tiles, &mut beyond));
        tiles.join();
        beyond.join();
        (tiles, beyond)
    }

    fn put_shapes(
        &mut self,
        shapes: Vec<(FeatureId, Option<(Outline, Row)>)>,
        (tiles, beyond): (&mut TileRanges, &mut TileRanges),
    ) {
        if shapes.is_empty() {
            return;
        }
        let ids: Vec<FeatureId> = shapes.iter().map(|(id, _)| *id).collect();
        self.recount(&ids, tiles, false);
        let gone = self.shapes.put(shapes, &self.rules, (tiles, beyond));
        self.recount(&ids, tiles, true);
        for row in gone {
            row.values.into_iter().chain([row.coverage]).for_each(|id| self.values.release(id));
        }
    }

    /// Counts shapes in the clusters, or counts them no more; where shapes are clusters at some zooms.
    fn recount(&mut self, ids: &[FeatureId], tiles: &mut TileRanges, add: bool) {
        let Some(pyramid) = &mut self.pyramid else { return };
        for shape in ids.iter().filter_map(|id| self.shapes.get(*id)) {
            let point = counted(shape, &self.kinds);
            if add {
                pyramid.add(&point);
            } else {
                pyramid.take(&point);
            }
            pyramid.zooms().for_each(|z| tiles.add_tile(z, point.at.tile(z)));
        }
    }

    fn insert(&mut self, id: FeatureId, at: World, row: &Row) {
        let Row { zooms, rank, part, kinds, .. } = *row;
        if let Some(pyramid) = &mut self.pyramid {
            pyramid.add(&Counted { at, part, zooms, kinds: self.kinds.list(kinds) });
        }
        self.points.insert(PointRow { id, at, zooms, rank, part, values: &row.values, kinds });
        // Points belong to no coverage.
        self.values.release(row.coverage);
    }

    fn put_point(
        &mut self,
        id: FeatureId,
        was: Option<World>,
        now: Option<(&Feature, World)>,
        derived: Derived<'_>,
        (tiles, beyond): (&mut TileRanges, &mut TileRanges),
    ) {
        let places: Vec<World> = was.into_iter().chain(now.map(|(_, at)| at)).collect();
        let cells_before = self.cells(&places);
        // The new values are taken before the old ones are given back: what stays keeps its number.
        let row = now.map(|(f, at)| (self.rules.row(f, derived, &mut self.values, &mut self.kinds), at));
        let old = was.and_then(|at| self.points.remove(id, at));
        if let Some((_, old)) = &old
            && let Some(pyramid) = &mut self.pyramid
        {
            let PointRow { at, part, zooms, kinds, .. } = *old;
            pyramid.take(&Counted { at, part, zooms, kinds: self.kinds.list(kinds) });
        }
        if let Some((row, at)) = &row {
            self.insert(id, *at, row);
        }
        let cells_after = self.cells(&places);
        for (cell, _) in cells_before.iter().zip(&cells_after).filter(|(a, b)| a != b) {
            let (z, tile) = cell.0;
            tiles.add_tile(z, tile);
        }
        let first = self.rules.config().minzoom.max(self.rules.config().cluster_below);
        for z in first..=self.rules.config().maxzoom {
            let mask = self.rules.mask(z);
            let old = old.as_ref().map(|(values, p)| look(p.at, (p.zooms, p.rank), values, z, mask));
            let new = row.as_ref().map(|(r, at)| look(*at, (r.zooms, r.rank), &r.values, z, mask));
            let (old, new) = (old.flatten(), new.flatten());
            if old != new {
                let shown = [(old.is_some(), was), (new.is_some(), now.map(|(_, at)| at))];
                for at in shown.into_iter().filter_map(|(shown, at)| at.filter(|_| shown)) {
                    add_around(at, z, tiles);
                }
            }
        }
        for at in places {
            add_around(at, self.rules.config().maxzoom, beyond);
        }
        if let Some((values, _)) = old {
            for id in values {
                self.values.release(id);
            }
        }
    }

    /// The tile of each place at each zoom of clusters, and what is shown of the cell it lies in.
    fn cells(&self, places: &[World]) -> Vec<ShownCell> {
        let Some(pyramid) = &self.pyramid else { return Vec::new() };
        let shown = |at: World, z: u8| {
            let (x, y) = at.tile(z);
            let units = TileId::new(z, x, y).map(Units::of);
            let sum = pyramid.cell_of(at, z)?;
            Some((units?.floor(sum.mean()), sum.count, sum.kinds.clone()))
        };
        places.iter().flat_map(|at| pyramid.zooms().map(move |z| ((z, at.tile(z)), shown(*at, z)))).collect()
    }

    /// How many features drawing a tile looks at, about.
    #[must_use]
    pub fn count_about(&self, tile: TileId) -> usize {
        let clusters = (CELLS * CELLS) as usize;
        let config = self.rules.config();
        match tile.z() {
            z if z < config.minzoom => 0,
            z if z < config.cluster_below => clusters,
            _ => self.points.count_in(tile) + self.shapes.count_about(tile),
        }
    }

    /// The points that drawing a tile looks at, in no order; nothing where more than `most` lie in it.
    #[must_use]
    pub fn points_near(&self, tile: TileId, most: usize) -> Option<Vec<FeatureId>> {
        if self.points.count_in(tile) > most {
            return None;
        }
        let mut ids = Vec::new();
        self.points.in_tile(tile, true, |_, row| ids.push(row.id));
        Some(ids)
    }

    /// Appends the layer to a tile's bytes.
    pub fn render(&self, tile: TileId, wanted: &Wanted<'_>, scratch: &mut Scratch, out: &mut Vec<u8>) {
        let config = self.rules.config();
        let z = tile.z();
        if z < config.minzoom {
            return;
        }
        if z < config.cluster_below {
            self.render_clusters(tile, wanted, scratch, out);
            return;
        }
        let max_bytes = config.max_bytes(z);
        let near = self.shapes.near_tile(tile).into_iter();
        let near: Vec<_> = near.filter(|(id, shape)| wanted.takes(*id, shape.row.part)).collect();
        for coarser in 0..=COARSEST {
            let mut writer = LayerWriter::new(self.rules.name(), &self.values, scratch);
            let fits = |writer: &LayerWriter<'_>| max_bytes == 0 || writer.len() <= max_bytes;
            if coarser == 0 {
                self.write_points(&mut writer, tile, wanted);
            } else {
                self.write_gathered(&mut writer, tile, wanted, CELLS >> (coarser - 1));
            }
            if fits(&writer) {
                self.write_shapes(&mut writer, tile, (&near, wanted.attributes), coarser);
            }
            if coarser == COARSEST || fits(&writer) {
                writer.finish(out);
                self.render_markers(tile, &near, coarser, scratch, out);
                return;
            }
        }
    }

    fn render_clusters(&self, tile: TileId, wanted: &Wanted<'_>, scratch: &mut Scratch, out: &mut Vec<u8>) {
        let Some(pyramid) = &self.pyramid else { return };
        let (z, x, y) = (tile.z(), tile.x(), tile.y());
        let mut writer = LayerWriter::new(self.rules.name(), &self.values, scratch);
        let units = Units::of(tile);
        // The sums of the pyramid are told apart by part alone.
        if wanted.admits.is_some() || wanted.also.is_some_and(|also| !also.is_empty()) {
            self.write_gathered(&mut writer, tile, wanted, CELLS);
        } else if let Some(parts) = wanted.parts {
            for sum in pyramid.in_tile_of(z, x, y, parts) {
                self.write_cluster(&mut writer, units.floor(sum.mean()), &sum, false);
            }
        } else {
            for sum in pyramid.in_tile(z, x, y) {
                self.write_cluster(&mut writer, units.floor(sum.mean()), sum, false);
            }
        }
        writer.finish(out);
    }

    /// Joins the points of a tile, and the middles of its shapes where those are clusters too, as they are asked for.
    fn write_gathered(&self, writer: &mut LayerWriter<'_>, tile: TileId, wanted: &Wanted<'_>, per_side: i32) {
        let mut points: Vec<(Unit, u32)> = Vec::new();
        self.points.in_tile(tile, false, |unit, row| {
            if wanted.takes(row.id, row.part) {
                points.push((unit, row.kinds));
            }
        });
        let clusters = tile.z() < self.rules.config().cluster_below;
        if clusters {
            let units = Units::of(tile);
            for (id, shape) in self.shapes.near_tile(tile) {
                if wanted.takes(id, shape.row.part) {
                    points.push((units.floor(shape.middle()), shape.row.kinds));
                }
            }
        }
        let counted = points.iter().map(|(unit, kinds)| (*unit, self.kinds.list(*kinds)));
        for (unit, sum) in gather(counted, per_side) {
            self.write_cluster(writer, unit, &sum, !clusters);
        }
    }

    fn write_cluster(&self, writer: &mut LayerWriter<'_>, at: Unit, sum: &Sum, coarser: bool) {
        let mut tags = Vec::with_capacity(2 + sum.kinds.len());
        let mut tag = |writer: &mut LayerWriter<'_>, key: &str, value: Value| {
            let key = writer.key(key);
            tags.extend(writer.value(&value).map(|value| (key, value)));
        };
        tag(writer, COUNT, Value::Int(i64::from(sum.count)));
        if let Some(property) = &self.rules.config().count_by {
            for (number, kind) in self.kinds.names() {
                if let Some(n) = sum.kinds.get(number).filter(|n| **n > 0) {
                    tag(writer, &format!("{property}.{kind}"), Value::Int(i64::from(*n)));
                }
            }
        }
        if coarser {
            tag(writer, COARSER, Value::Bool(true));
        }
        writer.add_point(at, &tags);
    }

    fn write_points(&self, writer: &mut LayerWriter<'_>, tile: TileId, wanted: &Wanted<'_>) {
        let mask = wanted.attributes & self.rules.mask(tile.z());
        let columns = self.columns(writer, mask);
        let mut write = |id: FeatureId, unit: Unit, values: &[u32]| {
            writer.add_row_point(id.unsigned_abs(), unit, &columns, values);
        };
        if self.rules.config().sort.is_none() {
            self.points.in_tile(tile, true, |unit, row| {
                if wanted.takes(row.id, row.part) {
                    write(row.id, unit, row.values);
                }
            });
            return;
        }
        let mut rows = Vec::new();
        self.points.in_tile(tile, true, |unit, row| {
            if wanted.takes(row.id, row.part) {
                rows.push((row.rank, row.id, unit, row.values.to_vec()));
            }
        });
        rows.sort_unstable_by_key(|(rank, id, ..)| (*rank, *id));
        for (_, id, unit, values) in &rows {
            write(*id, *unit, values);
        }
    }

    /// Where wanted attributes are in a row, and the numbers of their names.
    fn columns(&self, writer: &mut LayerWriter<'_>, mask: u32) -> Vec<Column> {
        let wanted = self.rules.attributes().enumerate().filter(|(at, _)| mask >> at & 1 == 1);
        wanted.map(|(at, name)| (at, writer.key(name))).collect()
    }

    fn write_shapes(
        &self,
        writer: &mut LayerWriter<'_>,
        tile: TileId,
        (near, attributes): (&[(FeatureId, &ShapeRow)], u32),
        coarser: u8,
    ) {
        if near.is_empty() {
            return;
        }
        let detail = tile.z().saturating_sub(coarser).max(self.rules.config().minzoom);
        let columns = self.columns(writer, attributes & self.rules.mask(tile.z()));
        let mut tags: Vec<(u32, u32)> = Vec::with_capacity(columns.len() + 1);
        for (id, shape) in near {
            let Some(outline) = shape.drawn_at(detail) else { continue };
            let whole = if detail == tile.z() { outline.whole_in(tile) } else { None };
            let cut = if whole.is_none() { outline.in_tile(tile, detail) } else { None };
            if whole.map_or(cut.is_none(), |whole| whole.commands.is_empty()) {
                continue;
            }
            writer.tags_of(&columns, &shape.row.values, &mut tags);
            if coarser > 0 {
                let key = writer.key(COARSER);
                tags.extend(writer.value(&Value::Bool(true)).map(|value| (key, value)));
            }
            if let Some(WholeOutline { start, commands }) = whole {
                writer.add_whole(Some(id.unsigned_abs()), outline.kind() == OutlineKind::Areas, start, commands, &tags);
            } else if let Some(shape) = cut {
                writer.add(Some(id.unsigned_abs()), &shape, &tags);
            }
        }
    }

    /// Counts the areas of a tile that are too small to be drawn.
    fn render_markers(
        &self,
        tile: TileId,
        near: &[(FeatureId, &ShapeRow)],
        coarser: u8,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) {
        let detail = tile.z().saturating_sub(coarser).max(self.rules.config().minzoom);
        let units = Units::of(tile);
        let small = near.iter().filter_map(|(_, shape)| Some((units.floor(shape.marker_at(detail)?), &[][..])));
        let gathered = gather(small, CELLS);
        if gathered.is_empty() {
            return;
        }
        let mut writer = LayerWriter::new(format!("{}{MARKERS}", self.rules.name()), &self.values, scratch);
        for (at, sum) in gathered {
            self.write_cluster(&mut writer, at, &sum, false);
        }
        writer.finish(out);
    }
}

/// What a zoom's tiles show of a point: its unit, its order, its values; nothing where it does not show.
fn look(at: World, (zooms, rank): (u32, i64), values: &[u32], z: u8, mask: u32) -> Option<((u32, u32), i64, Vec<u32>)> {
    let shift = unit_shift(z).max(0) as u32;
    let values = values.iter().enumerate().filter(|(at, _)| mask >> at & 1 == 1).map(|(_, v)| *v).collect();
    (zooms >> z & 1 == 1).then_some(((at.x >> shift, at.y >> shift), rank, values))
}

fn add_around(at: World, z: u8, tiles: &mut TileRanges) {
    let (columns, rows) = tiles_around(at, z);
    (rows.0..=rows.1).for_each(|y| tiles.add_row(z, y, columns));
}

/// The place of a feature that is one point.
fn place(feature: &Feature) -> Option<World> {
    match &feature.geometry {
        Some(Geometry::Point(p)) => Some(World::of(p.x(), p.y())),
        _ => None,
    }
}

fn counted<'a>(shape: &ShapeRow, kinds: &'a KindLists) -> Counted<'a> {
    let row = &shape.row;
    Counted { at: shape.middle(), part: row.part, zooms: row.zooms, kinds: kinds.list(row.kinds) }
}

const _: () = assert!(EXTENT as i32 % CELLS == 0);
