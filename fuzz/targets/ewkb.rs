//! Geometry in the database's own bytes.
#![no_main]

use geo::CoordsIter;
use yitu::geo::ewkb::{decode, encode};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(geometry) = decode(bytes) else { return };
    // A ring that begins with what is no number is closed anew each time it is read: it does not equal itself.
    if geometry.coords_iter().all(|c| c.x.is_finite() && c.y.is_finite())
        && let Ok(again) = encode(&geometry)
    {
        assert_eq!(decode(&again).expect("what was written is read"), geometry);
    }
});
