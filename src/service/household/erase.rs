//! Erase: a household goes with its members, phones and links, as the law asks; that it was there and was erased stays on
//! record, by its number in the program alone.

use crate::access::sight::{HouseholdPlace, of_household};
use crate::db::{Request, household};
use crate::domain::viewer::Sight;
use crate::domain::{FeatureId, Problem, ProblemKind};
use crate::service::access::audit::{Deed, Doer, What, note};
use crate::service::incident::erase::ground;
use crate::service::incident::retried;
use crate::service::{ServiceError, Yitu};

/// Erases a household by its number (户号); answers its id. Matters that ended keep their place on the map and lose the
/// household.
///
/// # Errors
/// No reason, no such household, matters there that are still open; a failing database.
pub async fn erase(yitu: &Yitu, doer: &Doer, number: &str, reason: &str) -> Result<FeatureId, ServiceError> {
    let reason = ground(reason)?;
    let id = retried(|| attempt(yitu, doer, number)).await?;
    note(yitu, doer, Deed::Erased, What { reason, ..What::about("household", id) }).await?;
    Ok(id)
}

async fn attempt(yitu: &Yitu, doer: &Doer, number: &str) -> Result<FeatureId, ServiceError> {
    let (viewer, county) = (&doer.viewer, doer.viewer.county_id());
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let row = household::numbered(&mut on, county, number).await?.filter(|row| {
        let at = HouseholdPlace { id: row.id, grid: row.grid_id, village: Some(row.village_id) };
        of_household(viewer, at) == Sight::Full
    });
    let row = row.ok_or_else(|| Problem::not_found(("户", "household"), number))?;
    let open = household::open_matters(&mut on, county, row.id).await?;
    if !open.is_empty() {
        return Err(still_open(&open).into());
    }
    household::erase(&mut on, county, row.id).await?;
    on.commit().await?;
    Ok(row.id)
}

fn still_open(numbers: &[i64]) -> Problem {
    let listed = numbers.iter().map(i64::to_string).collect::<Vec<_>>().join("、");
    Problem::new(
        ProblemKind::Conflict,
        "still-open",
        ("有事件尚未办结", "Matters are still open"),
        (
            format!("第 {listed} 号事件就在此户,尚未办结。请先办结或作废,再依法删除。"),
            format!("Incidents {listed} lie at this household and are open. Close or cancel them first."),
        ),
    )
}
