//! A table as people write it, and what its words stand for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Facts, Fault, RuleLine, Severity};
use crate::dispatch::UnitKind;
use crate::domain::incident::Urgency;
use crate::domain::{Bilingual, FeatureId};

/// A line as it is written. What it names is written by code, by name where there is one of that name, by `#id`, or by
/// code and name with a space between.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DraftLine {
    /// Category, such as `0301`; all if left out.
    #[serde(default)]
    pub category: Option<String>,
    /// `ordinary`, `hard` or `urgent`, or 一般, 疑难, 紧急; any if left out.
    #[serde(default)]
    pub urgency: Option<String>,
    /// County, township or village; everywhere if left out.
    #[serde(default)]
    pub region: Option<String>,
    /// Code or name of the level; the grid group if left out.
    #[serde(default)]
    pub first_level: String,
    /// The department, where the level is one.
    #[serde(default)]
    pub first_unit: Option<String>,
    /// Units that help.
    #[serde(default)]
    pub assist_units: Vec<String>,
    /// The village's cluster helps.
    #[serde(default)]
    pub cluster_helps: bool,
    /// 签收时限, minutes.
    pub accept_minutes: i32,
    /// 办结时限 by the clock, minutes; either this or `resolve_days`.
    #[serde(default)]
    pub resolve_minutes: Option<i32>,
    /// 办结时限, working days, 15 at most.
    #[serde(default)]
    pub resolve_days: Option<i32>,
}

/// Fields of a line with their Chinese headings, in the order of a sheet.
pub const COLUMNS: [(&str, &str); 11] = [
    ("ordinal", "序号"),
    ("category", "事项"),
    ("urgency", "紧急程度"),
    ("region", "辖区"),
    ("first_level", "首派层级"),
    ("first_unit", "承办部门"),
    ("assist_units", "协办单位"),
    ("cluster_helps", "联村联社协办"),
    ("accept_minutes", "签收时限(分钟)"),
    ("resolve_minutes", "办结时限(分钟)"),
    ("resolve_days", "办结时限(工作日)"),
];

/// A field's heading.
#[must_use]
pub fn heading(field: &str) -> &'static str {
    COLUMNS.iter().find(|c| c.0 == field).map_or("规则表", |c| c.1)
}

/// One thing that can be named.
struct Thing<'a> {
    id: FeatureId,
    code: Option<&'a str>,
    name: &'a str,
}

/// All that can be named.
struct Things<'a> {
    categories: Vec<Thing<'a>>,
    regions: Vec<Thing<'a>>,
    units: Vec<Thing<'a>>,
}

/// The lines a draft stands for, and what it names that is not there. A line with such a name is left out.
#[must_use]
pub fn resolve(draft: &[DraftLine], facts: &Facts) -> (Vec<RuleLine>, Vec<Fault>) {
    let categories = facts.categories.iter().filter(|c| c.in_force);
    let things = Things {
        categories: categories.map(|c| Thing { id: c.id, code: Some(c.code.as_str()), name: &c.name }).collect(),
        regions: facts.regions.iter().map(|r| Thing { id: r.id, code: r.code.as_deref(), name: &r.name }).collect(),
        units: facts.units.iter().map(|u| Thing { id: u.id, code: None, name: &u.name }).collect(),
    };
    let mut faults = Vec::new();
    let lines = draft.iter().zip(1..).filter_map(|(d, n)| resolve_line(d, n, &things, &mut faults)).collect();
    (lines, faults)
}

fn resolve_line(d: &DraftLine, ordinal: i32, things: &Things<'_>, faults: &mut Vec<Fault>) -> Option<RuleLine> {
    let before = faults.len();
    let mut named = |field, text: Option<&str>, things: &[Thing<'_>]| {
        let text = text.map(str::trim).filter(|t| !t.is_empty())?;
        find(text, things).map_err(|many| faults.push(unknown(ordinal, field, text, many))).ok()
    };
    let category_id = named("category", d.category.as_deref(), &things.categories);
    let region_id = named("region", d.region.as_deref(), &things.regions);
    let first_unit_id = named("first_unit", d.first_unit.as_deref(), &things.units);
    let assist_unit_ids = d.assist_units.iter().filter_map(|u| named("assist_units", Some(u), &things.units)).collect();
    let urgency = word(ordinal, "urgency", d.urgency.as_deref().unwrap_or_default(), faults, || {
        Urgency::ALL.iter().map(|u| (*u, u.code(), u.zh())).collect()
    });
    let first_level = word(ordinal, "first_level", &d.first_level, faults, || {
        UnitKind::ALL.iter().map(|k| (*k, k.code(), k.zh())).collect()
    });
    (faults.len() == before).then(|| RuleLine {
        ordinal,
        category_id,
        urgency,
        region_id,
        first_level: first_level.unwrap_or(UnitKind::GridGroup),
        first_unit_id,
        assist_unit_ids,
        cluster_helps: d.cluster_helps,
        accept_minutes: d.accept_minutes,
        resolve_minutes: d.resolve_minutes,
        resolve_days: d.resolve_days,
    })
}

/// What a text names; how many it could name where that is not one.
fn find(text: &str, things: &[Thing<'_>]) -> Result<FeatureId, usize> {
    if let Some((_, id)) = text.rsplit_once('#') {
        return things.iter().find(|t| id.parse() == Ok(t.id)).map(|t| t.id).ok_or(0);
    }
    let code = text.split_whitespace().next().unwrap_or_default();
    if let Some(thing) = things.iter().find(|t| t.code == Some(code)) {
        return Ok(thing.id);
    }
    let mut of_name = things.iter().filter(|t| t.name == text);
    match (of_name.next(), of_name.count()) {
        (Some(thing), 0) => Ok(thing.id),
        (None, _) => Err(0),
        (Some(_), more) => Err(more + 1),
    }
}

/// One of a few words, by code or in Chinese; nothing where nothing is said.
fn word<T: Copy>(
    line: i32,
    field: &'static str,
    said: &str,
    faults: &mut Vec<Fault>,
    words: impl Fn() -> Vec<(T, &'static str, &'static str)>,
) -> Option<T> {
    let said = said.trim();
    let words = words();
    let found = words.iter().find(|w| w.1 == said || w.2 == said).map(|w| w.0);
    if found.is_none() && !said.is_empty() {
        let zh: Vec<&str> = words.iter().map(|w| w.2).collect();
        let en: Vec<&str> = words.iter().map(|w| w.1).collect();
        let detail = (format!("应为{}之一", zh.join("、")), format!("it is one of {}", en.join(", ")));
        faults.push(Fault::new("unknown_word", line, field, said, detail));
    }
    found
}

fn unknown(line: i32, field: &'static str, text: &str, many: usize) -> Fault {
    let (zh, en) = match field {
        "category" => ("现行事项", "category in force"),
        "region" => ("辖区", "region"),
        _ => ("承办单位", "handling unit"),
    };
    let detail = if many == 0 {
        (format!("没有这个{zh},请核对代码或名称"), format!("there is no such {en}; check its code or name"))
    } else {
        (
            format!("有 {many} 个同名的{zh},请改写代码,或在名称后加 #编号"),
            format!("{many} of this name; write the code, or the name and #id"),
        )
    };
    let kind = if many == 0 { "unknown_reference" } else { "ambiguous_reference" };
    Fault::new(kind, line, field, text, detail)
}

impl Fault {
    /// A line's fault. `zh` and `en` say what would be right.
    pub(super) fn new(
        kind: &'static str,
        line: i32,
        field: &'static str,
        value: impl Into<String>,
        (zh, en): (String, String),
    ) -> Self {
        let value = value.into();
        let detail = Bilingual::new(
            format!("第 {line} 行“{}”= {value}:{zh}。", heading(field)),
            format!("Line {line}, {field} = {value}: {en}."),
        );
        Self { severity: Severity::Fault, kind, line: Some(line), field, value, detail }
    }

    /// The same as something that may stand.
    pub(super) fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }
}

/// A line in words that [`resolve`] reads back.
#[must_use]
pub fn written(line: &RuleLine, facts: &Facts) -> DraftLine {
    let unit = |id: FeatureId| {
        let name = facts.units.iter().find(|u| u.id == id).map_or("", |u| u.name.as_str());
        if facts.units.iter().filter(|u| u.name == name).count() == 1 {
            name.to_owned()
        } else {
            format!("{name} #{id}")
        }
    };
    let category = |id: FeatureId| facts.categories.iter().find(|c| c.id == id).map(|c| c.code.clone());
    let region = |id: FeatureId| facts.regions.iter().find(|r| r.id == id).and_then(|r| r.code.clone());
    DraftLine {
        category: line.category_id.map(|id| category(id).unwrap_or_else(|| format!("#{id}"))),
        urgency: line.urgency.map(|u| u.code().to_owned()),
        region: line.region_id.map(|id| region(id).unwrap_or_else(|| format!("#{id}"))),
        first_level: line.first_level.code().to_owned(),
        first_unit: line.first_unit_id.map(unit),
        assist_units: line.assist_unit_ids.iter().map(|&id| unit(id)).collect(),
        cluster_helps: line.cluster_helps,
        accept_minutes: line.accept_minutes,
        resolve_minutes: line.resolve_minutes,
        resolve_days: line.resolve_days,
    }
}
