//! Appending to an incident's hash chain.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::db::Request;
use crate::db::incident::{self, NewStep};
use crate::domain::FeatureId;
use crate::domain::incident::{Action, HistoryRow, Limits, State};
use crate::service::ServiceError;

/// The end of a chain: the number and digest of its last row.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chain {
    /// Rows so far.
    pub ordinal: i32,
    /// Digest of the last.
    pub digest: Option<[u8; 32]>,
}

/// What happened.
#[derive(Debug)]
pub struct Happening<'a> {
    /// What was done.
    pub action: Action,
    /// By whom.
    pub actor: &'a str,
    /// When.
    pub at: DateTime<Utc>,
    /// Before.
    pub from: Option<State>,
    /// After.
    pub to: State,
    /// The unit concerned.
    pub unit: Option<FeatureId>,
    /// The person concerned.
    pub responder: Option<FeatureId>,
    /// What was said.
    pub note: &'a str,
    /// The incident's limits after it.
    pub limits: Limits,
}

impl Chain {
    /// Where the chain of a stored incident ends.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of(on: &mut Request, county: FeatureId, id: Uuid) -> Result<Self, ServiceError> {
        Ok(match incident::last_step(on, county, id).await? {
            Some((ordinal, digest)) => Self { ordinal, digest: digest.try_into().ok() },
            None => Self::default(),
        })
    }

    /// Appends a row.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn append(
        &mut self,
        on: &mut Request,
        county: FeatureId,
        id: Uuid,
        h: &Happening<'_>,
    ) -> Result<(), ServiceError> {
        let row = HistoryRow {
            incident: id,
            ordinal: self.ordinal + 1,
            action: h.action.code(),
            actor: h.actor,
            at: h.at.timestamp_micros(),
            from_state: h.from.map(State::code),
            to_state: h.to.code(),
            unit: h.unit,
            responder: h.responder,
            note: h.note,
            limits: Some(h.limits),
        };
        let digest = row.digest(self.digest).map_err(|e| ServiceError::Internal(e.to_string()))?;
        let step = NewStep {
            incident_id: id,
            ordinal: row.ordinal,
            action: row.action,
            actor: h.actor,
            at: h.at,
            from_state: row.from_state,
            to_state: row.to_state,
            unit_id: h.unit,
            responder_id: h.responder,
            note: h.note,
            detail: &json!({ "limits": h.limits }),
            previous_digest: self.digest,
            digest,
        };
        incident::append(on, county, &step).await?;
        *self = Self { ordinal: row.ordinal, digest: Some(digest) };
        Ok(())
    }
}
