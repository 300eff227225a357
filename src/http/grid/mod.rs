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

/// The id in a path; what is no number names nothing.
fn read_id(what: (&str, &str), text: &str) -> Result<i64, crate::domain::Problem> {
    text.parse().map_err(|_| crate::domain::Problem::not_found(what, text))
}
