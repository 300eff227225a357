//! Phone numbers as they are written.
#![no_main]

use yitu::service::import::fields::phones;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(found) = phones(text) else { return };
    for number in &found {
        assert!((7..=15).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit()), "{number}");
    }
});
