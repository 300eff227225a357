//! What streams tell of a change of the atlas.

pub mod log;

use serde_json::{Value as Json, json};

use super::{Yitu, seen};
use crate::domain::{FeatureId, Layer, LogPosition, Viewer};
use crate::geo::{Geometry, TileRanges};
use crate::service::seen::Rule;

pub use log::{Change, ChangeLog, What};

/// More ranges of tiles than these are told as the whole layer.
const RANGES_TOLD: usize = 200;

/// What a listener wants to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Tiles that changed.
    Tiles,
    /// Incidents that came, moved or changed.
    Incident,
    /// Figures that may have changed.
    Summary,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tiles, Self::Incident, Self::Summary];

    /// Its name in the stream.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tiles => "tiles",
            Self::Incident => "incident",
            Self::Summary => "summary",
        }
    }
}

/// One event of a stream.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its topic.
    pub topic: Topic,
    /// Its data.
    pub data: Json,
    /// What the listener says it has heard when it comes back.
    pub id: LogPosition,
}

/// The events of all that a viewer may have missed who heard everything up to `settled`.
#[must_use]
pub fn missed_since(yitu: &Yitu, viewer: &Viewer, settled: Option<LogPosition>, topics: &[Topic]) -> Vec<Event> {
    match settled.and_then(|settled| yitu.changes.since(settled)) {
        Some(changes) => changes.iter().flat_map(|change| events(yitu, viewer, change, topics)).collect(),
        None => missed(yitu, topics),
    }
}

/// The events a change means to a viewer.
#[must_use]
pub fn events(yitu: &Yitu, viewer: &Viewer, change: &Change, topics: &[Topic]) -> Vec<Event> {
    if !concerns(viewer, change) {
        return Vec::new();
    }
    let seq = change.position.to_string();
    let mut events = Vec::new();
    if topics.contains(&Topic::Tiles) && yitu.tiles.layers.configs().get(change.layer).is_some() {
        let tiles = match &change.what {
            What::Everything => Some(json!("all")),
            What::Features { tiles, .. } => told(tiles),
        };
        // Nothing is told where nothing looks different.
        events.extend(
            tiles.map(|tiles| (Topic::Tiles, json!({"seq": seq, "layer": change.layer.name(), "tiles": tiles}))),
        );
    }
    if topics.contains(&Topic::Incident)
        && change.layer == Layer::Incident
        && let What::Features { ids, .. } = &change.what
    {
        events.extend(ids.iter().filter_map(|id| incident(yitu, viewer, *id)).map(|data| (Topic::Incident, data)));
    }
    if topics.contains(&Topic::Summary) {
        events.push((Topic::Summary, json!({"seq": seq})));
    }
    events.into_iter().map(|(topic, data)| Event { topic, data, id: change.settled }).collect()
}

/// Whether a change is of anything a viewer may know of.
fn concerns(viewer: &Viewer, change: &Change) -> bool {
    let scope = viewer.scope();
    match (Rule::of(viewer, change.layer), &change.what) {
        (Rule::None, _) => false,
        (Rule::All, _) | (_, What::Everything) => true,
        (_, What::Features { ids, grids, .. }) => {
            let own = if change.layer == Layer::Household { &scope.households } else { &scope.matters };
            grids.iter().any(|grid| scope.grids.contains(grid)) || ids.iter().any(|id| own.contains(id))
        }
    }
}

/// Everything may have changed: for listeners who missed some.
#[must_use]
pub fn missed(yitu: &Yitu, topics: &[Topic]) -> Vec<Event> {
    let applied = yitu.atlas.applied();
    let (seq, id) = (applied.position().to_string(), applied.settled());
    let mut events = Vec::new();
    if topics.contains(&Topic::Tiles) {
        let configs = yitu.tiles.layers.configs();
        let all = configs.iter();
        events.extend(all.map(|(layer, _)| (Topic::Tiles, json!({"seq": seq, "layer": layer.name(), "tiles": "all"}))));
    }
    if topics.contains(&Topic::Summary) {
        events.push((Topic::Summary, json!({"seq": seq})));
    }
    events.into_iter().map(|(topic, data)| Event { topic, data, id }).collect()
}

/// Tiles as the stream tells them: `[zoom, first column, first row, last column, last row]`, or `all` when they are
/// too many to name; nothing for none.
fn told(tiles: &TileRanges) -> Option<Json> {
    let ranges = tiles.ranges();
    if ranges.len() > RANGES_TOLD {
        return Some(json!("all"));
    }
    (!ranges.is_empty()).then(|| ranges.iter().map(|r| json!([r.z, r.x_min, r.y_min, r.x_max, r.y_max])).collect())
}

/// An incident as the stream tells it; restricted ones are not in the layer.
fn incident(yitu: &Yitu, viewer: &Viewer, number: FeatureId) -> Option<Json> {
    let incidents = seen::layer(yitu, viewer, Layer::Incident);
    let feature = incidents.get(number)?;
    let value = |name: &str| {
        feature.get(incidents.schema(), name).map_or(Json::Null, super::super::domain::feature::Value::to_json)
    };
    let (lon, lat) = match &feature.geometry {
        Some(Geometry::Point(p)) => (json!(p.x()), json!(p.y())),
        _ => (Json::Null, Json::Null),
    };
    Some(json!({
        "id": value("incident_id"), "number": number, "state": value("state"), "category": value("category"),
        "category_name": value("category_name"), "urgency": value("urgency"), "village_name": value("village_name"),
        "grid_id": value("grid_id"), "lon": lon, "lat": lat, "reported_at": value("reported_at"),
        "next_deadline_at": value("next_deadline_at"), "version": feature.version, "restricted": false,
    }))
}
