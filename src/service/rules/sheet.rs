//! The table as a sheet (CSV) that Excel opens and saves.

use std::borrow::Cow;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::show::Table;
use crate::dispatch::rules::DraftLine;
use crate::dispatch::rules::draft::{COLUMNS, heading};
use crate::domain::incident::Urgency;
use crate::domain::{Problem, ProblemKind};
use crate::service::ServiceError;

/// What tells Excel that a sheet is UTF-8.
const MARK: &str = "\u{feff}";
/// Between several units of one field.
const BETWEEN: [char; 4] = ['、', ';', ';', '|'];

/// Writes a table. Codes stand with their names in one field: a bare `0301` would come back from Excel as 301.
///
/// # Errors
/// Never for what fits into memory; the writer's signature asks for it.
pub fn write(table: &Table) -> Result<Vec<u8>, ServiceError> {
    let failed = |e: &dyn std::fmt::Display| ServiceError::Internal(format!("sheet of rules: {e}"));
    let mut sheet = csv::Writer::from_writer(MARK.as_bytes().to_vec());
    sheet.write_record(COLUMNS.iter().map(|c| c.1)).map_err(|e| failed(&e))?;
    let number = |n: Option<i32>| n.map(|n| n.to_string()).unwrap_or_default();
    let named = |code: &Option<String>, name: &Option<String>| match (code, name) {
        (Some(code), Some(name)) if code.starts_with('#') => format!("{name} {code}"),
        (Some(code), Some(name)) => format!("{code} {name}"),
        (code, _) => code.clone().unwrap_or_default(),
    };
    for line in &table.lines {
        let l = &line.written;
        let urgency = l.urgency.as_deref().and_then(Urgency::from_code).map_or("", Urgency::zh);
        let record = [
            line.ordinal.to_string(),
            named(&l.category, &line.category_name),
            urgency.to_owned(),
            named(&l.region, &line.region_name),
            line.first_level_name.clone(),
            l.first_unit.clone().unwrap_or_default(),
            l.assist_units.join("、"),
            if l.cluster_helps { "是" } else { "" }.to_owned(),
            l.accept_minutes.to_string(),
            number(l.resolve_minutes),
            number(l.resolve_days),
        ];
        sheet.write_record(record).map_err(|e| failed(&e))?;
    }
    sheet.into_inner().map_err(|e| failed(&e))
}

/// Reads lines. Columns are found by their heading, whatever their order; a sheet of Excel's own code page (GB 18030) is
/// read as well.
///
/// # Errors
/// A problem that names the column or the line and its field.
pub fn read(bytes: &[u8]) -> Result<Vec<DraftLine>, Problem> {
    let text = text(bytes);
    let mut reader =
        ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(text.trim_start_matches(MARK).as_bytes());
    let headings = reader.headers().map_err(|e| unreadable(&e))?.clone();
    let at = |field: &str| headings.iter().position(|h| h == heading(field) || h == field);
    let places: Vec<Option<usize>> = COLUMNS.iter().map(|c| at(c.0)).collect();
    if let Some(missing) = COLUMNS.iter().zip(&places).skip(1).find(|(_, at)| at.is_none()) {
        let column = missing.0;
        return Err(Problem::bad_field(
            "",
            format!("表里没有“{}”这一列。请先下载现行规则表(GET /api/dispatch/rules.csv),在上面修改。", column.1),
            format!("There is no column {} ({}); begin with GET /api/dispatch/rules.csv", column.1, column.0),
        ));
    }
    let strange = |n: usize| !places.contains(&Some(n)) && !headings[n].is_empty();
    if let Some(n) = (0..headings.len()).find(|n| strange(*n)) {
        return Err(Problem::bad_field(
            "",
            format!("不认识“{}”这一列,请删去或改正列名", &headings[n]),
            format!("The column {:?} is not known; remove it or mend its name", &headings[n]),
        ));
    }
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| unreadable(&e))?;
        // Excel leaves empty lines at the end.
        if record.iter().any(|f| !f.is_empty()) {
            lines.push(Row { record: &record, places: &places, number: lines.len() }.line()?);
        }
    }
    Ok(lines)
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| encoding_rs::GB18030.decode(bytes).0, Cow::Borrowed)
}

struct Row<'a> {
    record: &'a StringRecord,
    places: &'a [Option<usize>],
    number: usize,
}

impl Row<'_> {
    fn line(&self) -> Result<DraftLine, Problem> {
        let said = |field| Some(self.field(field).to_owned()).filter(|t| !t.is_empty());
        let units = self.field("assist_units").split(BETWEEN).map(str::trim).filter(|u| !u.is_empty());
        let accept = self.number("accept_minutes")?;
        Ok(DraftLine {
            category: said("category"),
            urgency: said("urgency"),
            region: said("region"),
            first_level: self.field("first_level").to_owned(),
            first_unit: said("first_unit"),
            assist_units: units.map(str::to_owned).collect(),
            cluster_helps: self.yes("cluster_helps")?,
            accept_minutes: accept.ok_or_else(|| self.wrong("accept_minutes", "请填写分钟数", "minutes are needed"))?,
            resolve_minutes: self.number("resolve_minutes")?,
            resolve_days: self.number("resolve_days")?,
        })
    }

    fn field(&self, field: &str) -> &str {
        let column = COLUMNS.iter().position(|c| c.0 == field);
        column.and_then(|c| self.record.get(self.places[c]?)).unwrap_or_default()
    }

    fn number(&self, field: &'static str) -> Result<Option<i32>, Problem> {
        let text = self.field(field);
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| self.wrong(field, "应为整数", "it is a whole number"))
    }

    fn yes(&self, field: &'static str) -> Result<bool, Problem> {
        match self.field(field) {
            "是" | "true" | "TRUE" | "1" => Ok(true),
            "" | "否" | "false" | "FALSE" | "0" => Ok(false),
            _ => Err(self.wrong(field, "应为“是”或“否”", "it is 是 or 否")),
        }
    }

    fn wrong(&self, field: &'static str, zh: &str, en: &str) -> Problem {
        let (line, text) = (self.number + 1, self.field(field));
        Problem::bad_field(
            format!("/lines/{}/{field}", self.number),
            format!("第 {line} 行“{}”= “{text}”:{zh}", heading(field)),
            format!("Line {line}, {field} = {text:?}: {en}"),
        )
    }
}

fn unreadable(error: &csv::Error) -> Problem {
    let line = error.position().map_or(0, csv::Position::line);
    Problem::new(
        ProblemKind::Malformed,
        "bad-sheet",
        ("表格读不出来", "The sheet cannot be read"),
        (
            format!("CSV 第 {line} 行附近读不出来,请用 Excel 另存为“CSV UTF-8”后重试。"),
            format!("The CSV cannot be read near line {line}; save it as CSV UTF-8 and try again."),
        ),
    )
}
