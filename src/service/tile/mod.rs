//! Tiles of the present state.

pub mod describe;
pub mod elevation;
pub mod encoding;
pub mod layers;
pub mod render;
mod share;

pub use describe::vector_layers;
pub use encoding::Encoding;
pub use layers::{MapLayers, check_settings};
pub use render::{Asked, Tile, TileCache, layers, packed, properties, render};
