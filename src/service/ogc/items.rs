//! Pages of a collection: where, when, what, in which order, after which item.

use std::cmp::Ordering;
use std::sync::Arc;

use chrono_tz::Tz;
use geo::{Coord, Intersects, MapCoords, Rect};
use serde_json::{Value as Json, json};

use super::filter::time::{self, Span};
use super::filter::{Bound, Filter};
use crate::access::mask::hidden;
use crate::domain::{Feature, FeatureId, Layer, Problem, PropertyKind, Schema, Value, Viewer};
use crate::geo::Bbox;
use crate::service::seen::Shown;
use crate::service::spatial::properties;
use crate::service::{ServiceError, Yitu, seen};

/// The query parameters of items, beside a layer's properties.
const PARAMETERS: &str =
    "after、bbox、bbox-crs、before、crs、datetime、f、filter、filter-crs、filter-lang、limit、properties、sortby";

/// What items are asked for.
#[derive(Debug, Default)]
pub struct Page {
    /// Degrees; none is everywhere.
    pub bbox: Option<Bbox>,
    /// What they must satisfy.
    pub filter: Option<Filter>,
    /// `datetime` as given.
    pub datetime: Option<String>,
    /// Properties that must equal what is given, as `kind=clinic`.
    pub equal: Vec<(String, String)>,
    /// Only these properties; none is all.
    pub properties: Option<Vec<String>>,
    /// `sortby` as given: names with commas between, `-` before those that descend.
    pub sortby: Option<String>,
    /// The cursor of the page before.
    pub after: Option<String>,
    /// The cursor of the page after, to go back from it.
    pub before: Option<String>,
    /// At most so many.
    pub limit: usize,
    /// Latitude before longitude.
    pub lat_first: bool,
}

impl Page {
    /// Whether a condition or the order of the page reads a property.
    fn mentions(&self, property: &str) -> bool {
        self.filter.as_ref().is_some_and(|f| f.mentions(property))
            || self.equal.iter().any(|(name, _)| name == property)
            || self.sortby.as_deref().is_some_and(|s| s.contains(property))
    }
}

/// The items of one page.
#[derive(Debug)]
pub struct Items {
    /// GeoJSON features in the order asked for.
    pub features: Vec<Json>,
    /// How many there are on all pages.
    pub matched: usize,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
    /// The cursor of the page before, if there is one.
    pub prev: Option<String>,
}

/// The property that says when a layer's features are.
#[must_use]
pub fn time_property(layer: Layer) -> Option<&'static str> {
    (layer == Layer::Incident).then_some("reported_at")
}

/// One page of a collection.
///
/// # Errors
/// A problem that names the parameter that does not suit the layer.
pub fn items(yitu: &Yitu, viewer: &Viewer, layer: Layer, page: &Page) -> Result<Items, ServiceError> {
    let zone = super::zone(&yitu.atlas);
    let store = seen::layer(yitu, viewer, layer);
    let schema = store.schema();
    if let Some(name) = page.properties.iter().flatten().find(|p| schema.position(p).is_none()) {
        return Err(unknown_property("properties", layer, name, schema).into());
    }
    let asked = Asked::new(layer, schema, zone, page)?;
    let order = Order::new(layer, schema, page.sortby.as_deref())?;
    let window = order.window(page)?;
    let narrow = page.bbox.or_else(|| asked.filter.as_ref().and_then(Bound::within));
    // A condition or an order that reads what is hidden reads it as it is shown.
    let reads_hidden = hidden(layer).iter().any(|name| page.mentions(name));
    let candidates: Box<dyn Iterator<Item = &Arc<Feature>>> = match narrow {
        Some(bbox) => Box::new(store.in_bbox(bbox)),
        None => Box::new(store.iter()),
    };
    let read = candidates.map(|f| if reads_hidden { store.shown(f) } else { Shown::Whole(f) });
    let mut found: Vec<Shown<'_>> = read.filter(|f| asked.admits(f)).collect();
    let matched = found.len();
    let (next, prev) = order.cut(&mut found, &window, page.limit);
    let features = found.iter().map(|f| {
        let f = store.shown(f);
        let mut values = properties(&f, schema);
        if let Some(wanted) = &page.properties {
            values.retain(|name, _| wanted.contains(name));
        }
        geojson(&f, values, page.lat_first)
    });
    Ok(Items { features: features.collect(), matched, next, prev })
}

/// All conditions of a page, bound to its layer.
struct Asked {
    bbox: Option<Bbox>,
    filter: Option<Bound>,
    when: Option<(usize, Span, Tz)>,
    equal: Vec<(usize, Wanted)>,
    zone: Tz,
}

/// What a property must equal.
enum Wanted {
    Value(Value),
    Time(Span),
}

impl Asked {
    fn new(layer: Layer, schema: &Schema, zone: Tz, page: &Page) -> Result<Self, Problem> {
        let span =
            page.datetime.as_deref().map(|t| time::parameter(t, zone).ok_or_else(|| bad_datetime(t))).transpose()?;
        // Features without a time are always "now": the parameter does not narrow them (Part 1, 7.15.4).
        let when = time_property(layer).and_then(|name| schema.position(name)).zip(span).map(|(at, s)| (at, s, zone));
        let equal = page.equal.iter().map(|(name, text)| {
            let at = schema.position(name).ok_or_else(|| unknown_parameter(layer, name, schema))?;
            Ok((at, read(name, text, schema.kinds()[at], zone)?))
        });
        Ok(Self {
            bbox: page.bbox,
            filter: page.filter.as_ref().map(|f| f.bind(layer, schema, zone)).transpose()?,
            when,
            equal: equal.collect::<Result<_, Problem>>()?,
            zone,
        })
    }

    fn admits(&self, feature: &Feature) -> bool {
        let equal = |(at, wanted): &(usize, Wanted)| match (&feature.values[*at], wanted) {
            (Value::TextList(list), Wanted::Value(Value::Text(wanted))) => list.contains(wanted),
            (Value::Float(a), Wanted::Value(Value::Int(b))) => (a - *b as f64).abs() < f64::EPSILON,
            (own, Wanted::Value(wanted)) => own == wanted,
            // A day stands for every instant of it.
            (own, Wanted::Time(span)) => own
                .as_text()
                .and_then(|t| time::span(t, self.zone))
                .is_some_and(|own| own.start >= span.start && own.end <= span.end),
        };
        self.equal.iter().all(equal)
            && self.when.is_none_or(|(at, span, zone)| {
                let own = feature.values[at].as_text().and_then(|t| time::span(t, zone));
                own.is_none_or(|own| time::Relation::Intersects.holds(own, span))
            })
            && self.bbox.is_none_or(|b| feature.geometry.as_ref().is_some_and(|g| b.to_polygon().intersects(g)))
            && self.filter.as_ref().is_none_or(|f| f.admits(feature))
    }
}

/// A value as it stands in an address.
fn read(name: &str, text: &str, kind: PropertyKind, zone: Tz) -> Result<Wanted, Problem> {
    let value = match kind {
        PropertyKind::Int => text.parse().ok().map(Value::Int).map(Wanted::Value),
        PropertyKind::Float => {
            let whole = text.parse().ok().map(Value::Int);
            let number = whole.or_else(|| text.parse().ok().filter(|n: &f64| n.is_finite()).map(Value::Float));
            number.map(Wanted::Value)
        }
        PropertyKind::Bool => text.parse().ok().map(Value::Bool).map(Wanted::Value),
        PropertyKind::Day | PropertyKind::Instant => time::span(text, zone).map(Wanted::Time),
        PropertyKind::Text | PropertyKind::TextList => Some(Wanted::Value(Value::Text(text.into()))),
    };
    value.ok_or_else(|| {
        Problem::bad_field(
            name,
            format!("{name} = {text} 与该属性的类型不符。"),
            format!("{name} = {text} is not of that property's kind."),
        )
    })
}

/// Absent values come last, whichever way; equal ones in the order of their ids.
struct Order {
    keys: Vec<(Option<usize>, bool)>,
}

/// Which side of a cursor a page lies on.
enum Window {
    First,
    After(Key),
    Before(Key),
}

/// What an item is ordered by: its values, then its id.
type Key = (Vec<Value>, FeatureId);

impl Order {
    fn new(layer: Layer, schema: &Schema, sortby: Option<&str>) -> Result<Self, Problem> {
        let keys = sortby.into_iter().flat_map(|s| s.split(',')).map(|part| {
            let part = part.trim();
            // A plus in an address is a blank by the time it is read.
            let (name, down) = part.strip_prefix('-').map_or((part.trim_start_matches('+'), false), |n| (n, true));
            match schema.position(name) {
                _ if name == "id" => Ok((None, down)),
                Some(at) if schema.kinds()[at] != PropertyKind::TextList => Ok((Some(at), down)),
                _ => Err(unknown_property("sortby", layer, name, schema)),
            }
        });
        Ok(Self { keys: keys.collect::<Result<_, _>>()? })
    }

    fn window(&self, page: &Page) -> Result<Window, Problem> {
        Ok(match (page.after.as_deref(), page.before.as_deref()) {
            (None, None) => Window::First,
            (Some(text), None) => Window::After(self.cursor("after", text)?),
            (None, Some(text)) => Window::Before(self.cursor("before", text)?),
            (Some(_), Some(_)) => {
                return Err(Problem::bad_field(
                    "before",
                    "before 与 after 只能给一个。",
                    "Give either before or after, not both.",
                ));
            }
        })
    }

    /// Leaves the page's features, in order; answers the cursors of the next page and of the one before.
    fn cut(&self, found: &mut Vec<Shown<'_>>, window: &Window, limit: usize) -> (Option<String>, Option<String>) {
        let matched = found.len();
        match window {
            Window::First => {}
            Window::After(cursor) => found.retain(|f| self.compare(&self.key(f), cursor).is_gt()),
            Window::Before(cursor) => found.retain(|f| self.compare(&self.key(f), cursor).is_lt()),
        }
        let beyond = matched - found.len();
        let back = matches!(window, Window::Before(_));
        let compare = |a: &Shown<'_>, b: &Shown<'_>| self.compare(&self.key(a), &self.key(b));
        let more = found.len() > limit;
        if more {
            // Only the page itself needs to be in order.
            if back {
                found.select_nth_unstable_by(limit, |a, b| compare(b, a));
            } else {
                found.select_nth_unstable_by(limit, compare);
            }
            found.truncate(limit);
        }
        found.sort_unstable_by(compare);
        let (later, earlier) = if back { (beyond > 0, more) } else { (more, beyond > 0) };
        let at = |feature: Option<&Shown<'_>>| feature.map(|f| cursor_text(&self.key(f)));
        (at(found.last().filter(|_| later)), at(found.first().filter(|_| earlier)))
    }

    fn key(&self, feature: &Feature) -> Key {
        let value = |at: &Option<usize>| at.map_or(Value::Int(feature.id), |at| feature.values[at].clone());
        (self.keys.iter().map(|(at, _)| value(at)).collect(), feature.id)
    }

    fn compare(&self, a: &Key, b: &Key) -> Ordering {
        for (((_, down), a), b) in self.keys.iter().zip(&a.0).zip(&b.0) {
            let order = match (a, b) {
                (Value::Null, Value::Null) => Ordering::Equal,
                (Value::Null, _) => return Ordering::Greater,
                (_, Value::Null) => return Ordering::Less,
                (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
                (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
                (Value::Int(a), Value::Int(b)) => a.cmp(b),
                (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
                _ => Ordering::Equal,
            };
            if order.is_ne() {
                return if *down { order.reverse() } else { order };
            }
        }
        a.1.cmp(&b.1)
    }

    fn cursor(&self, parameter: &str, text: &str) -> Result<Key, Problem> {
        let bad = || {
            Problem::bad_field(
                parameter,
                format!("{parameter} = {text} 不是 next 或 prev 链接里的位置。"),
                format!("{parameter} = {text} is not the position a next or prev link of this question gives."),
            )
        };
        let mut parts: Vec<Json> = serde_json::from_str(text).map_err(|_| bad())?;
        let id = parts.pop().and_then(|id| id.as_i64()).ok_or_else(bad)?;
        if parts.len() != self.keys.len() {
            return Err(bad());
        }
        let values = parts.into_iter().map(|part| match part {
            Json::Null => Ok(Value::Null),
            Json::Bool(b) => Ok(Value::Bool(b)),
            Json::String(t) => Ok(Value::Text(t.into())),
            Json::Number(n) => n.as_i64().map(Value::Int).or_else(|| n.as_f64().map(Value::Float)).ok_or_else(bad),
            _ => Err(bad()),
        });
        Ok((values.collect::<Result<_, _>>()?, id))
    }
}

/// A key as a next link carries it.
fn cursor_text(key: &Key) -> String {
    let mut parts: Vec<Json> = key.0.iter().map(Value::to_json).collect();
    parts.push(key.1.into());
    Json::Array(parts).to_string()
}

fn unknown_property(parameter: &str, layer: Layer, name: &str, schema: &Schema) -> Problem {
    let all = schema.names().join("、");
    Problem::bad_field(
        parameter,
        format!("{} 没有可用于 {parameter} 的属性 {name:?};属性有:{all}。", layer.title()),
        format!("{layer} has no property {name:?} for {parameter}; there are {all}."),
    )
}

fn unknown_parameter(layer: Layer, name: &str, schema: &Schema) -> Problem {
    let all = schema.names().join("、");
    Problem::bad_field(
        name,
        format!("没有查询参数 {name};可用 {PARAMETERS},以及{}的属性:{all}。", layer.title()),
        format!("There is no query parameter {name}; there are {PARAMETERS}, and {layer}'s properties: {all}."),
    )
}

fn bad_datetime(text: &str) -> Problem {
    Problem::bad_field(
        "datetime",
        format!("datetime = {text} 应为 2026-11-20T08:00:00Z、2026-11-20,或以 / 隔开的起止(一端可为 ..)。"),
        format!(
            "datetime = {text} must be 2026-11-20T08:00:00Z, 2026-11-20, or two of them with / between (one may be ..)."
        ),
    )
}

/// A feature as GeoJSON.
pub(super) fn geojson(feature: &Feature, properties: serde_json::Map<String, Json>, lat_first: bool) -> Json {
    let geometry = feature.geometry.as_ref().map(|g| {
        let turned;
        let shown = if lat_first {
            turned = g.map_coords(|c| Coord { x: c.y, y: c.x });
            &turned
        } else {
            g
        };
        geojson::Geometry::new(geojson::GeometryValue::from(shown))
    });
    let mut shown = json!({"type": "Feature", "id": feature.id, "geometry": geometry});
    shown["properties"] = Json::Object(properties);
    shown
}

/// A box from `west,south,east,north` (six numbers when heights are given too).
///
/// # Errors
/// A problem that names `bbox`.
pub fn bbox(text: &str, lat_first: bool) -> Result<Bbox, ServiceError> {
    let order = if lat_first {
        ("南,西,北,东", "south,west,north,east")
    } else {
        ("西,南,东,北", "west,south,east,north")
    };
    let bad = || {
        Problem::bad_field(
            "bbox",
            format!("bbox = {text} 应为 {} 四个以度为单位的数,小的在前。", order.0),
            format!("bbox = {text} must be four numbers in degrees: {}, the lesser first.", order.1),
        )
    };
    let numbers: Vec<f64> = text.split(',').map(|n| n.trim().parse()).collect::<Result<_, _>>().map_err(|_| bad())?;
    let ([mut w, mut s, mut e, mut n] | [mut w, mut s, _, mut e, mut n, _]) = numbers[..] else {
        return Err(bad().into());
    };
    if lat_first {
        (w, s, e, n) = (s, w, n, e);
    }
    let within = |v: f64, most: f64| v.is_finite() && v.abs() <= most;
    if !(within(w, 180.0) && within(e, 180.0) && within(s, 90.0) && within(n, 90.0) && w <= e && s <= n) {
        return Err(bad().into());
    }
    Ok(Rect::new((w, s), (e, n)))
}
