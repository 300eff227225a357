//! What a layer's tiles hold, as `TileJSON` 3.0 says it.

use serde_json::{Map, Value, json};

use crate::domain::Layer;
use crate::service::ogc::words;
use crate::tiles::config::TileConfig;

/// A layer's entry in `vector_layers`, from its first to its last zoom.
#[must_use]
pub fn vector_layer(layer: Layer, config: &TileConfig, (first, last): (u8, u8)) -> Value {
    let fields: Map<_, _> = config.attributes.iter().map(|a| (a.clone(), json!(words::label(layer, a)))).collect();
    json!({"id": layer.name(), "description": layer.title(), "minzoom": first, "maxzoom": last, "fields": fields})
}
