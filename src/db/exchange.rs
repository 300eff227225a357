//! What other systems call matters.

use sqlx::PgConnection;

use super::DbError;
use crate::domain::FeatureId;

/// A system's codes and the categories they stand for.
///
/// # Errors
/// When the database fails.
pub async fn categories(
    on: &mut PgConnection,
    county: FeatureId,
    system: &str,
) -> Result<Vec<(String, String)>, DbError> {
    let sql = "SELECT code, category FROM exchange_category WHERE county_id = $1 AND system = $2 ORDER BY code";
    Ok(sqlx::query_as(sql).bind(county).bind(system).fetch_all(on).await?)
}

/// Puts other codes in place of all a system has.
///
/// # Errors
/// When the database fails.
pub async fn replace_categories(
    on: &mut PgConnection,
    county: FeatureId,
    system: &str,
    (codes, categories): (&[String], &[String]),
) -> Result<(), DbError> {
    let gone = "DELETE FROM exchange_category WHERE county_id = $1 AND system = $2";
    sqlx::query(gone).bind(county).bind(system).execute(&mut *on).await?;
    let new = "INSERT INTO exchange_category (county_id, system, code, category) SELECT $1, $2, * FROM unnest($3::text[], $4::text[])";
    sqlx::query(new).bind(county).bind(system).bind(codes).bind(categories).execute(on).await?;
    Ok(())
}
