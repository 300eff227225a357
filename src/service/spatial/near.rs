//! The nearest features of a layer.

use std::sync::Arc;

use geo::{Closest, ClosestPoint, Coord, CoordsIter, Point};
use serde_json::{Value, json};

use super::{point_of, properties, text};
use crate::atlas::LayerStore;
use crate::atlas::locate::covers;
use crate::domain::{Feature, Layer, Viewer};
use crate::geo::{Geometry, LonLat, measure};
use crate::service::{Yitu, seen};

/// Up to `limit` features of a layer within `radius_m` metres of a point, nearest first, equals by id.
#[must_use]
pub fn nearest(yitu: &Yitu, viewer: &Viewer, layer: Layer, at: LonLat, radius_m: f64, limit: usize) -> Vec<Value> {
    let seen = seen::layer(yitu, viewer, layer);
    let schema = seen.schema();
    nearest_of(seen.by_distance(at.into()), at, radius_m, limit)
        .into_iter()
        .filter_map(|(d, f)| {
            let f = seen.shown(f);
            let c = point_of(f.geometry.as_ref()?)?;
            let kind = layer.name();
            Some(json!({"kind": kind, "id": f.id, "name": text(&f, schema, "name"), "distance_m": decimetres(d),
                "lon": c.x, "lat": c.y, "properties": properties(&f, schema)}))
        })
        .collect()
}

/// A distance as it is shown: to 0.1 m.
pub(super) fn decimetres(distance_m: f64) -> f64 {
    (distance_m * 10.0).round() / 10.0
}

/// Up to `limit` features within `radius_m`, with their distances, metres; nearest first, equals by id.
pub(super) fn nearest_in(store: &LayerStore, at: LonLat, radius_m: f64, limit: usize) -> Vec<(f64, &Arc<Feature>)> {
    nearest_of(store.by_distance(at.into()), at, radius_m, limit)
}

/// The same of features that come by the distance of their boxes, degrees.
fn nearest_of<'a>(
    by_distance: impl Iterator<Item = (f64, &'a Arc<Feature>)>,
    at: LonLat,
    radius_m: f64,
    limit: usize,
) -> Vec<(f64, &'a Arc<Feature>)> {
    // Of all degrees within the radius the shortest is one of longitude at its pole side, or of latitude at the equator.
    let farthest_lat = (at.lat().abs() + radius_m / 110_000.0).min(89.9);
    let shortest = measure::metres_per_degree(farthest_lat).0.min(measure::metres_per_degree(0.0).1);
    let mut found: Vec<(f64, &Arc<Feature>)> = Vec::with_capacity(limit.min(64));
    for (degrees, feature) in by_distance {
        let reach = found.last().filter(|_| found.len() == limit).map_or(radius_m, |(d, _)| *d);
        if degrees * shortest > reach {
            break;
        }
        let Some(d) = feature.geometry.as_ref().and_then(|g| distance_to(g, at)).filter(|d| *d <= reach) else {
            continue;
        };
        let place = found.partition_point(|(other, f)| other.total_cmp(&d).then(f.id.cmp(&feature.id)).is_lt());
        found.insert(place, (d, feature));
        found.truncate(limit);
    }
    found
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
    let c = match flat.closest_point(&Point::new(0.0, 0.0)) {
        Closest::SinglePoint(c) | Closest::Intersection(c) => c,
        // A line without length has no closest point to speak of: any of it will do.
        Closest::Indeterminate => flat.coords_iter().next()?.into(),
    };
    let closest = LonLat::new(point.x + c.x() / mx, point.y + c.y() / my).ok()?;
    Some(measure::distance_m(at, closest))
}
