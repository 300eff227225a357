//! The cluster's folder: made once, checked at each start.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use super::install::Install;
use super::{EmbeddedError, OWNER_LOGIN, Owner};

/// Names the socket file only; there is no TCP.
pub(super) const PORT: u16 = 5432;
/// A socket's path must fit `sun_path`, 108 bytes with the file's own name.
const LONGEST_SOCKET_DIR: usize = 80;

/// A cluster and the programs that fit it.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    home: PathBuf,
    socket_dir: PathBuf,
    bin: PathBuf,
    owner: Owner,
}

impl Cluster {
    /// Opens the cluster under `data_dir`, or makes it with the newest server that has PostGIS.
    pub fn open(data_dir: &Path, installed: Vec<Install>, owner: Owner) -> Result<Self, EmbeddedError> {
        let home = data_dir.join("postgres");
        let made_by = std::fs::read_to_string(home.join("cluster/PG_VERSION")).ok().map(|v| v.trim().to_owned());
        let install = choose(installed, made_by.as_deref(), &home)?;
        owner.make_dir(&home)?;
        let own = home.join("run");
        let socket_dir = if own.as_os_str().len() <= LONGEST_SOCKET_DIR {
            own
        } else {
            std::env::temp_dir().join(format!("yitu-{:016x}", fingerprint(&home)))
        };
        owner.make_dir(&socket_dir)?;
        let cluster = Self { home, socket_dir, bin: install.bin, owner };
        if made_by.is_none() {
            cluster.make()?;
        }
        Ok(cluster)
    }

    /// Where the server's socket is.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// Where the server writes its log.
    pub fn log_dir(&self) -> PathBuf {
        self.home.join("log")
    }

    fn data(&self) -> PathBuf {
        self.home.join("cluster")
    }

    /// Makes the cluster beside its place and moves it there, so that a half-made one is never taken for whole.
    fn make(&self) -> Result<(), EmbeddedError> {
        let half = self.home.join("cluster.making");
        let at_fault = |source| EmbeddedError::Folder { folder: half.clone(), source };
        if half.exists() {
            std::fs::remove_dir_all(&half).map_err(at_fault)?;
        }
        let output = self
            .owner
            .command(self.bin.join("initdb"))
            .arg("-D")
            .arg(&half)
            .args(["-U", OWNER_LOGIN, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--data-checksums"])
            .output()
            .map_err(at_fault)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(EmbeddedError::Program { program: "initdb", output: said.trim().to_owned() });
        }
        std::fs::rename(&half, self.data()).map_err(at_fault)
    }

    /// Starts the server. It listens on its socket alone, in a folder only its own user and root can enter.
    pub fn spawn(&self) -> Result<Child, EmbeddedError> {
        let mut command = self.owner.command(self.bin.join("postgres"));
        command.arg("-D").arg(self.data()).arg("-k").arg(&self.socket_dir);
        for setting in [
            "listen_addresses=".to_owned(),
            format!("port={PORT}"),
            "timezone=UTC".to_owned(),
            "max_connections=100".to_owned(),
            "shared_buffers=256MB".to_owned(),
            "effective_cache_size=2GB".to_owned(),
            "max_wal_size=4GB".to_owned(),
            "random_page_cost=1.1".to_owned(),
            "logging_collector=on".to_owned(),
            format!("log_directory={}", self.log_dir().display()),
            "log_filename=postgresql-%a.log".to_owned(),
            "log_truncate_on_rotation=on".to_owned(),
        ] {
            command.arg("-c").arg(setting);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Command::from(command)
            .spawn()
            .map_err(|e| EmbeddedError::Program { program: "postgres", output: e.to_string() })
    }

    /// A server left behind by a Yitu that was killed is stopped, so that the new one is our child.
    pub async fn end_orphan(&self) -> Result<(), EmbeddedError> {
        let Some(pid) = self.running_pid() else { return Ok(()) };
        tracing::warn!(pid, "stopping the PostgreSQL a killed yitu left behind");
        for (signal, patience_s) in [(Signal::SIGINT, 20), (Signal::SIGQUIT, 10)] {
            // Gone already is as good.
            let _ = kill(Pid::from_raw(pid), signal);
            for _ in 0..patience_s * 20 {
                if self.running_pid() != Some(pid) {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Err(EmbeddedError::Program {
            program: "postgres", output: format!("遗留的进程 {pid} 停不下来,请手工结束它。")
        })
    }

    /// The process named by `postmaster.pid`, if it is alive and a server on this very folder.
    fn running_pid(&self) -> Option<i32> {
        let text = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        let pid: i32 = text.lines().next()?.trim().parse().ok()?;
        let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        command.contains(self.data().to_str()?).then_some(pid)
    }
}

fn choose(installed: Vec<Install>, made_by: Option<&str>, home: &Path) -> Result<Install, EmbeddedError> {
    let newest = installed.first().map(|i| i.major).ok_or(EmbeddedError::NoServer)?;
    let Some(made_by) = made_by else {
        return installed.into_iter().find(|i| i.has_postgis).ok_or(EmbeddedError::NoPostgis(newest));
    };
    let majors: Vec<String> = installed.iter().map(|i| i.major.to_string()).collect();
    let fitting = installed.into_iter().find(|i| i.major.to_string() == made_by);
    match fitting {
        None => Err(EmbeddedError::OtherVersion {
            folder: home.to_owned(),
            made_by: made_by.to_owned(),
            installed: majors.join("、"),
        }),
        Some(install) if !install.has_postgis => Err(EmbeddedError::NoPostgis(install.major)),
        Some(install) => Ok(install),
    }
}

/// FNV-1a of a path: a short name for it.
fn fingerprint(path: &Path) -> u64 {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(major: u32, has_postgis: bool) -> Install {
        Install { major, bin: PathBuf::from("/bin"), has_postgis }
    }

    #[test]
    fn the_server_fits_the_cluster_or_the_way_out_is_named() {
        let home = Path::new("/data/postgres");
        let say = |installed: Vec<Install>, made_by| {
            choose(installed, made_by, home).map(|i| i.major).map_err(|e| e.to_string())
        };
        assert_eq!(say(vec![install(16, false), install(15, true)], None), Ok(15));
        assert_eq!(say(vec![install(16, true), install(15, true)], Some("15")), Ok(15));
        assert!(say(vec![], None).expect_err("none").contains("postgresql-15-postgis-3"));
        assert!(say(vec![install(15, false)], None).expect_err("no PostGIS").contains("postgresql-15-postgis-3"));
        let other = say(vec![install(15, true)], Some("13")).expect_err("another version");
        assert!(other.contains("postgresql-13-postgis-3") && other.contains("pg_upgrade"), "{other}");
    }
}
