//! What a merge patch makes of a feature.

use serde_json::{Map, Value};

use crate::domain::Problem;

/// The stored feature with a merge patch laid over it (RFC 7396).
pub(super) fn merged(now: &Value, now_geometry: &Value, patch: &Value) -> Result<Value, Problem> {
    fn merge(target: &mut Value, patch: &Value) {
        let Some(patch) = patch.as_object() else {
            *target = patch.clone();
            return;
        };
        if !target.is_object() {
            *target = Value::Object(Map::new());
        }
        let Some(target) = target.as_object_mut() else { return };
        for (name, value) in patch {
            if value.is_null() {
                target.remove(name);
            } else {
                merge(target.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
    }
    if !patch.is_object() {
        return Err(Problem::bad_field(
            "",
            "补丁应为 JSON 对象(RFC 7396)。",
            "The patch must be a JSON object (RFC 7396).",
        ));
    }
    let mut feature = now.clone();
    feature["geometry"] = now_geometry.clone();
    merge(&mut feature, patch);
    // A geometry set to null is removed by the patch, and is null in GeoJSON.
    if feature.get("geometry").is_none() {
        feature["geometry"] = Value::Null;
    }
    Ok(feature)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_patch_is_that_of_the_standard() {
        let now = json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {"a": 1, "b": 2}});
        let lay = |patch: Value| merged(&now, &now["geometry"], &patch).expect("a patch");
        let one = lay(json!({"properties": {"a": null, "b": 3}}));
        assert_eq!(one["properties"], json!({"b": 3}));
        assert_eq!(one["geometry"]["coordinates"], json!([1, 2]));
        assert_eq!(
            lay(json!({"geometry": {"coordinates": [3, 4]}}))["geometry"],
            json!({"type": "Point", "coordinates": [3, 4]})
        );
        assert_eq!(lay(json!({"geometry": null}))["geometry"], Value::Null);
        assert!(merged(&now, &now["geometry"], &json!([1])).is_err());
    }
}
