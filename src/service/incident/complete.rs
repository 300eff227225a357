//! Whether an action has what it needs.

use super::act::Act;
use crate::domain::Problem;
use crate::domain::incident::{Action, LocationSource};

/// Working days a matter may be given in all, from the day it was received.
pub const MOST_DAYS: i64 = 15;
/// Units that may be called at once.
const MOST_CALLED: usize = 10;
/// How long a unit that was called has to sign in, minutes by the clock: the least, what is usual, the most.
pub const SIGN_IN: (i64, i64, i64) = (5, 30, 24 * 60);

/// Whether the action has what it needs, as far as that can be told without the incident.
///
/// # Errors
/// A problem that names the field.
pub fn complete(action: Action, act: &Act) -> Result<(), Problem> {
    let silent = act.note.trim().is_empty();
    let reason = match action {
        Action::Check if act.passed == Some(false) => Some(("退回重办请写明原因", "Rework needs its reason")),
        Action::Return => Some(("退回请写明原因", "A return needs its reason")),
        Action::Extend => Some(("延期请写明原因", "An extension needs its reason")),
        Action::Suspend => Some(("挂账请写明情况", "A suspension needs its explanation")),
        Action::Supervise => Some(("督办请写明要求", "A supervision says what is demanded")),
        Action::Cancel => Some(("作废请写明原因", "A cancellation needs its reason")),
        Action::Comment => Some(("请写下要补充的情况", "A comment says something")),
        _ => None,
    };
    if let Some((zh, en)) = reason.filter(|_| silent) {
        return Err(Problem::bad_field("/note", zh, en));
    }
    let missing = match action {
        Action::Check if act.passed.is_none() => Some((
            "/passed",
            "核查要写明结果:passed 为 true(通过)或 false(退回重办)".to_owned(),
            "A check says its outcome: passed is true or false".to_owned(),
        )),
        Action::Transfer if act.to_unit_id.is_some() == act.to_grid_id.is_some() => Some((
            "/to_unit_id",
            "转办要写明转给哪个单位(to_unit_id),或实际在哪个网格(to_grid_id),二者写一个".to_owned(),
            "A transfer names the unit it goes to, or the grid where it really is; one of the two".to_owned(),
        )),
        Action::Locate if act.location.as_ref().is_none_or(|l| l.source == LocationSource::Text) => Some((
            "/location",
            "定位要给出位置:经纬度、图上点选或住户".to_owned(),
            "Locating gives the place: coordinates, a point on the map or a household".to_owned(),
        )),
        Action::Locate if act.location.as_ref().is_some_and(|l| l.text.is_some()) => Some((
            "/location/text",
            "定位不改上报人的地点描述;要补充的请写在 note 里".to_owned(),
            "Locating leaves the reporter's words; what is to be added goes into the note".to_owned(),
        )),
        Action::Extend if !act.days.is_some_and(|d| (1..=MOST_DAYS).contains(&d)) => Some((
            "/days",
            format!("延期按工作日计,1 至 {MOST_DAYS} 天"),
            format!("An extension is of 1 to {MOST_DAYS} working days"),
        )),
        Action::Suspend if act.review_on.is_none() => Some((
            "/review_on",
            "挂账要写明复核日,如 2026-12-20".to_owned(),
            "A suspension names the day of its review, such as 2026-12-20".to_owned(),
        )),
        Action::Whistle if act.unit_ids.is_empty() || act.unit_ids.len() > MOST_CALLED => Some((
            "/unit_ids",
            format!("吹哨要写明叫哪些单位,1 至 {MOST_CALLED} 个"),
            format!("A whistle calls 1 to {MOST_CALLED} units"),
        )),
        Action::Whistle if act.sign_in_minutes.is_some_and(|m| !(SIGN_IN.0..=SIGN_IN.2).contains(&m)) => Some((
            "/sign_in_minutes",
            format!("签到时限为 {} 至 {} 分钟", SIGN_IN.0, SIGN_IN.2),
            format!("Units sign in within {} to {} minutes", SIGN_IN.0, SIGN_IN.2),
        )),
        Action::SignIn if act.unit_id.is_none() => {
            Some(("/unit_id", "签到要写明是哪个单位".to_owned(), "Signing in names the unit that does".to_owned()))
        }
        Action::Merge if act.into.is_none() => Some((
            "/into",
            "合并要写明并入哪一件(事件 id)".to_owned(),
            "A merge names the incident it goes into by its id".to_owned(),
        )),
        Action::Rate if !act.rating.is_some_and(|r| (1..=5).contains(&r)) => {
            Some(("/rating", "评价为 1 至 5 分".to_owned(), "A rating is from 1 to 5".to_owned()))
        }
        _ => None,
    };
    missing.map_or(Ok(()), |(field, zh, en)| Err(Problem::bad_field(field, zh, en)))
}
