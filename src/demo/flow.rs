//! Where water runs: depressions filled, one receiver a cell, drained areas.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::noise::hash;
use super::raster::Raster;

/// The drainage of a height field.
#[derive(Debug, Clone)]
pub struct Flow {
    /// The cell each cell drains to; cells of the rim drain to themselves.
    pub receiver: Vec<u32>,
    /// All cells, every receiver before the cells that drain to it.
    pub order: Vec<u32>,
    /// Cells drained through each cell, itself included.
    pub area: Vec<f32>,
    /// Heights with every depression filled.
    pub filled: Vec<f32>,
}

/// Rise given to each cell of a filled depression over its outlet, so that water still runs, metres.
const FILL_RISE: f32 = 0.002;

/// Fills depressions from the rim inwards (priority flood, Barnes 2014) and drains each cell to its
/// steepest lower neighbour. `jitter` shakes the slopes a little against straight grid-aligned rivers.
#[must_use]
pub fn drain(height: &Raster<f32>, jitter: u32) -> Flow {
    let n = height.data.len();
    let mut filled = height.data.clone();
    let mut seen = vec![false; n];
    let mut order = Vec::with_capacity(n);
    let mut heap = BinaryHeap::with_capacity(n / 8);
    let key = |z: f32, i: usize| Reverse((u64::from((z.max(0.0)).to_bits()) << 32) | i as u64);
    let (w, h) = (height.width, height.height);
    for i in 0..n {
        let (x, y) = (i % w, i / w);
        if x == 0 || y == 0 || x == w - 1 || y == h - 1 {
            seen[i] = true;
            heap.push(key(filled[i], i));
        }
    }
    while let Some(Reverse(packed)) = heap.pop() {
        let i = (packed & 0xffff_ffff) as usize;
        order.push(i as u32);
        let z = filled[i];
        height.for_neighbours(i, |j, _| {
            if !seen[j] {
                seen[j] = true;
                filled[j] = filled[j].max(z + FILL_RISE);
                heap.push(key(filled[j], j));
            }
        });
    }
    let receiver = receivers(height, &filled, jitter);
    let mut area = vec![1.0_f32; n];
    for &i in order.iter().rev() {
        let r = receiver[i as usize];
        if r != i {
            area[r as usize] += area[i as usize];
        }
    }
    Flow { receiver, order, area, filled }
}

fn receivers(height: &Raster<f32>, filled: &[f32], jitter: u32) -> Vec<u32> {
    let (w, h) = (height.width, height.height);
    (0..filled.len())
        .map(|i| {
            let (x, y) = (i % w, i / w);
            if x == 0 || y == 0 || x == w - 1 || y == h - 1 {
                return i as u32;
            }
            let (mut best, mut best_slope) = (i, 0.0);
            height.for_neighbours(i, |j, d| {
                let shake = 0.85 + 0.3 * (hash(jitter ^ hash(i as u32) ^ j as u32) >> 8) as f32 / 16_777_216.0;
                let slope = (filled[i] - filled[j]) / d * shake;
                if slope > best_slope {
                    best_slope = slope;
                    best = j;
                }
            });
            best as u32
        })
        .collect()
}
