//! Appending to an incident's hash chain.

use chrono::{DateTime, Utc};
use uuid::{NoContext, Timestamp, Uuid};

use crate::db::Request;
use crate::db::incident::{self, NewStep};
use crate::domain::FeatureId;
use crate::domain::incident::{Action, HistoryRow, State};
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

    /// Appends a row, and tells of it.
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
        let at = Timestamp::from_unix(NoContext, h.at.timestamp().unsigned_abs(), h.at.timestamp_subsec_nanos());
        self.write(on, county, id, h, Some(Uuid::new_v7(at))).await
    }

    /// Appends a row that the next one tells of as well.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn append_untold(
        &mut self,
        on: &mut Request,
        county: FeatureId,
        id: Uuid,
        h: &Happening<'_>,
    ) -> Result<(), ServiceError> {
        self.write(on, county, id, h, None).await
    }

    async fn write(
        &mut self,
        on: &mut Request,
        county: FeatureId,
        id: Uuid,
        h: &Happening<'_>,
        notification: Option<Uuid>,
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
            previous_digest: self.digest,
            digest,
            notification,
        };
        incident::append(on, county, &step).await?;
        *self = Self { ordinal: row.ordinal, digest: Some(digest) };
        Ok(())
    }
}
