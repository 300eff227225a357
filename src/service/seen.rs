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
use crate::domain::{Feature, FeatureId, Layer, Schema, Viewer};
use crate::geo::Bbox;

/// A layer for one viewer. Hold it briefly and never across an await.
pub struct Seen<'a> {
    store: RwLockReadGuard<'a, LayerStore>,
    rule: Rule<'a>,
}

/// Which features of a layer a viewer may know of, and how much of each.
#[derive(Clone, Copy)]
pub struct Rule<'a> {
    layer: Layer,
    whose: Whose<'a>,
    /// Where a feature's grid and village are stored.
    grid: Option<usize>,
    village: Option<usize>,
}

#[derive(Clone, Copy)]
enum Whose<'a> {
    Everybodys,
    Nobodys,
    /// By the viewer's scope.
    Some(&'a Viewer),
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
        // A wall is told of matters by what they are and in which village, never by the point; and of nobody by name.
        if viewer.role() == Role::Wall && matches!(layer, Layer::Incident | Layer::Responder) {
            return Self { layer, whose: Whose::Nobodys, grid: None, village: None };
        }
        Self::of_told(viewer, layer, schema)
    }

    /// The same where no more is told than a wall may know.
    #[must_use]
    pub fn of_told(viewer: &'a Viewer, layer: Layer, schema: &Schema) -> Self {
        let whose = match layer {
            Layer::Household => match viewer.reach_of_people() {
                Reach::None => Whose::Nobodys,
                _ if viewer.role() == Role::System => Whose::Everybodys,
                _ => Whose::Some(viewer),
            },
            Layer::Incident => match viewer.reach_of_matters() {
                Reach::None => Whose::Nobodys,
                // What is restricted is in no layer.
                Reach::Every | Reach::All => Whose::Everybodys,
                Reach::Part => Whose::Some(viewer),
            },
            _ => Whose::Everybodys,
        };
        Self { layer, whose, grid: schema.position("grid_id"), village: schema.position("village_id") }
    }

    /// How much of a feature of its layer may be known.
    #[must_use]
    pub fn sight(self, feature: &Feature) -> Sight {
        let viewer = match self.whose {
            Whose::Everybodys => return Sight::Full,
            Whose::Nobodys => return Sight::Nothing,
            Whose::Some(viewer) => viewer,
        };
        let id = |at: Option<usize>| feature.values.get(at?)?.as_int();
        let (grid, village) = (id(self.grid), id(self.village));
        if self.layer == Layer::Household {
            return of_household(viewer, HouseholdPlace { id: feature.id, grid, village });
        }
        let at = MatterPlace { grid, village, ..MatterPlace::default() };
        if of_matter(viewer, at) || viewer.scope().matters.contains(&feature.id) { Sight::Full } else { Sight::Nothing }
    }

    /// Whether it lets a feature of its layer through.
    #[must_use]
    pub fn admits(self, feature: &Feature) -> bool {
        self.sight(feature) > Sight::Nothing
    }

    /// Whether any feature may be let through.
    #[must_use]
    pub fn admits_any(self) -> bool {
        !matches!(self.whose, Whose::Nobodys)
    }

    /// Whether all are.
    #[must_use]
    pub fn admits_all(self) -> bool {
        match self.whose {
            Whose::Everybodys => true,
            Whose::Nobodys => false,
            Whose::Some(viewer) => viewer.scope().whole,
        }
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
