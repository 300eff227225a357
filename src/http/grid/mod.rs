//! `/api/grids`.

mod history;
mod redraw;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::service::Yitu;

/// `/api/grids…`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new()
        .routes(routes!(redraw::redraw))
        .routes(routes!(redraw::publish))
        .routes(routes!(redraw::discard))
        .routes(routes!(history::history))
}
