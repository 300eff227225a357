//! The demo county.

#![allow(clippy::unwrap_used)]

#[path = "demo/generate.rs"]
mod generate;
#[path = "demo/load.rs"]
mod load;
mod support;
