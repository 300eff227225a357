//! Where messages are sent.
#![no_main]

use yitu::service::outbox::address::{origin, read};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(address) = read(text) else { return };
    assert!(matches!(address.scheme(), "http" | "https") && !origin(&address).contains('@'));
});
