//! What has been told, to whom, and what has not arrived.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::db::Request;
use crate::db::outbox::{self, DeliveryRow, Filter};
use crate::domain::{FeatureId, Problem, Viewer};
use crate::service::{ServiceError, Yitu, page};

const STATES: [&str; 3] = ["pending", "delivered", "dead"];

/// What to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// `pending`, `delivered` or `dead`.
    pub state: Option<String>,
    /// A receiver.
    pub receiver: Option<FeatureId>,
    /// An incident.
    pub incident: Option<Uuid>,
    /// At most so many; 50 unless said, up to 1000.
    pub limit: Option<i64>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// A notification on its way to one receiver.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Notification {
    /// The same in all attempts.
    pub id: Uuid,
    pub receiver_id: FeatureId,
    pub receiver_name: String,
    pub incident_id: Uuid,
    pub number: i64,
    /// The incident's version it tells of.
    pub step: i32,
    pub action: String,
    /// `pending`, `delivered` or `dead`.
    pub state: String,
    pub attempts: i32,
    pub since: DateTime<Utc>,
    /// When it is tried next, while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    pub attempted_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    /// Status of the last answer.
    pub status: Option<i32>,
    pub took_ms: Option<i32>,
    /// What was wrong with the last attempt.
    pub fault: Option<String>,
}

/// A page of a list, the latest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Notifications {
    /// The notifications.
    pub items: Vec<Notification>,
    /// Cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// Lists them.
///
/// # Errors
/// Problems that name the parameter; a failing database.
pub async fn list(yitu: &Yitu, viewer: &Viewer, asked: &Asked) -> Result<Notifications, ServiceError> {
    let limit = page::limit(asked.limit)?;
    let state = asked.state.as_deref().filter(|s| !s.is_empty());
    if let Some(unknown) = state.filter(|s| !STATES.contains(s)) {
        return Err(Problem::bad_field(
            "state",
            format!("没有状态“{unknown}”,可用的有:{}", STATES.join("、")),
            format!("There is no state {unknown:?}; there are: {}", STATES.join(", ")),
        )
        .into());
    }
    let after = page::cursor(asked.cursor.as_deref(), read_cursor)?;
    let filter = Filter { state, receiver: asked.receiver, incident: asked.incident, after };
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let mut rows = outbox::list(&mut on, viewer.county_id(), &filter, limit + 1).await?;
    on.finish().await?;
    let next = page::cut(&mut rows, limit, |r| format!("{}_{}", r.notification_id, r.receiver_id));
    Ok(Notifications { items: rows.into_iter().map(shown).collect(), next })
}

fn shown(r: DeliveryRow) -> Notification {
    Notification {
        id: r.notification_id,
        receiver_id: r.receiver_id,
        receiver_name: r.receiver_name,
        incident_id: r.incident_id,
        number: r.number,
        step: r.ordinal,
        action: r.action,
        due_at: Some(r.due_at).filter(|_| r.state == "pending"),
        state: r.state,
        attempts: r.attempts,
        since: r.since,
        attempted_at: r.attempted_at,
        ended_at: r.ended_at,
        status: r.status,
        took_ms: r.took_ms,
        fault: r.fault,
    }
}

/// Where a page of notifications ended: its notice and receiver.
#[must_use]
pub fn read_cursor(text: &str) -> Option<(Uuid, FeatureId)> {
    let (id, receiver) = text.split_once('_')?;
    Some((id.parse().ok()?, receiver.parse().ok()?))
}
