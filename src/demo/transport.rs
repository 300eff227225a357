//! Roads as rows, and bus lines over them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::areas::{Areas, Ids};
use super::land::Land;
use super::model::{BusLine, Geom, Road};
use super::plan::Plan;
use super::raster::Xy;
use super::roads::{Class, Network};

/// The network as rows; node ids are feature ids too.
#[must_use]
pub fn rows(net: &Network, ids: &mut Ids) -> Vec<Road> {
    let nodes: Vec<i64> = net.nodes.iter().map(|_| ids.give()).collect();
    net.segments
        .iter()
        .map(|s| Road {
            id: ids.give(),
            class: s.class.name(),
            name: match s.class {
                Class::Highway => "国道G999线".into(),
                Class::Primary => "省道S899线".into(),
                Class::Secondary => "县道".into(),
                _ => String::new(),
            },
            speed_kmh: s.class.speed_kmh(),
            from: nodes[s.from as usize],
            to: nodes[s.to as usize],
            line: s.line.clone(),
        })
        .collect()
}

/// Lines from the seat to the townships and on to far villages.
#[must_use]
pub fn bus_lines(plan: &Plan, land: &Land, areas: &Areas, net: &Network, ids: &mut Ids) -> Vec<BusLine> {
    let village_node = |v: usize| net.site_node[land.village_centre[v] as usize];
    let seat = village_node(land.township_village[0] as usize);
    let from_seat = Tree::grow(net, seat);
    let mut wishes: Vec<(u32, usize, String)> = (1..plan.townships)
        .map(|t| {
            (seat, land.township_village[t] as usize, format!("{}—{}", areas.township(0).name, areas.township(t).name))
        })
        .collect();
    // Then each township's villages in turn, the farthest first.
    let mut of_township: Vec<Vec<usize>> = vec![Vec::new(); plan.townships];
    for v in 0..plan.villages {
        of_township[land.village_township[v] as usize].push(v);
    }
    for (t, villages) in of_township.iter_mut().enumerate() {
        let town = net.nodes[village_node(land.township_village[t] as usize) as usize];
        villages.sort_by(|&a, &b| {
            net.nodes[village_node(b) as usize]
                .distance(town)
                .total_cmp(&net.nodes[village_node(a) as usize].distance(town))
        });
    }
    'all: for turn in 0..20 {
        for (t, villages) in of_township.iter().enumerate() {
            if wishes.len() >= plan.bus_lines * 5 / 4 {
                break 'all;
            }
            let town = land.township_village[t] as usize;
            if let Some(&v) = villages.get(turn * 3).filter(|&&v| v != town) {
                wishes.push((village_node(town), v, format!("{}—{}", areas.township(t).name, areas.village(v).name)));
            }
        }
    }
    let mut out = Vec::new();
    for (from, to, name) in wishes {
        let n = out.len();
        if n == plan.bus_lines {
            break;
        }
        let line = if from == seat {
            from_seat.line(net, village_node(to))
        } else {
            Tree::grow(net, from).line(net, village_node(to))
        };
        if line.len() < 2 {
            continue;
        }
        let stops = stops(&line, areas);
        out.push(BusLine {
            id: ids.give(),
            number: format!("{}", 101 + n),
            name: format!("{}路 {name}", 101 + n),
            line,
            stops,
        });
    }
    out
}

/// Quickest ways from one node to all others.
struct Tree {
    /// The segment each node was reached by.
    by: Vec<u32>,
    root: u32,
}

impl Tree {
    fn grow(net: &Network, root: u32) -> Self {
        let mut ways: Vec<Vec<(u32, u32, f32)>> = vec![Vec::new(); net.nodes.len()];
        for (k, s) in net.segments.iter().enumerate().filter(|(_, s)| s.class != Class::Path) {
            let metres: f64 = s.line.windows(2).map(|w| w[0].distance(w[1])).sum();
            let time = metres as f32 / s.class.speed_kmh();
            ways[s.from as usize].push((s.to, k as u32, time));
            ways[s.to as usize].push((s.from, k as u32, time));
        }
        let mut best = vec![f32::INFINITY; net.nodes.len()];
        let mut by = vec![u32::MAX; net.nodes.len()];
        best[root as usize] = 0.0;
        let mut heap = BinaryHeap::from([Reverse((0_u32, root))]);
        while let Some(Reverse((bits, i))) = heap.pop() {
            if f32::from_bits(bits) > best[i as usize] {
                continue;
            }
            for &(j, k, w) in &ways[i as usize] {
                let next = best[i as usize] + w;
                if next < best[j as usize] {
                    best[j as usize] = next;
                    by[j as usize] = k;
                    heap.push(Reverse((next.to_bits(), j)));
                }
            }
        }
        Self { by, root }
    }

    /// The line from the root to a node; empty where no road leads.
    fn line(&self, net: &Network, to: u32) -> Vec<Xy> {
        let mut out: Vec<Xy> = Vec::new();
        let mut at = to;
        while at != self.root {
            let k = self.by[at as usize];
            let Some(s) = net.segments.get(k as usize) else { return Vec::new() };
            let skip = usize::from(!out.is_empty());
            if s.to == at {
                out.extend(s.line.iter().rev().skip(skip));
                at = s.from;
            } else {
                out.extend(s.line.iter().skip(skip));
                at = s.to;
            }
        }
        out.reverse();
        out
    }
}

/// Metres between stops.
const STOP_M: f64 = 1400.0;

fn stops(line: &[Xy], areas: &Areas) -> Vec<(String, Xy)> {
    let nearest = |p: Xy| {
        areas
            .settlements
            .iter()
            .filter(|s| s.kind != "place")
            .filter_map(|s| match s.geom {
                Geom::Point(q) => Some((q.distance(p), s)),
                _ => None,
            })
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or_else(|| "站".to_string(), |(_, s)| s.name.clone())
    };
    let mut out: Vec<(String, Xy)> = vec![(nearest(line[0]), line[0])];
    let mut gone = 0.0;
    for w in line.windows(2) {
        gone += w[0].distance(w[1]);
        if gone >= STOP_M {
            let name = nearest(w[1]);
            if out.last().is_none_or(|l| l.0 != name) {
                out.push((name, w[1]));
                gone = 0.0;
            }
        }
    }
    let last = line[line.len() - 1];
    if out.last().is_some_and(|l| l.1.distance(last) > 300.0) {
        out.push((nearest(last), last));
    }
    out
}
