//! Receivers, and one of them.

use serde::Serialize;
use utoipa::ToSchema;

use super::missing;
use super::view::ReceiverView;
use crate::db::{Request, receiver};
use crate::domain::{FeatureId, Viewer};
use crate::service::{ServiceError, Yitu};

/// All receivers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Receivers {
    /// By name.
    pub items: Vec<ReceiverView>,
}

/// All receivers of the county.
///
/// # Errors
/// When the database fails.
pub async fn list(yitu: &Yitu, viewer: &Viewer) -> Result<Receivers, ServiceError> {
    Ok(Receivers { items: read(yitu, viewer, None).await? })
}

/// One receiver.
///
/// # Errors
/// `not-found`; a failing database.
pub async fn find(yitu: &Yitu, viewer: &Viewer, id: FeatureId) -> Result<ReceiverView, ServiceError> {
    read(yitu, viewer, Some(id)).await?.pop().ok_or_else(|| missing(id).into())
}

async fn read(yitu: &Yitu, viewer: &Viewer, id: Option<FeatureId>) -> Result<Vec<ReceiverView>, ServiceError> {
    let county = viewer.county_id();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let mut views = Vec::new();
    for row in receiver::list(&mut on, county, id).await? {
        let backlog = receiver::backlog(&mut on, county, row.id).await?;
        views.push(ReceiverView::of(row, backlog));
    }
    on.finish().await?;
    Ok(views)
}
