//! Working calendars: the days that differ from the week, and the years there are data of.

use chrono::NaiveDate;
use sqlx::{FromRow, PgConnection};

use super::DbError;
use crate::domain::FeatureId;
use crate::domain::holidays::YearOfDays;

/// A day that differs from the week.
#[derive(Debug, FromRow)]
pub struct DayRow {
    /// Which.
    pub day: NaiveDate,
    /// Whether it is worked.
    pub working: bool,
    /// Its name.
    pub name: String,
    /// The officer who set it by hand.
    pub set_by: Option<String>,
}

/// A year with data.
#[derive(Debug, FromRow)]
pub struct YearRow {
    /// Its festivals by law only: not announced yet.
    pub provisional: bool,
    /// Where it is from.
    pub source: String,
}

/// Gives a year to every county that lacks it, or has it provisionally and it is announced now; what an officer has
/// set by hand stays. How many counties it was given to.
///
/// # Errors
/// When the database fails.
pub async fn seed(on: &mut PgConnection, year: &YearOfDays) -> Result<u64, DbError> {
    let mut days: (Vec<NaiveDate>, Vec<bool>, Vec<&str>) = Default::default();
    for (day, working, name) in &year.days {
        days.0.push(*day);
        days.1.push(*working);
        days.2.push(name);
    }
    let query = sqlx::query_scalar::<_, i64>(include_str!("sql/calendar_seed.sql")).bind(year.year);
    let query = query.bind(year.provisional).bind(year.source).bind(days.0).bind(days.1).bind(days.2);
    Ok(query.fetch_one(on).await? as u64)
}

/// What is known of a year.
///
/// # Errors
/// When the database fails.
pub async fn year(on: &mut PgConnection, county: FeatureId, year: i32) -> Result<Option<YearRow>, DbError> {
    let sql = "SELECT provisional, source FROM calendar_year WHERE county_id = $1 AND year = $2";
    Ok(sqlx::query_as(sql).bind(county).bind(year).fetch_optional(on).await?)
}

/// A year's days that differ from the week, in order.
///
/// # Errors
/// When the database fails.
pub async fn days(on: &mut PgConnection, county: FeatureId, year: i32) -> Result<Vec<DayRow>, DbError> {
    let sql = "SELECT day, working, name, set_by FROM calendar_day
               WHERE county_id = $1 AND day BETWEEN make_date($2, 1, 1) AND make_date($2, 12, 31) ORDER BY day";
    Ok(sqlx::query_as(sql).bind(county).bind(year).fetch_all(on).await?)
}

/// Sets a day.
///
/// # Errors
/// When the database fails.
pub async fn set(
    on: &mut PgConnection,
    county: FeatureId,
    day: NaiveDate,
    (working, name): (bool, &str),
    by: &str,
) -> Result<(), DbError> {
    let sql = "INSERT INTO calendar_day (county_id, day, working, name, set_by) VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (county_id, day) DO UPDATE SET working = $3, name = $4, set_by = $5";
    sqlx::query(sql).bind(county).bind(day).bind(working).bind(name).bind(by).execute(on).await?;
    Ok(())
}

/// Makes a day one like any other of the week. Whether it was listed.
///
/// # Errors
/// When the database fails.
pub async fn clear(on: &mut PgConnection, county: FeatureId, day: NaiveDate) -> Result<bool, DbError> {
    let sql = "DELETE FROM calendar_day WHERE county_id = $1 AND day = $2";
    Ok(sqlx::query(sql).bind(county).bind(day).execute(on).await?.rows_affected() > 0)
}

/// Declares a year announced: its days are as this source says.
///
/// # Errors
/// When the database fails.
pub async fn announce(on: &mut PgConnection, county: FeatureId, year: i32, source: &str) -> Result<(), DbError> {
    let sql = "INSERT INTO calendar_year (county_id, year, provisional, source) VALUES ($1, $2, false, $3)
               ON CONFLICT (county_id, year) DO UPDATE SET provisional = false, source = $3";
    sqlx::query(sql).bind(county).bind(year).bind(source).execute(on).await?;
    Ok(())
}
