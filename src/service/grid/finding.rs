//! What is found about a drawn set, in words.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::draft::{Draft, Waiver};
use crate::db::redraw::FactRow;

/// A fault or a warning, with its place.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
#[schema(as = GridFinding)]
pub struct Finding {
    /// What a waiver names it by.
    pub fault: String,
    /// `invalid`, `overlap`, `overlap_other`, `elsewhere`: faults. `gap`, `outside`, `parts`: warnings.
    pub kind: String,
    pub detail: String,
    pub grids: Vec<String>,
    pub area_m2: Option<f64>,
    pub lon: Option<f64>,
    pub lat: Option<f64>,
}

/// What a preview found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Findings {
    /// Cannot be published.
    pub faults: Vec<Finding>,
    /// Published with a waiver only.
    pub warnings: Vec<Finding>,
}

impl Findings {
    /// From what the database found.
    #[must_use]
    pub fn new(facts: &[FactRow], draft: &Draft) -> Self {
        let is_fault = |f: &Finding| matches!(f.kind.as_str(), "invalid" | "overlap" | "overlap_other" | "elsewhere");
        let (faults, warnings) = facts.iter().map(|f| finding(f, draft)).partition(is_fault);
        Self { faults, warnings }
    }

    /// Warnings nobody has accepted.
    #[must_use]
    pub fn unwaived(&self, waivers: &[Waiver]) -> Vec<&Finding> {
        self.warnings.iter().filter(|w| !waivers.iter().any(|x| x.fault == w.fault)).collect()
    }
}

fn finding(f: &FactRow, draft: &Draft) -> Finding {
    let name = |n: Option<i64>| {
        n.and_then(|n| draft.grids.get(usize::try_from(n - 1).ok()?)).map_or_else(String::new, |g| g.name.clone())
    };
    let (a, b) = (name(f.n), if f.what == "overlap" { name(f.m) } else { f.said.clone() });
    let area = f.area_m2.unwrap_or_default();
    let detail = match f.what.as_str() {
        "invalid" => format!("“{a}”的图形无效:{}", in_chinese(&f.said)),
        "overlap" => format!("“{a}”与“{b}”重叠 {area:.2} 平方米"),
        "overlap_other" => format!("“{a}”与邻村的“{b}”重叠 {area:.2} 平方米"),
        "elsewhere" => format!("“{a}”不在本村范围内,请核对所选的村、坐标和坐标系"),
        "gap" => format!("村内有一处宽超过 2 米、共 {area:.0} 平方米的地方不属于任何网格"),
        "outside" => format!("“{a}”有 {area:.0} 平方米越出村界"),
        _ => format!("“{a}”由 {} 块组成,存在飞地", f.m.unwrap_or_default()),
    };
    let place = |v: Option<f64>| v.map_or_else(String::new, |v| format!("{v:.5}"));
    Finding {
        fault: format!("{}:{}:{},{}", f.what, f.n.unwrap_or_default(), place(f.lon), place(f.lat)),
        kind: f.what.clone(),
        detail,
        grids: if f.what == "invalid" { vec![a] } else { [a, b].into_iter().filter(|n| !n.is_empty()).collect() },
        area_m2: f.area_m2,
        lon: f.lon,
        lat: f.lat,
    }
}

/// GEOS' reasons (`IsValidOp`), in words.
fn in_chinese(reason: &str) -> &str {
    match reason {
        "Self-intersection" | "Ring Self-intersection" => "边线自相交",
        "Hole lies outside shell" => "洞在外环之外",
        "Holes are nested" => "洞套着洞",
        "Interior is disconnected" => "洞把面隔成了几块",
        "Nested shells" => "一个面套着另一个面",
        "Duplicate Rings" => "有重复的环",
        "Too few points in geometry component" => "点太少",
        other => other,
    }
}
