//! `/api/calendar`.

mod edit;
mod show;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::service::Yitu;

/// `/api/calendar…`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new()
        .routes(routes!(show::show))
        .routes(routes!(edit::set, edit::clear))
        .routes(routes!(edit::announce))
}
