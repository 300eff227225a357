//! What of a tile somebody may see, as its key in the cache: whoever may see the same of it shares it.

use std::collections::BTreeSet;

use geo::Intersects;

use super::Asked;
use crate::atlas::LayerStore;
use crate::domain::viewer::Reach;
use crate::domain::{Feature, FeatureId, Layer, Schema, Viewer};
use crate::geo::TileId;
use crate::service::Yitu;
use crate::service::seen::{self, reach};
use crate::service::spatial::int;

/// A tile of more matters is kept by whose they are, not by which.
const MOST_MATTERS: usize = 1000;
/// How far beside a tile what is drawn into it may lie, in tiles.
const BESIDE: f64 = 0.1;

/// Whom of a tile's people somebody may see.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum People {
    /// Everybody, by name; also where no people are asked for.
    All,
    /// Everybody, but not by name.
    Masked,
    /// Those of some grids, and some households wherever they are. Where anybody's name is hidden, all are.
    Some { grids: BTreeSet<FeatureId>, linked: BTreeSet<FeatureId>, masked: bool },
}

impl People {
    pub(super) fn masked(&self) -> bool {
        matches!(self, Self::Masked | Self::Some { masked: true, .. })
    }
}

/// What of a tile's matters somebody may see.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Matters {
    /// Just these of those in it and beside it, in order: few people may see just the same of a county, and most see the
    /// same, often nothing, of one tile.
    These(Vec<FeatureId>),
    /// What lies in some grids or villages or is known to some units or accounts; where too many lie to go through them
    /// each time the tile is asked for.
    Of { grids: BTreeSet<FeatureId>, villages: BTreeSet<FeatureId>, known_to: BTreeSet<FeatureId> },
}

/// Whom of a tile's people a viewer may see.
pub(super) fn people(yitu: &Yitu, viewer: &Viewer, asked: &Asked) -> People {
    if !asked.layers.contains(&Layer::Household) {
        return People::All;
    }
    let scope = viewer.scope();
    match reach(viewer, Layer::Household) {
        Reach::Every => People::All,
        Reach::All => People::Masked,
        Reach::None => People::Some { grids: BTreeSet::new(), linked: BTreeSet::new(), masked: false },
        Reach::Part => {
            let mut grids = within(yitu, Layer::Grid, asked.tile, &scope.grids);
            grids.extend(straying(yitu, asked.tile, &scope.grids));
            let masked = !grids.is_subset(&scope.in_full);
            People::Some { grids, linked: linked(yitu, asked.tile, &scope.households), masked }
        }
    }
}

/// Those of some grids that have a household in a tile or beside it without lying there themselves.
fn straying(yitu: &Yitu, tile: TileId, some: &BTreeSet<FeatureId>) -> BTreeSet<FeatureId> {
    let strays = yitu.tiles.layers.strays(some);
    let households = yitu.atlas.layer(Layer::Household);
    strays.into_iter().filter(|(_, id)| is_near(&households, *id, tile)).map(|(grid, _)| grid).collect()
}

/// Those of some households that lie in a tile or beside it.
fn linked(yitu: &Yitu, tile: TileId, some: &BTreeSet<FeatureId>) -> BTreeSet<FeatureId> {
    let households = yitu.atlas.layer(Layer::Household);
    some.iter().copied().filter(|id| is_near(&households, *id, tile)).collect()
}

/// Whether a feature lies in a tile or beside it.
fn is_near(layer: &LayerStore, id: FeatureId, tile: TileId) -> bool {
    layer.get(id).and_then(|f| f.geometry.as_ref()).is_some_and(|g| tile.bbox(BESIDE).intersects(g))
}

/// What of a tile's matters a viewer may see; nothing where that is all of them.
pub(super) fn matters(yitu: &Yitu, viewer: &Viewer, asked: &Asked) -> Option<Matters> {
    if !asked.layers.contains(&Layer::Incident) {
        return None;
    }
    match reach(viewer, Layer::Incident) {
        Reach::Every | Reach::All => return None,
        Reach::None => return Some(Matters::These(Vec::new())),
        Reach::Part => {}
    }
    let scope = viewer.scope();
    let drawn = yitu.tiles.layers.drawing(Layer::Incident).as_ref().map(|d| d.points_near(asked.tile, MOST_MATTERS));
    let Some(drawn) = drawn.unwrap_or_default() else {
        return Some(Matters::Of {
            grids: within(yitu, Layer::Grid, asked.tile, &scope.grids),
            villages: within(yitu, Layer::Region, asked.tile, &scope.regions),
            known_to: scope.units.iter().copied().chain(viewer.account_id()).collect(),
        });
    };
    let seen = seen::layer(yitu, viewer, Layer::Incident);
    let mut these: Vec<FeatureId> = drawn.into_iter().filter(|id| seen.get(*id).is_some()).collect();
    these.sort_unstable();
    Some(Matters::These(these))
}

/// Those of some areas that lie in a tile or beside it.
fn within(yitu: &Yitu, layer: Layer, tile: TileId, some: &BTreeSet<FeatureId>) -> BTreeSet<FeatureId> {
    yitu.atlas.layer(layer).in_bbox(tile.bbox(BESIDE)).map(|f| f.id).filter(|id| some.contains(id)).collect()
}

impl Matters {
    pub(super) fn admit(&self, feature: &Feature, schema: &Schema) -> bool {
        match self {
            Self::These(ids) => ids.binary_search(&feature.id).is_ok(),
            Self::Of { grids, villages, known_to } => {
                let is_in = |name: &str, some: &BTreeSet<FeatureId>| {
                    int(feature, schema, name).is_some_and(|id| some.contains(&id))
                };
                let is_known = || feature.known_to(schema).iter().any(|id| known_to.contains(id));
                is_in("grid_id", grids) || is_in("village_id", villages) || is_known()
            }
        }
    }
}
