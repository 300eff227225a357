//! `/api/session/ways`, `/api/session/oidc…`: there and back by redirects of the browser.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::gate::{Origin, named_cookie, set_cookie};
use crate::http::extract::Query;
use crate::http::problem::ProblemBody;
use crate::http::{Answer, origin as own_address};
use crate::service::Yitu;
use crate::service::access::oidc::{self, Outcome, Returned, Ways, Why};
use crate::service::access::principal::of_secret;
use crate::service::access::session::SessionView;

/// What a browser keeps while its user is at the identity server. Lax: it has to come along on the way back from there.
const COOKIE: &str = "yitu_oidc";
const COOKIE_TLS: &str = "__Host-yitu_oidc";

/// Where somebody wants to go.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// A path of this site to go to once signed in.
    next: Option<String>,
}

/// 可以怎样登录。
#[utoipa::path(get, operation_id = "waysToSignIn", path = "/api/session/ways", tag = "access", responses(
    (status = 200, description = "Beside name and password", body = Ways)))]
pub(super) async fn ways(State(yitu): State<Yitu>) -> axum::Json<Ways> {
    axum::Json(oidc::ways(&yitu))
}

/// 到统一身份认证系统登录:浏览器由此转去。
#[utoipa::path(get, operation_id = "signInByOidc", path = "/api/session/oidc", tag = "access", params(Wanted), responses(
    (status = 303, description = "To the identity server; to the sign-in page where it does not answer"),
    (status = 404, description = "No identity server is set up", body = ProblemBody)))]
pub(super) async fn begin(
    State(yitu): State<Yitu>,
    headers: HeaderMap,
    origin: Origin,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let callback = format!("{}/api/session/oidc/callback", own_address(&headers));
    Ok(match oidc::leave(&yitu, callback, wanted.next.as_deref()).await? {
        Ok(leaving) => to(&leaving.address, keep(Some((&leaving.kept, leaving.seconds)), origin.is_secure)),
        Err(why) => back(why, wanted.next.as_deref().unwrap_or("/"), origin.is_secure),
    })
}

/// 由统一身份认证系统返回。
#[utoipa::path(get, operation_id = "signedInByOidc", path = "/api/session/oidc/callback", tag = "access",
    params(
        ("code" = Option<String>, Query, description = "What the identity server gave"),
        ("state" = Option<String>, Query, description = "What was sent there"),
        ("error" = Option<String>, Query, description = "Why it refused"),
        ("iss" = Option<String>, Query, description = "Its own name")),
    responses(
        (status = 200, description = "Signed in: a page that leads on; the session is in a cookie", body = String, content_type = "text/html"),
        (status = 303, description = "Not signed in: to the sign-in page, which is told why (`failed`)"),
        (status = 404, description = "No identity server is set up", body = ProblemBody)))]
pub(super) async fn callback(
    State(yitu): State<Yitu>,
    headers: HeaderMap,
    origin: Origin,
    Query(returned): Query<Returned>,
) -> Answer<Response> {
    let kept = named_cookie(&headers, COOKIE_TLS, COOKIE);
    match oidc::come_back(&yitu, kept, returned, &origin.address).await? {
        Outcome::Refused { why, next } => Ok(back(why, &next, origin.is_secure)),
        Outcome::SignedIn { begun, next } => {
            let view = of_secret(&yitu, &begun.secret).await?.map(|principal| SessionView::of(&yitu, &principal, None));
            let is_done = view.is_some_and(|view| !(view.code_due || view.second_factor_due));
            let next = if is_done { next } else { format!("/sign-in?due&next={}", escaped(&next)) };
            Ok(on(&next, &begun.secret, origin.is_secure))
        }
    }
}

/// A page that leads on. The session's cookie goes only with what a page of this site asks for, and after a redirect it
/// would still be the identity server's page that asks.
fn on(next: &str, secret: &str, is_secure: bool) -> Response {
    // What leads on holds no mark of HTML but this one.
    let next = next.replace('\'', "%27").replace('&', "&amp;");
    let page = format!(
        "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0;url='{next}'\">\
         <title>一图统揽</title><p>登录成功。<a href=\"{next}\">继续</a></p></html>"
    );
    let mut response = page.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    headers.append(header::SET_COOKIE, set_cookie(Some(secret), is_secure));
    hidden(response, keep(None, is_secure))
}

/// To the sign-in page, which says why.
fn back(why: Why, next: &str, is_secure: bool) -> Response {
    to(&format!("/sign-in?failed={}&next={}", why.code(), escaped(next)), keep(None, is_secure))
}

fn to(address: &str, cookie: HeaderValue) -> Response {
    let Ok(address) = HeaderValue::from_str(address) else { return StatusCode::BAD_GATEWAY.into_response() };
    hidden((StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response(), cookie)
}

/// The address holds a code: it is kept nowhere and told nobody.
fn hidden(mut response: Response, cookie: HeaderValue) -> Response {
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, cookie);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn keep(kept: Option<(&str, i64)>, is_secure: bool) -> HeaderValue {
    let (name, secure) = if is_secure { (COOKIE_TLS, "; Secure") } else { (COOKIE, "") };
    let (value, seconds) = kept.unwrap_or_default();
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// As a value of a query.
fn escaped(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    text.bytes().map(|b| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
