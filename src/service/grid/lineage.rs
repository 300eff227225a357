//! Which grid comes from which.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::draft::Draft;
use crate::db::redraw::GridNow;
use crate::domain::FeatureId;

/// A sliver along a moved border is no descent.
const LEAST_M2: f64 = 100.0;

/// Where a drawn grid comes from.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Lineage {
    pub from: FeatureId,
    /// Place of the drawn grid in the set, from 0.
    pub to: usize,
    /// `split`, `merge` or `reshape`.
    pub kind: String,
    pub area_m2: f64,
}

/// As the draft says it, or by shared area where it says nothing; a grid that goes on comes from itself.
/// `shared` is (grid in force, drawn outline from 1, m²).
#[must_use]
pub fn lineage(draft: &Draft, shared: &[(i64, i64, f64)]) -> Vec<Lineage> {
    let area =
        |from: FeatureId, to: usize| shared.iter().find(|s| s.0 == from && s.1 == to as i64 + 1).map_or(0.0, |s| s.2);
    let mut pairs: Vec<(FeatureId, usize, f64)> = Vec::new();
    for (to, grid) in draft.grids.iter().enumerate() {
        let mut from: Vec<FeatureId> = if grid.from.is_empty() {
            shared.iter().filter(|s| s.1 == to as i64 + 1 && s.2 > LEAST_M2).map(|s| s.0).collect()
        } else {
            grid.from.clone()
        };
        from.extend(grid.id);
        from.sort_unstable();
        from.dedup();
        pairs.extend(from.into_iter().map(|f| (f, to, area(f, to))));
    }
    let children = |from: FeatureId| pairs.iter().filter(|p| p.0 == from).count();
    let parents = |to: usize| pairs.iter().filter(|p| p.1 == to).count();
    let kind = |p: &(FeatureId, usize, f64)| match (children(p.0), parents(p.1)) {
        (2.., _) => "split",
        (_, 2..) => "merge",
        _ => "reshape",
    };
    pairs.iter().map(|p| Lineage { from: p.0, to: p.1, kind: kind(p).to_owned(), area_m2: p.2 }).collect()
}

/// The group that goes on answering for a drawn grid: as the draft says, else that of the grid it goes on from,
/// else that of the grid most of it comes from.
#[must_use]
pub fn responsible(draft: &Draft, k: usize, lineage: &[Lineage], before: &[GridNow]) -> Option<FeatureId> {
    let grid = &draft.grids[k];
    let heir = || lineage.iter().filter(|l| l.to == k).max_by(|a, b| a.area_m2.total_cmp(&b.area_m2)).map(|l| l.from);
    let of = |id: FeatureId| before.iter().find(|b| b.id == id).and_then(|b| b.org_id);
    grid.org_id.or_else(|| grid.id.or_else(heir).and_then(of))
}
