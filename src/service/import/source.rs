//! Reading files through GDAL: columns, values and geometries as they stand, without judging them.

use std::path::Path;

use gdal::spatial_ref::SpatialRef;
use gdal::vector::{LayerAccess, OwnedLayer};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use geozero::ToGeo;
use geozero::wkb::Wkb;

use super::{ImportError, shapefile, table};
use crate::geo::Geometry;

/// A file as it stands.
pub struct Source {
    /// The file's name, for the user.
    pub file: String,
    /// Column headers.
    pub headers: Vec<String>,
    /// The rows.
    pub rows: Vec<RawRow>,
    /// The coordinate system the file says it is in.
    pub crs: Option<SpatialRef>,
    /// What was recognised, for the user.
    pub notes: Vec<String>,
}

/// One row of a file.
pub struct RawRow {
    /// Counted from 1, without the header.
    pub number: u64,
    /// A value a column; blanks trimmed.
    pub values: Vec<String>,
    /// In the file's coordinates; a sentence when it cannot be read.
    pub geometry: Option<Result<Geometry, String>>,
    /// Why the row itself cannot be read.
    pub fault: Option<String>,
}

/// What the user said about reading.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// `--encoding`.
    pub encoding: Option<String>,
    /// `--source-layer`.
    pub layer: Option<String>,
}

/// Reads a file. Blocking.
///
/// # Errors
/// When GDAL cannot read it, or it holds several layers and none was named.
pub fn read(path: &Path, reading: &Reading) -> Result<Source, ImportError> {
    gdal::config::set_error_handler(|_, number, message| tracing::debug!(number, message, "gdal"));
    let file = path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
    if !path.exists() {
        return Err(ImportError::Usage(format!("没有文件 {}。请检查路径。", path.display())));
    }
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    if path.is_file() && std::fs::metadata(path).is_ok_and(|m| m.len() == 0) {
        return Err(ImportError::File(format!("{file} 是空的(0 字节),没有内容可以导入。请重新导出或复制文件。")));
    }
    let mut notes = Vec::new();
    let mut options: Vec<String> = Vec::new();
    match extension.as_str() {
        "csv" | "txt" | "tsv" => return read_text(path, file, reading),
        "shp" => {
            shapefile::check(&file, path)?;
            options.extend(shapefile::encoding(&file, path, reading.encoding.as_deref(), &mut notes));
        }
        "dxf" => drawing_encoding(&file, path, reading.encoding.as_deref(), &mut notes)?,
        "dbf" => options.extend(shapefile::encoding(&file, path, reading.encoding.as_deref(), &mut notes)),
        "xlsx" => {
            set_option("OGR_XLSX_HEADERS", "FORCE").and_then(|()| set_option("OGR_XLSX_FIELD_TYPES", "STRING"))?;
        }
        _ => {}
    }
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let opening = DatasetOptions {
        open_flags: GdalOpenFlags::GDAL_OF_VECTOR | GdalOpenFlags::GDAL_OF_READONLY,
        open_options: Some(&options),
        ..DatasetOptions::default()
    };
    let dataset = Dataset::open_ex(path, opening).map_err(|e| {
        tracing::debug!(error = %e, "gdal");
        ImportError::File(format!(
            "{file} 读不出来:格式不认识,或文件不完整。可读的格式:Shapefile(.shp)、GeoPackage(.gpkg)、FileGDB(.gdb 文件夹)、GeoJSON、KML、DXF、CSV、XLSX。"
        ))
    })?;
    let layer = choose(dataset, &file, reading.layer.as_deref())?;
    rows_of(layer, file, notes)
}

/// A delimited text; its geometry, if it has one, stands in a column of WKT.
fn read_text(path: &Path, file: String, reading: &Reading) -> Result<Source, ImportError> {
    let mut notes = Vec::new();
    let bytes = std::fs::read(path).map_err(|e| ImportError::File(format!("{file} 读不出来:{e}。")))?;
    let text = table::decode(&file, &bytes, reading.encoding.as_deref(), &mut notes)?;
    let table = table::parse(&file, &text)?;
    let wkt =
        table.headers.iter().position(|h| ["wkt", "geom", "geometry", "the_geom"].contains(&h.to_lowercase().as_str()));
    let shape = |values: &[String]| {
        let text = values.get(wkt?).filter(|t| !t.is_empty())?;
        let header = &table.headers[wkt?];
        let short: String = text.chars().take(40).collect();
        Some(
            gdal::vector::Geometry::from_wkt(text)
                .map_err(|_| ())
                .and_then(|g| plain(&g).map_err(|_| ()))
                .map_err(|()| format!("列“{header}”:“{short}”不是 WKT 图形,例:POINT(117.2 25.6)")),
        )
    };
    let row = |(k, r): (usize, table::TableRow)| RawRow {
        number: k as u64 + 1,
        geometry: if r.fault.is_none() { shape(&r.values) } else { None },
        values: r.values,
        fault: r.fault,
    };
    let rows = table.rows.into_iter().enumerate().map(row).collect();
    Ok(Source { file, headers: table.headers.clone(), rows, crs: None, notes })
}

/// Which character set a drawing (DXF) is in. It names a code page, but from version 2007 on it is written in UTF-8
/// all the same, which GDAL 3.6 does not know.
fn drawing_encoding(file: &str, path: &Path, said: Option<&str>, notes: &mut Vec<String>) -> Result<(), ImportError> {
    const OPTION: &str = "DXF_ENCODING";
    // Blocking threads are used again: what the last drawing was in must not stay.
    gdal::config::clear_thread_local_config_option(OPTION)
        .map_err(|e| ImportError::File(format!("GDAL 设置 {OPTION} 失败:{e}。")))?;
    if let Some(said) = said {
        return set_option(OPTION, said);
    }
    let bytes = std::fs::read(path).map_err(|e| ImportError::File(format!("{file} 读不出来:{e}。")))?;
    if bytes.is_ascii() {
        return Ok(());
    }
    let names_page = bytes.windows(7).any(|w| w == b"ANSI_93" || w == b"ANSI_95");
    let encoding = match std::str::from_utf8(&bytes) {
        Ok(_) => "UTF-8",
        Err(_) if names_page => return Ok(()),
        Err(_) => "CP936",
    };
    let shown = if encoding == "CP936" { "GBK" } else { encoding };
    notes.push(format!("{file}:按内容识别为 {shown} 编码;不对请用 --encoding 指明。"));
    set_option(OPTION, encoding)
}

fn set_option(key: &str, value: &str) -> Result<(), ImportError> {
    gdal::config::set_thread_local_config_option(key, value)
        .map_err(|e| ImportError::File(format!("GDAL 设置 {key} 失败:{e}。")))
}

fn choose(dataset: Dataset, file: &str, named: Option<&str>) -> Result<OwnedLayer, ImportError> {
    let names: Vec<String> = dataset.layers().map(|l| l.name()).collect();
    let index = match named {
        Some(name) => names.iter().position(|n| n == name),
        None if names.len() == 1 => Some(0),
        None => None,
    };
    let index = index.ok_or_else(|| {
        ImportError::Usage(format!(
            "{file} 里有 {} 个图层:{}。请用 --source-layer 指明一个。",
            names.len(),
            names.join("、")
        ))
    })?;
    dataset.into_layer(index).map_err(|e| ImportError::File(format!("{file} 的图层读不出来:{e}。")))
}

fn rows_of(mut layer: OwnedLayer, file: String, notes: Vec<String>) -> Result<Source, ImportError> {
    let headers: Vec<String> = layer.defn().fields().map(|f| f.name()).collect();
    let crs = layer.spatial_ref();
    let columns = headers.len();
    // Counted before reading: a reader that stumbles ends as if the layer did.
    let promised = layer.try_feature_count();
    let mut rows = Vec::new();
    for (k, feature) in layer.features().enumerate() {
        let value = |c| feature.field_as_string(c).ok().flatten().unwrap_or_default().trim().to_owned();
        let geometry = feature.geometry().filter(|g| g.has_gdal_ptr()).map(plain);
        let values = (0..columns).map(value).collect();
        rows.push(RawRow { number: k as u64 + 1, values, geometry, fault: None });
    }
    if let Some(promised) = promised.filter(|n| *n > rows.len() as u64) {
        return Err(ImportError::File(format!(
            "{file} 应有 {promised} 行,只读到第 {} 行:文件不完整或已损坏。请重新导出或复制文件。",
            rows.len()
        )));
    }
    if rows.is_empty() {
        return Err(ImportError::File(format!("{file} 的图层“{}”里没有要素,没有内容可以导入。", layer.name())));
    }
    Ok(Source { file, headers, rows, crs, notes })
}

/// Without heights and measures, as the crate `geo` knows it.
fn plain(geometry: &gdal::vector::Geometry) -> Result<Geometry, String> {
    let mut flat = geometry.clone();
    flat.flatten_to_2d();
    let name = flat.geometry_name();
    flat.wkb()
        .map_err(|e| e.to_string())
        .and_then(|bytes| Wkb(bytes).to_geo().map_err(|e| format!("{name} 图形读不懂:{e}")))
}
