//! Report: an incident is stored with its first owner, or not at all.

use chrono::{DateTime, Duration, SubsecRound, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::check::{Checked, External, Report, check, check_external, check_names};
use super::facts::Facts;
use super::history::{Chain, Happening};
use super::plan::{Planned, as_kept, plan};
use super::retried;
use super::view::{Event, Helper, IncidentView, explanation_of, whole};
use crate::db::Request;
use crate::db::incident::{self, IncidentRow, NewStep};
use crate::db::report::{Executor, NewDecision, NewIncident, Stored, store};
use crate::dispatch::{ALGORITHM_VERSION, Unit};
use crate::domain::incident::{Action, Limits, State};
use crate::domain::{FeatureId, Problem, ProblemKind, Viewer};
use crate::service::{ServiceError, Yitu};

pub use crate::domain::seal::SYSTEM;

/// How long a report that is sent again is answered to who sent it, though it is not theirs to see any more.
const RECEIPT: Duration = Duration::days(1);

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
    check_names(viewer, &report)?;
    let key = Key { id: report.id, external: report.external.clone() };
    let made = async {
        let checked = check(report, now)?;
        retried(|| attempt(yitu, viewer, &checked, now)).await
    };
    match made.await {
        Ok(Some(incident)) => return Ok(Reported { incident, new: true }),
        Ok(None) => {}
        // What was taken once is not refused later, whatever has become of its category or place.
        Err(ServiceError::Problem(problem)) => {
            return known(yitu, viewer, &key, now).await?.ok_or_else(|| ServiceError::Problem(problem));
        }
        Err(error) => return Err(error),
    }
    known(yitu, viewer, &key, now).await?.ok_or_else(|| elsewhere(&key).into())
}

/// Of an id or a number whose matter is there and not the asker's to know of. It says no more than a new id would take.
fn elsewhere(key: &Key) -> Problem {
    let title = ("编号已被占用", "The id is taken");
    let (zh, en, field) = match &key.external {
        Some(e) => {
            (format!("“{}”的 {} 号", e.system, e.no), format!("Number {:?} of {:?}", e.no, e.system), "/external/no")
        }
        None => (format!("编号 {} ", key.id), format!("Id {}", key.id), "/id"),
    };
    Problem::new(
        ProblemKind::Conflict,
        "incident-elsewhere",
        title,
        (
            format!("{zh}已登记为事件,但不在您的查看范围内。如是重复报送,不必再报;是另一件事的,请换一个编号。"),
            format!(
                "{en} is an incident already, not yours to see. If it is the same, all is done; else take another."
            ),
        ),
    )
    .with_field(field, title.0, title.1)
}

/// What makes two reports the same incident: its id, or its number in another system.
#[derive(Debug, Clone)]
pub struct Key {
    /// The client's id.
    pub id: Uuid,
    /// The number another system gave it.
    pub external: Option<External>,
}

/// The incident of a report that is already there.
async fn known(yitu: &Yitu, viewer: &Viewer, key: &Key, now: DateTime<Utc>) -> Result<Option<Reported>, ServiceError> {
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let found = match stored(&mut on, viewer.county_id(), key, now).await? {
        Some(incident) => Some(incident),
        None => receipt(&mut on, viewer, key.id, now).await?,
    };
    let Some(incident) = found else { return Ok(None) };
    let seq = on.commit().await?;
    Ok(Some(Reported { incident: incident.written_at(seq).for_viewer(yitu, viewer), new: false }))
}

/// What a phone that lost the first answer is told of a restricted matter its owner reported: that it was taken, as it was
/// told then. For a day: later it would only tell somebody else that the matter is there.
async fn receipt(
    on: &mut Request,
    viewer: &Viewer,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<IncidentView>, ServiceError> {
    on.as_the_program().await?;
    let row = incident::find(on, viewer.county_id(), id).await?;
    let is_own = |row: &IncidentRow| row.reported_by.is_some() && row.reported_by == viewer.account_id();
    let own = row.filter(|row| is_own(row) && now - row.received_at < RECEIPT);
    Ok(own.map(|row| IncidentView::of(row, now)))
}

/// The incident of this id, or of this number in another system, if it is already there.
///
/// # Errors
/// When the database fails.
pub async fn stored(
    on: &mut Request,
    county: FeatureId,
    key: &Key,
    now: DateTime<Utc>,
) -> Result<Option<IncidentView>, ServiceError> {
    if let Some(known) = whole(on, county, key.id, now).await? {
        return Ok(Some(known));
    }
    let Some(External { system, no }) = &key.external else { return Ok(None) };
    match incident::find_external(on, county, (system.trim(), no.trim())).await? {
        Some(id) => whole(on, county, id, now).await,
        None => Ok(None),
    }
}

/// Nothing where the id or the number is already there.
async fn attempt(
    yitu: &Yitu,
    viewer: &Viewer,
    checked: &Checked,
    now: DateTime<Utc>,
) -> Result<Option<IncidentView>, ServiceError> {
    let mut facts = Facts::new(yitu, viewer, now);
    let planned = plan(&mut facts, checked).await?;
    let helpers = helpers(&mut facts, checked, &planned).await?;
    // A transaction begun to read is given back before another connection is asked for.
    drop(facts);
    let incident = write(&yitu.db.request, viewer, checked, (&planned, &helpers), now).await?;
    let incident = incident.map(|i| i.for_viewer(yitu, viewer));
    let open = incident.as_ref().filter(|i| i.next_deadline_at.is_some());
    if let Some(responder) = open.and_then(|i| i.owner.responder_id) {
        yitu.indexes.dispatch.has_one_more(responder);
    }
    Ok(incident)
}

/// Reports within a transaction that others share.
///
/// # Errors
/// Problems that name the field; a failing database.
pub async fn within(
    yitu: &Yitu,
    on: &mut Request,
    viewer: &Viewer,
    checked: &Checked,
    now: DateTime<Utc>,
) -> Result<Reported, ServiceError> {
    let mut facts = Facts::within(yitu, viewer, now, on);
    let planned = plan(&mut facts, checked).await?;
    let helpers = helpers(&mut facts, checked, &planned).await?;
    let incident = write(&mut **on, viewer, checked, (&planned, &helpers), now).await?;
    // The statement that stores it lets its transaction reach every matter.
    on.as_the_asker().await?;
    if let Some(incident) = incident {
        return Ok(Reported { incident: incident.for_viewer(yitu, viewer), new: true });
    }
    let key = Key { id: checked.report.id, external: checked.report.external.clone() };
    let incident = stored(on, viewer.county_id(), &key, now).await?.ok_or_else(|| elsewhere(&key))?;
    Ok(Reported { incident: incident.for_viewer(yitu, viewer), new: false })
}

/// Nothing where the id or the number is already there.
async fn write<'c>(
    on: impl Executor<'c>,
    viewer: &Viewer,
    checked: &Checked,
    (planned, helpers): (&Planned, &[Unit]),
    now: DateTime<Utc>,
) -> Result<Option<IncidentView>, ServiceError> {
    let (report, decision) = (&checked.report, &planned.decision);
    let none = json!({});
    let reporter = report.reporter.as_ref().filter(|r| !r.is_null()).unwrap_or(&none);
    let new = new_incident(viewer, checked, planned, reporter, now);
    let steps = steps(viewer, checked, planned, now)?;
    let kept = NewDecision {
        algorithm_version: ALGORITHM_VERSION,
        rule_version: planned.inputs.rule.version,
        inputs: &as_kept(&planned.inputs)?,
        outcome: &as_kept(decision)?,
        explanation: &decision.explanation,
    };
    let helper_ids: Vec<FeatureId> = helpers.iter().map(|u| u.id).collect();
    let stored = store(on, viewer, &new, &helper_ids, &steps, &kept).await?;
    let Some(stored) = stored else { return Ok(None) };
    Ok(Some(as_stored(&new, planned, helpers, &steps, stored)))
}

/// The units that help, none where it is settled already.
async fn helpers(facts: &mut Facts<'_>, checked: &Checked, planned: &Planned) -> Result<Vec<Unit>, ServiceError> {
    let mut units: Vec<Unit> = Vec::new();
    if checked.report.resolve_on_spot.is_some() {
        return Ok(units);
    }
    for &id in &planned.decision.helper_unit_ids {
        if let Some(unit) = facts.unit(id).await?.filter(|u| units.iter().all(|known| known.id != u.id)) {
            units.push(unit);
        }
    }
    Ok(units)
}

fn new_incident<'a>(
    viewer: &'a Viewer,
    checked: &'a Checked,
    planned: &'a Planned,
    reporter: &'a Value,
    now: DateTime<Utc>,
) -> NewIncident<'a> {
    let (report, decision) = (&checked.report, &planned.decision);
    let done = report.resolve_on_spot.as_ref();
    let state = if done.is_some() { State::Closed } else { decision.state };
    NewIncident {
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
        reporter,
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
        reported_by: viewer.account_id(),
    }
}

/// Reported, dispatched and, where it is so, settled on the spot.
fn steps<'a>(
    viewer: &'a Viewer,
    checked: &'a Checked,
    planned: &'a Planned,
    now: DateTime<Utc>,
) -> Result<Vec<NewStep<'a>>, ServiceError> {
    let (id, decision) = (checked.report.id, &planned.decision);
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
        limits: Limits {
            accept_by: Some(decision.accept_by),
            resolve_by: Some(decision.resolve_by),
            next_deadline_at: Some(decision.accept_by),
            overdue_since: None,
        },
    };
    let dispatch = Happening {
        action: Action::Dispatch,
        actor: SYSTEM,
        from: Some(State::PendingDispatch),
        to: decision.state,
        unit,
        responder,
        ..report.clone()
    };
    let mut chain = Chain::default();
    let done = checked.report.resolve_on_spot.as_ref();
    // One notification tells of all of it.
    let mut steps = vec![chain.next(id, &report, false)?, chain.next(id, &dispatch, done.is_none())?];
    if let Some(done) = done {
        let closed = Happening {
            action: Action::ResolveOnSpot,
            from: Some(decision.state),
            to: State::Closed,
            unit,
            responder,
            note: &done.note,
            limits: Limits { next_deadline_at: None, ..report.limits },
            ..report
        };
        steps.push(chain.next(id, &closed, true)?);
    }
    Ok(steps)
}

/// The incident as it would be read now: nothing has to be asked for to say it.
fn as_stored(
    new: &NewIncident<'_>,
    planned: &Planned,
    helpers: &[Unit],
    steps: &[NewStep<'_>],
    stored: Stored,
) -> IncidentView {
    let decision = &planned.decision;
    let mut view = IncidentView::of(row(new, planned, stored.number), new.received_at);
    let (explanation, neighbours) = explanation_of(decision);
    view.explanation = Some(explanation);
    view.neighbours = neighbours;
    let helper = |u: &Unit| Helper { unit_id: u.id, unit_name: u.name.clone(), accept_by: None, accepted_at: None };
    view.helpers = Some(helpers.iter().map(helper).collect());
    let event = |s: &NewStep<'_>| Event {
        at: s.at,
        action: s.action.to_owned(),
        actor: s.actor.to_owned(),
        from_state: s.from_state.map(str::to_owned),
        to_state: s.to_state.to_owned(),
        note: s.note.to_owned(),
        unit_name: s.unit_id.map(|_| decision.unit.name.clone()),
    };
    view.photos = Some(Vec::new());
    view.timeline = Some(steps.iter().map(event).collect());
    view.written_at(stored.position)
}

fn row(new: &NewIncident<'_>, planned: &Planned, number: i64) -> IncidentRow {
    let (decision, category, village) = (&planned.decision, &planned.category, planned.village.as_ref());
    let settled_at = new.resolved_by.map(|_| new.received_at);
    IncidentRow {
        id: new.id,
        number,
        state: new.state.to_owned(),
        version: new.version,
        category_id: category.id,
        category: category.code.clone(),
        category_name: category.name.clone(),
        restricted: new.restricted,
        urgency: new.urgency.to_owned(),
        description: new.description.to_owned(),
        location_source: new.location_source.to_owned(),
        lon: new.point.map(|p| p.0),
        lat: new.point.map(|p| p.1),
        accuracy_m: new.accuracy_m,
        household_id: new.household_id,
        location_text: new.location_text.to_owned(),
        village_id: new.village_id,
        village_name: village.map(|v| v.name.clone()),
        grid_id: new.grid_id,
        grid_version_id: new.grid_version_id,
        grid_code: decision.grid.as_ref().map(|g| g.code.clone()).unwrap_or_default(),
        grid_name: decision.grid.as_ref().map(|g| g.name.clone()),
        unit_id: decision.unit.id,
        unit_kind: decision.unit.kind.code().to_owned(),
        unit_name: decision.unit.name.clone(),
        org_id: decision.unit.org_id,
        org_name: decision.unit.org_name.clone(),
        responder_id: new.responder_id,
        responder_name: decision.responder.as_ref().map(|p| p.name.clone()),
        provisional: new.provisional,
        accept_by: Some(new.accept_by),
        resolve_by: Some(new.resolve_by),
        next_deadline_at: new.next_deadline_at,
        reported_at: new.reported_at,
        received_at: new.received_at,
        resolved_at: settled_at,
        resolved_by: new.resolved_by.map(str::to_owned),
        closed_at: settled_at,
        on_the_spot: settled_at.is_some(),
        overdue_since: None,
        merged_into: None,
        rating: None,
        photo_missing: category.photo_needed,
        external_system: new.external.map(|e| e.0.to_owned()),
        external_no: new.external.map(|e| e.1.to_owned()),
        reported_by: new.reported_by,
    }
}
