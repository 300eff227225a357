//! The duty officer's lists, and what a shift hands over.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::DbError;
use super::incident::IncidentRow;
use crate::domain::FeatureId;
use crate::domain::duty::DutyList;

/// What the lists are cut to.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// The county.
    pub county: FeatureId,
    /// The instant.
    pub now: DateTime<Utc>,
    /// A limit that ends before this ends soon.
    pub soon: DateTime<Utc>,
    /// A region with all below it.
    pub region: Option<FeatureId>,
}

/// How many matters are on each of some lists, in their order.
///
/// # Errors
/// When the database fails.
pub async fn counts(on: &mut PgConnection, cut: Cut, lists: &[DutyList]) -> Result<Vec<i64>, DbError> {
    const SQL: &str = concat!(
        "SELECT n FROM unnest($5::text[]) WITH ORDINALITY AS l(list, place), LATERAL (SELECT count(*) AS n FROM incident i ",
        include_str!("sql/duty_where.sql"),
        ") q ORDER BY place"
    );
    let codes: Vec<&str> = lists.iter().map(|l| l.code()).collect();
    let query = sqlx::query_scalar(SQL).bind(cut.county).bind(cut.now).bind(cut.soon).bind(cut.region);
    Ok(query.bind(codes).fetch_all(on).await?)
}

/// A page of a list after a place in its order: what is due first, of what is closed the longest closed.
///
/// # Errors
/// When the database fails.
pub async fn page(
    on: &mut PgConnection,
    cut: Cut,
    list: DutyList,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<IncidentRow>, DbError> {
    const SQL: &str = concat!(
        include_str!("sql/incident_select.sql"),
        " CROSS JOIN (VALUES ($5::text)) AS l(list) ",
        include_str!("sql/duty_where.sql"),
        " AND ($6::timestamptz IS NULL OR (coalesce(i.next_deadline_at, i.closed_at), i.id) > ($6, $7::uuid))
          ORDER BY coalesce(i.next_deadline_at, i.closed_at), i.id LIMIT $8"
    );
    let query = sqlx::query_as(SQL).bind(cut.county).bind(cut.now).bind(cut.soon).bind(cut.region).bind(list.code());
    Ok(query.bind(after.map(|a| a.0)).bind(after.map(|a| a.1)).bind(limit).fetch_all(on).await?)
}

/// How many restricted matters are open; of them nothing else is told.
///
/// # Errors
/// When the database fails.
pub async fn restricted(on: &mut PgConnection, county: FeatureId) -> Result<i64, DbError> {
    let sql = "SELECT count(*) FROM incident WHERE county_id = $1 AND restricted AND next_deadline_at IS NOT NULL";
    Ok(sqlx::query_scalar(sql).bind(county).fetch_one(on).await?)
}

/// A matter as it stood at the end of a shift.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs, clippy::struct_excessive_bools)] // the columns of the incident table and what its history says
pub struct HandoverRow {
    pub id: Uuid,
    pub number: i64,
    pub restricted: bool,
    pub category_name: String,
    pub urgency: String,
    pub description: String,
    pub village_name: Option<String>,
    pub unit_name: Option<String>,
    pub state: String,
    pub received_at: DateTime<Utc>,
    /// When it was closed or cancelled the last time.
    pub ended_at: Option<DateTime<Utc>>,
    pub next_deadline_at: Option<DateTime<Utc>>,
    pub open: bool,
    pub overdue: bool,
    pub supervised: bool,
}

/// What came in or ended in a shift and what was open at its end, restricted matters too; what is due first first.
///
/// # Errors
/// When the database fails.
pub async fn handover(
    on: &mut PgConnection,
    county: FeatureId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<HandoverRow>, DbError> {
    const SQL: &str = concat!(
        include_str!("sql/handover.sql"),
        include_str!("sql/incident_life.sql"),
        include_str!("sql/handover_rows.sql")
    );
    Ok(sqlx::query_as(SQL).bind(county).bind(to).bind(from).fetch_all(on).await?)
}
