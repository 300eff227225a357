//! Replay: what is dead, or has arrived but was lost there, is sent again under its own id.

use chrono::SubsecRound;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::deliver::ATTEMPTS;
use crate::db::{Request, outbox, receiver};
use crate::domain::{FeatureId, Problem, Viewer};
use crate::service::{ServiceError, Yitu};

/// What is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentAgain)]
pub struct Replayed {
    /// So many deliveries.
    pub replayed: i64,
}

/// Sends a notification again: to one receiver, or to all it went to. What is still being tried is left to itself.
///
/// # Errors
/// `not-found`; a failing database.
pub async fn one(
    yitu: &Yitu,
    viewer: &Viewer,
    id: Uuid,
    receiver: Option<FeatureId>,
) -> Result<Replayed, ServiceError> {
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    if !outbox::is_there(&mut on, viewer.county_id(), id, receiver).await? {
        return Err(Problem::not_found(("通知", "notification"), id).into());
    }
    again(yitu, viewer, on, (Some(id), receiver)).await
}

/// Sends all that is dead of a receiver again.
///
/// # Errors
/// `not-found`; a failing database.
pub async fn all_dead(yitu: &Yitu, viewer: &Viewer, id: FeatureId) -> Result<Replayed, ServiceError> {
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    if receiver::list(&mut on, viewer.county_id(), Some(id)).await?.is_empty() {
        return Err(Problem::not_found(("接收方", "receiver"), id).into());
    }
    again(yitu, viewer, on, (None, Some(id))).await
}

async fn again(
    yitu: &Yitu,
    viewer: &Viewer,
    mut on: Request,
    which: (Option<Uuid>, Option<FeatureId>),
) -> Result<Replayed, ServiceError> {
    let now = yitu.clock.now().trunc_subsecs(6);
    let replayed = outbox::replay(&mut on, viewer.county_id(), which, now, ATTEMPTS).await?;
    on.finish().await?;
    Ok(Replayed { replayed })
}
