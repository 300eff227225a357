//! The tree of areas: which sites make the county, which of them a village, which villages a township.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Neighbours of each node with the effort of the way.
pub type Graph = Vec<Vec<(u32, f32)>>;

/// A graph from sorted borders.
#[must_use]
pub fn graph(nodes: usize, borders: &[(u32, u32, f32)]) -> Graph {
    let mut out: Graph = vec![Vec::new(); nodes];
    for &(a, b, w) in borders {
        out[a as usize].push((b, w));
        out[b as usize].push((a, w));
    }
    out
}

/// Effort from one node to every other.
#[must_use]
pub fn reach(graph: &Graph, from: usize) -> Vec<f32> {
    let mut effort = vec![f32::INFINITY; graph.len()];
    effort[from] = 0.0;
    let mut heap = BinaryHeap::from([Reverse((0_u32, from as u32))]);
    while let Some(Reverse((bits, i))) = heap.pop() {
        let e = f32::from_bits(bits);
        if e > effort[i as usize] {
            continue;
        }
        for &(j, w) in &graph[i as usize] {
            let next = e + w;
            if next < effort[j as usize] {
                effort[j as usize] = next;
                heap.push(Reverse((next.to_bits(), j)));
            }
        }
    }
    effort
}

/// The `count` nodes that are easiest to reach from the seat, with what they would enclose.
/// `open` marks nodes on the rim, which are never taken.
#[must_use]
pub fn choose_county(graph: &Graph, seat: usize, count: usize, open: &[bool]) -> Vec<bool> {
    // No way leads over the rim, so that what is taken hangs together.
    let inner: Graph =
        graph.iter().map(|ways| ways.iter().copied().filter(|w| !open[w.0 as usize]).collect()).collect();
    let effort = reach(&inner, seat);
    let mut order: Vec<usize> = (0..graph.len()).filter(|&i| !open[i] && effort[i].is_finite()).collect();
    order.sort_by(|&a, &b| effort[a].total_cmp(&effort[b]).then(a.cmp(&b)));
    let mut taken = count.min(order.len());
    loop {
        let mut inside = vec![false; graph.len()];
        for &i in &order[..taken] {
            inside[i] = true;
        }
        let enclosed = enclosed(graph, &inside, open);
        let total = taken + enclosed.len();
        if total <= count || taken == 0 {
            for i in enclosed {
                inside[i] = true;
            }
            let mut missing = count - total;
            // What is still missing is taken at the edge, next in order.
            for &i in &order {
                if missing == 0 {
                    break;
                }
                if !inside[i] && graph[i].iter().any(|&(j, _)| inside[j as usize]) {
                    inside[i] = true;
                    missing -= 1;
                }
            }
            return inside;
        }
        taken -= total - count;
    }
}

fn enclosed(graph: &Graph, inside: &[bool], open: &[bool]) -> Vec<usize> {
    let mut outside: Vec<bool> = open.to_vec();
    let mut stack: Vec<usize> = (0..graph.len()).filter(|&i| open[i]).collect();
    while let Some(i) = stack.pop() {
        for &(j, _) in &graph[i] {
            let j = j as usize;
            if !outside[j] && !inside[j] {
                outside[j] = true;
                stack.push(j);
            }
        }
    }
    (0..graph.len()).filter(|&i| !inside[i] && !outside[i]).collect()
}

/// Grows groups over the graph from seeds; a group that is already large grows more slowly, so that
/// sizes stay alike without losing the shape of the land. Every group is connected.
#[must_use]
pub fn group(graph: &Graph, seeds: &[usize], balance: f32) -> Vec<u32> {
    let mut owner = vec![u32::MAX; graph.len()];
    let mut size = vec![0_u32; seeds.len()];
    let average = graph.len() as f32 / seeds.len() as f32;
    let mut heap = BinaryHeap::new();
    for (k, &s) in seeds.iter().enumerate() {
        heap.push(Reverse((0_u32, s as u32, k as u32, 0_u32)));
    }
    while let Some(Reverse((key, i, k, effort))) = heap.pop() {
        if owner[i as usize] != u32::MAX {
            continue;
        }
        // A key grown stale because its group has grown since is put back at its true place.
        let load = 1.0 + balance * (size[k as usize] as f32 / average).powi(2);
        let now = (f32::from_bits(effort) * load).to_bits();
        if now > key {
            heap.push(Reverse((now, i, k, effort)));
            continue;
        }
        owner[i as usize] = k;
        size[k as usize] += 1;
        for &(j, w) in &graph[i as usize] {
            if owner[j as usize] == u32::MAX {
                let e = f32::from_bits(effort) + w;
                heap.push(Reverse(((e * load).to_bits(), j, k, e.to_bits())));
            }
        }
    }
    owner
}

/// Picks exactly `count` seeds: the forced ones, then the heaviest nodes not too near one another.
#[must_use]
pub fn pick_seeds(weight: &[f64], place: &[(f64, f64)], forced: &[usize], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..weight.len()).collect();
    order.sort_by(|&a, &b| weight[b].total_cmp(&weight[a]).then(a.cmp(&b)));
    let (mut low, mut high) = (0.0_f64, 60_000.0_f64);
    let mut best: Vec<usize> = forced.to_vec();
    for _ in 0..40 {
        let apart = low.midpoint(high);
        let mut chosen: Vec<usize> = forced.to_vec();
        for &i in &order {
            let clear = |&&c: &&usize| (place[i].0 - place[c].0).hypot(place[i].1 - place[c].1) < apart;
            if !chosen.iter().any(|c| clear(&c)) {
                chosen.push(i);
            }
        }
        if chosen.len() >= count {
            low = apart;
            chosen.truncate(count);
            best = chosen;
        } else {
            high = apart;
        }
    }
    best
}
