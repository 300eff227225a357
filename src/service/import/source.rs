//! Reading files through GDAL: columns, values and geometries as they stand, without judging them.

use std::path::Path;

use gdal::spatial_ref::SpatialRef;
use gdal::vector::{LayerAccess, OwnedLayer};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use geozero::ToGeo;
use geozero::wkb::Wkb;

use super::ImportError;
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
    let mut notes = Vec::new();
    let mut options: Vec<String> = Vec::new();
    match extension.as_str() {
        "shp" | "dbf" => options.extend(shapefile_encoding(&file, path, reading.encoding.as_deref(), &mut notes)),
        "csv" | "txt" => {
            refuse_other_text(&file, path)?;
            options.push("HEADERS=YES".to_owned());
        }
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
        ImportError::File(format!(
            "{file} 读不出来:{e}。可读的格式:Shapefile、GeoPackage、FileGDB、GeoJSON、KML、DXF、CSV、XLSX。"
        ))
    })?;
    let layer = choose(dataset, &file, reading.layer.as_deref())?;
    Ok(rows_of(layer, file, notes))
}

fn set_option(key: &str, value: &str) -> Result<(), ImportError> {
    gdal::config::set_thread_local_config_option(key, value)
        .map_err(|e| ImportError::File(format!("GDAL 设置 {key} 失败:{e}。")))
}

/// Which character set a shapefile's table is in: as said, as it says itself, or recognised from its bytes.
fn shapefile_encoding(file: &str, path: &Path, said: Option<&str>, notes: &mut Vec<String>) -> Option<String> {
    if let Some(said) = said {
        return Some(format!("ENCODING={said}"));
    }
    let has_cpg = ["cpg", "CPG", "cst"].iter().any(|e| path.with_extension(e).exists());
    let table = ["dbf", "DBF"].iter().find_map(|e| std::fs::read(path.with_extension(e)).ok())?;
    // Byte 29 is the language driver; 0 and 0x57 say nothing of Chinese.
    let driver = table.get(29).copied().unwrap_or(0);
    if has_cpg || !matches!(driver, 0 | 0x57) || table.get(32..)?.is_ascii() {
        return None;
    }
    let utf8 = std::str::from_utf8(table.get(32..)?).is_ok();
    let encoding = if utf8 { "UTF-8" } else { "GBK" };
    notes.push(format!("{file}:没有 .cpg,按内容识别为 {encoding} 编码;不对请用 --encoding 指明。"));
    Some(format!("ENCODING={encoding}"))
}

/// GDAL 3.6 reads text tables as UTF-8 only.
fn refuse_other_text(file: &str, path: &Path) -> Result<(), ImportError> {
    let bytes = std::fs::read(path).map_err(|e| ImportError::File(format!("{file} 读不出来:{e}。")))?;
    match std::str::from_utf8(&bytes) {
        Ok(_) => Ok(()),
        Err(e) => Err(ImportError::File(format!(
            "{file} 不是 UTF-8 编码(第 {} 字节起,可能是 GBK)。请在 Excel 里另存为“CSV UTF-8”,或运行 iconv -f GBK -t UTF-8。",
            e.valid_up_to() + 1
        ))),
    }
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

fn rows_of(mut layer: OwnedLayer, file: String, notes: Vec<String>) -> Source {
    let headers: Vec<String> = layer.defn().fields().map(|f| f.name()).collect();
    let crs = layer.spatial_ref();
    let columns = headers.len();
    let mut rows = Vec::new();
    for (k, feature) in layer.features().enumerate() {
        let value = |c| feature.field_as_string(c).ok().flatten().unwrap_or_default().trim().to_owned();
        let geometry = feature.geometry().filter(|g| g.has_gdal_ptr()).map(plain);
        rows.push(RawRow { number: k as u64 + 1, values: (0..columns).map(value).collect(), geometry });
    }
    Source { file, headers, rows, crs, notes }
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
