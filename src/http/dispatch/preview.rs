//! `POST /api/dispatch/preview`.

use axum::extract::State;

use crate::http::Answer;
use crate::http::extract::{Asker, Json};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::incident::check::Report;
use crate::service::incident::preview::{Preview, preview as serve};

/// 预览分派:同上报一样的请求体,不存任何内容。
#[utoipa::path(post, path = "/api/dispatch/preview", tag = "incidents", request_body = Report, responses(
    (status = 200, description = "Who would answer", body = Preview),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 422, description = "The place lies outside the county", body = ProblemBody)))]
pub async fn preview(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Json(body): Json<Report>,
) -> Answer<axum::Json<Preview>> {
    Ok(axum::Json(serve(&yitu, &viewer, body).await?))
}
