//! Sealing: what was committed to the history is hashed into a chain of seals, and each seal is copied to a file.

pub mod copy;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

use super::rounds::Rounds;
use super::{ServiceError, WeakYitu, off_thread};
use crate::db::{Databases, seal};
use crate::domain::FeatureId;
use crate::domain::seal::{Root, Seal};
use copy::{Copy, CopyError};

/// How often what is new is sealed.
const EVERY: Duration = Duration::from_secs(1);
/// Rows a seal covers at most.
const BATCH: i64 = 10_000;
/// Seals copied at a time.
const COPIED: i64 = 1000;

/// The copies of a server's data folder, each county's in its file.
#[derive(Debug)]
pub struct Copies {
    data_dir: PathBuf,
    open: BTreeMap<FeatureId, Copy>,
}

impl Copies {
    /// Those of a data folder.
    #[must_use]
    pub fn of(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned(), open: BTreeMap::new() }
    }
}

/// Runs for as long as the server does. Any number of servers may: one seals at a time, and each keeps its copy.
pub async fn run(yitu: WeakYitu) {
    let Some(mut copies) = yitu.upgrade().map(|y| Copies::of(&y.config.data_dir)) else { return };
    let mut told = String::new();
    let mut rounds = Rounds::every(EVERY, yitu);
    while let Some(yitu) = rounds.next().await {
        let trouble = pass(&yitu.db, &mut copies, yitu.clock.now()).await.err().map(|e| e.to_string());
        let trouble = trouble.unwrap_or_default();
        // What stays wrong is said once, not every second.
        if !trouble.is_empty() && trouble != told {
            tracing::error!(error = %trouble, "the history could not be sealed; trying again");
        }
        told = trouble;
    }
}

/// Seals all that is committed and completes the copies; answers how many rows it sealed.
///
/// # Errors
/// When the database fails or a file cannot be written. What was sealed until then stays sealed.
pub async fn pass(db: &Databases, copies: &mut Copies, now: DateTime<Utc>) -> Result<usize, ServiceError> {
    let counties = seal::counties(&db.system).await?;
    let mut sealed = 0;
    for (county, _) in &counties {
        loop {
            let rows = seal_some(db, *county, now.trunc_subsecs(6)).await?;
            sealed += rows;
            if rows < BATCH as usize {
                break;
            }
        }
    }
    for (county, _) in counties {
        complete(db, copies, county).await?;
    }
    Ok(sealed)
}

/// One seal over what is not sealed yet; answers its rows. None while another server is at it, which sees them too.
async fn seal_some(db: &Databases, county: FeatureId, now: DateTime<Utc>) -> Result<usize, ServiceError> {
    let Some(mut on) = seal::take_turn(&db.system).await? else { return Ok(0) };
    let (ids, digests) = seal::unsealed(&mut on, county, BATCH).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let mut root = Root::default();
    for digest in &digests {
        root.take(digest);
    }
    let (rows, root) = root.close();
    let last = seal::last(&mut on, county).await?;
    let (number, previous) = last.map_or((1, Seal::nothing_before()), |s| (s.number + 1, s.digest));
    let sealed_at = now.timestamp_micros();
    let new = Seal { county, number, sealed_at, rows, root, previous, digest: String::new() };
    let new = new.closed().map_err(|e| ServiceError::Internal(e.to_string()))?;
    seal::store(&mut on, &new, now, &ids).await?;
    seal::end_turn(on).await?;
    Ok(ids.len())
}

/// Appends to a county's file the seals it does not hold yet, those of other servers and of before a crash too.
async fn complete(db: &Databases, copies: &mut Copies, county: FeatureId) -> Result<(), ServiceError> {
    let internal = |e: CopyError| ServiceError::Internal(e.to_string());
    let mut copy = if let Some(open) = copies.open.remove(&county) {
        open
    } else {
        let path = copy::path(&copies.data_dir, county);
        let opened = match off_thread(move || Copy::open(path)).await? {
            // Another server of the same data folder writes it.
            Err(CopyError::InUse) => return Ok(()),
            other => other.map_err(internal)?,
        };
        let stored = seal::after(&db.system, county, opened.last_number() - 1, 1).await?;
        opened.agrees_with(stored.first()).map_err(internal)?;
        opened
    };
    loop {
        let seals = seal::after(&db.system, county, copy.last_number(), COPIED).await?;
        if seals.is_empty() {
            // One that failed is not kept: it is opened anew, and what it holds is looked at.
            copies.open.insert(county, copy);
            return Ok(());
        }
        let appended = off_thread(move || copy.append(&seals).map(|()| copy)).await?;
        copy = appended.map_err(internal)?;
    }
}
