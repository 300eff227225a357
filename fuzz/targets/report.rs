//! A report of a matter and the checks of its form.
#![no_main]

use chrono::DateTime;
use yitu::service::incident::check::check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(report) = serde_json::from_slice(bytes) else { return };
    let _ = check(report, DateTime::from_timestamp(1_795_000_000, 0).expect("an instant"));
});
