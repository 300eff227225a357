//! How likely two reports are of the same matter.
//!
//! The score is a weighted mean of three likenesses between 0 and 1, times a factor for the category:
//!
//! - **near** (½): exp(−d² / 2s²) of the distance d, where s² is the sum of both fixes' variances and of a matter's own
//!   extent (40 m): two good fixes 20 m apart are near, two poor ones 150 m apart may still be.
//! - **soon** (⅕): 1 at the same time, ½ three days apart, falling on (1 / (1 + t / 3 d)): a hole in the road stays.
//! - **alike** (3⁄10): the share of character pairs two descriptions have in common (Dice), after spaces, punctuation and
//!   widths are evened out; ½ where one says nothing.
//! - The same category counts 1, another of the same head 0.7, any other nothing.
//!
//! From [`LIKELY`] on it is worth a look; a person decides. Same category and place within the hour reach it whatever the
//! words; a hundred metres apart with good fixes do not, whatever the words.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::Sigma;
use crate::domain::FeatureId;
use crate::geo::LonLat;
use crate::geo::measure::distance_m;

/// From this score on two reports are offered as likely the same.
pub const LIKELY: f64 = 0.6;
/// Beyond this a fix says too little: everything around would be alike. Metres.
const WORST_SIGMA_M: f64 = 150.0;
/// How far one matter reaches, and how well people point at it, metres.
const EXTENT_M: f64 = 40.0;
/// Hours after which two reports are half as likely of the same time.
const HALF_HOURS: f64 = 72.0;
const WEIGHTS: (f64, f64, f64) = (0.5, 0.2, 0.3);
const SAME_HEAD: f64 = 0.7;

/// A report, as far as it can be compared.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Where.
    pub point: LonLat,
    /// How well that is known; exactly if nothing.
    pub sigma: Option<Sigma>,
    /// When it was reported.
    pub at: DateTime<Utc>,
    /// Its category.
    pub category_id: FeatureId,
    /// That category's head.
    pub head_id: Option<FeatureId>,
    /// What was said.
    pub text: String,
}

/// How two reports compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// 0 to 1.
    pub score: f64,
    /// How far apart, metres.
    pub distance_m: f64,
    /// How long apart, minutes.
    pub minutes: i64,
}

/// Compares two reports; nothing where their categories have nothing in common.
#[must_use]
pub fn likeness(a: &Seen, b: &Seen) -> Option<Likeness> {
    let head = |s: &Seen| s.head_id.unwrap_or(s.category_id);
    if head(a) != head(b) {
        return None;
    }
    let distance_m = distance_m(a.point, b.point);
    let spread = variance(a.sigma) + variance(b.sigma) + EXTENT_M * EXTENT_M;
    let near = (-distance_m * distance_m / (2.0 * spread)).exp();
    let minutes = (a.at - b.at).num_minutes().abs();
    let soon = 1.0 / (1.0 + minutes as f64 / 60.0 / HALF_HOURS);
    let mean = WEIGHTS.0 * near + WEIGHTS.1 * soon + WEIGHTS.2 * alike(&a.text, &b.text);
    let score = if a.category_id == b.category_id { mean } else { SAME_HEAD * mean };
    Some(Likeness { score, distance_m, minutes })
}

/// How far away something can be and still be likely the same, with all else equal, metres.
#[must_use]
pub fn reach_m(sigma: Option<Sigma>) -> f64 {
    // The other fix may be as bad as they count.
    let spread = variance(sigma) + WORST_SIGMA_M * WORST_SIGMA_M + EXTENT_M * EXTENT_M;
    let least_near = (LIKELY - WEIGHTS.1 - WEIGHTS.2) / WEIGHTS.0;
    (-2.0 * spread * least_near.ln()).sqrt()
}

fn variance(sigma: Option<Sigma>) -> f64 {
    sigma.map_or(0.0, |s| s.metres().min(WORST_SIGMA_M).powi(2))
}

/// The share of character pairs two texts have in common: twice those in both over those in each (Dice 1945); ½ where
/// one is too short to have any.
///
/// ```
/// use yitu::dispatch::duplicates::alike;
/// assert!(alike("村口垃圾堆积,有异味", "村口 垃圾堆积 很臭") > 0.5);
/// assert!(alike("村口垃圾堆积", "路灯不亮") < 0.1);
/// ```
#[must_use]
pub fn alike(a: &str, b: &str) -> f64 {
    let (a, b) = (pairs(a), pairs(b));
    let (of_a, of_b): (usize, usize) = (a.values().sum(), b.values().sum());
    if of_a == 0 || of_b == 0 {
        return 0.5;
    }
    let common: usize = a.iter().map(|(pair, n)| b.get(pair).map_or(0, |m| *n.min(m))).sum();
    2.0 * common as f64 / (of_a + of_b) as f64
}

/// The pairs of neighbouring characters, with how often each comes.
fn pairs(text: &str) -> HashMap<(char, char), usize> {
    let even: Vec<char> =
        text.chars().map(half_width).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let mut out = HashMap::new();
    for pair in even.windows(2) {
        *out.entry((pair[0], pair[1])).or_default() += 1;
    }
    out
}

/// Full-width letters and digits as the usual ones (Unicode's block FF01–FF5E).
fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::geo::measure::metres_per_degree;

    const WASTE: i64 = 301;
    const SEWAGE: i64 = 302;
    const LAMP: i64 = 401;

    fn seen(east_m: f64, hours: i64, category_id: i64, text: &str) -> Seen {
        let (x_m, _) = metres_per_degree(25.4);
        Seen {
            point: LonLat::new(117.2 + east_m / x_m, 25.4).expect("a point"),
            sigma: None,
            at: "2026-11-20T02:00:00Z".parse::<DateTime<Utc>>().expect("an instant") + Duration::hours(hours),
            category_id,
            head_id: Some(category_id / 100),
            text: text.to_owned(),
        }
    }

    fn fix(accuracy_m: f64, s: Seen) -> Seen {
        Seen { sigma: Some(Sigma::from_accuracy(accuracy_m, 0.68)), ..s }
    }

    #[test]
    fn what_people_would_call_the_same_is_likely_and_the_rest_is_not() {
        let said = "岭下村口垃圾池满了,堆到路上";
        let first = || seen(0.0, 0, WASTE, said);
        let cases = [
            ("a neighbour an hour later in other words", seen(15.0, 1, WASTE, "垃圾没人清运,臭得很"), true),
            ("the same person sends it again", seen(5.0, 0, WASTE, said), true),
            ("the next day, much the same words", seen(40.0, 26, WASTE, "村口垃圾池还是满的,堆到路上没人管"), true),
            ("two days later with no words", seen(20.0, 48, WASTE, ""), true),
            ("another pool 120 m down the road", seen(120.0, 1, WASTE, "垃圾池满了"), false),
            ("the same words at the other end of the village", seen(600.0, 1, WASTE, said), false),
            ("another matter of the head, other words", seen(10.0, 1, SEWAGE, "养猪场往河里排污水"), false),
            (
                "filed under its neighbour in the same words",
                seen(10.0, 1, SEWAGE, "岭下村口垃圾池满了,污水流到路上"),
                true,
            ),
            ("the lamp beside it", seen(2.0, 0, LAMP, said), false),
            ("a month later, nearby, other words", seen(35.0, 24 * 30, WASTE, "有人乱倒建筑垃圾"), false),
        ];
        for (what, other, likely) in cases {
            let found = likeness(&first(), &other);
            let score = found.map_or(0.0, |l| l.score);
            assert_eq!(score >= LIKELY, likely, "{what}: {score:.2}");
            assert_eq!(found, likeness(&other, &first()), "{what}: the same both ways");
        }
    }

    #[test]
    fn poor_fixes_reach_further() {
        let said = "路面塌陷,车辆绕行";
        let apart = |accuracy: f64| {
            likeness(&fix(accuracy, seen(0.0, 0, WASTE, said)), &fix(accuracy, seen(130.0, 2, WASTE, said)))
        };
        let score = |accuracy| apart(accuracy).expect("comparable").score;
        assert!(score(5.0) < LIKELY && score(120.0) >= LIKELY, "{} {}", score(5.0), score(120.0));
        // Nothing beyond the reach is likely, with identical words at the same time.
        for accuracy in [1.0, 50.0, 5000.0] {
            let a = fix(accuracy, seen(0.0, 0, WASTE, said));
            let beyond = fix(5000.0, seen(reach_m(a.sigma) + 1.0, 0, WASTE, said));
            assert!(likeness(&a, &beyond).expect("comparable").score < LIKELY, "{accuracy}");
            let within = fix(5000.0, seen(reach_m(a.sigma) - 1.0, 0, WASTE, said));
            assert!(likeness(&a, &within).expect("comparable").score > LIKELY, "{accuracy}");
        }
    }

    #[test]
    fn words_are_compared_without_their_dress() {
        assert!((alike("5号楼,漏水!", "5号楼漏水") - 1.0).abs() < 1e-9);
        assert!((alike("ＡＢ栋 停电", "ab栋停电") - 1.0).abs() < 1e-9);
        assert!((alike("火", "起火了") - 0.5).abs() < 1e-9, "one character has no pairs");
        // Pairs count as often as they come: 哈哈 twice in one, once in the other.
        assert!((alike("哈哈哈", "哈哈") - 2.0 / 3.0).abs() < 1e-9);
    }
}
