//! A year of the calendar as it is answered.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::db::{Request, calendar};
use crate::domain::{FeatureId, Problem, Viewer};
use crate::service::incident::facts;
use crate::service::{ServiceError, Yitu};

/// Years that can be asked for.
const YEARS: std::ops::RangeInclusive<i32> = 1950..=2200;

/// Which year.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The county's present year unless said.
    pub year: Option<i32>,
}

/// The days of a year that differ from the week.
#[derive(Debug, Serialize, ToSchema)]
pub struct Year {
    /// Which.
    pub year: i32,
    /// `announced`, `provisional` (the festivals by law only) or `none` (nobody has looked after the year).
    pub state: String,
    /// Where it is from.
    pub source: Option<String>,
    /// The days, in order; all others are worked from Monday to Friday.
    pub days: Vec<Day>,
    /// Position of the write that was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<String>,
}

/// A day that differs from the week.
#[derive(Debug, Serialize, ToSchema)]
pub struct Day {
    /// Which.
    pub day: NaiveDate,
    /// Whether it is worked.
    pub working: bool,
    /// Its name.
    pub name: String,
    /// The officer who set it by hand.
    pub set_by: Option<String>,
}

/// A year of the viewer's county.
///
/// # Errors
/// A problem that names `year`; a failing database.
pub async fn show(yitu: &Yitu, viewer: &Viewer, asked: &Asked) -> Result<Year, ServiceError> {
    let county = viewer.county_id();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let now = yitu.clock.now();
    let present = facts::calendar(&mut on, county, now).await?.day(now).year();
    let year = check_year("year", asked.year.unwrap_or(present))?;
    let answer = whole(&mut on, county, year).await?;
    on.finish().await?;
    Ok(answer)
}

/// A year as it stands in a transaction.
pub(super) async fn whole(on: &mut Request, county: FeatureId, year: i32) -> Result<Year, ServiceError> {
    let known = calendar::year(on, county, year).await?;
    let state = match &known {
        None => "none",
        Some(y) if y.provisional => "provisional",
        Some(_) => "announced",
    };
    let days = calendar::days(on, county, year).await?.into_iter();
    let days = days.map(|d| Day { day: d.day, working: d.working, name: d.name, set_by: d.set_by }).collect();
    Ok(Year { year, state: state.to_owned(), source: known.map(|y| y.source), days, seq: None })
}

/// A year within what calendars are kept for.
pub(super) fn check_year(pointer: &str, year: i32) -> Result<i32, Problem> {
    if YEARS.contains(&year) {
        return Ok(year);
    }
    let (first, last) = (YEARS.start(), YEARS.end());
    Err(Problem::bad_field(
        pointer,
        format!("年份 {year} 应在 {first} 到 {last} 之间"),
        format!("The year {year} should lie between {first} and {last}"),
    ))
}
