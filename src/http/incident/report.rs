//! `POST /api/incidents`.

use axum::extract::State;
use axum::http::StatusCode;

use crate::http::Answer;
use crate::http::extract::{Asker, Json};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::incident::check::Report;
use crate::service::incident::report::report as serve;
use crate::service::incident::view::IncidentView;

/// 上报事件:定位、分派、入库一次完成;同一 id 重复提交是同一事件。
#[utoipa::path(post, path = "/api/incidents", tag = "incidents", request_body = Report, responses(
    (status = 201, description = "A new incident with its owner", body = IncidentView),
    (status = 200, description = "The incident of this id, already there", body = IncidentView),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 409, description = "The id or number is of an incident that is not the asker's to see", body = ProblemBody),
    (status = 422, description = "The place lies outside the county", body = ProblemBody)))]
pub async fn report(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Json(body): Json<Report>,
) -> Answer<(StatusCode, axum::Json<IncidentView>)> {
    let reported = serve(&yitu, &viewer, body).await?;
    let status = if reported.new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(reported.incident)))
}
