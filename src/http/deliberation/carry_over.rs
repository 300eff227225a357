//! `POST /api/deliberations/{id}/carry-over`.

use axum::extract::{Path, State};

use super::read_id;
use crate::http::Answer;
use crate::http::extract::{Asker, Json};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::deliberation::carry_over::{CarryOver, carry_over as serve};
use crate::service::deliberation::view::EntryView;

/// 顺延:没有议到的,列入同一处下一次的议程。
#[utoipa::path(post, path = "/api/deliberations/{id}/carry-over", tag = "deliberations", request_body = CarryOver,
    params(("id" = i64, Path)), responses(
    (status = 200, description = "Where it stands now", body = EntryView),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 403, description = "The venue or the matter is not in the writer's area (not-in-your-area)", body = ProblemBody),
    (status = 409, description = "It is over, was carried over too often, or the next agendas are full", body = ProblemBody),
    (status = 412, description = "It has moved on (stale-version)", body = ProblemBody)))]
pub async fn carry_over(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    Json(body): Json<CarryOver>,
) -> Answer<axum::Json<EntryView>> {
    Ok(axum::Json(serve(&yitu, &viewer, read_id(&id)?, body).await?))
}
