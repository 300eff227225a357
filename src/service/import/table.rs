//! Delimited text (CSV, TSV) as it stands: its character set recognised, every row kept to its place.
//!
//! GDAL reads such files too, but as UTF-8 alone; it pads a short row and lets an open quote swallow the rows after it.

use encoding_rs::{Encoding, GB18030, UTF_8};

use super::ImportError;

/// Widest header taken, columns and characters of one: more is no table.
const MOST_COLUMNS: usize = 1000;
const LONGEST_HEADER: usize = 200;

/// A table with a header.
#[derive(Debug)]
pub struct Table {
    /// Column headers.
    pub headers: Vec<String>,
    /// The rows below it; blank lines are left out.
    pub rows: Vec<TableRow>,
}

/// One row.
#[derive(Debug)]
pub struct TableRow {
    /// A value a column, blanks trimmed.
    pub values: Vec<String>,
    /// Why it cannot be read: it has not as many columns as the header.
    pub fault: Option<String>,
}

/// The text of a file: as said, as its byte-order mark says, UTF-8, else GBK (as GB 18030, which holds it), which is
/// told.
///
/// # Errors
/// When the bytes do not fit the character set; names the line.
pub fn decode(file: &str, bytes: &[u8], said: Option<&str>, notes: &mut Vec<String>) -> Result<String, ImportError> {
    let (encoding, guessed) = match said {
        Some(said) => {
            let encoding = Encoding::for_label(said.as_bytes()).ok_or_else(|| {
                ImportError::Usage(format!("--encoding {said}:不认识的编码。例:UTF-8、GBK、GB18030、Big5。"))
            })?;
            (encoding, false)
        }
        None if Encoding::for_bom(bytes).is_some() || std::str::from_utf8(bytes).is_ok() => (UTF_8, false),
        None => (GB18030, true),
    };
    // A byte-order mark wins over what is said or guessed.
    let (text, used, broken) = encoding.decode(bytes);
    if broken {
        let line = 1 + text.split('\u{fffd}').next().unwrap_or_default().matches('\n').count();
        let tried = if guessed { "UTF-8,也不是 GBK" } else { used.name() };
        return Err(ImportError::File(format!(
            "{file} 第 {line} 行的文字不是 {tried} 编码。请用 --encoding 指明编码(如 Big5),或在 Excel 里另存为“CSV UTF-8”。"
        )));
    }
    if text.contains('\0') {
        return Err(ImportError::File(format!("{file} 含有空字符,像是别的格式的文件,不是 CSV 文本。请核对文件。")));
    }
    if guessed {
        notes.push(format!("{file}:不是 UTF-8,按内容识别为 GBK 编码;不对请用 --encoding 指明。"));
    }
    Ok(text.into_owned())
}

/// Splits a text into a header and rows. The delimiter is the comma, tab, semicolon or bar that stands most often in
/// the header; quotes as in RFC 4180.
///
/// # Errors
/// When there is no header or no row, the header is no header, or a quote stays open; names the line.
pub fn parse(file: &str, text: &str) -> Result<Table, ImportError> {
    let bad = |what: String| ImportError::File(format!("{file} {what}"));
    let head =
        text.lines().find(|l| !l.trim().is_empty()).ok_or_else(|| bad("是空的,没有内容可以导入。".to_owned()))?;
    let delimiter =
        [',', '\t', ';', '|'].into_iter().max_by_key(|d| (head.matches(*d).count(), *d == ',')).unwrap_or(',');
    let mut records = records(text, delimiter).map_err(|line| {
        bad(format!("第 {line} 行有一个引号没有配对,其后的行无法分清。请补上引号,或删去多余的引号。"))
    })?;
    if records.is_empty() {
        return Err(bad("是空的,没有内容可以导入。".to_owned()));
    }
    let header = records.remove(0);
    let columns = header.values.len();
    if let Some(longest) = header.values.iter().map(|h| h.chars().count()).max().filter(|n| *n > LONGEST_HEADER) {
        return Err(bad(format!("第 1 行不像表头:有一列的列名长 {longest} 个字。请确认第 1 行是列名、每户一行。")));
    }
    if columns > MOST_COLUMNS {
        return Err(bad(format!("第 1 行有 {columns} 列,不像表头(最多 {MOST_COLUMNS} 列)。请确认文件是分行的。")));
    }
    if records.is_empty() {
        return Err(bad(format!("只有表头,没有数据行。表头:{}。", header.values.join("、"))));
    }
    let rows = records.into_iter().map(|r| row(r, columns)).collect();
    Ok(Table { headers: header.values, rows })
}

fn row(mut record: Record, columns: usize) -> TableRow {
    let there = record.values.len();
    // Spreadsheets leave empty columns at the end.
    let full = there >= columns && record.values[columns..].iter().all(String::is_empty);
    record.values.resize(columns, String::new());
    let fault =
        (!full).then(|| format!("文件第 {} 行有 {there} 列,表头有 {columns} 列;请检查分隔符和引号", record.line));
    TableRow { values: record.values, fault }
}

struct Record {
    /// Where it begins, from 1.
    line: usize,
    values: Vec<String>,
}

/// All records but blank lines, or the line of the quote that stays open.
fn records(text: &str, delimiter: char) -> Result<Vec<Record>, usize> {
    let mut found = Vec::new();
    let (mut line, mut begun) = (1, 1);
    let (mut values, mut value) = (Vec::new(), String::new());
    let mut open: Option<usize> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\n' {
            line += 1;
        }
        match (open, c) {
            (Some(_), '"') if chars.peek() == Some(&'"') => value.extend(chars.next()),
            (Some(_), '"') => open = None,
            (None, '"') if value.trim().is_empty() => {
                value.clear();
                open = Some(line);
            }
            (None, '\n') => {
                end(&mut found, begun, &mut values, &mut value);
                begun = line;
            }
            (None, _) if c == delimiter => values.push(trimmed(&mut value)),
            _ => value.push(c),
        }
    }
    if let Some(line) = open {
        return Err(line);
    }
    end(&mut found, begun, &mut values, &mut value);
    Ok(found)
}

fn end(found: &mut Vec<Record>, line: usize, values: &mut Vec<String>, value: &mut String) {
    values.push(trimmed(value));
    let values = std::mem::take(values);
    if values.iter().any(|v| !v.is_empty()) {
        found.push(Record { line, values });
    }
}

fn trimmed(value: &mut String) -> String {
    std::mem::take(value).trim().trim_start_matches('\u{feff}').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quoted(value: &str) -> String {
        format!("\"{}\"", value.replace('"', "\"\""))
    }

    proptest! {
        /// What is written by RFC 4180 is read back, whatever the cells hold and however lines end.
        #[test]
        fn written_tables_are_read_back(
            rows in prop::collection::vec(prop::collection::vec("[甲乙丙a,;\"\n\t 0-9]{0,8}", 3), 1..6),
            crlf in any::<bool>(), semicolon in any::<bool>(),
        ) {
            let (end, delimiter) = (if crlf { "\r\n" } else { "\n" }, if semicolon { ";" } else { "," });
            let mut text = ["户号", "户主", "地址"].join(delimiter) + end;
            for row in &rows {
                text += &(row.iter().map(|v| quoted(v)).collect::<Vec<_>>().join(delimiter) + end);
            }
            let want: Vec<Vec<String>> = rows.iter()
                .map(|r| r.iter().map(|v| v.trim().to_owned()).collect::<Vec<_>>())
                .filter(|r| r.iter().any(|v| !v.is_empty())).collect();
            match parse("f", &text) {
                Ok(table) => {
                    prop_assert!(table.rows.iter().all(|r| r.fault.is_none()));
                    prop_assert_eq!(table.rows.into_iter().map(|r| r.values).collect::<Vec<_>>(), want);
                }
                Err(_) => prop_assert!(want.is_empty()),
            }
        }
    }

    #[test]
    fn a_broken_row_is_told_and_the_others_stand() {
        let text = "户号,户主,地址\n1,甲,\"东村,1 号\"\n\n2,乙\n3,丙,,,\n4,丁,\"两\n行\",x\n5,戊,末\n";
        let table = parse("f", text).expect("a table");
        let told: Vec<Option<&str>> = table.rows.iter().map(|r| r.fault.as_deref()).collect();
        assert!(
            matches!(told[..], [None, Some(a), None, Some(b), None] if a.contains("第 4 行有 2 列") && b.contains("第 6 行有 4 列")),
            "{told:?}"
        );
        assert_eq!(table.rows[0].values[2], "东村,1 号");
    }

    #[test]
    fn what_is_no_table_is_told_with_its_line() {
        let told = |text: &str| parse("户.csv", text).expect_err("refused").to_string();
        assert!(told("").contains("空的") && told("\n \n").contains("空的"));
        assert!(told("户号,户主\n").contains("只有表头"));
        assert!(told("户号,户主\n1,\"甲\n2,乙\n").contains("第 2 行有一个引号没有配对"));
        assert!(told(&"x".repeat(10 << 20)).contains("不像表头"));
        assert!(told(&"x,".repeat(5 << 20)).contains("不像表头"));
    }

    #[test]
    fn character_sets_are_recognised_and_told() {
        let text = "户号,户主\n1,林测试㐀\n";
        for label in ["GBK", "GB18030", "UTF-8", "UTF-16LE"] {
            let mut notes = Vec::new();
            let bytes = match label {
                "UTF-16LE" => std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect(),
                _ => Encoding::for_label(label.as_bytes())
                    .expect("known")
                    .encode(&text.replace('㐀', if label == "GBK" { "" } else { "㐀" }))
                    .0
                    .into_owned(),
            };
            let read = decode("户.csv", &bytes, None, &mut notes).expect(label);
            assert!(read.contains("林测试"), "{label}: {read}");
            assert_eq!(!notes.is_empty(), label.starts_with("GB"), "{label}: {notes:?}");
        }
        let mut notes = Vec::new();
        let big5 = Encoding::for_label(b"Big5").expect("known").encode("戶號,戶主\n1,陳\n").0.into_owned();
        assert_eq!(decode("f", &big5, Some("big5"), &mut notes).expect("said"), "戶號,戶主\n1,陳\n");
        assert!(decode("f", b"a\nb\xff\xff\n", None, &mut notes).expect_err("neither").to_string().contains("第 2 行"));
        assert!(decode("f", b"a", Some("klingon"), &mut notes).is_err());
        assert!(decode("f", b"PK\x03\x04\0\0", None, &mut notes).expect_err("a zip").to_string().contains("别的格式"));
    }
}
