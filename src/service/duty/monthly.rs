//! 月报: a month's figures by region and by category.

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::workbook::{self, Cell, Column, Form, Sheet};
use crate::domain::{FeatureId, Layer, Problem, Viewer};
use crate::service::figures::{self, By, Figures, Row};
use crate::service::incident::facts::Facts;
use crate::service::incident::view::Named;
use crate::service::{ServiceError, Yitu, off_thread, spatial};

/// What the figures mean, as the workbook says it.
const NOTES: [&str; 9] = [
    "统计范围:本月(县历)收到的事件,不含保密件。作废、并入他件的也计入“上报”,但不计入结案率、延期率的分母。",
    "截止时刻:只看截止时刻之前的办理记录;以后再查同一月份、同一截止日,结果不变。",
    "即办即结:未经他人核查、由主办当场办结的件数。抽查不合格退回重办的不再计入。",
    "结案率 = 已结案 ÷(上报 − 作废 − 并件)。",
    "按期结案率 = 按期办结 ÷ 已结案:最后一次办理反馈(或即办即结)不晚于当时的办结时限为按期;没有记录时限的旧件不计。",
    "返工率 = 核查未通过次数 ÷ 核查次数,含对即办即结件的抽查。",
    "延期率 = 延过期的件数 ÷(上报 − 作废 − 并件)。",
    "平均签收时长:从收到到第一次签收,按自然时间计,单位小时;即办即结、尚未签收的不计。",
    "超期:截止时仍未办结,且有时限已过、尚未补救的件数。",
];

const COLUMNS: [Column; 13] = [
    ("名称", 20.0, Form::Text),
    ("代码", 15.0, Form::Text),
    ("上报", 8.0, Form::Count),
    ("作废", 8.0, Form::Count),
    ("并件", 8.0, Form::Count),
    ("即办即结", 10.0, Form::Count),
    ("已结案", 8.0, Form::Count),
    ("结案率", 10.0, Form::Percent),
    ("按期结案率", 12.0, Form::Percent),
    ("返工率", 10.0, Form::Percent),
    ("延期率", 10.0, Form::Percent),
    ("平均签收时长(小时)", 14.0, Form::Decimal),
    ("超期", 8.0, Form::Count),
];

/// Which month.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// `2026-10`.
    pub month: String,
    /// As things stood at the end of this day; of the month's last day unless said.
    pub as_of: Option<NaiveDate>,
    /// A township, for its villages; the county, for its townships, unless said.
    pub region: Option<FeatureId>,
    /// `json` or `xlsx`.
    #[param(inline)]
    #[serde(default)]
    pub format: workbook::As,
}

/// A month's figures.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Monthly {
    /// `2026-10`.
    pub month: String,
    /// The region it is of.
    pub region: Named,
    /// The history before this instant was read.
    pub as_of: DateTime<Utc>,
    /// Whether that instant was past already: then the table stays.
    pub settled: bool,
    /// Over all.
    pub total: Row,
    /// Townships, or villages of a township.
    pub by_region: Vec<Row>,
    /// Categories of the first level.
    pub by_category: Vec<Row>,
}

/// Puts the table together.
///
/// # Errors
/// Problems that name the parameter; a failing database.
pub async fn monthly(yitu: &Yitu, viewer: &Viewer, asked: &Asked) -> Result<Monthly, ServiceError> {
    let bad = || {
        Problem::bad_field(
            "month",
            format!("月份“{}”应写作 2026-10 这样", asked.month),
            format!("The month {:?} is written as 2026-10", asked.month),
        )
    };
    let from: NaiveDate = format!("{}-01", asked.month).parse().map_err(|_| bad())?;
    if !figures::YEARS.contains(&from.year()) {
        return Err(bad().into());
    }
    let to = from.checked_add_months(Months::new(1)).and_then(|next| next.pred_opt()).ok_or_else(bad)?;
    let region = asked.region.unwrap_or(viewer.county_id());
    let region = named(yitu, region)?;
    let question = |by| figures::Asked { by, from, to, as_of: asked.as_of, region: asked.region, category: None };
    // One instant for both, also where the month still runs.
    let now = yitu.clock.now();
    let by_region = figures::figures(yitu, viewer, &question(By::Region), now).await?;
    let by_category = figures::figures(yitu, viewer, &question(By::Category), now).await?;
    let Figures { as_of, settled, total, rows, .. } = by_region;
    let month = from.format("%Y-%m").to_string();
    Ok(Monthly { month, region, as_of, settled, total, by_region: rows, by_category: by_category.rows })
}

pub(super) fn named(yitu: &Yitu, id: FeatureId) -> Result<Named, ServiceError> {
    let region = spatial::region(yitu, id)?;
    let regions = yitu.atlas.layer(Layer::Region);
    let text = |name: &str| region.get(regions.schema(), name).and_then(|v| v.as_text()).map(str::to_owned);
    Ok(Named { id, code: text("code"), name: text("name").unwrap_or_default() })
}

/// The table as a workbook, with its name.
///
/// # Errors
/// A failing database.
pub async fn book(yitu: &Yitu, viewer: &Viewer, monthly: Monthly) -> Result<(String, Vec<u8>), ServiceError> {
    let now = yitu.clock.now();
    let calendar = Facts::new(yitu, viewer, now).calendar().await?;
    let county = named(yitu, viewer.county_id())?.name;
    let place =
        if monthly.region.id == viewer.county_id() { county } else { format!("{county}{}", monthly.region.name) };
    let title = format!("{place} {} 网格事件月报", monthly.month);
    let until = calendar.local(monthly.as_of).format("%Y-%m-%d %H:%M");
    let running = if monthly.settled { "" } else { ",本月未结束,数字仍会变化" };
    let subtitle = format!("截至 {until}{running};各项口径见“口径说明”");
    let mark = workbook::mark(viewer, calendar.local(now));
    let book = off_thread(move || {
        let sheet = |name, rows: &[Row]| Sheet {
            name,
            title: &title,
            subtitle: &subtitle,
            columns: &COLUMNS,
            rows: rows.iter().map(cells).collect(),
            total: Some(cells(&monthly.total)),
        };
        let sheets = [sheet("按辖区", &monthly.by_region), sheet("按事项", &monthly.by_category)];
        workbook::write(&sheets, &NOTES, &mark, now).map(|bytes| (format!("{title}.xlsx"), bytes))
    });
    book.await?
}

fn cells(row: &Row) -> Vec<Cell> {
    vec![
        Cell::text(&row.name),
        Cell::text(row.code.as_deref().unwrap_or_default()),
        Cell::count(row.reported),
        Cell::count(row.cancelled),
        Cell::count(row.merged),
        Cell::count(row.on_the_spot),
        Cell::count(row.closed),
        Cell::number(row.closed_rate),
        Cell::number(row.on_time_rate),
        Cell::number(row.rework_rate),
        Cell::number(row.extended_rate),
        Cell::number(row.sign_minutes_mean.map(|m| m / 60.0)),
        Cell::count(row.overdue),
    ]
}
