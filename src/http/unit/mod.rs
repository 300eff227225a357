//! `GET /api/units`.

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use super::extract::{Asker, Query};
use super::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::unit::{Asked, Unit, find};

/// `/api/units`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new().routes(routes!(units))
}

/// 承办单位:转办、吹哨时从中选取。
#[utoipa::path(get, path = "/api/units", tag = "incidents", params(Asked), responses(
    (status = 200, description = "Units, the highest rung first", body = [Unit]),
    (status = 400, description = "A parameter is at fault", body = ProblemBody)))]
async fn units(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Query(asked): Query<Asked>,
) -> Answer<axum::Json<Vec<Unit>>> {
    Ok(axum::Json(find(&yitu, &viewer, &asked).await?))
}
