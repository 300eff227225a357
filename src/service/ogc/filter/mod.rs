//! CQL2 over the features of the atlas: parsed once, bound to a layer's schema, then asked of each feature.
//!
//! Truth is three-valued as in SQL: what is absent makes a comparison unknown, and only what is true is kept.

pub mod ask;
pub mod bind;
pub mod like;
pub mod time;

use std::num::NonZeroUsize;

use chrono_tz::Tz;
use cql2::Expr;

use crate::domain::{Feature, Layer, Problem, Schema};
use crate::geo::Bbox;
use crate::service::ServiceError;
use bind::{Binder, Test};

/// A filter's words may be this long, bytes; the numbers and brackets of its shapes are not counted.
const LONGEST: usize = 4096;
/// The whole of it, bytes.
const LONGEST_WHOLE: usize = 256 << 10;
/// Brackets nested deeper than this are refused.
const DEEPEST: usize = 32;
/// Parts nested deeper than this are refused, so that whoever walks them later needs no great stack.
const DEEPEST_PARTS: usize = 64;
/// The parser calls itself for each `NOT` and each sign, which may follow one another without brackets: it gets
/// a stack that holds as many as the longest filter has, bytes. Only what is used of it costs memory.
const PARSER_STACK: usize = 64 << 20;
/// The parser tries each bracket in several ways, which multiply as they nest: it gives up after so many steps, which the
/// longest shape does not take.
const PARSER_STEPS: Option<NonZeroUsize> = NonZeroUsize::new(5_000_000);

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
        let parsed = std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().name("filter".to_owned()).stack_size(PARSER_STACK);
            let parser = builder.spawn_scoped(scope, || expression(text, is_json)).map_err(|e| e.to_string())?;
            parser.join().map_err(|_| "the parser stopped".to_owned())
        });
        let parsed = parsed.map_err(ServiceError::Internal)?;
        Ok(Self { expression: parsed.map_err(|why| unread(&why))?, lat_first })
    }

    /// Whether it reads a property.
    #[must_use]
    pub fn mentions(&self, property: &str) -> bool {
        mentions(&self.expression, property)
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

fn mentions(expression: &Expr, name: &str) -> bool {
    match expression {
        Expr::Property { property } => property == name,
        Expr::Operation { args: parts, .. } | Expr::Array(parts) | Expr::Interval { interval: parts } => {
            parts.iter().any(|part| mentions(part, name))
        }
        Expr::Date { date: part } | Expr::Timestamp { timestamp: part } => mentions(part, name),
        _ => false,
    }
}

/// Reads an expression whose parts nest no deeper than allowed; a deeper one is dropped where it was read.
fn expression(text: &str, is_json: bool) -> Result<Expr, String> {
    let parsed = if is_json {
        cql2::parse_json(text).map_err(|e| e.to_string())?
    } else {
        pest::set_call_limit(PARSER_STEPS);
        cql2::parse_text(text).map_err(|e| e.to_string())?
    };
    let deep = depth(&parsed);
    if deep > DEEPEST_PARTS {
        return Err(format!("{deep} > {DEEPEST_PARTS} parts nested"));
    }
    Ok(parsed)
}

fn depth(expression: &Expr) -> usize {
    let below = |parts: &[Box<Expr>]| parts.iter().map(|p| depth(p)).max().unwrap_or(0);
    1 + match expression {
        Expr::Operation { args, .. } => below(args),
        Expr::Array(parts) | Expr::Interval { interval: parts } | Expr::BBox { bbox: parts } => below(parts),
        Expr::Timestamp { timestamp: part } | Expr::Date { date: part } => depth(part),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each of these once brought a parser down with its whole program.
    #[test]
    fn no_filter_takes_long_and_the_longest_is_read() {
        let began = std::time::Instant::now();
        let nested = format!("S_WITXI(goN,emetr{}y, BBOX(117.1, 25.4,>=17.3,X25.6))", "(".repeat(28));
        assert!(Filter::parse(&nested, false, false).is_err());
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
        let ring = "117.12345678 25.12345678, ".repeat((LONGEST_WHOLE - 200) / 26);
        let shape = format!("S_INTERSECTS(geometry, POLYGON(({ring}117.12345678 25.12345678))) AND ((((a = 1))))");
        Filter::parse(&shape, false, false).expect("as long as filters may be");
    }

    #[test]
    fn no_filter_exhausts_the_stack() {
        let chain = |part: &str, last: &str| format!("{}{last}", part.repeat(4096 / part.len() - 2));
        for text in [
            chain("NOT ", "true"),
            chain("not\n", "true"),
            chain("-", "1 = 1"),
            chain("- ", "1 = 1"),
            chain("id=", "1"),
            chain("id+", "1=1"),
            chain("id^", "1=1"),
            format!("{}true{}", "not(".repeat(31), ")".repeat(31)),
            format!("{}1{}=1", "casei(".repeat(31), ")".repeat(31)),
        ] {
            let _ = Filter::parse(&text, false, false);
        }
        let chained = Filter::parse(&chain("id=1 or ", "id=2"), false, false).expect("a flat chain is no depth");
        assert!(depth(&chained.expression) < 5);
        assert!(Filter::parse(&chain("NOT ", "true"), false, false).is_err());
        let json = format!("{}true{}", r#"{"op":"not","args":["#.repeat(40), "]}".repeat(40));
        assert!(Filter::parse(&json, true, false).is_err());
    }
}
