//! Says anew what an entry is about.

use serde::Deserialize;
use utoipa::ToSchema;

use super::view::EntryView;
use super::{checked_topic, waiting, written};
use crate::db::{Request, deliberation};
use crate::domain::{FeatureId, Viewer};
use crate::service::incident::retried;
use crate::service::{ServiceError, Yitu};

/// What is changed.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct TopicEdit {
    /// The version that was seen.
    pub expected_version: i32,
    /// What it is about, up to 200 characters.
    pub topic: String,
}

/// Changes it while it waits.
///
/// # Errors
/// `not-in-your-area`, `stale-version`, `deliberation-over`, a problem that names the topic; a failing database.
pub async fn edit(yitu: &Yitu, viewer: &Viewer, id: FeatureId, edit: TopicEdit) -> Result<EntryView, ServiceError> {
    retried(|| attempt(yitu, viewer, id, &edit)).await
}

async fn attempt(yitu: &Yitu, viewer: &Viewer, id: FeatureId, edit: &TopicEdit) -> Result<EntryView, ServiceError> {
    let topic = checked_topic(&edit.topic)?;
    let county = viewer.county_id();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    waiting(yitu, viewer, &mut on, id, edit.expected_version).await?;
    deliberation::retitle(&mut on, county, id, topic).await?;
    written(on, county, id).await
}
