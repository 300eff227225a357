//! Yitu.
fn main() {}
