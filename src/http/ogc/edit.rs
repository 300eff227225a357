//! Part 4: `POST` to items, `PUT`, `PATCH` and `DELETE` on one, and what is allowed where (`OPTIONS`).

use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{base, crs_number, geojson, item_named, shown, tagged};
use crate::domain::{Layer, Problem, ProblemKind};
use crate::http::extract::{Asker, Json};
use crate::http::problem::ProblemBody;
use crate::http::{Answer, Failure};
use crate::service::ogc::edit::{self, Change, Expected, Written, tables};
use crate::service::{ServiceError, Yitu, ogc};

const MERGE_PATCH: &str = "application/merge-patch+json";
const CONTENT_CRS: HeaderName = HeaderName::from_static("content-crs");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// A new feature; `GeoJSON`, in the system of Content-Crs.
#[utoipa::path(post, path = "/ogc/collections/{collection}/items", tag = "ogc", request_body(content = Object, content_type = "application/geo+json"),
    params(("collection" = String, Path, description = "A layer's name"), ("Content-Crs" = Option<String>, Header, description = "The system of the body, a URI in <>")),
    responses((status = 201, description = "Made; its address is in Location"), (status = 400, description = "Fields at fault", body = ProblemBody),
        (status = 405, description = "The layer is written elsewhere", body = ProblemBody), (status = 409, body = ProblemBody, description = "Against the data"),
        (status = 422, description = "Outside the county, or not a valid geometry", body = ProblemBody)))]
pub async fn create(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(name): Path<String>,
    request: Request,
) -> Answer<Response> {
    let layer = ogc::collection(&name)?;
    let headers = request.headers().clone();
    let work = async {
        edit::created_here(layer)?;
        let lat_first = content_crs(&headers)?;
        let Json(body) = Json::<Value>::from_request(request, &()).await?;
        Ok::<_, Failure>(edit::create(&yitu, &viewer, layer, &body, lat_first).await?)
    };
    let written = match work.await {
        Ok(written) => written,
        Err(failure) => return Ok(allowing(failure, layer, false)),
    };
    let address = format!("{}/collections/{layer}/items/{}", base(&headers), written.id);
    let mut response = answered(written, layer, &headers);
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(address) = HeaderValue::from_str(&address) {
        response.headers_mut().insert(header::LOCATION, address);
    }
    Ok(response)
}

/// The whole feature anew, under If-Match.
#[utoipa::path(put, path = "/ogc/collections/{collection}/items/{id}", tag = "ogc", request_body(content = Object, content_type = "application/geo+json"),
    params(("collection" = String, Path, description = "A layer's name"), ("id" = i64, Path, description = "A feature's id"),
        ("If-Match" = String, Header, description = "The ETag that was read"), ("Content-Crs" = Option<String>, Header, description = "The system of the body")),
    responses((status = 200, description = "As it is now"), (status = 412, description = "It has moved on", body = ProblemBody),
        (status = 428, description = "If-Match is missing", body = ProblemBody)))]
pub async fn replace(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path((name, id)): Path<(String, String)>,
    request: Request,
) -> Answer<Response> {
    let subject = item_named(&name, &id)?;
    let headers = request.headers().clone();
    let work = async {
        tables::table(subject.0)?;
        let lat_first = content_crs(&headers)?;
        let Json(body) = Json::<Value>::from_request(request, &()).await?;
        let change = Change::Whole(body);
        Ok::<_, Failure>(edit::change(&yitu, &viewer, subject, expected(&headers).as_ref(), &change, lat_first).await?)
    };
    Ok(finish(work.await, subject.0, &headers))
}

/// What differs (JSON merge patch), under If-Match.
#[utoipa::path(patch, path = "/ogc/collections/{collection}/items/{id}", tag = "ogc", request_body(content = Object, content_type = "application/merge-patch+json"),
    params(("collection" = String, Path, description = "A layer's name"), ("id" = i64, Path, description = "A feature's id"),
        ("If-Match" = String, Header, description = "The ETag that was read"), ("Content-Crs" = Option<String>, Header, description = "The system of the body")),
    responses((status = 200, description = "As it is now"), (status = 412, description = "It has moved on", body = ProblemBody),
        (status = 415, description = "Not a merge patch", body = ProblemBody), (status = 428, description = "If-Match is missing", body = ProblemBody)))]
pub async fn patch(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path((name, id)): Path<(String, String)>,
    request: Request,
) -> Answer<Response> {
    let subject = item_named(&name, &id)?;
    let headers = request.headers().clone();
    let work = async {
        tables::table(subject.0)?;
        is_merge_patch(&headers)?;
        let lat_first = content_crs(&headers)?;
        let Json(body) = Json::<Value>::from_request(request, &()).await?;
        let change = Change::Merge(body);
        Ok::<_, Failure>(edit::change(&yitu, &viewer, subject, expected(&headers).as_ref(), &change, lat_first).await?)
    };
    Ok(finish(work.await, subject.0, &headers))
}

/// Takes a feature away, under If-Match.
#[utoipa::path(delete, path = "/ogc/collections/{collection}/items/{id}", tag = "ogc",
    params(("collection" = String, Path, description = "A layer's name"), ("id" = i64, Path, description = "A feature's id"),
        ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 200, description = "Gone; with the position of the write"), (status = 409, description = "Still referred to", body = ProblemBody),
        (status = 412, description = "It has moved on", body = ProblemBody), (status = 428, description = "If-Match is missing", body = ProblemBody)))]
pub async fn remove(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let subject = item_named(&name, &id)?;
    let done = edit::remove(&yitu, &viewer, subject, expected(&headers).as_ref()).await;
    Ok(finish(done.map_err(Failure::from), subject.0, &headers))
}

/// What a collection's items take.
#[utoipa::path(options, path = "/ogc/collections/{collection}/items", tag = "ogc", params(("collection" = String, Path, description = "A layer's name")),
    responses((status = 204, description = "See Allow")))]
pub async fn collection_options(Path(name): Path<String>) -> Answer<Response> {
    let layer = ogc::collection(&name)?;
    Ok(with_allow(StatusCode::NO_CONTENT.into_response(), layer, false))
}

/// What an item takes.
#[utoipa::path(options, path = "/ogc/collections/{collection}/items/{id}", tag = "ogc",
    params(("collection" = String, Path, description = "A layer's name"), ("id" = i64, Path, description = "A feature's id")),
    responses((status = 204, description = "See Allow and Accept-Patch")))]
pub async fn item_options(Path((name, id)): Path<(String, String)>) -> Answer<Response> {
    let (layer, _) = item_named(&name, &id)?;
    let mut response = with_allow(StatusCode::NO_CONTENT.into_response(), layer, true);
    if tables::table(layer).is_ok() {
        response.headers_mut().insert(ACCEPT_PATCH, HeaderValue::from_static(MERGE_PATCH));
    }
    Ok(response)
}

fn finish(done: Result<Written, Failure>, layer: Layer, headers: &HeaderMap) -> Response {
    match done {
        Ok(written) => answered(written, layer, headers),
        Err(failure) => allowing(failure, layer, true),
    }
}

/// The feature as it is now with `seq`, the position of the write.
fn answered(written: Written, layer: Layer, headers: &HeaderMap) -> Response {
    let seq = written.seq.to_string();
    match written.item {
        Some(item) => {
            let mut body = shown(item.feature, layer, written.id, headers);
            body["seq"] = seq.into();
            tagged(geojson(&body, 0), &format!("\"{}\"", item.tag))
        }
        None => axum::Json(json!({"id": written.id, "seq": seq})).into_response(),
    }
}

/// A failure; a 405 says what is allowed (RFC 9110 §15.5.6).
fn allowing(failure: Failure, layer: Layer, at_item: bool) -> Response {
    let response = failure.into_response();
    match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => with_allow(response, layer, at_item),
        StatusCode::UNSUPPORTED_MEDIA_TYPE if at_item => {
            let mut response = response;
            response.headers_mut().insert(ACCEPT_PATCH, HeaderValue::from_static(MERGE_PATCH));
            response
        }
        _ => response,
    }
}

fn with_allow(mut response: Response, layer: Layer, at_item: bool) -> Response {
    let (items, item) = tables::methods(layer);
    let mut allowed = vec!["GET", "HEAD", "OPTIONS"];
    allowed.extend(if at_item { item } else { items });
    if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

fn expected(headers: &HeaderMap) -> Option<Expected> {
    headers.get(header::IF_MATCH).and_then(|v| v.to_str().ok()).map(Expected::parse)
}

/// Whether the body's latitude comes first.
fn content_crs(headers: &HeaderMap) -> Result<bool, Problem> {
    let given = headers.get(CONTENT_CRS).map(|v| v.to_str().unwrap_or("?"));
    Ok(crs_number("Content-Crs", given)? > 0)
}

fn is_merge_patch(headers: &HeaderMap) -> Result<(), ServiceError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if given.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(MERGE_PATCH) {
        return Ok(());
    }
    Err(Problem::new(
        ProblemKind::UnsupportedMedia,
        "not-a-merge-patch",
        ("需要合并补丁", "A merge patch is needed"),
        (
            format!("Content-Type 是 {given:?},PATCH 只收 {MERGE_PATCH}(RFC 7396):只写要改的项。"),
            format!("Content-Type is {given:?}; PATCH takes {MERGE_PATCH} (RFC 7396): send only what differs."),
        ),
    )
    .into())
}
