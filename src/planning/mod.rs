//! Service areas across villages: pure functions over borrowed data.
