//! What a layer's tiles hold, as `TileJSON` 3.0 says it.

use serde_json::{Map, Value, json};

use crate::domain::Layer;
use crate::service::Yitu;
use crate::service::ogc::words;
use crate::tiles::config::TileConfig;
use crate::tiles::drawing::{COARSER, COUNT, MARKERS};

/// A layer's entry in `vector_layers`, from its first to its last zoom, and that of its markers where it has any.
#[must_use]
pub fn vector_layers(yitu: &Yitu, layer: Layer, config: &TileConfig, (first, last): (u8, u8)) -> Vec<Value> {
    let mut fields: Map<_, _> = config.attributes.iter().map(|a| (a.clone(), json!(words::label(layer, a)))).collect();
    let count = json!("这一处代表的个数");
    if config.cluster_below > config.minzoom {
        fields.insert(COUNT.to_owned(), count.clone());
    }
    if let (Some(property), Some(drawing)) = (&config.count_by, yitu.tiles.layers.drawing(layer).as_ref()) {
        fields.extend(drawing.kinds().map(|kind| (format!("{property}.{kind}"), count.clone())));
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
