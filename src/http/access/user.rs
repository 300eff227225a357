//! `/api/users` and `/api/grants`.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use super::gate::Caller;
use crate::http::Answer;
use crate::http::extract::{Json, if_match, read_id};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::access::grant::{self, Grant};
use crate::service::access::user::{self, Change, NewUser, Reset, UserView};

const WHAT: (&str, &str) = ("账号", "account");

/// 全部账号及其授权。
#[utoipa::path(get, operation_id = "users", path = "/api/users", tag = "access", responses(
    (status = 200, description = "By name", body = [UserView]),
    (status = 403, description = "Not for this role", body = ProblemBody)))]
pub(super) async fn list(State(yitu): State<Yitu>, caller: Caller) -> Answer<axum::Json<Vec<UserView>>> {
    Ok(axum::Json(user::list(&yitu, caller.viewer.county_id(), None).await?))
}

/// 建立账号;由安全管理员授予角色后方可使用。
#[utoipa::path(post, operation_id = "makeUser", path = "/api/users", tag = "access", request_body = NewUser, responses(
    (status = 201, description = "Made, without a role", body = UserView),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 403, description = "Not for this role", body = ProblemBody)))]
pub(super) async fn create(
    State(yitu): State<Yitu>,
    caller: Caller,
    Json(asked): Json<NewUser>,
) -> Answer<(StatusCode, axum::Json<UserView>)> {
    Ok((StatusCode::CREATED, axum::Json(user::create(&yitu, &caller.doer(), &asked).await?)))
}

/// 一个账号。
#[utoipa::path(get, operation_id = "user", path = "/api/users/{id}", tag = "access",
    params(("id" = String, Path, description = "Its id")), responses(
    (status = 200, description = "The account", body = UserView),
    (status = 403, description = "Not for this role", body = ProblemBody),
    (status = 404, description = "No such account", body = ProblemBody)))]
pub(super) async fn find(
    State(yitu): State<Yitu>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer<axum::Json<UserView>> {
    Ok(axum::Json(user::find(&yitu, caller.viewer.county_id(), read_id(WHAT, &id)?).await?))
}

/// 变更账号:系统管理员管名称与停用,安全管理员管角色、归属与停用。
#[utoipa::path(patch, operation_id = "changeUser", path = "/api/users/{id}", tag = "access", request_body = Change,
    params(("id" = String, Path, description = "Its id")), responses(
    (status = 200, description = "As it is now", body = UserView),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 403, description = "Not for this role", body = ProblemBody),
    (status = 404, description = "No such account", body = ProblemBody),
    (status = 412, description = "It has changed since", body = ProblemBody),
    (status = 428, description = "The version is missing", body = ProblemBody)))]
pub(super) async fn change(
    State(yitu): State<Yitu>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(asked): Json<Change>,
) -> Answer<axum::Json<UserView>> {
    let id = read_id(WHAT, &id)?;
    Ok(axum::Json(user::change(&yitu, &caller.doer(), id, &asked, if_match(&headers)).await?))
}

/// 为忘记口令的人重设口令;其本人下次登录时须修改。
#[utoipa::path(post, operation_id = "resetPassword", path = "/api/users/{id}/password", tag = "access", request_body = Reset,
    params(("id" = String, Path, description = "Its id")), responses(
    (status = 204, description = "Set; all sessions have ended"),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 403, description = "Not for this role", body = ProblemBody),
    (status = 404, description = "No such account", body = ProblemBody)))]
pub(super) async fn reset_password(
    State(yitu): State<Yitu>,
    caller: Caller,
    Path(id): Path<String>,
    Json(asked): Json<Reset>,
) -> Answer<StatusCode> {
    user::reset_password(&yitu, &caller.doer(), read_id(WHAT, &id)?, &asked).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 授予范围:一个辖区或一个网格,可限时。
#[utoipa::path(post, operation_id = "grant", path = "/api/users/{id}/grants", tag = "access", request_body = Grant,
    params(("id" = String, Path, description = "Its id")), responses(
    (status = 201, description = "Given", body = UserView),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 403, description = "Not for this role", body = ProblemBody),
    (status = 404, description = "No such account", body = ProblemBody)))]
pub(super) async fn grant(
    State(yitu): State<Yitu>,
    caller: Caller,
    Path(id): Path<String>,
    Json(asked): Json<Grant>,
) -> Answer<(StatusCode, axum::Json<UserView>)> {
    let view = grant::grant(&yitu, &caller.doer(), read_id(WHAT, &id)?, &asked).await?;
    Ok((StatusCode::CREATED, axum::Json(view)))
}

/// 收回授权,几秒内处处失效。
#[utoipa::path(delete, operation_id = "endGrant", path = "/api/grants/{id}", tag = "access",
    params(("id" = String, Path, description = "Its id")), responses(
    (status = 204, description = "Taken back"),
    (status = 403, description = "Not for this role", body = ProblemBody),
    (status = 404, description = "No such grant in force", body = ProblemBody)))]
pub(super) async fn end_grant(State(yitu): State<Yitu>, caller: Caller, Path(id): Path<String>) -> Answer<StatusCode> {
    grant::end(&yitu, &caller.doer(), read_id(("授权", "grant"), &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
