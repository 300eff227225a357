//! `yitu migrate`: brings the schema up to date.

use super::CliError;
use crate::config::Config;
use crate::service::startup;

pub(super) async fn run(config: Config) -> Result<(), CliError> {
    let database = startup::open_database(&config).await.map_err(CliError::fault)?;
    println!("数据库结构已是最新。");
    database.close().await;
    Ok(())
}
