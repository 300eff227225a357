//! LIKE patterns of CQL2.
#![no_main]

use yitu::service::ogc::filter::like::Pattern;

libfuzzer_sys::fuzz_target!(|input: (&str, &str)| {
    let (pattern, text) = input;
    if let Some(pattern) = Pattern::new(pattern) {
        let _ = pattern.matches(text);
    }
    if !text.contains(['%', '_', '\\']) {
        assert!(Pattern::new(text).is_some_and(|p| p.matches(text)), "a text is like itself");
    }
});
