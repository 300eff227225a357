//! Taking in matters of another system, each by the way any report goes.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, SubsecRound, TimeZone, Utc};
use chrono_tz::Tz;
use futures::{StreamExt, TryStreamExt};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::table::Row;
use crate::db::{Request, exchange};
use crate::domain::incident::{LocationSource, Urgency};
use crate::domain::{Problem, ProblemKind, Viewer};
use crate::geo::Crs;
use crate::service::incident::check::{External, Location, Report, check, check_external};
use crate::service::incident::facts::zone;
use crate::service::incident::report::{Key, Reported, report, stored, within};
use crate::service::incident::retried;
use crate::service::{ServiceError, Yitu};

/// Rows under way at the same time.
const AT_ONCE: usize = 4;
/// Faults told where one refuses all.
const MOST_FAULTS: usize = 50;

/// What became of a row.
#[derive(Debug)]
pub struct Taken {
    /// From 1.
    pub row: usize,
    /// Its number in the other system, where it could be read.
    pub external: Option<External>,
    /// The incident, or why there is none.
    pub outcome: Result<Reported, Box<Problem>>,
}

/// A row that could be read as a report, or why not.
struct Asked {
    external: Option<External>,
    report: Result<Report, Problem>,
}

/// Takes rows in. Each becomes an incident, is known already, or is refused; one that is refused refuses nobody else,
/// unless it is to be all or nothing. `system` is that of rows that name none.
///
/// # Errors
/// `rows-refused` where it is all or nothing; a failing database.
pub async fn take(
    yitu: &Yitu,
    viewer: &Viewer,
    rows: Vec<Row>,
    system: Option<&str>,
    all_or_nothing: bool,
) -> Result<Vec<Taken>, ServiceError> {
    let asked = read(yitu, viewer, rows, system).await?;
    if all_or_nothing {
        return retried(|| together(yitu, viewer, &asked)).await;
    }
    let one = |(n, asked): (usize, Asked)| async move {
        let outcome = match asked.report {
            Ok(asked) => problem_or(report(yitu, viewer, asked).await.map_err(by_column))?,
            Err(problem) => Err(Box::new(problem)),
        };
        Ok(Taken { row: n + 1, external: asked.external, outcome })
    };
    futures::stream::iter(asked.into_iter().enumerate().map(one)).buffered(AT_ONCE).try_collect().await
}

/// Problems are for the row; anything else ends it all.
fn problem_or<T>(result: Result<T, ServiceError>) -> Result<Result<T, Box<Problem>>, ServiceError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(ServiceError::Problem(problem)) => Ok(Err(problem)),
        Err(other) => Err(other),
    }
}

/// All in one transaction.
async fn together(yitu: &Yitu, viewer: &Viewer, asked: &[Asked]) -> Result<Vec<Taken>, ServiceError> {
    let now = yitu.clock.now().trunc_subsecs(6);
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let mut taken = Vec::with_capacity(asked.len());
    for (n, asked) in asked.iter().enumerate() {
        let outcome = match &asked.report {
            Ok(report) => problem_or(one_of_all(yitu, &mut on, viewer, report, now).await)?,
            Err(problem) => Err(Box::new(problem.clone())),
        };
        taken.push(Taken { row: n + 1, external: asked.external.clone(), outcome });
    }
    let refused: Vec<(usize, &Problem)> =
        taken.iter().filter_map(|t| Some((t.row, t.outcome.as_ref().err()?.as_ref()))).collect();
    if !refused.is_empty() {
        return Err(rows_refused(&refused, asked.len()).into());
    }
    on.finish().await?;
    Ok(taken)
}

async fn one_of_all(
    yitu: &Yitu,
    on: &mut Request,
    viewer: &Viewer,
    report: &Report,
    now: DateTime<Utc>,
) -> Result<Reported, ServiceError> {
    let key = Key { id: report.id, external: report.external.clone() };
    if let Some(incident) = stored(on, viewer.county_id(), &key, now).await? {
        return Ok(Reported { incident, new: false });
    }
    within(yitu, on, viewer, &check(report.clone(), now)?, now).await.map_err(by_column)
}

fn by_column(error: ServiceError) -> ServiceError {
    match error {
        ServiceError::Problem(problem) => unnested(*problem, "/external").into(),
        error => error,
    }
}

fn rows_refused(refused: &[(usize, &Problem)], rows: usize) -> Problem {
    let count = refused.len();
    let problem = Problem::new(
        ProblemKind::Unprocessable,
        "rows-refused",
        ("有行不能接收", "Rows were refused"),
        (
            format!("{rows} 行中有 {count} 行不能接收,按要求一行也没有接收。请改正后整批重发。"),
            format!("{count} of {rows} rows cannot be taken, so none was, as asked. Correct them and send all again."),
        ),
    );
    refused.iter().take(MOST_FAULTS).fold(problem, |all, (row, one)| {
        let pointer = one.fields.first().map_or("", |f| f.pointer.as_str());
        all.with_field(format!("/{}{pointer}", row - 1), &one.detail.zh, &one.detail.en)
    })
}

async fn read(yitu: &Yitu, viewer: &Viewer, rows: Vec<Row>, system: Option<&str>) -> Result<Vec<Asked>, ServiceError> {
    let county = viewer.county_id();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let zone = zone(&mut on, county).await?;
    let mut known: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut asked = Vec::with_capacity(rows.len());
    for row in rows {
        let (external, row) = match row.and_then(|row| Ok((external(&row, system)?, row))) {
            Ok(read) => read,
            Err(problem) => {
                asked.push(Asked { external: None, report: Err(problem) });
                continue;
            }
        };
        if !known.contains_key(&external.system) {
            let codes = exchange::categories(&mut on, county, &external.system).await?;
            known.insert(external.system.clone(), codes.into_iter().collect());
        }
        let report = report_of(&row, &external, &known[&external.system], zone);
        asked.push(Asked { external: Some(external), report });
    }
    on.finish().await?;
    Ok(asked)
}

fn external(row: &BTreeMap<&str, String>, system: Option<&str>) -> Result<External, Problem> {
    let text = |name| row.get(name).map(String::as_str);
    let external = External {
        system: text("system").or(system).unwrap_or_default().trim().to_owned(),
        no: text("no").unwrap_or_default().to_owned(),
    };
    if external.system.is_empty() {
        return Err(Problem::bad_field(
            "/system",
            "没有写明来源系统:请给出 system 列,或在地址里写 ?system=12345",
            "The system is missing: give a column system, or ?system=12345 in the address",
        ));
    }
    check_external(Some(&external)).map_err(|p| unnested(p, "/external"))?;
    Ok(external)
}

/// A problem with a field of the report, told by the column it came from.
fn unnested(mut problem: Problem, prefix: &str) -> Problem {
    for field in &mut problem.fields {
        field.pointer = field.pointer.replacen(prefix, "", 1);
    }
    problem
}

fn report_of(
    row: &BTreeMap<&str, String>,
    external: &External,
    codes: &BTreeMap<String, String>,
    zone: Tz,
) -> Result<Report, Problem> {
    let text = |name| row.get(name).map(String::as_str);
    let theirs =
        text("category").ok_or_else(|| Problem::bad_field("/category", "没有事项编码", "The category is missing"))?;
    let category = codes.get(theirs).ok_or_else(|| unmapped(&external.system, theirs))?;
    let (lon, lat) = (number("lon", text("lon"))?, number("lat", text("lat"))?);
    let source = if lon.is_some() || lat.is_some() { LocationSource::Map } else { LocationSource::Text };
    Ok(Report {
        id: id_of(external),
        category: category.clone(),
        description: text("description").unwrap_or_default().to_owned(),
        urgency: text("urgency").map(urgency).transpose()?.unwrap_or(Urgency::Ordinary),
        location: Location {
            source,
            lon,
            lat,
            crs: text("crs").map(crs).transpose()?.unwrap_or_default(),
            accuracy_m: None,
            confidence: None,
            household_id: None,
            text: text("location_text").map(str::to_owned),
        },
        reported_at: text("reported_at").map(|t| instant(t, zone)).transpose()?,
        reporter: Some(json!({"kind": "exchange", "system": external.system})),
        resolve_on_spot: None,
        transferred_to: None,
        external: Some(external.clone()),
    })
}

/// The id that follows from another system's number: version 8 of RFC 9562, from SHA-256 over system, NUL and number.
#[must_use]
pub fn id_of(external: &External) -> Uuid {
    let digest = Sha256::new().chain_update(&external.system).chain_update([0]).chain_update(&external.no).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

fn unmapped(system: &str, code: &str) -> Problem {
    Problem::bad_field(
        "/category",
        format!("系统“{system}”的事项编码“{code}”还没有对应关系,请先用 PUT /api/exchange/categories/{system} 登记"),
        format!(
            "The code {code:?} of {system:?} stands for nothing yet; say what with PUT /api/exchange/categories/{system}"
        ),
    )
}

fn number(name: &str, value: Option<&str>) -> Result<Option<f64>, Problem> {
    let read = |text: &str| {
        text.parse().map_err(|_| {
            Problem::bad_field(
                format!("/{name}"),
                format!("{name} 的值“{text}”不是数"),
                format!("The value {text:?} of {name} is no number"),
            )
        })
    };
    value.map(read).transpose()
}

fn urgency(text: &str) -> Result<Urgency, Problem> {
    Urgency::ALL.iter().copied().find(|u| u.code() == text || u.zh() == text).ok_or_else(|| {
        let words: Vec<&str> = Urgency::ALL.iter().map(|u| u.zh()).collect();
        Problem::bad_field(
            "/urgency",
            format!("没有紧急程度“{text}”,可用的有:{}", words.join("、")),
            format!("There is no urgency {text:?}; there are: ordinary, hard, urgent"),
        )
    })
}

fn crs(text: &str) -> Result<Crs, Problem> {
    serde_json::from_value(json!(text.to_ascii_lowercase())).map_err(|_| {
        Problem::bad_field(
            "/crs",
            format!("没有坐标系“{text}”,可用的有:cgcs2000、wgs84、gcj02、bd09"),
            format!("There is no system {text:?}; there are: cgcs2000, wgs84, gcj02, bd09"),
        )
    })
}

/// RFC 3339, or the county's clock: `2026-11-20 10:00[:00]`.
fn instant(text: &str, zone: Tz) -> Result<DateTime<Utc>, Problem> {
    let local = || {
        let text = text.replace('/', "-").replace('T', " ");
        let read = |form| NaiveDateTime::parse_from_str(&text, form).ok();
        zone.from_local_datetime(&read("%Y-%m-%d %H:%M:%S").or_else(|| read("%Y-%m-%d %H:%M"))?).earliest()
    };
    let at = text.parse::<DateTime<Utc>>().ok().or_else(|| local().map(|t| t.to_utc()));
    at.ok_or_else(|| {
        Problem::bad_field(
            "/reported_at",
            format!("时间“{text}”读不出来,应形如 2026-11-20 10:00:00 或 2026-11-20T10:00:00+08:00"),
            format!("The time {text:?} is not understood; it looks like 2026-11-20T10:00:00+08:00"),
        )
    })
}
