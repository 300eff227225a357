//! Which county this server is for.

use serde::Serialize;
use utoipa::ToSchema;

use super::tile::elevation;
use super::{ServiceError, Yitu};
use crate::domain::{FeatureId, Layer, Problem, ProblemKind, Viewer};
use crate::tiles::elevation::ZOOMS;

/// The id of the county that is loaded; of several, the oldest.
///
/// # Errors
/// The problem `no-county` when nothing is loaded yet.
pub fn current(yitu: &Yitu) -> Result<FeatureId, ServiceError> {
    let county = yitu.indexes.county.get(yitu, &[Layer::Region], |_| {
        let regions = yitu.atlas.layer(Layer::Region);
        let schema = regions.schema();
        let counties = regions.iter().filter(|r| r.get(schema, "level").and_then(|v| v.as_text()) == Some("county"));
        counties.map(|r| r.id).min()
    });
    county.ok_or_else(no_county)
}

fn no_county() -> ServiceError {
    Problem::new(
        ProblemKind::NotFound,
        "no-county",
        ("还没有县域数据", "No county yet"),
        (
            "数据库里还没有县。请先运行 yitu demo,或用 yitu import region 导入辖区。".to_owned(),
            "The database holds no county yet. Run yitu demo, or import regions with yitu import region.".to_owned(),
        ),
    )
    .into()
}

/// A county as the map introduces it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct County {
    /// Permanent id.
    pub id: FeatureId,
    /// Its division code today.
    pub code: Option<String>,
    /// Its name.
    pub name: String,
    /// West, south, east, north, degrees of EPSG:4490.
    pub bbox: [f64; 4],
    /// Middle of the box.
    pub center: [f64; 2],
    /// 审图号, once the map may be published.
    pub map_review_no: Option<String>,
    /// What every map must say while it is for internal work.
    pub map_notice: String,
    /// What boundaries on it are worth.
    pub boundary_notice: String,
    /// IANA name.
    pub time_zone: String,
    /// Layers with tiles.
    pub layers: Vec<LayerInfo>,
    /// Where the map stands in the change log.
    pub seq: String,
}

/// One layer with tiles.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LayerInfo {
    /// Its name in tile paths.
    pub id: String,
    /// Its Chinese name.
    pub title: String,
    /// `point`, `line`, `polygon` or `raster`.
    pub geometry: String,
    /// First zoom with tiles.
    pub minzoom: u8,
    /// Last zoom worth asking for.
    pub maxzoom: u8,
    /// `base`, `govern`, `people` or `service`.
    pub group: String,
}

/// The viewer's county.
///
/// # Errors
/// The problem `no-county` when it is not loaded; when the database cannot be read.
pub async fn describe(yitu: &Yitu, viewer: &Viewer) -> Result<County, ServiceError> {
    let id = viewer.county_id();
    let seq = yitu.atlas.applied().position().to_string();
    let (county, schema) = {
        let regions = yitu.atlas.layer(Layer::Region);
        (regions.get(id).cloned().ok_or_else(no_county)?, regions.schema().clone())
    };
    let text = |name: &str| county.get(&schema, name).and_then(|v| v.as_text()).map(str::to_owned);
    let elevation = elevation::grid(yitu, viewer).await?.map(|_| LayerInfo {
        id: "dem".to_owned(),
        title: "地形".to_owned(),
        geometry: "raster".to_owned(),
        minzoom: ZOOMS.0,
        maxzoom: ZOOMS.1,
        group: "base".to_owned(),
    });
    let bounds = county.geometry.as_ref().and_then(::geo::BoundingRect::bounding_rect);
    let bbox = bounds.map_or([-180.0, -85.0, 180.0, 85.0], |b| [b.min().x, b.min().y, b.max().x, b.max().y]);
    Ok(County {
        id,
        code: text("code"),
        name: text("name").unwrap_or_default(),
        bbox,
        center: [f64::midpoint(bbox[0], bbox[2]), f64::midpoint(bbox[1], bbox[3])],
        map_review_no: text("map_review_no"),
        map_notice: "内部工作用图,不得公开".to_owned(),
        boundary_notice: "界线仅供工作参考,不作为划界依据".to_owned(),
        time_zone: text("time_zone").unwrap_or_else(|| "Asia/Shanghai".to_owned()),
        layers: yitu
            .tiles
            .layers
            .configs()
            .iter()
            .map(|(layer, config)| LayerInfo {
                id: layer.name().to_owned(),
                title: layer.title().to_owned(),
                geometry: config.geometry.clone(),
                minzoom: config.minzoom,
                maxzoom: config.maxzoom,
                group: config.group.clone(),
            })
            .chain(elevation)
            .collect(),
        seq,
    })
}
