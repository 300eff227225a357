//! `/api/incidents/{id}/photos`.

use axum::body::{Body, BodyDataStream};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{TUS_RESUMABLE, TUS_VERSION, UPLOAD_EXPIRES, UPLOAD_LENGTH, check_version, count, drain, http_date};
use crate::domain::Viewer;
use crate::domain::photo::{MOST_BYTES, PhotoKind, wrong_type};
use crate::http::Answer;
use crate::http::extract::{Asker, Query};
use crate::http::incident::read_id as read_incident;
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::photo::begin::{About, Begun, announce};
use crate::service::photo::receive::LASTS;
use crate::service::photo::show::{PhotoView, list as serve_list};
use crate::service::photo::take::take;

/// What is said of a photo.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Said {
    /// Made by the client: a repeat is the same photo.
    id: Uuid,
    /// `scene` (现场) unless said, or `outcome` (办结).
    #[serde(default)]
    kind: PhotoKind,
    /// The client's clock.
    taken_at: Option<DateTime<Utc>>,
    /// Up to 200 characters.
    #[serde(default)]
    caption: String,
}

/// 上传照片:请求体即照片(JPEG、PNG、WebP,不超过 15 MB);或按 tus 1.0.0 声明后分段续传。同一 id 是同一张。
#[utoipa::path(post, operation_id = "addPhoto", path = "/api/incidents/{id}/photos", tag = "photos",
    params(("id" = String, Path, description = "UUID of the incident"), Said,
        ("Tus-Resumable" = Option<String>, Header, description = "1.0.0: the photo is sent in pieces to the Location that is answered"),
        ("Upload-Length" = Option<u64>, Header, description = "tus: bytes in all")),
    request_body(content = String, content_type = "image/jpeg", description = "The file; empty with tus"),
    responses(
    (status = 201, description = "Taken (a photo), or announced (tus: Location, no body)", body = PhotoView),
    (status = 200, description = "The photo of this id, already there", body = PhotoView),
    (status = 403, description = "Under way by another account", body = ProblemBody),
    (status = 404, description = "No such incident", body = ProblemBody),
    (status = 409, description = "No more photos, or the id is another incident's", body = ProblemBody),
    (status = 412, description = "Another version of tus"),
    (status = 413, description = "Over 15 MB", body = ProblemBody),
    (status = 415, description = "No JPEG, PNG or WebP", body = ProblemBody),
    (status = 422, description = "Empty, damaged or of too many pixels", body = ProblemBody)))]
pub(super) async fn add(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    headers: HeaderMap,
    said: Result<Query<Said>, crate::http::Failure>,
    body: Body,
) -> Answer<Response> {
    let mut body = body.into_data_stream();
    let answer = answer(&yitu, &viewer, &id, &headers, said, &mut body).await;
    drain(&mut body).await;
    answer
}

async fn answer(
    yitu: &Yitu,
    viewer: &Viewer,
    id: &str,
    headers: &HeaderMap,
    said: Result<Query<Said>, crate::http::Failure>,
    body: &mut BodyDataStream,
) -> Answer<Response> {
    let incident = read_incident(id)?;
    let Query(said) = said?;
    let about = About { id: said.id, kind: said.kind, taken_at: said.taken_at, caption: said.caption };
    if headers.contains_key(TUS_RESUMABLE) {
        check_version(headers)?;
        let begun = announce(yitu, viewer, incident, &about, count(headers, &UPLOAD_LENGTH)?).await?;
        let location = format!("/api/photos/{}/upload", about.id);
        let expires = http_date(begun.photo.announced_at + LASTS);
        return Ok((status(&begun), [(header::LOCATION, location), (UPLOAD_EXPIRES, expires)]).into_response());
    }
    let declared = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !["image/jpeg", "image/png", "image/webp"].contains(&kind.as_str()) {
        return Err(wrong_type(declared).into());
    }
    let begun = take(yitu, viewer, incident, &about, body).await?;
    Ok((status(&begun), axum::Json(PhotoView::from(begun.photo))).into_response())
}

fn status(begun: &Begun) -> StatusCode {
    if begun.new { StatusCode::CREATED } else { StatusCode::OK }
}

/// 一个事件的全部照片,连同上传中、未收下和已撤下的。
#[utoipa::path(get, operation_id = "photosOfIncident", path = "/api/incidents/{id}/photos", tag = "photos",
    params(("id" = String, Path, description = "UUID of the incident")), responses(
    (status = 200, description = "The photos, the first announced first", body = Vec<PhotoView>),
    (status = 404, description = "No such incident", body = ProblemBody)))]
pub(super) async fn list(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
) -> Answer<axum::Json<Vec<PhotoView>>> {
    Ok(axum::Json(serve_list(&yitu, &viewer, read_incident(&id)?).await?))
}

/// 续传协议的版本与上限(tus)。
#[utoipa::path(options, operation_id = "photoUploadOptions", path = "/api/incidents/{id}/photos", tag = "photos",
    params(("id" = String, Path, description = "UUID of the incident")), responses((status = 204, description = "In the headers")))]
pub(super) async fn options() -> impl IntoResponse {
    let says = [
        ("tus-version", TUS_VERSION.to_owned()),
        ("tus-extension", "creation,expiration,termination".to_owned()),
        ("tus-max-size", MOST_BYTES.to_string()),
    ];
    (StatusCode::NO_CONTENT, says)
}
