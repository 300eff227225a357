//! Geometry in the database's own bytes.
#![no_main]

use yitu::geo::ewkb::{decode, encode};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(geometry) = decode(bytes) else { return };
    if let Ok(again) = encode(&geometry) {
        let again = decode(&again).expect("what was written is read");
        // What is no number is not equal to itself.
        assert_eq!(format!("{again:?}"), format!("{geometry:?}"));
    }
});
