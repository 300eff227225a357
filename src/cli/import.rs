//! `yitu import`: files into layers.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{NaiveDate, Utc};
use indicatif::ProgressBar;

use super::CliError;
use crate::config::Config;
use crate::db::import::{Level, NewCounty};
use crate::service::import::position::Said;
use crate::service::import::report::RowNote;
use crate::service::import::source::Reading;
use crate::service::import::{self, Declaration, ImportError, ImportLayer, ImportRequest, Report};
use crate::service::phone_key::read_or_make;
use crate::service::startup;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// 图层
    #[arg(value_enum)]
    layer: ImportLayer,
    /// 文件(可多个,同一事务)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// 坐标系:EPSG:4548 等,或 gcj02、bd09、wgs84、cgcs2000;默认用文件自带的
    #[arg(long)]
    crs: Option<String>,
    /// 西安 1980、北京 1954、地方坐标系:到 CGCS2000 经纬度的 PROJ 转换式
    #[arg(long, value_name = "PROJ")]
    transform: Option<String>,
    /// 核实后确认坐标轴颠倒
    #[arg(long)]
    confirm_swapped: bool,
    /// 属性表编码,如 GBK(默认看 .cpg,没有则按内容识别)
    #[arg(long)]
    encoding: Option<String>,
    /// 文件里有几个图层时,读哪一个
    #[arg(long, value_name = "NAME")]
    source_layer: Option<String>,
    /// 辖区的级别
    #[arg(long, value_enum)]
    level: Option<Level>,
    /// 全部行所属的辖区(名称或代码)
    #[arg(long)]
    parent: Option<String>,
    /// 列的对应,如 --map name=村名(可多次)
    #[arg(long, value_name = "字段=列", value_parser = pair)]
    map: Vec<(String, String)>,
    /// 读取保存过的列对应
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// 保存所用的列对应
    #[arg(long, value_name = "FILE")]
    save_mapping: Option<PathBuf>,
    /// 密级:public 公开,internal 内部;涉密资料不得导入
    #[arg(long, value_name = "CLASS")]
    security_class: Option<String>,
    /// 资料提供单位
    #[arg(long)]
    provider: Option<String>,
    /// 资料日期,如 2026-03-01
    #[arg(long, value_name = "DATE")]
    dated: Option<NaiveDate>,
    /// 批准文号
    #[arg(long, value_name = "NO")]
    approval_no: Option<String>,
    /// 库里还没有县时:新建的县名
    #[arg(long, value_name = "NAME", requires = "county_code")]
    county_name: Option<String>,
    /// 库里还没有县时:县的区划代码
    #[arg(long, value_name = "CODE", requires = "county_name")]
    county_code: Option<String>,
    /// 只检查、只报告,不写入
    #[arg(long)]
    dry_run: bool,
    /// 跳过被拒绝的行,导入其余
    #[arg(long)]
    skip_refused: bool,
    /// 把被拒绝和被修复的行写成 CSV
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (field, column) = text.split_once('=').ok_or_else(|| format!("{text:?} 应为 字段=列,如 name=村名"))?;
    Ok((field.trim().to_owned(), column.trim().to_owned()))
}

pub(super) async fn run(config: Config, arguments: Arguments) -> Result<(), CliError> {
    let begun = Instant::now();
    let request = request(&config, &arguments)?;
    let database = startup::open_database(&config).await.map_err(CliError::fault)?;
    let bar = std::io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::new_spinner().with_message("读取文件、比对、写入");
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    });
    let result = import::run(&database.databases, request).await;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    database.close().await;
    let report = result.map_err(|e| match e {
        ImportError::Usage(_) => CliError::wrong_use(e),
        _ => CliError::fault(e),
    })?;
    show(&report, &arguments, begun.elapsed().as_secs_f64());
    if let Some(path) = &arguments.report {
        report.write_csv(path).map_err(|e| CliError::fault(format!("报告 {} 写不出来:{e}。", path.display())))?;
    }
    if let Some(path) = &arguments.save_mapping {
        let text = toml::to_string(&report.saved_mapping).map_err(CliError::fault)?;
        std::fs::write(path, text).map_err(|e| CliError::fault(format!("列对应 {} 写不出来:{e}。", path.display())))?;
    }
    if report.refused.is_empty() || report.written {
        return Ok(());
    }
    Err(CliError::fault(format!(
        "有 {} 行被拒绝,文件未导入,数据库未作改动。改正后再试,或加 --skip-refused 跳过这些行;用 --report 文件.csv 得到全部清单。",
        report.refused.len()
    )))
}

fn request(config: &Config, arguments: &Arguments) -> Result<ImportRequest, CliError> {
    let mut map = Vec::new();
    if let Some(path) = &arguments.mapping {
        let text = std::fs::read_to_string(path)
            .map_err(|e| CliError::wrong_use(format!("--mapping {}:{e}。", path.display())))?;
        let saved: BTreeMap<String, String> = toml::from_str(&text)
            .map_err(|e| CliError::wrong_use(format!("--mapping {}:{}。", path.display(), e.message())))?;
        map.extend(saved);
    }
    map.extend(arguments.map.iter().cloned());
    let dated = match arguments.dated {
        Some(dated) => dated,
        None => asked("资料日期(如 2026-03-01)", "--dated")?
            .parse()
            .map_err(|_| CliError::wrong_use("资料日期应形如 2026-03-01。"))?,
    };
    let declared = Declaration {
        security_class: given_or_asked(
            arguments.security_class.as_ref(),
            "密级(public 公开 / internal 内部)",
            "--security-class",
        )?,
        provider: given_or_asked(arguments.provider.as_ref(), "资料提供单位", "--provider")?,
        dated,
        approval_no: arguments.approval_no.clone(),
    };
    let county =
        arguments.county_name.clone().zip(arguments.county_code.clone()).map(|(name, code)| NewCounty { name, code });
    Ok(ImportRequest {
        layer: arguments.layer,
        files: arguments.files.clone(),
        reading: Reading { encoding: arguments.encoding.clone(), layer: arguments.source_layer.clone() },
        said: Said {
            crs: arguments.crs.clone(),
            transform: arguments.transform.clone(),
            confirm_swapped: arguments.confirm_swapped,
        },
        level: arguments.level,
        parent: arguments.parent.clone(),
        map,
        declared,
        phone_key: read_or_make(&config.data_dir).map_err(CliError::fault)?,
        county,
        dry_run: arguments.dry_run,
        skip_refused: arguments.skip_refused,
        now: Utc::now(),
    })
}

fn given_or_asked(given: Option<&String>, label: &str, flag: &str) -> Result<String, CliError> {
    given.map_or_else(|| asked(label, flag), |g| Ok(g.clone()))
}

/// Asks on a terminal; elsewhere the flag must be given.
fn asked(label: &str, flag: &str) -> Result<String, CliError> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(CliError::wrong_use(format!("缺 {flag}:每次导入都要写明密级、提供单位和资料日期({label})。")));
    }
    eprint!("{label}:");
    let mut line = String::new();
    std::io::stderr().flush().and_then(|()| std::io::stdin().lock().read_line(&mut line)).map_err(CliError::fault)?;
    Ok(line.trim().to_owned())
}

fn show(report: &Report, arguments: &Arguments, seconds: f64) {
    for line in report.notes.iter().chain(&report.mapping) {
        println!("{line}");
    }
    let list = |what: &str, rows: &[RowNote]| {
        for r in rows.iter().take(20) {
            println!("{what} {} 第 {} 行 {}:{}", r.file, r.row, r.name, r.note);
        }
        if rows.len() > 20 {
            println!("……{what}共 {} 行,用 --report 得到全部。", rows.len());
        }
    };
    list("修复", &report.repaired);
    list("拒绝", &report.refused);
    let done = match (report.written, arguments.dry_run) {
        (true, _) => "已导入",
        (false, true) => "试运行(未写入)",
        (false, false) => "未导入",
    };
    println!(
        "{done}:读 {} 行,新增 {},更改 {},不变 {},拒绝 {},修复图形 {};用时 {seconds:.1} 秒。",
        report.read,
        report.inserted,
        report.updated,
        report.unchanged,
        report.refused.len(),
        report.repaired.len()
    );
}
