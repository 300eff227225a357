//! Who asks: accounts, what they sign in with, what they are given, and the log of what they did with it.

pub mod audit;
pub mod demo;
pub mod factor;
pub mod grant;
mod identity;
pub mod limits;
pub mod oidc;
pub mod principal;
pub mod session;
pub mod token;
pub mod user;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::access::throttle::Throttle;
use crate::config::Config;
use principal::Principal;

/// Passwords hashed at a time: each takes 19 MiB and a core for tens of milliseconds.
const HASHED_AT_ONCE: usize = 2;

/// Credentials nobody is known by yet that are looked up at a time, of the database's few connections.
const STRANGERS_AT_ONCE: usize = 2;

/// Somebody, since when they are known, and whether the database is being asked anew.
#[derive(Debug, Clone)]
struct Known {
    principal: Arc<Principal>,
    since: Instant,
    is_asked: bool,
}

/// What one server knows of those who ask.
#[derive(Debug)]
pub struct Access {
    /// By the digest of what they ask with, and since when it is known.
    known: Mutex<HashMap<[u8; 32], Known>>,
    /// By name and address, and by address alone: many people may share one.
    throttle: Mutex<Throttle>,
    addresses: Mutex<Throttle>,
    hashing: Semaphore,
    strangers: Semaphore,
    /// Whether there is an account; there always is one from then on.
    begun: AtomicBool,
    /// When it was last seen that there is none.
    without: Mutex<Option<Instant>>,
    pub(crate) limits: Arc<limits::Limits>,
    /// The county's identity server, where there is one to sign in through.
    oidc: Option<oidc::Oidc>,
}

impl Access {
    /// For a server with these settings. Nothing is asked of anybody yet.
    ///
    /// # Errors
    /// When those of the identity server cannot be used.
    pub fn open(config: &Config) -> Result<Self, oidc::OidcError> {
        Ok(Self {
            oidc: oidc::Oidc::open(config)?,
            known: Mutex::default(),
            throttle: Mutex::new(Throttle::after(5)),
            addresses: Mutex::new(Throttle::after(50)),
            hashing: Semaphore::new(HASHED_AT_ONCE),
            strangers: Semaphore::new(STRANGERS_AT_ONCE),
            begun: AtomicBool::new(false),
            without: Mutex::default(),
            limits: Arc::default(),
        })
    }
}
