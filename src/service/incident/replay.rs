//! A stored decision made again: to the byte as it was made, or with what would differ under other rules.

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::facts::{cluster_of, person_of, unit_of};
use super::plan::{as_kept, rule_of};
use crate::db::decision::{self, KeptDecision};
use crate::db::{Request, unit};
use crate::dispatch::{ALGORITHM_VERSION, Inputs, UnitKind, decide};
use crate::domain::{FeatureId, Problem, Viewer};
use crate::service::{ServiceError, Yitu};

/// A decision made again.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Replay {
    /// Number of the incident.
    pub number: i64,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
    /// By which algorithm, and by which now.
    pub algorithm_version: (i32, i32),
    /// By which version of the rules, and by which now.
    pub rule_version: (i32, i32),
    /// The outcome is the same to the byte.
    pub same: bool,
    /// What differs; empty where the outcome is the same or cannot be made again.
    pub differences: Vec<Difference>,
    /// Why it cannot be made again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impossible: Option<String>,
    /// What it was made from, as it was kept.
    #[schema(value_type = Object)]
    pub inputs: Value,
    /// What comes of it now.
    #[schema(value_type = Option<Object>)]
    pub outcome: Option<Value>,
}

/// One value that differs.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Difference {
    /// JSON pointer into the outcome.
    pub pointer: String,
    /// As it was kept.
    #[schema(value_type = Object)]
    pub kept: Value,
    /// As it is now.
    #[schema(value_type = Object)]
    pub now: Value,
}

/// All decisions about an incident made again, the first one first; under another version of the rules where one is named.
///
/// # Errors
/// When there is no such incident or no such version; a failing database.
pub async fn replay(
    yitu: &Yitu,
    viewer: &Viewer,
    id: Uuid,
    rule_version: Option<i32>,
) -> Result<Vec<Replay>, ServiceError> {
    let county = viewer.county_id();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let kept = decision::of_incident(&mut on, county, id).await?;
    if kept.is_empty() {
        return Err(Problem::not_found(("事件", "incident"), id).into());
    }
    let mut made = Vec::with_capacity(kept.len());
    for decision in kept {
        made.push(again(&mut on, county, &decision, rule_version).await?);
    }
    on.finish().await?;
    Ok(made)
}

/// Makes a decision again.
///
/// # Errors
/// When there is no such version of the rules; a failing database.
pub async fn again(
    on: &mut Request,
    county: FeatureId,
    kept: &KeptDecision,
    rule_version: Option<i32>,
) -> Result<Replay, ServiceError> {
    let readable = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let mut replay = Replay {
        number: kept.number,
        decided_at: kept.decided_at,
        algorithm_version: (kept.algorithm_version, ALGORITHM_VERSION),
        rule_version: (kept.rule_version, rule_version.unwrap_or(kept.rule_version)),
        same: false,
        differences: Vec::new(),
        impossible: None,
        inputs: readable(&kept.inputs),
        outcome: None,
    };
    let Ok(mut inputs) = serde_json::from_str::<Inputs>(&kept.inputs) else {
        replay.impossible = Some(format!("第 {} 版算法没有留下完整的依据,无法重演。", kept.algorithm_version));
        return Ok(replay);
    };
    if let Some(version) = rule_version.filter(|v| *v != kept.rule_version) {
        under(on, county, version, &mut inputs).await?;
    }
    let Some(decision) = decide(&inputs) else {
        replay.impossible = Some("依据中没有可以兜底的县值班室。".to_owned());
        return Ok(replay);
    };
    let now = as_kept(&decision)?;
    replay.same = now == kept.outcome;
    let now = readable(&now);
    if !replay.same {
        compare("", &readable(&kept.outcome), &now, &mut replay.differences);
    }
    replay.outcome = Some(now);
    Ok(replay)
}

/// Puts the rule of another version in place, with the unit and the cluster that rule calls and that were not asked then,
/// as they stood on that day.
async fn under(on: &mut Request, county: FeatureId, version: i32, inputs: &mut Inputs) -> Result<(), ServiceError> {
    let missing = || {
        let (zh, en) = (format!("没有第 {version} 版分派规则"), format!("There is no version {version} of the rules"));
        Problem::bad_field("rule_version", zh, en)
    };
    let (now, day) = (inputs.now, inputs.calendar.day(inputs.now));
    let matter = &inputs.matter;
    let row = unit::rule(on, county, matter.category_id, matter.urgency.code(), &inputs.regions, Some(version)).await?;
    inputs.rule = rule_of(row.ok_or_else(missing)?, matter.urgency)?;
    let mut called: Vec<FeatureId> = Vec::new();
    let named = inputs.rule.first_unit_id.or(inputs.matter.lawful_department);
    let named = named.filter(|id| inputs.ladder.iter().all(|u| u.id != *id));
    let row = match named {
        Some(id) => unit::by_id(on, county, id).await?,
        None => None,
    };
    if let Some(row) = row {
        let place = inputs
            .ladder
            .iter()
            .position(|u| u.kind.height() > UnitKind::TownshipCentre.height())
            .unwrap_or(inputs.ladder.len());
        called.push(row.id);
        inputs.ladder.insert(place, unit_of(row)?);
    }
    // Village and township come before the county.
    let village = inputs.regions.first().filter(|_| inputs.regions.len() > 1).copied();
    if let Some(village) = village.filter(|_| inputs.rule.cluster_helps && inputs.cluster.is_none()) {
        inputs.cluster = cluster_of(unit::cluster(on, county, village, day).await?)?;
        called.extend(inputs.cluster.iter().flat_map(|c| &c.units).map(|u| u.id));
    }
    let people = unit::people(on, &called, day, (now - Duration::days(2), now + Duration::days(2))).await?;
    inputs.people.extend(people.iter().map(|p| person_of(p, now, 0)));
    Ok(())
}

/// Where two outcomes differ, by pointer.
fn compare(pointer: &str, kept: &Value, now: &Value, out: &mut Vec<Difference>) {
    match (kept, now) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a.keys().chain(b.keys().filter(|k| !a.contains_key(*k)));
            for name in names {
                let of = |m: &serde_json::Map<String, Value>| m.get(name).cloned().unwrap_or_default();
                compare(&format!("{pointer}/{name}"), &of(a), &of(b), out);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (n, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{pointer}/{n}"), a, b, out);
            }
        }
        _ if kept == now => {}
        _ => out.push(Difference { pointer: pointer.to_owned(), kept: kept.clone(), now: now.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_are_told_by_pointer() {
        let mut out = Vec::new();
        let kept = json!({"unit": {"id": 1, "name": "甲"}, "walk": [1, 2], "gone": true});
        compare("", &kept, &json!({"unit": {"id": 2, "name": "甲"}, "walk": [1, 3], "new": 0}), &mut out);
        let told: Vec<_> = out.iter().map(|d| (d.pointer.as_str(), d.kept.clone(), d.now.clone())).collect();
        assert_eq!(
            told,
            [
                ("/unit/id", json!(1), json!(2)),
                ("/walk/1", json!(2), json!(3)),
                ("/gone", json!(true), Value::Null),
                ("/new", Value::Null, json!(0))
            ]
        );
    }
}
