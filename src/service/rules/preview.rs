//! Preview a draft: what is wrong with it, and what it would have changed. Nothing is stored.

use chrono::Duration;
use serde::Serialize;
use utoipa::ToSchema;

use super::draft::{Draft, Finding, check_form, look_through};
use super::impact::{Impact, impact};
use super::show::{Line, facts_now, in_force};
use crate::db::{Request, rule_table};
use crate::dispatch::rules::Severity;
use crate::domain::Viewer;
use crate::service::{ServiceError, Yitu, off_thread};

/// Days back that a draft is tried on.
const DAYS: i64 = 90;

/// What a draft would do.
#[derive(Debug, Serialize, ToSchema)]
pub struct RulesPreview {
    /// The version in force, to be sent as `expected_version`; 0 where there is none.
    pub version: i32,
    /// Whether it can be published.
    pub publishable: bool,
    /// To be mended first.
    pub faults: Vec<Finding>,
    /// May stand.
    pub warnings: Vec<Finding>,
    /// The lines as they are understood; without those that name what is not there.
    pub lines: Vec<Line>,
    /// What it would have changed over the last 90 days.
    pub impact: Impact,
}

/// Tries a draft.
///
/// # Errors
/// A problem with its form; a failing database.
pub async fn preview(yitu: &Yitu, viewer: &Viewer, draft: Draft) -> Result<RulesPreview, ServiceError> {
    check_form(&draft)?;
    let (county, since) = (viewer.county_id(), yitu.clock.now() - Duration::days(DAYS));
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let facts = facts_now(yitu, &mut on, county).await?;
    let before = in_force(&mut on, county).await?;
    let matters = rule_table::matters(&mut on, county, since).await?;
    on.finish().await?;
    off_thread(move || {
        let (version, before) = before.map_or((0, None), |(version, table)| (version, Some(table)));
        let checked = look_through(&draft, &facts, before.as_ref().map(|t| t.confident));
        let faults = checked.of(Severity::Fault);
        RulesPreview {
            version,
            publishable: faults.is_empty(),
            faults,
            warnings: checked.of(Severity::Warning),
            lines: checked.table.lines.iter().map(|l| Line::of(l, &facts)).collect(),
            impact: impact(before.as_ref(), &checked.table, &facts, &matters, since),
        }
    })
    .await
}
