//! `/api/tokens`.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::gate::{Caller, account};
use crate::http::Answer;
use crate::http::extract::{Json, read_id};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::access::token::{self, NewToken, TokenView};

/// 自己的会话与令牌。
#[utoipa::path(get, operation_id = "tokens", path = "/api/tokens", tag = "access", responses(
    (status = 200, description = "Sessions and tokens that are good now, the latest first", body = [TokenView]),
    (status = 401, description = "Nobody is signed in", body = ProblemBody)))]
pub(super) async fn list(State(yitu): State<Yitu>, caller: Caller) -> Answer<axum::Json<Vec<TokenView>>> {
    Ok(axum::Json(token::of_account(&yitu, account(&caller)?.account_id).await?))
}

/// 建立令牌,供程序或大屏使用;令牌只显示这一次。
#[utoipa::path(post, operation_id = "makeToken", path = "/api/tokens", tag = "access", request_body = NewToken, responses(
    (status = 201, description = "Made; its secret is shown this once", body = TokenView),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 401, description = "Nobody is signed in", body = ProblemBody)))]
pub(super) async fn create(State(yitu): State<Yitu>, caller: Caller, Json(asked): Json<NewToken>) -> Answer<Response> {
    let made = token::create(&yitu, account(&caller)?, &asked, &caller.origin.address).await?;
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], axum::Json(made)).into_response())
}

/// 收回令牌或会话,几秒内处处失效。
#[utoipa::path(delete, operation_id = "revokeToken", path = "/api/tokens/{id}", tag = "access",
    params(("id" = String, Path, description = "Its id")), responses(
    (status = 204, description = "Taken back"),
    (status = 401, description = "Nobody is signed in", body = ProblemBody),
    (status = 404, description = "No such token of yours", body = ProblemBody)))]
pub(super) async fn revoke(State(yitu): State<Yitu>, caller: Caller, Path(id): Path<String>) -> Answer<StatusCode> {
    let id = read_id(("令牌", "token"), &id)?;
    token::revoke(&yitu, account(&caller)?, id, &caller.origin.address).await?;
    Ok(StatusCode::NO_CONTENT)
}
