//! `/api/exchange`: hand-over with 12345 and upper platforms.

mod category;
mod find;
mod take;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::service::Yitu;

/// `/api/exchange…`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new()
        .routes(routes!(take::take))
        .routes(routes!(find::find))
        .routes(routes!(category::list, category::replace))
}
