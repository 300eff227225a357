//! Publish a redraw: the whole set in one transaction, from its day on.

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::draft::{Draft, Waiver, too_early};
use super::finding::Findings;
use super::lineage::{lineage, responsible};
use super::redraw::{code_taken, later_waits, stored};
use crate::db::redraw::{self, RedrawRow};
use crate::db::{DbError, Request};
use crate::domain::{FeatureId, Problem, ProblemKind, Viewer};
use crate::service::incident::facts::calendar;
use crate::service::{ServiceError, Yitu, area};

/// The version of the preview that was seen.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct Publish {
    /// As the preview answered it.
    #[serde(default)]
    pub expected_version: Option<i32>,
}

/// A published redraw.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Published {
    pub id: FeatureId,
    /// `published` until its day comes, then `active`.
    pub state: String,
    pub version: i32,
    pub seq: String,
    /// Ids of the grids in the order they were drawn.
    pub grids: Vec<FeatureId>,
    /// Households that have moved now; those of a later day move when it comes.
    pub moved_households: u64,
}

/// Publishes a preview.
///
/// # Errors
/// When the village is not in the area of who asks, it was already published, has faults or unwaived warnings, or the village has been drawn since.
pub async fn publish(yitu: &Yitu, viewer: &Viewer, id: FeatureId, asked: &Publish) -> Result<Published, ServiceError> {
    let (county, now) = (viewer.county_id(), yitu.clock.now().trunc_subsecs(6));
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let row =
        redraw::lock(&mut on, county, id).await?.ok_or_else(|| Problem::not_found(("网格调整方案", "redraw"), id))?;
    area::check(yitu, viewer, None, row.village_id)?;
    check_state(&row, asked)?;
    let kept = |e: serde_json::Error| ServiceError::Internal(format!("redraw {id}: {e}"));
    let draft: Draft = serde_json::from_value(row.plan.clone()).map_err(kept)?;
    let findings: Findings = serde_json::from_value(row.findings.clone()).map_err(kept)?;
    let waivers: Vec<Waiver> = serde_json::from_value(row.waivers.clone()).map_err(kept)?;
    refuse_findings(&findings, &waivers)?;
    let today = calendar(&mut on, county, now).await?.day(now);
    let (village, day) = (row.village_id, row.effective_from);
    if day < today {
        return Err(too_early(day, today).into());
    }
    if redraw::take_turn(&mut on, county, village).await? != row.based_on {
        return Err(outdated().into());
    }
    if let Some(waiting) = redraw::waiting_after(&mut on, village, day).await? {
        return Err(later_waits(waiting).into());
    }
    let grids = draw(&mut on, county, &row, &draft, now).await?;
    let state = if day == today { "active" } else { "published" };
    let moved_households = if day == today {
        // Everybody of the village follows, also those who are in a grid the asker does not have.
        on.as_the_program().await?;
        redraw::activate(&mut on, county, village, day).await?
    } else {
        0
    };
    let version = redraw::set_state(&mut on, id, state, now).await?;
    let seq = on.commit().await.map_err(refused)?.to_string();
    Ok(Published { id, state: state.to_owned(), version, seq, grids, moved_households })
}

/// A neighbouring village may have been drawn over this one since the preview.
pub(super) fn refused(error: DbError) -> ServiceError {
    if error.constraint() == Some("general_grids_do_not_overlap") { outdated().into() } else { error.into() }
}

/// Ends what was and puts the set in its place; answers the ids of the drawn grids.
async fn draw(
    on: &mut Request,
    county: FeatureId,
    row: &RedrawRow,
    draft: &Draft,
    now: DateTime<Utc>,
) -> Result<Vec<FeatureId>, ServiceError> {
    let (village, day) = (row.village_id, row.effective_from);
    let outlines = stored(&draft.outlines()?)?;
    let before = redraw::grids_now(on, village, day).await?;
    let lineage = lineage(draft, &redraw::lineage(on, &outlines, village, day).await?);
    redraw::end_versions(on, village, day, now).await?;
    for gone in before.iter().filter(|b| !draft.grids.iter().any(|g| g.id == Some(b.id))) {
        redraw::end_grid(on, gone.id, day).await?;
    }
    let mut ids = Vec::with_capacity(draft.grids.len());
    for (k, outline) in outlines.iter().enumerate() {
        let org = responsible(draft, k, &lineage, &before);
        let id = match draft.grids[k].id {
            Some(id) => {
                if org != before.iter().find(|b| b.id == id).and_then(|b| b.org_id) {
                    redraw::end_responsibility(on, id, day).await?;
                    redraw::make_responsible(on, county, id, org, day).await?;
                }
                id
            }
            None => new_grid(on, county, row, draft, k, org).await?,
        };
        redraw::put_version(on, county, id, draft.grids[k].name.trim(), outline, day, now, row.id).await?;
        ids.push(id);
    }
    for l in lineage.iter().filter(|l| ids[l.to] != l.from) {
        redraw::put_lineage(on, county, l.from, ids[l.to], row.id, &l.kind).await?;
    }
    Ok(ids)
}

/// A new grid's identity, code and group.
async fn new_grid(
    on: &mut Request,
    county: FeatureId,
    row: &RedrawRow,
    draft: &Draft,
    k: usize,
    org: Option<FeatureId>,
) -> Result<FeatureId, ServiceError> {
    let (village, day) = (row.village_id, row.effective_from);
    let id = redraw::new_grid(on, county, village).await?;
    let code = match &draft.grids[k].code {
        Some(code) if !code.is_empty() => code.clone(),
        _ => redraw::next_code(on, county, village, day).await?,
    };
    if !redraw::give_code(on, county, id, &code, day).await? {
        return Err(code_taken(k, &code).into());
    }
    redraw::make_responsible(on, county, id, org, day).await?;
    Ok(id)
}

/// Whether the asker has seen the present version.
pub(super) fn check_version(row: &RedrawRow, asked: &Publish) -> Result<(), Problem> {
    let expected = asked.expected_version.ok_or_else(|| {
        Problem::new(
            ProblemKind::VersionRequired,
            "version-required",
            ("需要版本号", "A version is needed"),
            (
                "请带上预览的版本 expected_version。".to_owned(),
                "Send the preview's version as expected_version.".to_owned(),
            ),
        )
    })?;
    if row.version != expected {
        return Err(Problem::new(
            ProblemKind::Stale,
            "stale-version",
            ("方案已有变化", "The redraw has moved on"),
            (
                format!("您看到的是第 {expected} 版,现在是第 {} 版。", row.version),
                format!("You saw version {expected}; it is now at {}.", row.version),
            ),
        ));
    }
    Ok(())
}

fn check_state(row: &RedrawRow, asked: &Publish) -> Result<(), Problem> {
    check_version(row, asked)?;
    if row.state != "preview" {
        return Err(Problem::new(
            ProblemKind::Conflict,
            "already-published",
            ("方案已发布", "Already published"),
            ("该方案已经发布或作废,请新建方案。".to_owned(), "It was published or discarded; draw anew.".to_owned()),
        ));
    }
    Ok(())
}

fn refuse_findings(findings: &Findings, waivers: &[Waiver]) -> Result<(), Problem> {
    let open = findings.unwaived(waivers);
    let Some(first) = findings.faults.first().or(open.first().copied()) else { return Ok(()) };
    let count = findings.faults.len() + open.len();
    let mut problem = Problem::new(
        ProblemKind::Unprocessable,
        "redraw-not-publishable",
        ("方案不能发布", "The redraw cannot be published"),
        (
            format!("{}。共 {count} 处:错误须改正,警告须在 waivers 中写明理由。", first.detail),
            format!("{count} findings; faults must be mended, warnings waived with a reason. First: {}", first.fault),
        ),
    );
    for f in findings.faults.iter().chain(open).take(20) {
        problem = problem.with_field(format!("/findings/{}", f.fault), f.detail.clone(), f.fault.clone());
    }
    Err(problem)
}

fn outdated() -> Problem {
    Problem::new(
        ProblemKind::Conflict,
        "redraw-outdated",
        ("方案已过时", "The redraw is outdated"),
        (
            "预览之后,该村网格又有调整。请重新预览。".to_owned(),
            "The village was drawn anew after this preview; preview it again.".to_owned(),
        ),
    )
}
