//! A drawn outline from GeoJSON to what is stored.

use geo::MapCoords;
use serde_json::Value;

use crate::domain::Problem;
use crate::geo::{Geometry, LonLat, ewkb};
use crate::service::ServiceError;

/// A GeoJSON Polygon or `MultiPolygon` as EWKB, snapped to the stored grid.
///
/// # Errors
/// A problem that names the outline.
pub fn outline(pointer: &str, value: &Value) -> Result<Vec<u8>, ServiceError> {
    let bad = |why: &str| {
        Problem::bad_field(
            pointer,
            format!("图形应是 GeoJSON 的 Polygon 或 MultiPolygon(经度在前,单位度):{why}"),
            format!("The geometry should be a GeoJSON Polygon or MultiPolygon, longitude first, degrees: {why}"),
        )
    };
    let parsed: geojson::Geometry = serde_json::from_value(value.clone()).map_err(|e| bad(&e.to_string()))?;
    let shape: Geometry = (&parsed).try_into().map_err(|e: geojson::Error| bad(&e.to_string()))?;
    if !matches!(shape, geo::Geometry::Polygon(_) | geo::Geometry::MultiPolygon(_)) {
        return Err(bad("类型不符").into());
    }
    let snapped =
        shape.try_map_coords(|c| LonLat::new(c.x, c.y).map(geo::Coord::from)).map_err(|e| bad(&e.to_string()))?;
    ewkb::encode(&snapped).map_err(|e| ServiceError::Internal(e.to_string()))
}
