//! From a configuration to a running Yitu.

use std::sync::Arc;

use thiserror::Error;

use super::access::Access;
use super::access::oidc::OidcError;
use super::atlas::follow::{self, Followed};
use super::photo::{Photos, store::StoreError};
use super::tile::{TileCache, elevation::ElevationCache};
use super::{Clock, SystemClock, Yitu};
use crate::config::Config;
use crate::db::connect::Addresses;
use crate::db::embedded::{EmbeddedError, EmbeddedServer};
use crate::db::{self, ConnectError, Databases};
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
    /// The store of photos is not described as it should be.
    #[error(transparent)]
    Photos(#[from] StoreError),
    /// The identity server is not described as it should be.
    #[error(transparent)]
    Oidc(#[from] OidcError),
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
/// When the atlas cannot be loaded, or a layer's tile settings cannot be used.
pub async fn start(config: Config, databases: Databases) -> Result<Yitu, StartError> {
    start_by(Arc::new(SystemClock), config, databases).await
}

/// The same by any clock.
///
/// # Errors
/// When the atlas cannot be loaded, or a layer's tile settings cannot be used.
pub async fn start_by(clock: Arc<dyn Clock>, config: Config, databases: Databases) -> Result<Yitu, StartError> {
    let (photos, access) = (Photos::open(&config)?, Access::open(&config)?);
    let followed = follow::start(&config, &databases, clock).await?;
    super::calendar::seed::seed(&databases, followed.clock.now()).await?;
    tokio::spawn(super::calendar::seed::run(databases.clone(), Arc::clone(&followed.clock)));
    tokio::spawn(super::grid::activate::run(databases.clone(), Arc::clone(&followed.clock)));
    Ok(over(followed, (photos, access), config, databases))
}

/// Loads the map of an open database as it is now, for good: nothing is followed, no timer runs.
///
/// # Errors
/// When the map cannot be loaded.
pub async fn stand_still(config: Config, databases: Databases) -> Result<Yitu, StartError> {
    let (photos, access) = (Photos::open(&config)?, Access::open(&config)?);
    let (followed, _) = follow::load(&config, &databases, Arc::new(SystemClock)).await?;
    Ok(over(followed, (photos, access), config, databases))
}

fn over(
    Followed { atlas, layers, changes, clock }: Followed,
    (photos, access): (Photos, Access),
    config: Config,
    db: Databases,
) -> Yitu {
    let cache = TileCache::new(config.tile_cache_bytes);
    let tiles = super::Tiles { layers, cache, elevation: ElevationCache::default() };
    super::Parts {
        config,
        db,
        atlas,
        tiles,
        changes,
        indexes: Arc::default(),
        access: Arc::new(access),
        photos: Arc::new(photos),
        clock,
    }
    .into()
}
