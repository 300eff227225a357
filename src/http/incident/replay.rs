//! `GET /api/incidents/{id}/decisions`.

use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::read_id;
use crate::http::Answer;
use crate::http::extract::{Asker, Query};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::incident::replay::{Replay, replay as serve};

/// By what the decisions are made again.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Version of the rule table; the one each was made by if left out.
    rule_version: Option<i32>,
}

/// 一个事件的各次分派,连同依据逐次重演:原规则下应逐字节相同,换一版规则则列出差异。
#[utoipa::path(get, path = "/api/incidents/{id}/decisions", tag = "incidents",
    params(("id" = String, Path, description = "UUID"), Asked), responses(
    (status = 200, description = "The decisions, the first one first, each made again", body = [Replay]),
    (status = 400, description = "There is no such version of the rules", body = ProblemBody),
    (status = 404, description = "No such incident", body = ProblemBody)))]
pub async fn replay(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer<axum::Json<Vec<Replay>>> {
    Ok(axum::Json(serve(&yitu, &viewer, read_id(&id)?, asked.rule_version).await?))
}
