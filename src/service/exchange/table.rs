//! Matters as another system hands them over: JSON objects or lines of CSV, the same columns by Chinese or English names.

use std::collections::BTreeMap;

use encoding_rs::{Encoding, GB18030, UTF_8};
use serde_json::Value;

use crate::domain::{Problem, ProblemKind};
use crate::service::import::table::{TableRow, parse};

/// Rows taken at a time.
pub const MOST_ROWS: usize = 1000;

/// The columns: our name, and others it goes by.
const COLUMNS: [(&str, &[&str]); 10] = [
    ("system", &["external_system", "来源系统", "来源平台", "系统"]),
    ("no", &["external_no", "工单编号", "工单号", "编号", "案件编号"]),
    ("category", &["code", "事项编码", "事项", "分类编码", "问题分类"]),
    ("description", &["content", "内容", "问题描述", "诉求内容", "描述"]),
    ("urgency", &["紧急程度"]),
    ("lon", &["longitude", "经度"]),
    ("lat", &["latitude", "纬度"]),
    ("crs", &["坐标系"]),
    ("location_text", &["address", "text", "地点", "地址", "事发地点"]),
    ("reported_at", &["上报时间", "受理时间", "登记时间"]),
];

/// The values of a row that are not empty, by our names; or why it cannot be read.
pub type Row = Result<BTreeMap<&'static str, String>, Problem>;

fn column(name: &str) -> Option<&'static str> {
    let name = name.trim();
    COLUMNS.iter().find(|(ours, others)| *ours == name || others.contains(&name)).map(|(ours, _)| *ours)
}

/// Rows of a JSON object or of an array of them.
///
/// # Errors
/// When it is neither, or there are too many.
pub fn of_json(body: Value) -> Result<Vec<Row>, Problem> {
    let all = match body {
        Value::Array(all) => all,
        one @ Value::Object(_) => vec![one],
        _ => {
            return Err(Problem::bad_field(
                "",
                "请求体应是一个事件对象,或不超过 1000 个事件对象的数组",
                "The body is one object, or an array of at most 1000",
            ));
        }
    };
    check_count(all.len())?;
    Ok(all.into_iter().map(object).collect())
}

fn object(value: Value) -> Row {
    let Value::Object(fields) = value else {
        return Err(Problem::bad_field("", "这一行不是对象", "This row is no object"));
    };
    let mut row = BTreeMap::new();
    for (name, value) in fields {
        let Some(ours) = column(&name) else { continue };
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => {
                return Err(Problem::bad_field(
                    format!("/{name}"),
                    format!("{name} 应是文字或数字"),
                    format!("{name} is a text or a number"),
                ));
            }
        };
        if !text.is_empty() {
            row.insert(ours, text);
        }
    }
    Ok(row)
}

/// Rows of a CSV table with a header: UTF-8, or GBK (as GB 18030, which holds it) where it says so or is no UTF-8.
///
/// # Errors
/// When it cannot be read as a table, lacks a column, or has too many rows.
pub fn of_csv(bytes: &[u8], charset: Option<&str>) -> Result<Vec<Row>, Problem> {
    let table = parse("CSV", &decode(bytes, charset)?)
        .map_err(|e| Problem::bad_field("", e.to_string(), format!("The body is not a table with a header: {e}")))?;
    check_count(table.rows.len())?;
    let columns: Vec<Option<&'static str>> = table.headers.iter().map(|h| column(h)).collect();
    for needed in ["no", "category"] {
        if !columns.contains(&Some(needed)) {
            let names = COLUMNS.iter().find(|(ours, _)| *ours == needed).map_or(&[][..], |(_, others)| others);
            return Err(Problem::bad_field(
                format!("/{needed}"),
                format!("表头缺少 {needed} 列(也可写作 {});现有:{}", names.join("、"), table.headers.join("、")),
                format!("The header lacks the column {needed}; it has: {}", table.headers.join(", ")),
            ));
        }
    }
    let read = |row: TableRow| {
        if let Some(fault) = row.fault {
            let en = format!("The row cannot be read: {fault}");
            return Err(Problem::bad_field("", fault, en));
        }
        let named = columns.iter().zip(row.values).filter(|(_, value)| !value.is_empty());
        Ok(named.filter_map(|(column, value)| Some(((*column)?, value))).collect())
    };
    Ok(table.rows.into_iter().map(read).collect())
}

fn decode(bytes: &[u8], charset: Option<&str>) -> Result<String, Problem> {
    let encoding = match charset {
        Some(label) => Encoding::for_label(label.as_bytes()).ok_or_else(|| {
            Problem::bad_field(
                "charset",
                format!("不认识字符集 {label},可用 UTF-8 或 GBK"),
                format!("There is no character set {label}; use UTF-8 or GBK"),
            )
        })?,
        None if std::str::from_utf8(bytes).is_ok() => UTF_8,
        None => GB18030,
    };
    let (text, used, broken) = encoding.decode(bytes);
    if broken || text.contains('\0') {
        return Err(Problem::bad_field(
            "charset",
            format!("内容不是 {} 编码的文字,请在 Content-Type 里写明字符集,如 text/csv; charset=gbk", used.name()),
            format!("The body is not text in {}; name its character set, as in text/csv; charset=gbk", used.name()),
        ));
    }
    Ok(text.into_owned())
}

fn check_count(rows: usize) -> Result<(), Problem> {
    if rows <= MOST_ROWS {
        return Ok(());
    }
    Err(Problem::new(
        ProblemKind::TooLarge,
        "too-many-rows",
        ("行数过多", "Too many rows"),
        (
            format!("共 {rows} 行,一次最多 {MOST_ROWS} 行,请分批提交;重复提交的行不会重复立件。"),
            format!(
                "There are {rows} rows; at most {MOST_ROWS} are taken at a time. Rows sent twice are one incident."
            ),
        ),
    ))
}
