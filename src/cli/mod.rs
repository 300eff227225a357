//! The command line: one file a subcommand.

mod check;
mod config;
mod demo;
mod erase;
mod export;
mod import;
mod migrate;
mod replay;
mod serve;
mod token;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, LogFormat};
use crate::domain::{FeatureId, Viewer};
use crate::service::access::audit::Doer;
use crate::service::{Yitu, county, startup};

/// Exit code: something was found to be at fault.
pub const FOUND_FAULTS: u8 = 1;
/// Exit code: used in a way it cannot be.
pub const WRONG_USE: u8 = 2;

/// 一图统揽:县域网格治理的实时地图服务。
#[derive(Debug, Parser)]
#[command(name = "yitu", version, about, arg_required_else_help = true)]
struct Arguments {
    /// 配置文件(默认:当前目录的 yitu.toml,若有)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant)] // one a run
enum Command {
    /// 启动地图服务
    Serve(serve::Arguments),
    /// 查看与检查配置
    #[command(subcommand)]
    Config(config::Arguments),
    /// 装入一个虚构的演示县
    Demo(demo::Arguments),
    /// 导入图层文件:Shapefile、GeoPackage、FileGDB、GeoJSON、KML、DXF、CSV、XLSX
    Import(import::Arguments),
    /// 把地图导出为 PMTiles 文件,供离线的手机或一体机使用
    Export(export::Arguments),
    /// 核查县域数据:网格、户、党小组、联户、代码;或核查历史(--history)
    Check(check::Arguments),
    /// 按留存的依据重演分派决定,核对是否逐字节相同
    Replay(replay::Arguments),
    /// 依法删除个人内容,历史校验链不受影响
    #[command(subcommand)]
    Erase(erase::Arguments),
    /// 建立与管理账号
    #[command(subcommand)]
    User(user::Arguments),
    /// 建立、列出与收回令牌:供程序与大屏使用
    #[command(subcommand)]
    Token(token::Arguments),
    /// 建立或升级数据库结构
    Migrate,
}

/// How a subcommand fails: the sentence for the person at the terminal and the exit code.
#[derive(Debug)]
pub struct CliError {
    /// What is wrong and what to do next, in Chinese.
    pub message: String,
    /// [`FOUND_FAULTS`] or [`WRONG_USE`].
    pub code: u8,
}

impl CliError {
    /// Something is at fault.
    #[must_use]
    pub fn fault(message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), code: FOUND_FAULTS }
    }

    /// Used in a way it cannot be.
    #[must_use]
    pub fn wrong_use(message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), code: WRONG_USE }
    }
}

/// Nothing can be done before a county is loaded.
fn no_county() -> CliError {
    CliError::wrong_use("数据库里还没有县。请先运行 yitu demo,或用 yitu import region 导入辖区。")
}

/// Acts on the county the database holds, in somebody's name; the database is closed whatever comes of it.
async fn on_the_county<T>(
    config: Config,
    by: &str,
    act: impl AsyncFnOnce(&Yitu, &Doer, FeatureId) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let database = startup::open_database(&config).await.map_err(CliError::fault)?;
    let acted = async {
        let yitu = startup::stand_still(config, database.databases.clone()).await.map_err(CliError::fault)?;
        let county = county::current(&yitu).map_err(|_| no_county())?;
        let doer = Doer { viewer: Viewer::whole_county(county, by), origin: String::new() };
        act(&yitu, &doer, county).await
    };
    let outcome = acted.await;
    database.close().await;
    outcome
}

/// Refuses to be overheard.
fn not_overheard(config: &Config) -> Result<(), CliError> {
    if !config.is_overheard() {
        return Ok(());
    }
    Err(CliError::wrong_use(format!(
        "listen={} 不是本机地址,而没有 TLS:口令会被旁人看到。请设 tls_certificate 与 tls_key,或在前面放一个 TLS 代理并设 behind_proxy=true,或改回 127.0.0.1。",
        config.listen
    )))
}

/// Runs the program on the process's arguments and environment.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("yitu: {}", error.message);
            ExitCode::from(error.code)
        }
    }
}

fn run(arguments: Arguments) -> Result<(), CliError> {
    let config = Config::load(arguments.config.as_deref(), std::env::vars()).map_err(CliError::wrong_use)?;
    start_log(&config).map_err(CliError::wrong_use)?;
    let runtime = tokio::runtime::Runtime::new().map_err(CliError::fault)?;
    runtime.block_on(async {
        match arguments.command {
            Command::Serve(arguments) => serve::run(config, arguments).await,
            Command::Config(arguments) => config::run(&config, arguments),
            Command::Demo(arguments) => demo::run(config, arguments).await,
            Command::Import(arguments) => import::run(config, arguments).await,
            Command::Export(arguments) => export::run(config, arguments).await,
            Command::Check(arguments) => check::run(config, arguments).await,
            Command::Replay(arguments) => replay::run(config, arguments).await,
            Command::Erase(arguments) => erase::run(config, arguments).await,
            Command::User(arguments) => user::run(config, arguments).await,
            Command::Token(arguments) => token::run(config, arguments).await,
            Command::Migrate => migrate::run(config).await,
        }
    })
}

fn start_log(config: &Config) -> Result<(), String> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log)
        .map_err(|e| format!("日志级别 log={:?} 有误:{e}。例:info 或 yitu=debug。", config.log))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder.init(),
    }
    Ok(())
}
