//! The area of `POST /api/within`.
#![no_main]

use yitu::geo::ewkb::{decode, encode};
use yitu::http::spatial::polygon;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(body) = serde_json::from_slice(bytes) else { return };
    let Ok(area) = polygon(body) else { return };
    assert_eq!(decode(&encode(&area).expect("an area has bytes")).expect("they are read"), area);
});
