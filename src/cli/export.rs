//! `yitu export`: the map as a PMTiles archive.

use std::cell::Cell;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Instant;

use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};

use super::CliError;
use crate::config::Config;
use crate::service::export::part::Found;
use crate::service::export::{self, ExportError, ExportRequest, Exported, Heard};
use crate::service::startup;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
文件是某一时刻的地图:同样的地图、同样的参数,得到逐字节相同的文件。\n\
中断后用同样的参数再运行,从断点继续(进度在 FILE.part);地图在此期间有改动,则重新开始。\n\
户(household)和事件(incident)涉及个人,默认不导出;须在 --layers 中点名并用 --reason 写明事由。\n\
目前没有审计表:事由只写进运行日志和文件的元数据。按辖区导出时,边上的瓦片仍含邻近辖区的内容。")]
pub(super) struct Arguments {
    /// 导出的文件,如 溪头镇.pmtiles
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// 只导出这个辖区(代码,或不重名的名称)及其四周;默认全县
    #[arg(long, value_name = "CODE")]
    region: Option<String>,
    /// 图层,逗号分隔,如 region,grid,road;默认除户、事件以外的全部
    #[arg(long, value_name = "LAYERS", conflicts_with = "dem")]
    layers: Option<String>,
    /// 导出地形(PNG,Terrarium 编码),而不是图层
    #[arg(long)]
    dem: bool,
    /// 最小级别;默认为图层的最小级别
    #[arg(long, value_name = "Z")]
    minzoom: Option<u8>,
    /// 最大级别;默认为图层的最大级别,更近的视图由客户端放大
    #[arg(long, value_name = "Z")]
    maxzoom: Option<u8>,
    /// 导出涉及个人的图层的事由
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// 判断事件是否超期的时刻(RFC 3339);默认开始导出的时刻
    #[arg(long, value_name = "TIME")]
    now: Option<DateTime<Utc>>,
    /// 覆盖已有的文件
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(mut config: Config, arguments: Arguments) -> Result<(), CliError> {
    let begun = Instant::now();
    let request = ExportRequest {
        file: arguments.file,
        region: arguments.region,
        layers: arguments.layers,
        elevation: arguments.dem,
        minzoom: arguments.minzoom,
        maxzoom: arguments.maxzoom,
        reason: arguments.reason,
        now: arguments.now,
        force: arguments.force,
    };
    request.check_file().map_err(told)?;
    // Each tile is drawn once.
    config.tile_cache_bytes = 0;
    let database = startup::open_database(&config).await.map_err(CliError::fault)?;
    let outcome = match startup::stand_still(config, database.databases.clone()).await {
        Ok(yitu) => {
            let progress = Progress::new();
            let outcome = tokio::select! {
                outcome = export::run(&yitu, &request, |heard| progress.hear(heard)) => outcome.map_err(told),
                _ = tokio::signal::ctrl_c() => Err(CliError::fault(
                    "已停下,进度已保存。用同样的参数再运行一次,会从断点继续。\nStopped; what was drawn is kept. Run the same command again: it goes on where it was.",
                )),
            };
            progress.finish();
            outcome
        }
        Err(error) => Err(CliError::fault(error)),
    };
    database.close().await;
    println!("{}", summary(&request, &outcome?, begun.elapsed().as_secs_f64()));
    Ok(())
}

fn told(error: ExportError) -> CliError {
    match error {
        ExportError::Usage(_) => CliError::wrong_use(error),
        _ => CliError::fault(error),
    }
}

fn summary(request: &ExportRequest, exported: &Exported, seconds: f64) -> String {
    format!(
        "已导出 {}:{},{} 至 {} 级,共 {} 块瓦片,{:.1} MB;地图状态 {};用时 {seconds:.1} 秒。",
        request.file.display(),
        exported.name,
        exported.zooms.0,
        exported.zooms.1,
        exported.tiles,
        exported.bytes as f64 / 1e6,
        exported.state,
    )
}

/// How far it is: a bar on a terminal, a line each tenth elsewhere.
struct Progress {
    bar: Option<ProgressBar>,
    begun: Instant,
    total: Cell<usize>,
    told: Cell<usize>,
}

impl Progress {
    fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::no_length();
            if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(std::time::Duration::from_millis(200));
            bar
        });
        Self { bar, begun: Instant::now(), total: Cell::new(0), told: Cell::new(0) }
    }

    fn hear(&self, heard: Heard) {
        match heard {
            Heard::Begun(total, found) => {
                self.total.set(total);
                if let Some(bar) = &self.bar {
                    bar.set_length(total as u64);
                    bar.set_message("块瓦片");
                }
                match found {
                    Found::Nothing => self.say(&format!("共 {total} 块瓦片")),
                    Found::Tiles(done) => self.say(&format!("从断点继续:已有 {done} 块,共 {total} 块瓦片")),
                    Found::OtherArguments => self.say(&format!("参数与上次不同,重新开始:共 {total} 块瓦片")),
                    Found::EarlierState => {
                        self.say(&format!("地图已有改动,重新开始,使文件只反映一个状态:共 {total} 块瓦片"));
                    }
                }
            }
            Heard::Drawn(done) => {
                let tenth = done * 10 / self.total.get().max(1);
                if let Some(bar) = &self.bar {
                    bar.set_position(done as u64);
                } else if tenth > self.told.replace(tenth) {
                    self.say(&format!("已画 {done}/{} 块", self.total.get()));
                }
            }
            Heard::Archiving => self.say("写成文件"),
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("[{:5.1} 秒] {line}", self.begun.elapsed().as_secs_f64()),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
