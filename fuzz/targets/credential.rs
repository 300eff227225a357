//! Tokens, keys and codes.
#![no_main]

use yitu::access::credential::{digest_of, page_key};
use yitu::access::phone::PhoneKey;
use yitu::access::second_factor::{address, spelt, step_of};
use yitu::access::signature::key_of;

libfuzzer_sys::fuzz_target!(|input: (&str, &[u8], u64)| {
    let (text, secret, seconds) = input;
    assert_eq!(page_key(text).len(), 43);
    if digest_of(text).is_some() {
        assert_eq!(text.len(), 48);
    }
    let _ = key_of(text);
    let _ = PhoneKey::from_hex(text);
    // A clock beyond the year 10000 is none.
    let _ = step_of(secret, text, seconds % 253_402_300_800);
    let _ = address(secret, text);
    let _ = spelt(secret);
});
