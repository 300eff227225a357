//! `GET`, `PUT /api/exchange/categories/{system}`.

use axum::extract::{Path, State};

use crate::http::Answer;
use crate::http::extract::{Asker, Json};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::exchange::category::{Codes, list as serve_list, replace as serve};

/// 外部系统的事项编码与本县事项的对应关系。
#[utoipa::path(get, path = "/api/exchange/categories/{system}", tag = "exchange",
    params(("system" = String, Path, description = "The system")), responses(
    (status = 200, description = "Their code → ours", body = Codes)))]
pub async fn list(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(system): Path<String>,
) -> Answer<axum::Json<Codes>> {
    Ok(axum::Json(serve_list(&yitu, &viewer, &system).await?))
}

/// 整体更换外部系统的事项对应关系:{"对方编码": "本县事项编码"}。
#[utoipa::path(put, path = "/api/exchange/categories/{system}", tag = "exchange", request_body = Codes,
    params(("system" = String, Path, description = "The system")), responses(
    (status = 200, description = "As it is now", body = Codes),
    (status = 400, description = "A category does not exist", body = ProblemBody)))]
pub async fn replace(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(system): Path<String>,
    Json(codes): Json<Codes>,
) -> Answer<axum::Json<Codes>> {
    Ok(axum::Json(serve(&yitu, &viewer, &system, codes).await?))
}
