//! A file that is imported, as a table.
#![no_main]

use yitu::service::import::table::{decode, parse};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = decode("file", bytes, None, &mut Vec::new()) else { return };
    let Ok(table) = parse("file", &text) else { return };
    assert!(table.rows.iter().all(|row| row.values.len() == table.headers.len()));
});
