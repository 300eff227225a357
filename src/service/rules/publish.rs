//! Publish a draft: the whole table anew, as the next version. What is published never changes.

use chrono::SubsecRound;

use super::draft::{Draft, check_form, look_through};
use super::show::{Table, facts_now, in_force, whole};
use super::stored;
use crate::db::Request;
use crate::db::rule_table::{self, VersionRow};
use crate::domain::{Problem, ProblemKind, Viewer};
use crate::service::{ServiceError, Yitu};

/// Publishes a draft. `if_match` is the version of an `If-Match` header, which `expected_version` may stand in for.
///
/// # Errors
/// `version-required`, `stale-version`; `rules-not-publishable` with each fault; a failing database.
pub async fn publish(
    yitu: &Yitu,
    viewer: &Viewer,
    draft: &Draft,
    if_match: Option<i32>,
) -> Result<Table, ServiceError> {
    check_form(draft)?;
    let expected = draft.beside.expected_version.or(if_match).ok_or_else(version_required)?;
    let county = viewer.county_id();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    rule_table::take_turn(&mut on, county).await?;
    let (version, confident) = match in_force(&mut on, county).await? {
        Some((version, table)) => (version, Some(table.confident)),
        None => (0, None),
    };
    if version != expected {
        return Err(stale(version, expected).into());
    }
    let facts = facts_now(yitu, &mut on, county).await?;
    let checked = look_through(draft, &facts, confident);
    if let Some(problem) = checked.refusal() {
        return Err(problem.into());
    }
    let new = VersionRow {
        version: version + 1,
        confident_probability: checked.table.confident,
        note: draft.beside.note.as_deref().unwrap_or_default().trim().to_owned(),
        published_at: yitu.clock.now().trunc_subsecs(6),
        published_by: viewer.name().to_owned(),
        lines: 0,
    };
    let rows: Vec<_> = checked.table.lines.iter().map(stored::row).collect();
    rule_table::publish(&mut on, county, &new, &rows).await?;
    let table = whole(&mut on, county, Some(new.version), &facts).await?;
    let seq = on.commit().await?;
    // The next report here goes by it; other servers hear of it from the change log.
    yitu.atlas.note_organisation_change();
    Ok(Table { seq: Some(seq.to_string()), ..table })
}

fn version_required() -> Problem {
    Problem::new(
        ProblemKind::VersionRequired,
        "version-required",
        ("需要版本号", "A version is needed"),
        (
            "请带上您看到的规则表版本:expected_version,或 If-Match 请求头;第一次发布为 0。".to_owned(),
            "Send the version you saw as expected_version or If-Match; 0 for the first.".to_owned(),
        ),
    )
}

fn stale(present: i32, expected: i32) -> Problem {
    Problem::new(
        ProblemKind::Stale,
        "stale-version",
        ("规则表已有新版本", "The rules have moved on"),
        (
            format!("您看到的是第 {expected} 版,现行的是第 {present} 版。请在现行版本上重做修改,再预览、发布。"),
            format!("You saw version {expected}; version {present} is in force. Make your changes on that one."),
        ),
    )
    .with_extra("version", present)
}
