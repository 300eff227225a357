//! Vector tiles: select, simplify, clip, quantise, encode. Pure functions over borrowed data.

pub mod config;
pub mod encode;
pub mod render;
pub mod shape;

pub use config::{TileConfig, TileConfigs};
