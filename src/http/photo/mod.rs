//! Photos of incidents: in one request, or resumable by tus 1.0.0 (<https://tus.io/protocols/resumable-upload>).
//!
//! Of the two open protocols for resumable uploads tus is the one that is finished and that field clients have libraries
//! for; the IETF's is still a draft whose headers change, and wants interim answers that proxies drop.

mod add;
mod read;
mod upload;
mod withdraw;

use std::pin::pin;
use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::{Problem, ProblemKind};
use crate::service::Yitu;

const TUS_VERSION: &str = "1.0.0";
const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");

/// `/api/incidents/{id}/photos`, `/api/photos…`.
pub fn routes() -> OpenApiRouter<Yitu> {
    let says = |name, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    let uploads = OpenApiRouter::new()
        .routes(routes!(add::add, add::list, add::options))
        .routes(routes!(upload::head, upload::patch, upload::give_up))
        .layer(says(TUS_RESUMABLE, TUS_VERSION))
        .layer(says(HeaderName::from_static("tus-version"), TUS_VERSION));
    OpenApiRouter::new().merge(uploads).routes(routes!(read::read, read::delete)).routes(routes!(withdraw::withdraw))
}

/// The id in a path; what is no UUID names no photo.
fn read_id(text: &str) -> Result<uuid::Uuid, Problem> {
    super::extract::read_id(("照片", "photo"), text)
}

/// A header that is a count of bytes.
fn count(headers: &HeaderMap, name: &HeaderName) -> Result<u64, Problem> {
    let given = headers.get(name).map(|v| v.to_str().unwrap_or("?"));
    given.and_then(|v| v.parse().ok()).ok_or_else(|| {
        let given = given.unwrap_or_default();
        Problem::bad_field(
            name.as_str(),
            format!("请求头 {name}“{given}”应为字节数"),
            format!("The header {name} {given:?} should be a count of bytes"),
        )
    })
}

/// Refuses clients of another version of the protocol.
fn check_version(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get(TUS_RESUMABLE).is_some_and(|v| v == TUS_VERSION) {
        return Ok(());
    }
    Err(Problem::new(
        ProblemKind::Stale,
        "tus-version",
        ("上传协议版本不符", "Another version of the protocol"),
        (
            format!("请以请求头 Tus-Resumable: {TUS_VERSION} 上传(tus 协议)。"),
            format!("Upload with the header Tus-Resumable: {TUS_VERSION} (the tus protocol)."),
        ),
    ))
}

/// As HTTP writes an instant (RFC 9110 §5.6.7).
fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Reads a while on what the answer does not need: a connection that is closed on a client that still sends loses the
/// answer on its way.
async fn drain(body: &mut BodyDataStream) {
    const MOST_BYTES: usize = 64 << 20;
    let rest = async {
        let mut read = 0;
        while let Some(Ok(part)) = body.next().await {
            read += part.len();
            if read > MOST_BYTES {
                break;
            }
        }
    };
    // What has not come by then is not waited for.
    let _ = tokio::time::timeout(Duration::from_secs(20), pin!(rest)).await;
}
