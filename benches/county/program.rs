//! The program itself, run as a county runs it, and its peers.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::TestDatabase;

/// Runs the program itself; answers its time and the most memory it held, bytes.
pub fn program(database: &TestDatabase, arguments: &[&str]) -> (Duration, u64) {
    let begun = Instant::now();
    let mut child = yitu(database).args(arguments).spawn().unwrap();
    let mut most = 0;
    loop {
        if let Some(code) = child.try_wait().unwrap() {
            assert!(code.success(), "yitu {arguments:?}: {code}");
            return (begun.elapsed(), most);
        }
        most = most.max(memory(child.id(), "VmHWM:"));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn yitu(database: &TestDatabase) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yitu"));
    command
        .env("DATABASE_URL", database.url())
        .env("YITU_DATA_DIR", std::env::temp_dir().join("yitu-bench-data"))
        .env("YITU_LOG", "warn")
        .stdout(Stdio::null());
    command
}

/// A line of the kernel's account of a process's memory, bytes; 0 once it is gone.
fn memory(process: u32, line: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let value = text.lines().find_map(|l| l.strip_prefix(line));
    value.and_then(|v| v.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) << 10
}

/// A server on a loopback port of its own, ended when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// The program itself, as it runs by default.
    pub async fn start(database: &TestDatabase) -> Self {
        Self::with(database, &[]).await
    }

    /// The program itself with settings of the environment, once it is ready.
    pub async fn with(database: &TestDatabase, settings: &[(&str, String)]) -> Self {
        let address = free_address();
        let mut command = yitu(database);
        command.arg("serve").env("YITU_LISTEN", address.to_string());
        for (name, value) in settings {
            command.env(name, value);
        }
        Self::spawn(&mut command, address, "/health/ready").await
    }

    /// Starts `command`, which is to listen on `address`, and waits until `path` is answered well.
    pub async fn spawn(command: &mut Command, address: SocketAddr, path: &str) -> Self {
        let mut server = Self { child: command.spawn().unwrap(), address };
        while !reqwest::get(server.url(path)).await.is_ok_and(|a| a.status().is_success()) {
            assert!(server.child.try_wait().unwrap().is_none(), "{} ended", command.get_program().display());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Memory that is resident now, bytes.
    pub fn resident(&self) -> u64 {
        memory(self.child.id(), "VmRSS:")
    }

    /// A figure of `/metrics`, if the program tells it.
    pub async fn gauge(&self, name: &str) -> Option<f64> {
        let text = reqwest::get(self.url("/metrics")).await.unwrap().text().await.unwrap();
        let lines = text.lines().filter(|l| l.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
        let values: Vec<f64> = lines.filter_map(|l| l.rsplit(' ').next()?.parse().ok()).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback port that nobody listens on.
pub fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
