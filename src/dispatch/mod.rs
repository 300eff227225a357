//! From a report to the party group that answers: pure functions over borrowed data.
