//! A matter on an agenda as it is answered.

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::deliberation::{EntryRow, VenueRow};
use crate::domain::lunar::spoken;
use crate::domain::{FeatureId, LogPosition};
use crate::service::incident::view::Named;

/// What is told of a matter to those who may not know of it: that its place on the agenda is taken.
const HIDDEN_TOPIC: &str = "(不便公开的事项)";

/// Where people deliberate.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct DeliberationVenue {
    pub id: FeatureId,
    pub name: String,
    /// `pavilion`, `corridor` or `courtyard`.
    pub kind: String,
}

/// An incident on an agenda.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct DeliberatedIncident {
    pub id: Uuid,
    pub number: i64,
}

/// A matter on an agenda.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct EntryView {
    pub id: FeatureId,
    pub venue: DeliberationVenue,
    pub village: Named,
    pub day: NaiveDate,
    /// The day as people say it, such as 农历十月十五.
    pub lunar: String,
    pub agenda_no: i32,
    /// What it is about; of an incident that is not the reader's to know of, only that.
    pub topic: String,
    /// The incident it is about, where it is about one that the reader may know of.
    pub incident: Option<DeliberatedIncident>,
    /// `waiting`, `agreed`, `not_agreed`, `carried_over` or `withdrawn`.
    pub outcome: String,
    /// What was resolved; nothing of an incident that is not the reader's to know of.
    pub resolution: String,
    /// The entry it was carried over from.
    pub carried_over_from: Option<FeatureId>,
    pub carried_over_count: i32,
    pub version: i32,
    /// Position of the write in the change log; only where something was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<String>,
}

impl EntryView {
    /// The same with the position of the write that made it.
    #[must_use]
    pub fn written_at(mut self, seq: LogPosition) -> Self {
        self.seq = Some(seq.to_string());
        self
    }
}

impl From<EntryRow> for EntryView {
    fn from(e: EntryRow) -> Self {
        let is_hidden = e.incident_id.is_some() && e.incident_number.is_none();
        let (topic, resolution) =
            if is_hidden { (HIDDEN_TOPIC.to_owned(), String::new()) } else { (e.topic, e.resolution) };
        Self {
            id: e.id,
            venue: DeliberationVenue { id: e.venue_id, name: e.venue_name, kind: e.venue_kind },
            village: Named { id: e.village_id, code: None, name: e.village_name },
            lunar: spoken(e.day),
            day: e.day,
            agenda_no: e.agenda_no,
            topic,
            incident: e.incident_id.zip(e.incident_number).map(|(id, number)| DeliberatedIncident { id, number }),
            outcome: e.outcome,
            resolution,
            carried_over_from: e.carried_over_from,
            carried_over_count: e.carried_over_count,
            version: e.version,
            seq: None,
        }
    }
}

impl From<VenueRow> for DeliberationVenue {
    fn from(v: VenueRow) -> Self {
        Self { id: v.id, name: v.name, kind: v.kind }
    }
}
