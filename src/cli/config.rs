//! `yitu config check`: whether the settings can be used, and what they are.

use std::path::PathBuf;

use clap::Subcommand;

use super::{CliError, not_overheard};
use crate::config::{Config, LogFormat};
use crate::http::certificate::Certificate;
use crate::service::access::oidc::Oidc;
use crate::service::photo::store::Store;
use crate::service::tile::check_settings;

#[derive(Debug, Clone, Copy, Subcommand)]
pub(super) enum Arguments {
    /// 检查配置文件与环境变量,并列出生效的值
    Check,
}

/// The settings were parsed before this runs; what is left is to read those of the tiles, and to show them all,
/// passwords apart.
pub(super) fn run(config: &Config, arguments: Arguments) -> Result<(), CliError> {
    let Arguments::Check = arguments;
    check_settings(config.tiles_config_dir.as_deref()).map_err(CliError::fault)?;
    let photos = Store::open(config).map_err(CliError::fault)?;
    Certificate::open(config).map_err(CliError::fault)?;
    Oidc::open(config).map_err(CliError::fault)?;
    let database = |url: &Option<String>| if url.is_some() { "已设置" } else { "未设置" };
    println!("配置有效。");
    println!("  listen                {}", config.listen);
    println!("  data_dir              {}", config.data_dir.display());
    println!("  database_url          {}", database(&config.database_url));
    println!("  request_database_url  {}", database(&config.request_database_url));
    println!("  system_database_url   {}", database(&config.system_database_url));
    println!("  request_connections   {}", config.request_connections);
    let tiles = config.tiles_config_dir.as_ref().map_or("内置".to_owned(), |d| d.display().to_string());
    println!("  tiles_config_dir      {tiles}");
    println!("  tile_cache_bytes      {}", config.tile_cache_bytes);
    println!("  photos_url            {photos:?}");
    let file = |path: &Option<PathBuf>| path.as_ref().map_or("未设置".to_owned(), |p| p.display().to_string());
    println!("  tls_certificate       {}", file(&config.tls_certificate));
    println!("  tls_key               {}", file(&config.tls_key));
    println!("  behind_proxy          {}", config.behind_proxy);
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "未设置".to_owned());
    println!("  oidc_issuer           {}", text(&config.oidc_issuer));
    println!("  oidc_client_id        {}", text(&config.oidc_client_id));
    println!("  oidc_client_secret_file {}", file(&config.oidc_client_secret_file));
    println!("  oidc_name             {}", config.oidc_name);
    println!("  oidc_account_claim    {}", config.oidc_account_claim);
    println!("  requests_per_second   {}", config.requests_per_second);
    println!("  incident_kept_days    {}", config.incident_kept_days);
    let format = match config.log_format {
        LogFormat::Json => "json",
        LogFormat::Text => "text",
    };
    println!("  log_format, log       {format}, {}", config.log);
    not_overheard(config)
}
