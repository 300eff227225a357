//! Vector tiles from prepared layers. Pure functions: no clock, no I/O beyond the settings' files.
//!
//! `select → simplify → clip → quantise → encode`: a layer is prepared once ([`drawing`]) and then with each change;
//! a tile reads what it shows and writes it.

pub mod clip;
pub mod clock;
pub mod config;
pub mod drawing;
pub mod elevation;
pub mod encode;
pub mod fold;
pub mod outline;
pub mod points;
pub mod pyramid;
pub mod rules;
pub mod shapes;
pub mod short;
pub mod simplify;
pub mod touched;
pub mod values;

pub use clock::TileClock;
pub use config::{TileConfig, TileConfigs};
pub use drawing::{Drawing, Wanted};
