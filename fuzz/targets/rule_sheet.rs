//! The rule table as a sheet.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = yitu::service::rules::sheet::read(bytes);
});
