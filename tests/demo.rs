//! The demo county.

#[path = "demo/generate.rs"]
mod generate;
