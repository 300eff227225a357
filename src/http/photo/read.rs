//! `/api/photos/{id}`.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::read_id;
use crate::http::extract::{Asker, Query};
use crate::http::problem::ProblemBody;
use crate::http::{Answer, is_known};
use crate::service::Yitu;
use crate::service::photo::receive::evidence;
use crate::service::photo::show::{find, read as serve};
use crate::service::photo::store::Size;

/// Which picture.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wanted {
    /// All of it.
    #[default]
    Full,
    /// At most 320 pixels a side.
    Thumb,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// `full` unless said, or `thumb`: at most 320 pixels a side.
    #[serde(default)]
    size: Wanted,
}

/// 一张照片,或其缩略图。
#[utoipa::path(get, operation_id = "photo", path = "/api/photos/{id}", tag = "photos",
    params(("id" = String, Path, description = "UUID"), Asked), responses(
    (status = 200, description = "JPEG", content_type = "image/jpeg"), (status = 304, description = "As the asker has it"),
    (status = 404, description = "No such photo, not ready, or withdrawn", body = ProblemBody)))]
pub(super) async fn read(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Answer<Response> {
    let row = find(&yitu, &viewer, read_id(&id)?).await?;
    let digest = row.sha256.as_deref().unwrap_or_default();
    let (size, tag) = match asked.size {
        Wanted::Full => (Size::Full, format!("\"{digest}\"")),
        Wanted::Thumb => (Size::Thumb, format!("\"{digest}-thumb\"")),
    };
    let common = [
        (header::ETAG, tag.clone()),
        // Asked for each time, since it may have been withdrawn or its viewer's rights may have ended; the tag makes that cheap.
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
        (header::VARY, "Authorization, Cookie".to_owned()),
    ];
    if is_known(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, common).into_response());
    }
    let picture = serve(&yitu, &row, size).await?;
    // A browser shows it and does nothing else with it.
    let shown: [(HeaderName, String); 5] = [
        (header::CONTENT_TYPE, row.media_type),
        (header::CONTENT_DISPOSITION, format!("inline; filename=\"{}.jpg\"", row.id)),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin".to_owned()),
    ];
    Ok((common, shown, picture).into_response())
}

/// 照片是办理依据,不能删除。
#[utoipa::path(delete, operation_id = "deletePhoto", path = "/api/photos/{id}", tag = "photos",
    params(("id" = String, Path, description = "UUID")),
    responses((status = 405, description = "Never; an operator may withdraw it", body = ProblemBody)))]
pub(super) async fn delete() -> Answer<StatusCode> {
    Err(evidence().into())
}
