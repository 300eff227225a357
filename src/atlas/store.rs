//! One layer in memory: features by id and an R-tree over their boxes.

use std::collections::HashMap;
use std::sync::Arc;

use geo::{BoundingRect, Coord};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use crate::domain::{Feature, FeatureId, Schema};
use crate::geo::Bbox;

type Entry = GeomWithData<Rectangle<[f64; 2]>, FeatureId>;

/// A layer's features. Reads are O(log n + hits), a change O(log n).
#[derive(Debug)]
pub struct LayerStore {
    schema: Schema,
    features: HashMap<FeatureId, Arc<Feature>>,
    tree: RTree<Entry>,
}

impl LayerStore {
    /// No features yet.
    #[must_use]
    pub fn empty(schema: Schema) -> Self {
        Self { schema, features: HashMap::new(), tree: RTree::new() }
    }

    /// All features at once (bulk-loaded tree).
    #[must_use]
    pub fn load(schema: Schema, features: Vec<Feature>) -> Self {
        let entries = features.iter().filter_map(entry).collect();
        Self {
            schema,
            tree: RTree::bulk_load(entries),
            features: features.into_iter().map(|f| (f.id, Arc::new(f))).collect(),
        }
    }

    /// The property names.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many features.
    #[must_use]
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    /// One feature.
    #[must_use]
    pub fn get(&self, id: FeatureId) -> Option<&Arc<Feature>> {
        self.features.get(&id)
    }

    /// All features, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Feature>> {
        self.features.values()
    }

    /// The box around all features that lie anywhere, degrees. O(1).
    #[must_use]
    pub fn bounds(&self) -> Option<Bbox> {
        let whole = self.tree.root().envelope();
        let (low, high) = (whole.lower(), whole.upper());
        (self.tree.size() > 0).then(|| Bbox::new((low[0], low[1]), (high[0], high[1])))
    }

    /// Features whose box meets `bbox` (degrees), in no order.
    pub fn in_bbox(&self, bbox: Bbox) -> impl Iterator<Item = &Arc<Feature>> {
        let envelope = AABB::from_corners([bbox.min().x, bbox.min().y], [bbox.max().x, bbox.max().y]);
        self.tree.locate_in_envelope_intersecting(&envelope).filter_map(|e| self.features.get(&e.data))
    }

    /// Features by the distance of their boxes from a point, the nearest first, each with that distance, degrees.
    pub fn by_distance(&self, from: Coord<f64>) -> impl Iterator<Item = (f64, &Arc<Feature>)> {
        let nearest = self.tree.nearest_neighbor_iter_with_distance_2(&[from.x, from.y]);
        nearest.filter_map(|(e, squared)| Some((squared.sqrt(), self.features.get(&e.data)?)))
    }

    /// Puts a feature's present state in, or takes it out; answers what was there before.
    pub fn put(&mut self, id: FeatureId, now: Option<Arc<Feature>>) -> Option<Arc<Feature>> {
        let before = self.features.remove(&id);
        if let Some(old) = before.as_deref().and_then(entry) {
            self.tree.remove(&old);
        }
        if let Some(feature) = now {
            if let Some(new) = entry(&feature) {
                self.tree.insert(new);
            }
            self.features.insert(id, feature);
        }
        before
    }
}

fn entry(feature: &Feature) -> Option<Entry> {
    let bounds = feature.geometry.as_ref()?.bounding_rect()?;
    let corners = Rectangle::from_corners([bounds.min().x, bounds.min().y], [bounds.max().x, bounds.max().y]);
    Some(GeomWithData::new(corners, feature.id))
}

#[cfg(test)]
mod tests {
    use geo::Point;

    use super::*;
    use crate::domain::PropertyKind;

    #[test]
    fn bounds_follow_what_comes_and_goes() {
        let point = |id: FeatureId, x: f64| Feature {
            id,
            version: 1,
            geometry: Some(Point::new(117.0 + x, 25.0 - x).into()),
            values: Box::default(),
        };
        let schema = Schema::new(std::iter::empty::<(&str, PropertyKind)>());
        let mut store = LayerStore::load(schema.clone(), (0..100).map(|k| point(k, k as f64 / 1000.0)).collect());
        assert_eq!(store.bounds(), Some(Bbox::new((117.0, 24.901), (117.099, 25.0))));
        for id in 50..100 {
            store.put(id, None);
        }
        store.put(200, Some(Arc::new(Feature { geometry: None, ..point(200, 9.0) })));
        assert_eq!(store.bounds(), Some(Bbox::new((117.0, 24.951), (117.049, 25.0))));
        assert_eq!(LayerStore::empty(schema).bounds(), None);
    }
}
