//! From a checked report to a decision: everything the algorithm needs is gathered from what the server knows.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::check::{Checked, Location};
use super::facts::Facts;
use super::whereabouts::{Found, in_grid, locate, outside};
use crate::db::incident::{self, IncidentRow};
use crate::db::unit::{CategoryRow, RuleRow, VillageRow};
use crate::db::{DbError, Request, unit};
use crate::dispatch::{
    self, ALGORITHM_VERSION, Candidate, Decision, Inputs, Matter, Person, Place, Rule, Unit, UnitKind,
};
use crate::domain::incident::{LocationSource, Urgency};
use crate::domain::{FeatureId, Problem, ProblemKind};
use crate::geo::LonLat;
use crate::service::ServiceError;

/// A decision with what the incident's row needs beside it.
#[derive(Debug)]
pub struct Planned {
    /// The category.
    pub category: CategoryRow,
    /// The village, where known.
    pub village: Option<VillageRow>,
    /// Where it is stored: the report's point or the household's door.
    pub point: Option<LonLat>,
    /// What the decision was made from.
    pub inputs: Inputs,
    /// The decision.
    pub decision: Decision,
}

/// Gathers and decides.
///
/// # Errors
/// Problems of the report against the county's data; a failing database.
pub async fn plan(facts: &mut Facts<'_>, checked: &Checked) -> Result<Planned, ServiceError> {
    let category = category(facts, &checked.report.category).await?;
    let location = &checked.report.location;
    let found = match (&checked.report.transferred_to, checked.point) {
        (Some(_), Some(point)) => outside(facts.yitu(), point)?,
        _ => locate(facts, location, checked.point, &checked.text).await?,
    };
    let outside_county = checked.report.transferred_to.is_some();
    let place = Place { outside_county, ..place(location.source, location.accuracy_m, &found) };
    decided(facts, (category, checked.report.urgency), place, found).await
}

/// Decides anew who answers for a stored incident that has got another place.
///
/// # Errors
/// Problems of the place; when the county has no rules or no last resort any more; a failing database.
pub async fn plan_at(
    facts: &mut Facts<'_>,
    row: &IncidentRow,
    location: &Location,
    point: Option<LonLat>,
) -> Result<Planned, ServiceError> {
    let matter = matter(facts, row).await?;
    let found = locate(facts, location, point, &row.location_text).await?;
    let place = place(location.source, location.accuracy_m, &found);
    decided(facts, matter, place, found).await
}

/// Decides anew who answers for a stored incident that lies in another grid than was thought.
///
/// # Errors
/// A problem that names `to_grid_id` where there is no such grid; else as [`plan_at`].
pub async fn plan_in(facts: &mut Facts<'_>, row: &IncidentRow, grid: FeatureId) -> Result<Planned, ServiceError> {
    let matter = matter(facts, row).await?;
    let found = in_grid(facts.yitu(), grid).ok_or_else(|| no_such_grid(grid))?;
    let place = place(LocationSource::Map, None, &found);
    decided(facts, matter, place, found).await
}

fn place(source: LocationSource, accuracy_m: Option<f64>, found: &Found) -> Place {
    Place {
        candidates: found.candidates.clone(),
        village: found.village.as_ref().map(|v| v.name.clone()),
        text_only: source == LocationSource::Text,
        household: source == LocationSource::Household,
        outside_county: false,
        accuracy_m,
    }
}

async fn decided(
    facts: &mut Facts<'_>,
    (category, urgency): (CategoryRow, Urgency),
    place: Place,
    found: Found,
) -> Result<Planned, ServiceError> {
    let of = Of { category: &category, urgency, at_least: None };
    let inputs = gather(facts, of, place, found.village.as_ref()).await?;
    let decision = dispatch::decide(&inputs).ok_or_else(no_last_resort)?;
    Ok(Planned { category, village: found.village, point: found.point, inputs, decision })
}

async fn matter(facts: &mut Facts<'_>, row: &IncidentRow) -> Result<(CategoryRow, Urgency), ServiceError> {
    let county = facts.county();
    let mut category = unit::category(facts.on().await?, county, row.category_id).await?;
    // Restricted as it was when it was reported, whatever has become of its category.
    category.restricted |= row.restricted;
    let urgency = Urgency::from_code(&row.urgency);
    Ok((category, urgency.ok_or_else(|| DbError::Stored(format!("urgency {}", row.urgency)))?))
}

/// Decides anew who answers for a stored incident, from a rung upwards. The grid it was given to is certain.
///
/// # Errors
/// When the county has no rules or no last resort any more; a failing database.
pub async fn plan_above(
    facts: &mut Facts<'_>,
    row: &IncidentRow,
    at_least: UnitKind,
) -> Result<(Inputs, Decision), ServiceError> {
    let inputs = gather_stored(facts, row, Some(at_least)).await?;
    let decision = dispatch::decide(&inputs).ok_or_else(no_last_resort)?;
    Ok((inputs, decision))
}

/// Who of a named unit takes a stored incident, and until when it is to be signed for.
///
/// # Errors
/// A problem that names `to_unit_id` where there is no such unit or it may not have it; a failing database.
pub async fn plan_for(
    facts: &mut Facts<'_>,
    row: &IncidentRow,
    unit_id: FeatureId,
) -> Result<(Unit, Option<Person>, DateTime<Utc>), ServiceError> {
    let unit = facts.unit(unit_id).await?.ok_or_else(|| no_such_unit(unit_id))?;
    let inputs = gather_stored(facts, row, None).await?;
    if unit.kind.height() < dispatch::lowest(&inputs) {
        return Err(not_for(&unit, &inputs).into());
    }
    let inputs = Inputs { people: facts.people(&[unit.id]).await?, ..inputs };
    let person = dispatch::who_takes(&inputs, &unit).0.cloned();
    let (accept_by, _) = dispatch::deadlines(inputs.now, inputs.matter.urgency, &inputs.rule, &inputs.calendar);
    Ok((unit, person, accept_by))
}

async fn gather_stored(
    facts: &mut Facts<'_>,
    row: &IncidentRow,
    at_least: Option<UnitKind>,
) -> Result<Inputs, ServiceError> {
    let county = facts.county();
    let (category, urgency) = matter(facts, row).await?;
    let village = match row.village_id {
        Some(id) => unit::village(facts.on().await?, county, id).await?,
        None => None,
    };
    let grid = row.grid_id.zip(row.grid_version_id);
    let candidate = grid.map(|(grid_id, version_id)| Candidate {
        grid_id,
        version_id,
        code: row.grid_code.clone(),
        name: row.grid_name.clone().unwrap_or_default(),
        probability: 1.0,
    });
    let place = Place {
        candidates: candidate.into_iter().collect(),
        village: village.as_ref().map(|v| v.name.clone()),
        text_only: false,
        household: row.location_source == LocationSource::Household.code(),
        outside_county: false,
        accuracy_m: None,
    };
    gather(facts, Of { category: &category, urgency, at_least }, place, village.as_ref()).await
}

/// Keeps a decision whole, so that it can be explained and replayed.
///
/// # Errors
/// When the database fails.
pub async fn keep_decision(
    on: &mut Request,
    county: FeatureId,
    id: Uuid,
    inputs: &Inputs,
    decision: &Decision,
) -> Result<(), ServiceError> {
    let versions = (ALGORITHM_VERSION, inputs.rule.version);
    let texts = (as_kept(inputs)?, as_kept(decision)?);
    incident::keep_decision(on, county, id, inputs.now, versions, (&texts.0, &texts.1, &decision.explanation)).await?;
    Ok(())
}

/// Inputs or an outcome as they are kept: JSON with its fields in the order of their declaration.
///
/// # Errors
/// Never for these types; the encoder's signature asks for it.
pub fn as_kept(part: &impl serde::Serialize) -> Result<String, ServiceError> {
    serde_json::to_string(part).map_err(|e| ServiceError::Internal(e.to_string()))
}

/// What is decided about.
struct Of<'a> {
    category: &'a CategoryRow,
    urgency: Urgency,
    at_least: Option<UnitKind>,
}

/// The rule, the ladder and the people, as they stand.
async fn gather(
    facts: &mut Facts<'_>,
    Of { category, urgency, at_least }: Of<'_>,
    place: Place,
    village: Option<&VillageRow>,
) -> Result<Inputs, ServiceError> {
    let row = facts.rule(category.id, urgency, village.map(|v| (v.id, v.township_id))).await?.ok_or_else(no_rules)?;
    let rule = rule_of(row, urgency)?;
    let grid = place.candidates.first().map(|c| c.grid_id);
    let named = rule.first_unit_id.or(category.lawful_department);
    let ladder = facts.ladder((grid, village.map(|v| v.id), named)).await?;
    let cluster = match village.filter(|_| rule.cluster_helps) {
        Some(village) => facts.cluster(village.id).await?,
        None => None,
    };
    let sent = cluster.iter().flat_map(|c| &c.units);
    let ids: Vec<FeatureId> = ladder.iter().chain(sent).map(|u| u.id).collect();
    Ok(Inputs {
        now: facts.now(),
        matter: Matter {
            name: category.name.clone(),
            category_id: category.id,
            restricted: category.restricted,
            village_admitted: category.village_admitted,
            township_delegated: category.township_delegated,
            lawful_department: category.lawful_department,
            urgency,
        },
        place,
        regions: village.iter().flat_map(|v| [v.id, v.township_id]).chain([facts.county()]).collect(),
        rule,
        ladder: ladder.to_vec(),
        people: facts.people(&ids).await?,
        cluster: cluster.map(|c| (*c).clone()),
        at_least,
        calendar: facts.calendar().await?,
    })
}

async fn category(facts: &mut Facts<'_>, code: &str) -> Result<CategoryRow, ServiceError> {
    let all = facts.categories().await?;
    let mut similar: Vec<(usize, String)> = Vec::new();
    for c in all.iter() {
        if c.code == code {
            return Ok(c.clone());
        }
        // Shared beginning counts most, then the same name or a part of it.
        let shared = c.code.chars().zip(code.chars()).take_while(|(a, b)| a == b).count();
        let named = if !code.is_empty() && c.name.contains(code) { 10 } else { 0 };
        if shared + named > 0 && !c.restricted {
            similar.push((shared + named, format!("{} {}", c.code, c.name)));
        }
    }
    similar.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let near: Vec<String> = similar.into_iter().take(5).map(|s| s.1).collect();
    let hint = if near.is_empty() {
        "全部编码见 GET /api/categories".to_owned()
    } else {
        format!("相近的有:{}", near.join("、"))
    };
    let hint_en =
        if near.is_empty() { "see GET /api/categories".to_owned() } else { format!("similar: {}", near.join(", ")) };
    let problem = Problem::bad_field(
        "/category",
        format!("没有编码为“{code}”的事项;{hint}"),
        format!("There is no category {code:?}; {hint_en}"),
    );
    Err(problem.with_extra("similar", near).into())
}

/// A row of the rule table as the algorithm takes it; where none fitted, the defaults of the field.
///
/// # Errors
/// When the database holds a kind of unit that does not exist.
pub fn rule_of(row: RuleRow, urgency: Urgency) -> Result<Rule, DbError> {
    let first_level = match &row.first_level {
        Some(code) => UnitKind::from_code(code).ok_or_else(|| DbError::Stored(format!("unit kind {code}")))?,
        None => UnitKind::GridGroup,
    };
    // Where no row fits, the defaults of the field: urgent 2 h / 24 h, ordinary 24 h / 3 days, hard 24 h / 7 days.
    let (accept, minutes, days) = match urgency {
        Urgency::Urgent => (120, Some(24 * 60), None),
        Urgency::Ordinary => (24 * 60, None, Some(3)),
        Urgency::Hard => (24 * 60, None, Some(7)),
    };
    let fits = row.ordinal.is_some();
    Ok(Rule {
        version: row.version,
        ordinal: row.ordinal.unwrap_or(0),
        first_level,
        first_unit_id: row.first_unit_id,
        assist_unit_ids: row.assist_unit_ids.unwrap_or_default(),
        cluster_helps: row.cluster_helps.unwrap_or(false),
        accept_minutes: row.accept_within_minutes.unwrap_or(accept),
        resolve_minutes: if fits { row.resolve_within_minutes } else { minutes },
        resolve_days: if fits { row.resolve_within_days } else { days },
        confident: row.confident_probability,
    })
}

fn no_such_grid(id: FeatureId) -> Problem {
    Problem::bad_field("/to_grid_id", format!("没有编号为 {id} 的网格"), format!("There is no grid {id}"))
}

fn no_such_unit(id: FeatureId) -> Problem {
    Problem::bad_field("/to_unit_id", format!("没有编号为 {id} 的承办单位"), format!("There is no handling unit {id}"))
}

fn not_for(unit: &Unit, inputs: &Inputs) -> Problem {
    let why = if inputs.matter.restricted { "属保密事项" } else { "不在村级准入清单内" };
    Problem::bad_field(
        "/to_unit_id",
        format!("“{}”{why},不能交给{}", inputs.matter.name, unit.name),
        format!("{} must not be handed down to {}", inputs.matter.name, unit.name),
    )
}

fn no_rules() -> Problem {
    Problem::new(
        ProblemKind::Conflict,
        "no-dispatch-rules",
        ("还没有分派规则", "No dispatch rules"),
        (
            "本县尚未发布分派规则,无法分派。请先导入并发布规则表。".to_owned(),
            "The county has published no dispatch rules; publish them first.".to_owned(),
        ),
    )
}

fn no_last_resort() -> Problem {
    Problem::new(
        ProblemKind::Conflict,
        "no-duty-officer",
        ("没有县值班员", "No county duty officer"),
        (
            "承办单位里没有县值班室,事件无人兜底。请先建立县值班室。".to_owned(),
            "There is no county duty officer's unit to fall back on; set one up first.".to_owned(),
        ),
    )
}
