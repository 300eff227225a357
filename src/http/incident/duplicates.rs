//! `POST /api/incidents/duplicates`, `GET /api/incidents/{id}/duplicates`.

use axum::extract::{Path, State};

use super::read_id;
use crate::http::Answer;
use crate::http::extract::{Asker, Json};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::incident::check::Report;
use crate::service::incident::duplicates::{Duplicates, of_incident as serve_incident, of_report as serve_report};

/// 上报之前查疑似重复件:同上报一样的请求体,不存任何内容;保密件不查也不出现。
#[utoipa::path(post, path = "/api/incidents/duplicates", tag = "incidents", request_body = Report, responses(
    (status = 200, description = "What may be the same matter", body = Duplicates),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 422, description = "The place lies outside the county", body = ProblemBody)))]
pub async fn of_report(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Json(body): Json<Report>,
) -> Answer<axum::Json<Duplicates>> {
    Ok(axum::Json(serve_report(&yitu, &viewer, body).await?))
}

/// 某事件的疑似重复件,供合并;保密件不查也不出现。
#[utoipa::path(get, path = "/api/incidents/{id}/duplicates", tag = "incidents",
    params(("id" = String, Path, description = "UUID")), responses(
    (status = 200, description = "What may be the same matter", body = Duplicates),
    (status = 404, description = "No such incident", body = ProblemBody)))]
pub async fn of_incident(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
) -> Answer<axum::Json<Duplicates>> {
    Ok(axum::Json(serve_incident(&yitu, &viewer, read_id(&id)?).await?))
}
