//! `WebMercatorQuad` tile arithmetic (OGC Two Dimensional Tile Matrix Set 2.0, annex D.1).

use std::f64::consts::PI;

use super::Bbox;

/// Deepest zoom served.
pub const MAX_ZOOM: u8 = 22;

/// One tile: `x` counts from the west, `y` from the north, both below 2^z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    z: u8,
    x: u32,
    y: u32,
}

impl TileId {
    /// A tile of the grid, or `None` when zoom or index lie outside it.
    ///
    /// ```
    /// use yitu::geo::TileId;
    /// assert!(TileId::new(14, 13_500, 6_900).is_some());
    /// assert!(TileId::new(99, 0, 0).is_none());
    /// ```
    #[must_use]
    pub fn new(z: u8, x: u32, y: u32) -> Option<Self> {
        (z <= MAX_ZOOM && x < 1 << z && y < 1 << z).then_some(Self { z, x, y })
    }

    /// Zoom.
    #[must_use]
    pub fn z(self) -> u8 {
        self.z
    }

    /// Column from the west.
    #[must_use]
    pub fn x(self) -> u32 {
        self.x
    }

    /// Row from the north.
    #[must_use]
    pub fn y(self) -> u32 {
        self.y
    }

    /// Its bounds widened by `margin` (a fraction of its width), in degrees.
    #[must_use]
    pub fn bbox(self, margin: f64) -> Bbox {
        let n = f64::from(1_u32 << self.z);
        let (x, y) = (f64::from(self.x), f64::from(self.y));
        let west = unproject((x - margin) / n, 0.0).0;
        let east = unproject((x + 1.0 + margin) / n, 0.0).0;
        let north = unproject(0.0, (y - margin) / n).1;
        let south = unproject(0.0, (y + 1.0 + margin) / n).1;
        Bbox::new((west, south), (east, north))
    }

    /// The tile at zoom `z` that holds a position (degrees).
    #[must_use]
    pub fn containing(z: u8, lon: f64, lat: f64) -> Self {
        let last = (1_u32 << z) - 1;
        let (u, v) = project(lon, lat);
        let n = f64::from(1_u32 << z);
        let index = |t: f64| ((t * n).floor().max(0.0) as u32).min(last);
        Self { z, x: index(u), y: index(v) }
    }
}

/// Degrees to the unit square of Web Mercator: (0, 0) north-west, (1, 1) south-east.
#[must_use]
pub fn project(lon: f64, lat: f64) -> (f64, f64) {
    let sin = lat.to_radians().sin();
    (lon / 360.0 + 0.5, 0.5 - ((1.0 + sin) / (1.0 - sin)).ln() / (4.0 * PI))
}

/// The unit square of Web Mercator to degrees.
#[must_use]
pub fn unproject(u: f64, v: f64) -> (f64, f64) {
    ((u - 0.5) * 360.0, (PI * (1.0 - 2.0 * v)).sinh().atan().to_degrees())
}
