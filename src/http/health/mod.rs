//! Whether the server lives and is ready.

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::service::Yitu;

/// `/health/…`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready))
}

/// The process answers.
#[utoipa::path(get, path = "/health/live", tag = "operations", responses((status = 200, description = "Alive")))]
async fn live() -> StatusCode {
    StatusCode::OK
}

/// The database answers and the atlas follows it.
#[utoipa::path(get, path = "/health/ready", tag = "operations",
    responses((status = 200, description = "Ready"), (status = 503, description = "Not yet, or the database is away")))]
async fn ready(State(yitu): State<Yitu>) -> StatusCode {
    if crate::service::health::is_ready(&yitu).await { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
