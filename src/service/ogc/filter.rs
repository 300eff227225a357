//! CQL2 over the features of the atlas.

use cql2::Expr;
use serde_json::json;

use crate::domain::{Feature, Problem, Schema};
use crate::service::ServiceError;
use crate::service::spatial::properties;

/// Expressions longer than this are refused, bytes: their parts nest no deeper than a stack allows.
const LONGEST: usize = 4096;
/// Brackets nested deeper than this are refused, for the same reason.
const DEEPEST: usize = 32;

/// A parsed filter.
#[derive(Debug, Clone)]
pub struct Filter {
    expression: Expr,
    geometric: bool,
}

impl Filter {
    /// Reads CQL2 text, or CQL2 JSON.
    ///
    /// # Errors
    /// A problem that names `filter`, with where it cannot be read.
    pub fn parse(text: &str, is_json: bool) -> Result<Self, ServiceError> {
        let bad = |why: &str| {
            Problem::bad_field("filter", format!("filter 读不懂:\n{why}"), format!("filter cannot be read:\n{why}"))
        };
        let mut depth = 0_usize;
        for c in text.chars() {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > DEEPEST || text.len() > LONGEST {
                let why = format!("> {LONGEST} bytes, or brackets nested > {DEEPEST}");
                return Err(bad(&why).into());
            }
        }
        let expression = if is_json {
            cql2::parse_json(text).map_err(|e| bad(&e.to_string()))?
        } else {
            cql2::parse_text(text).map_err(|e| bad(&e.to_string()))?
        };
        let geometric = names(&expression).iter().any(|n| is_geometry(n));
        Ok(Self { expression, geometric })
    }

    /// A property it names that a layer does not have.
    #[must_use]
    pub fn unknown_property(&self, schema: &Schema) -> Option<String> {
        names(&self.expression).into_iter().find(|n| n != "id" && !is_geometry(n) && schema.position(n).is_none())
    }

    /// Whether a feature satisfies it.
    ///
    /// # Errors
    /// A problem that names `filter` when values of these kinds cannot be compared so.
    pub fn admits(&self, feature: &Feature, schema: &Schema) -> Result<bool, ServiceError> {
        let mut item = json!({"id": feature.id, "properties": properties(feature, schema)});
        item["properties"]["id"] = feature.id.into();
        if self.geometric {
            let shape = feature.geometry.as_ref().map(|g| geojson::Geometry::new(geojson::GeometryValue::from(g)));
            item["geometry"] = json!(shape);
            item["properties"]["geom"] = json!(shape);
        }
        self.expression.clone().matches(Some(&item)).map_err(|e| {
            Problem::bad_field("filter", format!("filter 无法计算:{e}"), format!("filter cannot be evaluated: {e}"))
                .into()
        })
    }
}

fn is_geometry(name: &str) -> bool {
    matches!(name, "geometry" | "geom")
}

/// All properties an expression names.
fn names(expression: &Expr) -> Vec<String> {
    fn walk(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) => {
                if let Some(name) = map.get("property").and_then(|p| p.as_str()) {
                    found.push(name.to_owned());
                }
                map.values().for_each(|v| walk(v, found));
            }
            serde_json::Value::Array(list) => list.iter().for_each(|v| walk(v, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(&serde_json::to_value(expression).unwrap_or_default(), &mut found);
    found
}
