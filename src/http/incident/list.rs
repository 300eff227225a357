//! `GET /api/incidents`, `GET /api/incidents/{id}`.

use axum::extract::{Path, State};
use axum::http::{HeaderName, header};

use super::read_id;
use crate::http::Answer;
use crate::http::extract::{Asker, Query};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::incident::list::{Asked, Page, find as serve_one, list as serve};
use crate::service::incident::view::IncidentView;

/// 事件列表,最新上报在前;保密件不在其中。
#[utoipa::path(get, path = "/api/incidents", tag = "incidents", params(Asked), responses(
    (status = 200, description = "A page", body = Page),
    (status = 400, description = "A parameter is at fault", body = ProblemBody)))]
pub async fn list(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Query(asked): Query<Asked>,
) -> Answer<axum::Json<Page>> {
    Ok(axum::Json(serve(&yitu, &viewer, asked).await?))
}

/// 一个事件,连同分派说明与办理经过。
#[utoipa::path(get, path = "/api/incidents/{id}", tag = "incidents", params(("id" = String, Path, description = "UUID")), responses(
    (status = 200, description = "The incident", body = IncidentView),
    (status = 404, description = "No such incident", body = ProblemBody)))]
pub async fn find(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
) -> Answer<([(HeaderName, String); 1], axum::Json<IncidentView>)> {
    let view = serve_one(&yitu, &viewer, read_id(&id)?).await?;
    Ok(([(header::ETAG, format!("\"{}\"", view.version))], axum::Json(view)))
}
