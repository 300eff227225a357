//! Public holidays and the weekend days worked in exchange (调休), 2024–2027, and working time.
//!
//! 2024–2026 as the State Council's General Office announced them. 2027 is not announced at the time of
//! writing: its holidays stand at their statutory days with no exchange, to be corrected by data.

use chrono::{DateTime, Datelike, Duration, FixedOffset, NaiveDate, Utc, Weekday};
use std::collections::BTreeMap;

/// (year, first month, first day, days off, name).
const HOLIDAYS: &[(i32, u32, u32, i64, &str)] = &[
    (2024, 1, 1, 1, "元旦"),
    (2024, 2, 10, 8, "春节"),
    (2024, 4, 4, 3, "清明节"),
    (2024, 5, 1, 5, "劳动节"),
    (2024, 6, 10, 1, "端午节"),
    (2024, 9, 15, 3, "中秋节"),
    (2024, 10, 1, 7, "国庆节"),
    (2025, 1, 1, 1, "元旦"),
    (2025, 1, 28, 8, "春节"),
    (2025, 4, 4, 3, "清明节"),
    (2025, 5, 1, 5, "劳动节"),
    (2025, 5, 31, 3, "端午节"),
    (2025, 10, 1, 8, "国庆节、中秋节"),
    (2026, 1, 1, 3, "元旦"),
    (2026, 2, 15, 9, "春节"),
    (2026, 4, 4, 3, "清明节"),
    (2026, 5, 1, 5, "劳动节"),
    (2026, 6, 19, 3, "端午节"),
    (2026, 9, 25, 3, "中秋节"),
    (2026, 10, 1, 7, "国庆节"),
    (2027, 1, 1, 1, "元旦"),
    (2027, 2, 5, 4, "春节"),
    (2027, 4, 5, 1, "清明节"),
    (2027, 5, 1, 2, "劳动节"),
    (2027, 6, 9, 1, "端午节"),
    (2027, 9, 15, 1, "中秋节"),
    (2027, 10, 1, 3, "国庆节"),
];

/// Weekend days worked in exchange.
const WORKED: &[(i32, u32, u32)] = &[
    (2024, 2, 4),
    (2024, 2, 18),
    (2024, 4, 7),
    (2024, 4, 28),
    (2024, 5, 11),
    (2024, 9, 14),
    (2024, 9, 29),
    (2024, 10, 12),
    (2025, 1, 26),
    (2025, 2, 8),
    (2025, 4, 27),
    (2025, 9, 28),
    (2025, 10, 11),
    (2026, 1, 4),
    (2026, 2, 14),
    (2026, 2, 28),
    (2026, 5, 9),
    (2026, 9, 20),
    (2026, 10, 10),
];

/// The days that differ from the week, in order: day, whether worked, name.
#[must_use]
pub fn days() -> Vec<(NaiveDate, bool, &'static str)> {
    let mut out = BTreeMap::new();
    for &(y, m, d, count, name) in HOLIDAYS {
        if let Some(first) = NaiveDate::from_ymd_opt(y, m, d) {
            for n in 0..count {
                out.insert(first + Duration::days(n), (false, name));
            }
        }
    }
    for &(y, m, d) in WORKED {
        if let Some(day) = NaiveDate::from_ymd_opt(y, m, d) {
            out.insert(day, (true, "调休上班"));
        }
    }
    out.into_iter().map(|(day, (working, name))| (day, working, name)).collect()
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
