//! `GET /api/exchange/incidents/{system}/{no}`.

use axum::extract::{Path, State};

use crate::http::Answer;
use crate::http::extract::Asker;
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::exchange::find::find as serve;
use crate::service::incident::check::External;
use crate::service::incident::view::IncidentView;

/// 按外部系统的编号查事件,连同办理经过。
#[utoipa::path(get, path = "/api/exchange/incidents/{system}/{no}", tag = "exchange",
    params(("system" = String, Path, description = "The system"), ("no" = String, Path, description = "Its number there")), responses(
    (status = 200, description = "The incident", body = IncidentView),
    (status = 404, description = "No such incident", body = ProblemBody)))]
pub async fn find(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path((system, no)): Path<(String, String)>,
) -> Answer<axum::Json<IncidentView>> {
    Ok(axum::Json(serve(&yitu, &viewer, &External { system, no }).await?))
}
