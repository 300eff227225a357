//! The map in memory as a viewer may see it: whoever answers a question of somebody reads it through here.

use std::sync::Arc;

use geo::Coord;
use parking_lot::RwLockReadGuard;

use super::Yitu;
use super::spatial::int;
use crate::access::sight::{HouseholdPlace, MatterPlace, of_household, of_matter};
use crate::atlas::LayerStore;
use crate::domain::viewer::{Reach, Sight};
use crate::domain::{Feature, FeatureId, Layer, Schema, Viewer};
use crate::geo::Bbox;

/// A layer for one viewer. Hold it briefly and never across an await.
pub struct Seen<'a> {
    store: RwLockReadGuard<'a, LayerStore>,
    rule: Rule<'a>,
}

/// Which features of a layer a viewer may know of.
#[derive(Clone, Copy)]
pub enum Rule<'a> {
    /// All.
    All,
    /// None.
    None,
    /// Households in their scope.
    Households(&'a Viewer),
    /// Matters in their scope, or that they have a part in.
    Matters(&'a Viewer),
}

impl<'a> Rule<'a> {
    /// The rule of a layer for a viewer.
    #[must_use]
    pub fn of(viewer: &'a Viewer, layer: Layer) -> Self {
        let (reach, part) = match layer {
            Layer::Household => (viewer.reach_of_people(), Self::Households(viewer)),
            Layer::Incident => (viewer.reach_of_matters(), Self::Matters(viewer)),
            _ => return Self::All,
        };
        match reach {
            // What is restricted is in no layer.
            Reach::Every | Reach::All => Self::All,
            Reach::Part => part,
            Reach::None => Self::None,
        }
    }

    /// Whether it lets a feature of its layer through.
    #[must_use]
    pub fn admits(self, feature: &Feature, schema: &Schema) -> bool {
        let id = |name: &str| int(feature, schema, name);
        match self {
            Self::All => true,
            Self::None => false,
            Self::Households(viewer) => {
                let at = HouseholdPlace { id: feature.id, grid: id("grid_id"), village: id("village_id") };
                of_household(viewer, at) > Sight::Nothing
            }
            Self::Matters(viewer) => {
                let at = MatterPlace { grid: id("grid_id"), village: id("village_id"), ..MatterPlace::default() };
                of_matter(viewer, at) || viewer.scope().matters.contains(&feature.id)
            }
        }
    }
}

/// A layer as a viewer may see it.
#[must_use]
pub fn layer<'a>(yitu: &'a Yitu, viewer: &'a Viewer, layer: Layer) -> Seen<'a> {
    Seen { store: yitu.atlas.layer(layer), rule: Rule::of(viewer, layer) }
}

impl Seen<'_> {
    /// The property names.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        self.store.schema()
    }

    fn admits(&self, feature: &Feature) -> bool {
        self.rule.admits(feature, self.store.schema())
    }

    /// One feature.
    #[must_use]
    pub fn get(&self, id: FeatureId) -> Option<&Arc<Feature>> {
        self.store.get(id).filter(|f| self.admits(f))
    }

    /// All features, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Feature>> {
        self.store.iter().filter(|f| self.admits(f))
    }

    /// Features whose box meets `bbox` (degrees), in no order.
    pub fn in_bbox(&self, bbox: Bbox) -> impl Iterator<Item = &Arc<Feature>> {
        self.store.in_bbox(bbox).filter(|f| self.admits(f))
    }

    /// Features by the distance of their boxes from a point, the nearest first, each with that distance, degrees.
    pub fn by_distance(&self, from: Coord<f64>) -> impl Iterator<Item = (f64, &Arc<Feature>)> {
        self.store.by_distance(from).filter(|(_, f)| self.admits(f))
    }
}
