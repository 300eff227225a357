//! The outline a grid is drawn with.
#![no_main]

use yitu::service::grid::outline::{read, stored, write};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(body) = serde_json::from_slice(bytes) else { return };
    let Ok(outline) = read("/geometry", &body) else { return };
    stored(&outline).expect("an outline is stored");
    let written = write(&outline).expect("an outline is shown");
    assert_eq!(read("", &written).expect("what was shown is taken"), outline);
});
