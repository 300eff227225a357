//! Figures of a region and of the regions under it.

use std::collections::{BTreeMap, HashMap, HashSet};

use geo::BoundingRect;
use serde_json::{Value, json};

use super::{int, region, text};
use crate::db::{self, Request};
use crate::domain::{Feature, FeatureId, Layer, Viewer};
use crate::service::{ServiceError, Yitu};

/// Incident figures that are counted by village in the database.
const COUNTED: [&str; 5] = ["members", "open", "overdue", "today", "closed_30d"];

/// A region's figures, its children's, and its open matters by state and category.
///
/// # Errors
/// When the region is unknown or the database does not answer.
pub async fn summary(yitu: &Yitu, viewer: &Viewer, of: Option<FeatureId>) -> Result<Value, ServiceError> {
    let id = of.unwrap_or(viewer.county_id());
    let subject = region(yitu, id)?;
    let mut request = Request::begin(&yitu.db.request, viewer).await?;
    let counted = db::item::village_figures(&mut request).await?;
    request.finish().await?;
    let tree = Tree::read(yitu);
    let counts = Counts::read(yitu);
    let all = tree.under(id);
    let figures = |ids: &HashSet<FeatureId>| counts.figures(ids, &counted);
    let children: Vec<Value> = tree
        .children
        .get(&id)
        .into_iter()
        .flatten()
        .filter_map(|c| {
            Some(json!({"region": brief(yitu, region(yitu, *c).ok()?.as_ref()), "figures": figures(&tree.under(*c))}))
        })
        .collect();
    let (by_state, by_category) = open_by(&all, &counted);
    let position = yitu.atlas.applied();
    Ok(json!({
        "region": brief(yitu, &subject), "figures": figures(&all), "children": children,
        "by_state": by_state, "by_category": by_category,
        "seq": format!("{}.{}", position.epoch, position.snapshot.xmax.saturating_sub(1)),
    }))
}

/// Households of a region within and beyond `max_m` metres of a venue of a kind, by village and grid.
///
/// # Errors
/// When the region is unknown.
pub fn coverage(
    yitu: &Yitu,
    viewer: &Viewer,
    kind: &str,
    of: Option<FeatureId>,
    max_m: f64,
) -> Result<Value, ServiceError> {
    let id = of.unwrap_or(viewer.county_id());
    region(yitu, id)?;
    let ids = Tree::read(yitu).under(id);
    let reach = Reach::over(yitu, kind);
    let (mut by_village, mut by_grid): (Tally, Tally) = (Tally::new(), Tally::new());
    let (mut served, mut unserved) = (0_usize, 0_usize);
    let households = yitu.atlas.layer(Layer::Household);
    let schema = households.schema();
    for household in households.iter() {
        let Some(village) = int(household, schema, "village_id").filter(|v| ids.contains(v)) else { continue };
        let is_served = household.geometry.as_ref().is_some_and(|g| reach.within(g, max_m));
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
        if let Some(grid) = int(household, schema, "grid_id") {
            count(&mut by_grid, grid);
        }
    }
    drop(households);
    let named = |layer: Layer, tally: &Tally| -> Vec<Value> {
        let store = yitu.atlas.layer(layer);
        let name = |id: &FeatureId| store.get(*id).map(|f| text(f, store.schema(), "name").to_owned());
        tally.iter().map(|(id, (yes, no))| json!({"id": id, "name": name(id), "served": yes, "unserved": no})).collect()
    };
    Ok(json!({"total": served + unserved, "served": served, "unserved": unserved,
        "villages": named(Layer::Region, &by_village), "grids": named(Layer::Grid, &by_grid)}))
}

type Tally = BTreeMap<FeatureId, (usize, usize)>;

/// Venues of one kind, for "is one within so many metres".
struct Reach(rstar::RTree<[f64; 2]>);

impl Reach {
    fn over(yitu: &Yitu, kind: &str) -> Self {
        let venues = yitu.atlas.layer(Layer::Venue);
        let of_kind = venues.iter().filter(|v| text(v, venues.schema(), "kind") == kind);
        let points =
            of_kind.filter_map(|v| v.geometry.as_ref().and_then(super::point_of)).map(|c| [c.x, c.y]).collect();
        Self(rstar::RTree::bulk_load(points))
    }

    fn within(&self, from: &crate::geo::Geometry, max_m: f64) -> bool {
        let Some(at) = super::point_of(from).and_then(|c| crate::geo::LonLat::new(c.x, c.y).ok()) else { return false };
        let (mx, my) = crate::geo::measure::metres_per_degree(at.lat());
        let (dx, dy) = (max_m * 1.01 / mx, max_m * 1.01 / my);
        let around = rstar::AABB::from_corners([at.lon() - dx, at.lat() - dy], [at.lon() + dx, at.lat() + dy]);
        self.0.locate_in_envelope(&around).any(|[lon, lat]| {
            crate::geo::LonLat::new(*lon, *lat).is_ok_and(|v| crate::geo::measure::distance_m(at, v) <= max_m)
        })
    }
}

/// A region as lists and maps name it: `label` is a point inside it for its name, whatever its shape.
fn brief(yitu: &Yitu, feature: &Feature) -> Value {
    let store = yitu.atlas.layer(Layer::Region);
    let schema = store.schema();
    let bbox = feature.geometry.as_ref().and_then(BoundingRect::bounding_rect);
    let label = feature.geometry.as_ref().and_then(super::point_of);
    json!({"id": feature.id, "code": text(feature, schema, "code"), "name": text(feature, schema, "name"),
        "level": text(feature, schema, "level"), "bbox": bbox.map(|b| [b.min().x, b.min().y, b.max().x, b.max().y]),
        "label": label.map(|at| [at.x, at.y])})
}

struct Tree {
    children: HashMap<FeatureId, Vec<FeatureId>>,
}

impl Tree {
    fn read(yitu: &Yitu) -> Self {
        let store = yitu.atlas.layer(Layer::Region);
        let mut children: HashMap<FeatureId, Vec<FeatureId>> = HashMap::new();
        for feature in store.iter() {
            if let Some(parent) = int(feature, store.schema(), "parent_id") {
                children.entry(parent).or_default().push(feature.id);
            }
        }
        for list in children.values_mut() {
            list.sort_unstable();
        }
        Self { children }
    }

    /// A region and all under it.
    fn under(&self, id: FeatureId) -> HashSet<FeatureId> {
        let mut all = HashSet::from([id]);
        let mut open = vec![id];
        while let Some(at) = open.pop() {
            for child in self.children.get(&at).into_iter().flatten() {
                if all.insert(*child) {
                    open.push(*child);
                }
            }
        }
        all
    }
}

/// What the atlas counts by village.
struct Counts {
    villages: Vec<(&'static str, HashMap<FeatureId, usize>)>,
    clusters: Vec<Option<geo::Coord<f64>>>,
    regions: HashMap<FeatureId, crate::geo::Geometry>,
}

impl Counts {
    fn read(yitu: &Yitu) -> Self {
        let count = |layer: Layer, kind: Option<&str>| {
            let store = yitu.atlas.layer(layer);
            let mut by_village: HashMap<FeatureId, usize> = HashMap::new();
            for f in store.iter().filter(|f| kind.is_none_or(|k| text(f, store.schema(), "kind") == k)) {
                if let Some(village) = int(f, store.schema(), "village_id") {
                    *by_village.entry(village).or_default() += 1;
                }
            }
            by_village
        };
        let clusters =
            yitu.atlas.layer(Layer::Cluster).iter().map(|c| c.geometry.as_ref().and_then(super::point_of)).collect();
        let regions = yitu.atlas.layer(Layer::Region);
        Self {
            villages: vec![
                ("households", count(Layer::Household, None)),
                ("grids", count(Layer::Grid, Some("general"))),
                ("dedicated_grids", count(Layer::Grid, Some("dedicated"))),
                ("venues", count(Layer::Venue, None)),
            ],
            clusters,
            regions: regions.iter().filter_map(|r| Some((r.id, r.geometry.clone()?))).collect(),
        }
    }

    fn figures(&self, ids: &HashSet<FeatureId>, counted: &Value) -> Value {
        let mut figures = serde_json::Map::new();
        for (name, by_village) in &self.villages {
            let total: usize = ids.iter().filter_map(|id| by_village.get(id)).sum();
            figures.insert((*name).to_owned(), total.into());
        }
        let sum = |name: &str| ids.iter().filter_map(|id| counted[id.to_string()][name].as_u64()).sum::<u64>();
        for name in COUNTED {
            let shown = if name == "members" { name.to_owned() } else { format!("incidents_{name}") };
            figures.insert(shown, sum(name).into());
        }
        figures.insert("responders".into(), sum("responders").into());
        figures.insert("groups".into(), sum("groups").into());
        let inside = |c: &geo::Coord<f64>| {
            ids.iter().filter_map(|id| self.regions.get(id)).any(|g| crate::atlas::locate::covers(g, *c))
        };
        figures.insert("clusters".into(), self.clusters.iter().flatten().filter(|c| inside(c)).count().into());
        let closed = sum("closed_30d");
        let rate = (closed > 0).then(|| (sum("on_time_30d") as f64 / closed as f64 * 1e4).round() / 1e4);
        figures.insert("on_time_rate_30d".into(), json!(rate));
        figures.into()
    }
}

fn open_by(ids: &HashSet<FeatureId>, counted: &Value) -> (BTreeMap<String, u64>, Vec<Value>) {
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    let mut categories: BTreeMap<String, (String, u64)> = BTreeMap::new();
    for of_village in ids.iter().map(|id| &counted[id.to_string()]) {
        for (state, n) in of_village["by_state"].as_object().into_iter().flatten() {
            *states.entry(state.clone()).or_default() += n.as_u64().unwrap_or_default();
        }
        for (code, c) in of_village["by_category"].as_object().into_iter().flatten() {
            let entry = categories.entry(code.clone()).or_default();
            c["name"].as_str().unwrap_or_default().clone_into(&mut entry.0);
            entry.1 += c["open"].as_u64().unwrap_or_default();
        }
    }
    let categories =
        categories.into_iter().map(|(code, (name, open))| json!({"code": code, "name": name, "open": open}));
    (states, categories.collect())
}
