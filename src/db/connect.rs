//! The three logins.

use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use thiserror::Error;

/// One pool a login. Cloning shares the pools.
#[derive(Debug, Clone)]
pub struct Databases {
    /// Owns the schema: migrations, bulk loads by an operator.
    pub migrator: PgPool,
    /// Obeys row-level security; used through [`super::Request`], or by a statement that says itself who asks.
    pub request: PgPool,
    /// Feeds the atlas and runs the timers.
    pub system: PgPool,
}

impl Databases {
    /// Each login's open connections, and how many of them are idle.
    #[must_use]
    pub fn connections(&self) -> [(&'static str, (u32, usize)); 3] {
        let of = |pool: &PgPool| (pool.size(), pool.num_idle());
        [("migrator", of(&self.migrator)), ("request", of(&self.request)), ("system", of(&self.system))]
    }
}

/// Where the database is and how to be each login there.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The schema's owner.
    pub migrator: PgConnectOptions,
    /// `yitu_request`, or `None` to assume the role as the owner.
    pub request: Option<PgConnectOptions>,
    /// `yitu_system`, or `None` to assume the role as the owner.
    pub system: Option<PgConnectOptions>,
    /// Connections for requests.
    pub request_connections: u32,
}

/// Why no connection could be made.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The address is not one of PostgreSQL.
    #[error("数据库地址有误:{0}。应形如 postgres://用户:口令@主机:5432/库名。")]
    Address(sqlx::Error),
    /// Nobody answers, or the login is refused.
    #[error("连不上数据库:{0}。请确认服务器在运行、地址与口令正确。")]
    Unreachable(sqlx::Error),
}

impl Addresses {
    /// From connection URLs.
    ///
    /// # Errors
    /// When one is no PostgreSQL URL.
    pub fn parse(
        migrator: &str,
        request: Option<&str>,
        system: Option<&str>,
        request_connections: u32,
    ) -> Result<Self, ConnectError> {
        let parse = |url: &str| PgConnectOptions::from_str(url).map_err(ConnectError::Address);
        Ok(Self {
            migrator: parse(migrator)?,
            request: request.map(parse).transpose()?,
            system: system.map(parse).transpose()?,
            request_connections,
        })
    }
}

impl Databases {
    /// Connects the owner's login; the other two connect when first used, after the migrations made them.
    ///
    /// # Errors
    /// When the server cannot be reached with the owner's login.
    pub async fn connect(addresses: Addresses) -> Result<Self, ConnectError> {
        // All queries are short: to compile one takes longer than to run it.
        let quiet = |o: PgConnectOptions| {
            o.application_name("yitu").options([("jit", "off")]).log_statements(log::LevelFilter::Trace)
        };
        // The owner migrates and loads in bulk, which takes its time.
        let patient =
            |o: PgConnectOptions| quiet(o).log_slow_statements(log::LevelFilter::Off, std::time::Duration::ZERO);
        let migrator = PgPoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(patient(addresses.migrator.clone()))
            .await
            .map_err(ConnectError::Unreachable)?;
        let pool = |own: Option<PgConnectOptions>, role: &'static str, connections: u32| {
            let options = own.unwrap_or_else(|| addresses.migrator.clone().options([("role", role)]));
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(Duration::from_secs(10))
                .connect_lazy_with(quiet(options))
        };
        Ok(Self {
            request: pool(addresses.request.clone(), "yitu_request", addresses.request_connections),
            system: pool(addresses.system.clone(), "yitu_system", 6),
            migrator,
        })
    }
}
