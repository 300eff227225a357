//! The county's areas: from terrain and sites to grids, villages, townships and the county.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::clean::clean;
use super::growth::{self, Ground};
use super::hierarchy::{self, Graph};
use super::plan::Plan;
use super::raster::{Raster, Xy};
use super::sites::{self, Site, SiteKind, middle};
use super::terrain::Terrain;
use super::topology::{Topology, trace};

/// The label of land outside the county.
pub const OUTSIDE: u32 = u32::MAX;

/// A general grid's place in the tree of areas.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The site it grew from.
    pub site: Site,
    /// Index of its village.
    pub village: u32,
    /// Index of its township.
    pub township: u32,
}

/// The divided land.
pub struct Land {
    /// The general grids.
    pub grids: Vec<Cell>,
    /// Index of each township's seat village.
    pub township_village: Vec<u32>,
    /// Township of each village.
    pub village_township: Vec<u32>,
    /// The grid whose site is the centre of each village.
    pub village_centre: Vec<u32>,
    /// The grid of each cell, or [`OUTSIDE`].
    pub label: Raster<u32>,
    /// Borders of the grids.
    pub topology: Topology,
    /// The cost surface.
    pub ground: Ground,
    /// How good each cell is to live on.
    pub suit: Raster<f32>,
    /// The turn of the county seat's street plan, radians.
    pub seat_turn: f32,
    /// The cell of the county seat's middle.
    pub seat_cell: usize,
    /// Radius of the county seat, cells.
    pub seat_radius: f32,
    /// Sites outside the county near its border, which roads lead to.
    pub beyond: Vec<usize>,
}

/// A generator of random numbers for one purpose, independent of the others.
#[must_use]
pub fn dice(seed: u64, purpose: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(purpose))
}

/// Share of the drawn land that becomes the county.
const COUNTY_SHARE: f64 = 0.62;

/// Divides the land.
#[must_use]
pub fn divide(seed: u64, plan: &Plan, terrain: &Terrain, lakes: &Raster<u32>) -> Land {
    let suit = dry_ground(seed, terrain, lakes);
    let wanted = (plan.general_grids as f64 / COUNTY_SHARE) as usize;
    let found = sites::settle(plan, &suit, terrain, wanted, &mut dice(seed, 10));
    let seat_turn = 0.35 + (seed % 7) as f32 * 0.09;
    let seat_radius = 16.0 + 16.0 * (plan.general_grids as f32 / 3600.0);
    let ground = growth::ground(seed, terrain, found.towns[0], seat_radius, seat_turn);
    let seeds: Vec<usize> = found.all.iter().map(|s| s.cell).collect();
    let division = growth::grow(&ground, &seeds);
    let graph = hierarchy::graph(
        seeds.len(),
        &growth::ways(&ground, &division).iter().map(|w| (w.a, w.b, w.effort)).collect::<Vec<_>>(),
    );
    let open = touching_rim(&division.label, seeds.len());
    let seat = found.all.iter().position(|s| s.cell == found.towns[0]).unwrap_or(0);
    let seat_cell = found.towns[0];
    let inside = hierarchy::choose_county(&graph, seat, plan.general_grids, &open);

    let (new_index, kept) = renumbered(&inside);
    let inner = subgraph(&graph, &kept, &new_index);
    let members: Vec<Site> = kept.iter().map(|&o| found.all[o].clone()).collect();
    let tree = tree_of_areas(plan, &suit, &members, &inner, &found.towns);

    // Outside sites stay apart while the raster is cleaned, then become one label.
    let mut label = division.label;
    let total = seeds.len();
    let table = |f: &dyn Fn(usize) -> u32| -> Vec<u32> {
        (0..total).map(|o| if new_index[o] == OUTSIDE { OUTSIDE } else { f(new_index[o] as usize) }).collect()
    };
    let levels = [table(&|n| tree.grids[n].village), table(&|n| tree.grids[n].township), table(&|_| 0)];
    clean(&mut label, &seeds, &levels);
    for l in &mut label.data {
        *l = new_index[*l as usize];
    }
    let topology = trace(&label, OUTSIDE);
    let beyond = (0..total)
        .filter(|&o| !inside[o] && graph[o].iter().any(|&(j, _)| inside[j as usize]))
        .map(|o| seeds[o])
        .collect();
    Land {
        grids: tree.grids,
        township_village: tree.township_village,
        village_township: tree.village_township,
        village_centre: tree.village_centre,
        label,
        topology,
        ground,
        suit,
        seat_turn,
        seat_cell,
        seat_radius,
        beyond,
    }
}

/// How good each cell is to live on; nobody lives in a lake.
fn dry_ground(seed: u64, terrain: &Terrain, lakes: &Raster<u32>) -> Raster<f32> {
    let mut suit = sites::suitability(seed, terrain);
    for (s, lake) in suit.data.iter_mut().zip(&lakes.data) {
        if *lake != OUTSIDE {
            *s = 0.0;
        }
    }
    suit
}

/// New numbers for the sites inside, and the old ones of those.
fn renumbered(inside: &[bool]) -> (Vec<u32>, Vec<usize>) {
    let mut new_index = vec![OUTSIDE; inside.len()];
    let mut kept = Vec::new();
    for (old, _) in inside.iter().enumerate().filter(|(_, inside)| **inside) {
        new_index[old] = kept.len() as u32;
        kept.push(old);
    }
    (new_index, kept)
}

fn touching_rim(label: &Raster<u32>, count: usize) -> Vec<bool> {
    let mut open = vec![false; count];
    let margin = (label.width / 60) as i32;
    for i in 0..label.data.len() {
        let (x, y) = label.cell(i);
        if x < margin || y < margin || x >= label.width as i32 - margin || y >= label.height as i32 - margin {
            open[label.data[i] as usize] = true;
        }
    }
    open
}

fn subgraph(graph: &Graph, kept: &[usize], new_index: &[u32]) -> Graph {
    kept.iter()
        .map(|&o| {
            graph[o]
                .iter()
                .filter(|(j, _)| new_index[*j as usize] != OUTSIDE)
                .map(|&(j, w)| (new_index[j as usize], w))
                .collect()
        })
        .collect()
}

struct Tree {
    grids: Vec<Cell>,
    township_village: Vec<u32>,
    village_township: Vec<u32>,
    village_centre: Vec<u32>,
}

fn tree_of_areas(plan: &Plan, suit: &Raster<f32>, members: &[Site], graph: &Graph, towns: &[usize]) -> Tree {
    let place: Vec<(f64, f64)> = members.iter().map(|s| middle(suit, s.cell)).map(|p: Xy| (p.x, p.y)).collect();
    let mut centres: Vec<usize> =
        towns.iter().filter_map(|t| members.iter().position(|s| s.cell == *t)).take(plan.townships).collect();
    if centres.len() < plan.townships {
        let weight: Vec<f64> = members.iter().map(|s| s.weight).collect();
        centres = hierarchy::pick_seeds(&weight, &place, &centres, plan.townships);
    }
    // A village's seed should be a sizeable place; the seat's parts count no more than a town's.
    let weight: Vec<f64> =
        members.iter().map(|s| if s.kind == SiteKind::Seat { s.weight * 0.3 } else { s.weight }).collect();
    let mut seeds = hierarchy::pick_seeds(&weight, &place, &centres, plan.villages);
    let mut village = hierarchy::group(graph, &seeds, 0.45);
    for _ in 0..2 {
        seeds = recentre(&seeds, &village, &place, &weight, plan.townships);
        village = hierarchy::group(graph, &seeds, 0.45);
    }
    let village_graph = contract(graph, &village, plan.villages);
    let town_seeds: Vec<usize> = (0..plan.townships).collect();
    let township = hierarchy::group(&village_graph, &town_seeds, 0.8);
    let grids = members
        .iter()
        .zip(&village)
        .map(|(site, &v)| Cell { site: site.clone(), village: v, township: township[v as usize] })
        .collect();
    Tree {
        grids,
        township_village: (0..plan.townships as u32).collect(),
        village_township: township,
        village_centre: seeds.iter().map(|&s| s as u32).collect(),
    }
}

/// Moves each seed but the first `fixed` to the member nearest the weighted middle of its group.
fn recentre(seeds: &[usize], owner: &[u32], place: &[(f64, f64)], weight: &[f64], fixed: usize) -> Vec<usize> {
    let mut sums = vec![(0.0, 0.0, 0.0); seeds.len()];
    for (i, &o) in owner.iter().enumerate() {
        let s = &mut sums[o as usize];
        *s = (s.0 + place[i].0 * weight[i], s.1 + place[i].1 * weight[i], s.2 + weight[i]);
    }
    let mut best: Vec<(f64, usize)> = seeds.iter().map(|&s| (f64::INFINITY, s)).collect();
    for (i, &o) in owner.iter().enumerate() {
        let s = sums[o as usize];
        let d = (place[i].0 - s.0 / s.2).hypot(place[i].1 - s.1 / s.2);
        if o as usize >= fixed && d < best[o as usize].0 {
            best[o as usize] = (d, i);
        }
    }
    best.into_iter().map(|(_, s)| s).collect()
}

/// The graph of groups, each way the easiest between members.
fn contract(graph: &Graph, owner: &[u32], groups: usize) -> Graph {
    let mut ways: Vec<(u32, u32, f32)> = Vec::new();
    for (i, edges) in graph.iter().enumerate() {
        for &(j, w) in edges {
            let (a, b) = (owner[i], owner[j as usize]);
            if a < b {
                ways.push((a, b, w));
            }
        }
    }
    ways.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
    ways.dedup_by_key(|e| (e.0, e.1));
    hierarchy::graph(groups, &ways)
}
