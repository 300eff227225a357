//! Positions in the change log, as writes answer and `Last-Event-ID` has them.
#![no_main]

use yitu::domain::{LogPosition, Snapshot};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(position) = text.parse::<LogPosition>() {
        assert_eq!(position.to_string().parse(), Ok(position));
    }
    if let Ok(snapshot) = text.parse::<Snapshot>() {
        let _ = snapshot.sees(u64::MAX);
        assert_eq!(snapshot.to_string().parse(), Ok(snapshot));
    }
});
