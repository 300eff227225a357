//! Land divided by the effort of walking: each cell goes to the site it is easiest to reach from.
//!
//! Going up and going over a divide or a river is dear, so that the borders come to lie on ridges and
//! streams.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::noise::Noise;
use super::raster::Raster;
use super::terrain::{CELL_M, Terrain, cells_of_km2};

/// The cost surface the land is divided by.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Effort per metre at each cell.
    pub pace: Raster<f32>,
    /// Which stream reach each cell drains to, or which block of the seat it lies in.
    pub basin: Vec<u32>,
    /// Effort of stepping onto each cell because of a river, metres.
    pub ford: Vec<f32>,
    /// Share of the divide's effort that counts at each cell, 0..1: none on valley floors.
    pub ridge: Vec<f32>,
}

/// Effort of crossing a divide, metres of flat walking.
const DIVIDE_M: f32 = 900.0;

/// Numbers the reaches between junctions and returns each cell's.
#[must_use]
pub fn reaches(terrain: &Terrain) -> Vec<u32> {
    let flow = &terrain.flow;
    let threshold = cells_of_km2(super::terrain::STREAM_KM2);
    let n = flow.area.len();
    let mut donors = vec![0_u8; n];
    for i in 0..n {
        let r = flow.receiver[i] as usize;
        if r != i && flow.area[i] >= threshold {
            donors[r] = donors[r].saturating_add(1);
        }
    }
    let mut reach = vec![u32::MAX; n];
    let mut next = 0;
    for &i in &flow.order {
        let i = i as usize;
        let r = flow.receiver[i] as usize;
        if flow.area[i] >= threshold {
            if r != i && donors[r] == 1 && reach[r] != u32::MAX {
                reach[i] = reach[r];
            } else {
                reach[i] = next;
                next += 1;
            }
        } else if r != i {
            reach[i] = reach[r];
        }
    }
    reach
}

/// Builds the cost surface. In the seat, blocks of a turned street plan take the place of basins.
#[must_use]
pub fn ground(seed: u64, terrain: &Terrain, seat: usize, seat_radius: f32, seat_turn: f32) -> Ground {
    let h = &terrain.height;
    let mut basin = reaches(terrain);
    let n = basin.len();
    let mut pace = Raster::filled(h.width, h.height, 1.0);
    let (mut ford, mut ridge) = (vec![0.0; n], vec![0.0; n]);
    let (sx, sy) = h.cell(seat);
    let (sin, cos) = seat_turn.sin_cos();
    let cover = Noise::new(seed, 21);
    for i in 0..n {
        let (x, y) = h.cell(i);
        let above = terrain.above_stream[i];
        pace.data[i] = (1.0 + (terrain.slope.data[i] * 3.2).powf(1.4) + above / 90.0)
            * (2.0 * cover.fbm(x as f32 / 9.0, y as f32 / 9.0, 4)).exp();
        ridge[i] = ((above - 6.0) / 30.0).clamp(0.0, 1.0);
        let km2 = terrain.flow.area[i] / cells_of_km2(1.0);
        ford[i] = match km2 {
            a if a > 120.0 => 1500.0,
            a if a > 30.0 => 700.0,
            a if a > 8.0 => 260.0,
            a if a > 2.5 => 90.0,
            _ => 0.0,
        };
        let (dx, dy) = ((x - sx) as f32, (y - sy) as f32);
        if dx.hypot(dy) < seat_radius && above < 14.0 && terrain.slope.data[i] < 0.16 {
            let (u, v) = (dx * cos + dy * sin, dy * cos - dx * sin);
            let block = (((u / 3.6).floor() as i32 + 512) * 1024 + (v / 3.0).floor() as i32 + 512) as u32;
            basin[i] = 0x4000_0000 | block;
            ridge[i] = 0.18;
        }
    }
    Ground { pace, basin, ford, ridge }
}

impl Ground {
    /// Effort of one step between neighbouring cells, metres of flat walking.
    #[must_use]
    pub fn step(&self, from: usize, to: usize, distance: f32) -> f32 {
        let mut cost = distance * CELL_M * (self.pace.data[from] + self.pace.data[to]) / 2.0;
        if self.basin[from] != self.basin[to] {
            cost += DIVIDE_M * self.ridge[from].min(self.ridge[to]);
        }
        if self.ford[to] > self.ford[from] {
            cost += self.ford[to] - self.ford[from];
        }
        cost
    }
}

/// The division of the land among sites.
#[derive(Debug, Clone)]
pub struct Division {
    /// The site of each cell.
    pub label: Raster<u32>,
    /// Effort from the site.
    pub effort: Vec<f32>,
    /// The cell each cell was reached from; its own for sites.
    pub from: Vec<u32>,
}

/// Grows all sites at once over the whole land.
#[must_use]
pub fn grow(ground: &Ground, seeds: &[usize]) -> Division {
    let shape = &ground.pace;
    let mut label = Raster::filled(shape.width, shape.height, u32::MAX);
    let mut effort = vec![f32::INFINITY; shape.data.len()];
    let mut from: Vec<u32> = (0..effort.len() as u32).collect();
    let mut heap = BinaryHeap::new();
    for (k, &cell) in seeds.iter().enumerate() {
        label.data[cell] = k as u32;
        effort[cell] = 0.0;
        heap.push(Reverse((0_u32, cell as u32)));
    }
    while let Some(Reverse((bits, i))) = heap.pop() {
        let i = i as usize;
        if f32::from_bits(bits) > effort[i] {
            continue;
        }
        let (e, l) = (effort[i], label.data[i]);
        shape.for_neighbours(i, |j, d| {
            let next = e + ground.step(i, j, d);
            if next < effort[j] {
                effort[j] = next;
                label.data[j] = l;
                from[j] = i as u32;
                heap.push(Reverse((next.to_bits(), j as u32)));
            }
        });
    }
    Division { label, effort, from }
}

/// The easiest way between two sites that touch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Way {
    /// The site with the smaller index.
    pub a: u32,
    /// The other.
    pub b: u32,
    /// Effort from one to the other, metres of flat walking.
    pub effort: f32,
    /// The last cell of `a` on the way.
    pub a_cell: u32,
    /// The first cell of `b`.
    pub b_cell: u32,
}

/// The easiest ways between sites that touch, sorted by the two sites.
#[must_use]
pub fn ways(ground: &Ground, division: &Division) -> Vec<Way> {
    let label = &division.label;
    let mut found: Vec<Way> = Vec::new();
    for i in 0..label.data.len() {
        let (x, y) = label.cell(i);
        for (dx, dy) in [(1, 0), (0, 1)] {
            let Some(j) = label.index(x + dx, y + dy) else { continue };
            let (a, b) = (label.data[i], label.data[j]);
            if a != b {
                let effort =
                    division.effort[i] + division.effort[j] + ground.step(i, j, 1.0).max(ground.step(j, i, 1.0));
                let (a_cell, b_cell) = if a < b { (i as u32, j as u32) } else { (j as u32, i as u32) };
                found.push(Way { a: a.min(b), b: a.max(b), effort, a_cell, b_cell });
            }
        }
    }
    found.sort_by(|p, q| (p.a, p.b).cmp(&(q.a, q.b)).then(p.effort.total_cmp(&q.effort)).then(p.a_cell.cmp(&q.a_cell)));
    found.dedup_by_key(|w| (w.a, w.b));
    found
}
