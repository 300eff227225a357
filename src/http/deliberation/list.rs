//! `GET /api/deliberation-days`, `GET /api/deliberations…`.

use axum::extract::{Path, State};

use super::read_id;
use crate::http::Answer;
use crate::http::extract::{Asker, Query};
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::deliberation::view::EntryView;
use crate::service::deliberation::{agenda as whole, days as coming, list as entries};

/// 逢五说事的日子:农历每月(含闰月)初五、十五、廿五。
#[utoipa::path(get, path = "/api/deliberation-days", tag = "deliberations", params(coming::Asked), responses(
    (status = 200, description = "The next days", body = Vec<coming::DeliberationDay>),
    (status = 400, description = "A parameter is at fault", body = ProblemBody)))]
pub async fn days(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Query(asked): Query<coming::Asked>,
) -> Answer<axum::Json<Vec<coming::DeliberationDay>>> {
    Ok(axum::Json(coming::days(&yitu, &viewer, asked).await?))
}

/// 一处议事阵地某一天的议程,以及还能列入几件。
#[utoipa::path(get, path = "/api/deliberations/agenda", tag = "deliberations", params(whole::Asked), responses(
    (status = 200, description = "The agenda", body = whole::Agenda),
    (status = 400, description = "A parameter is at fault", body = ProblemBody)))]
pub async fn agenda(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Query(asked): Query<whole::Asked>,
) -> Answer<axum::Json<whole::Agenda>> {
    Ok(axum::Json(whole::agenda(&yitu, &viewer, asked).await?))
}

/// 议题列表:按阵地、辖区、日期、事件、结果筛选,日期在前的在前。
#[utoipa::path(get, path = "/api/deliberations", tag = "deliberations", params(entries::Asked), responses(
    (status = 200, description = "A page", body = entries::Entries),
    (status = 400, description = "A parameter is at fault", body = ProblemBody)))]
pub async fn list(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Query(asked): Query<entries::Asked>,
) -> Answer<axum::Json<entries::Entries>> {
    Ok(axum::Json(entries::list(&yitu, &viewer, asked).await?))
}

/// 一个议题。
#[utoipa::path(get, path = "/api/deliberations/{id}", tag = "deliberations", params(("id" = i64, Path)), responses(
    (status = 200, description = "The entry", body = EntryView),
    (status = 404, description = "No such entry", body = ProblemBody)))]
pub async fn find(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
) -> Answer<axum::Json<EntryView>> {
    Ok(axum::Json(entries::find(&yitu, &viewer, read_id(&id)?).await?))
}
