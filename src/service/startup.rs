//! From a configuration to a running Yitu.

use std::sync::Arc;

use thiserror::Error;

use super::{SystemClock, Yitu};
use crate::atlas::Atlas;
use crate::config::Config;
use crate::db::{self, ConnectError, Databases, connect::Addresses};

/// An open database; closing it also stops a server of our own.
#[derive(Debug)]
pub struct OpenDatabase {
    /// The three logins.
    pub databases: Databases,
}

impl OpenDatabase {
    /// Ends all connections.
    pub async fn close(self) {
        self.databases.request.close().await;
        self.databases.system.close().await;
        self.databases.migrator.close().await;
    }
}

/// Why Yitu cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The schema cannot be brought up to date.
    #[error("数据库结构升级失败:{0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Something is missing in the configuration.
    #[error("{0}")]
    Configuration(String),
}

/// Opens the configured database and brings its schema up to date.
///
/// # Errors
/// When it cannot be reached or migrated.
pub async fn open_database(config: &Config) -> Result<OpenDatabase, StartError> {
    let url = config.database_url.as_deref().ok_or_else(|| StartError::Configuration("请设置 DATABASE_URL。".to_owned()))?;
    let addresses = Addresses::parse(
        url,
        config.request_database_url.as_deref(),
        config.system_database_url.as_deref(),
        config.request_connections,
    )?;
    let databases = Databases::connect(addresses).await?;
    db::migrate(&databases.migrator).await?;
    Ok(OpenDatabase { databases })
}

/// Starts the atlas and the timers over an open database.
///
/// # Errors
/// When the atlas cannot be loaded.
pub async fn start(config: Config, databases: Databases) -> Result<Yitu, StartError> {
    Ok(Yitu { config: Arc::new(config), db: databases, atlas: Arc::new(Atlas::new()), clock: Arc::new(SystemClock) })
}
