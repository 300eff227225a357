//! What a draft would have changed for the matters of the last weeks.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::rule_table::MatterRow;
use crate::dispatch::rules::compare::Kind;
use crate::dispatch::rules::{CategoryFact, Facts, Outcome, RegionFact, RuleTable, best, outcome};
use crate::domain::FeatureId;
use crate::domain::incident::Urgency;

/// At most so many examples.
const MOST_EXAMPLES: usize = 100;

/// What a draft would have changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Impact {
    /// Matters received since.
    pub since: DateTime<Utc>,
    /// How many there were, restricted ones too.
    pub incidents: usize,
    /// How many would have gone another way, restricted ones too; what follows is without them.
    pub changed: usize,
    /// By what changes; one matter may count for several.
    pub by_kind: Vec<Count>,
    /// By category, the most first.
    pub by_category: Vec<Count>,
    /// By township, the most first.
    pub by_township: Vec<Count>,
    /// The newest of them.
    pub examples: Vec<Example>,
}

/// How many of a sort.
#[derive(Debug, Serialize, ToSchema)]
pub struct Count {
    /// Its code or id: of a change `level`, `helpers`, `limits`, `covered` or `uncovered`.
    pub key: String,
    /// In words.
    pub name: String,
    /// How many matters.
    pub count: usize,
}

/// A matter that would have gone another way.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Example {
    pub id: Uuid,
    pub number: i64,
    pub category: String,
    pub category_name: String,
    pub village_name: Option<String>,
    pub township_name: Option<String>,
    pub kinds: Vec<String>,
    /// By the table in force; nothing where no line of it fits.
    pub before: Option<Way>,
    pub after: Option<Way>,
    pub sentence: String,
}

/// Which way a matter goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Way {
    /// The line that wins.
    pub line: i32,
    /// Where it begins, lifted where the matter may not go as low as the line says.
    pub first_level: String,
    pub first_unit: Option<String>,
    pub helpers: Vec<String>,
    pub cluster_helps: bool,
    pub accept_minutes: i32,
    pub resolve_minutes: Option<i32>,
    pub resolve_days: Option<i32>,
    /// Where it begins, in words.
    pub first_name: String,
}

/// What is the same for all matters of a category, urgency and village.
struct Effect {
    kinds: Vec<(&'static str, &'static str)>,
    before: Option<Way>,
    after: Option<Way>,
}

/// Compares the table in force, where there is one, with a draft over the matters of some weeks.
#[must_use]
pub fn impact(
    before: Option<&RuleTable>,
    after: &RuleTable,
    facts: &Facts,
    matters: &[MatterRow],
    since: DateTime<Utc>,
) -> Impact {
    let names = Names::of(facts);
    let mut effects: HashMap<(FeatureId, &str, Option<FeatureId>, bool, bool), Effect> = HashMap::new();
    let mut out = Counts::default();
    for m in matters {
        let key = (m.category_id, m.urgency.as_str(), m.village_id, m.restricted, m.text_only);
        let effect = effects.entry(key).or_insert_with(|| names.effect(before, after, m));
        if effect.kinds.is_empty() {
            continue;
        }
        out.changed += 1;
        if !m.restricted {
            out.add(&names, m, effect);
        }
    }
    Impact {
        since,
        incidents: matters.len(),
        changed: out.changed,
        by_kind: sorted(out.kinds),
        by_category: sorted(out.categories),
        by_township: sorted(out.townships),
        examples: out.examples,
    }
}

#[derive(Default)]
struct Counts {
    changed: usize,
    kinds: BTreeMap<String, (String, usize)>,
    categories: BTreeMap<String, (String, usize)>,
    townships: BTreeMap<String, (String, usize)>,
    examples: Vec<Example>,
}

impl Counts {
    fn add(&mut self, names: &Names<'_>, m: &MatterRow, effect: &Effect) {
        let one_more = |map: &mut BTreeMap<String, (String, usize)>, key: &str, name: &str| {
            map.entry(key.to_owned()).or_insert_with(|| (name.to_owned(), 0)).1 += 1;
        };
        for (kind, word) in &effect.kinds {
            one_more(&mut self.kinds, kind, word);
        }
        let category = names.categories.get(&m.category_id);
        let (code, name) = category.map_or(("", ""), |c| (c.code.as_str(), c.name.as_str()));
        one_more(&mut self.categories, code, name);
        let village = m.village_id.and_then(|v| names.regions.get(&v));
        let township = village.and_then(|v| names.regions.get(&v.parent_id?));
        let key = township.map(|t| t.id.to_string()).unwrap_or_default();
        one_more(&mut self.townships, &key, township.map_or("位置待定", |t| &t.name));
        if self.examples.len() < MOST_EXAMPLES {
            let village_name = village.map(|v| v.name.clone());
            self.examples.push(Example {
                id: m.id,
                number: m.number,
                category: code.to_owned(),
                category_name: name.to_owned(),
                township_name: township.map(|t| t.name.clone()),
                kinds: effect.kinds.iter().map(|k| k.0.to_owned()).collect(),
                sentence: sentence(m.number, name, village_name.as_deref(), effect),
                village_name,
                before: effect.before.clone(),
                after: effect.after.clone(),
            });
        }
    }
}

fn sorted(counts: BTreeMap<String, (String, usize)>) -> Vec<Count> {
    let mut out: Vec<Count> = counts.into_iter().map(|(key, (name, count))| Count { key, name, count }).collect();
    // Stable, so that equal counts stay in the order of their keys.
    out.sort_by_key(|c| std::cmp::Reverse(c.count));
    out
}

/// What ids stand for.
struct Names<'a> {
    facts: &'a Facts,
    categories: HashMap<FeatureId, &'a CategoryFact>,
    regions: HashMap<FeatureId, &'a RegionFact>,
    units: HashMap<FeatureId, &'a str>,
}

impl<'a> Names<'a> {
    fn of(facts: &'a Facts) -> Self {
        Self {
            facts,
            categories: facts.categories.iter().map(|c| (c.id, c)).collect(),
            regions: facts.regions.iter().map(|r| (r.id, r)).collect(),
            units: facts.units.iter().map(|u| (u.id, u.name.as_str())).collect(),
        }
    }

    fn effect(&self, before: Option<&RuleTable>, after: &RuleTable, m: &MatterRow) -> Effect {
        let (old, new) = (before.and_then(|table| self.way(table, m)), self.way(after, m));
        let kinds = match (&old, &new) {
            (None, None) => Vec::new(),
            (None, Some(_)) => vec![("covered", "原来没有适用的规则")],
            (Some(_), None) => vec![("uncovered", "不再有适用的规则")],
            (Some((_, a)), Some((_, b))) => differences(a, b),
        };
        let spoken = |way: Option<(i32, Outcome)>| way.map(|(line, o)| self.spoken(line, &o));
        Effect { kinds, before: spoken(old), after: spoken(new) }
    }

    /// The line of a table that wins for a matter, and what it means for it.
    fn way(&self, table: &RuleTable, m: &MatterRow) -> Option<(i32, Outcome)> {
        let category = self.categories.get(&m.category_id)?;
        let above = |id: FeatureId| self.regions.get(&id).and_then(|r| r.parent_id);
        let regions: Vec<FeatureId> =
            std::iter::successors(m.village_id, |id| above(*id)).chain(self.county()).collect();
        let urgency = Urgency::from_code(&m.urgency)?;
        let line = best(table, category.id, category.parent_id, urgency, &regions)?;
        let kind = Kind {
            restricted: m.restricted,
            village_admitted: category.village_admitted,
            text_only: m.text_only,
            lawful: self.facts.lawful_department(category),
        };
        Some((line.ordinal, outcome(line, kind)))
    }

    fn county(&self) -> Option<FeatureId> {
        self.regions.values().find(|r| r.parent_id.is_none()).map(|r| r.id)
    }

    fn spoken(&self, line: i32, o: &Outcome) -> Way {
        let unit = |id: &FeatureId| self.units.get(id).map_or_else(|| format!("#{id}"), |n| (*n).to_owned());
        let first_unit = o.unit_id.as_ref().map(unit);
        Way {
            line,
            first_level: o.level.code().to_owned(),
            first_name: first_unit.clone().unwrap_or_else(|| o.level.zh().to_owned()),
            first_unit,
            helpers: o.helpers.iter().map(unit).collect(),
            cluster_helps: o.cluster_helps,
            accept_minutes: o.accept_minutes,
            resolve_minutes: o.resolve_minutes,
            resolve_days: o.resolve_days,
        }
    }
}

fn differences(a: &Outcome, b: &Outcome) -> Vec<(&'static str, &'static str)> {
    let limits = |o: &Outcome| (o.accept_minutes, o.resolve_minutes, o.resolve_days);
    let all = [
        (("level", "首派改变"), (a.level, a.unit_id) != (b.level, b.unit_id)),
        (("helpers", "协办改变"), (&a.helpers, a.cluster_helps) != (&b.helpers, b.cluster_helps)),
        (("limits", "时限改变"), limits(a) != limits(b)),
    ];
    all.into_iter().filter(|d| d.1).map(|d| d.0).collect()
}

fn sentence(number: i64, category: &str, village: Option<&str>, effect: &Effect) -> String {
    let place = village.map_or_else(String::new, |v| format!(",{v}"));
    let change = match (&effect.before, &effect.after) {
        (Some(a), Some(b)) => {
            let said = effect.kinds.iter().map(|(kind, _)| match *kind {
                "level" => format!("首派由{}改为{}", a.first_name, b.first_name),
                "helpers" => format!("协办由{}改为{}", helpers(a), helpers(b)),
                _ => format!("时限由{}改为{}", limits(a), limits(b)),
            });
            said.collect::<Vec<_>>().join(";")
        }
        (None, Some(b)) => format!("原来没有适用的规则,现首派{},{}", b.first_name, limits(b)),
        (Some(_) | None, None) => "不再有适用的规则".to_owned(),
    };
    format!("第 {number} 号({category}{place}):{change}。")
}

fn helpers(way: &Way) -> String {
    let cluster = way.cluster_helps.then_some("联村联社");
    let all: Vec<&str> = way.helpers.iter().map(String::as_str).chain(cluster).collect();
    if all.is_empty() { "无".to_owned() } else { all.join("、") }
}

fn limits(way: &Way) -> String {
    let minutes = |m: i32| if m % 60 == 0 { format!("{} 小时", m / 60) } else { format!("{m} 分钟") };
    let resolve = way.resolve_minutes.map(minutes);
    let resolve = resolve.unwrap_or_else(|| format!("{} 个工作日", way.resolve_days.unwrap_or_default()));
    format!("{}签收、{resolve}办结", minutes(way.accept_minutes))
}
