//! A filter from its text to its answer.

use chrono_tz::Asia::Shanghai;
use yitu::domain::{Feature, Layer, PropertyKind, Schema, Value};
use yitu::service::ogc::Filter;

/// Reads a filter, binds it and asks it of a feature that has a value of each kind.
pub fn filter(text: &str, is_json: bool) {
    let Ok(filter) = Filter::parse(text, is_json, text.len() % 2 == 1) else { return };
    let kinds = [
        ("name", PropertyKind::Text, Value::Text("兰溪".into())),
        ("population", PropertyKind::Int, Value::Int(i64::MAX)),
        ("area", PropertyKind::Float, Value::Float(1e300)),
        ("open", PropertyKind::Bool, Value::Bool(true)),
        ("tags", PropertyKind::TextList, Value::TextList(["低保".into()].into())),
        ("day", PropertyKind::Day, Value::Text("2026-11-20".into())),
        ("at", PropertyKind::Instant, Value::Text("2026-11-20T02:00:00Z".into())),
        ("none", PropertyKind::Text, Value::Null),
    ];
    let schema = Schema::new(kinds.iter().map(|(name, kind, _)| (*name, *kind)));
    let Ok(bound) = filter.bind(Layer::Venue, &schema, Shanghai) else { return };
    let geometry = Some(geo::Point::new(117.2, 25.5).into());
    let values = kinds.map(|(_, _, value)| value).into();
    let admitted = bound.admits(&Feature { id: 1, version: 1, geometry, values });
    if let Some(within) = bound.within().filter(|_| admitted) {
        use geo::Intersects;
        assert!(within.intersects(&geo::Point::new(117.2, 25.5)), "admitted outside the box all lie in");
    }
}
