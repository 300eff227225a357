//! CQL2 over the features of the atlas: parsed once, bound to a layer's schema, then asked of each feature.
//!
//! Truth is three-valued as in SQL: what is absent makes a comparison unknown, and only what is true is kept.

pub mod ask;
pub mod bind;
pub mod like;
pub mod time;

use chrono_tz::Tz;
use cql2::Expr;

use crate::domain::{Feature, Layer, Problem, Schema};
use crate::geo::Bbox;
use crate::service::ServiceError;
use bind::{Binder, Test};

/// A filter's words may be this long, bytes; the numbers and brackets of its shapes are not counted. Its parts
/// then nest no deeper than a stack allows.
const LONGEST: usize = 4096;
/// The whole of it, bytes.
const LONGEST_WHOLE: usize = 256 << 10;
/// Brackets nested deeper than this are refused, for the same reason.
const DEEPEST: usize = 32;

/// A parsed filter.
#[derive(Debug, Clone)]
pub struct Filter {
    expression: Expr,
    lat_first: bool,
}

/// A filter bound to a layer.
#[derive(Debug)]
pub struct Bound {
    test: Test,
}

/// A problem that names `filter`.
pub(super) fn bad(zh: impl Into<String>, en: impl Into<String>) -> Problem {
    Problem::bad_field("filter", zh, en)
}

impl Filter {
    /// Reads CQL2 text, or CQL2 JSON. `lat_first` is the axis order of the shapes in it.
    ///
    /// # Errors
    /// A problem that names `filter`, with where it cannot be read.
    pub fn parse(text: &str, is_json: bool, lat_first: bool) -> Result<Self, ServiceError> {
        let unread = |why: &str| bad(format!("filter 读不懂:\n{why}"), format!("filter cannot be read:\n{why}"));
        let mut depth = 0_usize;
        let mut words = 0_usize;
        for c in text.chars() {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                '0'..='9' | '.' | ',' | ' ' => {}
                c => words += c.len_utf8(),
            }
            if depth > DEEPEST || words > LONGEST || text.len() > LONGEST_WHOLE {
                let why = format!("> {LONGEST} bytes, or brackets nested > {DEEPEST}");
                return Err(unread(&why).into());
            }
        }
        let parsed = if is_json {
            cql2::parse_json(text).map_err(|e| unread(&e.to_string()))?
        } else {
            cql2::parse_text(text).map_err(|e| unread(&e.to_string()))?
        };
        Ok(Self { expression: parsed, lat_first })
    }

    /// Binds it to a layer. `zone` is the county's: a calendar day is a day there.
    ///
    /// # Errors
    /// A problem that names `filter` and the property, function or value that does not suit the layer.
    pub fn bind(&self, layer: Layer, schema: &Schema, zone: Tz) -> Result<Bound, Problem> {
        let binder = Binder { layer, schema, zone, lat_first: self.lat_first };
        Ok(Bound { test: binder.test(&self.expression)? })
    }
}

impl Bound {
    /// Whether it is true of a feature.
    #[must_use]
    pub fn admits(&self, feature: &Feature) -> bool {
        self.test.of(feature) == Some(true)
    }

    /// A box that all admitted features meet, where the filter says so.
    #[must_use]
    pub fn within(&self) -> Option<Bbox> {
        self.test.within()
    }
}
