//! How much one account may ask at a time: whoever asks without end leaves the server to others.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::domain::{FeatureId, Problem, ProblemKind};

/// Answers under way for one account at most: more than a browser asks over one connection of HTTP/2.
const AT_ONCE: u32 = 256;
/// Streams of one account at most: a screen has one, and so has each tab of a browser.
const STREAMS: u32 = 64;
/// What one account has written into the log a minute without having done anything: refusals, names it tried. Of more, how
/// many there were.
const NOTES: u32 = 30;
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
    streams: u32,
    noted_in: i64,
    notes: u32,
}

/// A request or a stream under way; it no longer is when this is dropped.
#[derive(Debug)]
pub struct Running {
    limits: Arc<Limits>,
    account: FeatureId,
    count: fn(&mut Load) -> &mut u32,
}

impl Limits {
    /// Counts a request of an account in a second of the clock. `most` requests a second are let in; 0 is as many as come.
    ///
    /// # Errors
    /// `too-many-requests`.
    pub fn begin(self: &Arc<Self>, account: FeatureId, second: i64, most: u32) -> Result<Running, Problem> {
        let mut all = self.of.lock();
        if all.len() >= MOST_KNOWN {
            all.retain(|_, load| load.running > 0 || load.streams > 0 || load.second >= second - 60);
        }
        let load = all.entry(account).or_default();
        if load.second != second {
            (load.second, load.asked) = (second, 0);
        }
        if most > 0 && (load.asked >= most || load.running >= AT_ONCE) {
            return Err(too_many(
                format!("一个账号每秒最多 {most} 个请求、同时最多 {AT_ONCE} 个,请稍后再试。"),
                format!("An account may ask {most} times a second, and {AT_ONCE} at a time; try again shortly."),
            ));
        }
        load.asked += 1;
        Ok(self.count(account, load, |load| &mut load.running))
    }

    /// Counts a stream of an account, which goes on when its request is answered. Where `most` is 0, as many as come.
    ///
    /// # Errors
    /// `too-many-requests`.
    pub fn begin_stream(self: &Arc<Self>, account: FeatureId, most: u32) -> Result<Running, Problem> {
        let mut all = self.of.lock();
        let load = all.entry(account).or_default();
        if most > 0 && load.streams >= STREAMS {
            return Err(too_many(
                format!("一个账号同时最多打开 {STREAMS} 条实时通道,请先关闭不用的页面。"),
                format!("An account may have {STREAMS} streams open; close pages that are not needed."),
            ));
        }
        Ok(self.count(account, load, |load| &mut load.streams))
    }

    /// Counts a note for the log about an account in a minute of the clock. Where it is to be written, how many before it
    /// were not: the log can never be shortened, and is everybody's.
    pub fn note(&self, account: FeatureId, minute: i64) -> Option<u32> {
        let mut all = self.of.lock();
        let load = all.entry(account).or_default();
        let mut unwritten = 0;
        if load.noted_in != minute {
            unwritten = load.notes.saturating_sub(NOTES);
            (load.noted_in, load.notes) = (minute, 0);
        }
        load.notes += 1;
        (load.notes <= NOTES).then_some(unwritten)
    }

    fn count(self: &Arc<Self>, account: FeatureId, load: &mut Load, count: fn(&mut Load) -> &mut u32) -> Running {
        *count(load) += 1;
        Running { limits: Arc::clone(self), account, count }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(load) = self.limits.of.lock().get_mut(&self.account) {
            *(self.count)(load) -= 1;
        }
    }
}

fn too_many(zh: String, en: String) -> Problem {
    Problem::new(ProblemKind::TooMany, "too-many-requests", ("请求过于频繁", "Too many requests"), (zh, en))
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

    #[test]
    fn notes_without_end_do_not_fill_the_log() {
        let limits = Limits::default();
        let written = |minute: i64| (0..100).filter_map(|_| limits.note(1, minute)).collect::<Vec<_>>();
        assert_eq!(written(7), vec![0; NOTES as usize]);
        assert_eq!(limits.note(2, 7), Some(0), "another account's");
        let next = written(8);
        assert_eq!((next[0], next[1], next.len()), (100 - NOTES, 0, NOTES as usize));
    }

    #[test]
    fn one_account_does_not_hold_every_stream() {
        let limits = Arc::new(Limits::default());
        let mut open: Vec<_> = (0..STREAMS).map(|_| limits.begin_stream(1, 1000)).collect();
        assert!(open.iter().all(Result::is_ok) && limits.begin_stream(1, 1000).is_err());
        assert!(limits.begin_stream(2, 1000).is_ok() && limits.begin(1, 100, 1000).is_ok());
        open.pop();
        assert!(limits.begin_stream(1, 1000).is_ok());
    }
}
