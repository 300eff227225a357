//! From files to rows that are ready to be stored, or refused with the reason. Blocking.

use ::geo::CoordsIter;
use serde_json::{Map, Value, json};

use super::columns::Mapping;
use super::fields::{ImportLayer, Shapes, phones, store_value};
use super::position::{Extent, Position};
use super::report::{Report, RowNote};
use super::run::ImportRequest;
use super::source::{self, RawRow, Source};
use super::{ImportError, shape};
use crate::access::phone::{NONCE_BYTES, PhoneKey};
use crate::db::import::Incoming;
use crate::domain::seal::hex;

/// Rows on their way to the database.
#[derive(Debug, Default)]
pub(super) struct Ready {
    pub(super) incoming: Vec<Incoming>,
    /// File, row and name of each.
    pub(super) origins: Vec<(String, u64, String)>,
}

/// GDAL reads, then every row is made ready or refused.
///
/// # Errors
/// When a file cannot be read, or its columns or coordinates need a decision.
pub(super) fn read_all(request: &ImportRequest) -> Result<(Ready, Report), ImportError> {
    let mut ready = Ready::default();
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
    let is_filled = |k: usize| source.rows.iter().any(|r| !r.values[k].is_empty());
    let mapping = Mapping::new(layer, &source.headers, is_filled, &request.map).map_err(|e| match e {
        ImportError::File(what) => ImportError::File(format!("{}:{what}", source.file)),
        other => other,
    })?;
    report.mapping = mapping.shown(layer, &source.headers);
    report.saved_mapping = mapping.saved(&source.headers);
    report.read += source.rows.len() as u64;
    let position = place(request, &mut source, &mapping)?;
    if let Some(position) = &position {
        report.notes.extend(position.notes.iter().cloned());
    }
    let maker = Maker { layer, mapping: &mapping, headers: &source.headers, key: &request.phone_key };
    for row in source.rows {
        let name = maker.name(&row);
        let number = row.number;
        let note = |note: String| RowNote { file: source.file.clone(), row: number, name: name.clone(), note };
        match maker.ready(row, position.as_ref()) {
            Ok((parts, repaired)) => {
                report.repaired.extend(repaired.map(&note));
                for part in parts {
                    ready.incoming.push(part);
                    ready.origins.push((source.file.clone(), number, name.clone()));
                }
            }
            Err(reason) => report.refused.push(note(reason)),
        }
    }
    Ok(())
}

/// Makes points of two columns, and decides how the file's coordinates are to be read.
fn place(request: &ImportRequest, source: &mut Source, mapping: &Mapping) -> Result<Option<Position>, ImportError> {
    if let Some((lon, lat)) = mapping.0.get("lon").copied().zip(mapping.0.get("lat").copied()) {
        let headers = (source.headers[lon].as_str(), source.headers[lat].as_str());
        for row in source.rows.iter_mut().filter(|r| r.geometry.is_none() && r.fault.is_none()) {
            row.geometry = point(headers, &row.values[lon], &row.values[lat]);
        }
    }
    let mut extent = Extent::EMPTY;
    for c in source.rows.iter().filter_map(|r| r.geometry.as_ref()?.as_ref().ok()).flat_map(CoordsIter::coords_iter) {
        extent.add(c.x, c.y);
    }
    if request.layer.shapes() == Shapes::None || extent.x.0 > extent.x.1 {
        return Ok(None);
    }
    Position::new(&source.file, source.crs.take(), extent, &request.said).map(Some)
}

/// A point from two columns; `None` where both are empty.
fn point(headers: (&str, &str), lon: &str, lat: &str) -> Option<Result<crate::geo::Geometry, String>> {
    if lon.is_empty() && lat.is_empty() {
        return None;
    }
    let number = |header: &str, text: &str| {
        let number = text.parse::<f64>().ok().filter(|v| v.is_finite());
        number.ok_or_else(|| format!("列“{header}”:“{text}”不是数"))
    };
    Some(number(headers.0, lon).and_then(|x| number(headers.1, lat).map(|y| ::geo::Point::new(x, y).into())))
}

/// Makes rows of one file ready.
struct Maker<'a> {
    layer: ImportLayer,
    mapping: &'a Mapping,
    headers: &'a [String],
    key: &'a PhoneKey,
}

impl Maker<'_> {
    /// What the row is called, as far as it can be read.
    fn name(&self, row: &RawRow) -> String {
        let value = |k: &&str| row.values.get(*self.mapping.0.get(*k)?).cloned();
        ["name", "number", "head"].iter().find_map(value).unwrap_or_default()
    }

    /// The row, one for each part of a line, and what was repaired.
    fn ready(&self, row: RawRow, position: Option<&Position>) -> Result<(Vec<Incoming>, Option<String>), String> {
        if let Some(fault) = row.fault {
            return Err(fault);
        }
        let fields = self.fields(&row.values)?;
        let (parts, repaired) = match (row.geometry, position) {
            (Some(Ok(geometry)), Some(position)) => {
                let shaped = shape::shape(geometry, self.layer.shapes(), position)?;
                (shaped.parts.into_iter().map(Some).collect(), shaped.repaired)
            }
            (Some(Err(reason)), _) => return Err(reason),
            _ if self.layer.needs_geometry() => return Err("没有图形或坐标".to_owned()),
            _ => (vec![None], None),
        };
        Ok((parts.into_iter().map(|geometry| Incoming { geometry, fields: fields.clone() }).collect(), repaired))
    }

    /// The fields as one JSON object: only those that have a column. Phones leave here sealed.
    fn fields(&self, values: &[String]) -> Result<String, String> {
        let mut fields = Map::new();
        for field in self.layer.fields().iter().filter(|f| !matches!(f.key, "lon" | "lat")) {
            let Some(column) = self.mapping.0.get(field.key).copied() else { continue };
            let Some(value) = values.get(column) else { continue };
            let at = |reason: String| format!("列“{}”:{reason}", self.headers[column]);
            if value.contains('\0') {
                return Err(at(format!("{}含有不可用的字符", field.label)));
            }
            if field.key == "phone" {
                let sealed = phones(value).map_err(at)?.iter().map(|digits| sealed(self.key, digits)).collect();
                fields.insert("phones".to_owned(), Value::Array(sealed));
                continue;
            }
            let stored = store_value(self.layer, field.key, value).map_err(at)?;
            if field.required && stored.is_empty() {
                return Err(at(format!("{}({})是空的", field.label, field.key)));
            }
            fields.insert(field.key.to_owned(), Value::String(stored));
        }
        Ok(Value::Object(fields).to_string())
    }
}

/// A phone as the database may know it: its ciphertext and the two hashes it is found by, in hexadecimal.
fn sealed(key: &PhoneKey, digits: &str) -> Value {
    let sealed = key.seal(digits, rand::random::<[u8; NONCE_BYTES]>());
    json!({"c": hex(&sealed.ciphertext), "n": hex(&sealed.number_hash), "t": hex(&sealed.tail_hash)})
}
