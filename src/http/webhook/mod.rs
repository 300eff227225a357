//! `/api/webhooks` and `/api/notifications`: who is told, and what they were told.

mod list;
mod notification;
mod remove;
mod save;
mod test;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::{FeatureId, Problem};
use crate::service::Yitu;

/// `/api/webhooks…`, `/api/notifications…`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new()
        .routes(routes!(list::list, save::create))
        .routes(routes!(list::find, save::update, remove::remove))
        .routes(routes!(save::release))
        .routes(routes!(test::test))
        .routes(routes!(notification::replay_dead))
        .routes(routes!(notification::list))
        .routes(routes!(notification::replay))
}

/// The id in a path; what is no number names no receiver.
fn read_id(text: &str) -> Result<FeatureId, Problem> {
    super::extract::read_id(("接收方", "receiver"), text)
}
