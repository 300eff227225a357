//! `/api/session`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::gate::{Caller, Origin, account, cookie, cookie_of, not_signed_in, set_cookie};
use crate::http::Answer;
use crate::http::extract::Json;
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::access::factor::{self, Code, SecondFactor};
use crate::service::access::principal::{Means, has_begun, of_secret};
use crate::service::access::session::{self, Display, NewPassword, SessionView, SignIn};

/// 现在是谁:账号、角色、范围。
#[utoipa::path(get, operation_id = "session", path = "/api/session", tag = "access", responses(
    (status = 200, description = "Who asks", body = SessionView),
    (status = 401, description = "Nobody is signed in", body = ProblemBody)))]
pub(super) async fn show(
    State(yitu): State<Yitu>,
    headers: HeaderMap,
    caller: Option<axum::Extension<Caller>>,
) -> Answer<Response> {
    let view = match caller.map(|c| c.0) {
        Some(Caller { principal: Some(p), secret, .. }) => SessionView::of(
            &yitu,
            &p,
            secret.as_deref().filter(|_| p.means == Means::Session && cookie(&headers).is_some()),
        ),
        Some(_) => SessionView::open(),
        None if !has_begun(&yitu).await? => SessionView::open(),
        None => return Err(not_signed_in().into()),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(view)).into_response())
}

/// 登录。
#[utoipa::path(post, operation_id = "signIn", path = "/api/session", tag = "access", request_body = SignIn, responses(
    (status = 200, description = "Signed in; the session is in a cookie", body = SessionView),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 401, description = "The name, the password or the code is not right", body = ProblemBody),
    (status = 429, description = "Too many tries", body = ProblemBody)))]
pub(super) async fn sign_in(State(yitu): State<Yitu>, origin: Origin, Json(asked): Json<SignIn>) -> Answer<Response> {
    let begun = session::sign_in(&yitu, &asked, &origin.address).await?;
    let principal = of_secret(&yitu, &begun.secret).await?.ok_or_else(not_signed_in)?;
    let view = SessionView::of(&yitu, &principal, Some(&begun.secret));
    let headers = [
        (header::SET_COOKIE, set_cookie(Some(&begun.secret), origin.is_secure)),
        (header::CACHE_CONTROL, axum::http::HeaderValue::from_static("no-store")),
    ];
    Ok((headers, axum::Json(view)).into_response())
}

/// 大屏以令牌登录:令牌在建立时只显示一次,可随时收回。
#[utoipa::path(put, operation_id = "letWallIn", path = "/api/session/display", tag = "access", request_body = Display, responses(
    (status = 200, description = "The wall is let in as long as its token is good; it is in a cookie", body = SessionView),
    (status = 401, description = "Not the token of a wall", body = ProblemBody),
    (status = 429, description = "Too many tries", body = ProblemBody)))]
pub(super) async fn display(State(yitu): State<Yitu>, origin: Origin, Json(asked): Json<Display>) -> Answer<Response> {
    let principal = session::display(&yitu, &asked, &origin.address).await?;
    let left = (principal.expires_at - yitu.clock.now()).num_seconds();
    let headers = [
        (header::SET_COOKIE, cookie_of(asked.token.trim(), Some(left), origin.is_secure)),
        (header::CACHE_CONTROL, axum::http::HeaderValue::from_static("no-store")),
    ];
    Ok((headers, axum::Json(SessionView::of(&yitu, &principal, None))).into_response())
}

/// 退出登录。
#[utoipa::path(delete, operation_id = "signOut", path = "/api/session", tag = "access", responses(
    (status = 204, description = "Signed out, or nobody was signed in")))]
pub(super) async fn sign_out(
    State(yitu): State<Yitu>,
    origin: Origin,
    caller: Option<axum::Extension<Caller>>,
) -> Answer<Response> {
    if let Some(principal) = caller.and_then(|c| c.0.principal) {
        session::sign_out(&yitu, &principal, &origin.address).await?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, set_cookie(None, origin.is_secure))]).into_response())
}

/// 修改自己的口令;其他会话随即失效。
#[utoipa::path(put, operation_id = "changePassword", path = "/api/session/password", tag = "access", request_body = NewPassword, responses(
    (status = 204, description = "Changed; all other sessions have ended"),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 401, description = "Nobody is signed in", body = ProblemBody),
    (status = 429, description = "Too many tries", body = ProblemBody)))]
pub(super) async fn change_password(
    State(yitu): State<Yitu>,
    caller: Caller,
    Json(asked): Json<NewPassword>,
) -> Answer<StatusCode> {
    session::change_password(&yitu, account(&caller)?, &asked, &caller.origin.address).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 开始绑定动态口令;用一次动态口令确认后生效。
#[utoipa::path(post, operation_id = "beginSecondFactor", path = "/api/session/second-factor", tag = "access", responses(
    (status = 200, description = "For an authenticator app; it holds once a code of it was given", body = SecondFactor),
    (status = 401, description = "Nobody is signed in", body = ProblemBody),
    (status = 409, description = "There is one already", body = ProblemBody)))]
pub(super) async fn begin_second_factor(State(yitu): State<Yitu>, caller: Caller) -> Answer<Response> {
    let made = factor::begin_second_factor(&yitu, account(&caller)?).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(made)).into_response())
}

/// 确认绑定动态口令;通过统一身份认证登录后,也在此补交动态口令。
#[utoipa::path(put, operation_id = "confirmSecondFactor", path = "/api/session/second-factor", tag = "access", request_body = Code, responses(
    (status = 204, description = "It holds from now on"),
    (status = 400, description = "The code is not right", body = ProblemBody),
    (status = 401, description = "Nobody is signed in", body = ProblemBody),
    (status = 429, description = "Too many tries", body = ProblemBody)))]
pub(super) async fn confirm_second_factor(
    State(yitu): State<Yitu>,
    caller: Caller,
    Json(asked): Json<Code>,
) -> Answer<StatusCode> {
    factor::confirm_second_factor(&yitu, account(&caller)?, &asked.code, &caller.origin.address).await?;
    Ok(StatusCode::NO_CONTENT)
}
