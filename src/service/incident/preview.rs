//! Who would answer, with nothing stored.

use chrono::{DateTime, SubsecRound, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::check::{Report, check, check_names};
use super::duplicates::{LikelyDuplicate, likely};
use super::facts::Facts;
use super::plan::plan;
use super::view::{Explanation, Named, Owner, Possible, Where, explanation_of};
use crate::domain::Viewer;
use crate::service::{ServiceError, Yitu};

/// A decision that was not acted on.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Preview {
    pub state: String,
    pub category: String,
    pub category_name: String,
    pub location: Where,
    pub village: Option<Named>,
    pub grid: Option<Named>,
    pub owner: Owner,
    pub provisional: bool,
    pub neighbours: Vec<Possible>,
    pub accept_by: DateTime<Utc>,
    pub resolve_by: DateTime<Utc>,
    pub explanation: Explanation,
    /// What may be the same matter, reported already; the most likely first.
    pub likely_duplicates: Vec<LikelyDuplicate>,
}

/// Decides as a report would.
///
/// # Errors
/// The same problems a report meets.
pub async fn preview(yitu: &Yitu, viewer: &Viewer, report: Report) -> Result<Preview, ServiceError> {
    let now = yitu.clock.now().trunc_subsecs(6);
    check_names(viewer, &report)?;
    let checked = check(report, now)?;
    let mut facts = Facts::new(yitu, viewer, now);
    let planned = plan(&mut facts, &checked).await?;
    let likely_duplicates = likely(facts.on().await?, viewer.county_id(), &checked, &planned, now).await?;
    let decision = planned.decision;
    let (explanation, neighbours) = explanation_of(&decision);
    let location = &checked.report.location;
    Ok(Preview {
        state: decision.state.code().to_owned(),
        category: planned.category.code,
        category_name: planned.category.name,
        location: Where {
            source: location.source.code().to_owned(),
            lon: planned.point.map(crate::geo::LonLat::lon),
            lat: planned.point.map(crate::geo::LonLat::lat),
            accuracy_m: location.accuracy_m,
            household_id: location.household_id,
            text: Some(checked.text).filter(|t| !t.is_empty()),
        },
        village: planned.village.map(|v| Named { id: v.id, code: None, name: v.name }),
        grid: decision.grid.map(|g| Named { id: g.grid_id, code: Some(g.code), name: g.name }),
        owner: Owner {
            org_id: decision.unit.org_id,
            org_name: decision.unit.org_name,
            unit_id: decision.unit.id,
            unit_name: decision.unit.name,
            responder_id: decision.responder.as_ref().map(|p| p.responder_id),
            responder_name: decision.responder.map(|p| p.name),
        },
        provisional: decision.provisional,
        neighbours,
        accept_by: decision.accept_by,
        resolve_by: decision.resolve_by,
        explanation,
        likely_duplicates,
    })
}
