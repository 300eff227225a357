//! Instants, days and intervals of questions.
#![no_main]

use chrono_tz::Asia::Shanghai;
use yitu::service::ogc::filter::time::parameter;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Some(span) = parameter(text, Shanghai) {
        assert!(span.start <= span.end, "{span:?}");
    }
});
