//! Layers as collections of OGC API Features.

pub mod edit;
pub mod filter;

use std::sync::Arc;

use geo::{BoundingRect, Coord, Intersects, MapCoords, Rect};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::spatial::properties;
use super::{ServiceError, Yitu};
use crate::db::Request;
use crate::db::layer::LayerReader;
use crate::domain::{Feature, FeatureId, Layer, Problem, Viewer};
use crate::geo::Bbox;

pub use filter::Filter;

/// What items are asked for.
#[derive(Debug, Default)]
pub struct Page {
    /// Degrees; none is everywhere.
    pub bbox: Option<Bbox>,
    /// What they must satisfy.
    pub filter: Option<Filter>,
    /// Only these properties; none is all.
    pub properties: Option<Vec<String>>,
    /// Only after this id.
    pub after: FeatureId,
    /// At most so many.
    pub limit: usize,
    /// Latitude before longitude.
    pub lat_first: bool,
}

/// The items of one page.
#[derive(Debug)]
pub struct Items {
    /// GeoJSON features in order of their ids.
    pub features: Vec<Value>,
    /// How many there are on all pages.
    pub matched: usize,
    /// The id the next page begins after, if there is one.
    pub next: Option<FeatureId>,
}

/// A collection by its name.
///
/// # Errors
/// When there is none.
pub fn collection(name: &str) -> Result<Layer, ServiceError> {
    name.parse().map_err(|_| {
        let all = Layer::ALL.iter().map(|l| l.name()).collect::<Vec<_>>().join("、");
        Problem::not_found(("集合", "collection"), name).with_extra("collections", all).into()
    })
}

/// Where a layer's features lie: west, south, east, north.
#[must_use]
pub fn extent(yitu: &Yitu, layer: Layer) -> Option<[f64; 4]> {
    let store = yitu.atlas.layer(layer);
    let boxes = store.iter().filter_map(|f| f.geometry.as_ref()?.bounding_rect());
    boxes
        .map(|b| [b.min().x, b.min().y, b.max().x, b.max().y])
        .reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])])
}

/// One page of a collection.
///
/// # Errors
/// When a property asked for is unknown or the filter cannot be evaluated.
pub fn items(yitu: &Yitu, layer: Layer, page: &Page) -> Result<Items, ServiceError> {
    let store = yitu.atlas.layer(layer);
    let schema = store.schema();
    if let Some(name) = page.properties.iter().flatten().find(|p| schema.position(p).is_none()) {
        return Err(unknown_property("properties", layer, name, schema.names()).into());
    }
    if let Some(name) = page.filter.as_ref().and_then(|f| f.unknown_property(schema)) {
        return Err(unknown_property("filter", layer, &name, schema.names()).into());
    }
    let mut found: Vec<&Arc<Feature>> = match page.bbox {
        Some(bbox) => {
            let meets = |f: &&Arc<Feature>| f.geometry.as_ref().is_some_and(|g| bbox.to_polygon().intersects(g));
            store.in_bbox(bbox).filter(meets).collect()
        }
        None => store.iter().collect(),
    };
    found.sort_unstable_by_key(|f| f.id);
    if let Some(filter) = &page.filter {
        let mut kept = Vec::new();
        for feature in found {
            if filter.admits(feature, schema)? {
                kept.push(feature);
            }
        }
        found = kept;
    }
    let matched = found.len();
    found.retain(|f| f.id > page.after);
    let next = (found.len() > page.limit).then(|| found[page.limit - 1].id);
    let features = found.iter().take(page.limit).map(|f| {
        let mut values = properties(f, schema);
        if let Some(wanted) = &page.properties {
            values.retain(|name, _| wanted.contains(name));
        }
        geojson(f, values, page.lat_first)
    });
    Ok(Items { features: features.collect(), matched, next })
}

fn unknown_property(parameter: &str, layer: Layer, name: &str, known: &[Arc<str>]) -> Problem {
    let all = known.join("、");
    Problem::bad_field(
        parameter,
        format!("{} 没有属性 {name},可用:{all}。", layer.title()),
        format!("{layer} has no property {name}; there are {all}."),
    )
}

fn geojson(feature: &Feature, values: serde_json::Map<String, Value>, lat_first: bool) -> Value {
    let geometry = feature.geometry.as_ref().map(|g| {
        let turned;
        let shown = if lat_first {
            turned = g.map_coords(|c| Coord { x: c.y, y: c.x });
            &turned
        } else {
            g
        };
        geojson::Geometry::new(geojson::GeometryValue::from(shown))
    });
    json!({"type": "Feature", "id": feature.id, "geometry": geometry, "properties": values})
}

/// One item as it is now.
#[derive(Debug)]
pub struct Item {
    /// Row version.
    pub version: i32,
    /// Names this very state of it: the heart of its entity tags.
    pub tag: String,
    /// `GeoJSON`, longitude first.
    pub feature: Value,
}

/// One item with all its attributes, under the asker's rights.
///
/// # Errors
/// When there is none for this asker.
pub async fn item(yitu: &Yitu, viewer: &Viewer, layer: Layer, id: FeatureId) -> Result<Item, ServiceError> {
    let mut request = Request::begin(&yitu.db.request, viewer).await?;
    let item = item_in(&mut request, layer, id).await?;
    request.finish().await?;
    Ok(item)
}

/// The same inside a transaction under way.
async fn item_in(request: &mut Request, layer: Layer, id: FeatureId) -> Result<Item, ServiceError> {
    let mut reader = LayerReader::open(request, layer).await?;
    let found = reader.some(request, &[id]).await?;
    let feature = found.first().ok_or_else(|| Problem::not_found((layer.title(), layer.name()), id))?;
    let version = feature.version;
    let mut feature = geojson(feature, properties(feature, reader.schema()), false);
    feature["version"] = version.into();
    // The version alone would not do: a renamed village changes its venues' words but not their rows.
    let digest = Sha256::digest(feature.to_string());
    let tag = digest.iter().take(8).fold(format!("{version}-"), |text, b| format!("{text}{b:02x}"));
    Ok(Item { version, tag, feature })
}

/// A box from `west,south,east,north` (six numbers when heights are given too).
///
/// # Errors
/// A problem that names `bbox`.
pub fn bbox(text: &str, lat_first: bool) -> Result<Bbox, ServiceError> {
    let bad = || {
        Problem::bad_field(
            "bbox",
            format!("bbox = {text} 应为 西,南,东,北 四个以度为单位的数。"),
            format!("bbox = {text} must be four numbers in degrees: west,south,east,north."),
        )
    };
    let numbers: Vec<f64> = text.split(',').map(|n| n.trim().parse()).collect::<Result<_, _>>().map_err(|_| bad())?;
    let [mut w, mut s, mut e, mut n] = match numbers[..] {
        [w, s, e, n] | [w, s, _, e, n, _] => [w, s, e, n],
        _ => return Err(bad().into()),
    };
    if lat_first {
        (w, s, e, n) = (s, w, n, e);
    }
    let within = |v: f64, most: f64| v.is_finite() && v.abs() <= most;
    if !(within(w, 180.0) && within(e, 180.0) && within(s, 90.0) && within(n, 90.0) && w <= e && s <= n) {
        return Err(bad().into());
    }
    Ok(Rect::new((w, s), (e, n)))
}
