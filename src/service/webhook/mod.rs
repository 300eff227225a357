//! Receivers of notifications, as they are set up.

mod check;
pub mod list;
pub mod remove;
pub mod save;
pub mod test;
pub mod view;

use crate::domain::{FeatureId, Problem, ProblemKind};

fn missing(id: FeatureId) -> Problem {
    Problem::not_found(("接收方", "receiver"), id)
}

fn stale(now: i32, seen: i32) -> Problem {
    Problem::new(
        ProblemKind::Stale,
        "stale-version",
        ("接收方已有变化", "The receiver has changed"),
        (
            format!("您看到的是第 {seen} 版,现在是第 {now} 版。请刷新后再操作。"),
            format!("You saw version {seen}; it is now at version {now}. Reload it and try again."),
        ),
    )
}

fn version_required() -> Problem {
    Problem::new(
        ProblemKind::VersionRequired,
        "version-required",
        ("需要版本号", "A version is needed"),
        (
            "请带上您看到的版本:expected_version,或 If-Match 请求头。".to_owned(),
            "Send the version you saw as expected_version or If-Match.".to_owned(),
        ),
    )
}
