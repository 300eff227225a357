//! Boxes of questions.
#![no_main]

use yitu::service::ogc::items::bbox;

libfuzzer_sys::fuzz_target!(|text: &str| {
    for lat_first in [false, true] {
        let Ok(found) = bbox(text, lat_first) else { continue };
        assert!(found.min().x >= -180.0 && found.max().x <= 180.0 && found.min().y >= -90.0 && found.max().y <= 90.0);
    }
});
