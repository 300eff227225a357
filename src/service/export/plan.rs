//! From what is asked for to what is drawn.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use geo::BoundingRect;

use super::part::{Manifest, Part};
use super::state::State;
use super::{ExportError, PERSONAL, area};
use crate::domain::{Feature, FeatureId, Layer, Value, Viewer};
use crate::geo::{Bbox, Geometry, TileId};
use crate::service::{Yitu, county, spatial, tile};
use crate::tiles::TileConfigs;
use crate::tiles::elevation::{Elevation, ZOOMS};

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct ExportRequest {
    /// The archive.
    pub file: PathBuf,
    /// Code or name of the region; none for the county.
    pub region: Option<String>,
    /// Comma list of layers; none for all that are not personal.
    pub layers: Option<String>,
    /// The elevation for hillshade instead of layers.
    pub elevation: bool,
    /// First zoom; none for the first of the layers.
    pub minzoom: Option<u8>,
    /// Last zoom; none for the last of the layers.
    pub maxzoom: Option<u8>,
    /// Why personal layers are exported.
    pub reason: Option<String>,
    /// The instant that deadlines are compared with; none for now.
    pub now: Option<DateTime<Utc>>,
    /// Whether a file that is there may be replaced.
    pub force: bool,
}

/// What tiles are made of.
#[derive(Debug, Clone)]
pub enum Matter {
    /// MVT of these layers.
    Layers(Arc<[Layer]>),
    /// PNG.
    Elevation(Arc<Elevation>),
}

/// All that is needed to draw.
#[derive(Debug)]
pub struct Plan {
    /// What the archive depends on.
    pub manifest: Manifest,
    /// What the tiles are made of.
    pub matter: Matter,
    /// The tiles, in the order of the archive.
    pub tiles: Vec<TileId>,
    /// The region's name, with the county's.
    pub name: String,
    /// West, south, east, north of the region, degrees.
    pub bounds: [f64; 4],
    /// The county, with what every map of it must say.
    pub county: county::County,
}

impl ExportRequest {
    /// Looks whether the file may be written at all, before anything is read.
    ///
    /// # Errors
    /// When it is there already, or its folder is not.
    pub fn check_file(&self) -> Result<(), ExportError> {
        let file = self.file.display();
        if self.file.is_dir() {
            return Err(ExportError::usage(
                format!("{file} 是文件夹,请写出文件名,如 {file}/map.pmtiles。"),
                format!("{file} is a folder; name a file in it, such as {file}/map.pmtiles."),
            ));
        }
        if self.file.exists() && !self.force {
            return Err(ExportError::usage(
                format!("{file} 已存在,未作改动。要覆盖请加 --force,或换一个文件名。"),
                format!("{file} is there already and was left alone. Add --force to replace it, or name another file."),
            ));
        }
        Ok(())
    }
}

impl Matter {
    /// The layers; of elevation none.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        match self {
            Self::Layers(layers) => layers,
            Self::Elevation(_) => &[],
        }
    }
}

/// Reads the request against the map.
///
/// # Errors
/// When it cannot be met; says the way out.
pub async fn plan(yitu: &Yitu, viewer: &Viewer, request: &ExportRequest) -> Result<Plan, ExportError> {
    let county = county::describe(yitu, viewer).await?;
    let region = region(yitu, county.id, request.region.as_deref())?;
    let (outline, bounds) = outline(yitu, &region)?;
    let mut state = State::default();
    state.feature(&region)?;
    for text in [county.map_review_no.as_deref().unwrap_or_default(), &county.map_notice, &county.boundary_notice] {
        state.text(text);
    }
    let (matter, known) = matter(yitu, viewer, request, &mut state).await?;
    let zooms = zooms(request, known)?;
    let name = said(yitu, &region, "name");
    Ok(Plan {
        manifest: manifest(yitu, request, said(yitu, &region, "code"), matter.layers(), zooms, state.name()),
        // Of personal layers no more is handed out than the region takes.
        tiles: area::tiles(outline, zooms, if personal(matter.layers()).is_empty() { 1.0 } else { 0.0 }),
        name: if region.id == county.id { name } else { format!("{} {name}", county.name) },
        bounds: [bounds.min().x, bounds.min().y, bounds.max().x, bounds.max().y],
        county,
        matter,
    })
}

/// What is drawn, taken into the state, and the zooms there are of it.
async fn matter(
    yitu: &Yitu,
    viewer: &Viewer,
    request: &ExportRequest,
    state: &mut State,
) -> Result<(Matter, (u8, u8)), ExportError> {
    if request.elevation {
        let (grid, stored) = tile::elevation::read(yitu, viewer).await?.ok_or_else(|| {
            ExportError::usage(
                "县里还没有高程数据,导不出地形。",
                "The county has no elevation yet, so that there is none to export.",
            )
        })?;
        state.elevation(&stored);
        return Ok((Matter::Elevation(Arc::new(grid)), ZOOMS));
    }
    let configs = yitu.tiles.layers.configs();
    let layers = layers(&configs, request)?;
    layers.iter().try_for_each(|l| state.layer(yitu, *l))?;
    let drawn = || layers.iter().filter_map(|l| configs.get(*l));
    let first = drawn().map(|c| c.minzoom).min().unwrap_or_default();
    let last = drawn().map(|c| c.maxzoom).max().unwrap_or_default();
    Ok((Matter::Layers(layers.into()), (first, last)))
}

fn manifest(
    yitu: &Yitu,
    request: &ExportRequest,
    region: String,
    layers: &[Layer],
    zooms: (u8, u8),
    state: String,
) -> Manifest {
    let layers_named = layers.iter().map(|l| l.name().to_owned()).collect();
    let program = env!("CARGO_PKG_VERSION").to_owned();
    let reason = request.reason.clone();
    let mut manifest = Manifest { program, region, layers: layers_named, zooms, reason, now: None, state };
    if layers.contains(&Layer::Incident) {
        // An export that goes on compares with the instant it began at.
        let begun = Part::manifest(&request.file).filter(|m| Manifest { now: None, ..m.clone() } == manifest);
        manifest.now = request.now.or(begun.and_then(|m| m.now)).or_else(|| Some(yitu.clock.now()));
    }
    manifest
}

fn said(yitu: &Yitu, region: &Feature, property: &str) -> String {
    let regions = yitu.atlas.layer(Layer::Region);
    region.get(regions.schema(), property).and_then(Value::as_text).unwrap_or_default().to_owned()
}

/// The region of a code, or of a name that only one has.
fn region(yitu: &Yitu, county: FeatureId, asked: Option<&str>) -> Result<Arc<Feature>, ExportError> {
    let Some(asked) = asked else { return Ok(spatial::region(yitu, county)?) };
    let regions = yitu.atlas.layer(Layer::Region);
    let with = |property: &str| -> Vec<Arc<Feature>> {
        let all = regions.iter().filter(|r| r.get(regions.schema(), property).and_then(Value::as_text) == Some(asked));
        all.cloned().collect()
    };
    let named = with("name");
    match (with("code").pop(), named.as_slice()) {
        (Some(region), _) => Ok(region),
        (None, [region]) => Ok(Arc::clone(region)),
        (None, []) => Err(ExportError::usage(
            format!("没有辖区 {asked:?}。请写辖区的代码或名称;不写 --region 即导出全县。"),
            format!("There is no region {asked:?}. Give a region's code or name; without --region it is the county."),
        )),
        (None, several) => {
            let code = |r: &Arc<Feature>| r.get(regions.schema(), "code").and_then(Value::as_text).map(str::to_owned);
            let mut codes: Vec<String> = several.iter().filter_map(code).collect();
            codes.sort();
            let codes = codes.join("、");
            Err(ExportError::usage(
                format!("叫 {asked:?} 的辖区有 {} 个,请写代码:{codes}。", several.len()),
                format!("{} regions are called {asked:?}; give a code: {codes}.", several.len()),
            ))
        }
    }
}

fn outline<'a>(yitu: &Yitu, region: &'a Feature) -> Result<(&'a Geometry, Bbox), ExportError> {
    let found = region.geometry.as_ref().and_then(|g| Some((g, g.bounding_rect()?)));
    found.ok_or_else(|| {
        let (name, code) = (said(yitu, region, "name"), said(yitu, region, "code"));
        ExportError::usage(
            format!("{name}({code})没有边界,无法确定导出范围。请先用 yitu import region 导入它的边界。"),
            format!("{name} ({code}) has no outline. Import one with yitu import region first."),
        )
    })
}

fn personal(layers: &[Layer]) -> Vec<Layer> {
    layers.iter().copied().filter(|l| PERSONAL.contains(l)).collect()
}

fn layers(configs: &TileConfigs, request: &ExportRequest) -> Result<Vec<Layer>, ExportError> {
    let Some(list) = &request.layers else {
        return Ok(configs.iter().map(|(l, _)| l).filter(|l| !PERSONAL.contains(l)).collect());
    };
    let layers = tile::layers(configs, list)?;
    let personal = personal(&layers);
    if !personal.is_empty() && request.reason.as_deref().is_none_or(|r| r.trim().is_empty()) {
        let titles = personal.iter().map(|l| l.title()).collect::<Vec<_>>().join("、");
        let names = personal.iter().map(|l| l.name()).collect::<Vec<_>>().join(", ");
        return Err(ExportError::usage(
            format!("图层 {titles} 涉及个人,须用 --reason 写明导出事由,例:--reason 防汛转移入户。"),
            format!("The layers {names} tell of persons; say why with --reason TEXT."),
        ));
    }
    Ok(layers)
}

fn zooms(request: &ExportRequest, (first, last): (u8, u8)) -> Result<(u8, u8), ExportError> {
    let asked = (request.minzoom.unwrap_or(first), request.maxzoom.unwrap_or(last));
    if first <= asked.0 && asked.0 <= asked.1 && asked.1 <= last {
        return Ok(asked);
    }
    Err(ExportError::usage(
        format!(
            "级别 {} 至 {} 不可用:这些图层有 {first} 至 {last} 级,更近的视图由客户端从 {last} 级放大。",
            asked.0, asked.1
        ),
        format!(
            "Zooms {} to {} cannot be had: these layers have {first} to {last}; clients draw closer views from {last}.",
            asked.0, asked.1
        ),
    ))
}
