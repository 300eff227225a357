//! `POST /api/exchange/incidents`.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::domain::{Problem, ProblemKind};
use crate::http::Answer;
use crate::http::extract::{Asker, Query};
use crate::http::in_chinese::in_chinese;
use crate::http::problem::{ProblemBody, body, prefers_chinese, status};
use crate::service::Yitu;
use crate::service::exchange::table::{Row, of_csv, of_json};
use crate::service::exchange::take::{Taken, take as serve};

/// How it is taken.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct How {
    /// The system of rows that name none.
    pub system: Option<String>,
    /// One row that is refused refuses all.
    #[serde(default)]
    pub all_or_nothing: bool,
}

/// What became of a row.
#[derive(Debug, Serialize, ToSchema)]
pub struct RowOutcome {
    /// From 1.
    pub row: usize,
    /// The other system.
    pub system: Option<String>,
    /// Its number there.
    pub no: Option<String>,
    /// `created`, `known` or `refused`.
    pub outcome: &'static str,
    /// The incident's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Its number here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// Where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Who has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_name: Option<String>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemBody>,
}

/// What became of all rows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TakenRows)]
pub struct Outcome {
    /// New incidents.
    pub created: usize,
    /// Those that were there already.
    pub known: usize,
    /// Rows that were refused.
    pub refused: usize,
    /// Each row in the order sent.
    pub rows: Vec<RowOutcome>,
}

/// 接收 12345 等外部系统的工单:JSON(一个或数组)或 CSV(UTF-8、GBK),逐行立件、分派;同一编号重复提交是同一事件。
#[utoipa::path(post, path = "/api/exchange/incidents", tag = "exchange", params(How),
    request_body(content((Object = "application/json"), (String = "text/csv")), description = "no, category, description, urgency, lon, lat, crs, location_text, reported_at, system; Chinese names as well"),
    responses(
    (status = 200, description = "What became of each row", body = Outcome),
    (status = 400, description = "The body cannot be read", body = ProblemBody),
    (status = 413, description = "More than 1000 rows", body = ProblemBody),
    (status = 422, description = "A row was refused, and with it all, as asked", body = ProblemBody)))]
pub async fn take(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Query(how): Query<How>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<axum::Json<Outcome>> {
    let rows = read(&headers, &bytes)?;
    let taken = serve(&yitu, &viewer, rows, how.system.as_deref(), how.all_or_nothing).await?;
    let chinese = prefers_chinese(headers.get(header::ACCEPT_LANGUAGE));
    let rows: Vec<RowOutcome> = taken.into_iter().map(|t| shown(t, chinese)).collect();
    let count = |outcome| rows.iter().filter(|r| r.outcome == outcome).count();
    Ok(axum::Json(Outcome { created: count("created"), known: count("known"), refused: count("refused"), rows }))
}

fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<Vec<Row>, Problem> {
    let of_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let of_type = of_type.to_ascii_lowercase();
    let (media, parameters) = of_type.split_once(';').unwrap_or((&of_type, ""));
    match media.trim() {
        "application/json" => of_json(serde_json::from_slice(bytes).map_err(|e| {
            let said = e.to_string();
            Problem::bad_field(
                "",
                format!("请求体不是有效的 JSON:{}", in_chinese(&said)),
                format!("The body is not valid JSON: {said}"),
            )
        })?),
        "text/csv" => {
            let charset = parameters.split(';').find_map(|p| p.trim().strip_prefix("charset="));
            of_csv(bytes, charset.map(|c| c.trim_matches('"')))
        }
        other => Err(Problem::new(
            ProblemKind::UnsupportedMedia,
            "not-json-or-csv",
            ("需要 JSON 或 CSV", "JSON or CSV is needed"),
            (
                format!("请以 Content-Type: application/json 或 text/csv 发送,现为“{other}”。"),
                format!("Send it as Content-Type: application/json or text/csv, not {other:?}."),
            ),
        )),
    }
}

fn shown(taken: Taken, chinese: bool) -> RowOutcome {
    let (system, no) = taken.external.map_or((None, None), |e| (Some(e.system), Some(e.no)));
    let mut row = RowOutcome {
        row: taken.row,
        system,
        no,
        outcome: "refused",
        id: None,
        number: None,
        state: None,
        unit_name: None,
        problem: None,
    };
    match taken.outcome {
        Ok(reported) => {
            row.outcome = if reported.new { "created" } else { "known" };
            row.id = Some(reported.incident.id);
            row.number = Some(reported.incident.number);
            row.state = Some(reported.incident.state);
            row.unit_name = Some(reported.incident.owner.unit_name);
        }
        Err(problem) => {
            let code = status(problem.kind);
            row.problem = Some(body(*problem, code, chinese, None));
        }
    }
    row
}
