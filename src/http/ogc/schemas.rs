//! What a collection's items can be filtered (Part 3, queryables) and sorted by.

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Plain};
use crate::domain::{Layer, PropertyKind};
use crate::http::Answer;
use crate::http::extract::Asker;
use crate::service::Yitu;
use crate::service::ogc::{self, words};

/// What filters can name, as JSON Schema.
#[utoipa::path(get, path = "/ogc/collections/{collectionId}/queryables", operation_id = "getQueryables", tag = "ogc",
    params(("collectionId" = String, Path, description = "A layer's name"), super::asked::Form),
    responses((status = 200, description = "JSON Schema", content((Value = "application/schema+json"), (String = "text/html")))))]
pub async fn queryables(
    State(yitu): State<Yitu>,
    _asker: Asker,
    Path(name): Path<String>,
    Plain(asked): Plain,
) -> Answer<Response> {
    let layer = ogc::collection(&name)?;
    let mut properties = described(&yitu, layer, |_| true);
    properties.insert(
        "geometry".to_owned(),
        json!({"title": "图形", "format": "geometry-any", "x-ogc-role": "primary-geometry"}),
    );
    Ok(schema(layer, "queryables", &properties, &asked))
}

/// What `sortby` can name, as JSON Schema.
#[utoipa::path(get, path = "/ogc/collections/{collectionId}/sortables", operation_id = "getSortables", tag = "ogc",
    params(("collectionId" = String, Path, description = "A layer's name"), super::asked::Form),
    responses((status = 200, description = "JSON Schema", content((Value = "application/schema+json"), (String = "text/html")))))]
pub async fn sortables(
    State(yitu): State<Yitu>,
    _asker: Asker,
    Path(name): Path<String>,
    Plain(asked): Plain,
) -> Answer<Response> {
    let layer = ogc::collection(&name)?;
    let properties = described(&yitu, layer, |kind| kind != PropertyKind::TextList);
    Ok(schema(layer, "sortables", &properties, &asked))
}

/// A layer's properties as JSON Schema, with their Chinese names and the codes they take.
pub(super) fn described(yitu: &Yitu, layer: Layer, wanted: impl Fn(PropertyKind) -> bool) -> Map<String, Value> {
    let schema = ogc::schema(yitu, layer);
    let mut properties = Map::new();
    properties.insert("id".to_owned(), json!({"title": "标识", "type": "integer", "x-ogc-role": "id"}));
    for (name, kind) in schema.names().iter().zip(schema.kinds()).filter(|(_, kind)| wanted(**kind)) {
        let mut about = match kind {
            PropertyKind::Int => json!({"type": "integer"}),
            PropertyKind::Float => json!({"type": "number"}),
            PropertyKind::Bool => json!({"type": "boolean"}),
            PropertyKind::Text => json!({"type": "string"}),
            PropertyKind::TextList => json!({"type": "array", "items": {"type": "string"}}),
            PropertyKind::Day => json!({"type": "string", "format": "date"}),
            PropertyKind::Instant => json!({"type": "string", "format": "date-time"}),
        };
        about["title"] = words::label(layer, name).into();
        if let Some(codes) = words::codes(layer, name) {
            about["enum"] = codes.iter().map(|c| c.0).collect();
        }
        properties.insert(name.to_string(), about);
    }
    properties
}

fn schema(layer: Layer, what: &str, properties: &Map<String, Value>, asked: &Asked) -> Response {
    let body = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("{}/collections/{layer}/{what}", asked.base),
        "type": "object",
        "title": layer.title(),
        "properties": properties,
        "additionalProperties": false,
    });
    asked.answer(&body, "application/schema+json")
}
