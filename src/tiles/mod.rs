//! Vector tiles (select, simplify, clip, quantise, encode) and elevation tiles. Pure functions over borrowed data.

pub mod config;
pub mod elevation;
pub mod encode;
pub mod render;
pub mod shape;

pub use config::{TileConfig, TileConfigs};
