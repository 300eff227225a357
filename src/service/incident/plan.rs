//! From a checked report to a decision: everything the algorithm needs is gathered in one transaction.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use uuid::Uuid;

use super::check::Checked;
use crate::db::incident::{self, IncidentRow};
use crate::db::unit::{self, CategoryRow, RuleRow, VillageRow};
use crate::db::{DbError, Request};
use crate::dispatch::{
    self, ALGORITHM_VERSION, Candidate, Decision, Inputs, Matter, Person, Place, Rule, Sigma, Unit, UnitKind,
    probability::NearGrid,
};
use crate::domain::calendar::WorkCalendar;
use crate::domain::incident::{LocationSource, Urgency};
use crate::domain::{FeatureId, Problem, ProblemKind};
use crate::geo::measure::metres_per_degree;
use crate::geo::{LonLat, ewkb};
use crate::service::ServiceError;

/// Beyond this the position says little; probabilities are computed with it at most, metres.
const LARGEST_SIGMA_M: f64 = 500.0;
/// Days of the calendar a deadline can reach: 15 working days and the longest holidays, twice over.
const CALENDAR_DAYS: i64 = 90;

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

/// Where a report lies.
struct Found {
    candidates: Vec<Candidate>,
    village: Option<VillageRow>,
    point: Option<LonLat>,
}

/// Gathers and decides.
///
/// # Errors
/// Problems of the report against the county's data; a failing database.
pub async fn plan(
    on: &mut Request,
    county: FeatureId,
    checked: &Checked,
    now: DateTime<Utc>,
) -> Result<Planned, ServiceError> {
    let calendar = calendar(on, county, now).await?;
    let day = calendar.day(now);
    let category = category(on, county, &checked.report.category, day).await?;
    let found = locate(on, county, checked, day).await?;
    let location = &checked.report.location;
    let place = Place {
        candidates: found.candidates,
        village: found.village.as_ref().map(|v| v.name.clone()),
        text_only: location.source == LocationSource::Text,
        household: location.source == LocationSource::Household,
        accuracy_m: location.accuracy_m,
    };
    let of = Of { county, category: &category, urgency: checked.report.urgency, at_least: None };
    let inputs = gather(on, of, place, found.village.as_ref(), (day, now)).await?;
    let decision = dispatch::decide(&inputs, &calendar).ok_or_else(no_last_resort)?;
    Ok(Planned { category, village: found.village, point: found.point, inputs, decision })
}

/// Decides anew who answers for a stored incident, from a rung upwards. The grid it was given to is certain.
///
/// # Errors
/// When the county has no rules or no last resort any more; a failing database.
pub async fn plan_above(
    on: &mut Request,
    county: FeatureId,
    row: &IncidentRow,
    at_least: UnitKind,
    now: DateTime<Utc>,
) -> Result<(Inputs, Decision), ServiceError> {
    let calendar = calendar(on, county, now).await?;
    let inputs = gather_stored(on, county, row, Some(at_least), (calendar.day(now), now)).await?;
    let decision = dispatch::decide(&inputs, &calendar).ok_or_else(no_last_resort)?;
    Ok((inputs, decision))
}

/// Who of a named unit takes a stored incident, and until when it is to be signed for.
///
/// # Errors
/// A problem that names `to_unit_id` where there is no such unit or it may not have it; a failing database.
pub async fn plan_for(
    on: &mut Request,
    county: FeatureId,
    row: &IncidentRow,
    unit_id: FeatureId,
    now: DateTime<Utc>,
) -> Result<(Unit, Option<Person>, DateTime<Utc>), ServiceError> {
    let calendar = calendar(on, county, now).await?;
    let day = calendar.day(now);
    let unit = unit_of(unit::by_id(on, county, unit_id).await?.ok_or_else(|| no_such_unit(unit_id))?)?;
    let inputs = gather_stored(on, county, row, None, (day, now)).await?;
    if unit.kind.height() < dispatch::lowest(&inputs) {
        return Err(not_for(&unit, &inputs).into());
    }
    let people = unit::people(on, &[unit.id], day, now).await?.into_iter().map(person_of).collect();
    let inputs = Inputs { people, ..inputs };
    let person = dispatch::who_takes(&inputs, &unit).0.cloned();
    let (accept_by, _) = dispatch::deadlines(now, inputs.matter.urgency, &inputs.rule, &calendar);
    Ok((unit, person, accept_by))
}

async fn gather_stored(
    on: &mut Request,
    county: FeatureId,
    row: &IncidentRow,
    at_least: Option<UnitKind>,
    when: (NaiveDate, DateTime<Utc>),
) -> Result<Inputs, ServiceError> {
    let category = unit::category(on, county, row.category_id).await?;
    let urgency = Urgency::from_code(&row.urgency);
    let urgency = urgency.ok_or_else(|| DbError::Stored(format!("urgency {}", row.urgency)))?;
    let village = match row.village_id {
        Some(id) => unit::village(on, county, id).await?,
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
        household: row.household_id.is_some(),
        accuracy_m: None,
    };
    gather(on, Of { county, category: &category, urgency, at_least }, place, village.as_ref(), when).await
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
    now: DateTime<Utc>,
) -> Result<(), ServiceError> {
    let json = |e: serde_json::Error| ServiceError::Internal(e.to_string());
    let outcome = serde_json::to_value(decision).map_err(json)?;
    let stored = serde_json::to_value(inputs).map_err(json)?;
    let versions = (ALGORITHM_VERSION, inputs.rule.version);
    incident::keep_decision(on, county, id, now, versions, (&stored, &outcome, &decision.explanation)).await?;
    Ok(())
}

/// What is decided about.
struct Of<'a> {
    county: FeatureId,
    category: &'a CategoryRow,
    urgency: Urgency,
    at_least: Option<UnitKind>,
}

/// The rule, the ladder and the people, as they stand.
async fn gather(
    on: &mut Request,
    of: Of<'_>,
    place: Place,
    village: Option<&VillageRow>,
    (day, now): (NaiveDate, DateTime<Utc>),
) -> Result<Inputs, ServiceError> {
    let Of { county, category, urgency, at_least } = of;
    let regions: Vec<FeatureId> = village.iter().flat_map(|v| [v.id, v.township_id]).chain([county]).collect();
    let row = unit::rule(on, county, category.id, urgency.code(), &regions).await?.ok_or_else(no_rules)?;
    let rule = rule(row, urgency)?;
    let grid = place.candidates.first().map(|c| c.grid_id);
    let ladder: Vec<Unit> = unit::ladder(on, county, grid, village.map(|v| v.id), day, rule.first_unit_id)
        .await?
        .into_iter()
        .map(unit_of)
        .collect::<Result<_, _>>()?;
    let ids: Vec<FeatureId> = ladder.iter().map(|u| u.id).collect();
    let people = unit::people(on, &ids, day, now).await?.into_iter().map(person_of).collect();
    Ok(Inputs {
        now,
        matter: Matter {
            name: category.name.clone(),
            restricted: category.restricted,
            village_admitted: category.village_admitted,
            urgency,
        },
        place,
        rule,
        ladder,
        people,
        at_least,
    })
}

/// The county's calendar around an instant.
///
/// # Errors
/// When the database fails or holds an unknown time zone.
pub async fn calendar(on: &mut Request, county: FeatureId, now: DateTime<Utc>) -> Result<WorkCalendar, ServiceError> {
    let name = unit::time_zone(on, county).await?;
    let zone: chrono_tz::Tz = name.parse().map_err(|_| DbError::Stored(format!("time zone {name}")))?;
    let today = now.with_timezone(&zone).date_naive();
    let days =
        unit::calendar_days(on, county, today - Duration::days(1), today + Duration::days(CALENDAR_DAYS)).await?;
    Ok(WorkCalendar::new(zone, days))
}

async fn category(
    on: &mut Request,
    county: FeatureId,
    code: &str,
    day: chrono::NaiveDate,
) -> Result<CategoryRow, ServiceError> {
    let all = unit::categories(on, county, day).await?;
    let mut similar: Vec<(usize, String)> = Vec::new();
    for c in all {
        if c.code == code {
            return Ok(c);
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

async fn locate(
    on: &mut Request,
    county: FeatureId,
    checked: &Checked,
    day: chrono::NaiveDate,
) -> Result<Found, ServiceError> {
    let location = &checked.report.location;
    match (location.source, checked.point) {
        (LocationSource::Household, _) => {
            at_household(on, county, location.household_id.unwrap_or_default(), day).await
        }
        (LocationSource::Text, _) | (_, None) => {
            // Two villages of one text leave the place open, unless one name holds the other.
            let mut named = unit::villages_named(on, county, &checked.text).await?;
            let open = named.len() > 1 && !named[0].name.contains(&named[1].name);
            let village = if open || named.is_empty() { None } else { Some(named.swap_remove(0)) };
            Ok(Found { candidates: Vec::new(), village, point: None })
        }
        (_, Some(point)) => at_point(on, county, point, sigma(location), day).await,
    }
}

fn sigma(location: &super::check::Location) -> Option<Sigma> {
    let accuracy = location.accuracy_m.filter(|_| location.source == LocationSource::Gps)?;
    sigma_of(accuracy, location.confidence)
}

/// What a receiver's accuracy says of its error, up to what probabilities are computed with. Without a
/// confidence the radius is that of 68 %, as phones give it.
#[must_use]
pub fn sigma_of(accuracy_m: f64, confidence: Option<f64>) -> Option<Sigma> {
    let confidence = confidence.unwrap_or(0.68);
    let most = LARGEST_SIGMA_M * Sigma::from_accuracy(1.0, confidence).metres().recip();
    (accuracy_m > 0.0).then(|| Sigma::from_accuracy(accuracy_m.min(most), confidence))
}

async fn at_household(
    on: &mut Request,
    county: FeatureId,
    id: FeatureId,
    day: chrono::NaiveDate,
) -> Result<Found, ServiceError> {
    let door = unit::door(on, county, id, day).await?.ok_or_else(|| {
        Problem::bad_field(
            "/location/household_id",
            format!("没有编号为 {id} 的住户,请重新选择"),
            format!("There is no household {id}; choose again"),
        )
    })?;
    let candidates = match (door.grid_id, door.version_id, door.name) {
        (Some(grid_id), Some(version_id), Some(name)) => {
            vec![Candidate { grid_id, version_id, code: door.code.unwrap_or_default(), name, probability: 1.0 }]
        }
        _ => Vec::new(),
    };
    let village = unit::village(on, county, door.village_id).await?;
    let point = door.lon.zip(door.lat).and_then(|(lon, lat)| LonLat::new(lon, lat).ok());
    Ok(Found { candidates, village, point })
}

async fn at_point(
    on: &mut Request,
    county: FeatureId,
    p: LonLat,
    sigma: Option<Sigma>,
    day: chrono::NaiveDate,
) -> Result<Found, ServiceError> {
    let (x_m, y_m) = metres_per_degree(p.lat());
    let reach = sigma.map_or(0.0, Sigma::reach);
    let (dx, dy) = (reach / x_m, reach / y_m);
    let near = unit::grids_near(on, county, day, [p.lon() - dx, p.lat() - dy, p.lon() + dx, p.lat() + dy]).await?;
    let near: Vec<NearGrid> = near
        .into_iter()
        .map(|g| {
            let outline = ewkb::decode(&g.geom).map_err(DbError::from)?;
            Ok(NearGrid {
                id: g.id,
                version_id: g.version_id,
                code: g.code,
                name: g.name,
                dedicated: g.dedicated,
                outline,
            })
        })
        .collect::<Result<_, DbError>>()?;
    let here = unit::village_at(on, county, p.lon(), p.lat()).await?;
    if here.is_none() {
        refuse_outside(on, county, p).await?;
    }
    let candidates = dispatch::candidates(p, sigma, &near);
    let village = match candidates.first() {
        Some(best) => unit::village_of_grid(on, best.grid_id).await?,
        None => here,
    };
    Ok(Found { candidates, village, point: Some(p) })
}

async fn refuse_outside(on: &mut Request, county: FeatureId, p: LonLat) -> Result<(), ServiceError> {
    let Some(metres) = unit::metres_outside(on, county, p.lon(), p.lat()).await?.filter(|m| *m > 0.0) else {
        return Ok(());
    };
    let said = if metres < 1000.0 { format!("{metres:.0} 米") } else { format!("{:.1} 公里", metres / 1000.0) };
    let problem = Problem::new(
        ProblemKind::Unprocessable,
        "outside-county",
        ("位置在县外", "Outside the county"),
        (
            format!("该位置在县界外约 {said}。请核对定位;确属外县的,请向当地反映或由值班员登记转外县。"),
            format!("The position is about {metres:.0} m outside the county. Check it, or report it where it belongs."),
        ),
    );
    Err(problem
        .with_extra("distance_m", (metres * 10.0).round() / 10.0)
        .with_field("/location", "位置在县界外", "Outside the county")
        .into())
}

fn rule(row: RuleRow, urgency: Urgency) -> Result<Rule, DbError> {
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
        accept_minutes: row.accept_within_minutes.unwrap_or(accept),
        resolve_minutes: if fits { row.resolve_within_minutes } else { minutes },
        resolve_days: if fits { row.resolve_within_days } else { days },
        confident: row.confident_probability,
    })
}

fn unit_of(row: unit::UnitRow) -> Result<Unit, DbError> {
    let kind = UnitKind::from_code(&row.kind).ok_or_else(|| DbError::Stored(format!("unit kind {}", row.kind)))?;
    Ok(Unit { id: row.id, kind, name: row.name, org_id: row.org_id, org_name: row.org_name, neighbour: row.neighbour })
}

fn person_of(row: unit::PersonRow) -> Person {
    Person {
        responder_id: row.responder_id,
        name: row.name,
        unit_id: row.unit_id,
        role: row.role,
        grid_id: row.grid_id,
        present: row.present,
        on_duty: row.on_duty,
        load: row.load,
    }
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
