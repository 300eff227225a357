//! Public holidays and the weekend days worked in exchange (调休), as the State Council announces them year by year; for
//! a year that is not announced yet, its festivals by law.
//!
//! Sources: the notices of the State Council's General Office 《关于2024年部分节假日安排的通知》(国办发明电〔2023〕7号,
//! 25 October 2023), 《关于2025年部分节假日安排的通知》(国办发明电〔2024〕12号, 12 November 2024) and
//! 《关于2026年部分节假日安排的通知》(4 November 2025); 《全国年节及纪念日放假办法》as revised in November 2024.

use std::collections::BTreeMap;

use chrono::{Duration, NaiveDate};
use tyme4rs::tyme::lunar::LunarDay;
use tyme4rs::tyme::solar::{SolarDay, SolarTerm};

/// The first year there are data of.
pub const FIRST_YEAR: i32 = 2024;
/// The name of a weekend day worked in exchange.
pub const EXCHANGED: &str = "调休上班";

/// The days of a year that differ from the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YearOfDays {
    /// Which year.
    pub year: i32,
    /// Not announced yet: the festivals by law, without the days exchanged for them.
    pub provisional: bool,
    /// Where it is from.
    pub source: &'static str,
    /// In order: the day, whether it is worked, its name.
    pub days: Vec<(NaiveDate, bool, &'static str)>,
}

/// One notice: its name, its holidays (first month and day, days off, name), and its weekend days worked in exchange.
struct Notice {
    year: i32,
    source: &'static str,
    off: &'static [(u32, u32, i64, &'static str)],
    worked: &'static [(u32, u32)],
}

const NOTICES: &[Notice] = &[
    Notice {
        year: 2024,
        source: "国务院办公厅关于2024年部分节假日安排的通知(国办发明电〔2023〕7号)",
        off: &[
            (1, 1, 1, "元旦"),
            (2, 10, 8, "春节"),
            (4, 4, 3, "清明节"),
            (5, 1, 5, "劳动节"),
            (6, 10, 1, "端午节"),
            (9, 15, 3, "中秋节"),
            (10, 1, 7, "国庆节"),
        ],
        worked: &[(2, 4), (2, 18), (4, 7), (4, 28), (5, 11), (9, 14), (9, 29), (10, 12)],
    },
    Notice {
        year: 2025,
        source: "国务院办公厅关于2025年部分节假日安排的通知(国办发明电〔2024〕12号)",
        off: &[
            (1, 1, 1, "元旦"),
            (1, 28, 8, "春节"),
            (4, 4, 3, "清明节"),
            (5, 1, 5, "劳动节"),
            (5, 31, 3, "端午节"),
            (10, 1, 8, "国庆节、中秋节"),
        ],
        worked: &[(1, 26), (2, 8), (4, 27), (9, 28), (10, 11)],
    },
    Notice {
        year: 2026,
        source: "国务院办公厅关于2026年部分节假日安排的通知(2025年11月4日)",
        off: &[
            (1, 1, 3, "元旦"),
            (2, 15, 9, "春节"),
            (4, 4, 3, "清明节"),
            (5, 1, 5, "劳动节"),
            (6, 19, 3, "端午节"),
            (9, 25, 3, "中秋节"),
            (10, 1, 7, "国庆节"),
        ],
        worked: &[(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)],
    },
];

const BY_LAW: &str = "全国年节及纪念日放假办法(2024年修订)的法定节日;放假安排通知尚未发布,暂定";

/// A year's days: as announced, else by law.
///
/// ```
/// use yitu::domain::holidays::year;
/// assert!(!year(2026).provisional);
/// assert!(year(2040).provisional);
/// ```
#[must_use]
pub fn year(year: i32) -> YearOfDays {
    let Some(notice) = NOTICES.iter().find(|n| n.year == year) else {
        return YearOfDays { year, provisional: true, source: BY_LAW, days: listed(statutory(year), &[], year) };
    };
    let off = notice.off.iter().filter_map(|&(m, d, days, name)| Some((date(year, m, d)?, days, name)));
    YearOfDays { year, provisional: false, source: notice.source, days: listed(off, notice.worked, year) }
}

/// All years from the first to one, included.
pub fn until(last: i32) -> impl Iterator<Item = YearOfDays> {
    (FIRST_YEAR..=last).map(year)
}

fn date(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, day)
}

fn listed(
    off: impl IntoIterator<Item = (NaiveDate, i64, &'static str)>,
    worked: &[(u32, u32)],
    year: i32,
) -> Vec<(NaiveDate, bool, &'static str)> {
    let mut out = BTreeMap::new();
    for (first, days, name) in off {
        for n in 0..days {
            out.entry(first + Duration::days(n)).or_insert((false, name));
        }
    }
    out.extend(worked.iter().filter_map(|&(m, d)| Some((date(year, m, d)?, (true, EXCHANGED)))));
    out.into_iter().map(|(day, (working, name))| (day, working, name)).collect()
}

/// The festivals by law (article 2): 1 + 4 + 1 + 2 + 1 + 1 + 3 days, the Spring Festival from its eve on.
fn statutory(year: i32) -> Vec<(NaiveDate, i64, &'static str)> {
    let lunar = |month, day| solar(LunarDay::from_ymd(year as isize, month, day).get_solar_day());
    // The twenty-four terms are counted from the winter solstice before the year; Qingming is the seventh.
    let qingming = solar(SolarTerm::from_index(year as isize, 7).get_solar_day());
    let all = [
        (date(year, 1, 1), 1, "元旦"),
        (lunar(1, 1).and_then(|d| d.pred_opt()), 4, "春节"),
        (qingming, 1, "清明节"),
        (date(year, 5, 1), 2, "劳动节"),
        (lunar(5, 5), 1, "端午节"),
        (lunar(8, 15), 1, "中秋节"),
        (date(year, 10, 1), 3, "国庆节"),
    ];
    all.into_iter().filter_map(|(first, days, name)| Some((first?, days, name))).collect()
}

fn solar(day: SolarDay) -> Option<NaiveDate> {
    date(day.get_year() as i32, day.get_month() as u32, day.get_day() as u32)
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, Weekday};

    use super::*;

    #[test]
    fn announced_years_are_whole_and_plausible() {
        for (announced, off, worked) in [(2024, 28, 8), (2025, 28, 5), (2026, 33, 6)] {
            let y = year(announced);
            assert!(!y.provisional && y.source.contains(&announced.to_string()));
            assert!(y.days.iter().all(|(day, ..)| day.year() == announced));
            assert_eq!(y.days.iter().filter(|d| !d.1).count(), off, "{announced}");
            // Only weekend days are worked in exchange, else the notice was misread.
            let exchanged: Vec<_> = y.days.iter().filter(|d| d.1).collect();
            assert_eq!(exchanged.len(), worked, "{announced}");
            assert!(exchanged.iter().all(|d| matches!(d.0.weekday(), Weekday::Sat | Weekday::Sun)), "{exchanged:?}");
        }
    }

    #[test]
    fn the_law_is_kept_by_every_notice_and_stands_in_for_the_next() {
        // From 2025 on, the revised law: each of its days is off in the notice.
        for announced in [2025, 2026] {
            let off: Vec<_> = year(announced).days.into_iter().filter(|d| !d.1).map(|d| d.0).collect();
            for (first, days, name) in statutory(announced) {
                assert!((0..days).all(|n| off.contains(&(first + Duration::days(n)))), "{announced} {name} {first}");
            }
        }
        let day = |m, d| date(2027, m, d).expect("a day");
        let expected = [
            (day(1, 1), "元旦"),
            (day(2, 5), "春节"),
            (day(2, 6), "春节"),
            (day(2, 7), "春节"),
            (day(2, 8), "春节"),
            (day(4, 5), "清明节"),
            (day(5, 1), "劳动节"),
            (day(5, 2), "劳动节"),
            (day(6, 9), "端午节"),
            (day(9, 15), "中秋节"),
            (day(10, 1), "国庆节"),
            (day(10, 2), "国庆节"),
            (day(10, 3), "国庆节"),
        ];
        let y = year(2027);
        assert!(y.provisional);
        assert_eq!(y.days, expected.map(|(day, name)| (day, false, name)));
    }
}
