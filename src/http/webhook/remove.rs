//! `DELETE /api/webhooks/{id}`.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;

use super::read_id;
use crate::http::Answer;
use crate::http::extract::{Asker, Query, if_match};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::webhook::remove::remove as serve;

/// Which version goes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Seen {
    /// The version that was seen; an `If-Match` header may stand in for it.
    pub expected_version: Option<i32>,
}

/// 删除消息接收方及其待发、死信;只想暂停的,请改为停用。
#[utoipa::path(delete, path = "/api/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "Of the receiver"), Seen), responses(
    (status = 204, description = "It is gone"),
    (status = 404, description = "No such receiver", body = ProblemBody),
    (status = 412, description = "It has changed (stale-version)", body = ProblemBody),
    (status = 428, description = "No version given", body = ProblemBody)))]
pub async fn remove(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    Query(seen): Query<Seen>,
    headers: HeaderMap,
) -> Answer<StatusCode> {
    serve(&yitu, &viewer, read_id(&id)?, seen.expected_version.or_else(|| if_match(&headers))).await?;
    Ok(StatusCode::NO_CONTENT)
}
