//! The API's description: OpenAPI 3.0 with paths under `/ogc`, made of the document of the whole server, which is
//! OpenAPI 3.1. Readers of OGC APIs know 3.0 (Part 1, class oas30).

use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, Value, json};

use super::asked::Plain;
use super::schemas;
use crate::domain::Layer;
use crate::http::extract::Asker;
use crate::service::Yitu;

pub const OPENAPI: &str = "application/vnd.oai.openapi+json;version=3.0";
const SCHEMA: &str = "#/components/schemas/";
const ITEMS: &str = "/collections/{collectionId}/items";

/// Everything but where the server is and which properties its layers have.
static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| document(&serde_json::to_value(crate::http::routes().1).unwrap_or_default()));

/// This description of the API.
#[utoipa::path(get, path = "/ogc/api", operation_id = "getAPI", tag = "ogc", params(super::asked::Form),
    responses((status = 200, description = "OpenAPI 3.0", content_type = "application/vnd.oai.openapi+json;version=3.0", body = Value),
        (status = 303, description = "The documentation for people")))]
pub async fn definition(State(yitu): State<Yitu>, _asker: Asker, Plain(asked): Plain) -> Response {
    if asked.html {
        return Redirect::to("/api/docs").into_response();
    }
    let mut document = DOCUMENT.clone();
    document["servers"] = json!([{"url": asked.base}]);
    if let Some(paths) = document["paths"].as_object_mut() {
        let templated = paths.get(ITEMS).cloned().unwrap_or_default();
        for &layer in Layer::ALL {
            paths.insert(format!("/collections/{layer}/items"), items_of(&yitu, layer, templated.clone()));
        }
    }
    asked.answer(&document, OPENAPI)
}

/// The path of one layer's items, with the layer's properties as parameters: clients that push conditions to the
/// server look for them here (Part 1, recommendation 14).
fn items_of(yitu: &Yitu, layer: Layer, mut path: Value) -> Value {
    let properties = schemas::described(yitu, layer, |_| true);
    let is_named = |p: &Value| p["name"] == "collectionId";
    for (method, operation) in path.as_object_mut().into_iter().flatten() {
        operation["operationId"] = format!("{}.{layer}", operation["operationId"].as_str().unwrap_or(method)).into();
        let Some(parameters) = operation["parameters"].as_array_mut() else { continue };
        parameters.retain(|p| !is_named(p));
        if method == "get" {
            parameters.extend(properties.iter().filter(|(name, _)| *name != "id").map(|(name, about)| {
                let mut schema = about.clone();
                let title = schema.as_object_mut().and_then(|s| s.remove("title")).unwrap_or_default();
                // Of a list, one of its texts is asked for.
                if let Some(items) = schema.get("items") {
                    schema = items.clone();
                }
                json!({"name": name, "in": "query", "required": false, "description": title, "schema": schema})
            }));
        }
    }
    path
}

/// The part of the whole server's document under `/ogc`, as OpenAPI 3.0.
fn document(whole: &Value) -> Value {
    let mut paths = Map::new();
    for (path, item) in whole["paths"].as_object().into_iter().flatten() {
        let Some(rest) = path.strip_prefix("/ogc").filter(|r| r.is_empty() || r.starts_with('/')) else { continue };
        paths.insert(if rest.is_empty() { "/".to_owned() } else { rest.to_owned() }, item.clone());
    }
    let mut document = json!({
        "openapi": "3.0.3",
        "info": {"title": whole["info"]["title"], "description": whole["info"]["description"], "version": whole["info"]["version"]},
        "tags": [{"name": "ogc", "description": "OGC API Features, OGC API Tiles"}],
        "paths": paths,
        "components": {"schemas": {}, "securitySchemes": whole["components"]["securitySchemes"]},
    });
    loop {
        let mut wanted = BTreeSet::new();
        references(&document, &mut wanted);
        let known = document["components"]["schemas"].as_object().cloned().unwrap_or_default();
        let missing: Vec<String> = wanted.into_iter().filter(|name| !known.contains_key(name)).collect();
        if missing.is_empty() {
            break;
        }
        for name in missing {
            let schema = whole["components"]["schemas"].get(&name).cloned().unwrap_or_else(|| json!({}));
            document["components"]["schemas"][name] = schema;
        }
    }
    lower(&mut document);
    document
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            let named = map.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix(SCHEMA));
            found.extend(named.map(str::to_owned));
            map.values().for_each(|v| references(v, found));
        }
        Value::Array(list) => list.iter().for_each(|v| references(v, found)),
        _ => {}
    }
}

/// What 3.1 took over from JSON Schema, in the words of 3.0.
fn lower(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(lower),
        Value::Object(map) => {
            if let Some(Value::Array(kinds)) = map.get("type").cloned() {
                let (null, mut kinds): (Vec<Value>, Vec<Value>) = kinds.into_iter().partition(|k| k == "null");
                match kinds.len() {
                    1 => map.insert("type".to_owned(), kinds.remove(0)),
                    _ => map.remove("type"),
                };
                if !null.is_empty() {
                    map.insert("nullable".to_owned(), true.into());
                }
            }
            for choice in ["oneOf", "anyOf"] {
                let Some(list) = map.get_mut(choice).and_then(Value::as_array_mut) else { continue };
                let before = list.len();
                list.retain(|part| part["type"] != "null");
                if list.len() < before {
                    map.insert("nullable".to_owned(), true.into());
                }
            }
            if let Some(only) = map.remove("const") {
                map.insert("enum".to_owned(), json!([only]));
            }
            if map.get("type") == Some(&json!("array"))
                && map.get("items").is_some_and(|i| i["format"] == "int32" && i["minimum"] == 0)
            {
                // A tile's bytes.
                map.clear();
                map.extend([("type".to_owned(), json!("string")), ("format".to_owned(), json!("binary"))]);
            }
            for later in ["propertyNames", "$schema", "examples"] {
                map.remove(later);
            }
            map.values_mut().for_each(lower);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_of_the_older_kind_and_whole() {
        fn walk(value: &Value, document: &Value) {
            if let Some(reference) = value["$ref"].as_str() {
                assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
            }
            match value {
                Value::Object(map) => {
                    assert!(!map.get("type").is_some_and(Value::is_array), "{value}");
                    map.values().for_each(|v| walk(v, document));
                }
                Value::Array(list) => list.iter().for_each(|v| walk(v, document)),
                _ => {}
            }
        }
        walk(&DOCUMENT, &DOCUMENT);
        let paths = DOCUMENT["paths"].as_object().expect("paths");
        for path in
            ["/", "/api", ITEMS, "/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}"]
        {
            assert!(paths.contains_key(path), "{path} of {:?}", paths.keys());
        }
        let mut ids: Vec<&str> = paths
            .values()
            .flat_map(|p| p.as_object().expect("operations").values())
            .map(|o| o["operationId"].as_str().expect("an id"))
            .collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "each operation has an id of its own");
    }
}
