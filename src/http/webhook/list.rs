//! `GET /api/webhooks`, `GET /api/webhooks/{id}`.

use axum::extract::{Path, State};
use axum::http::{HeaderName, header};

use super::read_id;
use crate::http::Answer;
use crate::http::extract::Asker;
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::webhook::list::{Receivers, find as serve_one, list as serve};
use crate::service::webhook::view::ReceiverView;

/// 全部消息接收方;地址只显示主机,密钥不显示。
#[utoipa::path(get, path = "/api/webhooks", tag = "webhooks", responses(
    (status = 200, description = "The receivers by name", body = Receivers)))]
pub async fn list(State(yitu): State<Yitu>, Asker(viewer): Asker) -> Answer<axum::Json<Receivers>> {
    Ok(axum::Json(serve(&yitu, &viewer).await?))
}

/// 一个消息接收方,连同积压与死信条数。
#[utoipa::path(get, path = "/api/webhooks/{id}", tag = "webhooks", params(("id" = String, Path, description = "Of the receiver")), responses(
    (status = 200, description = "The receiver", body = ReceiverView),
    (status = 404, description = "No such receiver", body = ProblemBody)))]
pub async fn find(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
) -> Answer<([(HeaderName, String); 1], axum::Json<ReceiverView>)> {
    let view = serve_one(&yitu, &viewer, read_id(&id)?).await?;
    Ok(([(header::ETAG, format!("\"{}\"", view.version))], axum::Json(view)))
}
