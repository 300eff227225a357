//! `POST /api/photos/{id}/withdraw`.

use axum::extract::{Path, State};

use super::read_id;
use crate::http::Answer;
use crate::http::extract::{Asker, Json};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::photo::show::PhotoView;
use crate::service::photo::withdraw::{Withdrawal, withdraw as serve};

/// 撤下照片:写明理由,图像从存储中清除,摘要与经过保留。
#[utoipa::path(post, operation_id = "withdrawPhoto", path = "/api/photos/{id}/withdraw", tag = "photos", request_body = Withdrawal,
    params(("id" = String, Path, description = "UUID")), responses(
    (status = 200, description = "The photo, withdrawn", body = PhotoView),
    (status = 400, description = "No reason", body = ProblemBody),
    (status = 403, description = "The duty officer's and leaders'; its sender's until the matter is checked", body = ProblemBody),
    (status = 404, description = "No such photo", body = ProblemBody),
    (status = 409, description = "It has not come whole yet", body = ProblemBody)))]
pub(super) async fn withdraw(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    Json(body): Json<Withdrawal>,
) -> Answer<axum::Json<PhotoView>> {
    Ok(axum::Json(serve(&yitu, &viewer, read_id(&id)?, body).await?))
}
