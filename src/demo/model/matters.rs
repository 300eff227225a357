//! Rows about matters: categories, rules, incidents and what hangs on them.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::demo::raster::Xy;
use crate::domain::incident::Limits;

/// `category`.
#[derive(Debug, Clone)]
pub struct Category {
    /// Id.
    pub id: i64,
    /// Code.
    pub code: String,
    /// The category above.
    pub parent: Option<i64>,
    /// Name.
    pub name: &'static str,
    /// On the 准入清单.
    pub village_admitted: bool,
    /// Document that delegates it to townships.
    pub township_delegated: Option<&'static str>,
    /// Lawful department.
    pub legal_dept: Option<&'static str>,
    /// 保密件.
    pub restricted: bool,
    /// Photo needed.
    pub photo_needed: bool,
}

/// `dispatch_rule` of version 1.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Place in the table.
    pub ordinal: i32,
    /// Category it fits.
    pub category: Option<i64>,
    /// Urgency it fits.
    pub urgency: Option<&'static str>,
    /// First level.
    pub first_level: &'static str,
    /// Named unit.
    pub first_unit: Option<i64>,
    /// Assisting units.
    pub assist: Vec<i64>,
    /// Whether the cluster helps.
    pub cluster_helps: bool,
    /// 签收时限, minutes.
    pub accept_minutes: i32,
    /// 办结时限 by the clock, minutes.
    pub resolve_minutes: Option<i32>,
    /// 办结时限, working days.
    pub resolve_days: Option<i32>,
}

/// `incident` with all that hangs on it.
#[derive(Debug, Clone)]
pub struct Incident {
    /// The client's id.
    pub id: Uuid,
    /// Number.
    pub number: i64,
    /// State in the database's words.
    pub state: &'static str,
    /// Category.
    pub category: i64,
    /// 保密件.
    pub restricted: bool,
    /// Urgency in the database's words.
    pub urgency: &'static str,
    /// What was said.
    pub description: String,
    /// Location source in the database's words.
    pub source: &'static str,
    /// Where, where known.
    pub place: Option<Xy>,
    /// Accuracy, metres.
    pub accuracy_m: Option<f64>,
    /// Household, where chosen.
    pub household: Option<i64>,
    /// Where in words.
    pub location_text: String,
    /// Village.
    pub village: i64,
    /// Grid, where located.
    pub grid: Option<i64>,
    /// Grid version, where located.
    pub grid_version: Option<i64>,
    /// Kind of reporter.
    pub reporter: &'static str,
    /// When it was reported.
    pub reported_at: DateTime<Utc>,
    /// When it reached the server.
    pub received_at: DateTime<Utc>,
    /// 签收时限.
    pub accept_by: DateTime<Utc>,
    /// 办结时限.
    pub resolve_by: DateTime<Utc>,
    /// The next deadline while it is open.
    pub next_deadline: Option<DateTime<Utc>>,
    /// When it was resolved.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Who resolved it.
    pub resolved_by: Option<String>,
    /// When it ended.
    pub closed_at: Option<DateTime<Utc>>,
    /// 即办即结.
    pub on_the_spot: bool,
    /// Owners and helpers, the present owner at `current`.
    pub assignments: Vec<Assignment>,
    /// Index of the present (or last) owner's assignment.
    pub current: usize,
    /// What was done, in order.
    pub history: Vec<Step>,
    /// Why it went where it went; none while it awaits a place.
    pub explanation: Option<String>,
}

/// `assignment`.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// Id.
    pub id: i64,
    /// Whether 主办.
    pub owner: bool,
    /// Unit.
    pub unit: i64,
    /// Person.
    pub responder: Option<i64>,
    /// 签收时限.
    pub accept_by: Option<DateTime<Utc>>,
    /// 签收.
    pub accepted_at: Option<DateTime<Utc>>,
    /// Since.
    pub started_at: DateTime<Utc>,
    /// Until.
    pub ended_at: Option<DateTime<Utc>>,
}

/// `incident_history`.
#[derive(Debug, Clone)]
pub struct Step {
    /// Id.
    pub id: i64,
    /// Action in the database's words.
    pub action: &'static str,
    /// Who.
    pub actor: String,
    /// When.
    pub at: DateTime<Utc>,
    /// State before; none for the report.
    pub from_state: Option<&'static str>,
    /// State after.
    pub to_state: &'static str,
    /// Unit.
    pub unit: Option<i64>,
    /// Person.
    pub responder: Option<i64>,
    /// Words.
    pub note: String,
    /// The limits after it.
    pub limits: Limits,
}

/// `deliberation`.
#[derive(Debug, Clone)]
pub struct Deliberation {
    /// Id.
    pub id: i64,
    /// Venue.
    pub venue: i64,
    /// A lunar 5th, 15th or 25th.
    pub day: NaiveDate,
    /// Place on the agenda.
    pub agenda_no: i32,
    /// What it is about.
    pub topic: String,
    /// The incident it is about, if it is.
    pub incident: Option<Uuid>,
    /// What came of it, in the database's words.
    pub outcome: &'static str,
    /// The same in people's words.
    pub resolution: String,
    /// The entry it was carried over from.
    pub carried_over_from: Option<i64>,
    /// How often it was.
    pub carried_over_count: i32,
}
