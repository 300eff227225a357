//! The county this server is for.

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use super::extract::Asker;
use crate::service::Yitu;
use crate::service::county::{County, describe};

/// `/api/county`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new().routes(routes!(county))
}

/// The county, its layers and where the map stands.
#[utoipa::path(get, path = "/api/county", tag = "county",
    responses((status = 200, body = County), (status = 404, body = super::problem::ProblemBody)))]
async fn county(State(yitu): State<Yitu>, Asker(viewer): Asker) -> Answer<axum::Json<County>> {
    Ok(axum::Json(describe(&yitu, &viewer).await?))
}
