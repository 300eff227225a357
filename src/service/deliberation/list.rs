//! Lists of what is and was on agendas, and one entry.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::view::EntryView;
use crate::db::Request;
use crate::db::deliberation::{self, Filter};
use crate::domain::deliberation::Outcome;
use crate::domain::{FeatureId, Problem, Viewer};
use crate::service::{ServiceError, Yitu, page};

/// What to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// A venue.
    pub venue: Option<FeatureId>,
    /// A region with all below it.
    pub region: Option<FeatureId>,
    /// One day; instead of `from` and `until`.
    pub day: Option<NaiveDate>,
    /// From this day on.
    pub from: Option<NaiveDate>,
    /// Up to this day.
    pub until: Option<NaiveDate>,
    /// An incident.
    pub incident: Option<Uuid>,
    /// Codes of outcomes, separated by commas.
    pub outcome: Option<String>,
    /// At most so many; 50 unless said, up to 1000.
    pub limit: Option<i64>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// A page of a list, in the order of days, venues and agendas.
#[derive(Debug, Serialize, ToSchema)]
pub struct Entries {
    /// The entries.
    pub items: Vec<EntryView>,
    /// Cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// Lists entries.
///
/// # Errors
/// Problems that name the parameter; a failing database.
pub async fn list(yitu: &Yitu, viewer: &Viewer, asked: Asked) -> Result<Entries, ServiceError> {
    let limit = page::limit(asked.limit)?;
    let after = page::cursor(asked.cursor.as_deref(), read_cursor)?;
    let filter = Filter {
        venue: asked.venue,
        region: asked.region,
        from: asked.day.or(asked.from),
        until: asked.day.or(asked.until),
        incident: asked.incident,
        outcomes: asked.outcome.as_deref().filter(|o| !o.is_empty()).map(read_outcomes).transpose()?,
    };
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let mut rows = deliberation::list(&mut on, viewer.county_id(), &filter, after, limit + 1).await?;
    on.finish().await?;
    let next = page::cut(&mut rows, limit, |r| format!("{}_{}_{}", r.day, r.venue_id, r.agenda_no));
    Ok(Entries { items: rows.into_iter().map(EntryView::from).collect(), next })
}

/// One entry.
///
/// # Errors
/// `not-found`; a failing database.
pub async fn find(yitu: &Yitu, viewer: &Viewer, id: FeatureId) -> Result<EntryView, ServiceError> {
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let found = deliberation::find(&mut on, viewer.county_id(), id).await?;
    on.finish().await?;
    Ok(found.ok_or_else(|| Problem::not_found(("议题", "deliberation"), id))?.into())
}

/// Where a page of agenda items ended: its day, room and place.
#[must_use]
pub fn read_cursor(text: &str) -> Option<(NaiveDate, FeatureId, i32)> {
    let mut parts = text.splitn(3, '_');
    let mut next = || parts.next();
    Some((next()?.parse().ok()?, next()?.parse().ok()?, next()?.parse().ok()?))
}

fn read_outcomes(text: &str) -> Result<Vec<String>, Problem> {
    let read = |code: &str| {
        Outcome::from_code(code).map(|o| o.code().to_owned()).ok_or_else(|| {
            let codes: Vec<&str> = Outcome::ALL.iter().map(|o| o.code()).collect();
            Problem::bad_field(
                "outcome",
                format!("没有议事结果“{code}”,可用的有:{}", codes.join("、")),
                format!("There is no outcome {code:?}; there are: {}", codes.join(", ")),
            )
        })
    };
    text.split(',').map(str::trim).filter(|c| !c.is_empty()).map(read).collect()
}
