//! The coordinate systems positions come and go in.
//!
//! GCJ-02 and BD-09 are the offset systems of Chinese map vendors. The forward offset is the published
//! approximation (github.com/googollee/eviltransform, MIT); the inverse iterates it to below a millimetre.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A coordinate system in degrees that a caller may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Crs {
    /// EPSG:4490, as stored.
    #[default]
    Cgcs2000,
    /// EPSG:4326; within a few centimetres of CGCS2000 and taken as equal.
    Wgs84,
    /// The offset system of Chinese web maps. Approximate: for entry and navigation only.
    Gcj02,
    /// Baidu's offset on top of GCJ-02. Approximate: for entry and navigation only.
    Bd09,
}

impl Crs {
    /// Whether results in this system must be labelled 近似,仅供录入与导航.
    #[must_use]
    pub fn is_approximate(self) -> bool {
        matches!(self, Self::Gcj02 | Self::Bd09)
    }

    /// (lon, lat) in this system to EPSG:4490, degrees.
    #[must_use]
    pub fn to_cgcs2000(self, lon: f64, lat: f64) -> (f64, f64) {
        match self {
            Self::Cgcs2000 | Self::Wgs84 => (lon, lat),
            Self::Gcj02 => invert(gcj02_from_wgs84, lon, lat),
            Self::Bd09 => {
                let (lon, lat) = invert(bd09_from_gcj02, lon, lat);
                invert(gcj02_from_wgs84, lon, lat)
            }
        }
    }

    /// (lon, lat) in EPSG:4490 to this system, degrees.
    #[must_use]
    pub fn from_cgcs2000(self, lon: f64, lat: f64) -> (f64, f64) {
        match self {
            Self::Cgcs2000 | Self::Wgs84 => (lon, lat),
            Self::Gcj02 => gcj02_from_wgs84(lon, lat),
            Self::Bd09 => {
                let (lon, lat) = gcj02_from_wgs84(lon, lat);
                bd09_from_gcj02(lon, lat)
            }
        }
    }
}

/// Fixed-point iteration: both offsets move slowly, so each step gains about three digits.
fn invert(forward: fn(f64, f64) -> (f64, f64), x: f64, y: f64) -> (f64, f64) {
    let (mut lon, mut lat) = (x, y);
    for _ in 0..10 {
        let (fx, fy) = forward(lon, lat);
        let (dx, dy) = (x - fx, y - fy);
        lon += dx;
        lat += dy;
        if dx.abs() < 1e-11 && dy.abs() < 1e-11 {
            break;
        }
    }
    (lon, lat)
}

/// Outside this box GCJ-02 applies no offset.
fn in_china(lon: f64, lat: f64) -> bool {
    (72.004..=137.8347).contains(&lon) && (0.8293..=55.8271).contains(&lat)
}

fn gcj02_from_wgs84(lon: f64, lat: f64) -> (f64, f64) {
    // Krasovsky 1940, as the offset is defined on it.
    const A: f64 = 6_378_245.0;
    const EE: f64 = 0.006_693_421_622_965_943;
    if !in_china(lon, lat) {
        return (lon, lat);
    }
    let (x, y) = (lon - 105.0, lat - 35.0);
    let wave = (20.0 * (6.0 * x * PI).sin() + 20.0 * (2.0 * x * PI).sin()) * 2.0 / 3.0;
    let d_lat = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * x.abs().sqrt()
        + wave
        + (20.0 * (y * PI).sin() + 40.0 * (y / 3.0 * PI).sin()) * 2.0 / 3.0
        + (160.0 * (y / 12.0 * PI).sin() + 320.0 * (y * PI / 30.0).sin()) * 2.0 / 3.0;
    let d_lon = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * x.abs().sqrt()
        + wave
        + (20.0 * (x * PI).sin() + 40.0 * (x / 3.0 * PI).sin()) * 2.0 / 3.0
        + (150.0 * (x / 12.0 * PI).sin() + 300.0 * (x / 30.0 * PI).sin()) * 2.0 / 3.0;
    let phi = lat.to_radians();
    let magic = 1.0 - EE * phi.sin().powi(2);
    let metres_lat = A * (1.0 - EE) / (magic * magic.sqrt());
    let metres_lon = A / magic.sqrt() * phi.cos();
    (lon + (d_lon / metres_lon).to_degrees(), lat + (d_lat / metres_lat).to_degrees())
}

fn bd09_from_gcj02(lon: f64, lat: f64) -> (f64, f64) {
    const X_PI: f64 = PI * 3000.0 / 180.0;
    let z = lon.hypot(lat) + 0.000_02 * (lat * X_PI).sin();
    let theta = lat.atan2(lon) + 0.000_003 * (lon * X_PI).cos();
    (z * theta.cos() + 0.0065, z * theta.sin() + 0.006)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_round_trip_below_a_decimetre_inside_china() {
        for i in 0..70 {
            for j in 0..50 {
                let (lon, lat) = (73.5 + f64::from(i) * 0.9, 3.9 + f64::from(j) * 1.01);
                for crs in [Crs::Gcj02, Crs::Bd09] {
                    let (x, y) = crs.from_cgcs2000(lon, lat);
                    let (lon2, lat2) = crs.to_cgcs2000(x, y);
                    assert!((lon - lon2).abs() < 5e-7 && (lat - lat2).abs() < 5e-7, "{crs:?} {lon} {lat}");
                }
            }
        }
    }

    #[test]
    fn gcj02_agrees_with_published_points() {
        // Shanghai, Shenzhen and Beijing, from the reference implementation's own tests.
        for (wgs, gcj) in [
            ((121.527_210_6, 31.177_427_6), (121.531_541_859_215, 31.175_303_983_645_97)),
            ((113.912_316, 22.543_847), (113.917_176_480_836_3, 22.540_796_131_694_766)),
            ((116.377_817, 39.911_954), (116.384_047_224_556_57, 39.913_345_455_360_69)),
        ] {
            let (lon, lat) = Crs::Gcj02.from_cgcs2000(wgs.0, wgs.1);
            assert!((lon - gcj.0).abs() < 1e-6 && (lat - gcj.1).abs() < 1e-6, "{lon} {lat} for {gcj:?}");
        }
    }
}
