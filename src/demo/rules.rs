//! 事项 and dispatch rules.

use super::areas::{Areas, Ids};
use super::model::{Category, Rule};
use crate::domain::category::STANDARD_CATEGORIES;

/// Kinds the county's townships may act on, by this document.
const DELEGATED: (&str, [&str; 4]) = ("岚政〔2024〕9号", ["征地拆迁纠纷", "畜禽养殖污染", "违法建设", "占道经营"]);

/// The tree as rows, heads before their leaves.
#[must_use]
pub fn categories(ids: &mut Ids) -> Vec<Category> {
    let mut out = Vec::new();
    for (h, (head, leaves)) in STANDARD_CATEGORIES.iter().enumerate() {
        let parent = ids.give();
        out.push(Category {
            id: parent,
            code: format!("{:02}", h + 1),
            parent: None,
            name: head,
            village_admitted: leaves.iter().any(|l| l.village_admitted),
            township_delegated: None,
            legal_dept: None,
            restricted: leaves.iter().all(|l| l.restricted),
            photo_needed: false,
        });
        for (k, leaf) in leaves.iter().enumerate() {
            out.push(Category {
                id: ids.give(),
                code: format!("{:02}{:02}", h + 1, k + 1),
                parent: Some(parent),
                name: leaf.name,
                village_admitted: leaf.village_admitted,
                township_delegated: DELEGATED.1.contains(&leaf.name).then_some(DELEGATED.0),
                legal_dept: leaf.legal_dept,
                restricted: leaf.restricted,
                photo_needed: leaf.photo_needed,
            });
        }
    }
    out
}

/// Version 1 of the rules: three general ones by urgency, then what is not a village's work.
#[must_use]
pub fn rules(areas: &Areas, categories: &[Category]) -> Vec<Rule> {
    let general = |ordinal, urgency, accept_minutes, resolve_minutes, resolve_days| Rule {
        ordinal,
        category: None,
        urgency: Some(urgency),
        first_level: "grid_group",
        first_unit: None,
        assist: Vec::new(),
        cluster_helps: urgency == "hard",
        accept_minutes,
        resolve_minutes,
        resolve_days,
    };
    let mut out = vec![
        general(1, "ordinary", 24 * 60, None, Some(3)),
        general(2, "hard", 24 * 60, None, Some(7)),
        general(3, "urgent", 120, Some(24 * 60), None),
    ];
    for c in categories.iter().filter(|c| c.parent.is_some()) {
        let department = c.legal_dept.and_then(|d| areas.departments.get(d)).copied();
        let (first_level, first_unit, assist) = match (c.restricted, c.village_admitted, c.township_delegated.is_some())
        {
            // Restricted matters go to the county's named officers.
            (true, ..) => ("county_duty_officer", None, Vec::new()),
            (false, true, _) => match department {
                Some(d) => ("grid_group", None, vec![d]),
                None => continue,
            },
            (false, false, true) => ("township_centre", None, department.into_iter().collect()),
            (false, false, false) => match department {
                Some(d) => ("department", Some(d), Vec::new()),
                None => ("county_centre", None, Vec::new()),
            },
        };
        let urgent = c.code.starts_with("08") || c.restricted;
        for urgency in if urgent { &["urgent"][..] } else { &["ordinary", "hard", "urgent"][..] } {
            let (accept_minutes, resolve_minutes, resolve_days) = match *urgency {
                "urgent" => (120, Some(24 * 60), None),
                "hard" => (24 * 60, None, Some(7)),
                _ => (24 * 60, None, Some(if first_level == "department" { 7 } else { 3 })),
            };
            out.push(Rule {
                ordinal: out.len() as i32 + 1,
                category: Some(c.id),
                urgency: Some(urgency),
                first_level,
                first_unit,
                assist: assist.clone(),
                cluster_helps: false,
                accept_minutes,
                resolve_minutes,
                resolve_days,
            });
        }
    }
    out
}
