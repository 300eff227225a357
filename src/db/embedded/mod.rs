//! Yitu's own PostgreSQL: a cluster under the data folder, run from the installed server programs, reached
//! through a Unix socket only, started and stopped with Yitu and restarted when it dies.

mod cluster;
mod install;
mod process;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use nix::sys::statvfs::statvfs;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor};
use thiserror::Error;
use tokio::process::Child;
use tokio::sync::Mutex;

use super::connect::Addresses;
use install::Install;
pub use process::Owner;

/// The schema's owner in a cluster of our own.
const OWNER_LOGIN: &str = "yitu";
const DATABASE: &str = "yitu";
/// Less free space than this and PostgreSQL may not even finish its recovery.
const LEAST_FREE_BYTES: u64 = 256 << 20;
const RECOVERY_LIMIT: Duration = Duration::from_mins(10);

/// Why our own PostgreSQL cannot run; each says what to do.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// Another program holds the data folder.
    #[error("数据目录 {0} 正被另一个 yitu 使用。请先停掉它,或用 YITU_DATA_DIR 换一个目录。")]
    InUse(PathBuf),
    /// No server programs.
    #[error(
        "没有找到 PostgreSQL 服务程序。请安装:apt-get install postgresql-15 postgresql-15-postgis-3;或用 DATABASE_URL 指向已有的服务器。"
    )]
    NoServer,
    /// A server without PostGIS.
    #[error("PostgreSQL {0} 没有装 PostGIS 扩展。请安装:apt-get install postgresql-{0}-postgis-3。")]
    NoPostgis(u32),
    /// The cluster was made by another major version.
    #[error(
        "数据目录 {folder} 属于 PostgreSQL {made_by},本机只有 {installed}。请安装:apt-get install postgresql-{made_by} postgresql-{made_by}-postgis-3;\
         或用 pg_upgrade 升级该目录后再启动。数据没有改动。"
    )]
    OtherVersion {
        /// The cluster's folder.
        folder: PathBuf,
        /// Major version it was made by.
        made_by: String,
        /// Major versions installed here.
        installed: String,
    },
    /// The disk is full or nearly so.
    #[error("数据目录 {folder} 所在磁盘只剩 {free_mb} MB,至少需要 {} MB。请清理磁盘后再启动。", LEAST_FREE_BYTES >> 20)]
    DiskFull {
        /// The data folder.
        folder: PathBuf,
        /// Free megabytes.
        free_mb: u64,
    },
    /// The unprivileged user cannot reach the folder.
    #[error(
        "用户 {user} 进不了数据目录 {folder}(PostgreSQL 不能以 root 运行)。请用 YITU_DATA_DIR 换到它能进的位置,例如 /var/lib/yitu。"
    )]
    Unreachable {
        /// Who PostgreSQL runs as.
        user: String,
        /// The data folder.
        folder: PathBuf,
    },
    /// No user to run as.
    #[error(
        "以 root 启动时需要一个普通用户来运行 PostgreSQL,但没有 postgres 用户。请安装 postgresql-15,或换普通用户启动。"
    )]
    NoUser,
    /// The folder cannot be written.
    #[error("数据目录 {folder} 不能使用:{source}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A server program failed.
    #[error("{program} 失败:{output}")]
    Program {
        /// Which.
        program: &'static str,
        /// The end of what it said.
        output: String,
    },
    /// The server did not come up.
    #[error("PostgreSQL 没有起来:{last}。日志在 {log}。")]
    NotReady {
        /// The last refusal.
        last: String,
        /// Its log folder.
        log: PathBuf,
    },
}

/// A running server of our own. Stop it with [`EmbeddedServer::stop`]; a supervisor restarts it when it dies.
#[derive(Debug)]
pub struct EmbeddedServer {
    cluster: cluster::Cluster,
    child: Arc<Mutex<Child>>,
    stopping: Arc<AtomicBool>,
    supervisor: tokio::task::JoinHandle<()>,
    // Held for as long as the server runs: one program a data folder.
    _lock: Flock<File>,
}

impl EmbeddedServer {
    /// Makes the cluster if there is none, starts it, and waits until it answers (recovery included).
    ///
    /// # Errors
    /// See [`EmbeddedError`].
    pub async fn start(data_dir: &Path) -> Result<Self, EmbeddedError> {
        let at_fault = |source: std::io::Error| EmbeddedError::Folder { folder: data_dir.to_owned(), source };
        std::fs::create_dir_all(data_dir).map_err(at_fault)?;
        let data_dir = data_dir.canonicalize().map_err(at_fault)?;
        let lock = lock(&data_dir)?;
        refuse_full_disk(&data_dir)?;
        let owner = Owner::choose(&data_dir)?;
        let cluster = cluster::Cluster::open(&data_dir, Install::all(), owner)?;
        cluster.end_orphan().await?;
        let child = Arc::new(Mutex::new(cluster.spawn()?));
        let stopping = Arc::new(AtomicBool::new(false));
        let supervisor = tokio::spawn(supervise(cluster.clone(), child.clone(), stopping.clone()));
        let server = Self { cluster, child, stopping, supervisor, _lock: lock };
        if let Err(error) = server.wait_ready().await {
            server.stop().await;
            return Err(error);
        }
        Ok(server)
    }

    /// How to be each of the three logins.
    #[must_use]
    pub fn addresses(&self, request_connections: u32) -> Addresses {
        let login = |name| self.options(name).database(DATABASE);
        Addresses {
            migrator: login(OWNER_LOGIN),
            request: Some(login("yitu_request")),
            system: Some(login("yitu_system")),
            request_connections,
        }
    }

    /// Stops the server as `pg_ctl stop -m fast` does, and waits for it.
    pub async fn stop(self) {
        self.stopping.store(true, Ordering::Release);
        self.supervisor.abort();
        let mut child = self.child.lock().await;
        process::interrupt(&child);
        if tokio::time::timeout(Duration::from_secs(30), child.wait()).await.is_err() {
            tracing::warn!("PostgreSQL did not stop within 30 s; it will recover at the next start");
            // It may already be gone.
            let _ = child.kill().await;
        }
    }

    fn options(&self, login: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("localhost")
            .socket(self.cluster.socket_dir())
            .port(cluster::PORT)
            .username(login)
            .log_statements(log::LevelFilter::Trace)
    }

    async fn wait_ready(&self) -> Result<(), EmbeddedError> {
        let begun = std::time::Instant::now();
        let options = self.options(OWNER_LOGIN).database("postgres");
        loop {
            let last = match options.connect().await {
                Ok(mut connection) => {
                    let made = connection.execute("CREATE DATABASE yitu").await;
                    // 42P04: it is there already.
                    if let Err(sqlx::Error::Database(e)) = &made
                        && e.code().as_deref() != Some("42P04")
                    {
                        return Err(self.not_ready(e));
                    }
                    return connection.close().await.map_err(|e| self.not_ready(&e));
                }
                Err(error) => error,
            };
            let exited = self.child.lock().await.try_wait().ok().flatten().is_some();
            if exited && begun.elapsed() > Duration::from_secs(20) || begun.elapsed() > RECOVERY_LIMIT {
                return Err(self.not_ready(&last));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn not_ready(&self, last: &dyn std::fmt::Display) -> EmbeddedError {
        EmbeddedError::NotReady { last: last.to_string(), log: self.cluster.log_dir() }
    }
}

/// Restarts the server whenever it ends without being told to.
async fn supervise(cluster: cluster::Cluster, child: Arc<Mutex<Child>>, stopping: Arc<AtomicBool>) {
    while !stopping.load(Ordering::Acquire) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut held = child.lock().await;
        let Ok(Some(status)) = held.try_wait() else { continue };
        if stopping.load(Ordering::Acquire) {
            return;
        }
        tracing::error!(%status, "PostgreSQL ended by itself; starting it again");
        match cluster.spawn() {
            Ok(again) => *held = again,
            Err(error) => tracing::error!(%error, "PostgreSQL cannot be started"),
        }
        drop(held);
        // Backends of the dead server may hold its shared memory for a moment.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn lock(data_dir: &Path) -> Result<Flock<File>, EmbeddedError> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(data_dir.join("yitu.lock"))
        .map_err(|source| EmbeddedError::Folder { folder: data_dir.to_owned(), source })?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| EmbeddedError::InUse(data_dir.to_owned()))
}

fn refuse_full_disk(data_dir: &Path) -> Result<(), EmbeddedError> {
    let Ok(stat) = statvfs(data_dir) else { return Ok(()) };
    let free = stat.blocks_available() * stat.fragment_size();
    if free < LEAST_FREE_BYTES {
        return Err(EmbeddedError::DiskFull { folder: data_dir.to_owned(), free_mb: free >> 20 });
    }
    Ok(())
}
