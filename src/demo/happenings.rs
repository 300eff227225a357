//! When matters happen, how often each kind does, and what is said of them.

use chrono::{DateTime, Duration, TimeZone, Timelike, Utc};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::calendar::china;
use super::model::{Category, Incident};
use super::names::pick;

/// Days the story runs over: eighteen months.
const DAYS: i64 = 548;

/// An instant of the last eighteen months, by day rather than by night, a little more often lately.
pub fn instant(rng: &mut ChaCha8Rng, now: DateTime<Utc>) -> DateTime<Utc> {
    loop {
        // A few more of the last two days, so that a map of open matters is not empty.
        let back = if rng.random::<f64>() < 0.012 {
            2.5 * rng.random::<f64>()
        } else {
            DAYS as f64 * (1.0 - rng.random::<f64>().powf(0.85))
        };
        let day = (now - Duration::seconds((back * 86_400.0) as i64)).with_timezone(&china());
        let hour = (6.0 + 15.0 * (rng.random::<f64>() + rng.random::<f64>()) / 2.0) as u32;
        let at = day
            .with_hour(hour)
            .and_then(|d| d.with_minute(rng.random_range(0..60)))
            .and_then(|d| d.with_second(rng.random_range(0..60)));
        if let Some(at) = at.map(|a| a.with_timezone(&Utc)).filter(|a| *a < now - Duration::minutes(2)) {
            // Whole milliseconds, which every client and database keeps alike.
            return Utc.timestamp_millis_opt(at.timestamp_millis()).single().unwrap_or(at);
        }
    }
}

/// Leaves of the tree with how often they come.
#[must_use]
pub fn weights(categories: &[Category]) -> Vec<(usize, u32)> {
    categories
        .iter()
        .enumerate()
        .filter(|(_, c)| c.parent.is_some())
        .map(|(k, c)| {
            let often = match &c.code[..2] {
                "02" => 12,
                "03" => 20,
                "04" => 16,
                "01" | "05" => 18,
                "06" => 6,
                "08" => 3,
                "09" => 10,
                "10" => 1,
                _ => 4,
            };
            (k, often)
        })
        .collect()
}

/// What the reporter says: where, what, and one thing more.
pub fn describe(rng: &mut ChaCha8Rng, category: &Category, place: &str) -> String {
    let more = pick(
        rng,
        &[
            "请尽快处理。",
            "已持续两三天。",
            "村民多次反映。",
            "雨后更加严重。",
            "影响老人出行。",
            "现场有人等候。",
            "希望派人来看看。",
            "情况已拍照。",
        ],
    );
    let spot =
        pick(rng, &["村口", "桥头", "路边", "屋后", "祠堂旁", "小卖部门口", "溪边", "广场边", "校门口", "晒谷坪"]);
    format!("{place}{spot}:{},{more}", category.name)
}

/// Who reported, in the history's words.
#[must_use]
pub fn reporter(i: &Incident) -> String {
    match i.reporter {
        "grid_worker" => "网格员",
        "village_cadre" => "村干部",
        "hotline" => "12345 热线",
        _ => "群众",
    }
    .into()
}

/// A person as the history names them, or the unit where none is known.
#[must_use]
pub fn actor(who: Option<i64>, unit: i64) -> String {
    who.map_or_else(|| format!("unit:{unit}"), |w| format!("responder:{w}"))
}
