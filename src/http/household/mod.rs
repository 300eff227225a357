//! `/api/households`.

use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::gate::Caller;
use super::extract::{Json, read_id};
use crate::domain::FeatureId;
use crate::http::Answer;
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::household::look::{Household, Why, look as serve};

/// `/api/households…`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new().routes(routes!(look))
}

/// 查看一户的姓名、住址、电话与成员。每次查看都记入审计日志;不是本人网格、也未联户的,须先说明事由。
#[utoipa::path(post, operation_id = "lookAtHousehold", path = "/api/households/{id}/look", tag = "households",
    params(("id" = i64, Path, description = "A household's id")), request_body = Why, responses(
    (status = 200, description = "The household in full", body = Household),
    (status = 400, description = "It takes a reason", body = ProblemBody),
    (status = 404, description = "None for this asker", body = ProblemBody)))]
async fn look(
    State(yitu): State<Yitu>,
    caller: Caller,
    Path(id): Path<String>,
    Json(why): Json<Why>,
) -> Answer<([(axum::http::HeaderName, &'static str); 1], axum::Json<Household>)> {
    let id: FeatureId = read_id(("户", "household"), &id)?;
    let found = serve(&yitu, &caller.doer(), id, &why).await?;
    // Nothing keeps a copy that nobody has recorded.
    Ok(([(axum::http::header::CACHE_CONTROL, "no-store")], axum::Json(found)))
}
