//! Binding an expression to a layer: names become places in the schema, kinds are checked once.

use chrono_tz::Tz;
use cql2::Expr;
use geo::{BoundingRect, Coord, MapCoords, Validation};

use super::bad;
use super::like::Pattern;
use super::time::{self, Relation, Span};
use crate::domain::{Layer, Problem, PropertyKind, Schema};
use crate::geo::Geometry;

/// What is asked of a feature.
#[derive(Debug)]
pub enum Test {
    /// The same for every feature.
    Known(Option<bool>),
    /// All hold.
    And(Vec<Test>),
    /// Any holds.
    Or(Vec<Test>),
    /// It does not hold.
    Not(Box<Test>),
    /// A yes-or-no property by itself.
    Flag(Term),
    /// Two terms of one kind.
    Compare(Compare, Term, Term),
    /// Both ends included.
    Between(Term, Term, Term),
    /// A text and a pattern.
    Like(Term, Pattern),
    /// One of these.
    In(Term, Vec<Term>),
    /// Absent.
    IsNull(Term),
    /// A list that is absent.
    IsNullList(usize),
    /// Not placed.
    IsNullGeometry,
    /// Two shapes.
    Space(Space, Place, Place),
    /// Two stretches of time.
    Time(Relation, Term, Term),
    /// A list property and a given list.
    List(Lists, usize, Vec<String>),
}

/// What has a value for a feature.
#[derive(Debug)]
#[allow(missing_docs)] // their names say it
pub enum Term {
    Id,
    Property(usize),
    /// A property that is a day or an instant; days are the zone's.
    Moment(usize, Tz),
    Number(f64),
    Text(String),
    Bool(bool),
    Time(Span),
    Null,
    Lower(Box<Term>),
    Arithmetic(Arithmetic, Box<Term>, Box<Term>),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // their names say it
pub enum Compare {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// An arithmetic operator; `Whole` is `div`, truncated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // their names say it
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Whole,
}

/// A spatial relation (DE-9IM, as CQL2 names them).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the standard's own names
pub enum Space {
    Intersects,
    Disjoint,
    Equals,
    Touches,
    Within,
    Contains,
    Overlaps,
    Crosses,
}

/// How two lists lie to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the standard's own names
pub enum Lists {
    Contains,
    ContainedBy,
    Equals,
    Overlaps,
}

/// One side of a spatial relation.
#[derive(Debug)]
pub enum Place {
    /// The feature's own geometry.
    Own,
    /// A given one, degrees of EPSG:4490.
    Given(Geometry),
}

/// Kinds of terms that can be compared with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Number,
    Text,
    Bool,
    Time,
    Nothing,
}

/// A layer to bind to.
#[derive(Debug)]
pub struct Binder<'a> {
    /// Which.
    pub layer: Layer,
    /// Its properties.
    pub schema: &'a Schema,
    /// The county's time zone.
    pub zone: Tz,
    /// Axis order of given shapes.
    pub lat_first: bool,
}

fn wrong(what: &str, way_zh: &str, way_en: &str) -> Problem {
    bad(format!("filter 中的 {what} 不对:{way_zh}。"), format!("{what} in filter is not valid: {way_en}."))
}

fn shown(expression: &Expr) -> String {
    expression.to_text().unwrap_or_default().chars().take(80).collect()
}

impl Binder<'_> {
    /// Binds a boolean expression.
    ///
    /// # Errors
    /// A problem that names `filter` and the part that does not suit.
    pub fn test(&self, expression: &Expr) -> Result<Test, Problem> {
        let (op, args) = match expression {
            Expr::Operation { op, args } => (op.as_str(), args.as_slice()),
            Expr::Bool(b) => return Ok(Test::Known(Some(*b))),
            Expr::Null => return Ok(Test::Known(None)),
            Expr::Property { .. } => {
                let (term, sort) = self.term(expression)?;
                return match sort {
                    Sort::Bool => Ok(Test::Flag(term)),
                    _ => Err(wrong(
                        &shown(expression),
                        "单独使用的属性须是布尔型",
                        "a property by itself must be boolean",
                    )),
                };
            }
            other => return Err(wrong(&shown(other), "这里要一个条件", "a condition is needed here")),
        };
        let many = || args.iter().map(|a| self.test(a)).collect::<Result<Vec<_>, _>>();
        match (op, args) {
            ("and", _) => Ok(Test::And(many()?)),
            ("or", _) => Ok(Test::Or(many()?)),
            ("not", [one]) => Ok(Test::Not(Box::new(self.test(one)?))),
            ("isNull", [one]) => self.is_null(one),
            ("between", [value, low, high]) => {
                let [value, low, high] = self.alike([value, low, high])?;
                Ok(Test::Between(value, low, high))
            }
            ("like", [text, pattern]) => self.like(text, pattern),
            ("in", [value, list]) => self.is_in(value, list),
            (_, [a, b]) => self.pair(op, a, b),
            _ => Err(unknown(op)),
        }
    }

    fn pair(&self, op: &str, a: &Expr, b: &Expr) -> Result<Test, Problem> {
        let how = match op {
            "=" => Some(Compare::Equal),
            "<>" => Some(Compare::NotEqual),
            "<" => Some(Compare::Less),
            "<=" => Some(Compare::LessEqual),
            ">" => Some(Compare::Greater),
            ">=" => Some(Compare::GreaterEqual),
            _ => None,
        };
        if let Some(how) = how {
            let [a, b] = self.alike([a, b])?;
            return Ok(Test::Compare(how, a, b));
        }
        if let Some(how) = space(op) {
            return Ok(Test::Space(how, self.place(a)?, self.place(b)?));
        }
        if let Some(how) = Relation::named(op) {
            let (a, b) = (self.time(a)?, self.time(b)?);
            return Ok(Test::Time(how, a, b));
        }
        match op {
            "a_contains" => self.lists(Lists::Contains, Lists::ContainedBy, a, b),
            "a_containedBy" => self.lists(Lists::ContainedBy, Lists::Contains, a, b),
            "a_equals" => self.lists(Lists::Equals, Lists::Equals, a, b),
            "a_overlaps" => self.lists(Lists::Overlaps, Lists::Overlaps, a, b),
            _ => Err(unknown(op)),
        }
    }

    /// Where a property is stored, and what it is.
    fn property(&self, name: &str) -> Result<(usize, PropertyKind), Problem> {
        let at = self.schema.position(name).ok_or_else(|| {
            let all = self.schema.names().join("、");
            bad(
                format!("filter:{}没有属性 {name},可用:id、geometry、{all}。", self.layer.title()),
                format!("filter: {} has no property {name}; there are id, geometry, {all}.", self.layer),
            )
        })?;
        Ok((at, self.schema.kinds()[at]))
    }

    fn term(&self, expression: &Expr) -> Result<(Term, Sort), Problem> {
        match expression {
            Expr::Property { property } if property == "id" => Ok((Term::Id, Sort::Number)),
            Expr::Property { property } => {
                let (at, kind) = self.property(property)?;
                match kind {
                    PropertyKind::Int | PropertyKind::Float => Ok((Term::Property(at), Sort::Number)),
                    PropertyKind::Bool => Ok((Term::Property(at), Sort::Bool)),
                    PropertyKind::Text => Ok((Term::Property(at), Sort::Text)),
                    PropertyKind::Day | PropertyKind::Instant => Ok((Term::Moment(at, self.zone), Sort::Time)),
                    PropertyKind::TextList => Err(wrong(
                        property,
                        "它是列表,请用 A_CONTAINS、A_OVERLAPS、A_EQUALS 或 A_CONTAINEDBY",
                        "it is a list; use A_CONTAINS, A_OVERLAPS, A_EQUALS or A_CONTAINEDBY",
                    )),
                }
            }
            Expr::Float(n) => Ok((Term::Number(*n), Sort::Number)),
            Expr::Literal(t) => Ok((Term::Text(t.clone()), Sort::Text)),
            Expr::Bool(b) => Ok((Term::Bool(*b), Sort::Bool)),
            Expr::Null => Ok((Term::Null, Sort::Nothing)),
            Expr::Date { .. } | Expr::Timestamp { .. } | Expr::Interval { .. } => {
                Ok((self.given(expression)?, Sort::Time))
            }
            Expr::Operation { op, args } => self.computed(op, args),
            other => Err(wrong(&shown(other), "这里要一个值", "a value is needed here")),
        }
    }

    fn computed(&self, op: &str, args: &[Box<Expr>]) -> Result<(Term, Sort), Problem> {
        if let ("casei", [one]) = (op, args) {
            return match self.term(one)? {
                (term, Sort::Text | Sort::Nothing) => Ok((Term::Lower(Box::new(term)), Sort::Text)),
                _ => Err(wrong(op, "CASEI 用于文字", "CASEI takes a text")),
            };
        }
        let how = match op {
            "+" => Arithmetic::Add,
            "-" => Arithmetic::Subtract,
            "*" => Arithmetic::Multiply,
            "/" => Arithmetic::Divide,
            "%" => Arithmetic::Modulo,
            "^" => Arithmetic::Power,
            "div" => Arithmetic::Whole,
            _ => return Err(unknown(op)),
        };
        let mut terms = Vec::with_capacity(args.len());
        for arg in args {
            match self.term(arg)? {
                (term, Sort::Number | Sort::Nothing) => terms.push(term),
                _ => return Err(wrong(&shown(arg), "算术用于数", "arithmetic takes numbers")),
            }
        }
        let chained = terms.into_iter().reduce(|a, b| Term::Arithmetic(how, Box::new(a), Box::new(b)));
        chained.filter(|_| args.len() > 1).map(|t| (t, Sort::Number)).ok_or_else(|| unknown(op))
    }

    /// Terms of one kind. Texts beside times are read as times.
    fn alike<const N: usize>(&self, expressions: [&Expr; N]) -> Result<[Term; N], Problem> {
        let mut terms = Vec::with_capacity(N);
        for e in expressions {
            terms.push(self.term(e)?);
        }
        if terms.iter().any(|t| t.1 == Sort::Time) {
            for (term, e) in terms.iter_mut().zip(expressions) {
                if matches!(term, (Term::Text(_), _)) {
                    *term = (self.given(e)?, Sort::Time);
                }
            }
        }
        let first = terms.iter().map(|t| t.1).find(|s| *s != Sort::Nothing);
        if let Some(odd) = terms.iter().position(|t| t.1 != Sort::Nothing && Some(t.1) != first) {
            return Err(wrong(
                &shown(expressions[odd]),
                &format!("它与 {} 类型不同,不能比较", shown(expressions[0])),
                &format!("it is of another kind than {} and cannot be compared", shown(expressions[0])),
            ));
        }
        let terms: Vec<Term> = terms.into_iter().map(|t| t.0).collect();
        terms.try_into().map_err(|_| unknown("="))
    }

    fn like(&self, text: &Expr, pattern: &Expr) -> Result<Test, Problem> {
        let (text, Sort::Text) = self.term(text)? else {
            return Err(wrong(&shown(text), "LIKE 用于文字", "LIKE takes a text"));
        };
        let given = match self.term(pattern)?.0 {
            Term::Text(t) => Some(t),
            Term::Lower(t) => match *t {
                Term::Text(t) => Some(t.to_lowercase()),
                _ => None,
            },
            _ => None,
        };
        let read = given.as_deref().and_then(Pattern::new);
        read.map(|p| Test::Like(text, p)).ok_or_else(|| {
            wrong(&shown(pattern), "LIKE 的式样应为带 % 或 _ 的文字", "LIKE needs a pattern, a text with % or _")
        })
    }

    fn is_in(&self, value: &Expr, list: &Expr) -> Result<Test, Problem> {
        let Expr::Array(list) = list else { return Err(unknown("in")) };
        let mut terms = Vec::with_capacity(list.len());
        for one in list {
            let [_, term] = self.alike([value, one])?;
            terms.push(term);
        }
        Ok(Test::In(self.term(value)?.0, terms))
    }

    fn is_null(&self, expression: &Expr) -> Result<Test, Problem> {
        if let Expr::Property { property } = expression {
            if is_geometry(property) {
                return Ok(Test::IsNullGeometry);
            }
            if property != "id"
                && let (at, PropertyKind::TextList) = self.property(property)?
            {
                return Ok(Test::IsNullList(at));
            }
        }
        Ok(Test::IsNull(self.term(expression)?.0))
    }

    /// A term that is a stretch of time.
    fn time(&self, expression: &Expr) -> Result<Term, Problem> {
        match expression {
            Expr::Property { .. } => match self.term(expression)? {
                (term, Sort::Time) => Ok(term),
                _ => Err(wrong(&shown(expression), "它不是日期或时间", "it is no date or time")),
            },
            Expr::Null => Ok(Term::Null),
            other => self.given(other),
        }
    }

    /// A given time.
    fn given(&self, expression: &Expr) -> Result<Term, Problem> {
        let text = |e: &Expr| match e {
            Expr::Literal(t) => Some(t.clone()),
            Expr::Date { date: inner } | Expr::Timestamp { timestamp: inner } => match inner.as_ref() {
                Expr::Literal(t) => Some(t.clone()),
                _ => None,
            },
            _ => None,
        };
        let span = match expression {
            Expr::Interval { interval } => match interval.as_slice() {
                [from, to] => text(from).zip(text(to)).and_then(|(from, to)| time::interval(&from, &to, self.zone)),
                _ => None,
            },
            other => text(other).and_then(|t| time::span(&t, self.zone)),
        };
        span.map(Term::Time).ok_or_else(|| {
            wrong(
                &shown(expression),
                "时间应为 2026-11-20 或 2026-11-20T08:00:00Z,区间为 INTERVAL('起','止')",
                "a time is 2026-11-20 or 2026-11-20T08:00:00Z, an interval INTERVAL('from','to')",
            )
        })
    }

    fn place(&self, expression: &Expr) -> Result<Place, Problem> {
        if let Expr::Property { property } = expression {
            return if is_geometry(property) {
                Ok(Place::Own)
            } else {
                Err(wrong(property, "图形属性叫 geometry", "the geometry is called geometry"))
            };
        }
        let unread = || {
            wrong(
                &shown(expression),
                "这里要 WKT 图形或 BBOX(西,南,东,北),坐标为有限的度数,图形不自相交",
                "a WKT shape or BBOX(w,s,e,n) is needed, of finite degrees, that does not cross itself",
            )
        };
        if !matches!(expression, Expr::Geometry(_) | Expr::BBox { .. }) {
            return Err(unread());
        }
        let mut given = Geometry::try_from(expression.clone()).map_err(|_| unread())?;
        if let Geometry::Rect(rect) = given {
            given = rect.to_polygon().into();
        }
        if self.lat_first {
            given = given.map_coords(|c| Coord { x: c.y, y: c.x });
        }
        let fits = given
            .bounding_rect()
            .is_some_and(|b| b.min().x >= -180.0 && b.max().x <= 180.0 && b.min().y >= -90.0 && b.max().y <= 90.0);
        if fits && given.is_valid() { Ok(Place::Given(given)) } else { Err(unread()) }
    }

    fn lists(&self, how: Lists, turned: Lists, a: &Expr, b: &Expr) -> Result<Test, Problem> {
        let (how, name, list) = match (a, b) {
            (Expr::Property { property }, Expr::Array(list)) => (how, property, list),
            (Expr::Array(list), Expr::Property { property }) => (turned, property, list),
            _ => {
                return Err(wrong(
                    "A_…",
                    "一边应为列表属性,一边为 ('甲','乙')",
                    "one side is a list property, the other ('a','b')",
                ));
            }
        };
        let (at, PropertyKind::TextList) = self.property(name)? else {
            return Err(wrong(name, "它不是列表", "it is no list"));
        };
        let texts: Option<Vec<String>> = list
            .iter()
            .map(|e| match e.as_ref() {
                Expr::Literal(t) => Some(t.clone()),
                _ => None,
            })
            .collect();
        let texts = texts.ok_or_else(|| wrong(name, "列表的各项应为文字", "the items of a list are texts"))?;
        Ok(Test::List(how, at, texts))
    }
}

fn is_geometry(name: &str) -> bool {
    matches!(name, "geometry" | "geom")
}

fn space(op: &str) -> Option<Space> {
    Some(match op {
        "s_intersects" => Space::Intersects,
        "s_disjoint" => Space::Disjoint,
        "s_equals" => Space::Equals,
        "s_touches" => Space::Touches,
        "s_within" => Space::Within,
        "s_contains" => Space::Contains,
        "s_overlaps" => Space::Overlaps,
        "s_crosses" => Space::Crosses,
        _ => return None,
    })
}

fn unknown(op: &str) -> Problem {
    bad(
        format!(
            "filter 不认识 {op},或参数个数不对;可用比较、LIKE、IN、BETWEEN、IS NULL、S_*、T_*、A_*、CASEI 和算术。"
        ),
        format!(
            "filter does not know {op} with these arguments; there are comparisons, LIKE, IN, BETWEEN, IS NULL, S_*, T_*, A_*, CASEI and arithmetic."
        ),
    )
}
