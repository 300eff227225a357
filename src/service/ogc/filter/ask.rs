//! Asking a bound filter of a feature.

use std::borrow::Cow;
use std::cmp::Ordering;

use geo::{BoundingRect, Intersects, Relate};

use super::bind::{Arithmetic, Compare, Lists, Place, Space, Term, Test};
use super::time::{self, Span};
use crate::domain::{Feature, Value};
use crate::geo::{Bbox, Geometry};

/// A term's value for one feature.
enum Worth<'a> {
    Nothing,
    Number(f64),
    Text(Cow<'a, str>),
    Bool(bool),
    Time(Span),
}

impl Test {
    /// True, false or unknown.
    pub(super) fn of(&self, feature: &Feature) -> Option<bool> {
        match self {
            Self::Known(known) => *known,
            Self::Not(test) => test.of(feature).map(|t| !t),
            Self::And(tests) => all(tests, feature, false),
            Self::Or(tests) => all(tests, feature, true),
            Self::Flag(term) => match term.of(feature) {
                Worth::Bool(flag) => Some(flag),
                _ => None,
            },
            Self::Compare(how, a, b) => compared(*how, &a.of(feature), &b.of(feature)),
            Self::Between(value, low, high) => {
                let value = value.of(feature);
                let least = compared(Compare::GreaterEqual, &value, &low.of(feature));
                let most = compared(Compare::LessEqual, &value, &high.of(feature));
                both(least, most)
            }
            Self::Like(text, pattern) => match text.of(feature) {
                Worth::Text(text) => Some(pattern.matches(&text)),
                _ => None,
            },
            Self::In(value, list) => {
                let value = value.of(feature);
                let mut unknown = false;
                for one in list {
                    match compared(Compare::Equal, &value, &one.of(feature)) {
                        Some(true) => return Some(true),
                        None => unknown = true,
                        Some(false) => {}
                    }
                }
                (!unknown).then_some(false)
            }
            Self::IsNull(term) => Some(matches!(term.of(feature), Worth::Nothing)),
            Self::IsNullList(at) => Some(!matches!(feature.values.get(*at), Some(Value::TextList(_)))),
            Self::IsNullGeometry => Some(feature.geometry.is_none()),
            Self::Space(how, a, b) => Some(related(*how, a.of(feature)?, b.of(feature)?)),
            Self::Time(how, a, b) => match (a.of(feature), b.of(feature)) {
                (Worth::Time(a), Worth::Time(b)) => Some(how.holds(a, b)),
                _ => None,
            },
            Self::List(how, at, list) => match feature.values.get(*at) {
                Some(Value::TextList(own)) => Some(listed(*how, own, list)),
                _ => None,
            },
        }
    }

    /// A box that everything it is true of meets.
    pub(super) fn within(&self) -> Option<Bbox> {
        match self {
            Self::And(tests) => tests.iter().find_map(Self::within),
            Self::Space(how, Place::Own, Place::Given(given)) | Self::Space(how, Place::Given(given), Place::Own)
                if *how != Space::Disjoint =>
            {
                given.bounding_rect()
            }
            _ => None,
        }
    }
}

/// SQL's AND (`stop` false) and OR (`stop` true).
fn all(tests: &[Test], feature: &Feature, stop: bool) -> Option<bool> {
    let mut unknown = false;
    for test in tests {
        match test.of(feature) {
            Some(t) if t == stop => return Some(stop),
            None => unknown = true,
            Some(_) => {}
        }
    }
    (!unknown).then_some(!stop)
}

fn both(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

impl Term {
    fn of<'a>(&'a self, feature: &'a Feature) -> Worth<'a> {
        match self {
            Self::Id => Worth::Number(feature.id as f64),
            Self::Property(at) => match feature.values.get(*at) {
                Some(Value::Int(n)) => Worth::Number(*n as f64),
                Some(Value::Float(n)) => Worth::Number(*n),
                Some(Value::Bool(b)) => Worth::Bool(*b),
                Some(Value::Text(t)) => Worth::Text(Cow::Borrowed(t)),
                _ => Worth::Nothing,
            },
            Self::Moment(at, zone) => match feature.values.get(*at).and_then(Value::as_text) {
                Some(text) => time::span(text, *zone).map_or(Worth::Nothing, Worth::Time),
                None => Worth::Nothing,
            },
            Self::Number(n) => Worth::Number(*n),
            Self::Text(t) => Worth::Text(Cow::Borrowed(t)),
            Self::Bool(b) => Worth::Bool(*b),
            Self::Time(span) => Worth::Time(*span),
            Self::Null => Worth::Nothing,
            Self::Lower(term) => match term.of(feature) {
                Worth::Text(text) => Worth::Text(Cow::Owned(text.to_lowercase())),
                _ => Worth::Nothing,
            },
            Self::Arithmetic(how, a, b) => match (a.of(feature), b.of(feature)) {
                (Worth::Number(a), Worth::Number(b)) => calculated(*how, a, b).map_or(Worth::Nothing, Worth::Number),
                _ => Worth::Nothing,
            },
        }
    }
}

/// Nothing where there is no number, as by zero.
fn calculated(how: Arithmetic, a: f64, b: f64) -> Option<f64> {
    let result = match how {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
        Arithmetic::Modulo => a % b,
        Arithmetic::Power => a.powf(b),
        Arithmetic::Whole => (a / b).trunc(),
    };
    result.is_finite().then_some(result)
}

fn compared(how: Compare, a: &Worth, b: &Worth) -> Option<bool> {
    let order = match (a, b) {
        (Worth::Number(a), Worth::Number(b)) => a.partial_cmp(b)?,
        (Worth::Text(a), Worth::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Worth::Bool(a), Worth::Bool(b)) => a.cmp(b),
        // A time equals a stretch it lies in: `reported_at = '2026-11-20'` is any time of that day.
        (Worth::Time(a), Worth::Time(b)) if a.end < b.start => Ordering::Less,
        (Worth::Time(a), Worth::Time(b)) if a.start > b.end => Ordering::Greater,
        (Worth::Time(_), Worth::Time(_)) => Ordering::Equal,
        _ => return None,
    };
    Some(match how {
        Compare::Equal => order.is_eq(),
        Compare::NotEqual => order.is_ne(),
        Compare::Less => order.is_lt(),
        Compare::LessEqual => order.is_le(),
        Compare::Greater => order.is_gt(),
        Compare::GreaterEqual => order.is_ge(),
    })
}

impl Place {
    fn of<'a>(&'a self, feature: &'a Feature) -> Option<&'a Geometry> {
        match self {
            Self::Own => feature.geometry.as_ref(),
            Self::Given(geometry) => Some(geometry),
        }
    }
}

fn related(how: Space, a: &Geometry, b: &Geometry) -> bool {
    let apart = || match (a.bounding_rect(), b.bounding_rect()) {
        (Some(a), Some(b)) => !a.intersects(&b),
        _ => true,
    };
    // Boxes that do not meet settle it.
    if apart() {
        return how == Space::Disjoint;
    }
    match how {
        Space::Intersects => a.intersects(b),
        Space::Disjoint => !a.intersects(b),
        Space::Equals => a.relate(b).is_equal_topo(),
        Space::Touches => a.relate(b).is_touches(),
        Space::Within => a.relate(b).is_within(),
        Space::Contains => a.relate(b).is_contains(),
        Space::Overlaps => a.relate(b).is_overlaps(),
        Space::Crosses => a.relate(b).is_crosses(),
    }
}

fn listed(how: Lists, own: &[std::sync::Arc<str>], given: &[String]) -> bool {
    let has = |text: &String| own.iter().any(|o| o.as_ref() == text);
    let within = || own.iter().all(|o| given.iter().any(|g| g == o.as_ref()));
    match how {
        Lists::Contains => given.iter().all(has),
        Lists::ContainedBy => within(),
        Lists::Equals => given.iter().all(has) && within(),
        Lists::Overlaps => given.iter().any(has),
    }
}
