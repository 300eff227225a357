//! The grids a position may lie in.

use std::collections::HashMap;
use std::sync::Arc;

use geo::{BooleanOps, BoundingRect, MultiPolygon, Rect};

use super::{grid_index, int, text};
use crate::atlas::LayerStore;
use crate::dispatch::{Candidate, NearGrid, Sigma, candidates};
use crate::domain::{Feature, FeatureId, Layer, Schema};
use crate::geo::{Geometry, LonLat, measure};
use crate::service::Yitu;

/// What is left of the grids that dedicated ones lie over; all others answer in their whole outline.
#[derive(Debug, Default)]
pub struct CutGrids(HashMap<FeatureId, Geometry>);

/// The grids a position may lie in with their probabilities, the most probable first. Without a sigma the one that
/// holds it is certain.
#[must_use]
pub fn probable(yitu: &Yitu, at: LonLat, sigma: Option<Sigma>) -> Vec<Candidate> {
    let store = yitu.atlas.layer(Layer::Grid);
    let schema = store.schema();
    let Some(sigma) = sigma.filter(|s| s.metres() > 0.0) else {
        let index = grid_index(yitu);
        let grid = index.locate(at).and_then(|f| near(f, schema, None));
        return grid.map(|g| Candidate::of(&g, 1.0)).into_iter().collect();
    };
    let cut = yitu.indexes.cut_grids.get(yitu, &[Layer::Grid], |_| CutGrids::of(&yitu.atlas.layer(Layer::Grid)));
    let (x_m, y_m) = measure::metres_per_degree(at.lat());
    let (dx, dy) = (sigma.reach() / x_m, sigma.reach() / y_m);
    let bbox = Rect::new((at.lon() - dx, at.lat() - dy), (at.lon() + dx, at.lat() + dy));
    candidates(at, sigma, store.in_bbox(bbox).filter_map(|f| near(f, schema, cut.0.get(&f.id))))
}

fn near<'a>(grid: &'a Feature, schema: &Schema, left: Option<&'a Geometry>) -> Option<NearGrid<'a>> {
    Some(NearGrid {
        id: grid.id,
        version_id: int(grid, schema, "grid_version_id")?,
        code: text(grid, schema, "code"),
        name: text(grid, schema, "name"),
        answers_in: left.or(grid.geometry.as_ref())?,
    })
}

impl CutGrids {
    fn of(grids: &LayerStore) -> Self {
        let kind = |f: &Feature| text(f, grids.schema(), "kind") == "dedicated";
        let mut dedicated: Vec<&Arc<Feature>> = grids.iter().filter(|f| kind(f)).collect();
        dedicated.sort_by_key(|f| f.id);
        let mut left: HashMap<FeatureId, MultiPolygon<f64>> = HashMap::new();
        for over in dedicated {
            let Some(shape) = over.geometry.as_ref().and_then(areas) else { continue };
            let Some(bbox) = shape.bounding_rect() else { continue };
            for under in grids.in_bbox(bbox) {
                // Of two dedicated grids the one with the lower id answers.
                if under.id == over.id || (kind(under) && under.id < over.id) {
                    continue;
                }
                let whole = || under.geometry.as_ref().and_then(areas);
                let Some(before) = left.remove(&under.id).or_else(whole) else { continue };
                left.insert(under.id, before.difference(&shape));
            }
        }
        Self(left.into_iter().map(|(id, shape)| (id, Geometry::MultiPolygon(shape))).collect())
    }
}

fn areas(geometry: &Geometry) -> Option<MultiPolygon<f64>> {
    match geometry {
        Geometry::Polygon(p) => Some(MultiPolygon::new(vec![p.clone()])),
        Geometry::MultiPolygon(m) => Some(m.clone()),
        _ => None,
    }
}
