//! What is at fault in a county, found set-wise: one query a kind, all on one snapshot.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgPool;

use super::DbError;

/// One fault.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Fault {
    /// What is at fault, for a person.
    pub sentence: String,
    /// Where to look, degrees EPSG:4490; absent where there is no place.
    pub lon: Option<f64>,
    /// Where to look.
    pub lat: Option<f64>,
}

/// A kind of fault: its name, its heading and the query that finds it (`$1` county, `$2` its day).
struct Kind(&'static str, &'static str, &'static str);

const KINDS: [Kind; 12] = [
    Kind("grid_overlap", "综合网格重叠", include_str!("sql/check/overlap.sql")),
    Kind("grid_gap", "村内空缺", include_str!("sql/check/gap.sql")),
    Kind("grid_without_group", "网格没有党小组", include_str!("sql/check/grid_without_group.sql")),
    Kind("group_nobody_present", "党小组无人在村", include_str!("sql/check/group_nobody_present.sql")),
    Kind("household_without_grid", "户不在任何网格", include_str!("sql/check/household_without_grid.sql")),
    Kind("household_off_grid", "门点与所属网格不符", include_str!("sql/check/household_off_grid.sql")),
    Kind("register_differs", "插花户", include_str!("sql/check/register_differs.sql")),
    Kind("cluster_member_unknown", "联村联社成员不存在", include_str!("sql/check/cluster_member_unknown.sql")),
    Kind("links_under_target", "联户未达标", include_str!("sql/check/links_under.sql")),
    Kind("links_over_target", "联户超目标", include_str!("sql/check/links_over.sql")),
    Kind("orphan_code", "代码无所指", include_str!("sql/check/orphan_code.sql")),
    Kind("calendar_ahead", "工作日历待更新", include_str!("sql/check/calendar_ahead.sql")),
];

/// All faults of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its name.
    pub kind: &'static str,
    /// Its heading, for a person.
    pub label: &'static str,
    /// Each fault.
    pub faults: Vec<Fault>,
}

/// The county that is loaded, and every kind of fault in it as of its day at an instant; `None` without a county.
///
/// # Errors
/// When the database cannot be asked.
pub async fn find(owner: &PgPool, now: DateTime<Utc>) -> Result<Option<(String, Vec<Found>)>, DbError> {
    let mut tx = super::history::snapshot(owner).await?;
    let county: Option<(i64, String, NaiveDate)> =
        sqlx::query_as("SELECT id, name, county_day(id, $1) FROM region WHERE level = 'county' ORDER BY id LIMIT 1")
            .bind(now)
            .fetch_optional(&mut *tx)
            .await?;
    let Some((id, name, today)) = county else { return Ok(None) };
    let mut found = Vec::new();
    for Kind(kind, label, sql) in KINDS {
        let begun = std::time::Instant::now();
        let faults: Vec<Fault> = sqlx::query_as(sql).bind(id).bind(today).fetch_all(&mut *tx).await?;
        tracing::debug!(kind, count = faults.len(), milliseconds = begun.elapsed().as_millis() as u64, "checked");
        found.push(Found { kind, label, faults });
    }
    Ok(Some((name, found)))
}
