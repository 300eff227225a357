//! One layer of one tile.

use std::collections::BTreeMap;

use super::config::TileConfig;
use super::encode::{EXTENT, LayerWriter, Shape, Unit};
use super::shape::{shape, to_units};
use crate::domain::{Feature, Schema, Value};
use crate::geo::{Geometry, TileId};

/// Tile units a pixel of a tile 512 wide.
const UNITS_PER_PX: f64 = EXTENT as f64 / 512.0;
/// Side of a cluster's cell, tile units: 64 pixels.
const CELL: i32 = 512;

/// Appends a layer's features to a tile. `features` are those whose box meets the buffered tile; `derived`
/// computes a property that is not stored.
pub fn render<'a>(
    tile_bytes: &mut Vec<u8>,
    name: &str,
    (schema, config): (&Schema, &TileConfig),
    tile: TileId,
    features: impl Iterator<Item = &'a Feature>,
    derived: &dyn Fn(&Feature, &str) -> Option<Value>,
) {
    let mut writer = LayerWriter::new(name);
    let mut shown: Vec<&Feature> = features.filter(|f| is_shown(f, schema, config, tile.z())).collect();
    // The same tile is the same bytes, whatever order the index answers in.
    shown.sort_unstable_by_key(|f| f.id);
    if tile.z() < config.cluster_below {
        clusters(&mut writer, tile, &shown);
    } else {
        let last = tile.z() >= config.maxzoom;
        let tolerance = if last { 0.0 } else { config.tolerance_px * UNITS_PER_PX };
        let columns: Vec<(&str, Option<usize>)> =
            config.attributes.iter().map(|a| (a.as_str(), schema.position(a))).collect();
        for feature in shown {
            let Some(shape) = feature.geometry.as_ref().and_then(|g| shape(g, tile, tolerance)) else { continue };
            if !last && is_too_small(&shape, config.min_area_px) {
                continue;
            }
            let properties = columns.iter().filter_map(|(name, at)| match at {
                Some(at) => feature.values.get(*at).map(|v| (*name, v.clone())),
                None => derived(feature, name).map(|v| (*name, v)),
            });
            writer.add(Some(feature.id.unsigned_abs()), &shape, properties);
        }
    }
    writer.finish(tile_bytes);
}

fn is_shown(feature: &Feature, schema: &Schema, config: &TileConfig, z: u8) -> bool {
    let Some(later) = &config.from_zoom else { return true };
    let kind = feature.get(schema, &later.property).and_then(Value::as_text);
    kind.and_then(|k| later.values.get(k)).is_none_or(|from| z >= *from)
}

fn is_too_small(shape: &Shape, min_area_px: f64) -> bool {
    let Shape::Rings(rings) = shape else { return false };
    if min_area_px <= 0.0 {
        return false;
    }
    let (mut low, mut high) = ((i32::MAX, i32::MAX), (i32::MIN, i32::MIN));
    for &(x, y) in rings.iter().flatten() {
        low = (low.0.min(x), low.1.min(y));
        high = (high.0.max(x), high.1.max(y));
    }
    let side = |a: i32, b: i32| f64::from(b - a) / UNITS_PER_PX;
    side(low.0, high.0) * side(low.1, high.1) < min_area_px
}

/// Counts points by cell of the tile, each drawn at its points' mean; every point counts in exactly one tile.
fn clusters(writer: &mut LayerWriter, tile: TileId, features: &[&Feature]) {
    let mut cells: BTreeMap<Unit, (i64, f64, f64)> = BTreeMap::new();
    for feature in features {
        let Some(Geometry::Point(point)) = &feature.geometry else { continue };
        let at = to_units(point.0, tile);
        let side = f64::from(EXTENT);
        if !(0.0..side).contains(&at.x) || !(0.0..side).contains(&at.y) {
            continue;
        }
        let cell = cells.entry((at.x as i32 / CELL, at.y as i32 / CELL)).or_default();
        *cell = (cell.0 + 1, cell.1 + at.x, cell.2 + at.y);
    }
    for (count, x, y) in cells.into_values() {
        let n = count as f64;
        let shape = Shape::Points(vec![((x / n).round() as i32, (y / n).round() as i32)]);
        writer.add(None, &shape, [("count", Value::Int(count))]);
    }
}
