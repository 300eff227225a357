//! Where a page before ended.
#![no_main]

use yitu::service::incident::list::cursor;
use yitu::service::{deliberation, incident, outbox};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Some((at, id)) = incident::list::read_cursor(text) {
        assert_eq!(incident::list::read_cursor(&cursor(at, id)), Some((at, id)));
    }
    let _ = deliberation::list::read_cursor(text);
    let _ = outbox::list::read_cursor(text);
});
