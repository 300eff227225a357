//! What streams tell of a change of the atlas.

pub mod log;

use serde_json::{Value as Json, json};

use super::Yitu;
use super::incident::wall;
use crate::domain::viewer::{Reach, Role};
use crate::domain::{FeatureId, Layer, LogPosition, Value, Viewer};
use crate::geo::{Geometry, TileRanges};
use crate::service::seen::{Rule, reach, reach_of_told};

pub use log::{Change, ChangeLog, Touched, What};

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
    let Some(own) = own(viewer, change) else { return Vec::new() };
    let seq = change.position.to_string();
    let mut events = Vec::new();
    let is_drawn = yitu.tiles.layers.configs().get(change.layer).is_some();
    if topics.contains(&Topic::Tiles) && is_drawn && reach(viewer, change.layer) != Reach::None {
        // Nothing is told where nothing looks different.
        events.extend(
            own.tiles().map(|tiles| (Topic::Tiles, json!({"seq": seq, "layer": change.layer.name(), "tiles": tiles}))),
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

/// What of a change is a viewer's to know.
enum Own<'a> {
    All(&'a What),
    Some(Vec<&'a Touched>),
}

/// What of a change a viewer may know of; nothing where it is of nothing of theirs.
fn own<'a>(viewer: &Viewer, change: &'a Change) -> Option<Own<'a>> {
    let touched = match (reach_of_told(viewer, change.layer), &change.what) {
        (Reach::None, _) => return None,
        (Reach::Part, What::Features { touched, .. }) => touched,
        (_, what) => return Some(Own::All(what)),
    };
    let scope = viewer.scope();
    let is_linked = |t: &Touched| change.layer == Layer::Household && scope.households.contains(&t.id);
    let is_theirs = |id: &FeatureId| {
        let theirs = [&scope.grids, &scope.regions, &scope.units];
        theirs.iter().any(|ids| ids.contains(id)) || viewer.account_id() == Some(*id)
    };
    let is_own = |t: &&Touched| is_linked(t) || t.whose.iter().any(is_theirs);
    let own: Vec<&Touched> = touched.iter().filter(is_own).collect();
    (!own.is_empty()).then_some(Own::Some(own))
}

impl Own<'_> {
    /// The tiles that look different for it, as the stream tells them.
    fn tiles(&self) -> Option<Json> {
        match self {
            Self::All(What::Everything) => Some(json!("all")),
            Self::All(What::Features { tiles, .. }) => told(tiles),
            Self::Some(touched) => {
                let mut tiles = TileRanges::default();
                for one in touched {
                    // Which of many looks different where is not told apart: anything may have changed.
                    let Some(own) = &one.tiles else { return Some(json!("all")) };
                    tiles.extend(own);
                }
                tiles.join();
                told(&tiles)
            }
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
    let incidents = yitu.atlas.layer(Layer::Incident);
    let schema = incidents.schema();
    let feature = incidents.get(number).filter(|f| Rule::of_told(viewer, Layer::Incident, schema).admits(f))?;
    let value = |name: &str| feature.get(schema, name).map_or(Json::Null, Value::to_json);
    if viewer.role() == Role::Wall {
        let village = feature.get(schema, "village_id").and_then(Value::as_int);
        let at = village.and_then(|id| wall::middle(yitu, id));
        return Some(json!({
            "id": value("incident_id"), "state": value("state"), "category": value("category"),
            "category_name": value("category_name"), "village_name": value("village_name"),
            "lon": at.map(|c| c.x), "lat": at.map(|c| c.y), "reported_at": value("reported_at"),
            "next_deadline_at": value("next_deadline_at"),
        }));
    }
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
