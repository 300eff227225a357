//! Extractors whose refusals are problems that name the field.

use std::str::FromStr;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::Failure;
use super::access::gate::Caller;
use super::in_chinese::in_chinese;
use crate::domain::{Problem, ProblemKind, Viewer};
use crate::service::Yitu;

/// Who asks, as the gate has let them in.
#[derive(Debug, Clone)]
pub struct Asker(pub Viewer);

impl FromRequestParts<Yitu> for Asker {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, yitu: &Yitu) -> Result<Self, Failure> {
        Ok(Self(Caller::from_request_parts(parts, yitu).await?.viewer))
    }
}

/// A JSON body. A bad one is told by the pointer of its bad field.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(body_problem(&rejection).into()),
        }
    }
}

fn body_problem(rejection: &JsonRejection) -> Problem {
    let text = rejection.body_text();
    match rejection {
        JsonRejection::JsonDataError(_) => {
            // "Failed to deserialize the JSON body into the target type: location.lon: invalid type: …"
            let what = text.split_once(": ").map_or(text.as_str(), |(_, rest)| rest);
            let (path, fault) = match what.split_once(": ") {
                Some((path, fault)) if !path.contains(' ') => (path, fault),
                _ => ("", what),
            };
            let pointer = pointer(path);
            let said = in_chinese(fault);
            let zh = if pointer.is_empty() {
                format!("请求体不对:{said}")
            } else {
                format!("字段 {pointer} 的值不对:{said}")
            };
            Problem::bad_field(pointer.clone(), zh, format!("The value of {pointer} is not valid: {fault}"))
        }
        JsonRejection::JsonSyntaxError(_) => Problem::bad_field(
            "",
            format!("请求体不是有效的 JSON:{}", in_chinese(text.rsplit_once(": ").map_or(&text, |(_, why)| why))),
            format!("The body is not valid JSON: {text}"),
        ),
        JsonRejection::MissingJsonContentType(_) => Problem::new(
            ProblemKind::UnsupportedMedia,
            "not-json",
            ("需要 JSON", "JSON is needed"),
            (
                "请以 Content-Type: application/json 发送。".to_owned(),
                "Send it as Content-Type: application/json.".to_owned(),
            ),
        ),
        other => unread(other.status(), &text),
    }
}

/// Why a body did not arrive.
pub(super) fn unread(status: StatusCode, text: &str) -> Problem {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(
            ProblemKind::TooLarge,
            "too-large",
            ("内容过大", "Too large"),
            (
                format!("请求体超过 {} MB 的上限,请分批提交。", super::BODY_LIMIT_BYTES >> 20),
                format!("The body is over the limit of {} MB; send it in parts.", super::BODY_LIMIT_BYTES >> 20),
            ),
        );
    }
    Problem::bad_field("", format!("请求体读不出来:{text}"), format!("The body cannot be read: {text}"))
}

/// `location.lon`, `grids[2].geometry` → a JSON pointer (RFC 6901).
fn pointer(path: &str) -> String {
    if path.is_empty() || path == "." {
        return String::new();
    }
    format!("/{}", path.replace('[', ".").replace(']', "").replace('.', "/"))
}

/// The id in a path; what cannot be one names nothing. `what` is (Chinese, English), as "事件" / "incident".
pub(super) fn read_id<T: FromStr>(what: (&str, &str), text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found(what, text))
}

/// The version of an `If-Match` header.
pub(super) fn if_match(headers: &HeaderMap) -> Option<i32> {
    headers.get(header::IF_MATCH)?.to_str().ok()?.trim_matches('"').parse().ok()
}

/// Query parameters. A bad one is told by its name.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let text = rejection.body_text();
                let what = text.split_once(": ").map_or(text.as_str(), |(_, rest)| rest);
                // "lon: invalid type: …", or with the name in the reason: "missing field `lon`".
                let (name, why) = what.split_once(": ").unwrap_or_else(|| (what.split('`').nth(1).unwrap_or(""), what));
                Err(Problem::bad_field(
                    name,
                    format!("查询参数 {name} 有误:{}", in_chinese(why)),
                    format!("A query parameter is not valid: {what}"),
                )
                .into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::pointer;

    #[test]
    fn paths_become_pointers() {
        assert_eq!(pointer("location.lon"), "/location/lon");
        assert_eq!(pointer("grids[2].geometry"), "/grids/2/geometry");
        assert_eq!(pointer("."), "");
    }
}
