//! Show: photos as they are answered.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::Size;
use crate::db::photo::{self, PhotoRow};
use crate::db::{Request, incident};
use crate::domain::{FeatureId, Problem, ProblemKind, Viewer};
use crate::service::{ServiceError, Yitu};

/// A photo of an incident.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct PhotoView {
    pub id: Uuid,
    pub incident_id: Uuid,
    /// `receiving`, `ready`, `refused` or `withdrawn`.
    pub state: String,
    /// `scene` or `outcome`.
    pub kind: String,
    pub caption: String,
    pub taken_at: Option<DateTime<Utc>>,
    pub uploaded_at: Option<DateTime<Utc>>,
    pub uploaded_by: String,
    /// Of the picture as it is kept, pixels.
    pub width: Option<i32>,
    pub height: Option<i32>,
    pub bytes: Option<i64>,
    /// Of the picture as it is kept; the incident's history holds it too.
    pub sha256: Option<String>,
    /// Where the picture is, once it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where its small copy is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumb: Option<String>,
    /// Why it was not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Why it was withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn_reason: Option<String>,
}

impl From<PhotoRow> for PhotoView {
    fn from(row: PhotoRow) -> Self {
        let url = row.is_ready().then(|| format!("/api/photos/{}", row.id));
        Self {
            thumb: url.as_ref().map(|url| format!("{url}?size=thumb")),
            url,
            id: row.id,
            incident_id: row.incident_id,
            state: row.state,
            kind: row.kind,
            caption: row.caption,
            taken_at: row.taken_at,
            uploaded_at: row.uploaded_at,
            uploaded_by: row.uploaded_by,
            width: row.width,
            height: row.height,
            bytes: row.bytes,
            sha256: row.sha256,
            refusal: row.refusal,
            withdrawn_reason: row.withdrawn_reason,
        }
    }
}

/// The photos of an incident that are ready, within a transaction that has found it.
pub(in crate::service) async fn ready(
    on: &mut Request,
    county: FeatureId,
    incident: Uuid,
) -> Result<Vec<PhotoView>, ServiceError> {
    let rows = photo::of_incident(on, county, incident).await?;
    Ok(rows.into_iter().filter(PhotoRow::is_ready).map(PhotoView::from).collect())
}

/// All photos of an incident, whatever became of them.
///
/// # Errors
/// `not-found`; a failing database.
pub async fn list(yitu: &Yitu, viewer: &Viewer, incident: Uuid) -> Result<Vec<PhotoView>, ServiceError> {
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    sees(&mut on, viewer, incident).await?;
    let rows = photo::of_incident(&mut on, viewer.county_id(), incident).await?;
    on.finish().await?;
    Ok(rows.into_iter().map(PhotoView::from).collect())
}

/// A photo that may be shown to this viewer: where its incident may be.
///
/// # Errors
/// `not-found`; a failing database.
pub async fn visible(on: &mut Request, viewer: &Viewer, id: Uuid) -> Result<PhotoRow, ServiceError> {
    let row = photo::find(on, viewer.county_id(), id).await?.ok_or_else(|| super::missing(id))?;
    sees(on, viewer, row.incident_id).await.map_err(|e| match e {
        ServiceError::Problem(_) => super::missing(id).into(),
        e => e,
    })?;
    Ok(row)
}

/// Whether a viewer may see an incident. The one place that says so for its photos.
async fn sees(on: &mut Request, viewer: &Viewer, id: Uuid) -> Result<(), ServiceError> {
    let found = incident::find(on, viewer.county_id(), id).await?;
    found.map(drop).ok_or_else(|| Problem::not_found(("事件", "incident"), id).into())
}

/// A photo whose picture can be shown.
///
/// # Errors
/// `not-found`, `photo-not-ready`, `photo-withdrawn`; a failing database.
pub async fn find(yitu: &Yitu, viewer: &Viewer, id: Uuid) -> Result<PhotoRow, ServiceError> {
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let row = visible(&mut on, viewer, id).await?;
    on.finish().await?;
    if row.is_ready() {
        return Ok(row);
    }
    let (slug, zh, en) = if let Some(reason) = &row.withdrawn_reason {
        ("photo-withdrawn", format!("这张照片已撤下:{reason}"), format!("The photo has been withdrawn: {reason}"))
    } else {
        ("photo-not-ready", "照片还没有传完。".to_owned(), "The photo has not come whole yet.".to_owned())
    };
    Err(Problem::new(ProblemKind::NotFound, slug, ("没有照片可看", "No photo to show"), (zh, en)).into())
}

/// The JPEG of a photo that is ready.
///
/// # Errors
/// A failing store.
pub async fn read(yitu: &Yitu, row: &PhotoRow, size: Size) -> Result<Bytes, ServiceError> {
    yitu.photos.store.get(row.county_id, row.id, size).await
}
