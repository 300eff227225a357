//! What the parsers say of a bad value, in Chinese. They speak English only, and their words are not for the reader.

/// A parser's reason in Chinese; one that is not known stays as it is.
pub fn in_chinese(reason: &str) -> String {
    let (what, place) = reason.split_once(" at line ").unwrap_or((reason, ""));
    let said = if let Some(field) = what.strip_prefix("missing field ") {
        format!("缺少 {}", bare(field))
    } else if let Some(rest) = what.strip_prefix("invalid type: ") {
        match rest.split_once(", expected ") {
            Some((got, wanted)) => format!("不能是{},应为{}", got_words(got), wanted_words(wanted)),
            None => what.to_owned(),
        }
    } else if let Some((got, wanted)) = what.strip_prefix("invalid value: ").and_then(|r| r.split_once(", expected ")) {
        let what = wanted_words(wanted);
        format!("{} 不能用,应为可用范围内的{what}", got_words(got))
    } else if let Some((got, wanted)) = what.strip_prefix("unknown variant ").and_then(|r| r.split_once(", expected "))
    {
        format!("不认识“{}”,应为 {}", bare(got), one_of(wanted))
    } else if let Some((got, wanted)) = what.strip_prefix("unknown field ").and_then(|r| r.split_once(", expected ")) {
        format!("没有字段“{}”,可用的有 {}", bare(got), one_of(wanted))
    } else if let Some(field) = what.strip_prefix("duplicate field ") {
        format!("{} 出现了不止一次", bare(field))
    } else if what.starts_with("invalid length ") {
        "项数不对".to_owned()
    } else {
        plain(what).map_or_else(|| what.to_owned(), str::to_owned)
    };
    // A syntax error is found by its place; a bad field by its name.
    match place.split_once(" column ") {
        Some((line, column)) if what.starts_with("EOF") || what.starts_with("expected") || said == what => {
            format!("{said}(第 {line} 行第 {column} 列)")
        }
        _ => said,
    }
}

fn plain(what: &str) -> Option<&'static str> {
    Some(match what {
        "input contains invalid characters"
        | "input is out of range"
        | "premature end of input"
        | "trailing input"
        | "input is not enough for unique date and time"
        | "no possible date and time matching input" => {
            "日期或时刻写得不对;日期如 2026-12-01,时刻如 2026-12-01T08:00:00+08:00"
        }
        "invalid float literal" | "cannot parse float from empty string" => "应为数",
        "invalid digit found in string" | "cannot parse integer from empty string" => "应为整数",
        "number too large to fit in target type" | "number too small to fit in target type" | "number out of range" => {
            "数超出了可用的范围"
        }
        "provided string was not `true` or `false`" => "应为 true 或 false",
        _ if what.starts_with("EOF while parsing") => "内容没有写完",
        _ if what.starts_with("expected ") || what == "key must be a string" || what == "trailing comma" => "写法不对",
        _ if what.starts_with("UUID parsing failed") => "应为 UUID,如 0f8fad5b-d9cb-469f-a165-70867728950e",
        _ => return None,
    })
}

fn bare(text: &str) -> &str {
    text.trim_matches('`')
}

/// "string \"x\"", "integer `5`", "map", "null".
fn got_words(got: &str) -> String {
    let kinds = [
        ("string ", "文字 "),
        ("integer ", "整数 "),
        ("floating point ", "数 "),
        ("boolean ", "真假值 "),
        ("character ", "文字 "),
    ];
    match kinds.iter().find_map(|(en, zh)| Some((zh, got.strip_prefix(en)?))) {
        Some((zh, value)) => format!("{zh}{}", bare(value)),
        None => match got {
            "sequence" => "数组".to_owned(),
            "map" => "对象".to_owned(),
            "null" | "unit value" => "空值".to_owned(),
            other => other.to_owned(),
        },
    }
}

fn wanted_words(wanted: &str) -> &str {
    match wanted {
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" | "isize" => "整数",
        "f32" | "f64" => "数",
        "a string" | "a borrowed string" | "str" => "文字",
        "a boolean" => "true 或 false",
        "a sequence" => "数组",
        "a map" => "对象",
        "a formatted date string" | "a formatted date and time string or a unix timestamp" => "日期",
        "an RFC 3339 formatted date and time string" => "时刻,如 2026-12-01T08:00:00+08:00",
        _ if wanted.starts_with("struct ") || wanted.starts_with("internally tagged enum ") => "对象",
        _ if wanted.starts_with("a UUID") => "UUID",
        other => other,
    }
}

/// "one of `a`, `b`", "`a` or `b`", "`a`".
fn one_of(wanted: &str) -> String {
    let words: Vec<&str> = wanted.split('`').skip(1).step_by(2).collect();
    if words.is_empty() { wanted.to_owned() } else { words.join("、") }
}

#[cfg(test)]
mod tests {
    use super::in_chinese;

    #[derive(serde::Deserialize)]
    struct Asked {
        _id: i64,
        _on: Option<chrono::NaiveDate>,
        _kind: Option<Kind>,
        _known: Option<chrono::DateTime<chrono::Utc>>,
        _uuid: Option<uuid::Uuid>,
    }

    #[derive(serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Point,
        Area,
    }

    /// The parsers' own words, so that a new version with other words is noticed.
    #[test]
    fn parsers_are_understood() {
        let said = |text: &str| in_chinese(&serde_json::from_str::<Asked>(text).err().expect("refused").to_string());
        assert_eq!(said("{}"), "缺少 _id");
        assert_eq!(said(r#"{"_id": "x"}"#), "不能是文字 \"x\",应为整数");
        assert_eq!(said(r#"{"_id": 1e30}"#), "不能是数 1e+30,应为整数");
        assert_eq!(said(r#"{"_id": 18446744073709551615}"#), "整数 18446744073709551615 不能用,应为可用范围内的整数");
        assert_eq!(said(r#"{"_id": [1]}"#), "不能是数组,应为整数");
        assert_eq!(said(r#"{"_id": 1, "_kind": "line"}"#), "不认识“line”,应为 point、area");
        assert!(said(r#"{"_id": 1, "_on": "2026/12/1"}"#).contains("2026-12-01"));
        assert!(said(r#"{"_id": 1, "_on": "2026-13-01"}"#).contains("2026-12-01"));
        assert!(said(r#"{"_id": 1, "_on": 5}"#).ends_with("应为日期"));
        assert!(said(r#"{"_id": 1, "_known": "gestern"}"#).contains("08:00"));
        assert!(said(r#"{"_id": 1, "_uuid": "x"}"#).contains("UUID"));
        assert_eq!(said("[]"), "项数不对");
        assert_eq!(said("null"), "不能是空值,应为对象");
        assert_eq!(said("{"), "内容没有写完(第 1 行第 1 列)");
        assert_eq!(said("x"), "写法不对(第 1 行第 1 列)");
        assert_eq!(in_chinese("something new"), "something new");
    }
}
