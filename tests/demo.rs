//! The demo county.

#[path = "demo/generate.rs"]
mod generate;
#[path = "demo/load.rs"]
mod load;
mod support;
