//! Who stands behind what a request is made with.

use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::Known;
use super::audit::Doer;
use crate::access::credential::digest_of;
use crate::db::account::{self, PrincipalRow};
use crate::domain::viewer::{Role, Scope};
use crate::domain::{FeatureId, Layer, Viewer};
use crate::service::spatial::int;
use crate::service::spatial::summary::Tree;
use crate::service::{ServiceError, Yitu};

/// How old what is known of somebody may be: a credential that is revoked, or an account that is disabled, is of no use
/// anywhere after that.
const KNOWN_FOR: Duration = Duration::from_secs(2);
/// How old it may be while somebody else asks the database about them already.
const KNOWN_WHILE_ASKED: Duration = Duration::from_secs(4);
/// How old it may be while the database does not answer: nobody can be closed out then, and the map can still be read.
const KNOWN_IN_AN_OUTAGE: Duration = Duration::from_mins(10);
/// Credentials remembered at most.
const MOST_KNOWN: usize = 50_000;

/// What a request is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// A browser's session.
    Session,
    /// A program's token.
    Token,
    /// A wall's token: it can be taken back, and writes nothing.
    Display,
}

impl Means {
    /// The stable code, as stored.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Token => "token",
            Self::Display => "display",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        [Self::Session, Self::Token, Self::Display].into_iter().find(|m| m.code() == code)
    }
}

/// How far the county's identity server vouches for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vouched {
    /// For who it is; a second factor, where there is one, was given here.
    Plain,
    /// For who it is; the second factor is still to be given.
    CodeDue,
    /// For who it is, by more than a password.
    Mfa,
}

impl Vouched {
    /// The stable code, as stored.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::CodeDue => "code_due",
            Self::Mfa => "mfa",
        }
    }
}

/// An account that asks, and what it asks with.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // none follows from another
pub struct Principal {
    /// What it may see.
    pub viewer: Viewer,
    /// Its account.
    pub account_id: FeatureId,
    /// The name it signs in by.
    pub account: String,
    /// What it asks with.
    pub credential_id: FeatureId,
    /// What kind that is.
    pub means: Means,
    /// Whether that may change anything.
    pub may_write: bool,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
    /// The password was set by somebody else and is to be changed first.
    pub password_expires: bool,
    /// It has a second factor, or gave one to the identity server.
    pub has_second_factor: bool,
    /// The code of the second factor is still to be given.
    pub code_due: bool,
}

impl Principal {
    /// Who does something, for the log. `origin` is the address they do it from.
    #[must_use]
    pub fn doer(&self, origin: &str) -> Doer {
        Doer { viewer: self.viewer.clone(), origin: origin.to_owned() }
    }
}

/// Whether there is an account. Until then the server is one person's own, on their own machine.
///
/// # Errors
/// When the database fails.
pub async fn has_begun(yitu: &Yitu) -> Result<bool, ServiceError> {
    if yitu.access.begun.load(Ordering::Acquire) {
        return Ok(true);
    }
    if yitu.access.without.lock().is_some_and(|since| since.elapsed() < KNOWN_FOR) {
        return Ok(false);
    }
    let begun = account::any(&yitu.db.system).await?;
    if begun {
        begin(yitu);
    } else {
        *yitu.access.without.lock() = Some(Instant::now());
    }
    Ok(begun)
}

/// From now on there are accounts.
pub(super) fn begin(yitu: &Yitu) {
    yitu.access.begun.store(true, Ordering::Release);
}

/// Who stands behind a secret; nobody when it is unknown, revoked or past its end, or its account disabled or without a
/// role.
///
/// # Errors
/// When the database fails.
pub async fn of_secret(yitu: &Yitu, secret: &str) -> Result<Option<Arc<Principal>>, ServiceError> {
    let Some(digest) = digest_of(secret) else { return Ok(None) };
    let now = yitu.clock.now();
    let known = {
        let mut all = yitu.access.known.lock();
        let known = all.get_mut(&digest).filter(|known| known.principal.expires_at > now);
        if let Some(known) = known {
            let age = known.since.elapsed();
            // One asks; the many streams of one account do not all at once.
            if age < KNOWN_FOR || (known.is_asked && age < KNOWN_WHILE_ASKED) {
                return Ok(Some(Arc::clone(&known.principal)));
            }
            known.is_asked = true;
            Some(known.clone())
        } else {
            None
        }
    };
    // Whoever tries one secret after another keeps no more than these connections from those who are known.
    let _turn = if known.is_none() { yitu.access.strangers.acquire().await.ok() } else { None };
    let row = match (account::principal(&yitu.db.system, &digest, now).await, known) {
        (Ok(row), _) => row,
        (Err(error), Some(known)) if error.outage().is_some() && known.since.elapsed() < KNOWN_IN_AN_OUTAGE => {
            return Ok(Some(known.principal));
        }
        (Err(error), _) => return Err(error.into()),
    };
    let found = row.and_then(|row| read(yitu, row)).map(Arc::new);
    let mut known = yitu.access.known.lock();
    match &found {
        Some(principal) => {
            if known.len() >= MOST_KNOWN {
                known.retain(|_, known| known.since.elapsed() < KNOWN_IN_AN_OUTAGE);
            }
            let now = Known { principal: Arc::clone(principal), since: Instant::now(), is_asked: false };
            known.insert(digest, now);
        }
        None => drop(known.remove(&digest)),
    }
    Ok(found)
}

/// Whether what a stream was opened with is still good, for whoever it was. Without anything it is until there are accounts.
pub async fn is_still(yitu: &Yitu, secret: Option<&str>, as_before: &Viewer) -> bool {
    let Some(secret) = secret else { return !has_begun(yitu).await.unwrap_or_default() };
    match of_secret(yitu, secret).await {
        Ok(now) => now.is_some_and(|p| p.viewer.sees_as(as_before)),
        // A database that does not answer is no reason to cut anybody off.
        Err(_) => true,
    }
}

/// Forgets what is known of an account: what it has now holds at once.
pub fn forget(yitu: &Yitu, account: FeatureId) {
    yitu.access.known.lock().retain(|_, known| known.principal.account_id != account);
}

fn read(yitu: &Yitu, row: PrincipalRow) -> Option<Principal> {
    let role = Role::of_accounts().find(|role| Some(role.code()) == row.role.as_deref())?;
    // A wall's token stands in an address that many can read: it is a wall's, or nobody's.
    let means = Means::from_code(&row.kind).filter(|means| *means != Means::Display || role == Role::Wall)?;
    let scope = scope(yitu, &row, role);
    Some(Principal {
        viewer: Viewer::of_account(row.county_id, row.account_id, row.display_name, role, scope),
        account_id: row.account_id,
        account: row.name,
        credential_id: row.credential_id,
        means,
        may_write: row.may_write,
        expires_at: row.expires_at,
        password_expires: row.password_expires,
        has_second_factor: row.has_second_factor,
        code_due: row.code_due,
    })
}

/// What is granted, with all that lies in it as the map stands now.
fn scope(yitu: &Yitu, row: &PrincipalRow, role: Role) -> Scope {
    if role.administers() {
        return Scope::default();
    }
    let tree = LazyCell::new(|| Tree::read(yitu));
    let under = |roots: &[FeatureId]| -> BTreeSet<FeatureId> { roots.iter().flat_map(|r| tree.under(*r)).collect() };
    let whole = row.regions.contains(&row.county_id);
    let regions = if whole { BTreeSet::new() } else { under(&row.regions) };
    let regions_in_full = under(&row.regions_in_full);
    let mut grids: BTreeSet<FeatureId> = row.grids.iter().chain(&row.own_grids).copied().collect();
    let mut in_full: BTreeSet<FeatureId> = row.grids_in_full.iter().chain(&row.own_grids).copied().collect();
    if !(regions.is_empty() && regions_in_full.is_empty()) {
        let store = yitu.atlas.layer(Layer::Grid);
        for grid in store.iter() {
            let Some(village) = int(grid, store.schema(), "village_id") else { continue };
            if regions.contains(&village) {
                grids.insert(grid.id);
            }
            if regions_in_full.contains(&village) {
                in_full.insert(grid.id);
            }
        }
    }
    if whole {
        grids.clear();
    }
    Scope {
        whole,
        regions,
        grids,
        in_full,
        households: row.households.iter().copied().collect(),
        units: row.units.iter().copied().collect(),
        responder: row.responder_id,
    }
}
