//! Figures from the history.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};

use super::DbError;
use crate::domain::FeatureId;

/// Which figures.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The county.
    pub county: FeatureId,
    /// Of what came in at or after.
    pub from: DateTime<Utc>,
    /// And before.
    pub until: DateTime<Utc>,
    /// As the history before this tells.
    pub as_of: DateTime<Utc>,
    /// A region with all below it.
    pub region: Option<FeatureId>,
    /// A category's code, with its children.
    pub category: Option<&'a str>,
    /// What a row is of: `region`, `category`, `unit`, `day` or `month`.
    pub by: &'static str,
}

/// One row of figures.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs)] // named and defined as in docs/FIGURES.md
pub struct FigureRow {
    /// `*` over all, empty where a matter has no such key.
    pub key: String,
    pub code: Option<String>,
    pub name: Option<String>,
    pub reported: i64,
    pub cancelled: i64,
    pub merged: i64,
    pub open: i64,
    pub overdue: i64,
    pub closed: i64,
    pub on_the_spot: i64,
    pub timed: i64,
    pub on_time: i64,
    pub checks: i64,
    pub checks_failed: i64,
    pub extended: i64,
    pub signed: i64,
    pub sign_minutes_mean: Option<f64>,
    pub sign_minutes_median: Option<f64>,
    pub sign_minutes_p90: Option<f64>,
}

/// The figures, the row over all first.
///
/// # Errors
/// When the database fails.
pub async fn figures(on: &mut PgConnection, q: &Question<'_>) -> Result<Vec<FigureRow>, DbError> {
    const SQL: &str = concat!(
        include_str!("sql/figures.sql"),
        include_str!("sql/incident_life.sql"),
        include_str!("sql/figures_groups.sql")
    );
    let query = sqlx::query_as(SQL).bind(q.county).bind(q.as_of).bind(q.from).bind(q.until);
    Ok(query.bind(q.region).bind(q.category).bind(q.by).fetch_all(on).await?)
}
