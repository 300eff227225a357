//! CQL2 JSON, bound to a layer and asked of a feature.
#![no_main]

#[path = "support/feature.rs"]
mod feature;

libfuzzer_sys::fuzz_target!(|text: &str| feature::filter(text, true));
