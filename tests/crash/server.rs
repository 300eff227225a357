//! The real program over a PostgreSQL of its own, to be killed.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::PgPool;
use yitu::db::embedded::EmbeddedServer;
use yitu::db::{self, Databases};

/// How long a start may take, recovery and a slow machine included.
const PATIENCE: Duration = Duration::from_mins(2);

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Killed {
    Yitu,
    Postgres,
    Both,
}

impl Killed {
    pub const ALL: [Self; 3] = [Self::Yitu, Self::Postgres, Self::Both];

    pub fn name(self) -> &'static str {
        match self {
            Self::Yitu => "yitu",
            Self::Postgres => "PostgreSQL",
            Self::Both => "both",
        }
    }
}

pub struct Server {
    data: tempfile::TempDir,
    pub url: String,
    /// Points inside grids.
    pub places: Vec<(f64, f64)>,
    child: Option<Child>,
    opened: Option<(EmbeddedServer, Databases)>,
}

impl Server {
    /// A data folder with the small demo county; nothing runs yet.
    pub async fn over_a_demo_county() -> Self {
        let data = tempfile::tempdir().unwrap();
        // PostgreSQL's own user must get in.
        std::fs::set_permissions(data.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let mut server = Self { data, url, places: Vec::new(), child: None, opened: None };
        let pool = server.open().await;
        db::migrate(&pool).await.unwrap();
        let plan = yitu::demo::plan::Plan { households: 2000, incidents: 200, ..yitu::demo::plan::Plan::small() };
        let now = chrono::Utc::now();
        let made = tokio::task::spawn_blocking(move || yitu::demo::county::generate(7, now, &plan, &mut |_| {}));
        let key = yitu::access::phone::PhoneKey::from_hex(&"5a".repeat(32)).unwrap();
        let bulk = db::copy::BulkLoad::begin(&pool).await.unwrap();
        yitu::demo::load::load(bulk, &made.await.unwrap(), &key, &mut |_| {}).await.unwrap();
        server.places = sqlx::query_as(
            "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) p FROM layer_grid ORDER BY id LIMIT 60) q",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        db::copy::analyze(&pool).await.unwrap();
        server.end().await;
        server
    }

    /// Starts the program.
    pub fn start(&mut self) {
        let log = File::options().create(true).append(true).open(self.data.path().join("serve.log")).unwrap();
        let mut command = self.program();
        command.args(["serve", "--listen", self.url.strip_prefix("http://").unwrap()]);
        self.child = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yitu"));
        command.current_dir(self.data.path()).env_remove("DATABASE_URL").env("YITU_LOG", "warn");
        // The program knows no such setting.
        command.env("YITU_DATA_DIR", self.data.path()).env_remove("YITU_CRASH_ROUNDS");
        command
    }

    /// Waits until it is ready. Where it gave up because its database was killed while it started, it is started again,
    /// as a machine's service manager does.
    pub async fn wait_until_ready(&mut self) {
        let begun = Instant::now();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(2)).build().unwrap();
        loop {
            if let Ok(answer) = client.get(format!("{}/health/ready", self.url)).send().await
                && answer.status().is_success()
            {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "not ready after {PATIENCE:?}:\n{}", self.log());
            if self.child.as_mut().unwrap().try_wait().unwrap().is_some() {
                self.start();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        let text = std::fs::read_to_string(self.data.path().join("serve.log")).unwrap_or_default();
        text.chars().skip(text.chars().count().saturating_sub(4000)).collect()
    }

    /// Kills; the program is started again, PostgreSQL is the program's own affair. False where there was nothing to kill.
    pub fn kill(&mut self, what: Killed) -> bool {
        let mut killed = true;
        if what != Killed::Postgres {
            let mut child = self.child.take().unwrap();
            child.kill().unwrap();
            child.wait().unwrap();
        }
        if what != Killed::Yitu {
            killed = kill_postgres(self.data.path());
        }
        if what != Killed::Postgres {
            self.start();
        }
        killed
    }

    /// Asks the program to stop, as an operator does.
    pub async fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
        let ended = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
        assert!(ended.success(), "{ended}: {}", self.log());
    }

    /// `yitu check --history` finds nothing; what it says.
    pub fn check_history(&self) -> String {
        let out = self.program().args(["check", "--history"]).output().unwrap();
        let (said, told) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "{said}{told}");
        said.into_owned()
    }

    /// The database, with no program on it.
    pub async fn open(&mut self) -> PgPool {
        let server = EmbeddedServer::start(self.data.path()).await.unwrap();
        let databases = Databases::connect(server.addresses(2)).await.unwrap();
        let pool = databases.migrator.clone();
        self.opened = Some((server, databases));
        pool
    }

    /// Ends what [`Server::open`] began.
    pub async fn end(&mut self) {
        if let Some((server, databases)) = self.opened.take() {
            databases.migrator.close().await;
            server.stop().await;
        }
    }
}

impl Drop for Server {
    /// A failed test leaves nothing running.
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
            kill_postgres(self.data.path());
        }
    }
}

/// Kills the PostgreSQL of a data folder, the postmaster and every process it started. Whether there was one.
fn kill_postgres(data: &Path) -> bool {
    let cluster = data.join("postgres/cluster");
    let Ok(text) = std::fs::read_to_string(cluster.join("postmaster.pid")) else { return false };
    let Some(postmaster) = text.lines().next().and_then(|l| l.trim().parse::<i32>().ok()) else { return false };
    // A pid file may outlive its server: only what runs on this very folder.
    let command = std::fs::read_to_string(format!("/proc/{postmaster}/cmdline")).unwrap_or_default();
    if !command.contains(cluster.to_str().unwrap()) {
        return false;
    }
    let children = children(postmaster);
    for pid in std::iter::once(postmaster).chain(children) {
        // Gone already is as good.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    true
}

fn children(parent: i32) -> Vec<i32> {
    let is_child = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // "pid (name) state ppid …"; the name may hold anything but the last parenthesis.
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok()) == Some(parent)
    };
    let pids = std::fs::read_dir("/proc").unwrap().filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(is_child).collect()
}
