//! Layers as collections of OGC API Features.

pub mod edit;
pub mod filter;
pub mod items;
pub mod words;

use chrono_tz::Tz;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::seen::{Rule, reach};
use super::spatial::properties;
use super::{ServiceError, Yitu};
use crate::atlas::Atlas;
use crate::db::Request;
use crate::db::layer::LayerReader;
use crate::domain::viewer::Reach;
use crate::domain::{FeatureId, Layer, Problem, Schema, Viewer};

pub use filter::Filter;
pub use items::{Items, Page, items};

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

/// The properties of a layer's features.
#[must_use]
pub fn schema(yitu: &Yitu, layer: Layer) -> Schema {
    yitu.atlas.layer(layer).schema().clone()
}

/// The county's time zone: its days are what a date in a question means.
#[must_use]
pub fn zone(atlas: &Atlas) -> Tz {
    let regions = atlas.layer(Layer::Region);
    let zones = regions.iter().filter_map(|r| r.get(regions.schema(), "time_zone")?.as_text()?.parse().ok());
    zones.min_by_key(|z: &Tz| z.name()).unwrap_or(chrono_tz::Asia::Shanghai)
}

/// 审图号, once the county's map may be published.
#[must_use]
pub fn map_review_no(yitu: &Yitu) -> Option<String> {
    let regions = yitu.atlas.layer(Layer::Region);
    regions.iter().find_map(|r| r.get(regions.schema(), "map_review_no")?.as_text().map(str::to_owned))
}

/// Where a layer's features lie: west, south, east, north. Of people and matters nobody is told by it how far out one is:
/// they lie in the county.
#[must_use]
pub fn extent(yitu: &Yitu, layer: Layer) -> Option<[f64; 4]> {
    let own = yitu.atlas.layer(layer).bounds()?;
    let is_told = !matches!(layer, Layer::Household | Layer::Incident);
    let b = if is_told { own } else { yitu.atlas.layer(Layer::Region).bounds()? };
    Some([b.min().x, b.min().y, b.max().x, b.max().y])
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

impl Item {
    /// Its `GeoJSON` in the axis order asked for.
    #[must_use]
    pub fn in_order(mut self, lat_first: bool) -> Value {
        if lat_first {
            self.feature["geometry"] = edit::shape::turned(&self.feature["geometry"]);
        }
        self.feature
    }
}

/// One item with all its attributes, under the asker's rights.
///
/// # Errors
/// When there is none for this asker.
pub async fn item(yitu: &Yitu, viewer: &Viewer, layer: Layer, id: FeatureId) -> Result<Item, ServiceError> {
    let mut request = Request::begin(&yitu.db.request, viewer).await?;
    let item = item_in(&mut request, viewer, layer, id).await?;
    request.finish().await?;
    Ok(item)
}

/// The same inside a transaction under way.
async fn item_in(request: &mut Request, viewer: &Viewer, layer: Layer, id: FeatureId) -> Result<Item, ServiceError> {
    let mut reader = LayerReader::open(request, layer).await?;
    let found = reader.some(request, &[id]).await?;
    let rule = Rule::of(viewer, layer, reader.schema());
    let feature = found
        .first()
        .filter(|f| if layer == Layer::Incident { reach(viewer, layer) != Reach::None } else { rule.admits(f) });
    let feature = feature.ok_or_else(|| Problem::not_found((layer.title(), layer.name()), id))?;
    let shown = rule.shown(feature, reader.schema());
    let version = shown.version;
    let mut feature = items::geojson(&shown, properties(&shown, reader.schema()), false);
    feature["version"] = version.into();
    // The version alone would not do: a renamed village changes its venues' words but not their rows.
    let digest = Sha256::digest(feature.to_string());
    let tag = digest.iter().take(8).fold(format!("{version}-"), |text, b| format!("{text}{b:02x}"));
    Ok(Item { version, tag, feature })
}
