//! What is done at the server itself, by the program as it is run there.

use std::process::Stdio;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::tls::Version;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use yitu::domain::viewer::Role;

use crate::Town;
use crate::tls::Authority;

/// The program over a town's database, with a data folder of its own.
struct Terminal<'t> {
    town: &'t Town,
    folder: TempDir,
}

impl<'t> Terminal<'t> {
    fn at(town: &'t Town) -> Self {
        Self { town, folder: tempfile::tempdir().unwrap() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yitu"));
        command.args(arguments).current_dir(self.folder.path()).env("DATABASE_URL", self.town.database.url());
        command.env("YITU_DATA_DIR", self.folder.path().join("data")).env("YITU_LOG", "error").kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    async fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command(arguments).output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    async fn status(&self, path: &str, token: &str) -> StatusCode {
        let server = &self.town.server;
        server.client.get(server.url(path)).bearer_auth(token).send().await.unwrap().status()
    }
}

#[tokio::test]
async fn a_walls_token_is_made_listed_and_taken_back() {
    let town = Town::open().await;
    let terminal = Terminal::at(&town);
    let said = terminal.run(&["token", "add", "wall", "--for", "一楼大屏", "--days", "365"]).await.unwrap();
    let secret = said.split("令牌(只显示这一次):").nth(1).unwrap().lines().next().unwrap().to_owned();
    assert!(said.trim_end().ends_with(&format!("/sign-in#display={secret}")), "what a wall opens: {said}");
    let id = said.split('\t').next().unwrap().to_owned();
    assert!(said.contains("大屏\t只读\t") && secret.starts_with("yitu_"), "{said}");
    assert_eq!(terminal.status("/api/summary", &secret).await, StatusCode::OK);
    assert_eq!(terminal.status("/api/search?q=村", &secret).await, StatusCode::FORBIDDEN, "a wall searches nothing");
    let listed = terminal.run(&["token", "list", "wall"]).await.unwrap();
    assert!(listed.lines().any(|line| line.starts_with(&id) && line.ends_with("一楼大屏")), "{listed}");
    assert!(!listed.contains(&secret));
    // By its account alone.
    let others = terminal.run(&["token", "revoke", "auditor", &id]).await.unwrap_err();
    assert!(others.contains(&format!("没有找到令牌 {id}")), "{others}");
    assert_eq!(terminal.status("/api/summary", &secret).await, StatusCode::OK);
    terminal.run(&["token", "revoke", "wall", &id]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(terminal.status("/api/summary", &secret).await, StatusCode::UNAUTHORIZED);
    for (arguments, words) in [
        (vec!["token", "add", "wall", "--for", "大屏", "--write"], "大屏令牌只能查看"),
        (vec!["token", "list", "nobody"], "没有账号 nobody"),
    ] {
        let refused = terminal.run(&arguments).await.unwrap_err();
        assert!(refused.contains(words), "{refused}");
    }
    for action in ["token_made", "token_revoked"] {
        let events = town.get("auditor", &format!("/api/audit?action={action}")).await;
        let events = events["items"].as_array().unwrap().clone();
        assert_eq!((events.len(), events[0]["actor"].as_str()), (1, Some("yitu token")), "{action}");
        assert!(!json!(events).to_string().contains(&secret));
    }
}

#[tokio::test]
async fn an_account_for_the_identity_server_has_no_password() {
    let town = Town::open().await;
    let terminal = Terminal::at(&town);
    let add = ["user", "add", "wu.lan", "--role", "township_staff", "--display", "吴岚(虚构)", "--identity"];
    let said = terminal.run(&add).await.unwrap();
    assert!(said.contains("统一身份认证") && !said.contains("口令(只显示"), "{said}");
    let account = town.account("wu.lan").await;
    assert_eq!(account["has_password"], false);
    assert!(account["awaits_identity_until"].is_string(), "{account}");
    let listed = terminal.run(&["user", "list"]).await.unwrap();
    let waits = |name: &str| listed.lines().any(|line| line.starts_with(name) && line.contains("[统一身份认证待绑定"));
    assert!(waits("wu.lan\t") && !waits("auditor\t"), "{listed}");
    let forgotten = terminal.run(&["user", "identity", "wu.lan", "--forget"]).await.unwrap();
    assert!(forgotten.contains("已解除"), "{forgotten}");
    assert!(town.account("wu.lan").await["awaits_identity_until"].is_null());
    // An administrator's, here and nowhere else.
    terminal.run(&["user", "identity", "auditor"]).await.unwrap();
    assert!(town.account("auditor").await["awaits_identity_until"].is_string());
}

/// What the program says until it listens, or ends.
async fn until_it_listens(child: &mut Child) -> String {
    let mut said = Vec::new();
    let from = child.stderr.as_mut().unwrap();
    let reading = async {
        let mut part = [0; 4096];
        loop {
            let length = from.read(&mut part).await.unwrap();
            said.extend_from_slice(&part[..length]);
            if length == 0 || String::from_utf8_lossy(&said).contains("\"listening\"") {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), reading).await.expect("it listens or ends");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn beyond_this_machine_it_listens_over_tls_with_accounts_of_its_own_alone() {
    let town = Town::open().await;
    let terminal = Terminal::at(&town);
    let beyond = ["serve", "--listen", "0.0.0.0:0"];
    let demo = terminal.run(&beyond).await.unwrap_err();
    assert!(demo.contains("演示账号"), "{demo}");
    let sql = "WITH done AS (UPDATE account SET is_demo = false RETURNING id) SELECT count(*) FROM done";
    let changed: i64 = town.one(sql).await;
    assert_eq!(changed as usize, Role::of_accounts().count());
    let clear = terminal.run(&beyond).await.unwrap_err();
    assert!(clear.contains("没有 TLS") && clear.contains("tls_certificate"), "{clear}");
    let authority = Authority::new();
    let (certificate, key) = authority.pair();
    let file = |name: &str| terminal.folder.path().join(name);
    std::fs::write(file("cert.pem"), certificate).unwrap();
    std::fs::write(file("key.pem"), key).unwrap();
    let over_tls = |key: &str| {
        let mut command = terminal.command(&beyond);
        command.env("YITU_TLS_CERTIFICATE", file("cert.pem")).env("YITU_TLS_KEY", file(key)).env("YITU_LOG", "info");
        command
    };
    let mut missing = over_tls("nothing.pem").spawn().unwrap();
    let said = until_it_listens(&mut missing).await;
    assert!(said.contains("tls_key=") && said.contains("nothing.pem 读不出来"), "{said}");
    let mut serving = over_tls("key.pem").spawn().unwrap();
    let said = until_it_listens(&mut serving).await;
    assert!(said.contains("\"listening\"") && said.contains("\"tls\":true"), "{said}");
    let port = said.split("\"address\":\"0.0.0.0:").nth(1).unwrap().split('"').next().unwrap();
    let (client, health) =
        (authority.client(Version::TLS_1_2, Version::TLS_1_3), format!("https://localhost:{port}/health/live"));
    assert_eq!(client.get(&health).send().await.unwrap().status(), StatusCode::OK);
    // It takes SIGHUP for a word, not for its end.
    let pid = nix::unistd::Pid::from_raw(serving.id().unwrap() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGHUP).unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(1), serving.wait()).await.is_err());
    assert_eq!(client.get(&health).send().await.unwrap().status(), StatusCode::OK);
    serving.kill().await.unwrap();
}

#[tokio::test]
async fn the_settings_are_told_and_their_secret_is_not() {
    let town = Town::open().await;
    let terminal = Terminal::at(&town);
    let secret = terminal.folder.path().join("secret");
    std::fs::write(&secret, "a-secret-nobody-prints\n").unwrap();
    let check = |issuer: &str| {
        let mut command = terminal.command(&["config", "check"]);
        command.env("YITU_OIDC_ISSUER", issuer).env("YITU_OIDC_CLIENT_ID", "yitu-county");
        command.env("YITU_OIDC_CLIENT_SECRET_FILE", &secret);
        command
    };
    let output = check("https://id.county.example").output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && said.contains("https://id.county.example") && said.contains("yitu-county"),
        "{said}"
    );
    assert!(!said.contains("nobody-prints"));
    let output = check("http://id.county.example").output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("oidc_issuer=http://id.county.example 不能用"), "{said}");
    std::fs::write(&secret, "\n").unwrap();
    let output = check("https://id.county.example").output().await.unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("是空的"));
}
