//! A checked position.

use thiserror::Error;

/// Stored coordinates are multiples of this, in degrees: about a millimetre.
pub const GRID_DEGREES: f64 = 1e-8;

/// A position in degrees of EPSG:4490 (CGCS2000), longitude first, snapped to 1e-8°.
///
/// ```
/// use yitu::geo::{LonLat, LonLatError};
/// assert!(LonLat::new(117.2, 25.6).is_ok());
/// assert_eq!(LonLat::new(25.6, 117.2), Err(LonLatError::LooksSwapped { lon: 25.6, lat: 117.2 }));
/// assert_eq!(LonLat::new(f64::NAN, 25.6), Err(LonLatError::NotFinite { axis: "lon" }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LonLat {
    lon: f64,
    lat: f64,
}

/// Why two numbers are no position.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum LonLatError {
    /// NaN or an infinity.
    #[error("{axis} is not a finite number")]
    NotFinite {
        /// `lon` or `lat`.
        axis: &'static str,
    },
    /// The latitude can be none, but both would fit the other way round.
    #[error("lon {lon} and lat {lat} look swapped")]
    LooksSwapped {
        /// Degrees, as given.
        lon: f64,
        /// Degrees, as given.
        lat: f64,
    },
    /// Outside [-180, 180] or [-90, 90].
    #[error("{axis} {value} is out of range")]
    OutOfRange {
        /// `lon` or `lat`.
        axis: &'static str,
        /// Degrees, as given.
        value: f64,
    },
}

impl LonLat {
    /// Checks and snaps a position, degrees.
    ///
    /// # Errors
    /// When a number is not finite, out of range, or the two look swapped.
    pub fn new(lon: f64, lat: f64) -> Result<Self, LonLatError> {
        for (axis, value) in [("lon", lon), ("lat", lat)] {
            if !value.is_finite() {
                return Err(LonLatError::NotFinite { axis });
            }
        }
        if lat.abs() > 90.0 && lat.abs() <= 180.0 && lon.abs() <= 90.0 {
            return Err(LonLatError::LooksSwapped { lon, lat });
        }
        if lon.abs() > 180.0 {
            return Err(LonLatError::OutOfRange { axis: "lon", value: lon });
        }
        if lat.abs() > 90.0 {
            return Err(LonLatError::OutOfRange { axis: "lat", value: lat });
        }
        Ok(Self { lon: snap(lon), lat: snap(lat) })
    }

    /// Degrees east.
    #[must_use]
    pub fn lon(self) -> f64 {
        self.lon
    }

    /// Degrees north.
    #[must_use]
    pub fn lat(self) -> f64 {
        self.lat
    }
}

impl From<LonLat> for geo::Point<f64> {
    fn from(p: LonLat) -> Self {
        Self::new(p.lon, p.lat)
    }
}

impl From<LonLat> for geo::Coord<f64> {
    fn from(p: LonLat) -> Self {
        Self { x: p.lon, y: p.lat }
    }
}

/// Rounds degrees to the stored 1e-8°.
#[must_use]
pub fn snap(degrees: f64) -> f64 {
    // Dividing by the power of ten keeps the nearest double of the decimal, multiplying by 1e-8 would not.
    (degrees / GRID_DEGREES).round() / 1e8
}
