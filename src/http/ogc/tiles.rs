//! OGC API Tiles: the tiles of `/tiles/…` under a collection, and the tile matrix set they lie in.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{JSON, Plain, link};
use super::{CRS84, schemas};
use crate::domain::{Layer, Problem};
use crate::geo::TileId;
use crate::http::extract::{Asker, Query};
use crate::http::problem::ProblemBody;
use crate::http::tile::{Wanted, tile};
use crate::http::{Answer, Failure};
use crate::service::ogc;
use crate::service::tile::layers;
use crate::service::{ServiceError, Yitu};
use crate::tiles::TileConfig;
use crate::tiles::clip::BUFFER;
use crate::tiles::encode::EXTENT;

/// The relation of a collection to its tilesets of vector tiles.
pub const TILESETS: &str = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector";
const SCHEME: &str = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme";
const MVT: &str = "application/vnd.mapbox-vector-tile";
const QUAD: &str = "WebMercatorQuad";
const QUAD_TITLE: &str = "Google Maps Compatible for the World";
const QUAD_URI: &str = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad";
const WEB_MERCATOR: &str = "http://www.opengis.net/def/crs/EPSG/0/3857";
/// The deepest matrix of the registered definition.
const DEEPEST: u8 = 24;

/// The routes of tiles.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new()
        .routes(routes!(tilesets))
        .routes(routes!(tileset))
        .routes(routes!(collection_tile))
        .routes(routes!(matrix_sets))
        .routes(routes!(matrix_set))
}

/// A collection's tilesets.
#[utoipa::path(get, path = "/ogc/collections/{collectionId}/tiles", operation_id = ".collection.vector.getTileSetsList", tag = "ogc",
    params(("collectionId" = String, Path, description = "A layer's name"), super::asked::Form),
    responses((status = 200, description = "The tilesets", content((Value = "application/json"), (String = "text/html"))),
        (status = 404, description = "No such collection, or one without tiles", body = ProblemBody)))]
async fn tilesets(
    State(yitu): State<Yitu>,
    _asker: Asker,
    Path(name): Path<String>,
    Plain(asked): Plain,
) -> Answer<Response> {
    let (layer, _) = tiled(&yitu, &name)?;
    let here = format!("{}/collections/{layer}", asked.base);
    let mut links = asked.own_links(JSON);
    links.push(link("collection", JSON, here.clone()));
    let mut tileset = head(layer);
    tileset["links"] = json!([
        link("self", JSON, format!("{here}/tiles/{QUAD}")),
        link(SCHEME, JSON, format!("{}/tileMatrixSets/{QUAD}", asked.base)),
        tiles_link(&here),
    ]);
    Ok(asked.answer(&json!({"title": layer.title(), "links": links, "tilesets": [tileset]}), JSON))
}

/// A collection's tileset.
#[utoipa::path(get, path = "/ogc/collections/{collectionId}/tiles/{tileMatrixSetId}", operation_id = ".collection.vector.getTileSet", tag = "ogc",
    params(("collectionId" = String, Path, description = "A layer's name"), ("tileMatrixSetId" = String, Path, description = "WebMercatorQuad"), super::asked::Form),
    responses((status = 200, description = "Its metadata", content((Value = "application/json"), (String = "text/html"))),
        (status = 404, description = "No such tileset", body = ProblemBody)))]
async fn tileset(
    State(yitu): State<Yitu>,
    _asker: Asker,
    Path((name, set)): Path<(String, String)>,
    Plain(asked): Plain,
) -> Answer<Response> {
    let (layer, config) = tiled(&yitu, &name)?;
    known_set(&set)?;
    let here = format!("{}/collections/{layer}", asked.base);
    let mut links = asked.own_links(JSON);
    links.extend([
        link(SCHEME, JSON, format!("{}/tileMatrixSets/{QUAD}", asked.base)),
        tiles_link(&here),
        link("http://www.opengis.net/def/rel/ogc/1.0/geodata", JSON, here),
    ]);
    let mut body = head(layer);
    if let Some([west, south, east, north]) = ogc::extent(&yitu, layer) {
        body["boundingBox"] = json!({"lowerLeft": [west, south], "upperRight": [east, north], "crs": CRS84});
        let zooms = config.minzoom..=config.maxzoom;
        body["tileMatrixSetLimits"] = zooms.map(|z| limits(z, [west, south, east, north])).collect();
    }
    let mut properties = schemas::described(&yitu, layer, |_| true);
    properties.retain(|name, _| config.attributes.contains(name));
    body["layers"] = json!([{
        "id": layer.name(), "title": layer.title(), "dataType": "vector",
        "geometryDimension": match config.geometry.as_str() { "point" => 0, "line" => 1, _ => 2 },
        "minTileMatrix": config.minzoom.to_string(), "maxTileMatrix": config.maxzoom.to_string(),
        "propertiesSchema": {"type": "object", "properties": properties},
    }]);
    body["links"] = links.into();
    Ok(asked.answer(&body, JSON))
}

/// One tile of a collection: the row comes before the column here. The bytes are those of /tiles.
#[utoipa::path(get, path = "/ogc/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}", operation_id = ".collection.vector.getTile", tag = "ogc",
    params(("collectionId" = String, Path, description = "A layer's name"), ("tileMatrixSetId" = String, Path, description = "WebMercatorQuad"),
        ("tileMatrix" = String, Path, description = "Zoom"), ("tileRow" = u32, Path, description = "Row from the north"), ("tileCol" = u32, Path, description = "Column from the west"),
        TileQuestion),
    responses((status = 200, description = "Mapbox Vector Tile 2.1", body = Vec<u8>, content_type = "application/vnd.mapbox-vector-tile"), (status = 204, description = "Empty"),
        (status = 304, description = "As the asker has it"), (status = 404, description = "Outside the grid, or no such collection", body = ProblemBody)))]
async fn collection_tile(
    yitu: State<Yitu>,
    asker: Asker,
    Path((name, set, z, row, col)): Path<(String, String, String, String, String)>,
    Query(asked): Query<TileQuestion>,
    headers: HeaderMap,
) -> Answer<Response> {
    let (layer, _) = tiled(&yitu, &name)?;
    known_set(&set)?;
    if let Some(other) = asked.f.as_deref().filter(|f| *f != "mvt") {
        return Err(super::asked::choice("f", other, "mvt").into());
    }
    let TileQuestion { min_seq, filter, properties, .. } = asked;
    let wanted = Wanted { min_seq, filter, properties };
    tile(yitu, asker, Path((layer.name().to_owned(), z, col, row)), Query(wanted), headers).await
}

#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TileQuestion {
    /// `seq` of a write that must be in the tile.
    min_seq: Option<String>,
    /// Only features it is true of; CQL2 text over the layer's properties.
    filter: Option<String>,
    /// Comma list: only these properties.
    properties: Option<String>,
    /// The tile's form: mvt.
    f: Option<String>,
}

/// The tile matrix sets there are.
#[utoipa::path(get, path = "/ogc/tileMatrixSets", operation_id = "getTileMatrixSetsList", tag = "ogc", params(super::asked::Form),
    responses((status = 200, description = "The tile matrix sets", content((Value = "application/json"), (String = "text/html")))))]
async fn matrix_sets(_asker: Asker, Plain(asked): Plain) -> Response {
    let links = [link("self", JSON, format!("{}/tileMatrixSets/{QUAD}", asked.base))];
    let set = json!({"id": QUAD, "title": QUAD_TITLE, "uri": QUAD_URI, "crs": WEB_MERCATOR, "links": links});
    asked.answer(&json!({"links": asked.own_links(JSON), "tileMatrixSets": [set]}), JSON)
}

/// The tile matrix set the tiles lie in (Two Dimensional Tile Matrix Set 2.0, annex D.1).
#[utoipa::path(get, path = "/ogc/tileMatrixSets/{tileMatrixSetId}", operation_id = "getTileMatrixSet", tag = "ogc",
    params(("tileMatrixSetId" = String, Path, description = "WebMercatorQuad"), super::asked::Form),
    responses((status = 200, description = "The definition", content((Value = "application/json"), (String = "text/html"))),
        (status = 404, description = "No such set", body = ProblemBody)))]
async fn matrix_set(_asker: Asker, Path(set): Path<String>, Plain(asked): Plain) -> Answer<Response> {
    known_set(&set)?;
    let body = json!({
        "id": QUAD, "title": QUAD_TITLE, "uri": QUAD_URI, "crs": WEB_MERCATOR, "orderedAxes": ["X", "Y"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": (0..=DEEPEST).map(matrix).collect::<Vec<_>>(), "links": asked.own_links(JSON),
    });
    Ok(asked.answer(&body, JSON))
}

/// One matrix: metres of EPSG:3857, tiles of 256 pixels of 0.28 mm.
fn matrix(z: u8) -> Value {
    // Half the equator of the sphere of radius 6 378 137 m; what a pixel of the world's tile covers; its scale.
    const EDGE: f64 = 20_037_508.342_789_2;
    const CELL: f64 = 156_543.033_928_041;
    const SCALE: f64 = 559_082_264.028_717;
    let n = f64::from(1_u32 << z);
    json!({
        "id": z.to_string(), "scaleDenominator": SCALE / n, "cellSize": CELL / n, "cornerOfOrigin": "topLeft",
        "pointOfOrigin": [-EDGE, EDGE], "tileWidth": 256, "tileHeight": 256,
        "matrixWidth": 1_u32 << z, "matrixHeight": 1_u32 << z,
    })
}

/// A collection with tiles.
fn tiled(yitu: &Yitu, name: &str) -> Result<(Layer, Arc<TileConfig>), ServiceError> {
    let layer = ogc::collection(name)?;
    // Names those that have tiles where this one has none.
    let configs = yitu.tiles.layers.configs();
    layers(&configs, layer.name())?;
    let config = configs.get(layer).cloned();
    config.map(|c| (layer, c)).ok_or_else(|| Problem::not_found(("瓦片", "tileset"), name).into())
}

fn known_set(name: &str) -> Result<(), Failure> {
    if name == QUAD {
        return Ok(());
    }
    Err(Problem::not_found(("瓦片矩阵集", "tile matrix set"), name).with_extra("tileMatrixSets", QUAD).into())
}

/// What the list and the metadata both say of a tileset.
fn head(layer: Layer) -> Value {
    json!({"title": layer.title(), "dataType": "vector", "crs": WEB_MERCATOR, "tileMatrixSetURI": QUAD_URI})
}

fn tiles_link(collection: &str) -> Value {
    let mut link = link("item", MVT, format!("{collection}/tiles/{QUAD}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}"));
    link["templated"] = true.into();
    link
}

/// The tiles of a zoom that can hold anything of a box, those included that only show what lies beside them.
fn limits(z: u8, [west, south, east, north]: [f64; 4]) -> Value {
    let margin = f64::from(BUFFER) / f64::from(EXTENT) * 360.0 / f64::from(1_u32 << z);
    let first = TileId::containing(z, west - margin, north + margin);
    let last = TileId::containing(z, east + margin, south - margin);
    json!({"tileMatrix": z.to_string(), "minTileRow": first.y(), "maxTileRow": last.y(), "minTileCol": first.x(), "maxTileCol": last.x()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrices_are_those_of_the_registry() {
        // From the standard's table: zooms 0, 10 and 24.
        for (z, scale, cell) in [
            (0, 559_082_264.028_717, 156_543.033_928_041),
            (10, 545_978.773_465_544, 152.874_056_570_353),
            (24, 33.323_899_747_652_8, 0.009_330_691_929_342_8),
        ] {
            let matrix = matrix(z);
            let near = |name: &str, told: f64| (matrix[name].as_f64().expect("a number") / told - 1.0).abs() < 1e-10;
            assert!(near("scaleDenominator", scale) && near("cellSize", cell), "{matrix}");
        }
    }
}
