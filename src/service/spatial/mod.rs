//! Questions of where.

pub mod coverage;
pub mod grids;
pub mod locate;
pub mod look_back;
pub mod near;
pub mod place;
pub mod published;
pub mod search;
pub mod summary;
pub mod within;

use std::sync::Arc;

use geo::{Centroid, Coord, InteriorPoint};
use parking_lot::RwLock;
use tokio::sync::OwnedMutexGuard;

use super::prepared::Prepared;
use super::{ServiceError, Yitu};
use crate::atlas::LayerStore;
use crate::atlas::locate::{AreaIndex, covers};
use crate::db::{self, Request};
use crate::domain::{Feature, FeatureId, Layer, Problem, Schema, Value, Viewer};
use crate::geo::{Crs, Geometry, LonLat, LonLatError};

/// Indexes over the atlas, made when first asked for and anew when their layers change.
#[derive(Debug, Default)]
pub struct Indexes {
    grids: Prepared<AreaIndex>,
    cut_grids: Prepared<grids::CutGrids>,
    villages: Prepared<AreaIndex>,
    clusters: Prepared<AreaIndex>,
    names: Prepared<search::NameIndex>,
    chains: RwLock<locate::Chains>,
    pub(super) dispatch: crate::service::incident::facts::Memory,
    published: published::Memory,
    pub(super) county: Prepared<Option<FeatureId>>,
    /// Held by a question over a whole area: one after the other, so that they leave a core to everything else.
    long_questions: Arc<tokio::sync::Mutex<()>>,
}

impl Indexes {
    /// The turn of a question over a whole area. It is kept until the question is answered, even where nobody waits for it
    /// any more.
    pub async fn long_question(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.long_questions).lock_owned().await
    }
}

/// The point index over the grids as they are now.
#[must_use]
pub fn grid_index(yitu: &Yitu) -> Arc<AreaIndex> {
    yitu.indexes.grids.get(yitu, &[Layer::Grid], |_| AreaIndex::of_grids(&yitu.atlas.layer(Layer::Grid)))
}

/// The point index over the villages as they are now.
#[must_use]
pub fn village_index(yitu: &Yitu) -> Arc<AreaIndex> {
    yitu.indexes.villages.get(yitu, &[Layer::Region], |_| {
        let regions = yitu.atlas.layer(Layer::Region);
        by_id(regions.iter().filter(|f| text(f, regions.schema(), "level") == "village"))
    })
}

fn cluster_index(yitu: &Yitu) -> Arc<AreaIndex> {
    yitu.indexes.clusters.get(yitu, &[Layer::Cluster], |_| by_id(yitu.atlas.layer(Layer::Cluster).iter()))
}

/// Of areas that share a point the one with the lowest id answers.
fn by_id<'a>(areas: impl Iterator<Item = &'a Arc<Feature>>) -> AreaIndex {
    let mut areas: Vec<Arc<Feature>> = areas.cloned().collect();
    areas.sort_by_key(|f| f.id);
    AreaIndex::build(areas)
}

/// A position as a caller gives it, checked and brought to EPSG:4490.
///
/// # Errors
/// A problem that names the parameter; `looks-swapped` when both numbers fit the other way round.
pub fn position(lon: f64, lat: f64, crs: Crs) -> Result<LonLat, ServiceError> {
    let checked = LonLat::new(lon, lat).map_err(|e| position_problem(&e))?;
    let (lon, lat) = crs.to_cgcs2000(checked.lon(), checked.lat());
    Ok(LonLat::new(lon, lat).map_err(|e| position_problem(&e))?)
}

fn position_problem(error: &LonLatError) -> Problem {
    match *error {
        LonLatError::NotFinite { axis } => {
            Problem::bad_field(axis, format!("{axis} 不是有限的数。"), format!("{axis} is not a finite number."))
        }
        LonLatError::OutOfRange { axis, value } => Problem::bad_field(
            axis,
            format!("{axis} = {value} 超出范围,单位应为度。"),
            format!("{axis} = {value} is out of range; give degrees."),
        ),
        LonLatError::LooksSwapped { lon, lat } => swapped(lon, lat),
    }
}

pub(super) fn swapped(lon: f64, lat: f64) -> Problem {
    let mut problem = Problem::bad_field(
        "lon",
        format!("lon = {lon}、lat = {lat} 像是写反了,经度在前:lon={lat}&lat={lon}。"),
        format!("lon = {lon} and lat = {lat} look swapped; longitude comes first: lon={lat}&lat={lon}."),
    );
    problem.slug = "looks-swapped";
    problem
}

/// A layer by name, or the problem that names the parameter.
///
/// # Errors
/// When no layer is called so.
pub fn layer_named(parameter: &str, name: &str) -> Result<Layer, ServiceError> {
    name.parse().map_err(|_| {
        let all = Layer::ALL.iter().map(|l| l.name()).collect::<Vec<_>>().join("、");
        Problem::bad_field(
            parameter,
            format!("没有叫 {name} 的图层,可用:{all}。"),
            format!("There is no layer {name}; there are {all}."),
        )
        .into()
    })
}

/// A point inside or on a geometry that stands for it, degrees.
#[must_use]
pub fn point_of(geometry: &Geometry) -> Option<Coord<f64>> {
    match geometry {
        Geometry::Point(point) => Some(point.0),
        Geometry::Polygon(_) | Geometry::MultiPolygon(_) => geometry.interior_point().map(|p| p.0),
        other => other.centroid().map(|p| p.0),
    }
}

pub(in crate::service) fn text<'a>(feature: &'a Feature, schema: &Schema, name: &str) -> &'a str {
    feature.get(schema, name).and_then(Value::as_text).unwrap_or_default()
}

pub(in crate::service) fn int(feature: &Feature, schema: &Schema, name: &str) -> Option<i64> {
    feature.get(schema, name).and_then(Value::as_int)
}

/// Its values under their names, absent ones left out.
#[must_use]
pub fn properties(feature: &Feature, schema: &Schema) -> serde_json::Map<String, serde_json::Value> {
    let pairs = schema.names().iter().zip(&feature.values);
    pairs.map(|(name, value)| (name.to_string(), value.to_json())).collect()
}

/// The first feature of a layer that covers a point and passes a test.
pub(super) fn covering(store: &LayerStore, at: Coord<f64>, test: impl Fn(&Feature) -> bool) -> Option<Arc<Feature>> {
    let mut found: Vec<&Arc<Feature>> = store
        .in_bbox(geo::Rect::new(at, at))
        .filter(|f| test(f) && f.geometry.as_ref().is_some_and(|g| covers(g, at)))
        .collect();
    found.sort_by_key(|f| f.id);
    found.first().map(|f| Arc::clone(f))
}

/// A region of this viewer's county by id.
///
/// # Errors
/// When there is none.
pub fn region(yitu: &Yitu, id: FeatureId) -> Result<Arc<Feature>, ServiceError> {
    let regions = yitu.atlas.layer(Layer::Region);
    regions.get(id).cloned().ok_or_else(|| Problem::not_found(("辖区", "region"), id).into())
}

/// The categories of matters in force, as JSON.
///
/// # Errors
/// When the database does not answer.
pub async fn categories(yitu: &Yitu, viewer: &Viewer) -> Result<serde_json::Value, ServiceError> {
    let mut request = Request::begin(&yitu.db.request, viewer).await?;
    let categories = db::item::categories(&mut request).await?;
    request.finish().await?;
    Ok(categories)
}
