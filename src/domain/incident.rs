//! What may happen to an incident: its states, its actions and the one table of what leads where.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
pub(crate) use coded;

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
        /// It gets a place, and by that its owner.
        Locate = "locate", "定位";
        /// The owner says it is done.
        Resolve = "resolve", "办理反馈";
        /// Someone else looks: pass closes, fail is rework.
        Check = "check", "核查";
        /// The owner gives it back: to the unit named, else one level up.
        Return = "return", "退回";
        /// It goes to another unit.
        Transfer = "transfer", "转办";
        /// The finish limit moves.
        Extend = "extend", "延期";
        /// Set aside with an explanation until a review day.
        Suspend = "suspend", "挂账";
        /// Taken up again: at the latest on the review day, or once it was deliberated or taken off the agenda.
        Resume = "resume", "恢复办理";
        /// The duty officer reminds the owner.
        Nudge = "nudge", "催办";
        /// A leader watches it.
        Supervise = "supervise", "督办";
        /// Departments are called to help, with a sign-in limit.
        Whistle = "whistle", "吹哨";
        /// Who was called signs in.
        SignIn = "sign_in", "签到";
        /// It is put on the agenda of a deliberation, or carried over to another.
        Deliberate = "deliberate", "议事";
        /// It is the same matter as another, which answers for both.
        Merge = "merge", "合并重复件";
        /// Void, with a reason.
        Cancel = "cancel", "作废";
        /// The reporter says how well it was done.
        Rate = "rate", "评价";
        /// Something is added to its story.
        Comment = "comment", "补充情况";
        /// A photo came, or was withdrawn.
        Photo = "photo", "照片";
        /// A limit has passed: one level up answers, the lower one helps.
        Escalate = "escalate", "逾期升级";
        /// What is personal in it is erased, as the law asks; outside the table, for it changes nothing of the matter.
        Erase = "erase", "依法删除";
    }
}

coded! {
    /// Whose step an action is.
    Actor {
        /// Whoever reports.
        Reporter = "reporter", "上报人";
        /// The unit that answers, or its person.
        Owner = "owner", "主办";
        /// A unit that helps.
        Helper = "helper", "协办";
        /// Someone other than who resolved it.
        Checker = "checker", "核查人";
        /// The township's or the county's duty officer.
        DutyOfficer = "duty_officer", "值班员";
        /// A leader of the township or the county.
        Leader = "leader", "领导";
        /// The clock.
        System = "system", "系统";
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

/// One line of the table: in which states an action may be taken, by whom, and where it leads.
#[derive(Debug, Clone, Copy)]
pub struct Transition {
    /// What is done.
    pub action: Action,
    /// The outcome it is for; only a check has one.
    pub passed: Option<bool>,
    /// In which states.
    pub from: &'static [State],
    /// The state it leads to; none is the one it was in.
    pub to: Option<State>,
    /// By whom.
    pub by: &'static [Actor],
}

/// What may happen, all of it. Code, `docs/LIFECYCLE.md` and the API's description are made from this table.
pub const TRANSITIONS: &[Transition] = {
    use {Action as A, Actor as By, State as S};
    const WAITING: &[State] = &[S::PendingLocation, S::PendingDispatch, S::PendingAccept];
    const AT_WORK: &[State] = &[S::PendingAccept, S::InProgress];
    const OPEN: &[State] = &[
        S::PendingLocation,
        S::PendingDispatch,
        S::PendingAccept,
        S::InProgress,
        S::PendingCheck,
        S::Deliberating,
        S::Suspended,
    ];
    const fn line(
        action: A,
        passed: Option<bool>,
        from: &'static [State],
        to: Option<State>,
        by: &'static [By],
    ) -> Transition {
        Transition { action, passed, from, to, by }
    }
    &[
        line(A::Accept, None, &[S::PendingAccept], Some(S::InProgress), &[By::Owner]),
        line(A::Return, None, AT_WORK, Some(S::PendingAccept), &[By::Owner]),
        line(
            A::Transfer,
            None,
            &[S::PendingLocation, S::PendingDispatch, S::PendingAccept, S::InProgress],
            Some(S::PendingAccept),
            &[By::Owner, By::DutyOfficer],
        ),
        line(A::Locate, None, WAITING, Some(S::PendingAccept), &[By::DutyOfficer]),
        line(A::ResolveOnSpot, None, AT_WORK, Some(S::Closed), &[By::Owner]),
        line(A::Resolve, None, &[S::InProgress, S::Deliberating], Some(S::PendingCheck), &[By::Owner]),
        line(A::Check, Some(true), &[S::PendingCheck], Some(S::Closed), &[By::Checker]),
        line(A::Check, Some(false), &[S::PendingCheck], Some(S::InProgress), &[By::Checker]),
        // Of closed matters only those that were closed on the spot: nobody else has looked yet.
        line(A::Check, Some(true), &[S::Closed], None, &[By::Checker]),
        line(A::Check, Some(false), &[S::Closed], Some(S::InProgress), &[By::Checker]),
        line(A::Extend, None, &[S::InProgress], None, &[By::DutyOfficer]),
        line(A::Suspend, None, &[S::InProgress], Some(S::Suspended), &[By::DutyOfficer]),
        line(
            A::Deliberate,
            None,
            &[S::InProgress, S::Deliberating],
            Some(S::Deliberating),
            &[By::Owner, By::DutyOfficer, By::System],
        ),
        line(
            A::Resume,
            None,
            &[S::Suspended, S::Deliberating],
            Some(S::InProgress),
            &[By::Owner, By::DutyOfficer, By::System],
        ),
        line(A::Whistle, None, AT_WORK, None, &[By::Owner, By::DutyOfficer]),
        line(A::SignIn, None, &[S::PendingAccept, S::InProgress, S::Deliberating], None, &[By::Helper]),
        line(A::Nudge, None, OPEN, None, &[By::DutyOfficer, By::System]),
        line(A::Supervise, None, OPEN, None, &[By::Leader]),
        line(A::Comment, None, OPEN, None, &[By::Reporter, By::Owner, By::DutyOfficer]),
        line(A::Merge, None, OPEN, Some(S::Cancelled), &[By::DutyOfficer]),
        line(A::Cancel, None, OPEN, Some(S::Cancelled), &[By::DutyOfficer]),
        line(A::Rate, None, &[S::Closed], None, &[By::Reporter]),
        line(A::Escalate, None, WAITING, Some(S::PendingAccept), &[By::System]),
        line(A::Escalate, None, &[S::InProgress, S::Deliberating], Some(S::PendingAccept), &[By::System]),
        line(A::Escalate, None, &[S::PendingCheck], None, &[By::System]),
    ]
};

/// The state an action leads to, or nothing where it is not allowed. `passed` is the outcome of a check.
///
/// ```
/// use yitu::domain::incident::{Action, State, next_state};
/// assert_eq!(next_state(State::PendingAccept, Action::Accept, true), Some(State::InProgress));
/// assert_eq!(next_state(State::PendingCheck, Action::Check, false), Some(State::InProgress));
/// assert_eq!(next_state(State::InProgress, Action::Nudge, true), Some(State::InProgress));
/// assert_eq!(next_state(State::Closed, Action::Accept, true), None);
/// ```
#[must_use]
pub fn next_state(from: State, action: Action, passed: bool) -> Option<State> {
    let fits = |t: &&Transition| t.action == action && t.from.contains(&from) && t.passed.is_none_or(|p| p == passed);
    TRANSITIONS.iter().find(fits).map(|t| t.to.unwrap_or(from))
}

/// What people may do in a state, each action once, in the order of the table.
#[must_use]
pub fn allowed(from: State) -> Vec<Action> {
    by_people(|t| t.from.contains(&from))
}

/// What people may do with an incident in a state: of closed matters only those closed on the spot are checked.
#[must_use]
pub fn allowed_of(from: State, on_the_spot: bool) -> Vec<Action> {
    let mut ways = allowed(from);
    ways.retain(|a| *a != Action::Check || from != State::Closed || on_the_spot);
    ways
}

/// What people may do in one state or another, each action once, in the order of the table.
#[must_use]
pub fn possible() -> Vec<Action> {
    by_people(|_| true)
}

fn by_people(fits: impl Fn(&Transition) -> bool) -> Vec<Action> {
    let mut out: Vec<Action> = Vec::new();
    for t in TRANSITIONS.iter().filter(|t| fits(t) && t.by != [Actor::System]) {
        if !out.contains(&t.action) {
            out.push(t.action);
        }
    }
    out
}

/// The table as people read it, in Markdown.
#[must_use]
pub fn table() -> String {
    let words = |all: &[&'static str]| all.join("、");
    let mut out = "| 操作 | 代码 | 何时可做 | 之后 | 谁 |\n|---|---|---|---|---|\n".to_owned();
    for t in TRANSITIONS {
        let outcome = match t.passed {
            Some(true) => "(通过)",
            Some(false) => "(退回重办)",
            None => "",
        };
        let from: Vec<_> = t.from.iter().map(|s| s.zh()).collect();
        let by: Vec<_> = t.by.iter().map(|a| a.zh()).collect();
        let to = t.to.map_or("不变", State::zh);
        let (action, code) = (t.action.zh(), t.action.code());
        let (from, by) = (words(&from), words(&by));
        // Writing to a string does not fail.
        let _ = writeln!(out, "| {action}{outcome} | `{code}` | {from} | {to} | {by} |");
    }
    out
}

/// The limits an incident has after a step. Its row moves on; the history keeps them, so that what was in time then can
/// be told at any later day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// 签收时限.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept_by: Option<DateTime<Utc>>,
    /// 办结时限.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve_by: Option<DateTime<Utc>>,
    /// The one that runs; none when it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_deadline_at: Option<DateTime<Utc>>,
    /// Since when one has passed that has not been made good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_since: Option<DateTime<Utc>>,
}

/// One row of an incident's history, as its digest covers it: JSON with its fields in this order.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryRow<'a> {
    /// Which incident.
    pub incident: Uuid,
    /// 1, 2, 3 … within the incident.
    pub ordinal: i32,
    /// What was done.
    pub action: &'a str,
    /// By whom, where that is a reference; a name is among the words.
    pub actor: Option<&'a str>,
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
    /// The salted digest of what is said in words, [`super::seal::words_digest`]; hexadecimal.
    pub words: String,
    /// Figures that go with it: an object. Whole numbers, texts and the like; not fractions, which the database may
    /// write in another way.
    pub detail: Value,
}

impl HistoryRow<'_> {
    /// SHA-256 over the digest of the row before (32 zero bytes for the first) and this row's JSON, the keys of
    /// `detail` in order.
    ///
    /// # Errors
    /// Never for these types; the encoder's signature asks for it.
    pub fn digest(&self, previous: Option<[u8; 32]>) -> Result<[u8; 32], serde_json::Error> {
        let mut row = self.clone();
        row.detail.sort_all_objects();
        let body = serde_json::to_vec(&row)?;
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
    fn what_has_ended_is_only_rated_or_checked_and_every_open_state_has_a_way_out() {
        for s in State::ALL {
            let ways = allowed(*s);
            if s.is_ended() {
                assert!(ways.iter().all(|a| matches!(a, Action::Rate | Action::Check)), "{s:?}: {ways:?}");
                continue;
            }
            let leads_on = |a: &Action| [true, false].iter().any(|p| next_state(*s, *a, *p) != Some(*s));
            assert!(ways.iter().any(leads_on), "{s:?}");
            // The clock always finds something to do.
            let by_the_clock = |t: &&Transition| t.from.contains(s) && t.by.contains(&Actor::System);
            assert!(TRANSITIONS.iter().any(|t| by_the_clock(&t)), "{s:?}");
        }
    }

    #[test]
    fn the_documents_table_is_this_one() {
        let document = include_str!("../../docs/LIFECYCLE.md");
        assert!(document.contains(&table()), "docs/LIFECYCLE.md should hold:\n{}", table());
    }

    #[test]
    fn an_action_in_a_state_leads_to_one_place() {
        for s in State::ALL {
            for a in Action::ALL {
                for passed in [true, false] {
                    let fits =
                        |t: &&Transition| t.action == *a && t.from.contains(s) && t.passed.is_none_or(|p| p == passed);
                    assert!(TRANSITIONS.iter().filter(fits).count() <= 1, "{s:?} {a:?}");
                }
            }
        }
    }
}
