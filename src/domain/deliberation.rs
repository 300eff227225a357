//! 逢五说事: matters on the agenda of a pavilion, corridor or courtyard on a lunar 5th, 15th or 25th.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::incident::coded;
use super::lunar::spoken;

/// Where people deliberate: code and Chinese word of the kind of venue.
pub const VENUE_KINDS: [(&str, &str); 3] =
    [("pavilion", "议事亭"), ("corridor", "议事长廊"), ("courtyard", "议事小院")];

/// What one sitting takes where its venue says nothing else: some three hours at half an hour a matter. How many
/// people a venue holds is another thing.
pub const USUAL_LIMIT: i32 = 6;

/// People are told of a matter so many days before it is deliberated, unless a nearer day is named.
pub const NOTICE_DAYS: u64 = 2;

/// So many days ahead an agenda may be filled.
pub const DAYS_AHEAD: i64 = 60;

/// How often a matter may be carried over.
pub const MOST_CARRIED_OVER: i32 = 3;

coded! {
    /// What came of a matter on an agenda.
    Outcome {
        /// Not yet deliberated.
        Waiting = "waiting", "待议";
        /// People agreed.
        Agreed = "agreed", "议定";
        /// They did not.
        NotAgreed = "not_agreed", "未议定";
        /// It was not reached and stands on a later agenda.
        CarriedOver = "carried_over", "顺延";
        /// It was taken off the agenda.
        Withdrawn = "withdrawn", "撤回";
    }
}

/// Where something stands, as an incident's history says it.
#[must_use]
pub fn place_on_agenda(venue: &str, day: NaiveDate, agenda_no: i32) -> String {
    let (month, of_month, lunar) = (day.month(), day.day(), spoken(day));
    format!("列入{venue}{month}月{of_month}日({lunar})议程第 {agenda_no} 项。")
}

/// An incident's topic. Agendas hang in public, so the reporter's words are not repeated.
#[must_use]
pub fn usual_topic(category: &str, number: i64) -> String {
    format!("{category}(第 {number} 号)")
}
