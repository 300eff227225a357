//! `GET /api/wall/incidents`.

use axum::extract::State;

use crate::http::Answer;
use crate::http::extract::{Asker, Query};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::incident::wall::{WallAsked, WallPage, wall as serve};

/// 大屏上的事件:只有事项、村、状态与时间,最新上报在前;保密件不在其中。
#[utoipa::path(get, path = "/api/wall/incidents", tag = "incidents", params(WallAsked), responses(
    (status = 200, description = "A page", body = WallPage),
    (status = 400, description = "A parameter is at fault", body = ProblemBody)))]
pub async fn wall(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Query(asked): Query<WallAsked>,
) -> Answer<axum::Json<WallPage>> {
    Ok(axum::Json(serve(&yitu, &viewer, asked).await?))
}
