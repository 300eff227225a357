//! From the coordinates of a file to EPSG:4490: which system they are in, and what looks wrong with them.

use gdal::spatial_ref::{AxisMappingStrategy, CoordTransform, CoordTransformOptions, SpatialRef};

use super::ImportError;
use crate::geo::Crs;

/// Box of all coordinates as they stand in the file.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Least and greatest first coordinate.
    pub x: (f64, f64),
    /// Least and greatest second coordinate.
    pub y: (f64, f64),
}

impl Extent {
    /// Holds nothing yet.
    pub const EMPTY: Self = Self { x: (f64::INFINITY, f64::NEG_INFINITY), y: (f64::INFINITY, f64::NEG_INFINITY) };

    /// Takes a position in.
    pub fn add(&mut self, x: f64, y: f64) {
        self.x = (self.x.0.min(x), self.x.1.max(x));
        self.y = (self.y.0.min(y), self.y.1.max(y));
    }

    fn within(range: (f64, f64), least: f64, greatest: f64) -> bool {
        range.0 >= least && range.1 <= greatest
    }
}

enum Way {
    Named(Crs),
    Gdal(Box<CoordTransform>),
}

/// How a file's coordinates become EPSG:4490.
pub struct Position {
    way: Way,
    swapped: bool,
    /// What was recognised, for the user.
    pub notes: Vec<String>,
}

/// What the user said about coordinates.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// `--crs`.
    pub crs: Option<String>,
    /// `--transform`: a PROJ pipeline to longitude and latitude of CGCS2000 in degrees.
    pub transform: Option<String>,
    /// `--confirm-swapped`.
    pub confirm_swapped: bool,
}

impl Position {
    /// Decides how to read the coordinates.
    ///
    /// # Errors
    /// When the system is unknown, needs a transform, or the coordinates do not fit it.
    pub fn new(file: &str, own: Option<SpatialRef>, extent: Extent, said: &Said) -> Result<Self, ImportError> {
        let mut notes = Vec::new();
        let named = said.crs.as_deref().and_then(|c| match c.to_lowercase().as_str() {
            "gcj02" => Some(Crs::Gcj02),
            "bd09" => Some(Crs::Bd09),
            "wgs84" => Some(Crs::Wgs84),
            "cgcs2000" => Some(Crs::Cgcs2000),
            _ => None,
        });
        if let Some(crs) = named {
            if crs.is_approximate() {
                notes.push(format!(
                    "{file}:坐标按 {} 换算,近似,仅供录入与导航。",
                    said.crs.as_deref().unwrap_or_default()
                ));
            }
            let swapped = check_axes(file, true, extent, said.confirm_swapped, &mut notes)?;
            return Ok(Self { way: Way::Named(crs), swapped, notes });
        }
        let source = match (&said.crs, own) {
            (Some(given), own) => {
                let given_srs = SpatialRef::from_definition(given).map_err(|_| {
                    ImportError::Usage(format!(
                        "--crs {given}:不认识的坐标系。例:EPSG:4490、EPSG:4548、gcj02、bd09、cgcs2000。"
                    ))
                })?;
                if let Some(name) = own.and_then(|o| o.name()) {
                    notes.push(format!("{file}:文件自带坐标系“{name}”,按 --crs {given} 读取。"));
                }
                given_srs
            }
            (None, Some(own)) => {
                notes.push(format!("{file}:坐标系“{}”(文件自带)。", own.name().unwrap_or_default()));
                own
            }
            (None, None) => return Err(ImportError::File(unknown_system(file, extent))),
        };
        let geographic = source.is_geographic();
        let swapped = check_axes(file, geographic, extent, said.confirm_swapped, &mut notes)?;
        let east = if swapped { extent.y } else { extent.x };
        if !geographic {
            check_zone(file, &source, east, &mut notes)?;
        }
        let transform = transform(file, source, said.transform.as_deref())?;
        Ok(Self { way: Way::Gdal(Box::new(transform)), swapped, notes })
    }

    /// Moves positions to degrees of EPSG:4490, longitude first.
    ///
    /// # Errors
    /// A sentence when a position has no image.
    pub fn apply(&self, x: &mut [f64], y: &mut [f64]) -> Result<(), String> {
        if self.swapped {
            x.swap_with_slice(y);
        }
        let first = x.first().copied().zip(y.first().copied());
        match &self.way {
            Way::Named(crs) => {
                for (x, y) in x.iter_mut().zip(y.iter_mut()) {
                    (*x, *y) = crs.to_cgcs2000(*x, *y);
                }
            }
            Way::Gdal(transform) => {
                transform.transform_coords(x, y, &mut []).map_err(|e| format!("坐标 {first:?} 无法换算:{e}"))?;
            }
        }
        let bad = x
            .iter()
            .zip(y.iter())
            .find(|(x, y)| !(x.is_finite() && y.is_finite() && x.abs() <= 180.0 && y.abs() <= 90.0));
        match bad {
            None => Ok(()),
            Some((x, y)) => Err(format!("坐标换算后为 ({x}, {y}),超出经纬度范围")),
        }
    }
}

fn unknown_system(file: &str, extent: Extent) -> String {
    let way_out = match zone_of(extent.x) {
        Some((zone, prefixed)) => format!("东坐标是 8 位,带号 {zone};若为 CGCS2000,请加 --crs EPSG:{prefixed} 确认"),
        None => "请补上同名 .prj 文件,或用 --crs 指明,例:--crs EPSG:4490(国家 2000 经纬度)、--crs EPSG:4548(2000 高斯 3 度带 117°E)、--crs gcj02(高德、腾讯)、--crs bd09(百度)".to_owned(),
    };
    format!(
        "{file}:没有坐标系信息(缺 .prj 或坐标系说明),不能猜测。坐标范围 x {:.6}–{:.6},y {:.6}–{:.6}。{way_out}。",
        extent.x.0, extent.x.1, extent.y.0, extent.y.1
    )
}

/// The zone in 8-digit eastings and the CGCS2000 system that has it: 3-degree zones 25–45 are EPSG:4513
/// onwards, 6-degree zones 13–23 EPSG:4491 onwards.
fn zone_of(east: (f64, f64)) -> Option<(u32, u32)> {
    let zone = (east.0 / 1e6).floor();
    if zone as i64 != (east.1 / 1e6).floor() as i64 {
        return None;
    }
    match zone as u32 {
        z @ 25..=45 => Some((z, 4513 + z - 25)),
        z @ 13..=23 => Some((z, 4491 + z - 13)),
        _ => None,
    }
}

/// Whether to swap: latitude first, or northing first. Never without the user's word.
fn check_axes(
    file: &str,
    geographic: bool,
    e: Extent,
    confirmed: bool,
    notes: &mut Vec<String>,
) -> Result<bool, ImportError> {
    if e.x.0 > e.x.1 {
        return Ok(false);
    }
    let swapped = if geographic {
        let china = Extent::within(e.x, 3.0, 54.0) && Extent::within(e.y, 73.0, 136.0);
        china
            || ((e.y.1.abs() > 90.0 || e.y.0.abs() > 90.0)
                && Extent::within(e.x, -90.0, 90.0)
                && Extent::within(e.y, -180.0, 180.0))
    } else {
        zone_of(e.x).is_none()
            && (zone_of(e.y).is_some() || (Extent::within(e.x, 1.5e6, 6.0e6) && Extent::within(e.y, 0.0, 1.0e6)))
    };
    if swapped && !confirmed {
        let example = if geographic {
            "前一个数像纬度、后一个数像经度"
        } else {
            "前一个数像北坐标、后一个数像东坐标"
        };
        return Err(ImportError::File(format!(
            "{file}:坐标轴似乎颠倒了({example}):x {:.6}–{:.6},y {:.6}–{:.6}。核实后加 --confirm-swapped 按颠倒读取,或改正文件。",
            e.x.0, e.x.1, e.y.0, e.y.1
        )));
    }
    if swapped {
        notes.push(format!("{file}:经确认,坐标轴按颠倒读取。"));
    } else if confirmed {
        notes.push(format!("{file}:坐标轴没有颠倒,--confirm-swapped 未起作用。"));
    }
    Ok(swapped)
}

/// Whether the zone prefix of the eastings and that of the system agree.
fn check_zone(file: &str, source: &SpatialRef, east: (f64, f64), notes: &mut Vec<String>) -> Result<(), ImportError> {
    let false_easting = source.get_proj_param("false_easting").ok().flatten().unwrap_or(0.0);
    let prefix = (false_easting >= 13e6).then(|| (false_easting / 1e6).floor() as u32);
    match (prefix, zone_of(east)) {
        (Some(p), Some((zone, _))) if p == zone => {
            notes.push(format!(
                "{file}:东坐标 8 位,含带号 {zone},与坐标系“{}”一致。",
                source.name().unwrap_or_default()
            ));
            Ok(())
        }
        (_, Some((zone, epsg))) => Err(ImportError::File(format!(
            "{file}:东坐标 {:.3}–{:.3} 是 8 位,含带号 {zone},与坐标系“{}”(东偏 {false_easting})不符。若为 CGCS2000,请加 --crs EPSG:{epsg}。",
            east.0,
            east.1,
            source.name().unwrap_or_default()
        ))),
        (Some(p), None) if east.1 < 1e6 => {
            let epsg = if p >= 25 { 4534 + p - 25 } else { 4502 + p.saturating_sub(13) };
            Err(ImportError::File(format!(
                "{file}:坐标系“{}”的东坐标应含带号 {p},而文件的东坐标 {:.3}–{:.3} 没有带号。请加 --crs EPSG:{epsg}。",
                source.name().unwrap_or_default(),
                east.0,
                east.1
            )))
        }
        _ => Ok(()),
    }
}

fn transform(file: &str, mut source: SpatialRef, pipeline: Option<&str>) -> Result<CoordTransform, ImportError> {
    let refuse = |e: gdal::errors::GdalError| ImportError::File(format!("{file}:坐标系无法换算到 CGCS2000:{e}。"));
    let datum = source.get_attr_value("DATUM", 0).ok().flatten().unwrap_or_default().to_lowercase();
    let spheroid = source.get_attr_value("SPHEROID", 0).ok().flatten().unwrap_or_default().to_lowercase();
    let old = if datum.contains("xian") || spheroid.contains("1975") || spheroid.contains("iag") {
        Some("西安 1980")
    } else if datum.contains("beijing") || spheroid.contains("krass") {
        Some("北京 1954")
    } else if source.is_local() {
        Some("地方独立")
    } else {
        None
    };
    if let (Some(old), None) = (old, pipeline) {
        return Err(ImportError::File(format!(
            "{file}:{old}坐标系到 CGCS2000 没有公开的通用参数,不能直接导入。请由测绘部门转换后再导入,或用 --transform 给出 PROJ 转换式(结果为 CGCS2000 经纬度)。"
        )));
    }
    source.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    let mut target = SpatialRef::from_epsg(4490).map_err(refuse)?;
    target.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    match pipeline {
        None => CoordTransform::new(&source, &target).map_err(refuse),
        Some(pipeline) => {
            let unusable = |e: gdal::errors::GdalError| {
                tracing::debug!(error = %e, "transform");
                ImportError::Usage(format!(
                    "--transform “{pipeline}”用不了:应为 PROJ 转换式(+proj=pipeline +step …),由文件坐标到 CGCS2000 经纬度(度)。"
                ))
            };
            let mut options = CoordTransformOptions::new().map_err(unusable)?;
            options.set_coordinate_operation(pipeline, false).map_err(unusable)?;
            // GDAL hands a given operation its coordinates in the axis order of the systems' authorities, northing
            // first for many. Between two systems without such an order it gets them as the file has them.
            let plain = SpatialRef::from_proj4("+proj=longlat +ellps=GRS80 +no_defs").map_err(refuse)?;
            CoordTransform::new_with_options(&plain, &plain, &options).map_err(unusable)
        }
    }
}
