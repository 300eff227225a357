//! Matters of another platform as a table.
#![no_main]

use yitu::service::exchange::table::of_csv;

libfuzzer_sys::fuzz_target!(|input: (Option<&str>, &[u8])| {
    let (charset, bytes) = input;
    let _ = of_csv(bytes, charset);
});
