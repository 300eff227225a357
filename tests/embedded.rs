//! Our own PostgreSQL: first start, restart, kills, a second program, another version's folder.

#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use sqlx::Executor;
use yitu::db::Databases;
use yitu::db::embedded::{EmbeddedError, EmbeddedServer};

/// A data folder that the database's own user can enter.
fn data_dir() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    folder
}

async fn connect(server: &EmbeddedServer) -> Databases {
    let databases = Databases::connect(server.addresses(2)).await.unwrap();
    yitu::db::migrate(&databases.migrator).await.unwrap();
    databases
}

/// Its process id, while it runs or after it was killed.
fn postmaster(data: &Path) -> Option<String> {
    let text = std::fs::read_to_string(data.join("postgres/cluster/postmaster.pid")).ok()?;
    Some(text.lines().next()?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn data_outlives_restarts_and_kills() {
    let folder = data_dir();
    let server = EmbeddedServer::start(folder.path()).await.unwrap();
    let databases = connect(&server).await;
    let insert = "INSERT INTO region (id, county_id, level, kind, name, time_zone)
                  VALUES (1, 1, 'county', '县', '云栖县', 'Asia/Shanghai')";
    databases.migrator.execute(insert).await.unwrap();

    let second = EmbeddedServer::start(folder.path()).await;
    assert!(matches!(second, Err(EmbeddedError::InUse(_))), "{second:?}");

    // Killed, it is started again by itself and has lost nothing.
    let killed = postmaster(folder.path()).unwrap();
    assert!(Command::new("kill").args(["-9", &killed]).status().unwrap().success());
    let begun = Instant::now();
    let name: String = loop {
        // A connection of the killed server may answer once more.
        let is_new = postmaster(folder.path()).is_some_and(|pid| pid != killed);
        match sqlx::query_scalar("SELECT name FROM region").fetch_one(&databases.migrator).await {
            Ok(name) if is_new => break name,
            other => assert!(begun.elapsed() < Duration::from_secs(30), "new: {is_new}, {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(name, "云栖县");

    databases.migrator.close().await;
    server.stop().await;
    let again = EmbeddedServer::start(folder.path()).await.unwrap();
    let databases = connect(&again).await;
    let roles: Vec<String> = vec![
        sqlx::query_scalar("SELECT current_user::text").fetch_one(&databases.request).await.unwrap(),
        sqlx::query_scalar("SELECT current_user::text").fetch_one(&databases.system).await.unwrap(),
    ];
    assert_eq!(roles, ["yitu_request", "yitu_system"]);
    let regions: i64 = sqlx::query_scalar("SELECT count(*) FROM region").fetch_one(&databases.migrator).await.unwrap();
    assert_eq!(regions, 1);
    for pool in [databases.migrator, databases.request, databases.system] {
        pool.close().await;
    }
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_versions_folder_is_left_alone() {
    let folder = data_dir();
    let cluster = folder.path().join("postgres/cluster");
    std::fs::create_dir_all(&cluster).unwrap();
    std::fs::write(cluster.join("PG_VERSION"), "9\n").unwrap();
    let error = EmbeddedServer::start(folder.path()).await.expect_err("refused");
    assert!(matches!(error, EmbeddedError::OtherVersion { .. }), "{error}");
    assert!(error.to_string().contains("postgresql-9"), "{error}");
    assert_eq!(std::fs::read_to_string(cluster.join("PG_VERSION")).unwrap(), "9\n");
}
