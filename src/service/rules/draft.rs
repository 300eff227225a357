//! A draft: what is sent, and what is wrong with it.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::dispatch::rules::{DraftLine, Facts, Fault, RuleTable, Severity, faults, resolve};
use crate::domain::{Bilingual, Problem, ProblemKind};
use crate::service::incident::check::{TEXT_LIMIT, check_text};

/// A table has so many lines at most.
const MOST_LINES: usize = 5000;
/// What one field of a line may hold, characters.
const FIELD_LIMIT: usize = 200;
/// From which probability a grid is certain, where no table says otherwise.
pub(super) const CONFIDENT: f32 = 0.9;

/// A whole table to be looked at or published.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[schema(as = RulesDraft)]
pub struct Draft {
    /// All its lines; the table is replaced as a whole.
    pub lines: Vec<DraftLine>,
    /// What goes beside the lines.
    #[serde(flatten)]
    pub beside: Beside,
}

/// What goes beside the lines; with a sheet, as query parameters.
#[derive(Debug, Clone, Default, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub struct Beside {
    /// From which probability a grid is certain; as in the table in force if left out.
    #[serde(default)]
    #[param(value_type = Option<f64>)]
    #[schema(value_type = Option<f64>)]
    pub confident_probability: Option<f32>,
    /// Publishing: the version that was seen, 0 for the first.
    #[serde(default)]
    pub expected_version: Option<i32>,
    /// Publishing: why.
    #[serde(default)]
    pub note: Option<String>,
}

/// Something wrong with a draft.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
#[schema(as = RuleFinding)]
pub struct Finding {
    /// Its stable name: `hole`, `never_wins`, `loop`, `restricted`, `out_of_range`, `unknown_reference` …
    pub kind: String,
    /// Which line, from 1; none where it is the table's.
    pub line: Option<i32>,
    pub field: String,
    pub value: String,
    pub detail: String,
    pub detail_en: String,
}

/// A draft that was looked through.
pub(super) struct Checked {
    /// What it stands for, as far as it can be read.
    pub table: RuleTable,
    /// Faults and warnings.
    pub found: Vec<Fault>,
}

impl Checked {
    pub(super) fn of(&self, severity: Severity) -> Vec<Finding> {
        let finding = |f: &Fault| Finding {
            kind: f.kind.to_owned(),
            line: f.line,
            field: f.field.to_owned(),
            value: f.value.clone(),
            detail: f.detail.zh.clone(),
            detail_en: f.detail.en.clone(),
        };
        self.found.iter().filter(|f| f.severity == severity).map(finding).collect()
    }

    /// The refusal of a table with faults; nothing where there are warnings only.
    pub(super) fn refusal(&self) -> Option<Problem> {
        let faults: Vec<&Fault> = self.found.iter().filter(|f| f.severity == Severity::Fault).collect();
        let first = faults.first()?;
        let mut problem = Problem::new(
            ProblemKind::Unprocessable,
            "rules-not-publishable",
            ("规则表不能发布", "The rules cannot be published"),
            (
                format!("共 {} 处错误须改正。{}", faults.len(), first.detail.zh),
                format!("{} faults must be mended. {}", faults.len(), first.detail.en),
            ),
        );
        for f in faults.iter().take(100) {
            let pointer = match f.line {
                Some(line) => format!("/lines/{}/{}", line - 1, f.field),
                None => format!("/{}", if f.kind == "out_of_range" { f.field } else { "lines" }),
            };
            let Bilingual { zh, en } = f.detail.clone();
            problem = problem.with_field(pointer, zh, en);
        }
        Some(problem)
    }
}

/// Checks a draft's form: sizes alone.
pub(super) fn check_form(draft: &Draft) -> Result<(), Problem> {
    check_text("/note", draft.beside.note.as_deref().unwrap_or_default(), TEXT_LIMIT)?;
    let count = draft.lines.len();
    if count == 0 || count > MOST_LINES {
        return Err(Problem::bad_field(
            "/lines",
            format!("规则表有 {count} 行,应为 1 到 {MOST_LINES} 行"),
            format!("The table has {count} lines; it takes 1 to {MOST_LINES}"),
        ));
    }
    for (n, l) in draft.lines.iter().enumerate() {
        let said =
            [("category", &l.category), ("urgency", &l.urgency), ("region", &l.region), ("first_unit", &l.first_unit)];
        for (field, text) in said {
            check_text(&format!("/lines/{n}/{field}"), text.as_deref().unwrap_or_default(), FIELD_LIMIT)?;
        }
        check_text(&format!("/lines/{n}/first_level"), &l.first_level, FIELD_LIMIT)?;
        for unit in &l.assist_units {
            check_text(&format!("/lines/{n}/assist_units"), unit, FIELD_LIMIT)?;
        }
    }
    Ok(())
}

/// Reads a draft against what there is. `before` is the probability of the table in force.
pub(super) fn look_through(draft: &Draft, facts: &Facts, before: Option<f32>) -> Checked {
    let (lines, mut found) = resolve(&draft.lines, facts);
    let complete = found.is_empty();
    let confident = draft.beside.confident_probability.or(before).unwrap_or(CONFIDENT);
    let table = RuleTable { confident, lines };
    // What is not covered is told only where every line could be read, else it may be told falsely.
    let of_coverage = |f: &Fault| matches!(f.kind, "hole" | "restricted_by_general_line");
    found.extend(faults(&table, facts).into_iter().filter(|f| complete || !of_coverage(f)));
    found.sort_by_key(|f| f.line.unwrap_or(i32::MAX));
    Checked { table, found }
}
