//! `/api/incidents`.

mod act;
mod duplicates;
mod list;
mod replay;
mod report;
mod wall;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::Problem;
use crate::service::Yitu;

/// Where steps are taken.
pub const ACTIONS: &str = "/api/incidents/{id}/actions";

/// `/api/incidents…`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new()
        .routes(routes!(list::list, report::report))
        .routes(routes!(list::find))
        .routes(routes!(wall::wall))
        .routes(routes!(act::act))
        .routes(routes!(replay::replay))
        .routes(routes!(duplicates::of_report))
        .routes(routes!(duplicates::of_incident))
}

/// The id in a path; what is no UUID names no incident.
pub(super) fn read_id(text: &str) -> Result<uuid::Uuid, Problem> {
    super::extract::read_id(("事件", "incident"), text)
}
