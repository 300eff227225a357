//! From files to features: the whole import.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};

use super::columns::Mapping;
use super::fields::{ImportLayer, Shapes, store_value};
use super::position::{Extent, Position, Said};
use super::report::{Report, RowNote};
use super::source::{self, Reading, Source};
use super::{ImportError, shape};
use crate::db::Databases;
use crate::db::import::{self as store, Incoming, Level, NewCounty, Origin, Settings};

/// What is declared of the material: required, since each layer keeps it.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// `public` or `internal`; anything 涉密 is refused.
    pub security_class: String,
    /// Who gave it.
    pub provider: String,
    /// Its date.
    pub dated: NaiveDate,
    /// Number of its approval, where it has one.
    pub approval_no: Option<String>,
}

/// An import as asked for.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// Into which layer.
    pub layer: ImportLayer,
    /// From which files, all in one transaction.
    pub files: Vec<PathBuf>,
    /// What is said of the files.
    pub reading: Reading,
    /// What is said of the coordinates.
    pub said: Said,
    /// Region: which level the rows are.
    pub level: Option<Level>,
    /// Code or name of the region all rows lie in.
    pub parent: Option<String>,
    /// Field = column.
    pub map: Vec<(String, String)>,
    /// What the material is.
    pub declared: Declaration,
    /// The county to make where there is none.
    pub county: Option<NewCounty>,
    /// Do everything but keep it.
    pub dry_run: bool,
    /// Keep the good rows though others are refused.
    pub skip_refused: bool,
    /// Now: effective dates are the county's day at this instant.
    pub now: DateTime<Utc>,
}

/// One row on its way to the database.
struct Ready {
    incoming: Vec<Incoming>,
    origins: Vec<(String, u64, String)>,
}

/// Imports the files. Rows refused are in the report; then nothing is written unless they may be skipped.
///
/// # Errors
/// When the request cannot be carried out at all.
pub async fn run(databases: &Databases, request: ImportRequest) -> Result<Report, ImportError> {
    check(&request)?;
    let asked = request.clone();
    let read = tokio::task::spawn_blocking(move || read_all(&asked)).await;
    let (ready, mut report) = read.map_err(|e| ImportError::File(format!("读取文件时出错:{e}。")))??;
    let settings = Settings {
        layer: request.layer.name(),
        level: request.level,
        parent: request.parent.clone(),
        county: request.county.clone(),
        dry_run: request.dry_run,
        // Rows refused while reading refuse the file as well.
        keep_despite_refusals: request.skip_refused,
        refused_before: !report.refused.is_empty(),
        now: request.now,
        origin: Origin {
            file_name: request
                .files
                .iter()
                .filter_map(|f| f.file_name())
                .map(|n| n.to_string_lossy())
                .collect::<Vec<_>>()
                .join("、"),
            security_class: request.declared.security_class.clone(),
            provider: request.declared.provider.clone(),
            approval_no: request.declared.approval_no.clone(),
            dated: request.declared.dated,
            rows_read: report.read,
        },
    };
    let stored = store::store(&databases.migrator, &settings, &ready.incoming).await.map_err(|e| match e {
        store::StoreError::Usage(message) => ImportError::Usage(message),
        store::StoreError::Db(e) => ImportError::Database(e),
    })?;
    for (index, reason) in stored.refused {
        if let Some((file, row, name)) = ready.origins.get(index as usize) {
            report.refused.push(RowNote { file: file.clone(), row: *row, name: name.clone(), note: reason });
        }
    }
    report.refused.sort_by(|a, b| (&a.file, a.row).cmp(&(&b.file, b.row)));
    report.refused.dedup_by(|a, b| (&a.file, a.row) == (&b.file, b.row));
    report.notes.extend(stored.notes);
    (report.inserted, report.updated, report.unchanged) = (stored.inserted, stored.updated, stored.unchanged);
    report.written = stored.written;
    Ok(report)
}

fn check(request: &ImportRequest) -> Result<(), ImportError> {
    let usage = |m: &str| Err(ImportError::Usage(m.to_owned()));
    match request.declared.security_class.as_str() {
        "public" | "internal" => {}
        other => {
            return Err(ImportError::Usage(format!(
                "--security-class {other}:只能导入公开(public)或内部(internal)资料;涉密资料不得进入本系统。"
            )));
        }
    }
    if request.declared.provider.trim().is_empty() {
        return usage("--provider 不能为空:请写明资料提供单位。");
    }
    if request.layer == ImportLayer::Grid {
        return usage(
            "网格的图形只能经“重划”更改(POST /api/grids/redraws 预览后发布),不能直接导入,以保证往日的责任可追溯。",
        );
    }
    if request.layer == ImportLayer::Region && request.level.is_none() {
        return usage("导入辖区请加 --level township(乡镇)或 --level village(村)。");
    }
    Ok(())
}

/// Blocking: GDAL reads, then every row is made ready or refused.
fn read_all(request: &ImportRequest) -> Result<(Ready, Report), ImportError> {
    let mut ready = Ready { incoming: Vec::new(), origins: Vec::new() };
    let mut report = Report::default();
    for path in &request.files {
        let source = source::read(path, &request.reading)?;
        read_one(request, source, &mut ready, &mut report)?;
    }
    Ok((ready, report))
}

fn read_one(
    request: &ImportRequest,
    mut source: Source,
    ready: &mut Ready,
    report: &mut Report,
) -> Result<(), ImportError> {
    let layer = request.layer;
    report.notes.append(&mut source.notes);
    let mapping = Mapping::new(layer, &source.headers, &request.map)?;
    report.mapping = mapping.shown(layer, &source.headers);
    report.saved_mapping = mapping.saved(&source.headers);
    report.read += source.rows.len() as u64;
    let columns = mapping.0.get("lon").copied().zip(mapping.0.get("lat").copied());
    let mut faults = Vec::new();
    for row in &mut source.rows {
        if let (None, Some((lon, lat))) = (&row.geometry, columns) {
            row.geometry = point(&row.values[lon], &row.values[lat]);
        }
    }
    let mut extent = Extent::EMPTY;
    for c in
        source.rows.iter().filter_map(|r| r.geometry.as_ref()?.as_ref().ok()).flat_map(geo::CoordsIter::coords_iter)
    {
        extent.add(c.x, c.y);
    }
    let has_shapes = layer.shapes() != Shapes::None && extent.x.0 <= extent.x.1;
    let position =
        if has_shapes { Some(Position::new(&source.file, source.crs.take(), extent, &request.said)?) } else { None };
    if let Some(position) = &position {
        report.notes.extend(position.notes.iter().cloned());
    }
    for row in source.rows {
        let name = ["name", "number", "head"]
            .iter()
            .find_map(|k| row.values.get(*mapping.0.get(k)?))
            .cloned()
            .unwrap_or_default();
        let note = |note: String| RowNote { file: source.file.clone(), row: row.number, name: name.clone(), note };
        let fields = match fields_of(layer, &mapping, &row.values) {
            Ok(fields) => fields,
            Err(reason) => {
                faults.push(note(reason));
                continue;
            }
        };
        let shaped = match (row.geometry, &position) {
            (Some(Ok(geometry)), Some(position)) => shape::shape(geometry, layer.shapes(), position).map(Some),
            (Some(Err(reason)), _) => Err(reason),
            _ if layer.needs_geometry() => Err("没有图形或坐标".to_owned()),
            _ => Ok(None),
        };
        let parts = match shaped {
            Ok(Some(shaped)) => {
                report.repaired.extend(shaped.repaired.map(&note));
                shaped.parts.into_iter().map(Some).collect()
            }
            Ok(None) => vec![None],
            Err(reason) => {
                faults.push(note(reason));
                continue;
            }
        };
        for geometry in parts {
            ready.incoming.push(Incoming { geometry, fields: fields.clone() });
            ready.origins.push((source.file.clone(), row.number, name.clone()));
        }
    }
    report.refused.append(&mut faults);
    Ok(())
}

/// A point from two columns; `None` where both are empty.
fn point(lon: &str, lat: &str) -> Option<Result<crate::geo::Geometry, String>> {
    if lon.is_empty() && lat.is_empty() {
        return None;
    }
    let number = |label: &str, text: &str| {
        text.parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(|| format!("{label}“{text}”不是数"))
    };
    Some(number("经度", lon).and_then(|x| number("纬度", lat).map(|y| ::geo::Point::new(x, y).into())))
}

/// The fields as one JSON object: only those that have a column.
fn fields_of(layer: ImportLayer, mapping: &Mapping, values: &[String]) -> Result<String, String> {
    let mut fields = serde_json::Map::new();
    for field in layer.fields().iter().filter(|f| !matches!(f.key, "lon" | "lat")) {
        let Some(value) = mapping.0.get(field.key).and_then(|k| values.get(*k)) else { continue };
        if value.contains('\0') {
            return Err(format!("{}含有不可用的字符", field.label));
        }
        let stored = store_value(layer, field.key, value)?;
        if field.required && stored.is_empty() {
            return Err(format!("{}({})是空的", field.label, field.key));
        }
        fields.insert(field.key.to_owned(), serde_json::Value::String(stored));
    }
    Ok(serde_json::Value::Object(fields).to_string())
}
