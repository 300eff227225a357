//! From a configuration to a running Yitu.

use std::sync::Arc;

use thiserror::Error;

use super::{SystemClock, Yitu};
use crate::atlas::Atlas;
use crate::config::Config;
use crate::db::connect::Addresses;
use crate::db::embedded::{EmbeddedError, EmbeddedServer};
use crate::db::{self, ConnectError, Databases};
use crate::tiles::TileConfigs;
use crate::tiles::config::TileConfigError;

/// An open database; closing it also stops a server of our own.
#[derive(Debug)]
pub struct OpenDatabase {
    /// The three logins.
    pub databases: Databases,
    server: Option<EmbeddedServer>,
}

impl OpenDatabase {
    /// Ends all connections, then the server if it is our own.
    pub async fn close(self) {
        self.databases.request.close().await;
        self.databases.system.close().await;
        self.databases.migrator.close().await;
        if let Some(server) = self.server {
            server.stop().await;
        }
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
    Migrate(#[from] db::MigrateError),
    /// Our own server does not run.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// A layer's tile settings cannot be used.
    #[error(transparent)]
    Tiles(#[from] TileConfigError),
    /// The map cannot be read from the database.
    #[error("从数据库装载地图失败:{0}")]
    Load(#[from] db::DbError),
}

/// Opens the configured database and brings its schema up to date.
///
/// # Errors
/// When it cannot be reached or migrated.
pub async fn open_database(config: &Config) -> Result<OpenDatabase, StartError> {
    let (addresses, server) = if let Some(url) = &config.database_url {
        let request = config.request_database_url.as_deref();
        let system = config.system_database_url.as_deref();
        (Addresses::parse(url, request, system, config.request_connections)?, None)
    } else {
        let server = EmbeddedServer::start(&config.data_dir).await?;
        (server.addresses(config.request_connections), Some(server))
    };
    match connect(addresses).await {
        Ok(databases) => Ok(OpenDatabase { databases, server }),
        Err(error) => {
            if let Some(server) = server {
                server.stop().await;
            }
            Err(error)
        }
    }
}

async fn connect(addresses: Addresses) -> Result<Databases, StartError> {
    let databases = Databases::connect(addresses).await?;
    db::migrate(&databases.migrator).await?;
    Ok(databases)
}

/// Starts the atlas and the timers over an open database.
///
/// # Errors
/// When the atlas cannot be loaded.
pub async fn start(config: Config, databases: Databases) -> Result<Yitu, StartError> {
    let atlas = Arc::new(Atlas::new());
    super::atlas::follow::start(&atlas, &databases).await?;
    let yitu = over(atlas, config, databases)?;
    tokio::spawn(super::grid::activate::run(yitu.db.clone(), Arc::clone(&yitu.clock)));
    Ok(yitu)
}

/// Loads the atlas of an open database as it is now, for good: nothing is followed, no timer runs.
///
/// # Errors
/// When the atlas cannot be loaded.
pub async fn stand_still(config: Config, databases: Databases) -> Result<Yitu, StartError> {
    let atlas = Arc::new(Atlas::new());
    super::atlas::follow::load(&atlas, &databases).await?;
    over(atlas, config, databases)
}

fn over(atlas: Arc<Atlas>, config: Config, databases: Databases) -> Result<Yitu, StartError> {
    let tiles = super::Tiles {
        configs: Arc::new(TileConfigs::load(config.tiles_config_dir.as_deref())?),
        cache: super::tile::TileCache::new(config.tile_cache_bytes),
        elevation: super::tile::elevation::ElevationCache::default(),
    };
    let clock: Arc<dyn super::Clock> = Arc::new(SystemClock);
    Ok(super::Parts { config, db: databases, atlas, tiles, indexes: Arc::default(), clock }.into())
}
