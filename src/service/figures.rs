//! Figures of what came in over a period, from the history alone: asked again for the same past days, they answer the
//! same, whatever has happened since. `docs/FIGURES.md` defines each.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::incident::check::check_text;
use super::incident::facts::Facts;
use super::{ServiceError, Yitu, spatial};
use crate::db::Request;
use crate::db::figures::{self, FigureRow, Question};
use crate::domain::calendar::WorkCalendar;
use crate::domain::{FeatureId, Problem, Viewer};

/// Ten years: what is asked for at once at most, days.
const LONGEST: i64 = 3660;
/// Of which there may be figures.
pub(in crate::service) const YEARS: RangeInclusive<i32> = 1949..=2999;

/// What a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The regions one level below the one asked for; a village itself.
    Region,
    /// The unit that answers, or answered last. Units only, never persons.
    Unit,
    /// The categories one level below the one asked for.
    Category,
    /// The county's day it came in.
    Day,
    /// The county's month it came in.
    Month,
}

impl By {
    fn code(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Unit => "unit",
            Self::Category => "category",
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

/// Which figures.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// What a row is of.
    #[param(inline)]
    pub by: By,
    /// First day, of the county's calendar.
    pub from: NaiveDate,
    /// Last day; it belongs to the period.
    pub to: NaiveDate,
    /// As things stood at the end of this day; of the last day of the period unless said.
    pub as_of: Option<NaiveDate>,
    /// A region with all below it.
    pub region: Option<FeatureId>,
    /// Code of a category, with its children.
    pub category: Option<String>,
}

/// One row.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named and defined as in docs/FIGURES.md
pub struct Row {
    /// Id of the region, unit or category; the day or month. Null over all, and where a matter has no such key.
    pub key: Option<String>,
    pub code: Option<String>,
    pub name: String,
    pub reported: i64,
    pub cancelled: i64,
    pub merged: i64,
    pub open: i64,
    pub overdue: i64,
    pub closed: i64,
    pub on_the_spot: i64,
    pub on_time: i64,
    pub checks: i64,
    pub checks_failed: i64,
    pub extended: i64,
    pub signed: i64,
    /// 结案率, 0 to 1; null where there is nothing to divide by, as all rates.
    pub closed_rate: Option<f64>,
    /// 按期结案率.
    pub on_time_rate: Option<f64>,
    /// 返工率.
    pub rework_rate: Option<f64>,
    /// 延期率.
    pub extended_rate: Option<f64>,
    /// 平均签收时长, minutes by the clock.
    pub sign_minutes_mean: Option<f64>,
    pub sign_minutes_median: Option<f64>,
    pub sign_minutes_p90: Option<f64>,
}

/// Figures of a period.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Figures {
    /// What a row is of.
    pub by: By,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// The history before this instant was read.
    pub as_of: DateTime<Utc>,
    /// Whether that instant was past already: then these figures stay.
    pub settled: bool,
    /// Over all.
    pub total: Row,
    /// Row by row: regions and categories by code, units by name, days in order.
    pub rows: Vec<Row>,
}

/// Counts and divides. A period that still runs is told as it stands now.
///
/// # Errors
/// Problems that name the parameter; a failing database.
pub async fn figures(yitu: &Yitu, viewer: &Viewer, asked: &Asked, now: DateTime<Utc>) -> Result<Figures, ServiceError> {
    if let Some(region) = asked.region {
        spatial::region(yitu, region)?;
    }
    if let Some(category) = &asked.category {
        check_text("category", category, 64)?;
    }
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let calendar = Facts::within(yitu, viewer, now, &mut on).calendar().await?;
    let period = period(asked, &calendar, now)?;
    let question = Question {
        county: viewer.county_id(),
        from: period.from,
        until: period.until,
        as_of: period.as_of,
        region: asked.region,
        category: asked.category.as_deref().filter(|c| !c.is_empty()),
        by: asked.by.code(),
    };
    let mut rows = figures::figures(&mut on, &question).await?.into_iter().map(Row::from);
    on.finish().await?;
    let total = rows.next().ok_or_else(|| ServiceError::Internal("figures without a sum".to_owned()))?;
    Ok(Figures {
        by: asked.by,
        from: asked.from,
        to: asked.to,
        as_of: period.as_of,
        settled: period.settled,
        total,
        rows: rows.collect(),
    })
}

struct Period {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    as_of: DateTime<Utc>,
    settled: bool,
}

fn period(asked: &Asked, calendar: &WorkCalendar, now: DateTime<Utc>) -> Result<Period, Problem> {
    let as_of_day = asked.as_of.unwrap_or(asked.to);
    for (name, day) in [("from", asked.from), ("to", asked.to), ("as_of", as_of_day)] {
        if !YEARS.contains(&day.year()) {
            return Err(Problem::bad_field(
                name,
                format!("{name}({day})应在 {} 年至 {} 年之间", YEARS.start(), YEARS.end()),
                format!("{name} ({day}) is of a year from {} to {}", YEARS.start(), YEARS.end()),
            ));
        }
    }
    if !(0..LONGEST).contains(&(asked.to - asked.from).num_days()) {
        return Err(Problem::bad_field(
            "to",
            format!("to({})应在 from({})当天或之后,且不超过 {LONGEST} 天", asked.to, asked.from),
            format!("to ({}) is on or after from ({}), and at most {LONGEST} days on", asked.to, asked.from),
        ));
    }
    if as_of_day < asked.from {
        return Err(Problem::bad_field(
            "as_of",
            format!("as_of({as_of_day})早于 from({}):那时还没有这些事件", asked.from),
            format!("as_of ({as_of_day}) is before from ({}): there was nothing yet", asked.from),
        ));
    }
    let end = |day: NaiveDate| calendar.midnight(day + Days::new(1));
    let as_of = end(as_of_day);
    let (from, until) = (calendar.midnight(asked.from), end(asked.to));
    Ok(Period { from, until, as_of: as_of.min(now), settled: as_of <= now })
}

impl From<FigureRow> for Row {
    fn from(r: FigureRow) -> Self {
        let rate = |part: i64, of: i64| (of > 0).then(|| part as f64 / of as f64);
        // What was void or a duplicate was nobody's to finish.
        let valid = r.reported - r.cancelled - r.merged;
        Self {
            name: r.name.unwrap_or_else(|| if r.key == "*" { "合计" } else { "未确定" }.to_owned()),
            key: Some(r.key).filter(|k| !k.is_empty() && k != "*"),
            code: r.code,
            reported: r.reported,
            cancelled: r.cancelled,
            merged: r.merged,
            open: r.open,
            overdue: r.overdue,
            closed: r.closed,
            on_the_spot: r.on_the_spot,
            on_time: r.on_time,
            checks: r.checks,
            checks_failed: r.checks_failed,
            extended: r.extended,
            signed: r.signed,
            closed_rate: rate(r.closed, valid),
            on_time_rate: rate(r.on_time, r.timed),
            rework_rate: rate(r.checks_failed, r.checks),
            extended_rate: rate(r.extended, valid),
            sign_minutes_mean: r.sign_minutes_mean,
            sign_minutes_median: r.sign_minutes_median,
            sign_minutes_p90: r.sign_minutes_p90,
        }
    }
}
