//! Photos: their first bytes, their EXIF, their pixels.
#![no_main]

use yitu::service::photo::develop::{develop, format};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(developed) = develop(bytes) else { return };
    format(bytes).expect("what was developed has a format");
    assert!(developed.width > 0 && developed.height > 0);
});
