//! A matter goes to another owner: to a named unit, one level up, to the grid or place where it really is.

use super::check::{Location, check_location};
use super::facts::Facts;
use super::plan::{Planned, keep_decision, plan_above, plan_at, plan_for, plan_in};
use super::step::{Effect, unit_kind};
use crate::db::assignment::NewOwner;
use crate::db::incident::{IncidentRow, NewPlace};
use crate::dispatch::Decision;
use crate::domain::incident::LocationSource;
use crate::domain::{FeatureId, Problem};
use crate::service::ServiceError;

/// To a unit that is named.
///
/// # Errors
/// A problem that names `to_unit_id`; a failing database.
pub async fn given_to(
    facts: &mut Facts<'_>,
    row: &IncidentRow,
    unit: FeatureId,
    effect: &mut Effect,
) -> Result<(), ServiceError> {
    if unit == row.unit_id {
        return Err(Problem::bad_field(
            "/to_unit_id",
            format!("现在就由{}主办", row.unit_name),
            format!("{} has it already", row.unit_name),
        )
        .into());
    }
    let (unit, person, accept_by) = plan_for(facts, row, unit).await?;
    let responder_id = person.map(|p| p.responder_id);
    effect.give_to(NewOwner { unit_id: unit.id, responder_id, accept_by, provisional: false, old_helps: false });
    Ok(())
}

/// One level up the ladder, by a decision of its own.
///
/// # Errors
/// A problem where nobody is above; a failing database.
pub async fn one_up(facts: &mut Facts<'_>, row: &IncidentRow, effect: &mut Effect) -> Result<(), ServiceError> {
    let Some(above) = unit_kind(row)?.above() else {
        return Err(Problem::bad_field(
            "/to_unit_id",
            "县值班室之上没有上级,请写明应由哪个单位承办",
            "There is nobody above the county's duty officer; name the unit that should have it",
        )
        .into());
    };
    let (inputs, decision) = plan_above(facts, row, above).await?;
    let county = facts.county();
    keep_decision(facts.on().await?, county, row.id, &inputs, &decision).await?;
    effect.give_to(owner(&decision, false));
    Ok(())
}

/// To the group of the grid where it really is.
///
/// # Errors
/// A problem that names `to_grid_id`; a failing database.
pub async fn in_other_grid(
    facts: &mut Facts<'_>,
    row: &IncidentRow,
    grid: FeatureId,
    effect: &mut Effect,
) -> Result<(), ServiceError> {
    if Some(grid) == row.grid_id {
        let name = row.grid_name.clone().unwrap_or_default();
        let en = format!("It lies in {name} already");
        return Err(Problem::bad_field("/to_grid_id", format!("现在就在{name}"), en).into());
    }
    let planned = plan_in(facts, row, grid).await?;
    give(facts, row, &planned, effect).await
}

/// To whoever answers where it turns out to be.
///
/// # Errors
/// Problems of the place, under `/location`; a failing database.
pub async fn located(
    facts: &mut Facts<'_>,
    row: &IncidentRow,
    location: &Location,
    effect: &mut Effect,
) -> Result<(), ServiceError> {
    let point = check_location(location, &row.location_text)?;
    let planned = plan_at(facts, row, location, point).await?;
    give(facts, row, &planned, effect).await?;
    if let Some(place) = &mut effect.place {
        place.source = Some(location.source);
        place.accuracy_m = location.accuracy_m;
        place.confidence = location.confidence;
        place.household_id = location.household_id.filter(|_| location.source == LocationSource::Household);
    }
    Ok(())
}

async fn give(
    facts: &mut Facts<'_>,
    row: &IncidentRow,
    planned: &Planned,
    effect: &mut Effect,
) -> Result<(), ServiceError> {
    let (county, decision) = (facts.county(), &planned.decision);
    keep_decision(facts.on().await?, county, row.id, &planned.inputs, decision).await?;
    effect.place = Some(NewPlace {
        source: None,
        point: planned.point.map(|p| (p.lon(), p.lat())),
        accuracy_m: None,
        confidence: None,
        household_id: None,
        village_id: planned.village.as_ref().map(|v| v.id),
        grid_id: decision.grid.as_ref().map(|g| g.grid_id),
        grid_version_id: decision.grid.as_ref().map(|g| g.version_id),
    });
    effect.give_to(owner(decision, false));
    Ok(())
}

/// The owner a decision names.
#[must_use]
pub fn owner(decision: &Decision, old_helps: bool) -> NewOwner {
    NewOwner {
        unit_id: decision.unit.id,
        responder_id: decision.responder.as_ref().map(|p| p.responder_id),
        accept_by: decision.accept_by,
        provisional: decision.provisional,
        old_helps,
    }
}
