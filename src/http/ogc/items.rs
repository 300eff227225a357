//! Items of a collection, page by page, and one by one.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa::IntoParams;

use super::asked::{Asked, GEOJSON, HTML, JSON, choice, for_asker, link};
use super::{CRS, crs_number};
use crate::domain::{FeatureId, Layer, Problem};
use crate::http::extract::Asker;
use crate::http::problem::ProblemBody;
use crate::http::{Answer, Failure, is_known, spatial};
use crate::service::ogc::{self, Filter, Page};
use crate::service::{Yitu, off_thread};

/// How many items a page has when nobody says.
const USUAL: usize = 100;

/// What items can be asked with, beside the properties of their layer.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "kebab-case")]
#[allow(dead_code)] // for the API's description; they are taken one by one
pub struct ItemsParameters {
    /// Where they lie: west,south,east,north, or in the order of bbox-crs.
    bbox: Option<String>,
    /// The system of bbox, a URI.
    bbox_crs: Option<String>,
    /// The system of the answer, a URI.
    crs: Option<String>,
    /// When they are: an instant, a day, or two with / between.
    datetime: Option<String>,
    /// CQL2.
    filter: Option<String>,
    /// The language of filter.
    #[param(inline)]
    filter_lang: Option<FilterLang>,
    /// The system of the shapes in filter, a URI.
    filter_crs: Option<String>,
    /// Names with commas between, - before those that descend.
    sortby: Option<String>,
    /// Which properties to answer with: names, with commas between.
    properties: Option<String>,
    /// At most so many; more than the most there can be is taken as that.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
    /// Where the page begins, as a next link says it.
    after: Option<String>,
    /// Where the page ends, as a prev link says it.
    before: Option<String>,
}

#[derive(Debug, utoipa::ToSchema)]
#[schema(rename_all = "kebab-case")]
#[allow(dead_code)] // for the API's description
enum FilterLang {
    Cql2Text,
    Cql2Json,
}

/// The page asked for, and the number of the system its answer is in.
async fn question(asked: &mut Asked) -> Result<(Page, usize), Failure> {
    let lat_first =
        |asked: &mut Asked, name: &str| Ok::<_, Problem>(crs_number(name, asked.take(name).as_deref())? > 0);
    let crs = crs_number("crs", asked.take("crs").as_deref())?;
    let bbox_lat_first = lat_first(asked, "bbox-crs")?;
    let filter_lat_first = lat_first(asked, "filter-crs")?;
    let is_json = match asked.take("filter-lang").as_deref() {
        None | Some("cql2-text") => false,
        Some("cql2-json") => true,
        Some(other) => return Err(choice("filter-lang", other, "cql2-text、cql2-json").into()),
    };
    let limit = asked.take("limit").map(|text| text.parse().map_err(|_| bad_limit(&text))).transpose()?;
    let filter = match asked.take("filter") {
        // A hostile one takes the parser a good part of a second.
        Some(text) => Some(off_thread(move || Filter::parse(&text, is_json, filter_lat_first)).await??),
        None => None,
    };
    let page = Page {
        bbox: asked.take("bbox").map(|b| ogc::items::bbox(&b, bbox_lat_first)).transpose()?,
        filter,
        datetime: asked.take("datetime"),
        properties: asked.take("properties").map(|p| p.split(',').map(|n| n.trim().to_owned()).collect()),
        sortby: asked.take("sortby"),
        after: asked.take("after"),
        before: asked.take("before"),
        limit: spatial::limit(limit, USUAL)?,
        lat_first: crs > 0,
        equal: asked.rest(),
    };
    Ok((page, crs))
}

fn bad_limit(text: &str) -> Problem {
    Problem::bad_field(
        "limit",
        format!("limit = {text} 应为正整数。"),
        format!("limit = {text} must be a positive whole number."),
    )
}

/// Features of a collection.
#[utoipa::path(get, path = "/ogc/collections/{collectionId}/items", operation_id = "getItems", tag = "ogc",
    params(("collectionId" = String, Path, description = "A layer's name"), ItemsParameters, super::asked::Form),
    responses((status = 200, description = "A page of features", content((Value = "application/geo+json"), (String = "text/html"))),
        (status = 400, description = "A parameter at fault", body = ProblemBody), (status = 404, description = "No such collection", body = ProblemBody)))]
pub async fn items(
    State(yitu): State<Yitu>,
    asker: Asker,
    Path(name): Path<String>,
    mut asked: Asked,
) -> Answer<Response> {
    let layer = ogc::collection(&name)?;
    let (page, crs) = question(&mut asked).await?;
    let worker = yitu.clone();
    let found = off_thread(move || ogc::items(&worker, &asker.0, layer, &page)).await??;
    let kind = if asked.html { HTML } else { GEOJSON };
    let mut links = asked.own_links(GEOJSON);
    links.push(link("collection", JSON, format!("{}/collections/{layer}", asked.base)));
    if let Some(before) = &found.prev {
        links.push(link("prev", kind, asked.address(&[("after", None), ("before", Some(before))])));
    }
    if let Some(after) = &found.next {
        links.push(link("next", kind, asked.address(&[("before", None), ("after", Some(after))])));
    }
    let body = json!({"type": "FeatureCollection", "numberMatched": found.matched, "numberReturned": found.features.len(),
        "timeStamp": yitu.clock.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true), "links": links, "features": found.features});
    Ok(in_crs(asked.answer(&body, GEOJSON), crs))
}

/// One feature with all its attributes.
#[utoipa::path(get, path = "/ogc/collections/{collectionId}/items/{featureId}", operation_id = "getItem", tag = "ogc",
    params(("collectionId" = String, Path, description = "A layer's name"), ("featureId" = i64, Path, description = "A feature's id"),
        ("crs" = Option<String>, Query, description = "The system of the answer, a URI"), super::asked::Form),
    responses((status = 200, description = "The feature; its ETag is what If-Match takes", content((Value = "application/geo+json"), (String = "text/html"))),
        (status = 304, description = "As the asker has it"), (status = 400, description = "A parameter at fault", body = ProblemBody),
        (status = 404, description = "None for this asker", body = ProblemBody)))]
pub async fn item(
    State(yitu): State<Yitu>,
    asker: Asker,
    Path((name, id)): Path<(String, String)>,
    mut asked: Asked,
    headers: HeaderMap,
) -> Answer<Response> {
    let (layer, id) = item_named(&name, &id)?;
    let crs = crs_number("crs", asked.take("crs").as_deref())?;
    asked.nothing_else(&["crs"])?;
    let item = ogc::item(&yitu, &asker.0, layer, id).await?;
    let tag = tag(&item.tag, crs, &asked);
    if is_known(&headers, &tag) {
        return Ok(tagged(for_asker(StatusCode::NOT_MODIFIED.into_response()), &tag));
    }
    let mut links = asked.own_links(GEOJSON);
    links.push(link("collection", JSON, format!("{}/collections/{layer}", asked.base)));
    let mut body = item.in_order(crs > 0);
    body["links"] = links.into();
    Ok(tagged(in_crs(asked.answer(&body, GEOJSON), crs), &tag))
}

/// A collection and the id of an item in it.
pub fn item_named(collection: &str, id: &str) -> Result<(Layer, FeatureId), Failure> {
    let layer = ogc::collection(collection)?;
    let number = id.parse().map_err(|_| Problem::not_found((layer.title(), layer.name()), id))?;
    Ok((layer, number))
}

/// A strong tag names the bytes sent, so each form of an answer has its own; `If-Match` reads its heart alone.
pub fn tag(heart: &str, crs: usize, asked: &Asked) -> String {
    let axes = ["", "-4490", "-4326"][crs];
    let form = match (asked.html, asked.chinese) {
        (false, _) => "",
        (true, true) => "-html-zh",
        (true, false) => "-html-en",
    };
    format!("\"{heart}{axes}{form}\"")
}

pub fn tagged(mut response: Response, tag: &str) -> Response {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Says which system the coordinates are in (Part 2, requirement 16).
pub fn in_crs(mut response: Response, crs: usize) -> Response {
    if let Ok(value) = HeaderValue::from_str(&format!("<{}>", CRS[crs])) {
        response.headers_mut().insert("content-crs", value);
    }
    response
}
