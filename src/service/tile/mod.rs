//! Tiles of the present state.

pub mod describe;
pub mod elevation;
pub mod render;

pub use describe::vector_layer;
pub use render::{Asked, Tile, TileCache, layers, render};
