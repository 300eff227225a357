//! Roads: the easiest ways between neighbouring places, joined to one network.

use std::collections::{BTreeMap, BTreeSet};

use super::growth::{self, Division, Ground, Way};
use super::hierarchy;
use super::land::{Land, OUTSIDE};
use super::plan::Plan;
use super::raster::{Raster, Xy};
use super::sites::middle;
use super::terrain::{CELL_M, Terrain, cells_of_km2};
use super::topology::{simplify, soften};

/// The classes, from the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// National highway through the county.
    Highway,
    /// Provincial road.
    Primary,
    /// County road: seat to townships.
    Secondary,
    /// Township road: township to villages.
    Township,
    /// Village road.
    Village,
    /// Footpath and forest track.
    Path,
}

impl Class {
    /// The name the database knows.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Highway => "highway",
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Township => "township",
            Self::Village => "village",
            Self::Path => "path",
        }
    }

    /// Usual speed in km/h.
    #[must_use]
    pub fn speed_kmh(self) -> f32 {
        match self {
            Self::Highway => 70.0,
            Self::Primary => 60.0,
            Self::Secondary => 45.0,
            Self::Township => 35.0,
            Self::Village => 20.0,
            Self::Path => 4.0,
        }
    }
}

/// A piece of road between two nodes.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Its class.
    pub class: Class,
    /// Node at its start.
    pub from: u32,
    /// Node at its end.
    pub to: u32,
    /// Its line, metres.
    pub line: Vec<Xy>,
}

/// The network.
#[derive(Debug, Clone)]
pub struct Network {
    /// Its pieces.
    pub segments: Vec<Segment>,
    /// Place of each node, metres.
    pub nodes: Vec<Xy>,
    /// The node at each grid's site.
    pub site_node: Vec<u32>,
}

/// A way is built where the detour over what stands already would be longer than this.
const DETOUR: f32 = 1.9;

/// Builds the network: trunk roads straight over the land first, then the ways between neighbouring
/// places, which keep to the trunk roads where those lead their way.
#[must_use]
pub fn build(plan: &Plan, terrain: &Terrain, land: &Land, lakes: &Raster<u32>) -> Network {
    let mut ground = road_ground(terrain, lakes);
    let mut net = Cells::default();
    net.lay_trunks(plan, land, &ground);
    for &(a, b) in net.class.keys() {
        for c in [a as usize, b as usize] {
            // A road that stands is easy going, and has its bridges.
            ground.pace.data[c] = ground.pace.data[c].min(1.0) * 0.2;
            ground.ford[c] = 0.0;
        }
    }
    // The county's own roads stay in the county where they can.
    for (pace, label) in ground.pace.data.iter_mut().zip(&land.label.data) {
        *pace *= if *label == OUTSIDE { 4.0 } else { 1.0 };
    }
    let places: BTreeSet<u32> = land.grids.iter().map(|g| g.site.cell as u32).collect();
    let seeds: Vec<usize> = land.grids.iter().map(|g| g.site.cell).collect();
    let division = growth::grow(&ground, &seeds);
    let ways = growth::ways(&ground, &division);
    let (built, spare) = choose(seeds.len(), &ways);
    for (way, class) in built.iter().zip(classify(land, &built)) {
        net.lay(&division, way, class);
    }
    // What is wanted beyond that are paths over the hills, the shortest first.
    let missing = plan.road_segments.saturating_sub(net.segments(&places).len() + street_count(land)) * 4 / 9;
    for way in spare.iter().take(missing) {
        net.lay(&division, way, Class::Path);
    }
    assemble(terrain, land, &net.segments(&places))
}

fn road_ground(terrain: &Terrain, lakes: &Raster<u32>) -> Ground {
    let h = &terrain.height;
    let mut pace = Raster::filled(h.width, h.height, 1.0);
    let mut ford = vec![0.0; h.data.len()];
    for (i, ford) in ford.iter_mut().enumerate() {
        let flood = if terrain.above_stream[i] < 1.0 { 0.5 } else { 0.0 };
        pace.data[i] = 1.0 + (terrain.slope.data[i] / 0.11).powi(2).min(40.0) + flood + terrain.above_stream[i] / 260.0;
        *ford = match terrain.flow.area[i] / cells_of_km2(1.0) {
            a if a > 100.0 => 900.0,
            a if a > 25.0 => 450.0,
            a if a > 5.0 => 160.0,
            _ => 0.0,
        };
        if lakes.data[i] != OUTSIDE {
            pace.data[i] = 60.0;
        }
    }
    Ground { pace, basin: vec![0; h.data.len()], ford, ridge: vec![0.0; h.data.len()] }
}

/// A greedy spanner: ways from the shortest on, each only where the detour would be long. Returns the
/// chosen ones and the others.
fn choose(nodes: usize, ways: &[Way]) -> (Vec<Way>, Vec<Way>) {
    let mut order: Vec<Way> = ways.iter().copied().filter(|w| w.effort.is_finite()).collect();
    order.sort_by(|p, q| p.effort.total_cmp(&q.effort).then((p.a, p.b).cmp(&(q.a, q.b))));
    let mut graph: hierarchy::Graph = vec![Vec::new(); nodes];
    order.into_iter().partition(|way| {
        let wanted = detour(&graph, way.a, way.b, way.effort * DETOUR);
        if wanted {
            graph[way.a as usize].push((way.b, way.effort));
            graph[way.b as usize].push((way.a, way.effort));
        }
        wanted
    })
}

/// Whether the way over the graph is longer than a limit.
fn detour(graph: &hierarchy::Graph, from: u32, to: u32, limit: f32) -> bool {
    let mut heap = std::collections::BinaryHeap::from([std::cmp::Reverse((0_u32, from))]);
    let mut best: BTreeMap<u32, f32> = BTreeMap::from([(from, 0.0)]);
    while let Some(std::cmp::Reverse((bits, i))) = heap.pop() {
        let e = f32::from_bits(bits);
        if i == to {
            return false;
        }
        if e > best.get(&i).copied().unwrap_or(f32::INFINITY) {
            continue;
        }
        for &(j, w) in &graph[i as usize] {
            let next = e + w;
            if next <= limit && next < best.get(&j).copied().unwrap_or(f32::INFINITY) {
                best.insert(j, next);
                heap.push(std::cmp::Reverse((next.to_bits(), j)));
            }
        }
    }
    true
}

/// The class of each built way: township roads where a village's people must travel to their town.
fn classify(land: &Land, built: &[Way]) -> Vec<Class> {
    let mut index: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    let mut graph: hierarchy::Graph = vec![Vec::new(); land.grids.len()];
    for (k, w) in built.iter().enumerate() {
        index.insert((w.a, w.b), k);
        graph[w.a as usize].push((w.b, w.effort));
        graph[w.b as usize].push((w.a, w.effort));
    }
    let mut class = vec![Class::Village; built.len()];
    for (t, &town) in land.township_village.iter().enumerate() {
        let town = land.village_centre[town as usize] as usize;
        let effort = hierarchy::reach(&graph, town);
        for (_, &centre) in
            land.village_centre.iter().enumerate().filter(|(v, _)| land.village_township[*v] as usize == t)
        {
            let mut i = centre as usize;
            while i != town && effort[i].is_finite() {
                let further = |p: &(u32, f32)| effort[p.0 as usize] + p.1;
                let Some(&(j, _)) = graph[i].iter().min_by(|p, q| further(p).total_cmp(&further(q))) else { break };
                class[index[&((i as u32).min(j), (i as u32).max(j))]] = Class::Township;
                i = j as usize;
            }
        }
    }
    class
}

/// Places beyond the border where through roads leave: spread around the seat, the easiest in each
/// direction; the first two lie across from one another.
fn choose_exits(land: &Land, effort: &[f32], wanted: usize) -> Vec<usize> {
    let centre = middle(&land.suit, land.seat_cell);
    let angle = |cell: usize| {
        let p = middle(&land.suit, cell);
        (p.y - centre.y).atan2(p.x - centre.x)
    };
    let mut best: Vec<Option<(f32, usize)>> = vec![None; wanted];
    for &cell in &land.beyond {
        let share = angle(cell) / std::f64::consts::TAU + 0.5;
        let sector = ((share * wanted as f64) as usize).min(wanted - 1);
        let worth = effort[cell] / middle(&land.suit, cell).distance(centre).max(1.0) as f32;
        if effort[cell].is_finite() && best[sector].is_none_or(|b| worth < b.0) {
            best[sector] = Some((worth, cell));
        }
    }
    let mut found: Vec<(f32, usize)> = best.into_iter().flatten().collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    if found.len() > 2 {
        let across = |k: usize| 1.0 - (angle(found[k].1) - angle(found[0].1)).cos();
        if let Some(o) = (1..found.len()).max_by(|&a, &b| across(a).total_cmp(&across(b))) {
            found.swap(1, o);
        }
    }
    found.into_iter().map(|f| f.1).collect()
}

/// Roads as pairs of neighbouring cells, so that ways that share ground share their road.
#[derive(Default)]
struct Cells {
    class: BTreeMap<(u32, u32), Class>,
}

impl Cells {
    fn add(&mut self, a: u32, b: u32, class: Class) {
        if a != b {
            let c = self.class.entry((a.min(b), a.max(b))).or_insert(class);
            *c = (*c).min(class);
        }
    }

    /// Lays the through roads and the county roads from the seat to every town.
    fn lay_trunks(&mut self, plan: &Plan, land: &Land, ground: &Ground) {
        let from_seat = growth::grow(ground, &[land.seat_cell]);
        for (k, cell) in choose_exits(land, &from_seat.effort, 2 + plan.townships / 5).into_iter().enumerate() {
            // The road ends just beyond the border.
            let (mut at, mut last) = (cell as u32, cell as u32);
            while land.label.data[at as usize] == OUTSIDE && from_seat.from[at as usize] != at {
                last = at;
                at = from_seat.from[at as usize];
            }
            self.trail(&from_seat, last, if k < 2 { Class::Highway } else { Class::Primary });
        }
        for &v in &land.township_village {
            let town = land.grids[land.village_centre[v as usize] as usize].site.cell;
            self.trail(&from_seat, town as u32, Class::Secondary);
        }
    }

    fn lay(&mut self, division: &Division, way: &Way, class: Class) {
        self.add(way.a_cell, way.b_cell, class);
        self.trail(division, way.a_cell, class);
        self.trail(division, way.b_cell, class);
    }

    /// Lays a road from a cell back to where the division grew from.
    fn trail(&mut self, division: &Division, from: u32, class: Class) {
        let mut i = from;
        while division.from[i as usize] != i {
            let next = division.from[i as usize];
            self.add(i, next, class);
            i = next;
        }
    }

    /// Chains of cells between nodes: ends, junctions, places and changes of class.
    fn segments(&self, places: &BTreeSet<u32>) -> Vec<(Class, Vec<u32>)> {
        let mut around: BTreeMap<u32, Vec<(u32, Class)>> = BTreeMap::new();
        for (&(a, b), &c) in &self.class {
            around.entry(a).or_default().push((b, c));
            around.entry(b).or_default().push((a, c));
        }
        let node = |c: u32| {
            let n = &around[&c];
            n.len() != 2 || n[0].1 != n[1].1 || places.contains(&c)
        };
        let mut done: BTreeSet<(u32, u32)> = BTreeSet::new();
        let mut out = Vec::new();
        for (&start, exits) in around.iter().filter(|(c, _)| node(**c)) {
            for &(first, class) in exits {
                if !done.insert((start.min(first), start.max(first))) {
                    continue;
                }
                let mut chain = vec![start, first];
                let (mut before, mut at) = (start, first);
                while !node(at) {
                    let Some(&(next, _)) = around[&at].iter().find(|n| n.0 != before) else { break };
                    done.insert((at.min(next), at.max(next)));
                    chain.push(next);
                    before = at;
                    at = next;
                }
                out.push((class, chain));
            }
        }
        out
    }
}

/// The street plan's spacing along and across, metres.
const STREETS_M: (f64, f64) = (180.0, 150.0);

/// Streets to and fro from the middle of the seat.
fn street_reach(land: &Land) -> i32 {
    (f64::from(land.seat_radius * CELL_M) / STREETS_M.0) as i32 + 1
}

fn street_count(land: &Land) -> usize {
    (f64::from(street_reach(land)).powi(2) * 5.0) as usize
}

fn assemble(terrain: &Terrain, land: &Land, chains: &[(Class, Vec<u32>)]) -> Network {
    let mut node_of: BTreeMap<u32, u32> = BTreeMap::new();
    let mut nodes = Vec::new();
    let mut node = |cell: u32, nodes: &mut Vec<Xy>| {
        *node_of.entry(cell).or_insert_with(|| {
            nodes.push(middle(&land.suit, cell as usize));
            nodes.len() as u32 - 1
        })
    };
    let mut segments = Vec::new();
    for (class, chain) in chains {
        let line: Vec<Xy> = chain.iter().map(|&c| middle(&land.suit, c as usize)).collect();
        let line = simplify(&(0..4).fold(line, |l, _| soften(&l, false)), 5.0);
        let (from, to) = (node(chain[0], &mut nodes), node(chain[chain.len() - 1], &mut nodes));
        if line.len() >= 2 && from != to {
            segments.push(Segment { class: *class, from, to, line });
        }
    }
    let site_node: Vec<u32> = land.grids.iter().map(|g| node(g.site.cell as u32, &mut nodes)).collect();
    let mut net = Network { segments, nodes, site_node };
    add_streets(terrain, land, &mut net);
    net
}

/// Lays the turned street plan of the seat and ties each of its pieces to the network.
fn add_streets(terrain: &Terrain, land: &Land, net: &mut Network) {
    let old_nodes = net.nodes.len();
    let centre = middle(&land.suit, land.seat_cell);
    let (sin, cos) = f64::from(land.seat_turn).sin_cos();
    let reach = street_reach(land);
    let size = f64::from(CELL_M);
    let dry = |p: Xy| {
        let Some(i) = land.suit.index((p.x / size) as i32, (p.y / size) as i32) else { return false };
        terrain.flow.area[i] < cells_of_km2(25.0) && terrain.slope.data[i] < 0.15 && terrain.above_stream[i] < 14.0
    };
    let mut crossing: BTreeMap<(i32, i32), u32> = BTreeMap::new();
    for v in -reach..=reach {
        for u in -reach..=reach {
            let (du, dv) = (f64::from(u) * STREETS_M.0, f64::from(v) * STREETS_M.1);
            let p = Xy::new(centre.x + du * cos - dv * sin, centre.y + du * sin + dv * cos);
            if p.distance(centre) < f64::from(land.seat_radius) * size && dry(p) {
                crossing.insert((u, v), net.nodes.len() as u32);
                net.nodes.push(p);
            }
        }
    }
    let mut ends: Vec<Vec<u32>> = vec![Vec::new(); net.nodes.len()];
    for (&(u, v), &a) in &crossing {
        for (du, dv) in [(1, 0), (0, 1)] {
            let Some(&b) = crossing.get(&(u + du, v + dv)) else { continue };
            let (p, q) = (net.nodes[a as usize], net.nodes[b as usize]);
            let along = |t: f64| Xy::new(p.x + (q.x - p.x) * t, p.y + (q.y - p.y) * t);
            if ![0.2, 0.4, 0.6, 0.8].iter().all(|&t| dry(along(t))) {
                continue;
            }
            let avenue = (du == 1 && v.rem_euclid(3) == 0) || (dv == 1 && u.rem_euclid(3) == 0);
            net.segments.push(Segment {
                class: if avenue { Class::Township } else { Class::Village },
                from: a,
                to: b,
                line: vec![p, q],
            });
            ends[a as usize].push(b);
            ends[b as usize].push(a);
        }
    }
    tie(net, &ends, old_nodes);
}

/// Ties every connected piece of new streets to its nearest old nodes.
fn tie(net: &mut Network, ends: &[Vec<u32>], old_nodes: usize) {
    let used: BTreeSet<u32> =
        net.segments.iter().flat_map(|s| [s.from, s.to]).filter(|&n| (n as usize) < old_nodes).collect();
    let mut seen = vec![false; ends.len()];
    for start in old_nodes..ends.len() {
        if seen[start] || ends[start].is_empty() {
            continue;
        }
        let mut stack = vec![start];
        let mut piece = Vec::new();
        seen[start] = true;
        while let Some(i) = stack.pop() {
            piece.push(i);
            for &j in &ends[i] {
                if !seen[j as usize] {
                    seen[j as usize] = true;
                    stack.push(j as usize);
                }
            }
        }
        let mut ties: Vec<(f64, usize, u32)> = piece
            .iter()
            .filter_map(|&i| {
                used.iter()
                    .map(|&o| (net.nodes[i].distance(net.nodes[o as usize]), i, o))
                    .min_by(|a, b| a.0.total_cmp(&b.0))
            })
            .collect();
        ties.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (k, (d, i, o)) in ties.into_iter().enumerate() {
            if d < 1.0 {
                // A crossing that falls on an old node is that node.
                for end in net.segments.iter_mut().flat_map(|s| [&mut s.from, &mut s.to]).filter(|e| **e == i as u32) {
                    *end = o;
                }
            } else if k == 0 || d < 70.0 {
                net.segments.push(Segment {
                    class: Class::Village,
                    from: i as u32,
                    to: o,
                    line: vec![net.nodes[i], net.nodes[o as usize]],
                });
            }
        }
    }
}
