//! What an import did, row by row where a row was refused or repaired.

use std::io::Write;
use std::path::Path;

/// A row that something is to be said about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowNote {
    /// The file it is in.
    pub file: String,
    /// Counted from 1, without the header.
    pub row: u64,
    /// What the row is called, where it says.
    pub name: String,
    /// The sentence.
    pub note: String,
}

/// What an import did or, dry, would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What was recognised.
    pub notes: Vec<String>,
    /// Which column filled which field.
    pub mapping: Vec<String>,
    /// Field → column of the last file, to be saved.
    pub saved_mapping: std::collections::BTreeMap<String, String>,
    /// Rows read.
    pub read: u64,
    /// New features.
    pub inserted: u64,
    /// Features that differ.
    pub updated: u64,
    /// Features that are as they were.
    pub unchanged: u64,
    /// Rows refused, each with its reason.
    pub refused: Vec<RowNote>,
    /// Rows whose geometry was repaired.
    pub repaired: Vec<RowNote>,
    /// Whether the database was changed.
    pub written: bool,
}

impl Report {
    /// Writes refused and repaired rows as CSV, with a byte-order mark so that Excel reads the Chinese.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_csv(&self, path: &Path) -> std::io::Result<()> {
        let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
        write!(out, "\u{feff}文件,行,名称,处理,说明\r\n")?;
        for (what, rows) in [("拒绝", &self.refused), ("修复", &self.repaired)] {
            for r in rows {
                write!(out, "{},{},{},{what},{}\r\n", quoted(&r.file), r.row, quoted(&r.name), quoted(&r.note))?;
            }
        }
        out.flush()
    }
}

/// RFC 4180; a leading `=` or the like would be run by a spreadsheet as a formula.
fn quoted(text: &str) -> String {
    let safe = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
    format!("\"{}\"", safe.replace('"', "\"\""))
}
