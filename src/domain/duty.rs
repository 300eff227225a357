//! The lists a duty officer works through.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::incident::coded;

coded! {
    /// One of the lists.
    DutyList {
        /// Its place is known from words only.
        Unlocated = "unlocated", "待定位";
        /// Nobody answers for it yet.
        Undispatched = "undispatched", "待分派";
        /// Its owner has still to sign for it.
        ToAccept = "to_accept", "待签收";
        /// Its limit ends within the hours asked for.
        DueSoon = "due_soon", "即将到期";
        /// A limit has passed.
        Overdue = "overdue", "已超期";
        /// Reported as done; someone else has to look.
        ToCheck = "to_check", "待核查";
        /// Closed on the spot, drawn for a check that has not been made.
        Sampled = "sampled", "即办即结待抽查";
        /// A unit was called and has not signed in.
        NotSignedIn = "not_signed_in", "协办未签到";
        /// A leader watches it.
        Supervised = "supervised", "督办中";
    }
}
