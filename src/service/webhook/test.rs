//! Trying a receiver out: one message that is about nothing, sent at once.

use chrono::{DateTime, SubsecRound, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::missing;
use crate::db::outbox::MessageRow;
use crate::db::{Request, receiver};
use crate::domain::{FeatureId, Viewer};
use crate::service::outbox::deliver::send_to;
use crate::service::outbox::message::Message;
use crate::service::outbox::send::client;
use crate::service::{ServiceError, Yitu};

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tried {
    /// Whether it arrived.
    pub delivered: bool,
    /// Status of the answer, where one came.
    pub status: Option<u16>,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// What was wrong.
    pub fault: Option<String>,
}

/// Sends a message of the action `test`; it is kept nowhere.
///
/// # Errors
/// `not-found`; a failing database.
pub async fn test(yitu: &Yitu, viewer: &Viewer, id: FeatureId) -> Result<Tried, ServiceError> {
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let row = receiver::list(&mut on, viewer.county_id(), Some(id)).await?.pop().ok_or_else(|| missing(id))?;
    // The connection is for others while the receiver takes its time.
    on.finish().await?;
    let sample = sample(yitu.clock.now().trunc_subsecs(6));
    let sent = send_to(yitu, &client()?, &row, &Message { row: &sample, fields: &row.fields }).await;
    Ok(Tried {
        delivered: sent.fault.is_none(),
        status: sent.status,
        took_ms: sent.took.as_millis() as u64,
        fault: sent.fault,
    })
}

fn sample(now: DateTime<Utc>) -> MessageRow {
    MessageRow {
        id: Uuid::now_v7(),
        incident_id: Uuid::nil(),
        number: 0,
        ordinal: 0,
        action: "test".to_owned(),
        at: now,
        state: "pending_accept".to_owned(),
        note: String::new(),
        category: "TEST".to_owned(),
        category_name: "测试消息,请勿处理".to_owned(),
        restricted: false,
        urgency: "ordinary".to_owned(),
        description: String::new(),
        location_text: String::new(),
        lon: None,
        lat: None,
        village_id: None,
        village_name: None,
        grid_id: None,
        grid_code: String::new(),
        grid_name: None,
        unit_id: 0,
        unit_name: "测试".to_owned(),
        responder_name: None,
        accept_by: None,
        resolve_by: None,
        next_deadline_at: None,
        external_system: None,
        external_no: None,
        merged_into: None,
        time_zone: "Asia/Shanghai".to_owned(),
    }
}
