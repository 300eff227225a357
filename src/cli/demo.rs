//! `yitu demo`: fills the database with a fictional county.

use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Instant;

use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};

use super::CliError;
use crate::config::Config;
use crate::db::copy::{self, BulkLoad};
use crate::demo::plan::Plan;
use crate::demo::{county, load, model::County};
use crate::service::access::demo;
use crate::service::phone_key::read_or_make;
use crate::service::seal::copy::set_aside;
use crate::service::seal::{self, Copies};
use crate::service::startup;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// 随机种子:同一种子、同一规模、同一 --now,结果完全相同
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// 规模:full 为整县(24 乡镇、480 村、16 万户),small 为三个乡镇
    #[arg(long, value_enum, default_value_t = Size::Full)]
    size: Size,
    /// 只改变户数,其余不变
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    households_only: Option<u32>,
    /// 演示数据截止的时刻(RFC 3339,如 2026-11-20T10:00:00+08:00);默认现在
    #[arg(long, value_name = "TIME")]
    now: Option<DateTime<Utc>>,
    /// 清空已有的全部数据再装入
    #[arg(long)]
    replace: bool,
    /// 已有数据时什么也不做,不算出错
    #[arg(long, conflicts_with = "replace")]
    if_empty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Size {
    Full,
    Small,
}

pub(super) async fn run(config: Config, arguments: Arguments) -> Result<(), CliError> {
    let begun = Instant::now();
    let mut plan = match arguments.size {
        Size::Full => Plan::full(),
        Size::Small => Plan::small(),
    };
    if let Some(households) = arguments.households_only {
        plan.households = households as usize;
    }
    let key = read_or_make(&config.data_dir).map_err(CliError::fault)?;
    let database = startup::open_database(&config).await.map_err(CliError::fault)?;
    let owner = &database.databases.migrator;
    let there = copy::counties(owner).await.map_err(CliError::fault)?;
    if !there.is_empty() && !arguments.replace {
        database.close().await;
        if arguments.if_empty {
            return Ok(());
        }
        return Err(CliError::wrong_use(format!(
            "数据库里已有{}的数据,未作任何改动。确要清空后装入演示县,请加 --replace;或换一个空库。",
            there.join("、")
        )));
    }
    let now = arguments.now.unwrap_or_else(Utc::now);
    let seed = arguments.seed;
    let stages = Stages::new();
    let heard = stages.clone();
    let made = tokio::task::spawn_blocking(move || {
        county::generate(seed, now, &plan, &mut |k| heard.enter(county::STAGES[k]))
    });
    let made = made.await.map_err(CliError::fault)?;
    if !there.is_empty() {
        stages.enter("清空原有数据");
        copy::start_afresh(owner).await.map_err(CliError::fault)?;
    }
    // Copies of seals that are still in the folder are of a county that is not in this database.
    set_aside(&config.data_dir, Utc::now()).map_err(CliError::fault)?;
    let bulk = BulkLoad::begin(owner).await.map_err(CliError::fault)?;
    let rows = load::load(bulk, &made, &key, &mut |k| stages.enter(load::STAGES[k])).await.map_err(CliError::fault)?;
    stages.enter("更新统计信息");
    copy::analyze(owner).await.map_err(CliError::fault)?;
    let mut copies = Copies::of(&config.data_dir);
    seal::pass(&database.databases, &mut copies, Utc::now()).await.map_err(CliError::fault)?;
    stages.enter("建立演示账号");
    let folder = config.data_dir.clone();
    let yitu = startup::stand_still(config, database.databases.clone()).await.map_err(CliError::fault)?;
    let tokens = demo::accounts(&yitu).await.map_err(CliError::fault)?;
    let tokens_file = folder.join("demo-tokens.json");
    write_private(&tokens_file, &serde_json::Value::Object(tokens).to_string())
        .map_err(|e| CliError::fault(format!("{} 写不进去:{e}。请检查数据目录的权限。", tokens_file.display())))?;
    stages.finish();
    println!("{}", summary(&made, rows, begun.elapsed().as_secs_f64()));
    println!(
        "每个角色一个演示账号,名为 county_leader、duty_officer、grid_worker 等,口令都是 {};脚本用的令牌在 {}。",
        demo::PASSWORD,
        tokens_file.display()
    );
    database.close().await;
    Ok(())
}

/// For its owner's eyes alone.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    // One that was there may be open to others.
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

fn summary(made: &County, rows: u64, seconds: f64) -> String {
    let level = |l: &str| made.regions.iter().filter(|r| r.level == l).count();
    let kind = |k: &str| made.grids.iter().filter(|g| g.kind == k).count();
    let open = made.incidents.iter().filter(|i| i.closed_at.is_none()).count();
    format!(
        "演示县「{}」已装入(种子 {}):{} 个乡镇、{} 个村(社区),综合网格 {}、专属网格 {},{} 户,办理人 {},阵地 {},道路 {} 段,事件 {}(在办 {open})。\n共 {rows} 行,用时 {seconds:.1} 秒。县名、地名、人名、电话均为虚构。",
        made.regions[0].name,
        made.seed,
        level("township"),
        level("village"),
        kind("general"),
        kind("dedicated"),
        made.households.len(),
        made.responders.len(),
        made.venues.len(),
        made.roads.len(),
        made.incidents.len(),
    )
}

/// The stages of the work: a bar on a terminal, a line each elsewhere.
#[derive(Clone)]
struct Stages {
    bar: Option<ProgressBar>,
    begun: Instant,
}

impl Stages {
    fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new((county::STAGES.len() + load::STAGES.len() + 2) as u64);
            if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(std::time::Duration::from_millis(200));
            bar
        });
        Self { bar, begun: Instant::now() }
    }

    fn enter(&self, stage: &str) {
        match &self.bar {
            Some(bar) => {
                bar.inc(u64::from(!bar.message().is_empty()));
                bar.set_message(stage.to_owned());
            }
            None => eprintln!("[{:5.1} 秒] {stage}", self.begun.elapsed().as_secs_f64()),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
