//! `/api/deliberations`, `/api/deliberation-days`.

mod carry_over;
mod edit;
mod list;
mod put;
mod record;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::{FeatureId, Problem};
use crate::service::Yitu;

/// `/api/deliberations…`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new()
        .routes(routes!(list::days))
        .routes(routes!(list::agenda))
        .routes(routes!(list::list, put::put))
        .routes(routes!(list::find, edit::edit))
        .routes(routes!(record::record))
        .routes(routes!(carry_over::carry_over))
}

/// The id in a path; what is no number names no entry.
fn read_id(text: &str) -> Result<FeatureId, Problem> {
    super::extract::read_id(("议题", "deliberation"), text)
}
