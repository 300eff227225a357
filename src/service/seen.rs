//! The map in memory as a viewer may see it: whoever answers a question of somebody reads it through here.

use std::ops::Deref;
use std::sync::Arc;

use geo::Coord;
use parking_lot::RwLockReadGuard;

use super::Yitu;
use crate::access::mask::{hidden, masked};
use crate::access::sight::{HouseholdPlace, MatterPlace, of_household, of_matter};
use crate::atlas::LayerStore;
use crate::domain::viewer::{Reach, Role, Sight};
use crate::domain::{Feature, FeatureId, Layer, Schema, Value, Viewer};
use crate::geo::Bbox;

/// A layer for one viewer. Hold it briefly and never across an await.
pub struct Seen<'a> {
    store: RwLockReadGuard<'a, LayerStore>,
    rule: Rule<'a>,
}

/// Which features of a layer a viewer may know of, and how much of each.
#[derive(Clone, Copy)]
pub struct Rule<'a> {
    viewer: &'a Viewer,
    layer: Layer,
    reach: Reach,
    /// Where a feature's grid and village are stored.
    grid: Option<usize>,
    village: Option<usize>,
    known_to: Option<usize>,
}

/// How far what a viewer is shown of a layer reaches, before its features are looked at.
#[must_use]
pub fn reach(viewer: &Viewer, layer: Layer) -> Reach {
    // A wall is told of matters by what they are and in which village, never by the point; and of nobody by name.
    if viewer.role() == Role::Wall && matches!(layer, Layer::Incident | Layer::Responder) {
        return Reach::None;
    }
    reach_of_told(viewer, layer)
}

/// The same where no more is told than a wall may know.
#[must_use]
pub fn reach_of_told(viewer: &Viewer, layer: Layer) -> Reach {
    match layer {
        Layer::Household if viewer.role() != Role::System => viewer.reach_of_people(),
        Layer::Incident => viewer.reach_of_matters(),
        _ => Reach::Every,
    }
}

/// A feature as far as a viewer may read it.
pub enum Shown<'a> {
    /// As it is.
    Whole(&'a Feature),
    /// With names and addresses masked.
    Masked(Box<Feature>),
}

impl Deref for Shown<'_> {
    type Target = Feature;
    fn deref(&self) -> &Feature {
        match self {
            Self::Whole(feature) => feature,
            Self::Masked(feature) => feature,
        }
    }
}

impl<'a> Rule<'a> {
    /// The rule of a layer for a viewer.
    #[must_use]
    pub fn of(viewer: &'a Viewer, layer: Layer, schema: &Schema) -> Self {
        Self::within(reach(viewer, layer), viewer, layer, schema)
    }

    /// The same where no more is told than a wall may know.
    #[must_use]
    pub fn of_told(viewer: &'a Viewer, layer: Layer, schema: &Schema) -> Self {
        Self::within(reach_of_told(viewer, layer), viewer, layer, schema)
    }

    fn within(reach: Reach, viewer: &'a Viewer, layer: Layer, schema: &Schema) -> Self {
        let (grid, village) = (schema.position("grid_id"), schema.position("village_id"));
        Self { viewer, layer, reach, grid, village, known_to: schema.known_to() }
    }

    /// How much of a feature of its layer may be known.
    #[must_use]
    pub fn sight(self, feature: &Feature) -> Sight {
        let id = |at: Option<usize>| feature.values.get(at?)?.as_int();
        match (self.reach, self.layer) {
            (Reach::Every, _) => Sight::Full,
            (Reach::None, _) => Sight::Nothing,
            (_, Layer::Household) => {
                let at = HouseholdPlace { id: feature.id, grid: id(self.grid), village: id(self.village) };
                of_household(self.viewer, at)
            }
            (Reach::All, _) => Sight::Full,
            (Reach::Part, _) => {
                let known_to = self.known_to.and_then(|at| feature.values.get(at)).map_or(&[][..], Value::as_ids);
                let at = MatterPlace {
                    // What is restricted is in no layer.
                    restricted: false,
                    grid: id(self.grid),
                    village: id(self.village),
                    // An id is one thing's alone.
                    units: known_to,
                    reported_by: self.viewer.account_id().filter(|account| known_to.contains(account)),
                };
                if of_matter(self.viewer, at) { Sight::Full } else { Sight::Nothing }
            }
        }
    }

    /// Whether it lets a feature of its layer through.
    #[must_use]
    pub fn admits(self, feature: &Feature) -> bool {
        self.sight(feature) > Sight::Nothing
    }

    /// A feature it lets through, as it may be read.
    #[must_use]
    pub fn shown<'f>(self, feature: &'f Feature, schema: &Schema) -> Shown<'f> {
        if self.sight(feature) == Sight::Full {
            return Shown::Whole(feature);
        }
        Shown::Masked(Box::new(veiled(self.layer, feature, schema)))
    }
}

/// A feature with what is hidden of its layer masked.
#[must_use]
pub fn veiled(layer: Layer, feature: &Feature, schema: &Schema) -> Feature {
    let mut feature = feature.clone();
    for name in hidden(layer) {
        if let Some(at) = schema.position(name) {
            feature.values[at] = masked(name, &feature.values[at]);
        }
    }
    feature
}

/// A layer as a viewer may see it.
#[must_use]
pub fn layer<'a>(yitu: &'a Yitu, viewer: &'a Viewer, layer: Layer) -> Seen<'a> {
    let store = yitu.atlas.layer(layer);
    let rule = Rule::of(viewer, layer, store.schema());
    Seen { store, rule }
}

/// How much of a household a viewer may know; nothing of one that is not on the map.
#[must_use]
pub fn household(yitu: &Yitu, viewer: &Viewer, id: FeatureId) -> Sight {
    let households = layer(yitu, viewer, Layer::Household);
    households.store.get(id).map_or(Sight::Nothing, |f| households.rule.sight(f))
}

impl Seen<'_> {
    /// The property names.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        self.store.schema()
    }

    /// A feature by its id. What is hidden of it is not hidden yet.
    #[must_use]
    pub fn get(&self, id: FeatureId) -> Option<&Arc<Feature>> {
        self.store.get(id).filter(|f| self.rule.admits(f))
    }

    /// All features, in no order. What is hidden of them is not hidden yet.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Feature>> {
        self.store.iter().filter(|f| self.rule.admits(f))
    }

    /// Features whose box meets `bbox` (degrees), in no order. What is hidden of them is not hidden yet.
    pub fn in_bbox(&self, bbox: Bbox) -> impl Iterator<Item = &Arc<Feature>> {
        self.store.in_bbox(bbox).filter(|f| self.rule.admits(f))
    }

    /// Features by the distance of their boxes from a point, the nearest first, each with that distance, degrees. What is
    /// hidden of them is not hidden yet.
    pub fn by_distance(&self, from: Coord<f64>) -> impl Iterator<Item = (f64, &Arc<Feature>)> {
        self.store.by_distance(from).filter(|(_, f)| self.rule.admits(f))
    }

    /// A feature of these as it may be read.
    #[must_use]
    pub fn shown<'f>(&self, feature: &'f Feature) -> Shown<'f> {
        self.rule.shown(feature, self.schema())
    }
}
