//! `POST /api/deliberations`.

use axum::extract::State;
use axum::http::StatusCode;

use crate::http::Answer;
use crate::http::extract::{Asker, Json};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::deliberation::put::{NewTopic, put as serve};
use crate::service::deliberation::view::EntryView;

/// 列入议程:一个话题,或一个办理中的事件(同事件的“议事”操作)。
#[utoipa::path(post, path = "/api/deliberations", tag = "deliberations", request_body = NewTopic, responses(
    (status = 201, description = "Its place on the agenda", body = EntryView),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 403, description = "The venue is not in the writer's area (not-in-your-area)", body = ProblemBody),
    (status = 409, description = "The agenda is full, or the incident's state does not allow it", body = ProblemBody),
    (status = 412, description = "The incident is in another state than was seen"),
    (status = 428, description = "No version of the incident given")))]
pub async fn put(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Json(body): Json<NewTopic>,
) -> Answer<(StatusCode, axum::Json<EntryView>)> {
    Ok((StatusCode::CREATED, axum::Json(serve(&yitu, &viewer, body).await?)))
}
