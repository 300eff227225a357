//! The lunar date of a civil day, and the days of 逢五说事: every lunar 5th, 15th and 25th, those of leap months too.

use std::fmt;

use chrono::{Datelike, NaiveDate};
use tyme4rs::tyme::solar::SolarDay;

/// The civil years whose days have a lunar date here, both included; 1950 to 2050 are checked day by day.
pub const YEARS: (i32, i32) = (1901, 2100);

const MONTHS: [&str; 12] = ["正", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二"];
const UNITS: [&str; 10] = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十"];

/// Two new moons fell minutes from midnight at Beijing and tyme4rs has them on the wrong side of it: 3 February 1954,
/// 23:55, and 2 March 1957, 00:12 (Meeus, Astronomical Algorithms, chapter 49, as ICU4X has it after the almanacs of the
/// Purple Mountain and the Hong Kong Observatory). Civil year, month and day on which a correction begins; its days; the lunar month, of
/// that year, and the lunar day it begins with.
const AT_MIDNIGHT: [(i32, u32, u32, i64, u8, u8); 3] =
    [(1954, 2, 3, 30, 1, 1), (1957, 3, 1, 1, 1, 30), (1957, 3, 2, 29, 2, 1)];

/// A day of the Chinese calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LunarDate {
    year: i32,
    month: u8,
    leap: bool,
    day: u8,
}

impl LunarDate {
    /// The lunar date of a civil day; none outside [`YEARS`].
    ///
    /// ```
    /// use chrono::NaiveDate;
    /// use yitu::domain::lunar::LunarDate;
    /// let day = NaiveDate::from_ymd_opt(2025, 7, 29).unwrap();
    /// assert_eq!(LunarDate::of(day).unwrap().to_string(), "农历闰六月初五");
    /// ```
    #[must_use]
    pub fn of(day: NaiveDate) -> Option<Self> {
        if !(YEARS.0..=YEARS.1).contains(&day.year()) {
            return None;
        }
        for (year, m, d, days, month, first) in AT_MIDNIGHT {
            let past = (day - NaiveDate::from_ymd_opt(year, m, d)?).num_days();
            if (0..days).contains(&past) {
                return Some(Self { year, month, leap: false, day: first + past as u8 });
            }
        }
        let solar = SolarDay::new(day.year() as isize, day.month() as usize, day.day() as usize).ok()?;
        let lunar = solar.get_lunar_day();
        // The month counts negative where it is a leap month.
        let month = lunar.get_month();
        Some(Self {
            year: lunar.get_year() as i32,
            month: month.unsigned_abs() as u8,
            leap: month < 0,
            day: lunar.get_day() as u8,
        })
    }

    /// The year it belongs to, by the civil year in which that began.
    #[must_use]
    pub fn year(self) -> i32 {
        self.year
    }

    /// 1 to 12; a leap month has the number of the month before it.
    #[must_use]
    pub fn month(self) -> u8 {
        self.month
    }

    /// Whether it is in a leap month 闰月.
    #[must_use]
    pub fn leap(self) -> bool {
        self.leap
    }

    /// 1 to 30.
    #[must_use]
    pub fn day(self) -> u8 {
        self.day
    }

    /// Whether people deliberate on it.
    #[must_use]
    pub fn is_deliberation_day(self) -> bool {
        self.day % 10 == 5
    }
}

/// As people say it: 农历十月十五.
impl fmt::Display for LunarDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leap = if self.leap { "闰" } else { "" };
        let month = MONTHS[usize::from(self.month - 1)];
        let tens = match self.day {
            ..=10 => "初",
            11..=19 => "十",
            20 => "二",
            21..=29 => "廿",
            _ => "三",
        };
        let unit = UNITS[usize::from((self.day + 9) % 10)];
        write!(f, "农历{leap}{month}月{tens}{unit}")
    }
}

/// The lunar date of a day as people say it; nothing outside [`YEARS`].
#[must_use]
pub fn spoken(day: NaiveDate) -> String {
    LunarDate::of(day).map(|lunar| lunar.to_string()).unwrap_or_default()
}

/// The days of 逢五说事 from a day on, itself included, the nearest first.
pub fn deliberation_days(from: NaiveDate) -> impl Iterator<Item = (NaiveDate, LunarDate)> {
    deliberated(from.iter_days())
}

/// The days of 逢五说事 up to a day, itself included, the nearest first.
pub fn deliberation_days_until(day: NaiveDate) -> impl Iterator<Item = (NaiveDate, LunarDate)> {
    deliberated(day.iter_days().rev())
}

fn deliberated(days: impl Iterator<Item = NaiveDate>) -> impl Iterator<Item = (NaiveDate, LunarDate)> {
    days.map_while(|day| Some((day, LunarDate::of(day)?))).filter(|(_, lunar)| lunar.is_deliberation_day())
}
