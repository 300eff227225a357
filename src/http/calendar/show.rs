//! `GET /api/calendar`.

use axum::extract::State;

use crate::http::Answer;
use crate::http::extract::{Asker, Query};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::calendar::show::{Asked, Year, show as serve};

/// 某年的工作日历:与周一至周五工作不同的日子,及其依据。
#[utoipa::path(get, path = "/api/calendar", tag = "calendar", params(Asked), responses(
    (status = 200, description = "The year", body = Year),
    (status = 400, description = "No such year", body = ProblemBody)))]
pub async fn show(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Query(asked): Query<Asked>,
) -> Answer<axum::Json<Year>> {
    Ok(axum::Json(serve(&yitu, &viewer, &asked).await?))
}
