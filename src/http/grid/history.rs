//! `GET /api/grids/{id}/history`.

use axum::extract::{Path, State};

use crate::http::Answer;
use crate::http::extract::{Asker, Query, read_id};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::grid::history::{Asked, Replayed, history as serve};

/// 某日的网格与责任党组织,按某一时刻所知重现。
#[utoipa::path(get, path = "/api/grids/{id}/history", tag = "grids", params(("id" = String, Path, description = "Of the grid"), Asked), responses(
    (status = 200, description = "The grid as it was known", body = Replayed),
    (status = 404, description = "Nothing was known of it", body = ProblemBody)))]
pub async fn history(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer<axum::Json<Replayed>> {
    Ok(axum::Json(serve(&yitu, &viewer, read_id(("网格", "grid"), &id)?, &asked).await?))
}
