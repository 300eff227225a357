//! Preview of a redraw: a whole village's general grids, looked at before anything changes.

use std::collections::BTreeMap;

use geo::MultiPolygon;
use serde::Serialize;
use utoipa::ToSchema;

use super::draft::{Draft, too_early, too_late};
use super::finding::{Finding, Findings};
use super::lineage::{Lineage, lineage};
use super::{outline, seam};
use crate::db::redraw::{self, MoveRow, NewRedraw};
use crate::db::{Request, unit};
use crate::domain::{FeatureId, Problem, ProblemKind, Viewer};
use crate::geo::{Geometry, ewkb};
use crate::service::incident::facts::calendar;
use crate::service::{ServiceError, Yitu, area, off_thread};

/// How far ahead a redraw may be published: a mistyped year should not close a village to drawing.
const MOST_AHEAD: chrono::Days = chrono::Days::new(3 * 366);

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
    /// Households the register keeps in their grid although their door lies in another (插花户).
    pub kept_by_register: i64,
    /// By name of the drawn grid they would come into.
    pub by_grid: BTreeMap<String, i64>,
}

/// Looks at a drawn set and keeps it as a preview. Its seams are shut first: what is looked at, and later
/// published, has the vertices of neighbours in common.
///
/// # Errors
/// Problems that name the field, `not-in-your-area` too; a failing database.
pub async fn redraw(yitu: &Yitu, viewer: &Viewer, mut draft: Draft) -> Result<RedrawPreview, ServiceError> {
    draft.check_form()?;
    let drawn = draft.outlines()?;
    let (county, now) = (viewer.county_id(), yitu.clock.now());
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let today = calendar(&mut on, county, now).await?.day(now);
    let (village, day) = (draft.village_id, draft.effective_from);
    if day < today {
        return Err(too_early(day, today).into());
    }
    if day > today + MOST_AHEAD {
        return Err(too_late(day, today + MOST_AHEAD).into());
    }
    check_against(yitu, viewer, &mut on, &draft).await?;
    let outlines = shut(&mut on, &mut draft, drawn).await?;
    let based_on = redraw::draw_count(&mut on, village).await?;
    let findings = Findings::new(&redraw::facts(&mut on, &outlines, village, day).await?, &draft);
    let lineage = lineage(&draft, &redraw::lineage(&mut on, &outlines, village, day).await?);
    let moves = redraw::moves(&mut on, county, village, &outlines).await?;
    let publishable = findings.faults.is_empty() && findings.unwaived(&draft.waivers).is_empty();
    let json = |e: serde_json::Error| ServiceError::Internal(e.to_string());
    let row = NewRedraw {
        village_id: village,
        effective_from: day,
        plan: serde_json::to_value(&draft).map_err(json)?,
        findings: serde_json::to_value(&findings).map_err(json)?,
        waivers: serde_json::to_value(&draft.waivers).map_err(json)?,
        based_on,
    };
    let (id, version) = redraw::insert(&mut on, county, &row, viewer.name()).await?;
    on.finish().await?;
    Ok(RedrawPreview {
        id,
        version,
        moved_households: moved(&draft, &lineage, &moves),
        faults: findings.faults,
        warnings: findings.warnings,
        lineage,
        publishable,
    })
}

/// What the draft names must be there.
async fn check_against(yitu: &Yitu, viewer: &Viewer, on: &mut Request, draft: &Draft) -> Result<(), ServiceError> {
    let county = viewer.county_id();
    let (village, day) = (draft.village_id, draft.effective_from);
    if unit::village(on, county, village).await?.is_none() {
        let (zh, en) = (format!("没有编号为 {village} 的村"), format!("There is no village {village}"));
        return Err(Problem::bad_field("/village_id", zh, en).into());
    }
    // Whoever has one grid of it could draw the whole village into that grid.
    area::check(yitu, viewer, Some("/village_id"), village)?;
    if let Some(waiting) = redraw::waiting_after(on, village, day).await? {
        return Err(later_waits(waiting).into());
    }
    draft.check_ids(&redraw::grids_now(on, village, day).await?)?;
    let codes: Vec<String> = draft.grids.iter().filter_map(|g| g.code.clone()).collect();
    if let Some(code) = redraw::codes_given(on, county, &codes).await?.first() {
        let k = draft.grids.iter().position(|g| g.code.as_ref() == Some(code)).unwrap_or_default();
        return Err(code_taken(k, code).into());
    }
    let groups = redraw::grid_groups(on, village).await?;
    for (k, org) in draft.grids.iter().enumerate().filter_map(|(k, g)| Some((k, g.org_id?))) {
        if !groups.contains(&org) {
            return Err(Problem::bad_field(
                format!("/grids/{k}/org_id"),
                format!("{org} 不是该村的网格党小组"),
                format!("{org} is no grid group of the village"),
            )
            .into());
        }
    }
    Ok(())
}

/// Shuts the seams of the set and puts the outlines as they are now into the draft; answers them as stored.
async fn shut(on: &mut Request, draft: &mut Draft, mut drawn: Vec<MultiPolygon>) -> Result<Vec<Vec<u8>>, ServiceError> {
    let as_drawn = stored(&drawn)?;
    let around = redraw::around(on, &as_drawn, draft.village_id, draft.effective_from).await?;
    let mut fixed = Vec::with_capacity(around.len());
    for bytes in &around {
        if let Geometry::MultiPolygon(m) = ewkb::decode(bytes).map_err(|e| ServiceError::Internal(e.to_string()))? {
            fixed.push(m);
        }
    }
    let drawn = off_thread(move || {
        seam::shut(&mut drawn, &fixed, seam::REACH_DEGREES);
        drawn
    })
    .await?;
    for (grid, outline) in draft.grids.iter_mut().zip(&drawn) {
        grid.geometry = outline::write(outline)?;
    }
    stored(&drawn)
}

pub(super) fn stored(outlines: &[MultiPolygon]) -> Result<Vec<Vec<u8>>, ServiceError> {
    outlines.iter().map(outline::stored).collect()
}

/// Refuses a day before that of a published redraw that waits: it was drawn on the grids as they will be.
pub(super) fn later_waits(waiting: chrono::NaiveDate) -> Problem {
    Problem::new(
        ProblemKind::Conflict,
        "later-redraw-waits",
        ("已有待生效的调整", "A published redraw waits"),
        (
            format!(
                "该村已发布自 {waiting} 起生效的调整,请把生效日期定在 {waiting} 或以后,在其基础上调整;或先作废那次调整。"
            ),
            format!(
                "A redraw of this village takes effect on {waiting}; draw upon it, from {waiting} on, or discard it."
            ),
        ),
    )
}

pub(super) fn code_taken(k: usize, code: &str) -> Problem {
    Problem::bad_field(
        format!("/grids/{k}/code"),
        format!("编码 {code} 已用过,编码不重复使用"),
        format!("The code {code} is or was another's; codes are not reused"),
    )
}

/// As `redraw_regrid.sql` will move them.
fn moved(draft: &Draft, lineage: &[Lineage], moves: &[MoveRow]) -> Moved {
    let mut out = Moved { total: 0, unplaced: 0, kept_by_register: 0, by_grid: BTreeMap::new() };
    for m in moves {
        let stands = draft.grids.iter().position(|g| g.id.is_some() && g.id == m.grid_id);
        let by_door = usize::try_from(m.n - 1).ok().filter(|k| *k < draft.grids.len());
        if by_door.is_none() && m.has_door {
            out.unplaced += m.households;
        }
        // The lowest id, as there; new grids are numbered after all others, in their order.
        let heirs = || lineage.iter().filter(|l| Some(l.from) == m.grid_id).map(|l| l.to);
        let heir = || heirs().min_by_key(|to| (draft.grids[*to].id.unwrap_or(FeatureId::MAX), *to));
        let to = match (stands, by_door) {
            (Some(k), None) => Some(k),
            (Some(k), Some(door)) if m.by_register => {
                out.kept_by_register += if k == door { 0 } else { m.households };
                Some(k)
            }
            _ => by_door.or_else(heir),
        };
        if let Some(to) = to.filter(|to| Some(*to) != stands) {
            out.total += m.households;
            *out.by_grid.entry(draft.grids[to].name.clone()).or_default() += m.households;
        }
    }
    out
}
