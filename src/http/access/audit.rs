//! `/api/audit`.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::gate::Caller;
use crate::domain::Problem;
use crate::http::Answer;
use crate::http::extract::Query;
use crate::http::problem::ProblemBody;
use crate::service::ServiceError;
use crate::service::Yitu;
use crate::service::access::audit::{Asked, Deed, Event, Page, What, list, note};

/// Events of a file at most; more are taken by their dates.
const MOST_EXPORTED: usize = 100_000;

/// 审计日志:登录、查看个人信息、导出、授权、规则与网格变更、拒绝。
#[utoipa::path(get, operation_id = "auditLog", path = "/api/audit", tag = "access", params(Asked), responses(
    (status = 200, description = "The latest first; as CSV with f=csv", body = Page),
    (status = 400, description = "A parameter is at fault", body = ProblemBody),
    (status = 403, description = "Not for this role", body = ProblemBody)))]
pub(super) async fn list_events(
    State(yitu): State<Yitu>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Answer<Response> {
    match asked.f.as_deref() {
        None | Some("json") => Ok(axum::Json(list(&yitu, &caller.viewer, &asked).await?).into_response()),
        Some("csv") => export(&yitu, &caller, asked).await,
        Some(other) => {
            let other: String = other.chars().take(64).collect();
            Err(Problem::bad_field(
                "f",
                format!("f = {other} 应为 json 或 csv"),
                format!("f = {other} should be json or csv"),
            )
            .into())
        }
    }
}

/// All that match, as a file. Whoever takes the log away is in it.
async fn export(yitu: &Yitu, caller: &Caller, mut asked: Asked) -> Answer<Response> {
    asked.limit = Some(1000);
    let mut events: Vec<Event> = Vec::new();
    loop {
        let page: Page = list(yitu, &caller.viewer, &asked).await?;
        events.extend(page.items);
        asked.cursor = page.next;
        if asked.cursor.is_none() || events.len() >= MOST_EXPORTED {
            break;
        }
    }
    let what = What { subject: "audit".to_owned(), detail: json!({"events": events.len()}), ..What::default() };
    note(yitu, &caller.doer(), Deed::Export, what).await?;
    let mut csv = csv::Writer::from_writer(b"\xEF\xBB\xBF".to_vec());
    let failed = |e: csv::Error| ServiceError::Internal(e.to_string());
    let head =
        ["序号", "时间", "账号编号", "姓名", "角色", "操作", "操作名称", "对象", "事由", "详情", "来源地址", "校验码"];
    csv.write_record(head).map_err(failed)?;
    for e in events {
        let row = [
            e.number.to_string(),
            e.at.to_rfc3339(),
            e.account_id.map_or_else(String::new, |id| id.to_string()),
            e.actor,
            e.role,
            e.action,
            e.action_name,
            e.subject,
            e.reason,
            e.detail.to_string(),
            e.origin,
            e.digest,
        ];
        // A spreadsheet takes what begins like a formula for one.
        let row =
            row.map(|cell| if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell });
        csv.write_record(&row).map_err(failed)?;
    }
    // Who took it away goes with it.
    let mark = format!("由{}于 {} 导出", caller.viewer.name(), yitu.clock.now().to_rfc3339());
    let mut last = vec![String::new(); head.len()];
    last[0] = mark;
    csv.write_record(&last).map_err(failed)?;
    let bytes = csv.into_inner().map_err(|e| ServiceError::Internal(e.to_string()))?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.csv\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, bytes).into_response())
}
