//! A duty officer changes the calendar. Limits that are already set do not move: they were promised.

use chrono::{Datelike, NaiveDate};
use serde::Deserialize;
use utoipa::ToSchema;

use super::show::{Year, check_year, whole};
use crate::db::{Request, calendar};
use crate::domain::{Problem, Viewer};
use crate::service::incident::check::check_text;
use crate::service::{ServiceError, Yitu};

/// Longest name of a day and of a source, characters.
const NAME_LIMIT: usize = 100;

/// What a day is.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct SetDay {
    /// Whether it is worked.
    pub working: bool,
    /// Its name, such as 国庆节 or 调休上班.
    pub name: String,
}

/// A year that stands as announced.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct Announce {
    /// The notice: its title and number.
    pub source: String,
}

/// Sets a day; answers its year.
///
/// # Errors
/// A problem that names the field; a failing database.
pub async fn set(yitu: &Yitu, viewer: &Viewer, day: NaiveDate, to: &SetDay) -> Result<Year, ServiceError> {
    let name = said("/name", &to.name, ("请写明这一天的名称,如“国庆节”“调休上班”", "Name the day"))?;
    let year = check_year("day", day.year())?;
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    calendar::set(&mut on, viewer.county_id(), day, (to.working, name), viewer.name()).await?;
    answered(yitu, on, viewer, year).await
}

/// Makes a day one like any other of the week; answers its year.
///
/// # Errors
/// A problem that names `day`; `not-found` where the day is not listed; a failing database.
pub async fn clear(yitu: &Yitu, viewer: &Viewer, day: NaiveDate) -> Result<Year, ServiceError> {
    let year = check_year("day", day.year())?;
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    if !calendar::clear(&mut on, viewer.county_id(), day).await? {
        return Err(Problem::not_found(("日历里单列的日子", "listed day"), day).into());
    }
    answered(yitu, on, viewer, year).await
}

/// Declares a year's days to be those of a notice, once they have been entered.
///
/// # Errors
/// A problem that names the field; a failing database.
pub async fn announce(yitu: &Yitu, viewer: &Viewer, year: i32, to: &Announce) -> Result<Year, ServiceError> {
    let source = said("/source", &to.source, ("请写明放假安排通知的名称和文号", "Name the notice and its number"))?;
    let year = check_year("year", year)?;
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    calendar::announce(&mut on, viewer.county_id(), year, source).await?;
    answered(yitu, on, viewer, year).await
}

async fn answered(yitu: &Yitu, mut on: Request, viewer: &Viewer, year: i32) -> Result<Year, ServiceError> {
    let answer = whole(&mut on, viewer.county_id(), year).await?;
    let seq = on.commit().await?;
    // The next limits here go by it; other servers hear of it from the change log.
    yitu.atlas.note_organisation_change();
    Ok(Year { seq: Some(seq.to_string()), ..answer })
}

fn said<'a>(pointer: &str, text: &'a str, missing: (&str, &str)) -> Result<&'a str, Problem> {
    let text = text.trim();
    check_text(pointer, text, NAME_LIMIT)?;
    if text.is_empty() { Err(Problem::bad_field(pointer, missing.0, missing.1)) } else { Ok(text) }
}
