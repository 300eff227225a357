//! `GET /api/notifications`, `POST /api/notifications/{id}/replay`, `POST /api/webhooks/{id}/replay`.

use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::read_id;
use crate::domain::{FeatureId, Problem};
use crate::http::Answer;
use crate::http::extract::{Asker, Query};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::outbox::list::{Asked, Notifications, list as serve};
use crate::service::outbox::replay::{Replayed, all_dead, one};

/// 通知及其送达情况,最新在前。
#[utoipa::path(get, path = "/api/notifications", tag = "webhooks", params(Asked), responses(
    (status = 200, description = "A page", body = Notifications),
    (status = 400, description = "A parameter is at fault", body = ProblemBody)))]
pub async fn list(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Query(asked): Query<Asked>,
) -> Answer<axum::Json<Notifications>> {
    Ok(axum::Json(serve(&yitu, &viewer, &asked).await?))
}

/// To whom again.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct To {
    /// To this receiver alone; to all it went to, if left out.
    pub receiver: Option<FeatureId>,
}

/// 重发一条已送达或死信的通知,编号不变。
#[utoipa::path(post, path = "/api/notifications/{id}/replay", tag = "webhooks",
    params(("id" = String, Path, description = "UUID"), To), responses(
    (status = 200, description = "How many deliveries begin anew", body = Replayed),
    (status = 404, description = "No such notification", body = ProblemBody)))]
pub async fn replay(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    Query(to): Query<To>,
) -> Answer<axum::Json<Replayed>> {
    let id = id.parse().map_err(|_| Problem::not_found(("通知", "notification"), &id))?;
    Ok(axum::Json(one(&yitu, &viewer, id, to.receiver).await?))
}

/// 重发一个接收方的全部死信,编号不变。
#[utoipa::path(post, path = "/api/webhooks/{id}/replay", tag = "webhooks", params(("id" = String, Path, description = "Of the receiver")), responses(
    (status = 200, description = "How many deliveries begin anew", body = Replayed),
    (status = 404, description = "No such receiver", body = ProblemBody)))]
pub async fn replay_dead(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
) -> Answer<axum::Json<Replayed>> {
    Ok(axum::Json(all_dead(&yitu, &viewer, read_id(&id)?).await?))
}
