//! OGC API Features: Part 1 (core, GeoJSON, HTML, OpenAPI 3.0), Part 2 (CRS84, EPSG:4490, EPSG:4326), Part 3 (CQL2
//! filters), Part 4 (editing under `If-Match`); OGC API Tiles: the same vector tiles as `/tiles/…`.

mod api;
mod asked;
mod edit;
mod items;
mod page;
mod schemas;
mod sketch;
mod tiles;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use super::extract::Asker;
use crate::domain::{Layer, Problem};
use crate::service::Yitu;
use crate::service::ogc;
use asked::{Asked, JSON, Plain, link};

const CRS84: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";
/// The coordinate systems served; in all but the first, latitude comes first.
const CRS: [&str; 3] =
    [CRS84, "http://www.opengis.net/def/crs/EPSG/0/4490", "http://www.opengis.net/def/crs/EPSG/0/4326"];
const CONFORMANCE: &[&str] = &[
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
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
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tilesets-list",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/geodata-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/mvt",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/tms/2.0/conf/tilematrixset",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilematrixset",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilematrixsetlimits",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilesetmetadata",
];

/// `/ogc/…`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new()
        .routes(routes!(landing))
        // The server of the API's own description is /ogc, and its landing page the path / there.
        .route("/ogc/", axum::routing::get(landing))
        .route("/ogc/page.css", axum::routing::get(page::style))
        .routes(routes!(conformance))
        .routes(routes!(api::definition))
        .routes(routes!(collections))
        .routes(routes!(collection))
        .routes(routes!(schemas::queryables))
        .routes(routes!(schemas::sortables))
        .routes(routes!(items::items, edit::create, edit::collection_options))
        .routes(routes!(items::item, edit::replace, edit::patch, edit::remove, edit::item_options))
        .merge(tiles::routes())
}

/// The landing page.
#[utoipa::path(get, path = "/ogc", operation_id = "getLandingPage", tag = "ogc", params(asked::Form),
    responses((status = 200, description = "Links to everything there is", content((Value = "application/json"), (String = "text/html")))))]
async fn landing(_asker: Asker, Plain(asked): Plain) -> Response {
    let base = &asked.base;
    let root = base.trim_end_matches("/ogc");
    let mut links = asked.own_links(JSON);
    links.extend([
        link("service-desc", api::OPENAPI, format!("{base}/api")),
        link("service-doc", "text/html", format!("{root}/api/docs")),
        link("conformance", JSON, format!("{base}/conformance")),
        link("http://www.opengis.net/def/rel/ogc/1.0/conformance", JSON, format!("{base}/conformance")),
        link("data", JSON, format!("{base}/collections")),
        link("http://www.opengis.net/def/rel/ogc/1.0/data", JSON, format!("{base}/collections")),
        link("http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes", JSON, format!("{base}/tileMatrixSets")),
    ]);
    asked.answer(&json!({"title": "一图统揽", "description": "县域网格一张图", "links": links}), JSON)
}

/// What is conformed to.
#[utoipa::path(get, path = "/ogc/conformance", operation_id = "getConformance", tag = "ogc", params(asked::Form),
    responses((status = 200, description = "Conformance classes", content((Value = "application/json"), (String = "text/html")))))]
async fn conformance(Plain(asked): Plain) -> Response {
    asked.answer(&json!({"conformsTo": CONFORMANCE, "links": asked.own_links(JSON)}), JSON)
}

/// A collection, with links to what it holds.
fn described(yitu: &Yitu, layer: Layer, asked: &Asked) -> Value {
    let here = format!("{}/collections/{layer}", asked.base);
    let mut links = vec![
        link("items", asked::GEOJSON, format!("{here}/items")),
        link("items", asked::HTML, format!("{here}/items?f=html")),
        link(
            "http://www.opengis.net/def/rel/ogc/1.0/queryables",
            "application/schema+json",
            format!("{here}/queryables"),
        ),
        link(
            "http://www.opengis.net/def/rel/ogc/1.0/sortables",
            "application/schema+json",
            format!("{here}/sortables"),
        ),
    ];
    if yitu.tiles.layers.configs().get(layer).is_some() {
        links.push(link(tiles::TILESETS, JSON, format!("{here}/tiles")));
    }
    let mut about = json!({"id": layer.name(), "title": layer.title(), "itemType": "feature"});
    if let Some(extent) = ogc::extent(yitu, layer) {
        about["extent"] = json!({"spatial": {"bbox": [extent], "crs": CRS84}});
    }
    about["crs"] = json!(CRS);
    about["storageCrs"] = CRS[1].into();
    about["links"] = links.into();
    about
}

/// All collections.
#[utoipa::path(get, path = "/ogc/collections", operation_id = "getCollections", tag = "ogc", params(asked::Form),
    responses((status = 200, description = "Collections", content((Value = "application/json"), (String = "text/html")))))]
async fn collections(State(yitu): State<Yitu>, _asker: Asker, Plain(asked): Plain) -> Response {
    let all = Layer::ALL.iter().map(|l| {
        let mut about = described(&yitu, *l, &asked);
        let here = format!("{}/collections/{l}", asked.base);
        about["links"].as_array_mut().into_iter().for_each(|links| links.insert(0, link("self", JSON, here.clone())));
        about
    });
    let all: Vec<Value> = all.collect();
    asked.answer(&json!({"links": asked.own_links(JSON), "crs": CRS, "collections": all}), JSON)
}

/// One collection.
#[utoipa::path(get, path = "/ogc/collections/{collectionId}", operation_id = "describeCollection", tag = "ogc",
    params(("collectionId" = String, Path, description = "A layer's name"), asked::Form),
    responses((status = 200, description = "The collection", content((Value = "application/json"), (String = "text/html"))),
        (status = 404, description = "No such collection", body = super::problem::ProblemBody)))]
async fn collection(
    State(yitu): State<Yitu>,
    _asker: Asker,
    Path(name): Path<String>,
    Plain(asked): Plain,
) -> Answer<Response> {
    let mut about = described(&yitu, ogc::collection(&name)?, &asked);
    let mut links = asked.own_links(JSON);
    links.extend(about["links"].as_array().into_iter().flatten().cloned());
    about["links"] = links.into();
    Ok(asked.answer(&about, JSON))
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
