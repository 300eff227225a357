//! 交接班: what a shift hands to the next, as the history told it at the end of the shift.

use chrono::{DateTime, Datelike, Duration, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::monthly::named;
use super::workbook::{self, Cell, Column, Form, Sheet};
use crate::db::Request;
use crate::db::duty::{self, HandoverRow};
use crate::domain::calendar::WorkCalendar;
use crate::domain::incident::{State, Urgency};
use crate::domain::{Problem, Viewer};
use crate::service::incident::facts::Facts;
use crate::service::{ServiceError, Yitu, figures, off_thread};

/// The longest shift, days.
const LONGEST: i64 = 31;

const NOTES: [&str; 6] = [
    "本表只看交班时刻之前的办理记录,以后再查同一班次,结果不变。",
    "新收:本班收到的事件。已结:本班结案、交班时仍为结案的事件。",
    "下一班到期:交班时未办结,且当前时限落在下一班(与本班等长)之内。",
    "超期:交班时未办结,且有时限已过、尚未补救。督办中:交班时未办结,且领导督办过。",
    "同一件可在几张表中出现。",
    "保密件只计总数,不列入各表。",
];

const COLUMNS: [Column; 10] = [
    ("编号", 9.0, Form::Count),
    ("事项", 16.0, Form::Text),
    ("缓急", 7.0, Form::Text),
    ("村(社区)", 14.0, Form::Text),
    ("主办单位", 22.0, Form::Text),
    ("状态", 9.0, Form::Text),
    ("收到", 17.0, Form::Time),
    ("当前时限", 17.0, Form::Time),
    ("办结", 17.0, Form::Time),
    ("情况", 48.0, Form::Wrapped),
];

/// Which shift.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// When it began.
    pub from: DateTime<Utc>,
    /// When it ended; now, where that is earlier.
    pub to: DateTime<Utc>,
    /// `json` or `xlsx`.
    #[param(inline)]
    #[serde(default)]
    pub format: workbook::As,
}

/// A matter in the lists of a shift.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Item {
    pub id: Uuid,
    pub number: i64,
    pub category_name: String,
    pub urgency: String,
    pub description: String,
    pub village_name: Option<String>,
    /// The unit that answers, or answered last.
    pub unit_name: Option<String>,
    pub state: String,
    pub received_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub next_deadline_at: Option<DateTime<Utc>>,
    pub overdue: bool,
    pub supervised: bool,
}

/// How many of each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Totals {
    /// Came in.
    pub came_in: usize,
    /// Closed, and closed still.
    pub closed: usize,
    /// Cancelled or merged.
    pub cancelled: usize,
    /// Open at the end.
    pub open: usize,
    /// Of these: due in the next shift, if that is as long.
    pub due_next: usize,
    /// Of these: a limit has passed.
    pub overdue: usize,
    /// Of these: a leader watches.
    pub supervised: usize,
    /// Restricted matters that came in; they are in no other figure and on no list.
    pub restricted_came_in: usize,
    /// Restricted matters that are open.
    pub restricted_open: usize,
}

/// What a shift hands over.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // the lists are named as their totals
pub struct Handover {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// When the next shift ends, if it is as long.
    pub next_to: DateTime<Utc>,
    pub totals: Totals,
    pub came_in: Vec<Item>,
    pub closed: Vec<Item>,
    pub due_next: Vec<Item>,
    pub overdue: Vec<Item>,
    pub supervised: Vec<Item>,
}

/// Reads a shift.
///
/// # Errors
/// Problems that name the parameter; a failing database.
pub async fn handover(yitu: &Yitu, viewer: &Viewer, asked: &Asked) -> Result<Handover, ServiceError> {
    let (from, to) = (asked.from, asked.to.min(yitu.clock.now()));
    if from >= to || asked.to - from > Duration::days(LONGEST) || !figures::YEARS.contains(&from.year()) {
        return Err(Problem::bad_field(
            "from",
            format!("班次应从过去某时刻开始,早于 to,且不超过 {LONGEST} 天"),
            format!("A shift begins in the past and before to, and lasts {LONGEST} days at most"),
        )
        .into());
    }
    let next_to = to + (asked.to - from);
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let rows = duty::handover(&mut on, viewer.county_id(), from, to).await?;
    on.finish().await?;
    let (restricted, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(|r| r.restricted);
    let of = |fits: &dyn Fn(&HandoverRow) -> bool| -> Vec<Item> {
        rows.iter().filter(|r| fits(r)).cloned().map(Item::from).collect()
    };
    let came_in = of(&|r| r.received_at >= from);
    let ended = |r: &HandoverRow, as_: State| r.state == as_.code() && r.ended_at.is_some_and(|at| at >= from);
    let closed = of(&|r| ended(r, State::Closed));
    let due_next = of(&|r| r.open && r.next_deadline_at.is_some_and(|by| by >= to && by < next_to));
    let overdue = of(&|r| r.overdue);
    let supervised = of(&|r| r.open && r.supervised);
    let totals = Totals {
        came_in: came_in.len(),
        closed: closed.len(),
        cancelled: rows.iter().filter(|r| ended(r, State::Cancelled)).count(),
        open: rows.iter().filter(|r| r.open).count(),
        due_next: due_next.len(),
        overdue: overdue.len(),
        supervised: supervised.len(),
        restricted_came_in: restricted.iter().filter(|r| r.received_at >= from).count(),
        restricted_open: restricted.iter().filter(|r| r.open).count(),
    };
    Ok(Handover { from, to, next_to, totals, came_in, closed, due_next, overdue, supervised })
}

/// The same as a workbook, a sheet a list, with its name.
///
/// # Errors
/// A failing database.
pub async fn book(yitu: &Yitu, viewer: &Viewer, shift: Handover) -> Result<(String, Vec<u8>), ServiceError> {
    let now = yitu.clock.now();
    let calendar = Facts::new(yitu, viewer, now).calendar().await?;
    let county = named(yitu, viewer.county_id())?.name;
    let name = format!("{county} 交接班 {}.xlsx", calendar.local(shift.to).format("%Y-%m-%d %H%M"));
    let mark = workbook::mark(viewer, calendar.local(now));
    let bytes = off_thread(move || write(&shift, &county, &calendar, (&mark, now))).await??;
    Ok((name, bytes))
}

fn write(
    shift: &Handover,
    county: &str,
    calendar: &WorkCalendar,
    (mark, now): (&str, DateTime<Utc>),
) -> Result<Vec<u8>, ServiceError> {
    let day = |at| calendar.local(at).format("%Y-%m-%d %H:%M").to_string();
    let title = format!("{county} 值班交接班清单");
    let subtitle = format!("{} 至 {}", day(shift.from), day(shift.to));
    let t = &shift.totals;
    let totals = [
        ("新收", t.came_in),
        ("已结", t.closed),
        ("作废、并件", t.cancelled),
        ("未办结", t.open),
        ("其中:下一班到期", t.due_next),
        ("其中:超期", t.overdue),
        ("其中:督办中", t.supervised),
        ("保密件新收", t.restricted_came_in),
        ("保密件未办结", t.restricted_open),
    ];
    let list = |name, items: &[Item]| Sheet {
        name,
        title: &title,
        subtitle: &subtitle,
        columns: &COLUMNS,
        rows: items.iter().map(|item| cells(item, calendar)).collect(),
        total: None,
    };
    let sheets = [
        Sheet {
            name: "合计",
            title: &title,
            subtitle: &subtitle,
            columns: &[("项目", 40.0, Form::Text), ("件数", 12.0, Form::Count)],
            rows: totals.iter().map(|(name, n)| vec![Cell::text(name), Cell::count(*n as i64)]).collect(),
            total: None,
        },
        list("新收", &shift.came_in),
        list("已结", &shift.closed),
        list("下一班到期", &shift.due_next),
        list("超期", &shift.overdue),
        list("督办中", &shift.supervised),
    ];
    workbook::write(&sheets, &NOTES, mark, now)
}

fn cells(item: &Item, calendar: &WorkCalendar) -> Vec<Cell> {
    let time = |at: Option<DateTime<Utc>>| at.map_or(Cell::Empty, |at| Cell::Time(calendar.local(at)));
    vec![
        Cell::count(item.number),
        Cell::text(&item.category_name),
        Cell::text(Urgency::from_code(&item.urgency).map_or("", Urgency::zh)),
        Cell::text(item.village_name.as_deref().unwrap_or_default()),
        Cell::text(item.unit_name.as_deref().unwrap_or_default()),
        Cell::text(State::from_code(&item.state).map_or("", State::zh)),
        time(Some(item.received_at)),
        time(item.next_deadline_at),
        time(item.ended_at),
        Cell::text(&item.description),
    ]
}

impl From<HandoverRow> for Item {
    fn from(r: HandoverRow) -> Self {
        Self {
            id: r.id,
            number: r.number,
            category_name: r.category_name,
            urgency: r.urgency,
            description: r.description,
            village_name: r.village_name,
            unit_name: r.unit_name,
            // A matter that was opened again has ended before, and is open.
            ended_at: r.ended_at.filter(|_| !r.open),
            state: r.state,
            received_at: r.received_at,
            next_deadline_at: r.next_deadline_at,
            overdue: r.overdue,
            supervised: r.supervised,
        }
    }
}
