//! Appending to an incident's hash chain.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::{NoContext, Timestamp, Uuid};

use crate::db::Request;
use crate::db::incident::{self, NewStep};
use crate::domain::FeatureId;
use crate::domain::incident::{Action, HistoryRow, Limits, State};
use crate::domain::seal::{hex, is_reference, words_digest};
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
#[derive(Debug, Clone)]
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

    /// The row that follows, and whether whoever has asked to be told is told of it; where the next row tells of it as
    /// well, it is not.
    ///
    /// # Errors
    /// Never for these types; the encoder's signature asks for it.
    pub fn next<'h>(&mut self, id: Uuid, h: &Happening<'h>, told: bool) -> Result<NewStep<'h>, ServiceError> {
        let at = Timestamp::from_unix(NoContext, h.at.timestamp().unsigned_abs(), h.at.timestamp_subsec_nanos());
        // Whoever reads the digest learns nothing of the words: the salt goes when they are erased.
        let salt: [u8; 16] = rand::random();
        let words_digest = words_digest(&salt, h.actor, h.note);
        let detail = json!({ "limits": h.limits });
        let row = HistoryRow {
            incident: id,
            ordinal: self.ordinal + 1,
            action: h.action.code(),
            actor: Some(h.actor).filter(|a| is_reference(a)),
            at: h.at.timestamp_micros(),
            from_state: h.from.map(State::code),
            to_state: h.to.code(),
            unit: h.unit,
            responder: h.responder,
            words: hex(&words_digest),
            detail: detail.clone(),
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
            detail,
            salt,
            words_digest,
            previous_digest: self.digest,
            digest,
            notification: told.then(|| Uuid::new_v7(at)),
        };
        *self = Self { ordinal: row.ordinal, digest: Some(digest) };
        Ok(step)
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
        let step = self.next(id, h, true)?;
        Ok(incident::append(on, county, &step).await?)
    }
}
