//! `yitu check`: what is at fault in the county.

use std::io::Write;

use chrono::Utc;

use super::CliError;
use crate::config::Config;
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) async fn run(config: Config, arguments: Arguments) -> Result<(), CliError> {
    let database = startup::open_database(&config).await.map_err(CliError::fault)?;
    let result = check::run(&database.databases, Utc::now()).await;
    database.close().await;
    let report = result.map_err(|e| CliError::fault(format!("核查没有完成:{e}")))?;
    let Some(county) = report.county.clone() else {
        return Err(CliError::wrong_use("数据库里还没有县。请先运行 yitu demo,或用 yitu import region 导入辖区。"));
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
