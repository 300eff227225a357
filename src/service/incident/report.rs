//! Report: an incident is stored with its first owner, or not at all.

use chrono::{DateTime, SubsecRound, Utc};
use serde_json::json;

use super::check::{Checked, External, Report, check, check_external};
use super::history::{Chain, Happening};
use super::plan::{Planned, keep_decision, plan};
use super::retried;
use super::view::{IncidentView, whole};
use crate::db::incident::{self, NewIncident};
use crate::db::{Request, assignment};
use crate::domain::incident::{Action, State};
use crate::domain::{FeatureId, Viewer};
use crate::service::{ServiceError, Yitu};

/// Who the history names for what the program does by itself.
pub const SYSTEM: &str = "系统";

/// An incident and whether this report made it.
#[derive(Debug)]
pub struct Reported {
    /// The incident.
    pub incident: IncidentView,
    /// False for a repeat.
    pub new: bool,
}

/// Reports something. The same id is the same incident, however often and with whatever it is sent.
///
/// # Errors
/// Problems that name the field; a failing database.
pub async fn report(yitu: &Yitu, viewer: &Viewer, report: Report) -> Result<Reported, ServiceError> {
    // Microseconds are what the database keeps; the digests must be computed from the same.
    let now = yitu.clock.now().trunc_subsecs(6);
    check_external(report.external.as_ref())?;
    if let Some(known) = known(yitu, viewer, &report, now).await? {
        return Ok(known);
    }
    let checked = check(report, now)?;
    retried(|| attempt(yitu, viewer, &checked, now)).await
}

/// The incident of a report that is already there.
async fn known(
    yitu: &Yitu,
    viewer: &Viewer,
    report: &Report,
    now: DateTime<Utc>,
) -> Result<Option<Reported>, ServiceError> {
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let Some(incident) = stored(&mut on, viewer.county_id(), report, now).await? else { return Ok(None) };
    let seq = on.commit().await?;
    Ok(Some(Reported { incident: incident.written_at(seq), new: false }))
}

/// The incident of this id, or of this number in another system, if it is already there.
///
/// # Errors
/// When the database fails.
pub async fn stored(
    on: &mut Request,
    county: FeatureId,
    report: &Report,
    now: DateTime<Utc>,
) -> Result<Option<IncidentView>, ServiceError> {
    if let Some(known) = whole(on, county, report.id, now).await? {
        return Ok(Some(known));
    }
    let Some(External { system, no }) = &report.external else { return Ok(None) };
    match incident::find_external(on, county, (system.trim(), no.trim())).await? {
        Some(id) => whole(on, county, id, now).await,
        None => Ok(None),
    }
}

async fn attempt(
    yitu: &Yitu,
    viewer: &Viewer,
    checked: &Checked,
    now: DateTime<Utc>,
) -> Result<Reported, ServiceError> {
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let reported = within(&mut on, viewer, checked, now).await?;
    let seq = on.commit().await?;
    Ok(Reported { incident: reported.incident.written_at(seq), ..reported })
}

/// Reports within a transaction that others share.
///
/// # Errors
/// Problems that name the field; a failing database.
pub async fn within(
    on: &mut Request,
    viewer: &Viewer,
    checked: &Checked,
    now: DateTime<Utc>,
) -> Result<Reported, ServiceError> {
    let county = viewer.county_id();
    let planned = plan(on, county, checked, now).await?;
    let new = store(on, viewer, checked, &planned, now).await?;
    let incident = stored(on, county, &checked.report, now).await?;
    let incident = incident.ok_or_else(|| ServiceError::Internal(format!("incident {} is gone", checked.report.id)))?;
    Ok(Reported { incident, new })
}

/// Writes the incident whole; false when a parallel report of the same id came first.
async fn store(
    on: &mut Request,
    viewer: &Viewer,
    checked: &Checked,
    planned: &Planned,
    now: DateTime<Utc>,
) -> Result<bool, ServiceError> {
    let county = viewer.county_id();
    let (report, decision) = (&checked.report, &planned.decision);
    let done = report.resolve_on_spot.as_ref();
    let state = if done.is_some() { State::Closed } else { decision.state };
    let reporter = report.reporter.clone().filter(|r| !r.is_null()).unwrap_or_else(|| json!({}));
    let new = NewIncident {
        county_id: county,
        id: report.id,
        state: state.code(),
        category_id: planned.category.id,
        restricted: planned.category.restricted,
        urgency: report.urgency.code(),
        description: &report.description,
        location_source: report.location.source.code(),
        point: planned.point.map(|p| (p.lon(), p.lat())),
        accuracy_m: report.location.accuracy_m,
        confidence: report.location.confidence,
        household_id: report.location.household_id.filter(|_| planned.inputs.place.household),
        location_text: &checked.text,
        village_id: planned.village.as_ref().map(|v| v.id),
        grid_id: decision.grid.as_ref().map(|g| g.grid_id),
        grid_version_id: decision.grid.as_ref().map(|g| g.version_id),
        reporter: &reporter,
        reported_at: checked.reported_at,
        received_at: now,
        next_deadline_at: done.is_none().then_some(decision.accept_by),
        accept_by: decision.accept_by,
        resolve_by: decision.resolve_by,
        unit_id: decision.unit.id,
        responder_id: decision.responder.as_ref().map(|p| p.responder_id),
        provisional: decision.provisional && done.is_none(),
        version: if done.is_some() { 3 } else { 2 },
        resolved_by: done.map(|_| viewer.name()),
        external: report.external.as_ref().map(|e| (e.system.trim(), e.no.trim())),
    };
    if !incident::insert(on, &new).await? {
        return Ok(false);
    }
    if done.is_none() {
        assignment::call_helpers(on, county, report.id, &decision.helper_unit_ids, (now, None)).await?;
    }
    write_history(on, viewer, checked, planned, now).await?;
    keep_decision(on, county, report.id, &planned.inputs, decision, now).await?;
    Ok(true)
}

async fn write_history(
    on: &mut Request,
    viewer: &Viewer,
    checked: &Checked,
    planned: &Planned,
    now: DateTime<Utc>,
) -> Result<(), ServiceError> {
    let (county, id, decision) = (viewer.county_id(), checked.report.id, &planned.decision);
    let (unit, responder) = (Some(decision.unit.id), decision.responder.as_ref().map(|p| p.responder_id));
    let report = Happening {
        action: Action::Report,
        actor: viewer.name(),
        at: now,
        from: None,
        to: State::PendingDispatch,
        unit: None,
        responder: None,
        note: "",
    };
    let dispatch = Happening {
        action: Action::Dispatch,
        actor: SYSTEM,
        from: Some(State::PendingDispatch),
        to: decision.state,
        unit,
        responder,
        ..report
    };
    let mut chain = Chain::default();
    // Others are told once of a report: who has it, or that it is done.
    chain.append_untold(on, county, id, &report).await?;
    let Some(done) = &checked.report.resolve_on_spot else {
        return chain.append(on, county, id, &dispatch).await;
    };
    chain.append_untold(on, county, id, &dispatch).await?;
    let closed = Happening {
        action: Action::ResolveOnSpot,
        from: Some(decision.state),
        to: State::Closed,
        unit,
        responder,
        note: &done.note,
        ..report
    };
    chain.append(on, county, id, &closed).await
}
