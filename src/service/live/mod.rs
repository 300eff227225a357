//! What streams tell of a change of the atlas.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::Yitu;
use crate::atlas::{Change, Extent};
use crate::domain::{FeatureId, Layer, Viewer};
use crate::geo::{Bbox, Geometry, TileId};
use crate::tiles::encode::EXTENT;
use crate::tiles::shape::BUFFER;

/// More tiles than these are told as the whole layer.
const TILES_TOLD: usize = 200;

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

/// One event: its topic and its data.
pub type Event = (Topic, Json);

/// The events a change means to a viewer.
#[must_use]
pub fn events(yitu: &Yitu, _: &Viewer, change: &Change, topics: &[Topic]) -> Vec<Event> {
    let seq = change.position.to_string();
    let mut events = Vec::new();
    if topics.contains(&Topic::Tiles) && yitu.tiles.configs.get(change.layer).is_some() {
        let tiles = match &change.extent {
            Extent::Everything => None,
            Extent::Features { boxes, .. } => touched(yitu, change.layer, boxes),
        };
        let tiles =
            tiles.map_or_else(|| json!("all"), |tiles| tiles.iter().map(|t| json!([t.z(), t.x(), t.y()])).collect());
        events.push((Topic::Tiles, json!({"seq": seq, "layer": change.layer.name(), "tiles": tiles})));
    }
    if topics.contains(&Topic::Incident)
        && change.layer == Layer::Incident
        && let Extent::Features { ids, .. } = &change.extent
    {
        events.extend(ids.iter().filter_map(|id| incident(yitu, *id)).map(|data| (Topic::Incident, data)));
    }
    if topics.contains(&Topic::Summary) {
        events.push((Topic::Summary, json!({"seq": seq})));
    }
    events
}

/// Everything may have changed: for listeners who missed some.
#[must_use]
pub fn missed(yitu: &Yitu, topics: &[Topic]) -> Vec<Event> {
    let seq = yitu.atlas.applied().position().to_string();
    let mut events = Vec::new();
    if topics.contains(&Topic::Tiles) {
        let all = yitu.tiles.configs.iter();
        events.extend(all.map(|(layer, _)| (Topic::Tiles, json!({"seq": seq, "layer": layer.name(), "tiles": "all"}))));
    }
    if topics.contains(&Topic::Summary) {
        events.push((Topic::Summary, json!({"seq": seq})));
    }
    events
}

/// The layer's tiles that show any of the boxes; `None` when they are too many to name.
fn touched(yitu: &Yitu, layer: Layer, boxes: &[Bbox]) -> Option<Vec<TileId>> {
    let config = yitu.tiles.configs.get(layer)?;
    let mut tiles = BTreeSet::new();
    for z in config.minzoom..=config.maxzoom {
        // What lies within a tile's buffer is drawn by it too.
        let margin = BUFFER / f64::from(EXTENT) * 360.0 / f64::from(1_u32 << z);
        for bbox in boxes {
            let low = TileId::containing(z, bbox.min().x - margin, bbox.max().y + margin);
            let high = TileId::containing(z, bbox.max().x + margin, bbox.min().y - margin);
            let count = u64::from(high.x() - low.x() + 1) * u64::from(high.y() - low.y() + 1);
            if count > TILES_TOLD as u64 {
                return None;
            }
            let all = (low.x()..=high.x()).flat_map(|x| (low.y()..=high.y()).map(move |y| (x, y)));
            tiles.extend(all.filter_map(|(x, y)| TileId::new(z, x, y)));
            if tiles.len() > TILES_TOLD {
                return None;
            }
        }
    }
    Some(tiles.into_iter().collect())
}

/// An incident as the stream tells it; restricted ones are not in the layer.
fn incident(yitu: &Yitu, number: FeatureId) -> Option<Json> {
    let incidents = yitu.atlas.layer(Layer::Incident);
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
