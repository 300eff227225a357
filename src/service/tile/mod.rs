//! Tiles of the present state.

pub mod elevation;
pub mod render;

pub use render::{Asked, Tile, TileCache, layers, render};
