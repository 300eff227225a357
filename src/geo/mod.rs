//! Coordinates, tile arithmetic and measures. Plain functions: no I/O, no clock, no state.

pub mod crs;
pub mod ewkb;
pub mod lon_lat;
pub mod measure;
pub mod tile;
pub mod tile_ranges;
pub mod world;

pub use crs::Crs;
pub use lon_lat::{LonLat, LonLatError};
pub use tile::TileId;
pub use tile_ranges::{TileRange, TileRanges};
pub use world::World;

/// Geometry in degrees of EPSG:4490 unless a name says otherwise.
pub type Geometry = ::geo::Geometry<f64>;
/// An axis-parallel box: (west, south) to (east, north), both ends included.
pub type Bbox = ::geo::Rect<f64>;
