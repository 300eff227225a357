//! `/api/dispatch/rules…`: look, preview, publish; as JSON and as a sheet.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::http::extract::{Asker, Json, Query, if_match, unread};
use crate::http::problem::ProblemBody;
use crate::http::{Answer, Failure};
use crate::service::Yitu;
use crate::service::rules::draft::{Beside, Draft};
use crate::service::rules::preview::{RulesPreview, preview as serve_preview};
use crate::service::rules::publish::publish as serve_publish;
use crate::service::rules::sheet;
use crate::service::rules::show::{Asked, Table, Version, show as serve, versions as serve_versions};

/// A draft, as JSON or as a sheet (`text/csv`) with what goes beside it in the query.
#[derive(Debug)]
pub struct Sent(Draft);

impl FromRequest<Yitu> for Sent {
    type Rejection = Failure;

    async fn from_request(request: Request, yitu: &Yitu) -> Result<Self, Failure> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if !kind.trim_start().to_ascii_lowercase().starts_with("text/csv") {
            return Ok(Self(Json::from_request(request, yitu).await?.0));
        }
        let (mut parts, body) = request.into_parts();
        let Query(beside) = Query::<Beside>::from_request_parts(&mut parts, yitu).await?;
        let body = Bytes::from_request(Request::from_parts(parts, body), yitu).await;
        let bytes = body.map_err(|r| unread(r.status(), &r.body_text()))?;
        Ok(Self(Draft { lines: sheet::read(&bytes)?, beside }))
    }
}

/// 现行分派规则表,或其历史版本。
#[utoipa::path(get, path = "/api/dispatch/rules", tag = "rules", params(Asked), responses(
    (status = 200, description = "The table", body = Table),
    (status = 404, description = "No such version", body = ProblemBody)))]
pub async fn show(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Query(asked): Query<Asked>,
) -> Answer<([(HeaderName, String); 1], axum::Json<Table>)> {
    let table = serve(&yitu, &viewer, &asked).await?;
    Ok(([(header::ETAG, format!("\"{}\"", table.version.version))], axum::Json(table)))
}

/// 规则表各版本,新的在前。
#[utoipa::path(get, path = "/api/dispatch/rules/versions", tag = "rules", responses(
    (status = 200, description = "The versions", body = [Version])))]
pub async fn versions(State(yitu): State<Yitu>, Asker(viewer): Asker) -> Answer<axum::Json<Vec<Version>>> {
    Ok(axum::Json(serve_versions(&yitu, &viewer).await?))
}

/// 规则表的表格(CSV,Excel 可直接打开),改后可预览、发布。
#[utoipa::path(get, path = "/api/dispatch/rules.csv", tag = "rules", params(Asked), responses(
    (status = 200, description = "The table", body = String, content_type = "text/csv"),
    (status = 404, description = "No such version", body = ProblemBody)))]
pub async fn show_sheet(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Query(asked): Query<Asked>,
) -> Answer<Response> {
    let table = serve(&yitu, &viewer, &asked).await?;
    let version = table.version.version;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"dispatch-rules-{version}.csv\"")),
        (header::ETAG, format!("\"{version}\"")),
    ];
    Ok((headers, sheet::write(&table)?).into_response())
}

/// 预览规则表草稿:错误、警告,以及对最近 90 天事件的影响;不存任何内容。
#[utoipa::path(post, path = "/api/dispatch/rules/preview", tag = "rules", params(Beside),
    request_body(content((Draft = "application/json"), (String = "text/csv"))), responses(
    (status = 200, description = "What it would do", body = RulesPreview),
    (status = 400, description = "A field is at fault", body = ProblemBody)))]
pub async fn preview(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Sent(draft): Sent,
) -> Answer<axum::Json<RulesPreview>> {
    Ok(axum::Json(serve_preview(&yitu, &viewer, draft).await?))
}

/// 发布规则表:整表为下一版,立即生效;已发布的版本不再改变。
#[utoipa::path(post, path = "/api/dispatch/rules", tag = "rules", params(Beside),
    request_body(content((Draft = "application/json"), (String = "text/csv"))), responses(
    (status = 201, description = "In force", body = Table),
    (status = 400, description = "A field is at fault", body = ProblemBody),
    (status = 412, description = "Another version is in force (stale-version)", body = ProblemBody),
    (status = 422, description = "It has faults", body = ProblemBody),
    (status = 428, description = "No version given", body = ProblemBody)))]
pub async fn publish(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    headers: HeaderMap,
    Sent(draft): Sent,
) -> Answer<(StatusCode, axum::Json<Table>)> {
    Ok((StatusCode::CREATED, axum::Json(serve_publish(&yitu, &viewer, &draft, if_match(&headers)).await?)))
}
