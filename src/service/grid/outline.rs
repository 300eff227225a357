//! A drawn outline from GeoJSON to what is stored, with a problem that points at the very position at fault.

use geo::{BoundingRect, LineString, MultiPolygon, Polygon};
use serde_json::Value;

use crate::domain::Problem;
use crate::geo::{LonLat, LonLatError, ewkb};
use crate::service::ServiceError;

/// The widest outline taken, degrees. No county is wider, and areas on the ellipsoid are sound well beyond it.
const WIDEST_DEGREES: f64 = 10.0;

/// Reads a GeoJSON Polygon or MultiPolygon, snapped to the stored grid of 1e-8°. Rings left open are closed and
/// repeated positions dropped; heights are ignored.
///
/// # Errors
/// A problem whose pointer begins with `pointer`.
pub fn read(pointer: &str, value: &Value) -> Result<MultiPolygon, Problem> {
    let coordinates = &value["coordinates"];
    let at = format!("{pointer}/coordinates");
    match value["type"].as_str() {
        Some("Polygon") => sized(pointer, MultiPolygon::new(vec![polygon(&at, coordinates)?])),
        Some("MultiPolygon") => {
            let parts = list(&at, coordinates, "面")?;
            let parts = parts.iter().enumerate().map(|(k, p)| polygon(&format!("{at}/{k}"), p));
            sized(pointer, parts.collect::<Result<_, _>>()?)
        }
        Some("Feature" | "FeatureCollection") => Err(Problem::bad_field(
            pointer,
            "这里要图形本身:请只给 Feature 里的 geometry",
            "Give the geometry alone, not the Feature around it",
        )),
        Some(other) => Err(Problem::bad_field(
            format!("{pointer}/type"),
            format!("网格的图形应是 Polygon(面)或 MultiPolygon(多面),不能是 {other}"),
            format!("A grid's geometry is a Polygon or MultiPolygon, not a {other}"),
        )),
        None => Err(Problem::bad_field(
            pointer,
            "图形应是 GeoJSON 的 Polygon 或 MultiPolygon,经度在前,单位度",
            "The geometry should be a GeoJSON Polygon or MultiPolygon, longitude first, degrees",
        )),
    }
}

fn sized(pointer: &str, outline: MultiPolygon) -> Result<MultiPolygon, Problem> {
    let widest = outline.bounding_rect().map_or(0.0, |b| b.width().max(b.height()));
    if widest <= WIDEST_DEGREES {
        return Ok(outline);
    }
    Err(Problem::bad_field(
        pointer,
        format!("图形跨 {widest:.1} 度,比任何县都大,请核对坐标"),
        format!("The geometry spans {widest:.1} degrees, more than any county; check its positions"),
    ))
}

fn list<'a>(pointer: &str, value: &'a Value, of: &str) -> Result<&'a Vec<Value>, Problem> {
    value.as_array().filter(|a| !a.is_empty()).ok_or_else(|| {
        Problem::bad_field(
            pointer,
            format!("这里应是一个不空的数组,每项为一个{of}"),
            "This should be an array that is not empty",
        )
    })
}

fn polygon(pointer: &str, value: &Value) -> Result<Polygon, Problem> {
    let rings = list(pointer, value, "环")?;
    let mut rings = rings.iter().enumerate().map(|(k, r)| ring(&format!("{pointer}/{k}"), r));
    let exterior = rings.next().transpose()?.unwrap_or_else(|| LineString::new(vec![]));
    Ok(Polygon::new(exterior, rings.collect::<Result<_, _>>()?))
}

fn ring(pointer: &str, value: &Value) -> Result<LineString, Problem> {
    let positions = list(pointer, value, "点 [经度, 纬度]")?;
    let mut coords = Vec::with_capacity(positions.len());
    for (k, p) in positions.iter().enumerate() {
        coords.push(position(&format!("{pointer}/{k}"), p)?.into());
    }
    coords.dedup();
    let mut ring = LineString::new(coords);
    ring.close();
    if ring.0.len() < 4 {
        return Err(Problem::bad_field(
            pointer,
            format!("一个环至少要有 3 个不同的点,这里只有 {} 个", ring.0.len().saturating_sub(1)),
            format!("A ring needs 3 different positions; there are {}", ring.0.len().saturating_sub(1)),
        ));
    }
    Ok(ring)
}

fn position(pointer: &str, value: &Value) -> Result<LonLat, Problem> {
    let numbers: Option<Vec<f64>> = value.as_array().and_then(|a| a.iter().map(Value::as_f64).collect());
    let Some([lon, lat, ..]) = numbers.as_deref() else {
        return Err(Problem::bad_field(
            pointer,
            format!("{value} 不是一个点,应为 [经度, 纬度]"),
            format!("{value} is no position; give [longitude, latitude]"),
        ));
    };
    LonLat::new(*lon, *lat).map_err(|e| match e {
        LonLatError::LooksSwapped { .. } => Problem::bad_field(
            pointer,
            format!("[{lon}, {lat}] 像是经纬度写反了,经度在前:[{lat}, {lon}]"),
            format!("[{lon}, {lat}] looks swapped; longitude comes first: [{lat}, {lon}]"),
        ),
        LonLatError::NotFinite { .. } | LonLatError::OutOfRange { .. } => Problem::bad_field(
            pointer,
            format!("[{lon}, {lat}] 超出经纬度范围,单位应为度;平面坐标请先换算"),
            format!("[{lon}, {lat}] is out of range; give degrees, not plane coordinates"),
        ),
    })
}

/// As GeoJSON, to be kept with a preview.
///
/// # Errors
/// Never for an outline that was read.
pub fn write(outline: &MultiPolygon) -> Result<Value, ServiceError> {
    serde_json::to_value(geojson::Geometry::from(outline)).map_err(|e| ServiceError::Internal(e.to_string()))
}

/// As the database takes it (EWKB).
///
/// # Errors
/// Never for an outline that was read.
pub fn stored(outline: &MultiPolygon) -> Result<Vec<u8>, ServiceError> {
    ewkb::encode(&outline.clone().into()).map_err(|e| ServiceError::Internal(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_bad_outline_is_told_by_its_very_place() {
        let fault = |v: Value| read("/g", &v).map_err(|p| (p.fields[0].pointer.clone(), p.detail.zh));
        let at = |v: Value| fault(v).expect_err("refused").0;
        let ring =
            |p: Value| json!({"type": "Polygon", "coordinates": [[[117.0, 25.0], [117.1, 25.0], p, [117.0, 25.0]]]});
        assert!(fault(ring(json!([117.1, 25.1, 310.5]))).is_ok(), "a height is ignored");
        assert_eq!(at(ring(json!([25.1, 117.1]))), "/g/coordinates/0/2");
        assert_eq!(at(ring(json!([504_000.0, 2_765_000.0]))), "/g/coordinates/0/2");
        assert_eq!(at(ring(json!(["117", 25.1]))), "/g/coordinates/0/2");
        assert_eq!(at(ring(json!([117.1, 25.0]))), "/g/coordinates/0", "two different positions are no ring");
        assert_eq!(at(json!({"type": "Polygon", "coordinates": []})), "/g/coordinates");
        assert_eq!(at(ring(json!([117.1, -25.0]))), "/g", "wider than any county");
        assert_eq!(at(json!({"type": "LineString", "coordinates": []})), "/g/type");
        assert_eq!(at(json!({"type": "Feature"})), "/g");
        assert_eq!(at(json!(null)), "/g");
        let open = json!({"type": "MultiPolygon", "coordinates": [[[[117.0, 25.0], [117.1, 25.0], [117.1, 25.1]]]]});
        assert_eq!(read("/g", &open).expect("closed").0[0].exterior().0.len(), 4);
    }
}
