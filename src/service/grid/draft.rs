//! A village's grids as they shall be, and what may be wrong with the form of that.

use chrono::NaiveDate;
use geo::MultiPolygon;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::outline;
use crate::db::redraw::GridNow;
use crate::domain::{FeatureId, Problem};
use crate::service::incident::check::check_text;

/// Most grids one village may be drawn into.
const MOST_GRIDS: usize = 500;

/// A village's general grids as they shall be.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = GridsDraft)]
pub struct Draft {
    /// Whose.
    pub village_id: FeatureId,
    /// From which county day on; not before today.
    pub effective_from: NaiveDate,
    /// All of them.
    pub grids: Vec<DraftGrid>,
    /// Warnings that are accepted, and why.
    #[serde(default)]
    pub waivers: Vec<Waiver>,
}

/// One grid of the set.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DraftGrid {
    /// An existing grid that goes on; left out for a new one.
    #[serde(default)]
    pub id: Option<FeatureId>,
    /// Code of a new grid; the next free one if left out.
    #[serde(default)]
    pub code: Option<String>,
    /// Its name.
    pub name: String,
    /// GeoJSON Polygon or MultiPolygon, EPSG:4490.
    #[schema(value_type = Object)]
    pub geometry: Value,
    /// Existing grids of the village it comes from; told by the shared area if left out.
    #[serde(default)]
    pub from: Vec<FeatureId>,
    /// The responsible party group; that of the grid it goes on from, or most of it comes from, if left out.
    #[serde(default)]
    pub org_id: Option<FeatureId>,
}

/// A warning that is accepted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Waiver {
    /// `fault` of the warning.
    pub fault: String,
    /// Why.
    pub reason: String,
}

impl Draft {
    /// The set's outlines, as drawn.
    ///
    /// # Errors
    /// The problem of the first bad one.
    pub fn outlines(&self) -> Result<Vec<MultiPolygon>, Problem> {
        let of = |(k, g): (usize, &DraftGrid)| outline::read(&format!("/grids/{k}/geometry"), &g.geometry);
        self.grids.iter().enumerate().map(of).collect()
    }

    /// What can be said of the form without looking anything up.
    ///
    /// # Errors
    /// The problem of the first bad field.
    pub fn check_form(&self) -> Result<(), Problem> {
        if self.grids.is_empty() || self.grids.len() > MOST_GRIDS {
            return Err(Problem::bad_field(
                "/grids",
                format!("请给出整村的网格,1 到 {MOST_GRIDS} 个,这里有 {} 个", self.grids.len()),
                format!("Give the whole village's grids, 1 to {MOST_GRIDS}; there are {}", self.grids.len()),
            ));
        }
        for (k, g) in self.grids.iter().enumerate() {
            self.check_grid(k, g)?;
        }
        for (k, w) in self.waivers.iter().enumerate() {
            check_text(&format!("/waivers/{k}/reason"), &w.reason, 1000)?;
            check_text(&format!("/waivers/{k}/fault"), &w.fault, 200)?;
            if w.reason.trim().is_empty() {
                return Err(Problem::bad_field(
                    format!("/waivers/{k}/reason"),
                    "豁免要写明理由",
                    "A waiver needs its reason",
                ));
            }
        }
        Ok(())
    }

    fn check_grid(&self, k: usize, g: &DraftGrid) -> Result<(), Problem> {
        check_text(&format!("/grids/{k}/name"), &g.name, 100)?;
        check_text(&format!("/grids/{k}/code"), g.code.as_deref().unwrap_or_default(), 40)?;
        if g.name.trim().is_empty() {
            return Err(Problem::bad_field(format!("/grids/{k}/name"), "网格要有名称", "A grid needs a name"));
        }
        let Some(code) = g.code.as_deref().filter(|c| !c.is_empty()) else { return Ok(()) };
        if code.trim() != code || g.id.is_some() {
            return Err(Problem::bad_field(
                format!("/grids/{k}/code"),
                format!("编码“{code}”不能用:编码前后不留空格,既有网格的编码不随重划更改(请不写 code)"),
                format!("{code:?}: no blanks around a code, and an existing grid keeps its own (leave code out)"),
            ));
        }
        if self.grids[..k].iter().any(|other| other.code.as_deref() == Some(code)) {
            return Err(Problem::bad_field(
                format!("/grids/{k}/code"),
                format!("编码 {code} 写了两次"),
                format!("The code {code} stands twice"),
            ));
        }
        Ok(())
    }

    /// Whether `id` and `from` name general grids of the village that are in force, each at most once.
    ///
    /// # Errors
    /// The problem of the first that does not.
    pub fn check_ids(&self, current: &[GridNow]) -> Result<(), Problem> {
        let mut seen = Vec::new();
        for (k, g) in self.grids.iter().enumerate() {
            if let Some(id) = g.id {
                if seen.contains(&id) {
                    return Err(Problem::bad_field(
                        format!("/grids/{k}/id"),
                        format!("网格 {id} 写了两次;拆出来的新网格请不写 id,用 from 说明来自哪里"),
                        format!("Grid {id} stands twice; leave id out for the new part and say where it comes from"),
                    ));
                }
                seen.push(id);
                check_present(&format!("/grids/{k}/id"), id, current)?;
            }
            for (j, from) in g.from.iter().enumerate() {
                check_present(&format!("/grids/{k}/from/{j}"), *from, current)?;
            }
        }
        Ok(())
    }
}

fn check_present(pointer: &str, id: FeatureId, current: &[GridNow]) -> Result<(), Problem> {
    if current.iter().any(|c| c.id == id) {
        return Ok(());
    }
    Err(Problem::bad_field(
        pointer,
        format!("{id} 不是该村在生效日当天的综合网格;新网格请不写 id"),
        format!("{id} is no general grid of the village in force that day; leave id out for a new grid"),
    ))
}

/// Refuses an effective day before today.
#[must_use]
pub fn too_early(day: NaiveDate, today: NaiveDate) -> Problem {
    Problem::bad_field(
        "/effective_from",
        format!("生效日期 {day} 早于今天 {today},过去不能改写"),
        format!("{day} is before today, {today}; the past cannot be redrawn"),
    )
}

/// Refuses an effective day too far ahead.
#[must_use]
pub fn too_late(day: NaiveDate, last: NaiveDate) -> Problem {
    Problem::bad_field(
        "/effective_from",
        format!("生效日期 {day} 太远,最迟 {last};请核对年份"),
        format!("{day} is too far ahead, {last} at the latest; check the year"),
    )
}
