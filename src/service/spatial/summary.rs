//! Figures of a region and of the regions under it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use geo::BoundingRect;
use serde_json::{Value, json};

use super::published::{Count, Published, published};
use super::{int, point_of, region, text, village_index};
use crate::db::{self, Request};
use crate::domain::viewer::Reach;
use crate::domain::{Feature, FeatureId, Layer, Viewer};
use crate::geo::LonLat;
use crate::service::{ServiceError, Yitu, off_thread};

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
    let counted = db::item::village_figures(&mut request, yitu.clock.now()).await?;
    request.finish().await?;
    let published = published(yitu, viewer.county_id()).await?;
    let (worker, viewer) = (yitu.clone(), viewer.clone());
    off_thread(move || figures(&worker, &viewer, id, &subject, (&counted, &published))).await
}

fn figures(
    yitu: &Yitu,
    viewer: &Viewer,
    id: FeatureId,
    subject: &Feature,
    (counted, published): (&Value, &Published),
) -> Value {
    let position = yitu.atlas.applied().position();
    let tree = Tree::read(yitu);
    let counts = Counts::read(yitu);
    let of = |id: FeatureId, all: &HashSet<FeatureId>| counts.figures(viewer, all, counted, published.of(id));
    let all = tree.under(id);
    let children = tree.children.get(&id).into_iter().flatten().filter_map(|&child| {
        let region: Arc<Feature> = region(yitu, child).ok()?;
        Some(json!({"region": brief(yitu, &region), "figures": of(child, &tree.under(child))}))
    });
    let children: Vec<Value> = children.collect();
    let (by_state, by_category) = open_by(&all, counted);
    json!({"region": brief(yitu, subject), "figures": of(id, &all), "children": children,
        "by_state": by_state, "by_category": by_category, "seq": position.to_string()})
}

/// A region as lists and maps name it: `label` is a point inside it for its name, whatever its shape.
fn brief(yitu: &Yitu, feature: &Feature) -> Value {
    let store = yitu.atlas.layer(Layer::Region);
    let schema = store.schema();
    let bbox = feature.geometry.as_ref().and_then(BoundingRect::bounding_rect);
    let label = feature.geometry.as_ref().and_then(point_of);
    json!({"id": feature.id, "code": text(feature, schema, "code"), "name": text(feature, schema, "name"),
        "level": text(feature, schema, "level"), "bbox": bbox.map(|b| [b.min().x, b.min().y, b.max().x, b.max().y]),
        "label": label.map(|at| [at.x, at.y])})
}

/// Which regions lie right under which.
#[derive(Debug, Default)]
pub struct Tree {
    children: HashMap<FeatureId, Vec<FeatureId>>,
}

impl Tree {
    /// From the regions under each.
    #[must_use]
    pub fn of(children: impl IntoIterator<Item = (FeatureId, Vec<FeatureId>)>) -> Self {
        Self { children: children.into_iter().collect() }
    }

    /// The regions right under one, by id.
    #[must_use]
    pub fn children(&self, of: FeatureId) -> &[FeatureId] {
        self.children.get(&of).map_or(&[], Vec::as_slice)
    }

    /// As the map has it.
    #[must_use]
    pub fn read(yitu: &Yitu) -> Self {
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
    #[must_use]
    pub fn under(&self, id: FeatureId) -> HashSet<FeatureId> {
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
    /// The village in the middle of each.
    clusters: Vec<FeatureId>,
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
        let villages = village_index(yitu);
        let clusters = yitu.atlas.layer(Layer::Cluster);
        let middle = |c: &Feature| {
            let at = point_of(c.geometry.as_ref()?)?;
            villages.locate(LonLat::new(at.x, at.y).ok()?).map(|v| v.id)
        };
        Self {
            villages: vec![
                ("households", count(Layer::Household, None)),
                ("grids", count(Layer::Grid, Some("general"))),
                ("dedicated_grids", count(Layer::Grid, Some("dedicated"))),
                ("venues", count(Layer::Venue, None)),
            ],
            clusters: clusters.iter().filter_map(|c| middle(c)).collect(),
        }
    }

    /// Of whose households the viewer may not know one by one, the published number stands.
    fn figures(&self, viewer: &Viewer, ids: &HashSet<FeatureId>, counted: &Value, published: Option<Count>) -> Value {
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
        if !knows_households_of(viewer, ids) {
            figures.insert("households".into(), json!(published.map(|c| c.households)));
            figures.insert("members".into(), json!(published.map(|c| c.members)));
        }
        figures.insert("responders".into(), sum("responders").into());
        figures.insert("groups".into(), sum("groups").into());
        figures.insert("clusters".into(), self.clusters.iter().filter(|village| ids.contains(village)).count().into());
        let closed = sum("closed_30d");
        let rate = (closed > 0).then(|| (sum("on_time_30d") as f64 / closed as f64 * 1e4).round() / 1e4);
        figures.insert("on_time_rate_30d".into(), json!(rate));
        figures.into()
    }
}

/// Whether all households of some regions are a viewer's to know of.
fn knows_households_of(viewer: &Viewer, ids: &HashSet<FeatureId>) -> bool {
    match viewer.reach_of_people() {
        Reach::Every | Reach::All => true,
        Reach::Part => ids.iter().all(|id| viewer.scope().regions.contains(id)),
        Reach::None => false,
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
