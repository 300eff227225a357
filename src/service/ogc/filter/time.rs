//! Stretches of time: an instant, a day of the county, or an interval; ends included, microseconds.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// From one instant to another, both included; `i64::MIN` and `i64::MAX` are open ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Microseconds since 1970.
    pub start: i64,
    /// Microseconds since 1970.
    pub end: i64,
}

/// How two stretches lie to each other (Allen, as CQL2 names them).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the standard's own names
pub enum Relation {
    After,
    Before,
    Contains,
    Disjoint,
    During,
    Equals,
    FinishedBy,
    Finishes,
    Intersects,
    Meets,
    MetBy,
    OverlappedBy,
    Overlaps,
    StartedBy,
    Starts,
}

impl Relation {
    /// By its name in CQL2.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "t_after" => Self::After,
            "t_before" => Self::Before,
            "t_contains" => Self::Contains,
            "t_disjoint" => Self::Disjoint,
            "t_during" => Self::During,
            "t_equals" => Self::Equals,
            "t_finishedBy" => Self::FinishedBy,
            "t_finishes" => Self::Finishes,
            "t_intersects" => Self::Intersects,
            "t_meets" => Self::Meets,
            "t_metBy" => Self::MetBy,
            "t_overlappedBy" => Self::OverlappedBy,
            "t_overlaps" => Self::Overlaps,
            "t_startedBy" => Self::StartedBy,
            "t_starts" => Self::Starts,
            _ => return None,
        })
    }

    /// Whether `a` lies so to `b`.
    #[must_use]
    pub fn holds(self, a: Span, b: Span) -> bool {
        match self {
            Self::Before => a.end < b.start,
            Self::Meets => a.end == b.start,
            Self::Overlaps => a.start < b.start && b.start < a.end && a.end < b.end,
            Self::Starts => a.start == b.start && a.end < b.end,
            Self::During => a.start > b.start && a.end < b.end,
            Self::Finishes => a.start > b.start && a.end == b.end,
            Self::Equals => a == b,
            Self::Intersects => a.start <= b.end && a.end >= b.start,
            Self::Disjoint => !Self::Intersects.holds(a, b),
            Self::After => Self::Before.holds(b, a),
            Self::MetBy => Self::Meets.holds(b, a),
            Self::OverlappedBy => Self::Overlaps.holds(b, a),
            Self::StartedBy => Self::Starts.holds(b, a),
            Self::Contains => Self::During.holds(b, a),
            Self::FinishedBy => Self::Finishes.holds(b, a),
        }
    }
}

/// An RFC 3339 instant, or a calendar day in `zone`.
#[must_use]
pub fn span(text: &str, zone: Tz) -> Option<Span> {
    // Some clients write a day with the T of the hours they leave out.
    if let Ok(day) = text.strip_suffix('T').unwrap_or(text).parse::<NaiveDate>() {
        return day_span(day, zone);
    }
    let at = text.parse::<DateTime<Utc>>().ok()?.timestamp_micros();
    Some(Span { start: at, end: at })
}

fn day_span(day: NaiveDate, zone: Tz) -> Option<Span> {
    let begins = |day: NaiveDate| {
        let midnight = day.and_time(NaiveTime::MIN);
        // Where a clock change swallows midnight the day begins with it.
        let local = zone.from_local_datetime(&midnight).earliest();
        local.or_else(|| zone.from_local_datetime(&(midnight + TimeDelta::hours(1))).earliest())
    };
    Some(Span { start: begins(day)?.timestamp_micros(), end: begins(day.succ_opt()?)?.timestamp_micros() - 1 })
}

/// Two ends, either of which may be open (`..` or nothing).
#[must_use]
pub fn interval(from: &str, to: &str, zone: Tz) -> Option<Span> {
    let open = |text: &str| matches!(text, ".." | "");
    let start = if open(from) { i64::MIN } else { span(from, zone)?.start };
    let end = if open(to) { i64::MAX } else { span(to, zone)?.end };
    (start <= end).then_some(Span { start, end })
}

/// The parameter `datetime` of OGC API Features (Part 1, 7.15.4): an instant, a day, or `from/to`.
#[must_use]
pub fn parameter(text: &str, zone: Tz) -> Option<Span> {
    match text.split_once('/') {
        Some((from, to)) => interval(from, to, zone).filter(|s| (s.start, s.end) != (i64::MIN, i64::MAX)),
        None => span(text, zone),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_the_countys() {
        let zone = chrono_tz::Asia::Shanghai;
        let day = span("2026-11-20", zone).expect("a day");
        let edge = |text: &str| span(text, zone).expect("an instant").start;
        assert_eq!(day.start, edge("2026-11-19T16:00:00Z"));
        assert_eq!(day.end + 1, edge("2026-11-21T00:00:00+08:00"));
        assert_eq!(parameter("../2026-11-20", zone), Some(Span { start: i64::MIN, end: day.end }));
        assert_eq!(parameter("2026-11-20", zone), Some(day));
        assert!(parameter("2026-11-21/2026-11-20", zone).is_none() && parameter("../..", zone).is_none());
        assert!(Relation::During.holds(Span { start: day.start + 1, end: day.start + 1 }, day));
    }
}
