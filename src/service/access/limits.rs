//! How much one account may ask at a time: whoever asks without end leaves the server to others.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::domain::{FeatureId, Problem, ProblemKind};

/// Answers under way for one account at most: more than a browser asks over one connection of HTTP/2.
const AT_ONCE: u32 = 256;
/// Accounts that are remembered before those that ask no more are forgotten.
const MOST_KNOWN: usize = 10_000;

/// What accounts ask at the moment.
#[derive(Debug, Default)]
pub struct Limits {
    of: Mutex<HashMap<FeatureId, Load>>,
}

#[derive(Debug, Default)]
struct Load {
    second: i64,
    asked: u32,
    running: u32,
}

/// A request under way; it no longer is when this is dropped.
#[derive(Debug)]
pub struct Running {
    limits: Arc<Limits>,
    account: FeatureId,
}

impl Limits {
    /// Counts a request of an account in a second of the clock. `most` requests a second are let in; 0 is as many as come.
    ///
    /// # Errors
    /// `too-many-requests`.
    pub fn begin(self: &Arc<Self>, account: FeatureId, second: i64, most: u32) -> Result<Running, Problem> {
        let mut all = self.of.lock();
        if all.len() >= MOST_KNOWN {
            all.retain(|_, load| load.running > 0 || load.second == second);
        }
        let load = all.entry(account).or_default();
        if load.second != second {
            (load.second, load.asked) = (second, 0);
        }
        if most > 0 && (load.asked >= most || load.running >= AT_ONCE) {
            return Err(too_many(most));
        }
        load.asked += 1;
        load.running += 1;
        Ok(Running { limits: Arc::clone(self), account })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(load) = self.limits.of.lock().get_mut(&self.account) {
            load.running -= 1;
        }
    }
}

fn too_many(most: u32) -> Problem {
    Problem::new(
        ProblemKind::TooMany,
        "too-many-requests",
        ("请求过于频繁", "Too many requests"),
        (
            format!("一个账号每秒最多 {most} 个请求、同时最多 {AT_ONCE} 个,请稍后再试。"),
            format!("An account may ask {most} times a second, and {AT_ONCE} at a time; try again shortly."),
        ),
    )
    .with_extra("retry_after_s", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_is_held_back_and_the_others_are_not() {
        let limits = Arc::new(Limits::default());
        let three: Vec<_> = (0..3).map(|_| limits.begin(1, 100, 3)).collect();
        assert!(three.iter().all(Result::is_ok));
        assert_eq!(limits.begin(1, 100, 3).err().map(|p| p.slug), Some("too-many-requests"));
        assert!(limits.begin(2, 100, 3).is_ok());
        assert!(limits.begin(1, 101, 3).is_ok(), "the next second");
        let one_by_one = (0..4).map(|_| limits.begin(3, 100, 3).is_ok());
        assert_eq!(one_by_one.collect::<Vec<_>>(), [true, true, true, false], "ended ones count, too");
        drop(three);
        let many: Vec<_> = (0..AT_ONCE).map(|_| limits.begin(1, 102, 1000)).collect();
        assert!(many.iter().all(Result::is_ok) && limits.begin(1, 102, 1000).is_err(), "so many at a time");
        drop(many);
        assert!(limits.begin(1, 102, 1000).is_ok());
    }
}
