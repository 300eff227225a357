//! Public holidays and the weekend days worked in exchange (调休), 2024–2027, and working time.

use chrono::{DateTime, Datelike, Duration, FixedOffset, NaiveDate, Utc, Weekday};
use std::collections::BTreeMap;

use crate::domain::holidays;

/// The last year of the demo county's calendar.
pub const LAST_YEAR: i32 = 2027;

/// The days that differ from the week, in order: day, whether worked, name.
#[must_use]
pub fn days() -> Vec<(NaiveDate, bool, &'static str)> {
    holidays::until(LAST_YEAR).flat_map(|y| y.days).collect()
}

/// The county's working time.
pub struct WorkingTime {
    differing: BTreeMap<NaiveDate, bool>,
    zone: FixedOffset,
}

impl Default for WorkingTime {
    fn default() -> Self {
        Self { differing: days().into_iter().map(|(d, w, _)| (d, w)).collect(), zone: china() }
    }
}

/// UTC+8, which Asia/Shanghai has kept all through these years.
#[must_use]
pub fn china() -> FixedOffset {
    FixedOffset::east_opt(8 * 3600).unwrap_or_else(|| chrono::Offset::fix(&Utc))
}

impl WorkingTime {
    /// Whether people work on a day.
    #[must_use]
    pub fn works(&self, day: NaiveDate) -> bool {
        self.differing.get(&day).copied().unwrap_or(!matches!(day.weekday(), Weekday::Sat | Weekday::Sun))
    }

    /// The instant after so many working days, at the same time of day; a report on a free day counts
    /// from the start of the next working day.
    #[must_use]
    pub fn after_days(&self, from: DateTime<Utc>, days: i64) -> DateTime<Utc> {
        let local = from.with_timezone(&self.zone);
        let (mut day, mut time) = (local.date_naive(), local.time());
        if !self.works(day) {
            time = chrono::NaiveTime::MIN;
            while !self.works(day) {
                day += Duration::days(1);
            }
        }
        let mut left = days;
        while left > 0 {
            day += Duration::days(1);
            if self.works(day) {
                left -= 1;
            }
        }
        day.and_time(time).and_local_timezone(self.zone).single().map_or(from, |t| t.with_timezone(&Utc))
    }
}
