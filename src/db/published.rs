//! Numbers of households as they were counted once a day.

use chrono::NaiveDate;
use sqlx::{FromRow, PgPool};

use super::DbError;
use crate::domain::FeatureId;

/// Days that are kept.
const KEPT_DAYS: i32 = 31;

/// What a village counted on a day.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // the columns of the table
pub struct VillageCount {
    pub village_id: FeatureId,
    pub households: i32,
    pub members: i32,
}

/// The numbers of a day, by village; whoever asks first that day has them counted.
///
/// # Errors
/// When the database fails.
pub async fn of_day(system: &PgPool, county: FeatureId, day: NaiveDate) -> Result<Vec<VillageCount>, DbError> {
    const READ: &str = "SELECT village_id, households, members FROM published_count WHERE county_id = $1 AND day = $2";
    const COUNT: &str = "INSERT INTO published_count (county_id, day, village_id, households, members)
        SELECT v.county_id, $2, v.id, count(h.id), coalesce(sum((SELECT count(*) FROM member m WHERE m.county_id = h.county_id AND m.household_id = h.id)), 0)
        FROM region v LEFT JOIN household h ON h.county_id = v.county_id AND h.village_id = v.id
        WHERE v.county_id = $1 AND v.level = 'village' GROUP BY v.county_id, v.id ON CONFLICT DO NOTHING";
    let known: Vec<VillageCount> = sqlx::query_as(READ).bind(county).bind(day).fetch_all(system).await?;
    if !known.is_empty() {
        return Ok(known);
    }
    sqlx::query(COUNT).bind(county).bind(day).execute(system).await?;
    sqlx::query("DELETE FROM published_count WHERE county_id = $1 AND day < $2::date - $3::integer")
        .bind(county)
        .bind(day)
        .bind(KEPT_DAYS)
        .execute(system)
        .await?;
    Ok(sqlx::query_as(READ).bind(county).bind(day).fetch_all(system).await?)
}
