//! What lies in an area.

use std::collections::BTreeMap;
use std::sync::Arc;

use geo::{BoundingRect, Intersects};
use serde_json::{Value, json};

use super::{point_of, properties};
use crate::atlas::locate::AreaIndex;
use crate::domain::{self, Feature, Layer, Viewer};
use crate::geo::{Geometry, LonLat};
use crate::service::seen::{self, Rule};
use crate::service::{ServiceError, Yitu, off_thread};

/// Cells along the longer side of an area's index.
const CELLS: usize = 256;

/// Features of a layer that meet an area, with their number by tag (by kind where there are no tags);
/// the first `limit` by id are listed.
///
/// # Errors
/// Only when the server is stopping.
pub async fn within(
    yitu: &Yitu,
    viewer: &Viewer,
    layer: Layer,
    area: Geometry,
    limit: usize,
) -> Result<Value, ServiceError> {
    let (worker, viewer) = (yitu.clone(), viewer.clone());
    let turn = yitu.indexes.long_question().await;
    off_thread(move || (found(&worker, &viewer, layer, &area, limit), turn).0).await
}

fn found(yitu: &Yitu, viewer: &Viewer, layer: Layer, area: &Geometry, limit: usize) -> Value {
    let Some(bounds) = area.bounding_rect() else { return json!({"count": 0, "by_tag": {}, "features": []}) };
    // Whoever changes the map does not wait until the area is gone through.
    let (near, schema) = {
        let store = seen::layer(yitu, viewer, layer);
        (store.in_bbox(bounds).cloned().collect::<Vec<_>>(), store.schema().clone())
    };
    let rule = Rule::of(viewer, layer, &schema);
    // Points are most often asked for, and an area of many corners answers them soonest through an index.
    let alone = Feature { id: 0, version: 0, geometry: Some(area.clone()), values: Box::default() };
    let index = AreaIndex::with_cells(vec![Arc::new(alone)], CELLS);
    let meets = |g: &Geometry| match g {
        Geometry::Point(p) => LonLat::new(p.x(), p.y()).is_ok_and(|at| index.locate(at).is_some()),
        other => area.intersects(other),
    };
    let mut found: Vec<_> = near.into_iter().filter(|f| f.geometry.as_ref().is_some_and(meets)).collect();
    found.sort_by_key(|f| f.id);
    let mut by_tag: BTreeMap<String, usize> = BTreeMap::new();
    for feature in &found {
        match feature.get(&schema, "tags").or_else(|| feature.get(&schema, "kind")) {
            Some(domain::Value::TextList(tags)) => {
                tags.iter().for_each(|t| *by_tag.entry(t.to_string()).or_default() += 1);
            }
            Some(domain::Value::Text(kind)) => *by_tag.entry(kind.to_string()).or_default() += 1,
            _ => {}
        }
    }
    let features: Vec<Value> = found
        .iter()
        .take(limit)
        .map(|f| {
            let f = rule.shown(f, &schema);
            let at = f.geometry.as_ref().and_then(point_of);
            let mut item = properties(&f, &schema);
            item.insert("id".into(), f.id.into());
            item.insert("lon".into(), json!(at.map(|c| c.x)));
            item.insert("lat".into(), json!(at.map(|c| c.y)));
            item.into()
        })
        .collect();
    json!({"count": found.len(), "by_tag": by_tag, "features": features})
}
