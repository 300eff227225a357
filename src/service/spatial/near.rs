//! The nearest features of a layer.

use std::sync::Arc;

use geo::{Closest, ClosestPoint, Coord, Point, Rect};
use serde_json::{Value, json};

use super::{point_of, properties, text};
use crate::atlas::LayerStore;
use crate::atlas::locate::covers;
use crate::domain::{Feature, Layer};
use crate::geo::{Geometry, LonLat, measure};
use crate::service::Yitu;

/// Where the search for the nearest begins, metres: a village's extent.
const FIRST_RADIUS_M: f64 = 500.0;

/// Up to `limit` features of a layer within `radius_m` metres of a point, nearest first, equals by id.
#[must_use]
pub fn nearest(yitu: &Yitu, layer: Layer, at: LonLat, radius_m: f64, limit: usize) -> Vec<Value> {
    let store = yitu.atlas.layer(layer);
    // Ever wider circles: the first that holds enough holds the nearest.
    let mut radius = FIRST_RADIUS_M.min(radius_m);
    let mut found = within(&store, at, radius);
    while found.len() < limit && radius < radius_m {
        radius = (radius * 2.0).min(radius_m);
        found = within(&store, at, radius);
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.id.cmp(&b.1.id)));
    found.truncate(limit);
    let schema = store.schema();
    found
        .into_iter()
        .filter_map(|(d, f)| {
            let c = point_of(f.geometry.as_ref()?)?;
            let kind = layer.name();
            Some(json!({"kind": kind, "id": f.id, "name": text(f, schema, "name"), "distance_m": (d * 10.0).round() / 10.0,
                "lon": c.x, "lat": c.y, "properties": properties(f, schema)}))
        })
        .collect()
}

/// Features within a radius, with their distances, metres.
fn within(store: &LayerStore, at: LonLat, radius_m: f64) -> Vec<(f64, &Arc<Feature>)> {
    let (mx, my) = measure::metres_per_degree(at.lat());
    // A hair wider than the radius, since a degree's length changes with latitude.
    let (dx, dy) = (radius_m * 1.01 / mx, radius_m * 1.01 / my);
    let around = Rect::new((at.lon() - dx, at.lat() - dy), (at.lon() + dx, at.lat() + dy));
    store
        .in_bbox(around)
        .filter_map(|f| Some((distance_to(f.geometry.as_ref()?, at)?, f)))
        .filter(|(d, _)| *d <= radius_m)
        .collect()
}

/// Geodesic distance to the closest point of a geometry, metres; 0 inside an area.
#[must_use]
pub fn distance_to(geometry: &Geometry, at: LonLat) -> Option<f64> {
    let (mx, my) = measure::metres_per_degree(at.lat());
    let point = Coord::from(at);
    if covers(geometry, point) {
        return Some(0.0);
    }
    if let Geometry::Point(p) = geometry {
        return Some(measure::distance_m(at, LonLat::new(p.x(), p.y()).ok()?));
    }
    // The closest point is sought where a degree is as long either way, its distance taken on the ellipsoid.
    let flat = geo::MapCoords::map_coords(geometry, |c| Coord { x: (c.x - point.x) * mx, y: (c.y - point.y) * my });
    let (Closest::SinglePoint(c) | Closest::Intersection(c)) = flat.closest_point(&Point::new(0.0, 0.0)) else {
        return None;
    };
    let closest = LonLat::new(point.x + c.x() / mx, point.y + c.y() / my).ok()?;
    Some(measure::distance_m(at, closest))
}
