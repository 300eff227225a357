//! `POST /api/incidents/{id}/actions`.

use axum::extract::{Path, State};
use axum::http::HeaderMap;

use super::read_id;
use crate::http::Answer;
use crate::http::extract::{Asker, Json, if_match};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::incident::act::{Act, act as serve};
use crate::service::incident::view::IncidentView;

/// 对事件做一步:签收、转办、核查……;须带所见版本。
#[utoipa::path(post, path = "/api/incidents/{id}/actions", tag = "incidents", request_body = Act,
    params(("id" = String, Path, description = "UUID")), responses(
    (status = 200, description = "The incident after it", body = IncidentView),
    (status = 409, description = "Its state does not allow it", body = ProblemBody),
    (status = 412, description = "It has moved on (stale-version)", body = ProblemBody),
    (status = 428, description = "No version given", body = ProblemBody)))]
pub async fn act(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Act>,
) -> Answer<axum::Json<IncidentView>> {
    Ok(axum::Json(serve(&yitu, &viewer, read_id(&id)?, body, if_match(&headers)).await?))
}
