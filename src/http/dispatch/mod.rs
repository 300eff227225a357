//! `/api/dispatch`.

mod preview;
mod rules;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::service::Yitu;

/// `/api/dispatch…`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new()
        .routes(routes!(preview::preview))
        .routes(routes!(rules::show, rules::publish))
        .routes(routes!(rules::versions))
        .routes(routes!(rules::show_sheet))
        .routes(routes!(rules::preview))
}
