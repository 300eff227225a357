//! `PATCH /api/deliberations/{id}`.

use axum::extract::{Path, State};

use super::read_id;
use crate::http::Answer;
use crate::http::extract::{Asker, Json};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::deliberation::edit::{TopicEdit, edit as serve};
use crate::service::deliberation::view::EntryView;

/// 改议题的文字;须带所见版本,有结果后不能再改。
#[utoipa::path(patch, path = "/api/deliberations/{id}", tag = "deliberations", request_body = TopicEdit,
    params(("id" = i64, Path)), responses(
    (status = 200, description = "The entry after it", body = EntryView),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 403, description = "The venue or the matter is not in the writer's area (not-in-your-area)", body = ProblemBody),
    (status = 409, description = "It is over", body = ProblemBody),
    (status = 412, description = "It has moved on (stale-version)", body = ProblemBody)))]
pub async fn edit(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    Json(body): Json<TopicEdit>,
) -> Answer<axum::Json<EntryView>> {
    Ok(axum::Json(serve(&yitu, &viewer, read_id(&id)?, body).await?))
}
