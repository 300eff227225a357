//! `PUT`, `DELETE /api/calendar/{day}`, `PUT /api/calendar/years/{year}`.

use axum::extract::{Path, State};
use chrono::NaiveDate;

use crate::domain::Problem;
use crate::http::Answer;
use crate::http::extract::{Asker, Json};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::calendar::edit::{
    Announce, SetDay, announce as serve_announce, clear as serve_clear, set as serve,
};
use crate::service::calendar::show::Year;

/// 设定一天上班或放假;已定的时限不变。
#[utoipa::path(put, path = "/api/calendar/{day}", tag = "calendar", request_body = SetDay,
    params(("day" = String, Path, description = "As 2026-10-01")), responses(
    (status = 200, description = "Its year", body = Year),
    (status = 400, description = "A field is at fault", body = ProblemBody)))]
pub async fn set(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(day): Path<String>,
    Json(body): Json<SetDay>,
) -> Answer<axum::Json<Year>> {
    Ok(axum::Json(serve(&yitu, &viewer, read_day(&day)?, &body).await?))
}

/// 取消单列,这一天按星期计;已定的时限不变。
#[utoipa::path(delete, path = "/api/calendar/{day}", tag = "calendar",
    params(("day" = String, Path, description = "As 2026-10-01")), responses(
    (status = 200, description = "Its year", body = Year),
    (status = 404, description = "It is not listed", body = ProblemBody)))]
pub async fn clear(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(day): Path<String>,
) -> Answer<axum::Json<Year>> {
    Ok(axum::Json(serve_clear(&yitu, &viewer, read_day(&day)?).await?))
}

/// 声明某年的日子已按放假安排通知录入,不再是暂定。
#[utoipa::path(put, path = "/api/calendar/years/{year}", tag = "calendar", request_body = Announce,
    params(("year" = String, Path, description = "As 2027")), responses(
    (status = 200, description = "The year", body = Year),
    (status = 400, description = "A field is at fault", body = ProblemBody)))]
pub async fn announce(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(year): Path<String>,
    Json(body): Json<Announce>,
) -> Answer<axum::Json<Year>> {
    let read = year.parse().map_err(|_| {
        Problem::bad_field(
            "year",
            format!("年份“{year}”应为四位数,如 2027"),
            format!("The year {year:?} is not as 2027"),
        )
    })?;
    Ok(axum::Json(serve_announce(&yitu, &viewer, read, &body).await?))
}

fn read_day(text: &str) -> Result<NaiveDate, Problem> {
    text.parse().map_err(|_| {
        Problem::bad_field(
            "day",
            format!("日期“{text}”写得不对,应如 2026-10-01"),
            format!("The day {text:?} is not as 2026-10-01"),
        )
    })
}
