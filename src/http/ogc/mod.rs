//! OGC API Features: Part 1 (core, GeoJSON), Part 2 (CRS84, EPSG:4490, EPSG:4326), Part 3 (CQL2 filters),
//! Part 4 (editing under `If-Match`).

mod edit;
mod schemas;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Asker, Query};
use super::{Answer, Failure, spatial};
use crate::domain::{FeatureId, Layer, Problem};
use crate::service::Yitu;
use crate::service::ogc::{self, Filter, Page};

const CRS84: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";
/// The coordinate systems served; in all but the first, latitude comes first.
const CRS: [&str; 3] =
    [CRS84, "http://www.opengis.net/def/crs/EPSG/0/4490", "http://www.opengis.net/def/crs/EPSG/0/4326"];
const CONFORMANCE: [&str; 20] = [
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/create-replace-delete",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/update",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/features",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/optimistic-locking-etags",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/case-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions-plus",
    "http://www.opengis.net/spec/cql2/1.0/conf/spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/arithmetic",
];

/// `/ogc/…`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new()
        .routes(routes!(landing))
        .routes(routes!(conformance))
        .routes(routes!(collections))
        .routes(routes!(collection))
        .routes(routes!(schemas::queryables))
        .routes(routes!(schemas::sortables))
        .routes(routes!(items, edit::create, edit::collection_options))
        .routes(routes!(item, edit::replace, edit::patch, edit::remove, edit::item_options))
        .layer(DefaultBodyLimit::max(super::BODY_LIMIT_BYTES))
}

/// Where this server is, as the asker calls it.
fn base(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let host = text("x-forwarded-host").or_else(|| text("host")).unwrap_or("localhost");
    format!("{}://{host}/ogc", text("x-forwarded-proto").unwrap_or("http"))
}

fn link(rel: &str, kind: &str, href: impl Into<String>) -> Value {
    json!({"rel": rel, "type": kind, "href": href.into()})
}

/// The landing page.
#[utoipa::path(get, path = "/ogc", tag = "ogc", responses((status = 200, description = "Links")))]
async fn landing(headers: HeaderMap) -> axum::Json<Value> {
    let base = base(&headers);
    let root = base.trim_end_matches("/ogc");
    axum::Json(json!({"title": "一图统揽", "description": "县域网格一张图", "links": [
        link("self", "application/json", base.clone()),
        link("service-desc", "application/vnd.oai.openapi+json;version=3.1", format!("{root}/api/openapi.json")),
        link("conformance", "application/json", format!("{base}/conformance")),
        link("data", "application/json", format!("{base}/collections")),
    ]}))
}

/// What is conformed to.
#[utoipa::path(get, path = "/ogc/conformance", tag = "ogc", responses((status = 200, description = "Conformance classes")))]
async fn conformance() -> axum::Json<Value> {
    axum::Json(json!({"conformsTo": CONFORMANCE}))
}

fn described(yitu: &Yitu, layer: Layer, base: &str) -> Value {
    let here = format!("{base}/collections/{layer}");
    let mut about = json!({"id": layer.name(), "title": layer.title(), "itemType": "feature", "crs": CRS, "storageCrs": CRS[1],
        "links": [link("self", "application/json", here.clone()), link("items", "application/geo+json", format!("{here}/items")),
            link("http://www.opengis.net/def/rel/ogc/1.0/queryables", "application/schema+json", format!("{here}/queryables")),
            link("http://www.opengis.net/def/rel/ogc/1.0/sortables", "application/schema+json", format!("{here}/sortables"))]});
    if let Some(extent) = ogc::extent(yitu, layer) {
        about["extent"] = json!({"spatial": {"bbox": [extent], "crs": CRS84}});
    }
    about
}

/// All collections.
#[utoipa::path(get, path = "/ogc/collections", tag = "ogc", responses((status = 200, description = "Collections")))]
async fn collections(State(yitu): State<Yitu>, _asker: Asker, headers: HeaderMap) -> axum::Json<Value> {
    let base = base(&headers);
    let all: Vec<Value> = Layer::ALL.iter().map(|l| described(&yitu, *l, &base)).collect();
    axum::Json(
        json!({"crs": CRS, "collections": all, "links": [link("self", "application/json", format!("{base}/collections"))]}),
    )
}

/// One collection.
#[utoipa::path(get, path = "/ogc/collections/{collection}", tag = "ogc", params(("collection" = String, Path, description = "A layer's name")),
    responses((status = 200, description = "The collection")))]
async fn collection(
    State(yitu): State<Yitu>,
    _asker: Asker,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Answer<axum::Json<Value>> {
    Ok(axum::Json(described(&yitu, ogc::collection(&name)?, &base(&headers))))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case")]
struct ItemsQuery {
    /// west,south,east,north
    bbox: Option<String>,
    /// The system of bbox, a URI.
    bbox_crs: Option<String>,
    /// The system of the answer, a URI.
    crs: Option<String>,
    /// At most so many.
    limit: Option<usize>,
    /// Where the page begins, as a next link says it.
    after: Option<String>,
    /// An instant, a day, or two with / between.
    datetime: Option<String>,
    /// Names with commas between, - before those that descend.
    sortby: Option<String>,
    /// CQL2.
    filter: Option<String>,
    /// cql2-text or cql2-json.
    filter_lang: Option<String>,
    /// The system of the shapes in filter, a URI.
    filter_crs: Option<String>,
    /// Names, with commas between.
    properties: Option<String>,
    /// The answer's form: json.
    f: Option<String>,
}

/// The number of a served coordinate system.
fn crs_number(parameter: &str, uri: Option<&str>) -> Result<usize, Problem> {
    let Some(uri) = uri else { return Ok(0) };
    CRS.iter().position(|c| *c == uri.trim_matches(['<', '>'])).ok_or_else(|| {
        let all = CRS.join("、");
        Problem::bad_field(
            parameter,
            format!("不支持坐标系 {uri},可用:{all}。"),
            format!("{uri} is not served; there are {all}."),
        )
    })
}

/// Features of a collection.
#[utoipa::path(get, path = "/ogc/collections/{collection}/items", tag = "ogc",
    params(("collection" = String, Path, description = "A layer's name"), ItemsQuery),
    responses((status = 200, description = "GeoJSON")))]
async fn items(
    State(yitu): State<Yitu>,
    _asker: Asker,
    Path(name): Path<String>,
    headers: HeaderMap,
    Query(q): Query<ItemsQuery>,
) -> Answer<Response> {
    let layer = ogc::collection(&name)?;
    let crs = crs_number("crs", q.crs.as_deref())?;
    let bbox_lat_first = crs_number("bbox-crs", q.bbox_crs.as_deref())? > 0;
    let filter_lat_first = crs_number("filter-crs", q.filter_crs.as_deref())? > 0;
    let is_json = match q.filter_lang.as_deref() {
        None | Some("cql2-text") => false,
        Some("cql2-json") => true,
        Some(other) => return Err(choice("filter-lang", other, "cql2-text、cql2-json").into()),
    };
    if let Some(other) = q.f.as_deref().filter(|f| !matches!(*f, "json" | "geojson")) {
        return Err(choice("f", other, "json").into());
    }
    let page = Page {
        bbox: q.bbox.as_deref().map(|b| ogc::items::bbox(b, bbox_lat_first)).transpose()?,
        filter: q.filter.as_deref().map(|f| Filter::parse(f, is_json, filter_lat_first)).transpose()?,
        datetime: q.datetime.clone(),
        equal: Vec::new(),
        sortby: q.sortby.clone(),
        properties: q.properties.as_ref().map(|p| p.split(',').map(|n| n.trim().to_owned()).collect()),
        after: q.after.clone(),
        limit: spatial::limit(q.limit, 100)?,
        lat_first: crs > 0,
    };
    let worker = yitu.clone();
    let found = tokio::task::spawn_blocking(move || (ogc::items(&worker, layer, &page), page.limit)).await;
    let (found, limit) = found.map_err(|e| crate::service::ServiceError::Internal(e.to_string()))?;
    let found = found?;
    let here = format!("{}/collections/{layer}", base(&headers));
    let mut links = vec![
        link("self", "application/geo+json", format!("{here}/items")),
        link("collection", "application/json", here.clone()),
    ];
    if let Some(after) = found.next {
        links.push(link("next", "application/geo+json", next(&here, &q, limit, &after)));
    }
    let body = json!({"type": "FeatureCollection", "numberMatched": found.matched, "numberReturned": found.features.len(),
        "timeStamp": yitu.clock.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true), "features": found.features, "links": links});
    Ok(geojson(&body, crs))
}

/// The same question after an id.
fn next(here: &str, q: &ItemsQuery, limit: usize, after: &str) -> String {
    let mut query = format!("limit={limit}&after={}", escaped(after));
    let kept = [
        ("bbox", &q.bbox),
        ("bbox-crs", &q.bbox_crs),
        ("crs", &q.crs),
        ("filter", &q.filter),
        ("filter-lang", &q.filter_lang),
        ("filter-crs", &q.filter_crs),
        ("datetime", &q.datetime),
        ("sortby", &q.sortby),
        ("properties", &q.properties),
    ];
    for (name, value) in kept {
        if let Some(value) = value {
            query.extend(["&", name, "=", &escaped(value)]);
        }
    }
    format!("{here}/items?{query}")
}

/// Percent-encoded for a query (RFC 3986 §2).
fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~,".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn choice(parameter: &str, given: &str, all: &str) -> Problem {
    Problem::bad_field(
        parameter,
        format!("{parameter} = {given} 不支持,可用:{all}。"),
        format!("{parameter} = {given} is not served; there are {all}."),
    )
}

fn geojson(body: &Value, crs: usize) -> Response {
    let mut response = axum::Json(body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/geo+json"));
    if let Ok(value) = HeaderValue::from_str(&format!("<{}>", CRS[crs])) {
        response.headers_mut().insert("content-crs", value);
    }
    response
}

/// One feature with all its attributes.
#[utoipa::path(get, path = "/ogc/collections/{collection}/items/{id}", tag = "ogc",
    params(("collection" = String, Path, description = "A layer's name"), ("id" = i64, Path, description = "A feature's id")),
    responses((status = 200, description = "GeoJSON"), (status = 304, description = "As the asker has it"), (status = 404, description = "None for this asker")))]
async fn item(
    State(yitu): State<Yitu>,
    asker: Asker,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let (layer, id) = item_named(&name, &id)?;
    let item = ogc::item(&yitu, &asker.0, layer, id).await?;
    let tag = format!("\"{}\"", item.tag);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()).unwrap_or_default();
    // RFC 9110 §13.1.2: compared weakly.
    let is_known = known.split(',').map(|t| t.trim().trim_start_matches("W/")).any(|t| t == tag || t == "*");
    if is_known {
        return Ok(tagged(StatusCode::NOT_MODIFIED.into_response(), &tag));
    }
    let body = shown(item.feature, layer, id, &headers);
    Ok(tagged(geojson(&body, 0), &tag))
}

/// A collection and the id of an item in it.
fn item_named(collection: &str, id: &str) -> Result<(Layer, FeatureId), Failure> {
    let layer = ogc::collection(collection)?;
    let number = id.parse().map_err(|_| Problem::not_found((layer.title(), layer.name()), id))?;
    Ok((layer, number))
}

/// A feature with its links.
fn shown(mut feature: Value, layer: Layer, id: FeatureId, headers: &HeaderMap) -> Value {
    let here = format!("{}/collections/{layer}", base(headers));
    feature["links"] = json!([
        link("self", "application/geo+json", format!("{here}/items/{id}")),
        link("collection", "application/json", here)
    ]);
    feature
}

fn tagged(mut response: Response, tag: &str) -> Response {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
