//! Matters of another platform as JSON.
#![no_main]

use yitu::service::exchange::table::of_json;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(body) = serde_json::from_slice(bytes) else { return };
    let _ = of_json(body);
});
