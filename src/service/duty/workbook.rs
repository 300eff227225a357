//! Tables as people open them: workbooks with a title, a head that stays in view, forms of numbers, sums and notes.

use chrono::{DateTime, NaiveDateTime, Utc};
use rust_xlsxwriter::utility::row_col_to_cell;
use rust_xlsxwriter::{DocProperties, Format, FormatAlign, FormatBorder, Formula, Workbook, Worksheet, XlsxError};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::Viewer;
use crate::service::ServiceError;

/// Rows above the data: the title, what it is of, the head.
const ABOVE: u32 = 3;
/// Height of a title, points.
const TITLE_HEIGHT: f64 = 30.0;

/// The form a table is asked for in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum As {
    /// JSON.
    #[default]
    Json,
    /// A workbook.
    Xlsx,
}

/// How a column is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Words.
    Text,
    /// Words over several lines.
    Wrapped,
    /// A whole number.
    Count,
    /// A share, as `12.3%`.
    Percent,
    /// A number with one place.
    Decimal,
    /// An instant on the county's clock.
    Time,
}

/// A column: its head, its width in characters, its form.
pub type Column = (&'static str, f64, Form);

/// What stands in a cell.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// Words.
    Text(String),
    /// A number.
    Number(f64),
    /// On the county's clock.
    Time(NaiveDateTime),
}

impl Cell {
    /// Words.
    #[must_use]
    pub fn text(text: &str) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text.to_owned()) }
    }

    /// A count.
    #[must_use]
    pub fn count(n: i64) -> Self {
        Self::Number(n as f64)
    }

    /// A number, where there is one.
    #[must_use]
    pub fn number(n: Option<f64>) -> Self {
        n.map_or(Self::Empty, Self::Number)
    }
}

/// One sheet.
#[derive(Debug)]
pub struct Sheet<'a> {
    /// On its tab.
    pub name: &'a str,
    /// Over the table.
    pub title: &'a str,
    /// What the table is of, in one line.
    pub subtitle: &'a str,
    /// The columns.
    pub columns: &'a [Column],
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// The row of sums; its counts are written as formulas over the rows.
    pub total: Option<Vec<Cell>>,
}

/// Who took a table away, and when: it goes with the table wherever that goes. `local` is on the county's clock.
#[must_use]
pub fn mark(viewer: &Viewer, local: NaiveDateTime) -> String {
    format!("由{}于 {} 导出", viewer.name(), local.format("%Y-%m-%d %H:%M"))
}

/// Writes a workbook; a last sheet holds the notes. `mark` stands over each table and on each printed page.
///
/// # Errors
/// Only against all expectation.
pub fn write(sheets: &[Sheet<'_>], notes: &[&str], mark: &str, now: DateTime<Utc>) -> Result<Vec<u8>, ServiceError> {
    fill(sheets, notes, mark, now).map_err(|e| ServiceError::Internal(format!("workbook: {e}")))
}

fn fill(sheets: &[Sheet<'_>], notes: &[&str], mark: &str, now: DateTime<Utc>) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let title = sheets.first().map_or("", |s| s.title);
    book.set_properties(&DocProperties::new().set_title(title).set_author("一图统揽").set_creation_datetime(&now));
    for sheet in sheets {
        table(book.add_worksheet().set_name(sheet.name)?, sheet, mark)?;
    }
    let page = book.add_worksheet().set_name("口径说明")?;
    page.set_column_width(0, 110.0)?;
    let wrapped = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    for (row, note) in (0..).zip(notes) {
        page.write_with_format(row, 0, *note, &wrapped)?;
    }
    book.save_to_buffer()
}

fn table(page: &mut Worksheet, sheet: &Sheet<'_>, mark: &str) -> Result<(), XlsxError> {
    let last = sheet.columns.len().saturating_sub(1) as u16;
    let centred = Format::new().set_align(FormatAlign::Center).set_align(FormatAlign::VerticalCenter);
    page.merge_range(0, 0, 0, last, sheet.title, &centred.clone().set_bold().set_font_size(16))?;
    let subtitle = format!("{} · {mark}", sheet.subtitle);
    page.merge_range(1, 0, 1, last, &subtitle, &Format::new().set_font_color("#5A6675"))?;
    page.set_row_height(0, TITLE_HEIGHT)?;
    let head = centred.set_bold().set_text_wrap().set_background_color("#E7EDF5").set_border(FormatBorder::Thin);
    for (column, (name, width, _)) in (0..).zip(sheet.columns) {
        page.set_column_width(column, *width)?;
        page.write_with_format(ABOVE - 1, column, *name, &head)?;
    }
    page.set_freeze_panes(ABOVE, 0)?;
    page.set_repeat_rows(ABOVE - 1, ABOVE - 1)?;
    // A4, as wide as the paper and as long as it is.
    page.set_landscape()
        .set_paper_size(9)
        .set_print_fit_to_pages(1, 0)
        .set_footer(format!("&C第 &P 页,共 &N 页&R{}", mark.replace('&', "&&")));
    for (row, cells) in (ABOVE..).zip(&sheet.rows) {
        for (column, (cell, (_, _, form))) in (0..).zip(cells.iter().zip(sheet.columns)) {
            put(page, (row, column), cell, &format_of(*form))?;
        }
    }
    let Some(total) = &sheet.total else { return Ok(()) };
    let row = ABOVE + sheet.rows.len() as u32;
    for (column, (cell, (_, _, form))) in (0..).zip(total.iter().zip(sheet.columns)) {
        let format = format_of(*form).set_bold().set_border_top(FormatBorder::Medium);
        match cell {
            Cell::Number(sum) if *form == Form::Count && row > ABOVE => {
                let (first, end) = (row_col_to_cell(ABOVE, column), row_col_to_cell(row - 1, column));
                // With its result, for readers that do not calculate.
                let formula = Formula::new(format!("=SUM({first}:{end})")).set_result(sum.to_string());
                page.write_formula_with_format(row, column, formula, &format)?;
            }
            other => put(page, (row, column), other, &format)?,
        }
    }
    Ok(())
}

fn put(page: &mut Worksheet, at: (u32, u16), cell: &Cell, format: &Format) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => page.write_blank(at.0, at.1, format)?,
        Cell::Text(text) => page.write_string_with_format(at.0, at.1, text, format)?,
        Cell::Number(n) => page.write_number_with_format(at.0, at.1, *n, format)?,
        Cell::Time(time) => page.write_datetime_with_format(at.0, at.1, time, format)?,
    };
    Ok(())
}

fn format_of(form: Form) -> Format {
    let format = Format::new().set_border(FormatBorder::Thin).set_align(FormatAlign::VerticalCenter);
    match form {
        Form::Text => format,
        Form::Wrapped => format.set_text_wrap(),
        Form::Count => format.set_num_format("0"),
        Form::Percent => format.set_num_format("0.0%"),
        Form::Decimal => format.set_num_format("0.0"),
        Form::Time => format.set_num_format("yyyy-mm-dd hh:mm"),
    }
}
