//! `yitu replay`: decisions made again from what they were made from.

use std::io::Write;

use uuid::Uuid;

use super::{CliError, no_county};
use crate::config::Config;
use crate::db::{Databases, Request, decision, incident, unit};
use crate::domain::{FeatureId, Viewer};
use crate::service::ServiceError;
use crate::service::incident::replay::{Replay, again};
use crate::service::startup;

/// So many at a time.
const PAGE: i64 = 1000;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// 事件号,或事件的 UUID;不写则重演全部
    incident: Option<String>,
    /// 改用第几版分派规则;不写则各按当时的那一版
    #[arg(long, value_name = "N")]
    rule_version: Option<i32>,
}

/// How many decisions were made again, and what came of them.
#[derive(Debug, Default)]
struct Tally {
    same: u64,
    different: u64,
    impossible: u64,
}

pub(super) async fn run(config: Config, arguments: Arguments) -> Result<(), CliError> {
    let database = startup::open_database(&config).await.map_err(CliError::fault)?;
    let result = replay(&database.databases, &arguments).await;
    database.close().await;
    let tally = result?;
    println!(
        "重演 {} 次分派:{} 次相同,{} 次不同,{} 次没有留下完整依据。",
        tally.same + tally.different + tally.impossible,
        tally.same,
        tally.different,
        tally.impossible
    );
    match (tally.different, arguments.rule_version) {
        (0, _) | (_, Some(_)) => Ok(()),
        (n, None) => Err(CliError::fault(format!("有 {n} 次分派按原规则重演,结果与留存的不同。"))),
    }
}

async fn replay(databases: &Databases, arguments: &Arguments) -> Result<Tally, CliError> {
    let failed = |e: ServiceError| CliError::fault(format!("重演没有完成:{e}"));
    let county = unit::county(&databases.system).await.map_err(|e| failed(e.into()))?;
    let county = county.ok_or_else(no_county)?;
    let viewer = Viewer::whole_county(county, "yitu replay");
    let mut on = Request::begin(&databases.request, &viewer).await.map_err(|e| failed(e.into()))?;
    let mut tally = Tally::default();
    if let Some(named) = &arguments.incident {
        let id = named_incident(&mut on, county, named).await?;
        for kept in decision::of_incident(&mut on, county, id).await.map_err(|e| failed(e.into()))? {
            let replay = again(&mut on, county, &kept, arguments.rule_version).await.map_err(failed)?;
            tell(&replay, true)?;
            tally.count(&replay);
        }
        return Ok(tally);
    }
    let mut last = 0;
    loop {
        let page = decision::after(&mut on, county, last, PAGE).await.map_err(|e| failed(e.into()))?;
        let Some(end) = page.last() else { return Ok(tally) };
        last = end.id;
        for kept in &page {
            let replay = again(&mut on, county, kept, arguments.rule_version).await.map_err(failed)?;
            if !replay.differences.is_empty() {
                tell(&replay, false)?;
            }
            tally.count(&replay);
        }
    }
}

async fn named_incident(on: &mut Request, county: FeatureId, named: &str) -> Result<Uuid, CliError> {
    if let Ok(id) = named.parse() {
        return Ok(id);
    }
    let number: i64 =
        named.parse().map_err(|_| CliError::wrong_use(format!("“{named}”既不是事件号,也不是事件的 UUID。")))?;
    let found = incident::numbered(on, county, number).await.map_err(CliError::fault)?;
    found.ok_or_else(|| CliError::wrong_use(format!("没有第 {number} 号事件。")))
}

/// What came of one: with its explanation, or only what differs.
fn tell(replay: &Replay, whole: bool) -> Result<(), CliError> {
    use std::fmt::Write as _;
    let mut text = format!("第 {} 号 {}", replay.number, replay.decided_at.to_rfc3339());
    let (a, b) = (replay.algorithm_version, replay.rule_version);
    let _ = write!(text, " 算法 {}→{} 规则 {}→{}:", a.0, a.1, b.0, b.1);
    let _ = match &replay.impossible {
        Some(why) => writeln!(text, "{why}"),
        None if replay.same => writeln!(text, "相同"),
        None => writeln!(text, "不同"),
    };
    for d in &replay.differences {
        let _ = writeln!(text, "  {} 原为 {},现为 {}", d.pointer, d.kept, d.now);
    }
    let said = replay.outcome.as_ref().and_then(|o| o.get("explanation")).and_then(|e| e.as_str());
    if let Some(said) = said.filter(|_| whole) {
        let _ = writeln!(text, "  {said}");
    }
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(CliError::fault)
}

impl Tally {
    fn count(&mut self, replay: &Replay) {
        match replay {
            Replay { impossible: Some(_), .. } => self.impossible += 1,
            Replay { same: true, .. } => self.same += 1,
            _ => self.different += 1,
        }
    }
}
