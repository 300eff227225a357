//! RFC 9457 answers: every failure leaves as `application/problem+json` in the reader's language.

use std::any::Any;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::Outage;
use crate::domain::{Bilingual, Problem, ProblemKind};
use crate::service::ServiceError;

/// A failed use case on its way out.
#[derive(Debug)]
pub struct Failure(ServiceError);

impl<E: Into<ServiceError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// The body of every failure (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// Stable URI of the kind of problem.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// What kind of problem it is, in the reader's language.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// This occurrence: the value and the way out.
    pub detail: String,
    /// The fields at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Names this request in the server's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Machine-readable particulars.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// One field at fault.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer into the body, or the query parameter's name.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

/// Carried from the handler to [`render`], which alone knows the reader's language.
#[derive(Debug, Clone)]
struct Unrendered(Box<Problem>);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let inside = match self.0 {
            ServiceError::Problem(problem) => return unrendered(problem),
            inside => inside,
        };
        tracing::error!(error = %inside, "request failed");
        match inside {
            ServiceError::Db(error) => error.outage().map(unavailable),
            _ => None,
        }
        .map_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response(), |problem| unrendered(Box::new(problem)))
    }
}

fn unrendered(problem: Box<Problem>) -> Response {
    let mut response = status(problem.kind).into_response();
    response.extensions_mut().insert(Unrendered(problem));
    response
}

fn unavailable(outage: Outage) -> Problem {
    let (slug, detail) = match outage {
        Outage::NoRoom => (
            "no-room",
            (
                "服务器磁盘已满,这次写入没有保存。请联系系统管理员清理磁盘,然后重试;地图仍可查看。",
                "The server's disk is full and nothing was saved. Ask the administrator to make room, then try again; the map can still be read.",
            ),
        ),
        Outage::Unreachable => (
            "database-unavailable",
            (
                "数据库暂时连不上,这次操作没有完成。请稍后重试。",
                "The database does not answer at the moment and nothing was done. Try again shortly.",
            ),
        ),
    };
    let title = ("暂时不能办理", "Not possible at the moment");
    Problem::new(ProblemKind::Unavailable, slug, title, (detail.0.to_owned(), detail.1.to_owned()))
}

pub(super) fn status(kind: ProblemKind) -> StatusCode {
    match kind {
        ProblemKind::Malformed => StatusCode::BAD_REQUEST,
        ProblemKind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        ProblemKind::NotFound => StatusCode::NOT_FOUND,
        ProblemKind::Conflict => StatusCode::CONFLICT,
        ProblemKind::Stale => StatusCode::PRECONDITION_FAILED,
        ProblemKind::VersionRequired => StatusCode::PRECONDITION_REQUIRED,
        ProblemKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ProblemKind::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ProblemKind::NotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ProblemKind::Forbidden => StatusCode::FORBIDDEN,
        ProblemKind::NotSignedIn => StatusCode::UNAUTHORIZED,
        ProblemKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        ProblemKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Writes the body of every failure, also of those the framework made.
pub async fn render(request: Request, next: Next) -> Response {
    let languages = request.headers().get(header::ACCEPT_LANGUAGE).cloned();
    let request_id = request.headers().get(super::REQUEST_ID).cloned();
    let response = next.run(request).await;
    let code = response.status();
    if !(code.is_client_error() || code.is_server_error()) || is_problem(&response) {
        return response;
    }
    let chinese = prefers_chinese(languages.as_ref());
    let request_id = request_id.as_ref().and_then(|v| v.to_str().ok()).map(str::to_owned);
    let (mut parts, _) = response.into_parts();
    let problem = parts.extensions.remove::<Unrendered>().map_or_else(|| Box::new(framework_problem(code)), |u| u.0);
    if let Some(seconds) = problem.extra.get("retry_after_s").and_then(serde_json::Value::as_u64) {
        parts.headers.insert(header::RETRY_AFTER, seconds.into());
    }
    let body = body(*problem, code, chinese, request_id);
    // The body is another from here on.
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_ENCODING);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    parts.headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(if chinese { "zh-CN" } else { "en" }));
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let text = serde_json::to_vec(&body).unwrap_or_default();
    Response::from_parts(parts, Body::from(text))
}

/// A problem in a reader's language.
pub(super) fn body(problem: Problem, code: StatusCode, chinese: bool, request_id: Option<String>) -> ProblemBody {
    let say = |text: &Bilingual| if chinese { text.zh.clone() } else { text.en.clone() };
    ProblemBody {
        type_uri: format!("urn:yitu:problem:{}", problem.slug),
        title: say(&problem.title),
        status: code.as_u16(),
        detail: say(&problem.detail),
        errors: problem
            .fields
            .iter()
            .map(|f| FieldError { pointer: f.pointer.clone(), detail: say(&f.detail) })
            .collect(),
        request_id,
        extra: problem.extra,
    }
}

fn is_problem(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"application/problem+json"))
}

/// Chinese unless the reader puts English first (`Accept-Language`, RFC 9110 §12.5.4).
#[must_use]
pub fn prefers_chinese(accept_language: Option<&HeaderValue>) -> bool {
    let Some(wanted) = accept_language.and_then(|v| v.to_str().ok()) else { return true };
    let weight = |language: &str| {
        wanted
            .split(',')
            .filter_map(|part| {
                let (tag, q) = part.split_once(";q=").unwrap_or((part, "1"));
                tag.trim().to_ascii_lowercase().starts_with(language).then(|| q.trim().parse::<f32>().unwrap_or(0.0))
            })
            .fold(0.0_f32, f32::max)
    };
    weight("en") <= weight("zh")
}

/// The words for a failure that did not come from a use case.
fn framework_problem(code: StatusCode) -> Problem {
    let (slug, title, detail) = match code {
        StatusCode::PAYLOAD_TOO_LARGE => (
            "too-large",
            ("内容过大", "Too large"),
            ("请求内容超过上限,请分批提交。", "The body is over the limit; send it in parts."),
        ),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => (
            "unavailable",
            ("暂时不可用", "Unavailable for now"),
            ("服务器此刻来不及处理,请稍后重试。", "The server cannot answer right now; try again shortly."),
        ),
        code if code.is_client_error() => (
            "bad-request",
            ("请求有误", "The request is not valid"),
            ("请求无法识别,请对照 /api/docs 检查。", "The request is not understood; compare it with /api/docs."),
        ),
        _ => (
            "internal",
            ("服务器出错", "The server failed"),
            (
                "服务器内部出错,已记录。请稍后重试,并把请求编号告诉管理员。",
                "Something failed inside and was logged. Try again later and give the administrator the request id.",
            ),
        ),
    };
    Problem::new(ProblemKind::Unavailable, slug, title, (detail.0.to_owned(), detail.1.to_owned()))
}

/// The answer to an unknown path.
pub async fn no_such_path(uri: Uri) -> Failure {
    let path = uri.path();
    Problem::new(
        ProblemKind::NotFound,
        "no-such-path",
        ("没有这个地址", "No such path"),
        (format!("没有地址 {path},可用的接口见 /api/docs。"), format!("There is nothing at {path}; see /api/docs.")),
    )
    .into()
}

/// The answer to a method the path does not know.
pub async fn no_such_method(uri: Uri, method: axum::http::Method) -> Response {
    let problem = Problem::new(
        ProblemKind::Malformed,
        "no-such-method",
        ("方法不支持", "Method not allowed"),
        (
            format!("{} 不支持 {method},可用的方法见 /api/docs。", uri.path()),
            format!("{} does not take {method}; see /api/docs.", uri.path()),
        ),
    );
    let mut response = StatusCode::METHOD_NOT_ALLOWED.into_response();
    response.extensions_mut().insert(Unrendered(Box::new(problem)));
    response
}

/// A handler panicked: the log gets the words, the asker a plain 500.
#[allow(clippy::needless_pass_by_value)] // what the panic layer calls
pub fn panicked(cause: Box<dyn Any + Send + 'static>) -> Response {
    let words = cause.downcast_ref::<String>().map(String::as_str).or_else(|| cause.downcast_ref::<&str>().copied());
    tracing::error!(panic = words.unwrap_or("unknown"), "handler panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_unless_english_is_put_first() {
        let case = |value: &str| prefers_chinese(Some(&value.parse().expect("a header")));
        assert!(prefers_chinese(None));
        assert!(case("zh-CN,zh;q=0.9,en;q=0.8"));
        assert!(!case("en-GB,en;q=0.9,zh;q=0.1"));
        assert!(case("fr"));
    }
}
