//! `POST /api/webhooks`, `PUT /api/webhooks/{id}`, `PUT /api/webhooks/{id}/release`.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::json;

use super::read_id;
use crate::http::Answer;
use crate::http::access::gate::Particulars;
use crate::http::extract::{Asker, Json, if_match};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::webhook::save::{
    Receiver, Release, create as serve_new, release as serve_release, update as serve,
};
use crate::service::webhook::view::ReceiverView;

/// 新增消息接收方(签名回调、企业微信、钉钉、短信网关等);地址、密钥、请求头加密保存。
#[utoipa::path(post, path = "/api/webhooks", tag = "webhooks", request_body = Receiver, responses(
    (status = 201, description = "The receiver, with its secret where one was made", body = ReceiverView),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 409, description = "The name is taken", body = ProblemBody)))]
pub async fn create(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Json(body): Json<Receiver>,
) -> Answer<(StatusCode, Saved)> {
    Ok((StatusCode::CREATED, saved(serve_new(&yitu, &viewer, body).await?)))
}

/// 修改消息接收方;须带所见版本,未填的地址、密钥、请求头保持不变。
#[utoipa::path(put, path = "/api/webhooks/{id}", tag = "webhooks", request_body = Receiver,
    params(("id" = String, Path, description = "Of the receiver")), responses(
    (status = 200, description = "The receiver after it", body = ReceiverView),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 404, description = "No such receiver", body = ProblemBody),
    (status = 412, description = "It has changed (stale-version)", body = ProblemBody),
    (status = 428, description = "No version given", body = ProblemBody)))]
pub async fn update(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Receiver>,
) -> Answer<Saved> {
    Ok(saved(serve(&yitu, &viewer, read_id(&id)?, body, if_match(&headers)).await?))
}

/// 安全管理员放行:一个接收方可以收到哪些内容(描述、位置等)、是否含保密件;换了地址须重新放行。
#[utoipa::path(put, path = "/api/webhooks/{id}/release", tag = "webhooks", request_body = Release,
    params(("id" = String, Path, description = "Of the receiver")), responses(
    (status = 200, description = "The receiver after it", body = ReceiverView),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 404, description = "No such receiver", body = ProblemBody),
    (status = 412, description = "It has changed (stale-version)", body = ProblemBody),
    (status = 428, description = "No version given", body = ProblemBody)))]
pub async fn release(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Release>,
) -> Answer<Saved> {
    Ok(saved(serve_release(&yitu, &viewer, read_id(&id)?, body, if_match(&headers)).await?))
}

/// A receiver, and what is written down of it.
type Saved = (Extension<Particulars>, axum::Json<ReceiverView>);

fn saved(view: ReceiverView) -> Saved {
    let told = json!({"receiver": view.id, "origin": view.origin, "fields": view.fields, "restricted": view.subscription.restricted});
    (Extension(Particulars(told)), axum::Json(view))
}
