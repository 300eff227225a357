//! The rule table: category × urgency × region → where a matter goes first, who helps, and by when.

pub mod compare;
pub mod draft;
pub mod faults;

pub use compare::{Outcome, outcome};
pub use draft::{DraftLine, resolve, written};
pub use faults::faults;

use std::cmp::Reverse;

use super::UnitKind;
use crate::domain::incident::Urgency;
use crate::domain::{Bilingual, FeatureId};

/// A line of the table; a condition that is not there fits everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleLine {
    /// Its place in the table, from 1.
    pub ordinal: i32,
    /// For this category and those below it.
    pub category_id: Option<FeatureId>,
    /// For this urgency.
    pub urgency: Option<Urgency>,
    /// For this region and those below it.
    pub region_id: Option<FeatureId>,
    /// Where to begin.
    pub first_level: UnitKind,
    /// The department to begin with, exactly where the level is one.
    pub first_unit_id: Option<FeatureId>,
    /// Units that help.
    pub assist_unit_ids: Vec<FeatureId>,
    /// The village's cluster helps.
    pub cluster_helps: bool,
    /// 签收时限, minutes.
    pub accept_minutes: i32,
    /// 办结时限 by the clock, minutes; either this or the next.
    pub resolve_minutes: Option<i32>,
    /// 办结时限, working days.
    pub resolve_days: Option<i32>,
}

impl RuleLine {
    fn conditions(&self) -> (Option<FeatureId>, Option<Urgency>, Option<FeatureId>) {
        (self.category_id, self.urgency, self.region_id)
    }
}

/// A whole table.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleTable {
    /// From which probability a grid is taken as certain.
    pub confident: f32,
    /// Its lines.
    pub lines: Vec<RuleLine>,
}

/// A category, as far as rules need it.
#[derive(Debug, Clone)]
#[allow(missing_docs, clippy::struct_excessive_bools)] // the columns of the category table
pub struct CategoryFact {
    pub id: FeatureId,
    pub parent_id: Option<FeatureId>,
    pub code: String,
    pub name: String,
    pub village_admitted: bool,
    pub restricted: bool,
    pub legal_dept: Option<String>,
    pub township_delegated: bool,
    pub in_force: bool,
}

/// A region.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the columns of the region table
pub struct RegionFact {
    pub id: FeatureId,
    pub parent_id: Option<FeatureId>,
    pub code: Option<String>,
    pub name: String,
}

/// A handling unit.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the columns of the handling_unit table
pub struct UnitFact {
    pub id: FeatureId,
    pub parent_id: Option<FeatureId>,
    pub kind: UnitKind,
    pub name: String,
}

/// What a table speaks of.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // the three kinds of things a line names
pub struct Facts {
    pub categories: Vec<CategoryFact>,
    pub regions: Vec<RegionFact>,
    pub units: Vec<UnitFact>,
}

impl Facts {
    /// The department the law names for a category that is neither a village's work nor handed to the townships.
    #[must_use]
    pub fn lawful_department(&self, category: &CategoryFact) -> Option<FeatureId> {
        let named =
            category.legal_dept.as_deref().filter(|_| !category.village_admitted && !category.township_delegated)?;
        let is_it = |u: &&UnitFact| u.kind == UnitKind::Department && u.name.ends_with(named);
        self.units.iter().filter(is_it).map(|u| u.id).min()
    }
}

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The table cannot be published.
    Fault,
    /// It can.
    Warning,
}

/// Something wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// How bad.
    pub severity: Severity,
    /// Its stable name.
    pub kind: &'static str,
    /// Which line; none where it is the table's.
    pub line: Option<i32>,
    /// Which field of the line.
    pub field: &'static str,
    /// What it says there.
    pub value: String,
    /// What is wrong and the way out.
    pub detail: Bilingual,
}

/// The line that wins for a matter: most conditions that fit; the category itself before its head; the lowest ordinal.
/// `db::unit::rule` asks the same of the database.
#[must_use]
pub fn best<'a>(
    table: &'a RuleTable,
    category: FeatureId,
    parent_category: Option<FeatureId>,
    urgency: Urgency,
    regions: &[FeatureId],
) -> Option<&'a RuleLine> {
    let exact = |line: &RuleLine| line.category_id.map(|c| c == category);
    let fits = |line: &&RuleLine| {
        line.category_id.is_none_or(|c| c == category || Some(c) == parent_category)
            && line.urgency.is_none_or(|u| u == urgency)
            && line.region_id.is_none_or(|r| regions.contains(&r))
    };
    let asks = |line: &RuleLine| {
        let (c, u, r) = line.conditions();
        u8::from(c.is_some()) + u8::from(u.is_some()) + u8::from(r.is_some())
    };
    // `None` is the least of an Option's values, as NULLS LAST wants it.
    table.lines.iter().filter(fits).max_by_key(|l| (asks(l), exact(l), Reverse(l.ordinal)))
}
