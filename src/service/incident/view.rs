//! An incident as it is answered.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::check::External;
use crate::db::Request;
use crate::db::assignment::{self, HelperRow};
use crate::db::deliberation;
use crate::db::incident::{self, DecisionRow, IncidentRow, StepRow};
use crate::dispatch::{Candidate, Decision};
use crate::domain::{FeatureId, LogPosition};
use crate::service::ServiceError;
use crate::service::deliberation::view::EntryView;
use crate::service::photo::show::{self, PhotoView};

/// A grid or village by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Named {
    pub id: FeatureId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    pub name: String,
}

/// Who answers for it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Owner {
    pub org_id: FeatureId,
    pub org_name: String,
    pub unit_id: FeatureId,
    pub unit_name: String,
    pub responder_id: Option<FeatureId>,
    pub responder_name: Option<String>,
}

/// Where it is, EPSG:4490.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Where {
    pub source: String,
    pub lon: Option<f64>,
    pub lat: Option<f64>,
    pub accuracy_m: Option<f64>,
    pub household_id: Option<FeatureId>,
    pub text: Option<String>,
}

/// A unit that was asked.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Asked {
    pub unit_name: String,
    /// `chosen`, `passed`, or `helps`.
    pub outcome: String,
    pub reason: String,
}

/// A grid that came into question.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Possible {
    pub grid_id: FeatureId,
    pub code: String,
    pub name: String,
    /// 0 to 1.
    pub probability: f64,
}

/// Why it is with its owner.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Explanation {
    pub text: String,
    pub walk: Vec<Asked>,
    pub candidates: Vec<Possible>,
}

/// A unit that helps.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Helper {
    pub unit_id: FeatureId,
    pub unit_name: String,
    /// To sign in by, where it was called.
    pub accept_by: Option<DateTime<Utc>>,
    pub accepted_at: Option<DateTime<Utc>>,
}

impl From<HelperRow> for Helper {
    fn from(h: HelperRow) -> Self {
        Self { unit_id: h.unit_id, unit_name: h.unit_name, accept_by: h.accept_by, accepted_at: h.accepted_at }
    }
}

/// One thing that happened to it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Event {
    pub at: DateTime<Utc>,
    pub action: String,
    pub actor: String,
    pub from_state: Option<String>,
    pub to_state: String,
    pub note: String,
    pub unit_name: Option<String>,
}

/// An incident.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs, clippy::struct_excessive_bools)] // named as in the interface
pub struct IncidentView {
    pub id: Uuid,
    pub number: i64,
    pub state: String,
    pub version: i32,
    /// Position of the write in the change log; only where something was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<String>,
    pub category: String,
    pub category_name: String,
    pub restricted: bool,
    pub urgency: String,
    pub description: String,
    pub location: Where,
    pub village: Option<Named>,
    pub grid: Option<Named>,
    pub owner: Owner,
    /// The grid is a guess that its owner confirms.
    pub provisional: bool,
    pub neighbours: Vec<Possible>,
    pub reported_at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub accept_by: Option<DateTime<Utc>>,
    pub resolve_by: Option<DateTime<Utc>>,
    pub next_deadline_at: Option<DateTime<Utc>>,
    pub overdue: bool,
    pub resolved_at: Option<DateTime<Utc>>,
    pub resolved_by: Option<String>,
    pub closed_at: Option<DateTime<Utc>>,
    pub on_the_spot: bool,
    /// Its category wants a photo and there is none yet; nothing waits for it.
    pub photo_missing: bool,
    /// The incident that answers for it, where it was merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<Uuid>,
    /// How well the reporter found it done, 1 to 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<i16>,
    /// What the system it comes from calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
    /// Who helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helpers: Option<Vec<Helper>>,
    /// Its photos that are ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photos: Option<Vec<PhotoView>>,
    /// Where it stands or last stood on an agenda.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliberation: Option<EntryView>,
    /// What the asker may do next.
    pub actions: Vec<String>,
    /// The account that reported it.
    #[serde(skip)]
    pub reported_by: Option<FeatureId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Vec<Event>>,
}

impl IncidentView {
    /// From its row, as seen at an instant.
    #[must_use]
    pub fn of(row: IncidentRow, now: DateTime<Utc>) -> Self {
        use crate::domain::incident::{State, allowed_of};
        let actions = State::from_code(&row.state).map(|s| allowed_of(s, row.on_the_spot)).unwrap_or_default();
        let overdue = row.is_overdue(now);
        Self {
            actions: actions.iter().map(|a| a.code().to_owned()).collect(),
            village: row.village_id.zip(row.village_name).map(|(id, name)| Named { id, code: None, name }),
            grid: row.grid_id.zip(row.grid_name).map(|(id, name)| Named { id, code: Some(row.grid_code), name }),
            owner: Owner {
                org_id: row.org_id,
                org_name: row.org_name,
                unit_id: row.unit_id,
                unit_name: row.unit_name,
                responder_id: row.responder_id,
                responder_name: row.responder_name,
            },
            location: Where {
                source: row.location_source,
                lon: row.lon,
                lat: row.lat,
                accuracy_m: row.accuracy_m,
                household_id: row.household_id,
                text: Some(row.location_text).filter(|t| !t.is_empty()),
            },
            overdue,
            merged_into: row.merged_into,
            rating: row.rating,
            external: row.external_system.zip(row.external_no).map(|(system, no)| External { system, no }),
            reported_by: row.reported_by,
            helpers: None,
            photos: None,
            photo_missing: row.photo_missing,
            deliberation: None,
            id: row.id,
            number: row.number,
            state: row.state,
            version: row.version,
            seq: None,
            category: row.category,
            category_name: row.category_name,
            restricted: row.restricted,
            urgency: row.urgency,
            description: row.description,
            provisional: row.provisional,
            neighbours: Vec::new(),
            reported_at: row.reported_at,
            received_at: row.received_at,
            accept_by: row.accept_by,
            resolve_by: row.resolve_by,
            next_deadline_at: row.next_deadline_at,
            resolved_at: row.resolved_at,
            resolved_by: row.resolved_by,
            closed_at: row.closed_at,
            on_the_spot: row.on_the_spot,
            explanation: None,
            timeline: None,
        }
    }

    /// The same with the position of the write that made it.
    #[must_use]
    pub fn written_at(mut self, seq: LogPosition) -> Self {
        self.seq = Some(seq.to_string());
        self
    }

    /// The same with why it is where it is.
    #[must_use]
    pub fn explained(mut self, decision: Option<DecisionRow>) -> Self {
        if let Some(d) = decision {
            let (explanation, neighbours) = explanation(d.explanation, d.outcome);
            self.explanation = Some(explanation);
            self.neighbours = neighbours;
        }
        self
    }
}

/// An incident with its explanation and timeline, or nothing.
///
/// # Errors
/// When the database fails.
pub async fn whole(
    on: &mut Request,
    county: FeatureId,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<IncidentView>, ServiceError> {
    let Some(row) = incident::find(on, county, id).await? else { return Ok(None) };
    let mut view = IncidentView::of(row, now).explained(incident::decision(on, county, id).await?);
    view.helpers = Some(assignment::helpers(on, county, &[id]).await?.into_iter().map(Helper::from).collect());
    view.photos = Some(show::ready(on, county, id).await?);
    view.deliberation = deliberation::latest(on, county, id).await?.map(EntryView::from);
    view.timeline = Some(incident::timeline(on, county, id).await?.into_iter().map(event).collect());
    Ok(Some(view))
}

/// From a step as stored.
#[must_use]
pub fn event(s: StepRow) -> Event {
    Event {
        at: s.at,
        action: s.action,
        actor: s.actor,
        from_state: s.from_state,
        to_state: s.to_state,
        note: s.note,
        unit_name: s.unit_name,
    }
}

/// The answer's words from a decision just made.
#[must_use]
pub fn explanation_of(decision: &Decision) -> (Explanation, Vec<Possible>) {
    let possible = |c: &Candidate| Possible {
        grid_id: c.grid_id,
        code: c.code.clone(),
        name: c.name.clone(),
        probability: c.probability,
    };
    let walk = decision.walk.iter().map(|s| Asked {
        unit_name: s.unit_name.clone(),
        outcome: s.outcome.clone(),
        reason: s.reason.clone(),
    });
    let neighbours: Vec<Possible> = decision.neighbours.iter().map(possible).collect();
    let candidates = decision.grid.iter().map(possible).chain(neighbours.iter().cloned()).collect();
    (Explanation { text: decision.explanation.clone(), walk: walk.collect(), candidates }, neighbours)
}

/// From a stored outcome; one of another algorithm's may hold less.
fn explanation(text: String, outcome: Value) -> (Explanation, Vec<Possible>) {
    match serde_json::from_value::<Decision>(outcome) {
        Ok(decision) => explanation_of(&Decision { explanation: text, ..decision }),
        Err(_) => (Explanation { text, ..Explanation::default() }, Vec::new()),
    }
}
