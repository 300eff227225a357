//! On whose ground a feature is: it is written by those who have all the regions it lies in.
//!
//! A layer that names a region for each feature goes by that; the others go by their shapes. A road or a river that runs
//! through somebody else's village is theirs too, and so is written by whoever has both.

use serde_json::Value;

use super::tables::{Column, Table};
use crate::access::sight::{HouseholdPlace, of_household};
use crate::db::Request;
use crate::db::edit::{self, Row};
use crate::domain::viewer::Sight;
use crate::domain::{FeatureId, Layer, Problem, Viewer};
use crate::service::{ServiceError, Yitu, area};

/// Which of a feature's places is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// As the writer found it.
    Before,
    /// As the writer would have it.
    After,
}

/// Refuses a writer who has not all the ground a feature is on, as its row stands in this transaction. Households are
/// looked after by their rows' own rule and by [`check_household`].
///
/// # Errors
/// `not-in-your-area`; a failing database.
pub async fn check(
    yitu: &Yitu,
    viewer: &Viewer,
    on: &mut Request,
    (layer, table, id): (Layer, &Table, FeatureId),
    when: When,
) -> Result<(), ServiceError> {
    if viewer.scope().whole || layer == Layer::Household {
        return Ok(());
    }
    let column = table.columns.iter().find(|c| is_region(c));
    let pointer = column.map_or("/geometry".to_owned(), |c| super::values::pointer(c.property));
    let pointer = (when == When::After).then_some(pointer.as_str());
    let regions = match column {
        Some(column) => edit::region_of(on, layer.name(), column.column, id).await?,
        None => edit::villages_of(on, layer.name(), id).await?,
    };
    if regions.is_empty() {
        return Err(area::refused(
            pointer,
            format!("此处的{}不在任何村内,由县级人员修改。", layer.title()),
            format!("This {layer} lies in no village; the county writes it."),
        )
        .into());
    }
    for region in regions {
        area::check(yitu, viewer, pointer, region)?;
    }
    Ok(())
}

fn is_region(column: &Column) -> bool {
    matches!(column.property, "village_id" | "region_id")
}

/// Refuses to give a household to a village, or move it into a grid, that the writer does not have.
///
/// # Errors
/// `not-in-your-area`.
pub fn check_household(
    yitu: &Yitu,
    viewer: &Viewer,
    id: FeatureId,
    row: &Row,
    now: &Value,
) -> Result<(), ServiceError> {
    let int = |name: &str| row.values.get(name).and_then(Value::as_i64);
    let (grid, village) = (int("grid_id"), int("village_id"));
    if let Some(village) = village.filter(|v| now["properties"]["village_id"] != *v)
        && !area::reaches(yitu, viewer, village)
    {
        return Err(area::not_theirs(yitu, Some("/properties/village_id"), village).into());
    }
    if of_household(viewer, HouseholdPlace { id, grid, village }) > Sight::Nothing {
        return Ok(());
    }
    let pointer = if row.geometry.is_some() { "/geometry" } else { "/properties/register_grid_id" };
    Err(refused_grid(pointer).into())
}

fn refused_grid(pointer: &str) -> Problem {
    area::refused(
        Some(pointer),
        "此户将归入的网格不在您的辖区内;请核对门点和登记网格,或请县值班员办理。".to_owned(),
        "The grid this household would come into is not in your area; check its door and register grid, or ask the county's duty officer."
            .to_owned(),
    )
}
