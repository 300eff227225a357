//! The geometry of a feature that is edited.
#![no_main]

use yitu::service::ogc::edit::shape::{Shape, geometry, turned};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(body) = serde_json::from_slice(bytes) else { return };
    let shapes = [Shape::Point, Shape::LineString, Shape::MultiLineString, Shape::Polygon, Shape::MultiPolygon];
    let plain = geometry(&body, &shapes, false);
    let by_latitude = geometry(&turned(&body), &shapes, true);
    assert_eq!(plain.ok(), by_latitude.ok());
});
