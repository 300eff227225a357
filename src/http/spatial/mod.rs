//! Questions of where.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use geojson::GeometryValue;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::gate::Caller;
use super::{Answer, Failure, extract};
use crate::domain::{FeatureId, Problem};
use crate::geo::{Crs, Geometry};
use crate::service::spatial::place::Place;
use crate::service::spatial::{self, search::Question};
use crate::service::{Yitu, off_thread};

use extract::{Asker, Query};

/// The largest number of features one answer lists.
const MOST: usize = 1000;

/// `/api/locate`, `/api/near`, `/api/within`, `/api/search`, `/api/summary`, `/api/coverage`, `/api/categories`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new()
        .routes(routes!(locate))
        .routes(routes!(near))
        .routes(routes!(within, within_area))
        .routes(routes!(search))
        .routes(routes!(summary))
        .routes(routes!(coverage))
        .routes(routes!(categories))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct LocateQuery {
    /// Degrees east.
    lon: f64,
    /// Degrees north.
    lat: f64,
    /// The system lon and lat are in.
    #[serde(default)]
    crs: Crs,
    /// The radius that holds the true position with 68 %, metres; grids then come with probabilities.
    accuracy_m: Option<f64>,
    /// The grid and group of this day; today's if left out.
    as_of: Option<chrono::NaiveDate>,
    /// The grid and group as known at this instant; now if left out.
    known: Option<chrono::DateTime<chrono::Utc>>,
}

/// A point's grid, village, township and who answers for it.
#[utoipa::path(get, path = "/api/locate", tag = "spatial", params(LocateQuery),
    responses((status = 200, description = "What is there", body = Place), (status = 422, description = "Outside the county")))]
async fn locate(State(yitu): State<Yitu>, asker: Asker, Query(q): Query<LocateQuery>) -> Answer<Response> {
    if q.accuracy_m.is_some_and(|a| !a.is_finite() || a < 0.0) {
        return Err(not_positive("accuracy_m").into());
    }
    let at = spatial::position(q.lon, q.lat, q.crs)?;
    let then = spatial::look_back::AsOf { day: q.as_of, known: q.known };
    Ok(super::json(&spatial::locate::locate(&yitu, &asker.0, at, q.accuracy_m, then).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct NearQuery {
    /// Degrees east.
    lon: f64,
    /// Degrees north.
    lat: f64,
    /// The system lon and lat are in.
    #[serde(default)]
    crs: Crs,
    /// A layer's name.
    kind: String,
    /// Metres.
    radius_m: Option<f64>,
    /// At most so many.
    limit: Option<usize>,
}

/// The nearest features of a layer.
#[utoipa::path(get, path = "/api/near", tag = "spatial", params(NearQuery), responses((status = 200, description = "Nearest first")))]
async fn near(State(yitu): State<Yitu>, asker: Asker, Query(q): Query<NearQuery>) -> Answer<Json<Value>> {
    let radius = q.radius_m.unwrap_or(5000.0);
    if !(radius > 0.0 && radius <= 200_000.0) {
        return Err(not_positive("radius_m").into());
    }
    let layer = spatial::layer_named("kind", &q.kind)?;
    let at = spatial::position(q.lon, q.lat, q.crs)?;
    let results = spatial::near::nearest(&yitu, &asker.0, layer, at, radius, limit(q.limit, 20)?);
    Ok(Json(serde_json::json!({"results": results})))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct WithinQuery {
    /// A region's id.
    region: Option<FeatureId>,
    /// A layer's name.
    kind: String,
    /// At most so many features are listed; all are counted.
    limit: Option<usize>,
}

/// Features of a layer that meet a region.
#[utoipa::path(get, path = "/api/within", tag = "spatial", params(WithinQuery), responses((status = 200, description = "Counted by tag"),
    (status = 404, description = "No such region")))]
async fn within(State(yitu): State<Yitu>, asker: Asker, Query(q): Query<WithinQuery>) -> Answer<Json<Value>> {
    let layer = spatial::layer_named("kind", &q.kind)?;
    let Some(id) = q.region else {
        return Err(Problem::bad_field(
            "region",
            "缺少 region(辖区编号);要按任意范围查,请 POST 一个多边形。",
            "region, an id, is missing; to ask by any area, POST a polygon.",
        )
        .into());
    };
    let region = spatial::region(&yitu, id)?;
    let area = region.geometry.as_ref().ok_or_else(|| {
        Problem::bad_field("region", format!("辖区 {id} 还没有界线。"), format!("Region {id} has no boundary yet."))
    })?;
    Ok(Json(spatial::within::within(&yitu, &asker.0, layer, area.clone(), limit(q.limit, 100)?).await?))
}

/// Features of a layer that meet a GeoJSON polygon.
#[utoipa::path(post, path = "/api/within", tag = "spatial", params(WithinQuery), responses((status = 200, description = "Counted by tag"),
    (status = 404, description = "No such region")))]
async fn within_area(
    State(yitu): State<Yitu>,
    asker: Asker,
    Query(q): Query<WithinQuery>,
    extract::Json(body): extract::Json<Value>,
) -> Answer<Json<Value>> {
    let layer = spatial::layer_named("kind", &q.kind)?;
    let turn = yitu.indexes.long_question().await;
    let area = off_thread(move || (polygon(body), turn).0).await??;
    Ok(Json(spatial::within::within(&yitu, &asker.0, layer, area, limit(q.limit, 100)?).await?))
}

/// Corners an area may have: each of its sides is compared with every other.
const MOST_CORNERS: usize = 10_000;

/// The area a GeoJSON body draws.
///
/// # Errors
/// A problem that says what is wrong with it.
pub fn polygon(body: Value) -> Result<Geometry, Failure> {
    use geo::{CoordsIter, Validation};
    let bad = |why: String| {
        Problem::bad_field(
            "",
            format!("请求体应为 GeoJSON 多边形(Polygon 或 MultiPolygon):{why}"),
            format!("The body must be a GeoJSON Polygon or MultiPolygon: {why}"),
        )
    };
    let body = if body["type"] == "Feature" { body["geometry"].clone() } else { body };
    let read: geojson::Geometry = serde_json::from_value(body).map_err(|e| bad(e.to_string()))?;
    let rings: Vec<_> = match &read.value {
        GeometryValue::Polygon { coordinates } => coordinates.iter().collect(),
        GeometryValue::MultiPolygon { coordinates } => coordinates.iter().flatten().collect(),
        _ => return Err(bad("type".to_owned()).into()),
    };
    let corners: usize = rings.iter().map(|ring| ring.len()).sum();
    if corners > MOST_CORNERS {
        let mut problem = bad(format!("共 {corners} 个顶点,最多 {MOST_CORNERS} 个,请简化边界"));
        problem.detail.en = format!("The area has {corners} corners; simplify it to {MOST_CORNERS} at most.");
        return Err(problem.into());
    }
    // The conversion takes two numbers for granted.
    if rings.into_iter().flatten().any(|position| position.as_slice().len() < 2) {
        return Err(bad("coordinates".to_owned()).into());
    }
    let area = Geometry::try_from(read).map_err(|e| bad(e.to_string()))?;
    for c in area.coords_iter() {
        spatial::position(c.x, c.y, Crs::default())?;
    }
    if let Err(fault) = area.check_validation() {
        let crosses = fault.to_string().contains("self-intersection");
        let mut problem = bad(if crosses { "边界自相交".to_owned() } else { fault.to_string() });
        problem.detail.en = format!("The area is not valid: {fault}.");
        return Err(problem.into());
    }
    Ok(area)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct SearchQuery {
    /// A name, part of an address, a number or code, pinyin or its initials, the end of a phone number.
    q: String,
    /// Only within this region.
    region: Option<FeatureId>,
    /// Only of this layer.
    kind: Option<String>,
    /// At most so many.
    limit: Option<usize>,
}

/// Things by what people call them, best first.
#[utoipa::path(get, path = "/api/search", tag = "spatial", params(SearchQuery), responses((status = 200, description = "Best first"),
    (status = 404, description = "No such region")))]
async fn search(State(yitu): State<Yitu>, caller: Caller, Query(q): Query<SearchQuery>) -> Answer<Json<Value>> {
    let kind = q.kind.as_deref().filter(|k| !k.is_empty()).map(|k| spatial::layer_named("kind", k)).transpose()?;
    let question = Question { q: q.q, region: q.region, kind, limit: limit(q.limit, 20)? };
    Ok(Json(spatial::search::search(&yitu, &caller.doer(), question).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct SummaryQuery {
    /// A region's id; the county when absent.
    region: Option<FeatureId>,
}

/// A region's figures and its children's.
#[utoipa::path(get, path = "/api/summary", tag = "spatial", params(SummaryQuery), responses((status = 200, description = "Figures"),
    (status = 404, description = "No such region")))]
async fn summary(State(yitu): State<Yitu>, asker: Asker, Query(q): Query<SummaryQuery>) -> Answer<Json<Value>> {
    Ok(Json(spatial::summary::summary(&yitu, &asker.0, q.region).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct CoverageQuery {
    /// A venue kind, such as clinic.
    venue_kind: String,
    /// A region's id; the county when absent.
    region: Option<FeatureId>,
    /// As the crow flies, metres.
    max_m: Option<f64>,
}

/// Households within and beyond reach of a kind of venue.
#[utoipa::path(get, path = "/api/coverage", tag = "spatial", params(CoverageQuery), responses((status = 200, description = "By village and grid"),
    (status = 404, description = "No such region")))]
async fn coverage(State(yitu): State<Yitu>, asker: Asker, Query(q): Query<CoverageQuery>) -> Answer<Json<Value>> {
    let max_m = q.max_m.unwrap_or(1000.0);
    if !(max_m > 0.0 && max_m <= 100_000.0) {
        return Err(not_positive("max_m").into());
    }
    Ok(Json(spatial::coverage::coverage(&yitu, &asker.0, q.venue_kind, q.region, max_m).await?))
}

/// The categories of matters in force.
#[utoipa::path(get, path = "/api/categories", tag = "spatial", responses((status = 200, description = "By code")))]
async fn categories(State(yitu): State<Yitu>, asker: Asker) -> Answer<Json<Value>> {
    Ok(Json(spatial::categories(&yitu, &asker.0).await?))
}

/// The limit asked for, or the usual one.
pub(super) fn limit(asked: Option<usize>, usual: usize) -> Result<usize, Problem> {
    match asked.unwrap_or(usual) {
        0 => Err(Problem::bad_field("limit", format!("limit 应为 1 至 {MOST}。"), format!("limit takes 1 to {MOST}."))),
        n => Ok(n.min(MOST)),
    }
}

fn not_positive(parameter: &str) -> Problem {
    Problem::bad_field(
        parameter,
        format!("{parameter} 应为合理范围内的正数,单位米。"),
        format!("{parameter} must be a positive number of metres within reason."),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::polygon;

    #[test]
    fn a_position_without_numbers_is_refused() {
        let area = |ring| polygon(json!({"type": "Polygon", "coordinates": [ring]}));
        assert!(area(json!([[117, 25], [118, 25], [118, 26], [117, 25]])).is_ok());
        assert!(area(json!([[117, 25], [], [118, 26], [117, 25]])).is_err());
        assert!(area(json!([[117, 25], [118], [118, 26], [117, 25]])).is_err());
        assert!(polygon(json!({"type": "MultiPolygon", "coordinates": [[[[]]]]})).is_err());
    }
}
