//! `/api/figures`.

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use super::extract::{Asker, Query};
use super::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::figures::{Asked, Figures, figures as serve};

/// `/api/figures`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new().routes(routes!(figures))
}

/// 统计指标:结案率、按期结案率、返工率、延期率、签收时长;只据办理记录,过去某日的数字以后不变。不含保密件,只到单位不到个人。
#[utoipa::path(get, path = "/api/figures", tag = "duty", params(Asked), responses(
    (status = 200, description = "Figures of the period", body = Figures),
    (status = 404, description = "No such region"),
    (status = 400, description = "A parameter is at fault", body = ProblemBody)))]
async fn figures(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Query(asked): Query<Asked>,
) -> Answer<axum::Json<Figures>> {
    Ok(axum::Json(serve(&yitu, &viewer, &asked, yitu.clock.now()).await?))
}
