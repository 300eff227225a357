//! Lists of incidents, and one whole.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::view::{IncidentView, whole};
use crate::db::Request;
use crate::db::incident::{self, Filter, IncidentRow};
use crate::domain::incident::State;
use crate::domain::{Problem, Viewer};
use crate::geo::LonLat;
use crate::service::{ServiceError, Yitu, page};

/// What to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// State codes, separated by commas; `open` stands for all that are not ended.
    pub state: Option<String>,
    /// A region with all below it.
    pub region: Option<i64>,
    /// A grid.
    pub grid: Option<i64>,
    /// Code of a category, with its children.
    pub category: Option<String>,
    /// Reported at or after.
    pub since: Option<DateTime<Utc>>,
    /// Reported before.
    pub until: Option<DateTime<Utc>>,
    /// Past its next deadline, or not.
    pub overdue: Option<bool>,
    /// west,south,east,north in degrees.
    pub bbox: Option<String>,
    /// At most so many; 50 unless said, up to 1000.
    pub limit: Option<i64>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// A page of a list, the newest report first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page {
    /// The incidents.
    pub items: Vec<IncidentView>,
    /// Cursor of the next page; null on the last.
    pub next: Option<String>,
    /// How many there are on all pages.
    pub number_matched: i64,
}

/// Lists incidents that are not restricted.
///
/// # Errors
/// Problems that name the parameter; a failing database.
pub async fn list(yitu: &Yitu, viewer: &Viewer, asked: Asked) -> Result<Page, ServiceError> {
    let found = rows(yitu, viewer, asked).await?;
    let items = found.rows.into_iter().map(|r| IncidentView::of(r, found.at).for_viewer(yitu, viewer));
    Ok(Page { items: items.collect(), next: found.next, number_matched: found.number_matched })
}

/// The rows of a page.
pub(super) struct Found {
    pub rows: Vec<IncidentRow>,
    pub next: Option<String>,
    pub number_matched: i64,
    /// When they were read.
    pub at: DateTime<Utc>,
}

pub(super) async fn rows(yitu: &Yitu, viewer: &Viewer, asked: Asked) -> Result<Found, ServiceError> {
    let limit = page::limit(asked.limit)?;
    let after = page::cursor(asked.cursor.as_deref(), read_cursor)?;
    let filter = filter(asked)?;
    let now = yitu.clock.now();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let (mut rows, number_matched) =
        incident::list(&mut on, viewer.county_id(), &filter, now, after, limit + 1).await?;
    on.finish().await?;
    let next = page::cut(&mut rows, limit, |r| cursor(r.reported_at, r.id));
    Ok(Found { rows, next, number_matched, at: now })
}

/// One incident with its explanation and timeline.
///
/// # Errors
/// `not-found`; a failing database.
pub async fn find(yitu: &Yitu, viewer: &Viewer, id: Uuid) -> Result<IncidentView, ServiceError> {
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let found = whole(&mut on, viewer.county_id(), id, yitu.clock.now()).await?;
    on.finish().await?;
    found.map(|view| view.for_viewer(yitu, viewer)).ok_or_else(|| Problem::not_found(("事件", "incident"), id).into())
}

/// A place in a list by an instant and then by id, for the reader to hand back.
#[must_use]
pub fn cursor(at: DateTime<Utc>, id: Uuid) -> String {
    format!("{}_{id}", at.timestamp_micros())
}

/// The instant and id of such a place.
#[must_use]
pub fn read_cursor(text: &str) -> Option<(DateTime<Utc>, Uuid)> {
    let (micros, id) = text.split_once('_')?;
    Some((DateTime::from_timestamp_micros(micros.parse().ok()?)?, id.parse().ok()?))
}

fn filter(asked: Asked) -> Result<Filter, Problem> {
    let states = asked.state.as_deref().filter(|s| !s.is_empty()).map(read_states).transpose()?;
    if let Some(category) = &asked.category {
        super::check::check_text("category", category, 64)?;
    }
    Ok(Filter {
        states,
        region: asked.region,
        category: asked.category.filter(|c| !c.is_empty()),
        since: asked.since,
        until: asked.until,
        overdue: asked.overdue,
        bbox: asked.bbox.as_deref().filter(|b| !b.is_empty()).map(read_bbox).transpose()?,
        grid: asked.grid,
    })
}

fn read_states(text: &str) -> Result<Vec<String>, Problem> {
    let mut out = Vec::new();
    for code in text.split(',').map(str::trim).filter(|c| !c.is_empty()) {
        if code == "open" {
            out.extend(State::ALL.iter().filter(|s| !s.is_ended()).map(|s| s.code().to_owned()));
        } else if let Some(state) = State::from_code(code) {
            out.push(state.code().to_owned());
        } else {
            let codes: Vec<&str> = State::ALL.iter().map(|s| s.code()).collect();
            return Err(Problem::bad_field(
                "state",
                format!("没有状态“{code}”,可用的有:open、{}", codes.join("、")),
                format!("There is no state {code:?}; there are: open, {}", codes.join(", ")),
            ));
        }
    }
    Ok(out)
}

fn read_bbox(text: &str) -> Result<[f64; 4], Problem> {
    let bad = || {
        Problem::bad_field(
            "bbox",
            format!("bbox“{text}”应为 西,南,东,北 四个度数,如 117.1,25.4,117.3,25.6"),
            format!("bbox {text:?} should be west,south,east,north in degrees, such as 117.1,25.4,117.3,25.6"),
        )
    };
    let numbers: Vec<f64> = text.split(',').map(|n| n.trim().parse()).collect::<Result<_, _>>().map_err(|_| bad())?;
    let [w, s, e, n]: [f64; 4] = numbers.try_into().map_err(|_| bad())?;
    LonLat::new(w, s).and(LonLat::new(e, n)).map_err(|_| bad())?;
    if w > e || s > n { Err(bad()) } else { Ok([w, s, e, n]) }
}
