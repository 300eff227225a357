//! `yitu check`: what is at fault in the county, or in its history.

use std::io::Write;
use std::path::PathBuf;

use chrono::Utc;

use super::{CliError, no_county};
use crate::config::Config;
use crate::service::check::history::{self, HistoryReport};
use crate::service::check::{self, CheckReport};
use crate::service::startup;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// 输出格式:text 供人阅读,json 供程序读取(列全部)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// 文本格式每类最多列几条;0 为全部
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: usize,
    /// 改为核查历史:重算每件事件的校验链与全部封存,并与封存文件逐号核对
    #[arg(long)]
    history: bool,
    /// 历史核查:封存文件所在的数据目录(其下 seals/),默认本机的;可用另处保存的副本
    #[arg(long, value_name = "DIR", requires = "history")]
    seals: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) async fn run(config: Config, arguments: Arguments) -> Result<(), CliError> {
    let database = startup::open_database(&config).await.map_err(CliError::fault)?;
    if arguments.history {
        let data_dir = arguments.seals.as_ref().unwrap_or(&config.data_dir);
        let result = history::run(&database.databases, data_dir, Utc::now()).await;
        database.close().await;
        return tell_history(&result.map_err(|e| CliError::fault(format!("核查没有完成:{e}")))?, &arguments);
    }
    let result = check::run(&database.databases, Utc::now()).await;
    database.close().await;
    let report = result.map_err(|e| CliError::fault(format!("核查没有完成:{e}")))?;
    let Some(county) = report.county.clone() else {
        return Err(no_county());
    };
    let text = match arguments.format {
        Format::Json => serde_json::to_string_pretty(&report).map_err(CliError::fault)? + "\n",
        Format::Text => as_text(&county, &report, arguments.limit),
    };
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(CliError::fault)?;
    if report.count == 0 {
        return Ok(());
    }
    Err(CliError::fault(format!("{county}共有 {} 处需要核实。", report.count)))
}

fn as_text(county: &str, report: &CheckReport, limit: usize) -> String {
    use std::fmt::Write as _;
    let mut text = format!("{county}核查结果\n");
    for kind in &report.kinds {
        let _ = writeln!(text, "\n{}({}):{}", kind.label, kind.kind, kind.count);
        let shown = if limit == 0 { kind.count } else { limit };
        for fault in kind.faults.iter().take(shown) {
            let place = fault.lon.zip(fault.lat).map(|(lon, lat)| format!(" [{lon:.6}, {lat:.6}]")).unwrap_or_default();
            let _ = writeln!(text, "  {}{place}", fault.sentence);
        }
        if kind.count > shown {
            let _ = writeln!(text, "  ……另有 {} 条,--limit 0 列出全部。", kind.count - shown);
        }
    }
    text
}

fn tell_history(reports: &[HistoryReport], arguments: &Arguments) -> Result<(), CliError> {
    if reports.is_empty() {
        return Err(no_county());
    }
    let text = match arguments.format {
        Format::Json => serde_json::to_string_pretty(reports).map_err(CliError::fault)? + "\n",
        Format::Text => reports.iter().map(|r| history_as_text(r, arguments.limit)).collect(),
    };
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(CliError::fault)?;
    match reports.iter().map(|r| r.count).sum() {
        0 => Ok(()),
        count => Err(CliError::fault(format!("历史共有 {count} 处需要核实。"))),
    }
}

fn history_as_text(report: &HistoryReport, limit: usize) -> String {
    use std::fmt::Write as _;
    let HistoryReport { county, incidents, rows, erased, seals, seconds, rows_per_second, count, faults } = report;
    let mut text = format!(
        "{county}历史核查:事件 {incidents} 件,历史 {rows} 条(其中依法删除文字的 {erased} 条),封存 {seals} 号;\
         用时 {seconds:.2} 秒,每秒 {rows_per_second:.0} 条。\n"
    );
    let shown = if limit == 0 { faults.len() } else { limit.min(faults.len()) };
    for fault in &faults[..shown] {
        let _ = writeln!(text, "  {}", fault.sentence);
    }
    match count {
        0 => text.push_str("  历史完整,未见改动。\n"),
        _ if *count > shown => {
            let _ = writeln!(text, "  ……另有 {} 处,--limit 0 列出前 {} 处。", count - shown, faults.len());
        }
        _ => {}
    }
    text
}
