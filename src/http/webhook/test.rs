//! `POST /api/webhooks/{id}/test`.

use axum::extract::{Path, State};

use super::read_id;
use crate::http::Answer;
use crate::http::extract::Asker;
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::webhook::test::{Tried, test as serve};

/// 立即发一条测试消息,返回对方的应答。
#[utoipa::path(post, path = "/api/webhooks/{id}/test", tag = "webhooks", params(("id" = String, Path, description = "Of the receiver")), responses(
    (status = 200, description = "What came of it", body = Tried),
    (status = 404, description = "No such receiver", body = ProblemBody)))]
pub async fn test(State(yitu): State<Yitu>, Asker(viewer): Asker, Path(id): Path<String>) -> Answer<axum::Json<Tried>> {
    Ok(axum::Json(serve(&yitu, &viewer, read_id(&id)?).await?))
}
