//! What is wrong with a table before it is published.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{Facts, Fault, RuleLine, RuleTable, Severity, best};
use crate::dispatch::UnitKind;
use crate::domain::incident::Urgency;
use crate::domain::{Bilingual, FeatureId};

/// A matter has so many working days at most.
pub const MOST_DAYS: i32 = 15;
const DAY: i32 = 24 * 60;

/// Everything wrong with a table, its lines' faults first.
#[must_use]
pub fn faults(table: &RuleTable, facts: &Facts) -> Vec<Fault> {
    let mut out = Vec::new();
    let mut seen = HashMap::new();
    for line in &table.lines {
        limits(line, &mut out);
        first_unit(line, facts, &mut out);
        helpers(line, &mut out);
        category(line, facts, &mut out);
        if let Some(earlier) = seen.get(&line.conditions()) {
            let way_out = (
                format!("与第 {earlier} 行条件相同,永远轮不到,请删去或改条件"),
                format!("line {earlier} asks the same and always wins; remove it or change its conditions"),
            );
            out.push(Fault::new("never_wins", line.ordinal, "ordinal", line.ordinal.to_string(), way_out));
        } else {
            seen.insert(line.conditions(), line.ordinal);
        }
    }
    if !(table.confident > 0.5 && table.confident <= 1.0) {
        let value = table.confident.to_string();
        let zh = format!("网格确定的概率 confident_probability = {value}:应大于 0.5、不超过 1,如 0.9。");
        let en = format!("confident_probability = {value}: it is above 0.5 and at most 1, such as 0.9.");
        out.push(of_table("out_of_range", "confident_probability", value, (zh, en)));
    }
    holes(table, facts, &mut out);
    fallen_through(table, facts, &mut out);
    circles(facts, &mut out);
    out
}

fn of_table(kind: &'static str, field: &'static str, value: String, detail: (String, String)) -> Fault {
    let detail = Bilingual::new(detail.0, detail.1);
    Fault { severity: Severity::Fault, kind, line: None, field, value, detail }
}

fn limits(line: &RuleLine, out: &mut Vec<Fault>) {
    let mut wrong = |field, value: i32, zh: String, en: String| {
        out.push(Fault::new("out_of_range", line.ordinal, field, value.to_string(), (zh, en)));
    };
    let most = MOST_DAYS * DAY;
    let minutes = |v: i32| !(1..=most).contains(&v);
    let (between, between_en) = (format!("应在 1 到 {most} 分钟之间"), format!("it lies between 1 and {most} minutes"));
    if minutes(line.accept_minutes) {
        wrong("accept_minutes", line.accept_minutes, between.clone(), between_en.clone());
    }
    if let Some(v) = line.resolve_minutes.filter(|v| minutes(*v)) {
        wrong("resolve_minutes", v, between, between_en);
    }
    if let Some(v) = line.resolve_days.filter(|v| !(1..=MOST_DAYS).contains(v)) {
        let zh = format!("应在 1 到 {MOST_DAYS} 个工作日之间");
        wrong("resolve_days", v, zh, format!("it lies between 1 and {MOST_DAYS} working days"));
    }
    let (field, resolve) = match (line.resolve_minutes, line.resolve_days) {
        (Some(minutes), None) => ("resolve_minutes", minutes),
        (None, Some(days)) => ("resolve_days", days.saturating_mul(DAY)),
        (minutes, _) => {
            let value = minutes.map_or("空", |_| "两个都有");
            let way_out = (
                "办结时限的分钟数和工作日数,须且只须写一个".to_owned(),
                "write either resolve_minutes or resolve_days".to_owned(),
            );
            out.push(Fault::new("limit_not_one", line.ordinal, "resolve_days", value, way_out));
            return;
        }
    };
    if (1..).contains(&resolve) && line.accept_minutes > resolve {
        let value = line.resolve_minutes.or(line.resolve_days).unwrap_or_default();
        wrong(
            field,
            value,
            format!("签收时限 {} 分钟比办结时限还长,请缩短签收时限或放宽办结时限", line.accept_minutes),
            format!("{} minutes to sign are more than there are to finish; change one", line.accept_minutes),
        );
    }
}

fn first_unit(line: &RuleLine, facts: &Facts, out: &mut Vec<Fault>) {
    let unit = line.first_unit_id.and_then(|id| facts.units.iter().find(|u| u.id == id));
    let wrong = |value: &str, zh: &str, en: &str| {
        Fault::new("first_unit", line.ordinal, "first_unit", value, (zh.to_owned(), en.to_owned()))
    };
    match (line.first_level, unit) {
        (UnitKind::Department, None) => {
            out.push(wrong("空", "首派层级是职能部门,请写明哪个部门", "the level is a department; name which"));
        }
        (UnitKind::Department, Some(u)) if u.kind != UnitKind::Department => {
            out.push(wrong(&u.name, "不是职能部门,请改写部门", "it is no department; name one"));
        }
        (UnitKind::Department, Some(_)) | (_, None) => {}
        (_, Some(u)) => out.push(wrong(
            &u.name,
            "只有首派层级为职能部门时才写承办部门,请清空,或把首派层级改为职能部门",
            "a unit is named for the level department only; leave it out, or change the level",
        )),
    }
}

fn helpers(line: &RuleLine, out: &mut Vec<Fault>) {
    if let Some(id) = line.first_unit_id.filter(|id| line.assist_unit_ids.contains(id)) {
        let way_out = (
            "承办部门不能又是自己的协办单位,请从协办单位中删去".to_owned(),
            "the first unit cannot help itself; remove it from the helpers".to_owned(),
        );
        out.push(Fault::new("loop", line.ordinal, "assist_units", format!("#{id}"), way_out));
    }
}

/// What the category of a line allows.
fn category(line: &RuleLine, facts: &Facts, out: &mut Vec<Fault>) {
    let of = |id: FeatureId| facts.categories.iter().find(|c| c.id == id);
    let Some(c) = line.category_id.and_then(of) else { return };
    let below = facts.categories.iter().any(|k| k.parent_id == Some(c.id) && k.restricted);
    let wrong =
        |kind, field, value: &str, zh: String, en: String| Fault::new(kind, line.ordinal, field, value, (zh, en));
    let (code, word) = (line.first_level.code(), line.first_level.zh());
    if c.restricted || below {
        if line.first_level.height() < UnitKind::CountyCentre.height() {
            let zh = format!("“{}”含保密事项,首派层级不得低于县综治中心", c.name);
            let en = format!("{} is restricted; begin with the county centre or above, not {code}", c.name);
            out.push(wrong("restricted", "first_level", word, zh, en));
        }
        let help = [("assist_units", !line.assist_unit_ids.is_empty()), ("cluster_helps", line.cluster_helps)];
        for (field, _) in help.iter().filter(|h| h.1) {
            let zh = format!("“{}”含保密事项,不得有协办,请清空", c.name);
            out.push(wrong("restricted", field, "有", zh, format!("{} is restricted; nobody helps", c.name)));
        }
    } else if !c.village_admitted && line.first_level.height() < UnitKind::TownshipCentre.height() {
        let zh = format!(
            "“{}”不在村级准入清单内,分派时会自动提到乡镇综治中心,或提到法定部门;建议改为乡镇综治中心或以上",
            c.name
        );
        let en = format!(
            "{} is not admitted to villages and is lifted to the township or the lawful department; say township_centre",
            c.name
        );
        out.push(wrong("not_admitted", "first_level", word, zh, en).warning());
    }
    let unit = line.first_unit_id.and_then(|id| facts.units.iter().find(|u| u.id == id));
    if let (Some(unit), Some(lawful)) = (unit, &c.legal_dept)
        && !unit.name.ends_with(lawful.as_str())
    {
        let zh = format!("“{}”的法定部门是{lawful},请核对", c.name);
        let en = format!("the lawful department for {} is {lawful}; check it", c.name);
        out.push(wrong("not_lawful", "first_unit", &unit.name, zh, en).warning());
    }
}

/// Kinds of matter no line fits wherever they happen. Where a matter is may be unknown, so that only lines without a
/// region, or for the whole county, cover it.
fn holes(table: &RuleTable, facts: &Facts, out: &mut Vec<Fault>) {
    let county: Vec<FeatureId> = facts.regions.iter().filter(|r| r.parent_id.is_none()).map(|r| r.id).collect();
    // By the urgencies that are missing, so that a table without any general line is told in one sentence.
    let mut open: BTreeMap<Vec<&str>, Vec<String>> = BTreeMap::new();
    for c in facts.categories.iter().filter(|c| c.in_force) {
        let missing = Urgency::ALL.iter().filter(|u| best(table, c.id, c.parent_id, **u, &county).is_none());
        let missing: Vec<&str> = missing.map(|u| u.code()).collect();
        if !missing.is_empty() {
            open.entry(missing).or_default().push(format!("{} {}", c.code, c.name));
        }
    }
    for (codes, names) in open {
        let words: Vec<&str> = codes.iter().filter_map(|c| Urgency::from_code(c)).map(Urgency::zh).collect();
        let (words, codes, count, names) = (words.join("、"), codes.join(", "), names.len(), names.join("、"));
        let zh = format!(
            "{words}件中有 {count} 类事项没有适用的规则:{names}。请加一行:事项、辖区留空,紧急程度写{words}或留空。"
        );
        let en = format!(
            "No line fits {codes} matters of {count} categories: {names}. Add a line without category and region."
        );
        out.push(of_table("hole", "category", names, (zh, en)));
    }
}

/// Restricted matters no line of their own covers: the general line is lifted to the county, which should be known.
fn fallen_through(table: &RuleTable, facts: &Facts, out: &mut Vec<Fault>) {
    let county: Vec<FeatureId> = facts.regions.iter().filter(|r| r.parent_id.is_none()).map(|r| r.id).collect();
    let mut lines = BTreeSet::new();
    let mut names = Vec::new();
    for c in facts.categories.iter().filter(|c| c.in_force && c.restricted) {
        let low = Urgency::ALL.iter().filter_map(|u| best(table, c.id, c.parent_id, *u, &county));
        let low = low.filter(|l| l.category_id.is_none() && l.first_level.height() < UnitKind::CountyCentre.height());
        let low: Vec<String> = low.map(|l| l.ordinal.to_string()).collect();
        if !low.is_empty() {
            lines.extend(low);
            names.push(format!("{} {}", c.code, c.name));
        }
    }
    if names.is_empty() {
        return;
    }
    let (lines, names) = (lines.into_iter().collect::<Vec<_>>().join("、"), names.join("、"));
    let zh =
        format!("保密事项({names})落到通用的第 {lines} 行,分派时会自动提到县综治中心、不设协办;建议为其单列一行。");
    let en = format!(
        "Restricted categories ({names}) fall to the general lines {lines} and are lifted to the county; give them lines of their own."
    );
    out.push(of_table("restricted_by_general_line", "category", names, (zh, en)).warning());
}

/// Units whose parents run in a circle: what climbs there never arrives.
fn circles(facts: &Facts, out: &mut Vec<Fault>) {
    let parents: HashMap<FeatureId, Option<FeatureId>> = facts.units.iter().map(|u| (u.id, u.parent_id)).collect();
    let mut done = HashSet::new();
    for unit in &facts.units {
        let mut path = Vec::new();
        let mut at = Some(unit.id);
        while let Some(id) = at.filter(|id| done.insert(*id)) {
            path.push(id);
            at = parents.get(&id).copied().flatten();
        }
        let Some(from) = at.and_then(|id| path.iter().position(|p| *p == id)) else { continue };
        let name = |id: &FeatureId| facts.units.iter().find(|u| u.id == *id).map_or("", |u| u.name.as_str());
        let names = path[from..].iter().map(name).collect::<Vec<_>>().join(" → ");
        let zh = format!("承办单位的上级成环:{names}。请改正其中一个单位的上级。");
        out.push(of_table(
            "loop",
            "first_unit",
            names.clone(),
            (zh, format!("Units above each other in a circle: {names}.")),
        ));
    }
}
