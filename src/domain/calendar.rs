//! Working time of a county: which days count, and deadlines over them.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The days a county works. Weekdays count and weekends do not, unless a day is listed as different:
/// a public holiday, or a weekend day worked in exchange (调休).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkCalendar {
    #[serde(serialize_with = "write_zone", deserialize_with = "read_zone")]
    zone: Tz,
    differing: BTreeMap<NaiveDate, bool>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn write_zone<S: Serializer>(zone: &Tz, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(zone.name())
}

fn read_zone<'de, D: Deserializer<'de>>(from: D) -> Result<Tz, D::Error> {
    String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
}

impl WorkCalendar {
    /// From the county's time zone and its listed days with whether they are worked.
    #[must_use]
    pub fn new(zone: Tz, differing: impl IntoIterator<Item = (NaiveDate, bool)>) -> Self {
        Self { zone, differing: differing.into_iter().collect() }
    }

    /// The county's day at an instant.
    #[must_use]
    pub fn day(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }

    /// The instant as people of the county read it: `11月26日 15:30`.
    #[must_use]
    pub fn spoken(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.zone).format("%-m月%-d日 %H:%M").to_string()
    }

    /// The instant on the county's clock.
    #[must_use]
    pub fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.zone).naive_local()
    }

    /// Whether a day is worked.
    #[must_use]
    pub fn works(&self, day: NaiveDate) -> bool {
        self.differing.get(&day).copied().unwrap_or(!matches!(day.weekday(), Weekday::Sat | Weekday::Sun))
    }

    /// The instant after so many minutes of which only those on working days count. A working day counts
    /// whole, midnight to midnight, so that 24 hours from a Friday noon end on Monday noon.
    #[must_use]
    pub fn after_minutes(&self, from: DateTime<Utc>, minutes: i64) -> DateTime<Utc> {
        let mut at = from;
        let mut left = Duration::minutes(minutes);
        loop {
            let day = self.day(at);
            let Some(tomorrow) = day.succ_opt() else { return at + left };
            let midnight = self.midnight(tomorrow);
            if self.works(day) {
                if at + left <= midnight {
                    return at + left;
                }
                left -= midnight - at;
            }
            at = midnight;
        }
    }

    /// The instant after so many working days, at the same time of day; from a free day it counts from the
    /// next working midnight.
    #[must_use]
    pub fn after_days(&self, from: DateTime<Utc>, days: i64) -> DateTime<Utc> {
        self.after_minutes(from, days * 24 * 60)
    }

    /// When a day begins there, also where the clocks are put forward at midnight.
    #[must_use]
    pub fn midnight(&self, day: NaiveDate) -> DateTime<Utc> {
        let midnight = day.and_time(chrono::NaiveTime::MIN);
        let local = self
            .zone
            .from_local_datetime(&midnight)
            .earliest()
            .or_else(|| self.zone.from_local_datetime(&(midnight + Duration::hours(1))).earliest());
        local.map_or_else(|| midnight.and_utc(), |t| t.with_timezone(&Utc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    #[test]
    fn free_days_do_not_count_and_exchanged_days_do() {
        let day = |d| NaiveDate::from_ymd_opt(2026, 10, d).expect("a day");
        // National day 1–7 October 2026 is free, Saturday the 10th is worked.
        let calendar =
            WorkCalendar::new(chrono_tz::Asia::Shanghai, (1..=7).map(|d| (day(d), false)).chain([(day(10), true)]));
        let cases = [
            ("2026-09-30T15:00:00+08:00", 1, "2026-10-08T15:00:00+08:00"),
            ("2026-10-03T15:00:00+08:00", 1, "2026-10-09T00:00:00+08:00"),
            ("2026-10-09T09:00:00+08:00", 1, "2026-10-10T09:00:00+08:00"),
            ("2026-10-10T09:00:00+08:00", 1, "2026-10-12T09:00:00+08:00"),
            ("2026-10-08T09:00:00+08:00", 3, "2026-10-12T09:00:00+08:00"),
        ];
        for (from, days, to) in cases {
            assert_eq!(calendar.after_days(at(from), days), at(to), "{from} + {days}");
        }
        assert_eq!(calendar.after_minutes(at("2026-10-09T23:00:00+08:00"), 120), at("2026-10-10T01:00:00+08:00"));
    }
}
