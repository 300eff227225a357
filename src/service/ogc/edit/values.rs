//! The properties a writer sends, checked against what the layer's table takes; all faults at once.

use serde_json::{Map, Value};

use super::tables::{Absent, Column, Kind, Table};
use crate::access::mask::hidden;
use crate::domain::{FeatureId, FieldFault, Layer, Problem, Schema, problem::Bilingual};

/// Ids beyond this are none (2^53).
const HIGHEST_ID: i64 = 9_007_199_254_740_991;

/// Another feature that must be there.
#[derive(Debug)]
pub struct Reference {
    /// Which property names it.
    pub column: &'static Column,
    /// Its layer.
    pub layer: Layer,
    /// Of a region: its level.
    pub level: Option<&'static str>,
    /// Its id.
    pub id: FeatureId,
}

/// Checked values.
#[derive(Debug, Default)]
pub struct Ready {
    /// Column → value. What the program finds by itself is left out where the writer does not say it.
    pub values: Map<String, Value>,
    /// What must be there.
    pub references: Vec<Reference>,
}

/// Checks properties. `current` are those of the stored item: values the program keeps may be sent back
/// unchanged, as editors do that send the whole feature, but not otherwise.
///
/// # Errors
/// One problem with all faults, each by its pointer.
pub fn check(
    layer: Layer,
    table: &Table,
    schema: &Schema,
    given: &Map<String, Value>,
    current: Option<&Map<String, Value>>,
) -> Result<Ready, Problem> {
    let mut faults = Vec::new();
    for (name, value) in given.iter().filter(|(n, _)| !table.columns.iter().any(|c| c.property == n.as_str())) {
        let kept = current.and_then(|c| c.get(name)).unwrap_or(&Value::Null);
        if schema.position(name).is_none() {
            faults.push(unknown(layer, table, name));
        } else if value != kept {
            faults.push(read_only(layer, name, value));
        }
    }
    let mut ready = Ready::default();
    for column in table.columns {
        let value = given.get(column.property).unwrap_or(&Value::Null);
        // What comes back as it was shown stays as it is stored, also where it was shown masked.
        if hidden(layer).contains(&column.property) && current.is_some_and(|c| c.get(column.property) == Some(value)) {
            continue;
        }
        match one(column, value) {
            Ok(Some(value)) => {
                if let (Kind::Ref(layer, level), Some(id)) = (column.kind, value.as_i64()) {
                    ready.references.push(Reference { column, layer, level, id });
                }
                ready.values.insert(column.column.to_owned(), value);
            }
            Ok(None) => {}
            Err(detail) => faults.push(FieldFault { pointer: pointer(column.property), detail }),
        }
    }
    match problem(faults) {
        Some(problem) => Err(problem),
        None => Ok(ready),
    }
}

/// A problem of all these faults, if there are any.
#[must_use]
pub fn problem(faults: Vec<FieldFault>) -> Option<Problem> {
    let first = faults.first()?;
    let mut problem = Problem::bad_field(first.pointer.clone(), first.detail.zh.clone(), first.detail.en.clone());
    problem.fields = faults;
    Some(problem)
}

/// The pointer of a property.
#[must_use]
pub fn pointer(property: &str) -> String {
    format!("/properties/{}", property.replace('~', "~0").replace('/', "~1"))
}

/// One value as it is stored; nothing where the program finds it.
fn one(column: &Column, value: &Value) -> Result<Option<Value>, Bilingual> {
    if value.is_null() {
        return match column.absent {
            Absent::Refused => Err(Bilingual::new(
                format!("{}({})必须填写。", column.label, column.property),
                format!("{} must be given.", column.property),
            )),
            Absent::Null => Ok(Some(Value::Null)),
            Absent::Text(text) => Ok(Some(text.into())),
            Absent::Found => Ok(None),
        };
    }
    let fits = match column.kind {
        Kind::Text(longest) => {
            // PostgreSQL's texts hold no NUL; other control characters are slips of the keyboard.
            let clean = |t: &str| t.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t'));
            let needed = matches!(column.absent, Absent::Refused);
            value
                .as_str()
                .filter(|t| t.chars().count() <= longest && clean(t) && !(needed && t.trim().is_empty()))
                .map(Into::into)
        }
        Kind::Int(least, most) => whole(value).filter(|n| (least..=most).contains(n)).map(Into::into),
        Kind::Positive(most) => value.as_f64().filter(|n| *n > 0.0 && *n <= most).map(Into::into),
        Kind::Bool => value.as_bool().map(Into::into),
        Kind::Choice(words) => value.as_str().filter(|t| words.iter().any(|w| w.0 == *t)).map(Into::into),
        Kind::Ref(..) => whole(value).filter(|n| (1..=HIGHEST_ID).contains(n)).map(Into::into),
    };
    fits.map(Some).ok_or_else(|| misfit(column, value))
}

/// A whole number, also where it is written `3.0`.
fn whole(value: &Value) -> Option<i64> {
    let exact = |n: f64| (n.fract() == 0.0 && n.abs() <= HIGHEST_ID as f64).then_some(n as i64);
    value.as_i64().or_else(|| value.as_f64().and_then(exact))
}

fn misfit(column: &Column, value: &Value) -> Bilingual {
    let (zh, en) = match column.kind {
        Kind::Text(longest) => {
            (format!("不超过 {longest} 字、不含控制字符的文字"), format!("a text of at most {longest} characters"))
        }
        Kind::Int(least, most) => {
            (format!("{least} 到 {most} 的整数"), format!("a whole number from {least} to {most}"))
        }
        Kind::Positive(most) => (format!("大于 0、不超过 {most} 的数"), format!("a number above 0, up to {most}")),
        Kind::Bool => ("true 或 false".to_owned(), "true or false".to_owned()),
        Kind::Choice(words) => (
            words.iter().map(|(code, word)| format!("{code}({word})")).collect::<Vec<_>>().join("、"),
            words.iter().map(|w| w.0).collect::<Vec<_>>().join(", "),
        ),
        Kind::Ref(layer, _) => (format!("{}的编号", layer.title()), format!("the id of a {layer}")),
    };
    let shown: String = value.to_string().chars().take(60).collect();
    Bilingual::new(
        format!("{}({})= {shown} 不对,应为 {zh}。", column.label, column.property),
        format!("{} = {shown} is not valid; it must be {en}.", column.property),
    )
}

fn unknown(layer: Layer, table: &Table, name: &str) -> FieldFault {
    let known = table.columns.iter().map(|c| c.property).collect::<Vec<_>>();
    FieldFault {
        pointer: pointer(name),
        detail: Bilingual::new(
            format!("{}没有属性 {name};可写的有:{}。", layer.title(), known.join("、")),
            format!("{layer} has no property {name}; those that can be written are {}.", known.join(", ")),
        ),
    }
}

fn read_only(layer: Layer, name: &str, value: &Value) -> FieldFault {
    let (zh, en) = match (layer, name) {
        (Layer::Household, "name" | "tags") => {
            ("是人员资料,请用 yitu import household 更新", "is people's data; update it with yitu import household")
        }
        // Were it taken, a number that is refused would tell that there is such a household somewhere.
        (Layer::Household, "number") => (
            "以户籍登记为准,请用 yitu import household 更新",
            "is the register's; update it with yitu import household",
        ),
        _ => ("由系统得出,不能写", "is derived and cannot be written"),
    };
    let shown: String = value.to_string().chars().take(60).collect();
    FieldFault {
        pointer: pointer(name),
        detail: Bilingual::new(
            format!("属性 {name} {zh};请去掉 {shown} 或按原值返回。"),
            format!("The property {name} {en}; leave {shown} out or send the stored value back."),
        ),
    }
}
