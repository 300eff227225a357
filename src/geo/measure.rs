//! Distances and lengths on the ellipsoid, metres.

use geo::{Distance, Geodesic, Point};

use super::LonLat;

/// Geodesic distance between two positions, metres (Karney 2013, by GeographicLib).
///
/// CGCS2000 and WGS 84 share their ellipsoid to 0.1 mm, so the WGS 84 constants serve.
#[must_use]
pub fn distance_m(a: LonLat, b: LonLat) -> f64 {
    Geodesic.distance(Point::from(a), Point::from(b))
}

/// Metres a degree of longitude and of latitude spans at a latitude (degrees), from the radii of curvature.
///
/// Good to 1e-5 over a county, for boxes around a point; never for a distance that is shown.
#[must_use]
pub fn metres_per_degree(lat: f64) -> (f64, f64) {
    const A: f64 = 6_378_137.0;
    const E2: f64 = 0.006_694_380_022_9;
    let phi = lat.to_radians();
    let w2 = 1.0 - E2 * phi.sin().powi(2);
    let normal = A / w2.sqrt();
    let meridian = A * (1.0 - E2) / (w2 * w2.sqrt());
    (normal * phi.cos() * std::f64::consts::PI / 180.0, meridian * std::f64::consts::PI / 180.0)
}
