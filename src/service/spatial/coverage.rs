//! Which households have a venue within reach.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::near::nearest_in;
use super::summary::Tree;
use super::{int, point_of, region, text};
use crate::atlas::LayerStore;
use crate::domain::{FeatureId, Layer, Problem, Viewer};
use crate::geo::LonLat;
use crate::service::ogc::words::codes;
use crate::service::{ServiceError, Yitu, off_thread, seen};

/// Served and unserved households by village or grid.
type Tally = BTreeMap<FeatureId, (usize, usize)>;

/// Households of a region within and beyond `max_m` metres of a venue of a kind, as the crow flies, by village and grid.
///
/// # Errors
/// When the region or the kind of venue is unknown.
pub async fn coverage(
    yitu: &Yitu,
    viewer: &Viewer,
    kind: String,
    of: Option<FeatureId>,
    max_m: f64,
) -> Result<Value, ServiceError> {
    let id = of.unwrap_or(viewer.county_id());
    region(yitu, id)?;
    venue_kind(&kind)?;
    let (worker, viewer) = (yitu.clone(), viewer.clone());
    let turn = yitu.indexes.long_question().await;
    off_thread(move || (tally(&worker, &viewer, id, &kind, max_m), turn).0).await
}

fn venue_kind(kind: &str) -> Result<(), Problem> {
    let all: Vec<&str> = codes(Layer::Venue, "kind").into_iter().flatten().map(|(code, _)| code).collect();
    if all.contains(&kind) {
        return Ok(());
    }
    let all = all.join("、");
    Err(Problem::bad_field(
        "venue_kind",
        format!("没有 {kind} 这种阵地,可用:{all}。"),
        format!("There is no kind of venue {kind}; there are {all}."),
    ))
}

fn tally(yitu: &Yitu, viewer: &Viewer, of: FeatureId, kind: &str, max_m: f64) -> Value {
    let ids = Tree::read(yitu).under(of);
    let venues = of_kind(&yitu.atlas.layer(Layer::Venue), kind);
    let (mut by_village, mut by_grid): (Tally, Tally) = (Tally::new(), Tally::new());
    let (mut served, mut unserved) = (0_usize, 0_usize);
    // Whoever changes the map does not wait until all are counted.
    let (households, schema) = {
        let store = seen::layer(yitu, viewer, Layer::Household);
        (store.iter().cloned().collect::<Vec<_>>(), store.schema().clone())
    };
    for household in &households {
        let Some(village) = int(household, &schema, "village_id").filter(|v| ids.contains(v)) else { continue };
        let at = household.geometry.as_ref().and_then(point_of).and_then(|c| LonLat::new(c.x, c.y).ok());
        let is_served = at.is_some_and(|at| !nearest_in(&venues, at, max_m, 1).is_empty());
        if is_served {
            served += 1;
        } else {
            unserved += 1;
        }
        let count = |tally: &mut Tally, key: FeatureId| {
            let (yes, no) = tally.entry(key).or_default();
            if is_served { *yes += 1 } else { *no += 1 }
        };
        count(&mut by_village, village);
        if let Some(grid) = int(household, &schema, "grid_id") {
            count(&mut by_grid, grid);
        }
    }
    let named = |layer: Layer, tally: &Tally| -> Vec<Value> {
        let store = yitu.atlas.layer(layer);
        let name = |id: &FeatureId| store.get(*id).map(|f| text(f, store.schema(), "name").to_owned());
        tally.iter().map(|(id, (yes, no))| json!({"id": id, "name": name(id), "served": yes, "unserved": no})).collect()
    };
    json!({"total": served + unserved, "served": served, "unserved": unserved,
        "villages": named(Layer::Region, &by_village), "grids": named(Layer::Grid, &by_grid)})
}

/// The venues of one kind, with their own tree.
fn of_kind(venues: &LayerStore, kind: &str) -> LayerStore {
    let schema = venues.schema();
    let found = venues.iter().filter(|v| text(v, schema, "kind") == kind);
    LayerStore::load(schema.clone(), found.map(|v| v.as_ref().clone()).collect())
}
