//! Lists by pages: how many a page holds, where it begins and what the next one is called.

use crate::domain::Problem;

const DEFAULT_LIMIT: i64 = 50;
const LARGEST_LIMIT: i64 = 1000;

/// How many a page holds.
///
/// # Errors
/// A problem that names `limit`.
pub fn limit(asked: Option<i64>) -> Result<i64, Problem> {
    let limit = asked.unwrap_or(DEFAULT_LIMIT);
    if (1..=LARGEST_LIMIT).contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::bad_field(
        "limit",
        format!("limit 应在 1 到 {LARGEST_LIMIT} 之间"),
        format!("limit lies between 1 and {LARGEST_LIMIT}"),
    ))
}

/// Where the page before ended; `read` takes the cursor apart.
///
/// # Errors
/// A problem that names `cursor`.
pub fn cursor<T>(asked: Option<&str>, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
    let Some(text) = asked.filter(|c| !c.is_empty()) else { return Ok(None) };
    read(text).map(Some).ok_or_else(|| {
        Problem::bad_field(
            "cursor",
            "游标无效,请用上一页的 next,或从第一页开始",
            "The cursor is not valid; use next of the page before",
        )
    })
}

/// Cuts rows, of which one more was asked for than a page holds, to the page; answers the cursor of the next one.
pub fn cut<T>(rows: &mut Vec<T>, limit: i64, cursor: impl FnOnce(&T) -> String) -> Option<String> {
    let more = rows.len() as i64 > limit;
    rows.truncate(limit as usize);
    rows.last().filter(|_| more).map(cursor)
}
