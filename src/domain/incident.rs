//! What may happen to an incident: its states, its actions and the one table of what leads where.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

/// Declares an enumeration with its stable code and its Chinese word.
macro_rules! coded {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal, $zh:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable code, as stored and as answered.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The word people read.
            #[must_use]
            pub fn zh(self) -> &'static str {
                match self { $(Self::$variant => $zh,)* }
            }

            /// The one with a code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|x| x.code() == code)
            }
        }
    };
}

coded! {
    /// Where an incident stands.
    State {
        /// Its place is known from words only.
        PendingLocation = "pending_location", "待定位";
        /// Nobody answers for it yet.
        PendingDispatch = "pending_dispatch", "待分派";
        /// Its owner has still to sign for it.
        PendingAccept = "pending_accept", "待签收";
        /// Signed for.
        InProgress = "in_progress", "办理中";
        /// Reported as done; someone else has to look.
        PendingCheck = "pending_check", "待核查";
        /// On the agenda of a deliberation.
        Deliberating = "deliberating", "议事中";
        /// Set aside until a review day.
        Suspended = "suspended", "已挂账";
        /// Done.
        Closed = "closed", "已结案";
        /// Void.
        Cancelled = "cancelled", "已作废";
    }
}

coded! {
    /// What someone does to an incident.
    Action {
        /// It is reported.
        Report = "report", "上报";
        /// It is given its first owner.
        Dispatch = "dispatch", "分派";
        /// Reported and closed in one step.
        ResolveOnSpot = "resolve_on_spot", "即办即结";
        /// The owner signs for it.
        Accept = "accept", "签收";
        /// The owner says it is done.
        Resolve = "resolve", "办理反馈";
        /// Someone else looks: pass closes, fail is rework.
        Check = "check", "核查";
    }
}

coded! {
    /// How fast it has to go.
    Urgency {
        /// The default.
        Ordinary = "ordinary", "一般";
        /// Takes long.
        Hard = "hard", "疑难";
        /// Counts by the clock, day and night.
        Urgent = "urgent", "紧急";
    }
}

coded! {
    /// How the place is known.
    LocationSource {
        /// A satellite fix, with its accuracy.
        Gps = "gps", "卫星定位";
        /// Picked on the map.
        Map = "map", "地图点选";
        /// A chosen household.
        Household = "household", "按户选择";
        /// Words only.
        Text = "text", "文字描述";
    }
}

impl State {
    /// Closed or cancelled: no owner, no deadline.
    #[must_use]
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Closed | Self::Cancelled)
    }
}

/// The state an action leads to, or nothing where it is not allowed. `passed` is the outcome of a check.
///
/// ```
/// use yitu::domain::incident::{Action, State, next_state};
/// assert_eq!(next_state(State::PendingAccept, Action::Accept, true), Some(State::InProgress));
/// assert_eq!(next_state(State::PendingCheck, Action::Check, false), Some(State::InProgress));
/// assert_eq!(next_state(State::Closed, Action::Accept, true), None);
/// ```
#[must_use]
pub fn next_state(from: State, action: Action, passed: bool) -> Option<State> {
    TRANSITIONS.iter().find(|t| t.0 == from && t.1 == action && t.2.is_none_or(|p| p == passed)).map(|t| t.3)
}

/// What may be done in a state, each action once.
#[must_use]
pub fn allowed(from: State) -> Vec<Action> {
    let mut out: Vec<Action> = Vec::new();
    for t in TRANSITIONS.iter().filter(|t| t.0 == from) {
        if !out.contains(&t.1) {
            out.push(t.1);
        }
    }
    out
}

/// From, action, outcome of a check where it matters, to.
const TRANSITIONS: &[(State, Action, Option<bool>, State)] = &[
    (State::PendingAccept, Action::Accept, None, State::InProgress),
    (State::PendingAccept, Action::ResolveOnSpot, None, State::Closed),
    (State::InProgress, Action::ResolveOnSpot, None, State::Closed),
    (State::InProgress, Action::Resolve, None, State::PendingCheck),
    (State::PendingCheck, Action::Check, Some(true), State::Closed),
    (State::PendingCheck, Action::Check, Some(false), State::InProgress),
];

/// One row of an incident's history, as its digest covers it: JSON with its fields in this order.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryRow<'a> {
    /// Which incident.
    pub incident: Uuid,
    /// 1, 2, 3 … within the incident.
    pub ordinal: i32,
    /// What was done.
    pub action: &'a str,
    /// By whom.
    pub actor: &'a str,
    /// When: microseconds since 1970 UTC.
    pub at: i64,
    /// The state before.
    pub from_state: Option<&'a str>,
    /// The state after.
    pub to_state: &'a str,
    /// The unit concerned.
    pub unit: Option<i64>,
    /// The person concerned.
    pub responder: Option<i64>,
    /// What was said.
    pub note: &'a str,
}

impl HistoryRow<'_> {
    /// SHA-256 over the digest of the row before (32 zero bytes for the first) and this row's JSON.
    ///
    /// # Errors
    /// Never for these types; the encoder's signature asks for it.
    pub fn digest(&self, previous: Option<[u8; 32]>) -> Result<[u8; 32], serde_json::Error> {
        let body = serde_json::to_vec(self)?;
        Ok(Sha256::new().chain_update(previous.unwrap_or_default()).chain_update(body).finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_that_serde_writes() {
        for s in State::ALL {
            assert_eq!(serde_json::to_value(s).expect("json"), s.code());
        }
        for a in Action::ALL {
            assert_eq!(serde_json::to_value(a).expect("json"), a.code());
        }
    }

    #[test]
    fn an_ended_incident_allows_nothing() {
        for s in State::ALL.iter().filter(|s| s.is_ended()) {
            assert!(allowed(*s).is_empty());
        }
    }
}
