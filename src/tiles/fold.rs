//! Areas too small for a zoom fold into a neighbour, so that none leaves a gap.

use std::collections::{BTreeMap, HashMap, HashSet};

use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay::IntOverlayOptions;
use i_overlay::core::simplify::Simplify;
use i_overlay::i_float::int::point::IntPoint;

use super::outline::{Outline, WorldBox};
use super::shapes::{ShapeRow, ShapeRows};
use super::values::ABSENT;
use crate::domain::FeatureId;
use crate::geo::World;

/// What each area that takes others in is drawn as: from a zoom, to a zoom, the outline.
pub type Folded = HashMap<FeatureId, Vec<(u8, u8, Outline)>>;
type Neighbours = HashMap<FeatureId, Vec<FeatureId>>;

type Edge = (World, World);

/// Folds all small areas of a layer. `near` answers the ids of the shapes whose boxes meet a box.
pub fn fold(rows: &ShapeRows, (first, last): (u8, u8), near: impl Fn(WorldBox) -> Vec<FeatureId>) -> Folded {
    let is_small = |row: &ShapeRow| row.drawn_from > first && row.row.coverage != ABSENT;
    let mut small: Vec<FeatureId> = rows.iter().filter(|(_, row)| is_small(row)).map(|(id, _)| *id).collect();
    small.sort_unstable();
    let neighbours: Neighbours = small.iter().map(|&id| (id, by_border(id, &rows[&id], rows, &near))).collect();
    let mut guests: BTreeMap<(FeatureId, u8), Vec<FeatureId>> = BTreeMap::new();
    for &id in &small {
        for z in (first..rows[&id].drawn_from.min(last + 1)).filter(|z| rows[&id].shows_at(*z)) {
            if let Some(host) = host(id, z, rows, &neighbours) {
                guests.entry((host, z)).or_default().push(id);
            }
        }
    }
    let mut folded = Folded::new();
    for ((host, z), all) in &guests {
        let list = folded.entry(*host).or_default();
        // Zooms with the same guests are drawn the same.
        if z.checked_sub(1).and_then(|before| guests.get(&(*host, before))) == Some(all)
            && let Some((_, to, _)) = list.last_mut()
        {
            *to = *z;
            continue;
        }
        let members: Vec<&Outline> = std::iter::once(host).chain(all).map(|id| &rows[id].outline).collect();
        let mut outline = union(&members);
        let kept = (0..outline.positions().len()).map(|at| outline.kept_from(at)).collect();
        outline.keep(kept, first..=last);
        list.push((*z, *z, outline));
    }
    folded
}

/// The larger neighbour of the same coverage that is drawn at a zoom, over ever larger ones.
fn host(id: FeatureId, z: u8, rows: &ShapeRows, neighbours: &Neighbours) -> Option<FeatureId> {
    let own = &rows[&id];
    let larger = |other: &&FeatureId| {
        let row = &rows[*other];
        row.shows_at(z) && (row.area, **other) > (own.area, id)
    };
    let next = *neighbours.get(&id)?.iter().find(larger)?;
    if rows[&next].drawn_from <= z { Some(next) } else { host(next, z, rows, neighbours) }
}

/// The neighbours of an area in its coverage, that with the longest common border first.
fn by_border(
    id: FeatureId,
    row: &ShapeRow,
    rows: &ShapeRows,
    near: &impl Fn(WorldBox) -> Vec<FeatureId>,
) -> Vec<FeatureId> {
    let own: HashSet<Edge> = edges(&row.outline).collect();
    let mut found: Vec<(f64, FeatureId)> = near(row.outline.bounds())
        .into_iter()
        .filter(|other| *other != id && rows[other].row.coverage == row.row.coverage)
        .map(|other| (edges(&rows[&other].outline).filter(|e| own.contains(e)).map(length).sum(), other))
        .filter(|(border, _): &(f64, _)| *border > 0.0)
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    found.into_iter().map(|(_, id)| id).collect()
}

fn edges(outline: &Outline) -> impl Iterator<Item = Edge> {
    outline.parts().flat_map(|part| {
        let next = part.iter().cycle().skip(1);
        part.iter().zip(next).map(|(a, b)| (*a.min(b), *a.max(b)))
    })
}

fn length((a, b): Edge) -> f64 {
    let apart = |n: u32, m: u32| f64::from(n) - f64::from(m);
    apart(a.x, b.x).hypot(apart(a.y, b.y))
}

/// Areas as one, without the borders between them.
fn union(members: &[&Outline]) -> Outline {
    // Whole numbers around the first position: differences within a county are small.
    let origin = members[0].positions()[0];
    let to = |at: World| IntPoint::new(at.x.wrapping_sub(origin.x) as i32, at.y.wrapping_sub(origin.y) as i32);
    let from = |p: IntPoint| World { x: origin.x.wrapping_add(p.x as u32), y: origin.y.wrapping_add(p.y as u32) };
    let contours: Vec<Vec<IntPoint>> =
        members.iter().flat_map(|m| m.parts()).map(|part| part.iter().map(|p| to(*p)).collect()).collect();
    let options = IntOverlayOptions {
        preserve_input_collinear: true,
        preserve_output_collinear: true,
        ..IntOverlayOptions::ogc()
    };
    let shapes = contours.simplify(FillRule::NonZero, options);
    let rings: Vec<Vec<World>> = shapes.into_iter().flatten().map(|r| r.into_iter().map(from).collect()).collect();
    let kept: HashMap<World, u8> = members
        .iter()
        .flat_map(|m| m.positions().iter().enumerate().map(|(at, position)| (*position, m.kept_from(at))))
        .collect();
    Outline::of_rings(&rings, |at| kept.get(&at).copied().unwrap_or(0))
}
