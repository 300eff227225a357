//! `/api/duty`.

use std::fmt::Write;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use super::access::gate::Caller;
use super::extract::{Asker, Query};
use super::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::access::audit::{Deed, What, note};
use crate::service::duty::workbook::As;
use crate::service::duty::{handover, look, monthly};
use crate::service::incident::list::Page;

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// `/api/duty…`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new().routes(routes!(all)).routes(routes!(hand_over)).routes(routes!(month)).routes(routes!(list))
}

/// 值班一览:待定位、待分派、待签收、即将到期、已超期、待核查、即办即结待抽查、协办未签到、督办中各有几件;保密件只计全县总数。
#[utoipa::path(get, path = "/api/duty", tag = "duty", params(look::Asked), responses(
    (status = 200, description = "How much waits on each list", body = look::Look),
    (status = 400, description = "A parameter is at fault", body = ProblemBody),
    (status = 404, description = "No such region", body = ProblemBody)))]
async fn all(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Query(asked): Query<look::Asked>,
) -> Answer<axum::Json<look::Look>> {
    Ok(axum::Json(look::look(&yitu, &viewer, &asked).await?))
}

/// 一个值班清单,最先到期的在前;清单名见 /api/duty。
#[utoipa::path(get, path = "/api/duty/{list}", tag = "duty", params(("list" = String, Path, description = "Such as `overdue`"), look::AskedPage),
    responses((status = 200, description = "A page", body = Page),
    (status = 400, description = "A parameter is at fault", body = ProblemBody),
    (status = 404, description = "No such list or region", body = ProblemBody)))]
async fn list(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(name): Path<String>,
    Query(asked): Query<look::AskedPage>,
) -> Answer<axum::Json<Page>> {
    Ok(axum::Json(look::page(&yitu, &viewer, &name, &asked).await?))
}

/// 交接班清单:本班新收、已结,交班时下一班到期、超期、督办中的事件与合计;可下载为表格。
#[utoipa::path(get, path = "/api/duty/handover", tag = "duty", params(handover::Asked), responses(
    (status = 200, description = "What the shift hands over", content((handover::Handover = "application/json"), (Vec<u8> = XLSX))),
    (status = 400, description = "A parameter is at fault", body = ProblemBody)))]
async fn hand_over(State(yitu): State<Yitu>, caller: Caller, Query(asked): Query<handover::Asked>) -> Answer<Response> {
    let shift = handover::handover(&yitu, &caller.viewer, &asked).await?;
    if asked.format == As::Json {
        return Ok(axum::Json(shift).into_response());
    }
    let book = handover::book(&yitu, &caller.viewer, shift).await?;
    file(&yitu, &caller, book).await
}

/// 月报:一个月收到的事件,按辖区、按事项;可下载为表格。
#[utoipa::path(get, path = "/api/duty/monthly", tag = "duty", params(monthly::Asked), responses(
    (status = 200, description = "The month's figures", content((monthly::Monthly = "application/json"), (Vec<u8> = XLSX))),
    (status = 400, description = "A parameter is at fault", body = ProblemBody),
    (status = 404, description = "No such region", body = ProblemBody)))]
async fn month(State(yitu): State<Yitu>, caller: Caller, Query(asked): Query<monthly::Asked>) -> Answer<Response> {
    let table = monthly::monthly(&yitu, &caller.viewer, &asked).await?;
    if asked.format == As::Json {
        return Ok(axum::Json(table).into_response());
    }
    let book = monthly::book(&yitu, &caller.viewer, table).await?;
    file(&yitu, &caller, book).await
}

/// A workbook to keep under a Chinese name (RFC 6266, RFC 8187). That it is taken away is on record.
async fn file(yitu: &Yitu, caller: &Caller, (name, bytes): (String, Vec<u8>)) -> Answer<Response> {
    let what = What { subject: "duty".to_owned(), detail: json!({"file": name}), ..What::default() };
    note(yitu, &caller.doer(), Deed::Export, what).await?;
    let mut encoded = String::new();
    for byte in name.bytes() {
        // Writing to a string does not fail.
        let _ = if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            write!(encoded, "{}", char::from(byte))
        } else {
            write!(encoded, "%{byte:02X}")
        };
    }
    let kept = format!("attachment; filename*=UTF-8''{encoded}");
    Ok(([(header::CONTENT_TYPE, XLSX.to_owned()), (header::CONTENT_DISPOSITION, kept)], bytes).into_response())
}
