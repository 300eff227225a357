//! Receivers of notifications, as they are set up.

mod check;
pub mod list;
pub mod remove;
pub mod save;
pub mod test;
pub mod view;

use crate::domain::{FeatureId, Problem};

fn missing(id: FeatureId) -> Problem {
    Problem::not_found(("接收方", "receiver"), id)
}

fn stale(now: i32, seen: i32) -> Problem {
    Problem::stale(("接收方已有变化", "The receiver has changed"), now, seen)
}
