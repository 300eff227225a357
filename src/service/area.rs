//! Whose ground it is: what lies in a village is written by those who have the village in their scope.

use super::Yitu;
use super::spatial::{int, text};
use crate::domain::{FeatureId, Layer, Problem, ProblemKind, Viewer};

/// Whether somebody has a region, with all that is in it.
#[must_use]
pub fn has(viewer: &Viewer, region: FeatureId) -> bool {
    let scope = viewer.scope();
    scope.whole || scope.regions.contains(&region)
}

/// Whether somebody has a village, or one of its grids.
#[must_use]
pub fn reaches(yitu: &Yitu, viewer: &Viewer, village: FeatureId) -> bool {
    if has(viewer, village) {
        return true;
    }
    let grids = yitu.atlas.layer(Layer::Grid);
    viewer
        .scope()
        .grids
        .iter()
        .filter_map(|id| int(grids.get(*id)?, grids.schema(), "village_id"))
        .any(|v| v == village)
}

/// Refuses somebody who has not all of a region.
///
/// # Errors
/// `not-in-your-area`.
pub fn check(yitu: &Yitu, viewer: &Viewer, pointer: Option<&str>, region: FeatureId) -> Result<(), Problem> {
    if has(viewer, region) { Ok(()) } else { Err(not_theirs(yitu, pointer, region)) }
}

/// That something in a region is for others to write. `pointer` names the field that says where, if one does.
#[must_use]
pub fn not_theirs(yitu: &Yitu, pointer: Option<&str>, id: FeatureId) -> Problem {
    let name = {
        let regions = yitu.atlas.layer(Layer::Region);
        regions.get(id).map_or_else(|| id.to_string(), |region| text(region, regions.schema(), "name").to_owned())
    };
    refused(
        pointer,
        format!("{name}不在您的辖区内,不能在此写入;请由管辖该处的人员或县值班员办理,或请安全管理员授予该辖区。"),
        format!(
            "{name} is not in your area; whoever has it, or the county's duty officer, writes there, or ask the security administrator for it."
        ),
    )
}

/// The same, in other words.
#[must_use]
pub fn refused(pointer: Option<&str>, zh: String, en: String) -> Problem {
    let problem = Problem::new(
        ProblemKind::Forbidden,
        "not-in-your-area",
        ("不在您的辖区", "Not in your area"),
        (zh.clone(), en.clone()),
    );
    match pointer {
        Some(pointer) => problem.with_field(pointer, zh, en),
        None => problem,
    }
}
