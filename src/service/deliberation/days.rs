//! The next days of 逢五说事.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::lunar::{LunarDate, YEARS, deliberation_days};
use crate::domain::{Problem, Viewer};
use crate::service::incident::facts::Facts;
use crate::service::{ServiceError, Yitu};

/// How many days are told unless another number is asked for, and at most: two months' and ten years'.
const COUNT: (usize, usize) = (6, 372);

/// Which days.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// From this day on; from today if left out.
    pub from: Option<NaiveDate>,
    /// So many; 6 unless said, up to 372.
    pub count: Option<usize>,
}

/// A day of 逢五说事.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliberationDay {
    /// The civil day.
    pub day: NaiveDate,
    /// The lunar day as people say it, such as 农历闰六月初五.
    pub lunar: String,
    /// 1 to 12.
    pub lunar_month: u8,
    /// Whether the month is a leap month 闰月.
    pub leap_month: bool,
    /// 5, 15 or 25.
    pub lunar_day: u8,
}

/// Tells them.
///
/// # Errors
/// Problems that name the parameter; a failing database.
pub async fn days(yitu: &Yitu, viewer: &Viewer, asked: Asked) -> Result<Vec<DeliberationDay>, ServiceError> {
    let count = asked.count.unwrap_or(COUNT.0);
    if !(1..=COUNT.1).contains(&count) {
        let most = COUNT.1;
        return Err(Problem::bad_field(
            "count",
            format!("count 应在 1 到 {most} 之间"),
            format!("count lies between 1 and {most}"),
        )
        .into());
    }
    let now = yitu.clock.now();
    let today = Facts::new(yitu, viewer, now).day().await?;
    let from = asked.from.unwrap_or(today);
    if LunarDate::of(from).is_none() {
        let (first, last) = YEARS;
        return Err(Problem::bad_field(
            "from",
            format!("农历只推算 {first} 至 {last} 年,您写的是 {from}"),
            format!("Lunar dates are known from {first} to {last}; it says {from}"),
        )
        .into());
    }
    let told = |(day, lunar): (NaiveDate, LunarDate)| DeliberationDay {
        day,
        lunar: lunar.to_string(),
        lunar_month: lunar.month(),
        leap_month: lunar.leap(),
        lunar_day: lunar.day(),
    };
    Ok(deliberation_days(from).take(count).map(told).collect())
}
