//! `POST /api/deliberations/{id}/outcome`.

use axum::extract::{Path, State};

use super::read_id;
use crate::http::Answer;
use crate::http::extract::{Asker, Json};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::deliberation::record::{OutcomeRecord, record as serve};
use crate::service::deliberation::view::EntryView;

/// 记录议事结果:议定、未议定或撤回;所议事件随即恢复办理。
#[utoipa::path(post, path = "/api/deliberations/{id}/outcome", tag = "deliberations", request_body = OutcomeRecord,
    params(("id" = i64, Path)), responses(
    (status = 200, description = "The entry after it", body = EntryView),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 403, description = "The venue or the matter is not in the writer's area (not-in-your-area)", body = ProblemBody),
    (status = 409, description = "It is over, or its day has not come", body = ProblemBody),
    (status = 412, description = "It has moved on (stale-version)", body = ProblemBody)))]
pub async fn record(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    Json(body): Json<OutcomeRecord>,
) -> Answer<axum::Json<EntryView>> {
    Ok(axum::Json(serve(&yitu, &viewer, read_id(&id)?, body).await?))
}
