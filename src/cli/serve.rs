//! `yitu serve`: the map server.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::{CliError, not_overheard};
use crate::config::Config;
use crate::db::account;
use crate::http;
use crate::http::certificate::Certificate;
use crate::service::incident::{deadline, retention};
use crate::service::outbox::deliver;
use crate::service::photo::sweep;
use crate::service::{seal, startup};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// 监听地址(默认 127.0.0.1:8520)
    #[arg(long)]
    listen: Option<SocketAddr>,
}

pub(super) async fn run(mut config: Config, arguments: Arguments) -> Result<(), CliError> {
    if let Some(listen) = arguments.listen {
        config.listen = listen;
    }
    let listen = config.listen;
    let certificate = Certificate::open(&config).map_err(CliError::wrong_use)?;
    // The port first: a second server should say so before it waits for the database.
    let listener = TcpListener::bind(listen).await.map_err(|e| {
        CliError::fault(format!("不能在 {listen} 监听:{e}。可能已有一个 yitu 在运行;可用 --listen 换一个端口。"))
    })?;
    let database = startup::open_database(&config).await.map_err(CliError::fault)?;
    if let Err(refusal) = may_listen(&config, &database).await {
        database.close().await;
        return Err(refusal);
    }
    let yitu = startup::start(config, database.databases.clone()).await.map_err(CliError::fault)?;
    tracing::info!(address = %listener.local_addr().unwrap_or(listen), tls = certificate.is_some(), "listening");
    tokio::spawn(deadline::run(yitu.downgrade()));
    tokio::spawn(retention::run(yitu.downgrade()));
    tokio::spawn(sweep::run(yitu.downgrade()));
    tokio::spawn(seal::run(yitu.downgrade()));
    tokio::spawn(deliver::run(yitu.downgrade()));
    http::serve(listener, certificate, yitu, stop_signal()).await.map_err(CliError::fault)?;
    database.close().await;
    Ok(())
}

/// Beyond this machine only with accounts of its own, and where what is said cannot be overheard.
async fn may_listen(config: &Config, database: &startup::OpenDatabase) -> Result<(), CliError> {
    if config.listen.ip().is_loopback() {
        return Ok(());
    }
    let system = &database.databases.system;
    if !account::any(system).await.map_err(CliError::fault)? {
        return Err(CliError::wrong_use(format!(
            "listen={} 不是本机地址,而系统里还没有账号:任何人都能读写。请先用 yitu user add 建立账号,或改回 127.0.0.1。",
            config.listen
        )));
    }
    if account::any_demo(system).await.map_err(CliError::fault)? {
        return Err(CliError::wrong_use(format!(
            "listen={} 不是本机地址,而演示账号的口令人人知道。请先用 yitu user disable 停用演示账号,或改回 127.0.0.1。",
            config.listen
        )));
    }
    not_overheard(config)
}

async fn stop_signal() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! { _ = tokio::signal::ctrl_c() => {}, () = terminate => {} }
}
