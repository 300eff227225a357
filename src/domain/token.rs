//! Positions in the change log: what a write answers with, and what a reader has applied.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use uuid::Uuid;

/// The token `seq` of a write: the log's epoch and the transaction that wrote.
///
/// ```
/// use yitu::domain::LogPosition;
/// let seq: LogPosition = "00000000-0000-4000-8000-000000000000.731".parse().unwrap();
/// assert_eq!(seq.xid, 731);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LogPosition {
    /// Which life of the database.
    pub epoch: Uuid,
    /// The writing transaction (xid8).
    pub xid: u64,
}

/// The text is no position.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a position in the change log")]
pub struct BadLogPosition(pub String);

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.xid)
    }
}

impl FromStr for LogPosition {
    type Err = BadLogPosition;

    fn from_str(text: &str) -> Result<Self, BadLogPosition> {
        text.split_once('.')
            .and_then(|(epoch, xid)| Some(Self { epoch: epoch.parse().ok()?, xid: xid.parse().ok()? }))
            .ok_or_else(|| BadLogPosition(text.to_owned()))
    }
}

/// A `pg_snapshot`: which transactions a reader has seen the effects of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// All transactions below are visible or aborted.
    pub xmin: u64,
    /// None at or above is visible.
    pub xmax: u64,
    /// Those in between that were running, ascending.
    pub running: Vec<u64>,
}

impl Snapshot {
    /// Whether a committed transaction is visible in this snapshot.
    #[must_use]
    pub fn sees(&self, xid: u64) -> bool {
        xid < self.xmin || (xid < self.xmax && self.running.binary_search(&xid).is_err())
    }
}

impl FromStr for Snapshot {
    type Err = BadLogPosition;

    /// Reads PostgreSQL's text form `xmin:xmax:running,…`.
    fn from_str(text: &str) -> Result<Self, BadLogPosition> {
        let bad = || BadLogPosition(text.to_owned());
        let mut parts = text.splitn(3, ':');
        let mut number = || parts.next()?.parse().ok();
        let (xmin, xmax) = (number().ok_or_else(bad)?, number().ok_or_else(bad)?);
        let running = parts.next().ok_or_else(bad)?;
        let mut running: Vec<u64> = running
            .split(',')
            .filter(|x| !x.is_empty())
            .map(|x| x.parse().map_err(|_| bad()))
            .collect::<Result<_, _>>()?;
        running.sort_unstable();
        Ok(Self { xmin, xmax, running })
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running: Vec<String> = self.running.iter().map(u64::to_string).collect();
        write!(f, "{}:{}:{}", self.xmin, self.xmax, running.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_sees_what_postgresql_says() {
        let snapshot: Snapshot = "10:20:10,14".parse().expect("a snapshot");
        let seen: Vec<u64> = (8..22).filter(|&x| snapshot.sees(x)).collect();
        assert_eq!(seen, [8, 9, 11, 12, 13, 15, 16, 17, 18, 19]);
        assert_eq!(snapshot.to_string(), "10:20:10,14");
        assert!("10:20".parse::<Snapshot>().is_err());
    }
}
