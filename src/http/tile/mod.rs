//! Vector tiles and their descriptions.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Asker, Query};
use super::{Answer, Failure};
use crate::domain::{LogPosition, Problem, ProblemKind};
use crate::geo::TileId;
use crate::service::tile::{Asked, Encoding, Tile, elevation, layers, packed, properties, render, vector_layers};
use crate::service::{ServiceError, Yitu, county, ogc};

/// `/tiles/…`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new().routes(routes!(tile)).routes(routes!(elevation_tile)).routes(routes!(describe))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// `seq` of a write that must be in the tile.
    pub(super) min_seq: Option<String>,
    /// Only features it is true of; CQL2 text over the layer's properties.
    pub(super) filter: Option<String>,
    /// Comma list: only these properties.
    pub(super) properties: Option<String>,
}

/// One tile of one or more layers (Mapbox Vector Tile 2.1).
#[utoipa::path(get, path = "/tiles/{layers}/{z}/{x}/{y}", tag = "tiles",
    params(("layers" = String, Path, description = "Comma list"), ("z" = String, Path), ("x" = String, Path), ("y" = String, Path), Wanted),
    responses((status = 200, content_type = "application/vnd.mapbox-vector-tile"), (status = 204, description = "Empty"),
        (status = 304, description = "As the asker has it"), (status = 404, body = super::problem::ProblemBody)))]
pub(super) async fn tile(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path((list, z, x, y)): Path<(String, String, String, String)>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Answer<Response> {
    let tile = tile_id(&z, &x, &y)?;
    let configs = yitu.tiles.layers.configs();
    let layers = layers(&configs, &list)?;
    let min_seq = wanted.min_seq.as_deref().map(position).transpose()?;
    let properties = wanted.properties.map(|list| properties(&configs, &layers, &list)).transpose()?;
    let filter = wanted.filter;
    let rendered = render(&yitu, &viewer, Asked { layers, tile, min_seq, properties, filter }).await?;
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let encoding = Encoding::accepted(accepted).worth(rendered.bytes.len());
    answer(&yitu, rendered, "application/vnd.mapbox-vector-tile", encoding, &headers).await
}

/// One elevation tile for hillshade (Terrarium PNG, 256 pixels).
#[utoipa::path(get, path = "/tiles/dem/{z}/{x}/{y}", tag = "tiles",
    params(("z" = String, Path), ("x" = String, Path), ("y" = String, Path)),
    responses((status = 200, content_type = "image/png"), (status = 204, description = "No elevation there"),
        (status = 304, description = "As the asker has it"), (status = 404, body = super::problem::ProblemBody)))]
async fn elevation_tile(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path((z, x, y)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let rendered = elevation::render(&yitu, &viewer, tile_id(&z, &x, &y)?).await?;
    // A PNG is deflated already.
    answer(&yitu, rendered, "image/png", Encoding::Identity, &headers).await
}

/// A tile's bytes, or that there are none, or that the asker has them.
async fn answer(
    yitu: &Yitu,
    rendered: Tile,
    content_type: &'static str,
    encoding: Encoding,
    asked: &HeaderMap,
) -> Answer<Response> {
    if rendered.bytes.is_empty() {
        return Ok((StatusCode::NO_CONTENT, common()).into_response());
    }
    let tag = rendered.tag(encoding);
    let mut answer = common();
    let header_value = HeaderValue::from_str(&tag).map_err(|e| ServiceError::Internal(e.to_string()))?;
    answer.insert(header::ETAG, header_value);
    if super::is_known(asked, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, answer).into_response());
    }
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if encoding != Encoding::Identity {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    }
    Ok((answer, packed(yitu, &rendered, encoding).await?).into_response())
}

fn common() -> HeaderMap {
    HeaderMap::from_iter([
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        (header::VARY, HeaderValue::from_static("Accept, Accept-Encoding, Authorization, Cookie")),
    ])
}

fn tile_id(z: &str, x: &str, y: &str) -> Result<TileId, Failure> {
    let parsed = (|| TileId::new(z.parse().ok()?, x.parse().ok()?, y.parse().ok()?))();
    parsed.ok_or_else(|| {
        Problem::new(
            ProblemKind::NotFound,
            "no-such-tile",
            ("没有这块瓦片", "No such tile"),
            (
                format!("{z}/{x}/{y} 不在瓦片网格内:级别为 0 到 22,行列号从 0 到 2 的级别次方减 1。"),
                format!("{z}/{x}/{y} is outside the grid: zooms are 0 to 22, columns and rows 0 to 2^zoom − 1."),
            ),
        )
        .into()
    })
}

fn position(text: &str) -> Result<LogPosition, Problem> {
    text.parse().map_err(|_| {
        Problem::bad_field(
            "min_seq",
            format!("min_seq={text:?} 不是写入返回的 seq。"),
            format!("min_seq={text:?} is not the seq a write answered with."),
        )
    })
}

/// A layer's description (TileJSON 3.0).
#[utoipa::path(get, path = "/tiles/{document}", tag = "tiles", params(("document" = String, Path, description = "LAYER.json")),
    responses((status = 200, description = "TileJSON"), (status = 404, body = super::problem::ProblemBody)))]
async fn describe(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(document): Path<String>,
    headers: HeaderMap,
) -> Answer<axum::Json<serde_json::Value>> {
    let list = document.strip_suffix(".json").unwrap_or(&document);
    let all = yitu.tiles.layers.configs();
    let layers = layers(&all, list)?;
    let described = county::describe(&yitu, &viewer).await?;
    let configs: Vec<_> = layers.iter().filter_map(|l| all.get(*l).map(|c| (*l, c))).collect();
    let vector_layers: Vec<_> = configs
        .iter()
        .flat_map(|(layer, c)| vector_layers(&yitu, &viewer, *layer, c, (c.minzoom, c.maxzoom)))
        .collect();
    // Of the whole county: a map asks for nothing outside them, and the next feature may come anywhere.
    let bounds = layers
        .iter()
        .filter_map(|l| ogc::extent(&yitu, *l))
        .fold(described.bbox, |a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]);
    let names: Vec<_> = layers.iter().map(|l| l.name()).collect();
    Ok(axum::Json(json!({
        "tilejson": "3.0.0",
        "name": layers.iter().map(|l| l.title()).collect::<Vec<_>>().join("、"),
        "tiles": [format!("{}/tiles/{}/{{z}}/{{x}}/{{y}}", super::origin(&headers), names.join(","))],
        "minzoom": configs.iter().map(|(_, c)| c.minzoom).min(),
        "maxzoom": configs.iter().map(|(_, c)| c.maxzoom).max(),
        "bounds": bounds,
        "center": [described.center[0], described.center[1], 10.0],
        "vector_layers": vector_layers,
    })))
}
