//! Preview of a redraw: a whole village's general grids, looked at before anything changes.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::outline::outline;
use crate::db::redraw::{self, FactRow, GridNow};
use crate::db::{Request, unit};
use crate::domain::{FeatureId, Problem, Viewer};
use crate::service::incident::check::check_text;
use crate::service::incident::plan::calendar;
use crate::service::{ServiceError, Yitu};

/// Most grids one village may be drawn into.
const MOST_GRIDS: usize = 500;

/// A village's general grids as they shall be.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
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
    /// The responsible party group; that of the grid most of it comes from if left out.
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

/// A fault or a warning, with its place.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Finding {
    /// What a waiver names it by.
    pub fault: String,
    pub kind: String,
    pub detail: String,
    pub grids: Vec<String>,
    pub area_m2: Option<f64>,
    pub lon: Option<f64>,
    pub lat: Option<f64>,
}

/// Where a drawn grid comes from.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Lineage {
    pub from: FeatureId,
    /// Place of the drawn grid in the set, from 0.
    pub to: usize,
    /// `split`, `merge` or `reshape`.
    pub kind: String,
    pub area_m2: f64,
}

/// What a redraw would do.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct RedrawPreview {
    pub id: FeatureId,
    pub version: i32,
    /// Cannot be published.
    pub faults: Vec<Finding>,
    /// Published with a waiver only.
    pub warnings: Vec<Finding>,
    pub moved_households: Moved,
    pub lineage: Vec<Lineage>,
    pub publishable: bool,
}

/// Households that change their grid.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Moved {
    pub total: i64,
    /// Doors that no drawn grid covers.
    pub unplaced: i64,
    /// By name of the drawn grid they would come into.
    pub by_grid: BTreeMap<String, i64>,
}

/// Looks at a drawn set and keeps it as a preview.
///
/// # Errors
/// Problems that name the field; a failing database.
pub async fn redraw(yitu: &Yitu, viewer: &Viewer, draft: Draft) -> Result<RedrawPreview, ServiceError> {
    check_form(&draft)?;
    let outlines = outlines(&draft)?;
    let (county, now) = (viewer.county_id(), yitu.clock.now());
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let day = calendar(&mut on, county, now).await?.day(now);
    if draft.effective_from < day {
        return Err(too_early(draft.effective_from, day).into());
    }
    let village = draft.village_id;
    if unit::village(&mut on, county, village).await?.is_none() {
        return Err(Problem::bad_field(
            "/village_id",
            format!("没有编号为 {village} 的村"),
            format!("There is no village {village}"),
        )
        .into());
    }
    let current = redraw::grids_now(&mut on, village, draft.effective_from).await?;
    check_ids(&draft, &current)?;
    let based_on = redraw::draw_count(&mut on, village).await?;
    let facts = redraw::facts(&mut on, &outlines, village, draft.effective_from).await?;
    let (faults, warnings): (Vec<_>, Vec<_>) =
        facts.iter().map(|f| finding(f, &draft)).partition(|f| is_fault(&f.kind));
    let shared = redraw::lineage(&mut on, &outlines, village, draft.effective_from).await?;
    let lineage = lineage(&draft, &shared);
    let moves = redraw::moves(&mut on, county, village, &outlines).await?;
    let publishable = faults.is_empty() && unwaived(&warnings, &draft.waivers).is_empty();
    let json = |e: serde_json::Error| ServiceError::Internal(e.to_string());
    let plan = serde_json::to_value(&draft).map_err(json)?;
    let findings = serde_json::json!({"faults": faults, "warnings": warnings});
    let waivers = serde_json::to_value(&draft.waivers).map_err(json)?;
    let (id, version) = redraw::insert(
        &mut on,
        county,
        village,
        draft.effective_from,
        &plan,
        &findings,
        &waivers,
        based_on,
        viewer.name(),
    )
    .await?;
    on.finish().await?;
    Ok(RedrawPreview { id, version, faults, warnings, moved_households: moved(&draft, &moves), lineage, publishable })
}

fn check_form(draft: &Draft) -> Result<(), Problem> {
    if draft.grids.is_empty() || draft.grids.len() > MOST_GRIDS {
        return Err(Problem::bad_field(
            "/grids",
            format!("请给出整村的网格,1 到 {MOST_GRIDS} 个"),
            format!("Give the whole village's grids, 1 to {MOST_GRIDS}"),
        ));
    }
    for (k, g) in draft.grids.iter().enumerate() {
        check_text(&format!("/grids/{k}/name"), &g.name, 100)?;
        check_text(&format!("/grids/{k}/code"), g.code.as_deref().unwrap_or_default(), 40)?;
        if g.name.trim().is_empty() {
            return Err(Problem::bad_field(format!("/grids/{k}/name"), "网格要有名称", "A grid needs a name"));
        }
    }
    for (k, w) in draft.waivers.iter().enumerate() {
        check_text(&format!("/waivers/{k}/reason"), &w.reason, 1000)?;
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

/// The set's outlines as stored.
///
/// # Errors
/// The problem of the first bad one.
pub(super) fn outlines(draft: &Draft) -> Result<Vec<Vec<u8>>, ServiceError> {
    draft.grids.iter().enumerate().map(|(k, g)| outline(&format!("/grids/{k}/geometry"), &g.geometry)).collect()
}

/// Refuses an effective day before today.
pub(super) fn too_early(day: NaiveDate, today: NaiveDate) -> Problem {
    Problem::bad_field(
        "/effective_from",
        format!("生效日期 {day} 早于今天 {today},过去不能改写"),
        format!("{day} is before today, {today}; the past cannot be redrawn"),
    )
}

fn check_ids(draft: &Draft, current: &[GridNow]) -> Result<(), Problem> {
    let mut seen = Vec::new();
    for (k, id) in draft.grids.iter().enumerate().filter_map(|(k, g)| Some((k, g.id?))) {
        if seen.contains(&id) || !current.iter().any(|c| c.id == id) {
            return Err(Problem::bad_field(
                format!("/grids/{k}/id"),
                format!("{id} 不是该村生效中的综合网格,或写了两次;新网格请不写 id"),
                format!(
                    "{id} is no general grid of the village in force, or stands twice; leave id out for a new grid"
                ),
            ));
        }
        seen.push(id);
    }
    Ok(())
}

pub(super) fn is_fault(kind: &str) -> bool {
    matches!(kind, "invalid" | "overlap" | "overlap_other")
}

/// Warnings nobody has accepted.
pub(super) fn unwaived<'a>(warnings: &'a [Finding], waivers: &[Waiver]) -> Vec<&'a Finding> {
    warnings.iter().filter(|w| !waivers.iter().any(|x| x.fault == w.fault)).collect()
}

fn finding(f: &FactRow, draft: &Draft) -> Finding {
    let name =
        |n: Option<i64>| n.and_then(|n| draft.grids.get(n as usize - 1)).map_or_else(String::new, |g| g.name.clone());
    let (a, b) = (name(f.n), if f.what == "overlap" { name(f.m) } else { f.said.clone() });
    let area = f.area_m2.unwrap_or_default();
    let detail = match f.what.as_str() {
        "invalid" => format!("“{a}”的图形无效:{}", f.said),
        "overlap" => format!("“{a}”与“{b}”重叠 {area:.2} 平方米"),
        "overlap_other" => format!("“{a}”与邻村的“{b}”重叠 {area:.2} 平方米"),
        "gap" => format!("村内有 {area:.0} 平方米不属于任何网格"),
        "outside" => format!("“{a}”有 {area:.0} 平方米越出村界"),
        _ => format!("“{a}”由 {} 块组成,存在飞地", f.m.unwrap_or_default()),
    };
    let place = |v: Option<f64>| v.map_or_else(String::new, |v| format!("{v:.5}"));
    Finding {
        fault: format!("{}:{}:{},{}", f.what, f.n.unwrap_or_default(), place(f.lon), place(f.lat)),
        kind: f.what.clone(),
        detail,
        grids: [a, b].into_iter().filter(|n| !n.is_empty()).collect(),
        area_m2: f.area_m2,
        lon: f.lon,
        lat: f.lat,
    }
}

/// Which grid comes from which, by shared area; a grid that only goes on unchanged in kind is a reshape.
pub(super) fn lineage(draft: &Draft, shared: &[(i64, i64, f64)]) -> Vec<Lineage> {
    // A sliver along a moved border is no descent.
    let weighty: Vec<&(i64, i64, f64)> = shared.iter().filter(|s| s.2 > 100.0).collect();
    let children = |from: i64| weighty.iter().filter(|s| s.0 == from).count();
    let parents = |to: i64| weighty.iter().filter(|s| s.1 == to).count();
    weighty
        .iter()
        .filter(|s| (s.1 as usize) <= draft.grids.len())
        .map(|s| {
            let kind = match (children(s.0), parents(s.1)) {
                (2.., _) => "split",
                (_, 2..) => "merge",
                _ => "reshape",
            };
            Lineage { from: s.0, to: s.1 as usize - 1, kind: kind.to_owned(), area_m2: s.2 }
        })
        .collect()
}

fn moved(draft: &Draft, moves: &[(Option<i64>, i64, i64)]) -> Moved {
    let mut out = Moved { total: 0, unplaced: 0, by_grid: BTreeMap::new() };
    for &(from, n, households) in moves {
        if n == 0 {
            out.unplaced += households;
            continue;
        }
        let Some(to) = draft.grids.get(n as usize - 1) else { continue };
        if to.id.is_none() || to.id != from {
            out.total += households;
            *out.by_grid.entry(to.name.clone()).or_default() += households;
        }
    }
    out
}
