//! Part 4: `POST` to items, `PUT`, `PATCH` and `DELETE` on one, and what is allowed where (`OPTIONS`).

use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::asked::{Asked, GEOJSON, JSON, Plain, link};
use super::crs_number;
use super::items::{in_crs, item_named, tag, tagged};
use crate::domain::{Layer, Problem, ProblemKind};
use crate::http::extract::{Asker, Json};
use crate::http::problem::ProblemBody;
use crate::http::{Answer, Failure};
use crate::service::ogc::edit::{self, Change, Expected, Written, tables};
use crate::service::{Yitu, ogc};

/// What a whole feature may come as.
const FEATURE: [&str; 2] = [GEOJSON, JSON];
const MERGE_PATCH: &str = "application/merge-patch+json";
const CONTENT_CRS: HeaderName = HeaderName::from_static("content-crs");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// A new feature; `GeoJSON`, in the system of Content-Crs.
#[utoipa::path(post, operation_id = "createItem", path = "/ogc/collections/{collectionId}/items", tag = "ogc", request_body(content = Value, content_type = "application/geo+json"),
    params(("collectionId" = String, Path, description = "A layer's name"), ("Content-Crs" = Option<String>, Header, description = "The system of the body, a URI in <>")),
    responses((status = 201, description = "Made; its address is in Location"), (status = 400, description = "Fields at fault", body = ProblemBody), (status = 403, description = "Not all of it lies in the writer's area (not-in-your-area)", body = ProblemBody),
        (status = 405, description = "The layer is written elsewhere", body = ProblemBody), (status = 409, body = ProblemBody, description = "Against the data"),
        (status = 422, description = "Outside the county, or not a valid geometry", body = ProblemBody)))]
pub async fn create(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(name): Path<String>,
    Plain(asked): Plain,
    request: Request,
) -> Answer<Response> {
    let layer = ogc::collection(&name)?;
    let headers = request.headers().clone();
    let work = async {
        edit::created_here(layer)?;
        is_one_of(&headers, &FEATURE)?;
        let lat_first = content_crs(&headers)?;
        let Json(body) = Json::<Value>::from_request(request, &()).await?;
        Ok::<_, Failure>(edit::create(&yitu, &viewer, layer, &body, lat_first).await?)
    };
    let written = match work.await {
        Ok(written) => written,
        Err(failure) => return Ok(allowing(failure, layer, false)),
    };
    let address = format!("{}/collections/{layer}/items/{}", asked.base, written.id);
    let mut response = answered(written, layer, &asked);
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(address) = HeaderValue::from_str(&address) {
        response.headers_mut().insert(header::LOCATION, address);
    }
    Ok(response)
}

/// The whole feature anew, under If-Match.
#[utoipa::path(put, operation_id = "replaceItem", path = "/ogc/collections/{collectionId}/items/{featureId}", tag = "ogc", request_body(content = Value, content_type = "application/geo+json"),
    params(("collectionId" = String, Path, description = "A layer's name"), ("featureId" = i64, Path, description = "A feature's id"),
        ("If-Match" = String, Header, description = "The ETag that was read"), ("Content-Crs" = Option<String>, Header, description = "The system of the body")),
    responses((status = 200, description = "As it is now"), (status = 403, description = "Not all of it lies in the writer's area (not-in-your-area)", body = ProblemBody), (status = 412, description = "It has moved on", body = ProblemBody),
        (status = 428, description = "If-Match is missing", body = ProblemBody)))]
pub async fn replace(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path((name, id)): Path<(String, String)>,
    Plain(asked): Plain,
    request: Request,
) -> Answer<Response> {
    let subject = item_named(&name, &id)?;
    let headers = request.headers().clone();
    let work = async {
        tables::table(subject.0)?;
        is_one_of(&headers, &FEATURE)?;
        let lat_first = content_crs(&headers)?;
        let Json(body) = Json::<Value>::from_request(request, &()).await?;
        let change = Change::Whole(body);
        Ok::<_, Failure>(edit::change(&yitu, &viewer, subject, expected(&headers).as_ref(), &change, lat_first).await?)
    };
    Ok(finish(work.await, subject.0, &asked))
}

/// What differs (JSON merge patch), under If-Match.
#[utoipa::path(patch, operation_id = "updateItem", path = "/ogc/collections/{collectionId}/items/{featureId}", tag = "ogc", request_body(content = Value, content_type = "application/merge-patch+json"),
    params(("collectionId" = String, Path, description = "A layer's name"), ("featureId" = i64, Path, description = "A feature's id"),
        ("If-Match" = String, Header, description = "The ETag that was read"), ("Content-Crs" = Option<String>, Header, description = "The system of the body")),
    responses((status = 200, description = "As it is now"), (status = 403, description = "Not all of it lies in the writer's area (not-in-your-area)", body = ProblemBody), (status = 412, description = "It has moved on", body = ProblemBody),
        (status = 415, description = "Not a merge patch", body = ProblemBody), (status = 428, description = "If-Match is missing", body = ProblemBody)))]
pub async fn patch(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path((name, id)): Path<(String, String)>,
    Plain(asked): Plain,
    request: Request,
) -> Answer<Response> {
    let subject = item_named(&name, &id)?;
    let headers = request.headers().clone();
    let work = async {
        tables::table(subject.0)?;
        is_one_of(&headers, &[MERGE_PATCH])?;
        let lat_first = content_crs(&headers)?;
        let Json(body) = Json::<Value>::from_request(request, &()).await?;
        let change = Change::Merge(body);
        Ok::<_, Failure>(edit::change(&yitu, &viewer, subject, expected(&headers).as_ref(), &change, lat_first).await?)
    };
    Ok(finish(work.await, subject.0, &asked))
}

/// Takes a feature away, under If-Match.
#[utoipa::path(delete, operation_id = "deleteItem", path = "/ogc/collections/{collectionId}/items/{featureId}", tag = "ogc",
    params(("collectionId" = String, Path, description = "A layer's name"), ("featureId" = i64, Path, description = "A feature's id"),
        ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 200, description = "Gone; with the position of the write"), (status = 403, description = "Not all of it lies in the writer's area (not-in-your-area)", body = ProblemBody), (status = 409, description = "Still referred to", body = ProblemBody),
        (status = 412, description = "It has moved on", body = ProblemBody), (status = 428, description = "If-Match is missing", body = ProblemBody)))]
pub async fn remove(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path((name, id)): Path<(String, String)>,
    Plain(asked): Plain,
    headers: HeaderMap,
) -> Answer<Response> {
    let subject = item_named(&name, &id)?;
    let done = edit::remove(&yitu, &viewer, subject, expected(&headers).as_ref()).await;
    Ok(finish(done.map_err(Failure::from), subject.0, &asked))
}

/// What a collection's items take.
#[utoipa::path(options, operation_id = "optionsOfItems", path = "/ogc/collections/{collectionId}/items", tag = "ogc", params(("collectionId" = String, Path, description = "A layer's name")),
    responses((status = 204, description = "See Allow")))]
pub async fn collection_options(Path(name): Path<String>, _plain: Plain) -> Answer<Response> {
    let layer = ogc::collection(&name)?;
    Ok(with_allow(StatusCode::NO_CONTENT.into_response(), layer, false))
}

/// What an item takes.
#[utoipa::path(options, operation_id = "optionsOfItem", path = "/ogc/collections/{collectionId}/items/{featureId}", tag = "ogc",
    params(("collectionId" = String, Path, description = "A layer's name"), ("featureId" = i64, Path, description = "A feature's id")),
    responses((status = 204, description = "See Allow and Accept-Patch")))]
pub async fn item_options(Path((name, id)): Path<(String, String)>, _plain: Plain) -> Answer<Response> {
    let (layer, _) = item_named(&name, &id)?;
    let mut response = with_allow(StatusCode::NO_CONTENT.into_response(), layer, true);
    if tables::table(layer).is_ok() {
        response.headers_mut().insert(ACCEPT_PATCH, HeaderValue::from_static(MERGE_PATCH));
    }
    Ok(response)
}

fn finish(done: Result<Written, Failure>, layer: Layer, asked: &Asked) -> Response {
    match done {
        Ok(written) => answered(written, layer, asked),
        Err(failure) => allowing(failure, layer, true),
    }
}

/// The feature as it is now with `seq`, the position of the write.
fn answered(written: Written, layer: Layer, asked: &Asked) -> Response {
    let seq = written.seq.to_string();
    let here = format!("{}/collections/{layer}", asked.base);
    let Some(item) = written.item else {
        let links = [link("collection", JSON, here)];
        return asked.answer(&json!({"id": written.id, "seq": seq, "links": links}), JSON);
    };
    let tag = tag(&item.tag, 0, asked);
    let mut body = item.feature;
    body["seq"] = seq.into();
    body["links"] =
        json!([link("self", GEOJSON, format!("{here}/items/{}", written.id)), link("collection", JSON, here)]);
    tagged(in_crs(asked.answer(&body, GEOJSON), 0), &tag)
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

/// The media type of a body, before it is read: the refusal names those that are.
fn is_one_of(headers: &HeaderMap, wanted: &[&str]) -> Result<(), Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let named = given.split(';').next().unwrap_or_default().trim();
    if wanted.iter().any(|w| w.eq_ignore_ascii_case(named)) {
        return Ok(());
    }
    let given = if named.is_empty() { "(无)" } else { named };
    Err(if wanted == [MERGE_PATCH] {
        Problem::new(
            ProblemKind::UnsupportedMedia,
            "not-a-merge-patch",
            ("需要合并补丁", "A merge patch is needed"),
            (
                format!("Content-Type 是 {given},PATCH 只收 {MERGE_PATCH}(RFC 7396):只写要改的项。"),
                format!("Content-Type is {given}; PATCH takes {MERGE_PATCH} (RFC 7396): send only what differs."),
            ),
        )
    } else {
        let all = wanted.join("、");
        Problem::new(
            ProblemKind::UnsupportedMedia,
            "not-geojson",
            ("需要 GeoJSON", "GeoJSON is needed"),
            (
                format!("Content-Type 是 {given},要素以 GeoJSON 提交:{all}。"),
                format!("Content-Type is {given}; features are sent as GeoJSON: {all}."),
            ),
        )
    })
}
