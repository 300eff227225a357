//! What a layer's tiles hold, as `TileJSON` 3.0 says it.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::domain::viewer::Reach;
use crate::domain::{Feature, Layer, Value as Of, Viewer};
use crate::service::ogc::words;
use crate::service::{Yitu, seen};
use crate::tiles::config::TileConfig;
use crate::tiles::drawing::{COARSER, COUNT, MARKERS};

/// A layer's entry in `vector_layers` as a viewer gets its tiles, from its first to its last zoom, and that of its markers
/// where it has any.
#[must_use]
pub fn vector_layers(
    yitu: &Yitu,
    viewer: &Viewer,
    layer: Layer,
    config: &TileConfig,
    (first, last): (u8, u8),
) -> Vec<Value> {
    let mut fields: Map<_, _> = config.attributes.iter().map(|a| (a.clone(), json!(words::label(layer, a)))).collect();
    let count = json!("这一处代表的个数");
    if config.cluster_below > config.minzoom {
        fields.insert(COUNT.to_owned(), count.clone());
    }
    if let (Some(property), Some(drawing)) = (&config.count_by, yitu.tiles.layers.drawing(layer).as_ref()) {
        let known = kinds_seen(yitu, viewer, layer, property);
        let kinds = drawing.kinds().filter(|kind| known.as_ref().is_none_or(|known| known.contains(*kind)));
        fields.extend(kinds.map(|kind| (format!("{property}.{kind}"), count.clone())));
    }
    if config.max_bytes > 0 {
        fields.insert(COARSER.to_owned(), json!("为控制瓦片大小而画得较粗"));
    }
    let mut layers = vec![json!({
        "id": layer.name(), "description": layer.title(), "minzoom": first, "maxzoom": last,
        "fields": fields,
    })];
    if config.min_area_px > 0.0 {
        layers.push(json!({
            "id": format!("{layer}{MARKERS}"), "description": format!("{}(小于一个像素的)", layer.title()),
            "minzoom": first, "maxzoom": last, "fields": {COUNT: count},
        }));
    }
    layers
}

/// The kinds a viewer's own features are of, where not all of the layer are the viewer's: a rare one would tell of somebody.
fn kinds_seen(yitu: &Yitu, viewer: &Viewer, layer: Layer, property: &str) -> Option<HashSet<String>> {
    if matches!(seen::reach(viewer, layer), Reach::Every | Reach::All) {
        return None;
    }
    let seen = seen::layer(yitu, viewer, layer);
    let at = seen.schema().position(property)?;
    let of = |feature: &Feature| match &feature.values[at] {
        Of::TextList(list) => list.iter().map(ToString::to_string).collect(),
        Of::Text(text) => vec![text.to_string()],
        _ => Vec::new(),
    };
    Some(seen.iter().flat_map(|f| of(f)).collect())
}
