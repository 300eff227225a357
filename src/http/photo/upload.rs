//! `/api/photos/{id}/upload`: tus 1.0.0.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::AppendHeaders;

use super::{UPLOAD_EXPIRES, UPLOAD_LENGTH, UPLOAD_OFFSET, check_version, count, drain, http_date, read_id};
use crate::domain::{Problem, ProblemKind, Viewer};
use crate::http::Answer;
use crate::http::extract::Asker;
use crate::http::problem::ProblemBody;
use crate::service::Yitu;
use crate::service::photo::receive::{Progress, give_up as serve_give_up, progress, receive};

type Said = (StatusCode, AppendHeaders<Vec<(HeaderName, String)>>);

/// 查询上传进度:Upload-Offset 是已收下的字节数。
#[utoipa::path(head, operation_id = "photoUploadProgress", path = "/api/photos/{id}/upload", tag = "photos",
    params(("id" = String, Path, description = "UUID of the photo"), ("Tus-Resumable" = String, Header, description = "1.0.0")), responses(
    (status = 200, description = "In Upload-Offset and Upload-Length"),
    (status = 404, description = "No such photo"), (status = 412, description = "Another version of tus"),
    (status = 415, description = "It was no photo"), (status = 422, description = "It was damaged")))]
pub(super) async fn head(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<Said> {
    check_version(&headers)?;
    let at = progress(&yitu, &viewer, read_id(&id)?).await?;
    let mut said = said(at);
    said.push((UPLOAD_LENGTH, at.length.to_string()));
    Ok((StatusCode::OK, AppendHeaders(said)))
}

/// 续传一段,从 Upload-Offset 处开始;最后一段收齐后即成照片。
#[utoipa::path(patch, operation_id = "continuePhotoUpload", path = "/api/photos/{id}/upload", tag = "photos",
    params(("id" = String, Path, description = "UUID of the photo"), ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Offset" = u64, Header, description = "Where this piece begins")),
    request_body(content = String, content_type = "application/offset+octet-stream"), responses(
    (status = 204, description = "Taken; Upload-Offset says how far it has come"),
    (status = 403, description = "Another account's upload", body = ProblemBody),
    (status = 404, description = "No such photo", body = ProblemBody),
    (status = 409, description = "Not where the upload is, or another request is sending", body = ProblemBody),
    (status = 412, description = "Another version of tus", body = ProblemBody),
    (status = 415, description = "No JPEG, PNG or WebP", body = ProblemBody),
    (status = 422, description = "Damaged or of too many pixels", body = ProblemBody)))]
pub(super) async fn patch(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Said> {
    let mut body = body.into_data_stream();
    let answer = piece(&yitu, &viewer, &id, &headers, &mut body).await;
    drain(&mut body).await;
    Ok((StatusCode::NO_CONTENT, AppendHeaders(said(answer?))))
}

async fn piece(
    yitu: &Yitu,
    viewer: &Viewer,
    id: &str,
    headers: &HeaderMap,
    body: &mut axum::body::BodyDataStream,
) -> Answer<Progress> {
    check_version(headers)?;
    if headers.get(header::CONTENT_TYPE).is_none_or(|v| v != "application/offset+octet-stream") {
        return Err(not_a_piece().into());
    }
    Ok(receive(yitu, viewer, read_id(id)?, count(headers, &UPLOAD_OFFSET)?, body).await?)
}

/// 放弃上传;已成照片的不能删除。
#[utoipa::path(delete, operation_id = "giveUpPhotoUpload", path = "/api/photos/{id}/upload", tag = "photos",
    params(("id" = String, Path, description = "UUID of the photo"), ("Tus-Resumable" = String, Header, description = "1.0.0")), responses(
    (status = 204, description = "Given up"), (status = 403, description = "Another account's upload", body = ProblemBody),
    (status = 404, description = "No such photo", body = ProblemBody),
    (status = 405, description = "It is a photo already", body = ProblemBody),
    (status = 412, description = "Another version of tus")))]
pub(super) async fn give_up(
    State(yitu): State<Yitu>,
    Asker(viewer): Asker,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<StatusCode> {
    check_version(&headers)?;
    serve_give_up(&yitu, &viewer, read_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn said(at: Progress) -> Vec<(HeaderName, String)> {
    let mut said = vec![(UPLOAD_OFFSET, at.offset.to_string()), (header::CACHE_CONTROL, "no-store".to_owned())];
    said.extend(at.expires_at.map(|at| (UPLOAD_EXPIRES, http_date(at))));
    said
}

fn not_a_piece() -> Problem {
    Problem::new(
        ProblemKind::UnsupportedMedia,
        "not-a-piece",
        ("需要上传分段", "A piece of an upload is needed"),
        (
            "请以 Content-Type: application/offset+octet-stream 发送分段。".to_owned(),
            "Send a piece as Content-Type: application/offset+octet-stream.".to_owned(),
        ),
    )
}
