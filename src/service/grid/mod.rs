//! Grids: redraw a village, publish it, put it in force, and look back.

pub mod activate;
pub mod discard;
pub mod draft;
pub mod finding;
pub mod history;
pub mod lineage;
pub mod outline;
pub mod publish;
pub mod redraw;
pub mod seam;

use crate::domain::viewer::Role;
use crate::domain::{FeatureId, Problem, ProblemKind, Viewer};

/// Whether a village's grids are a viewer's to draw. Of a grid alone nobody draws the village it lies in: they would draw
/// it into their own.
fn may_draw(viewer: &Viewer, village: FeatureId) -> Result<(), Problem> {
    let scope = viewer.scope();
    if viewer.role() == Role::System || scope.whole || scope.regions.contains(&village) {
        return Ok(());
    }
    let (zh, en) = ("这个村不在您的辖区内", "The village is in none of your regions");
    let detail = (
        format!("村 {village} 不在您的辖区内,不能调整它的网格;请找该村所在镇或县级人员。"),
        format!("The village {village} is in none of your regions; ask its township or the county to draw its grids."),
    );
    let title = ("不在您的范围内", "Out of your scope");
    Err(Problem::new(ProblemKind::Forbidden, "out-of-scope", title, detail).with_field("/village_id", zh, en))
}
