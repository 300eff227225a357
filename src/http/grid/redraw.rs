//! `POST /api/grids/redraws`, `…/{id}/publish`, `…/{id}/discard`.

use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::http::Answer;
use crate::http::extract::{Asker, Json, read_id};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::grid::discard::{Discarded, discard as serve_discard};
use crate::service::grid::draft::Draft;
use crate::service::grid::publish::{Publish, Published, publish as serve_publish};
use crate::service::grid::redraw::{RedrawPreview, redraw as serve};

/// 预览整村网格调整:重叠为错误,缝隙、越界、飞地为警告。
#[utoipa::path(post, path = "/api/grids/redraws", tag = "grids", request_body = Draft, responses(
    (status = 201, description = "A preview", body = RedrawPreview),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 403, description = "The village is not in the writer's area (not-in-your-area)", body = ProblemBody),
    (status = 409, description = "A published redraw takes effect later", body = ProblemBody)))]
pub async fn redraw(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Json(body): Json<Draft>,
) -> Answer<(StatusCode, axum::Json<RedrawPreview>)> {
    Ok((StatusCode::CREATED, axum::Json(serve(&yitu, &viewer, body).await?)))
}

/// 发布:自生效日起整村一次替换。
#[utoipa::path(post, path = "/api/grids/redraws/{id}/publish", tag = "grids", request_body = Publish,
    params(("id" = String, Path, description = "Of the preview")), responses(
    (status = 200, description = "Published", body = Published),
    (status = 403, description = "The village is not in the writer's area (not-in-your-area)", body = ProblemBody),
    (status = 409, description = "Outdated or already published", body = ProblemBody),
    (status = 412, description = "It has moved on (stale-version)", body = ProblemBody),
    (status = 422, description = "It has faults or unwaived warnings", body = ProblemBody),
    (status = 428, description = "No version of the preview given")))]
pub async fn publish(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    Json(body): Json<Publish>,
) -> Answer<axum::Json<Published>> {
    let id = read_id(("网格调整方案", "redraw"), &id)?;
    Ok(axum::Json(serve_publish(&yitu, &viewer, id, &body).await?))
}

/// 作废:预览直接作废;已发布而未生效的,网格恢复原样。
#[utoipa::path(post, path = "/api/grids/redraws/{id}/discard", tag = "grids", request_body = Publish,
    params(("id" = String, Path, description = "Of the redraw")), responses(
    (status = 200, description = "Discarded", body = Discarded),
    (status = 403, description = "The village is not in the writer's area (not-in-your-area)", body = ProblemBody),
    (status = 409, description = "In force, discarded already, or drawn upon", body = ProblemBody),
    (status = 412, description = "It has moved on (stale-version)", body = ProblemBody),
    (status = 428, description = "No version of the preview given")))]
pub async fn discard(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    Json(body): Json<Publish>,
) -> Answer<axum::Json<Discarded>> {
    let id = read_id(("网格调整方案", "redraw"), &id)?;
    Ok(axum::Json(serve_discard(&yitu, &viewer, id, &body).await?))
}
