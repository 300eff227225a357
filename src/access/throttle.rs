//! How fast guesses at a password may follow each other.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, Duration, Utc};

/// The first wait; each further failure doubles it.
const FIRST_WAIT_S: i64 = 2;
/// The longest wait.
const LONGEST_WAIT_S: i64 = 900;
/// After so long without a failure all is forgotten.
const FORGOTTEN_AFTER_S: i64 = 3600;
/// Names and addresses remembered at most; the oldest are forgotten first.
const MOST: usize = 100_000;

/// Failures by whatever they are counted by: a name at an address, an address.
#[derive(Debug)]
pub struct Throttle {
    /// Tries that may fail before anybody has to wait.
    free: u32,
    failures: HashMap<String, (u32, DateTime<Utc>)>,
}

impl Throttle {
    /// One that lets so many tries fail before anybody has to wait.
    #[must_use]
    pub fn after(free: u32) -> Self {
        Self { free, failures: HashMap::new() }
    }

    /// How long somebody has to wait until the next try.
    #[must_use]
    pub fn wait(&self, key: &str, now: DateTime<Utc>) -> Option<Duration> {
        let (failed, last) = self.failures.get(key)?;
        let doublings = failed.checked_sub(self.free)?;
        let wait = FIRST_WAIT_S.checked_shl(doublings.min(20)).unwrap_or(LONGEST_WAIT_S).min(LONGEST_WAIT_S);
        Some(*last + Duration::seconds(wait) - now).filter(|left| *left > Duration::zero())
    }

    /// Counts a try as one that fails before it is known: of many at once no more are let in than one after the other.
    ///
    /// # Errors
    /// How long to wait first; it is not counted then.
    pub fn begin(&mut self, key: &str, now: DateTime<Utc>) -> Result<(), Duration> {
        self.wait(key, now).map_or_else(
            || {
                self.failed(key, now);
                Ok(())
            },
            Err,
        )
    }

    /// Takes back a try that was counted and came to nothing, or did not fail.
    pub fn forgive(&mut self, key: &str) {
        if let Some((failed, _)) = self.failures.get_mut(key) {
            *failed = failed.saturating_sub(1);
        }
    }

    /// Counts a try that failed.
    pub fn failed(&mut self, key: &str, now: DateTime<Utc>) {
        if self.failures.len() >= MOST {
            self.failures.retain(|_, (_, last)| *last + Duration::seconds(FORGOTTEN_AFTER_S) > now);
        }
        if self.failures.len() >= MOST
            && let Some(oldest) = self.failures.iter().min_by_key(|(_, (_, last))| *last).map(|(key, _)| key.clone())
        {
            self.failures.remove(&oldest);
        }
        let (failed, last) = self.failures.entry(key.to_owned()).or_insert((0, now));
        if *last + Duration::seconds(FORGOTTEN_AFTER_S) < now {
            *failed = 0;
        }
        (*failed, *last) = (failed.saturating_add(1), now);
    }

    /// A try that did not fail makes good for those that did.
    pub fn succeeded(&mut self, key: &str) {
        self.failures.remove(key);
    }
}

/// What an address is counted by: itself; of IPv6 the network, since one machine has all addresses of it (RFC 4291 §2.5.4:
/// 64 bits).
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_tries_at_once_are_as_many_as_one_after_the_other() {
        let mut throttle = Throttle::after(5);
        let now = DateTime::UNIX_EPOCH;
        let let_in = (0..100).filter(|_| throttle.begin("li", now).is_ok()).count();
        assert_eq!(let_in, 5);
        throttle.forgive("li");
        assert!(throttle.begin("li", now).is_ok(), "one did not fail");
        throttle.succeeded("li");
        assert!(throttle.begin("li", now).is_ok());
    }

    #[test]
    fn each_failure_from_the_fifth_on_doubles_the_wait() {
        let mut throttle = Throttle::after(5);
        let now = DateTime::UNIX_EPOCH;
        let mut waits = Vec::new();
        for _ in 0..16 {
            throttle.failed("li", now);
            waits.push(throttle.wait("li", now).map_or(0, |w| w.num_seconds()));
        }
        assert_eq!(waits, [0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        assert_eq!(throttle.wait("li", now + Duration::seconds(901)), None);
        assert_eq!(throttle.wait("wang", now), None);
        throttle.failed("li", now + Duration::hours(2));
        assert_eq!(throttle.wait("li", now + Duration::hours(2)), None, "long ago");
        throttle.succeeded("li");
        assert_eq!(throttle.wait("li", now), None);
    }
}
