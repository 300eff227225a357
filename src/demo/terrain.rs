//! The land: mountains raised by uplift and cut by rivers.
//!
//! Heights come from a landscape evolution model: uplift against river incision by the stream power
//! law (solved implicitly, Braun & Willett 2013) with hillslope creep, first on a coarse grid for the
//! grand lines, then on the fine grid for the gullies. So valleys branch like trees and ridges part
//! the waters, which noise alone never gives. The rim mountains enclose the county's basin; one gorge
//! lets the main river out.

use super::flow::{Flow, drain};
use super::noise::Noise;
use super::raster::Raster;

/// Metres along the side of a fine cell.
pub const CELL_M: f32 = 50.0;
/// Fine cells along the side of a coarse cell.
const COARSE: usize = 4;
/// Rounds of uplift and incision on the coarse grid.
const COARSE_ROUNDS: u32 = 110;
/// Rounds on the fine grid.
const FINE_ROUNDS: u32 = 3;
/// The exponent of drained area in the stream power law.
const AREA_EXPONENT: f32 = 0.46;

/// The land with its drainage.
#[derive(Debug, Clone)]
pub struct Terrain {
    /// Metres above sea level.
    pub height: Raster<f32>,
    /// Slope as rise over run.
    pub slope: Raster<f32>,
    /// Drainage of the fine grid.
    pub flow: Flow,
    /// Metres above the stream each cell drains to.
    pub above_stream: Vec<f32>,
    /// The first stream cell below each cell; `u32::MAX` where there is none.
    pub stream_below: Vec<u32>,
}

/// Square kilometres drained where a stream begins.
pub const STREAM_KM2: f32 = 0.9;

/// Cells of the fine grid in so many square kilometres.
#[must_use]
pub fn cells_of_km2(km2: f32) -> f32 {
    km2 * 1e6 / (CELL_M * CELL_M)
}

/// Raises and carves the land of a seed on a grid of `width` × `height` fine cells.
#[must_use]
pub fn shape(seed: u64, width: usize, height: usize) -> Terrain {
    let coarse = carve_coarse(seed, width / COARSE, height / COARSE);
    let mut land = refine(seed, &coarse, width, height);
    for round in 0..FINE_ROUNDS {
        incise(&mut land, None, CELL_M, 0.55, 0.06, round);
    }
    let flow = drain(&land, 77);
    let (stream_below, mut above_stream) = heights_above_streams(&land, &flow);
    // The floors are laid along the same drainage, so streams stay where they were.
    lay_valley_floors(&mut land, &flow, &stream_below, &mut above_stream);
    let slope = land.slope(CELL_M);
    Terrain { height: land, slope, flow, above_stream, stream_below }
}

/// The uplift of each coarse cell: a ring of mountains around a lower basin, open at one gorge.
fn uplift(seed: u64, w: usize, h: usize) -> Raster<f32> {
    let (bend, mass) = (Noise::new(seed, 1), Noise::new(seed, 2));
    let mut out = Raster::filled(w, h, 0.0);
    for i in 0..out.data.len() {
        let (x, y) = ((i % w) as f32, (i / w) as f32);
        let (u, v) = (2.0 * x / w as f32 - 1.0, 2.0 * y / h as f32 - 1.0);
        let wu = u + 0.62 * bend.fbm(u * 1.5 + 5.0, v * 1.5, 4);
        let wv = v + 0.62 * bend.fbm(u * 1.5 - 9.0, v * 1.5 + 3.0, 4);
        let r = wu.hypot(wv * 1.05) * 0.95;
        let ring = (-((r - 0.86) / 0.22).powi(2)).exp();
        // The gorge of the main river, to the south-east.
        let gorge = (-((wu - wv) / 0.20).powi(2)).exp() * if wu + wv > 0.0 { 1.0 } else { 0.0 };
        let basin = (-(r / 0.33).powi(2)).exp();
        let massif = mass.fbm(u * 3.1, v * 3.1, 4);
        let rise = 0.62 + 0.40 * ring * (1.0 - 0.85 * gorge) - 0.26 * basin + 1.15 * massif;
        out.data[i] = rise.clamp(0.26, 1.6);
    }
    out
}

fn carve_coarse(seed: u64, w: usize, h: usize) -> Raster<f32> {
    let lift = uplift(seed, w, h);
    let rough = Noise::new(seed, 3);
    let mut land = Raster::filled(w, h, 0.0);
    for i in 0..land.data.len() {
        let (x, y) = ((i % w) as f32, (i / w) as f32);
        land.data[i] = 60.0 + 120.0 * lift.data[i] + 260.0 * rough.fbm(x / 26.0, y / 26.0, 6);
    }
    let size = CELL_M * COARSE as f32;
    for round in 0..COARSE_ROUNDS {
        incise(&mut land, Some(&lift), size, 1.0, 0.10, round);
    }
    rescale(&mut land, 130.0, 1480.0);
    land
}

/// One round of uplift, implicit incision and creep.
fn incise(land: &mut Raster<f32>, lift: Option<&Raster<f32>>, size: f32, strength: f32, creep: f32, round: u32) {
    let flow = drain(land, round / 8);
    let w = land.width;
    for &i in &flow.order {
        let i = i as usize;
        let r = flow.receiver[i] as usize;
        if r == i {
            continue;
        }
        let distance = if r.abs_diff(i) == 1 || r.abs_diff(i) == w { size } else { size * std::f32::consts::SQRT_2 };
        // Drained area in units of 200 m cells, so that both grids cut alike.
        let area = flow.area[i] * (size / 200.0).powi(2);
        let rate = strength * 0.085 * area.powf(AREA_EXPONENT) * (200.0 / distance);
        let up = lift.map_or(0.0, |l| l.data[i] * 16.0);
        land.data[i] = (flow.filled[i].min(land.data[i] + 3.0) + up + rate * land.data[r]) / (1.0 + rate);
    }
    let before = land.clone();
    for i in 0..land.data.len() {
        let (x, y) = before.cell(i);
        let mean =
            (before.clamped(x + 1, y) + before.clamped(x - 1, y) + before.clamped(x, y + 1) + before.clamped(x, y - 1))
                / 4.0;
        land.data[i] += creep * (mean - before.data[i]);
    }
}

fn rescale(land: &mut Raster<f32>, low: f32, high: f32) {
    let (min, max) = land.data.iter().fold((f32::MAX, f32::MIN), |(a, b), &z| (a.min(z), b.max(z)));
    let k = (high - low) / (max - min).max(1.0);
    for z in &mut land.data {
        *z = low + (*z - min) * k;
    }
}

/// Brings the coarse land onto the fine grid and adds the small forms slopes have.
fn refine(seed: u64, coarse: &Raster<f32>, width: usize, height: usize) -> Raster<f32> {
    let (detail, bend) = (Noise::new(seed, 4), Noise::new(seed, 5));
    let steep = coarse.slope(CELL_M * COARSE as f32);
    let mut land = Raster::filled(width, height, 0.0);
    for i in 0..land.data.len() {
        let (x, y) = ((i % width) as f32 + 0.5, (i / width) as f32 + 0.5);
        // A slight bend hides the coarse grid's eight directions.
        let (bx, by) = (bend.fbm(x / 34.0, y / 34.0, 3) * 17.0, bend.fbm(x / 34.0 + 40.0, y / 34.0, 3) * 17.0);
        let (cx, cy) = ((x + bx) / COARSE as f32, (y + by) / COARSE as f32);
        let rugged = (steep.bilinear(cx, cy) * 2.2).min(1.0);
        let ridge = 1.0 - 2.0 * detail.fbm(x / 16.0, y / 16.0, 4).abs();
        land.data[i] = coarse.bilinear(cx, cy)
            + (0.18 + rugged) * 36.0 * ridge
            + 4.0 * detail.at(x / 3.0, y / 3.0)
            + 7.0 * detail.at(x / 8.0 + 70.0, y / 8.0);
    }
    land
}

/// For each cell the stream cell its water reaches first and the height above it.
fn heights_above_streams(land: &Raster<f32>, flow: &Flow) -> (Vec<u32>, Vec<f32>) {
    let threshold = cells_of_km2(STREAM_KM2);
    let n = land.data.len();
    let (mut below, mut above) = (vec![u32::MAX; n], vec![0.0; n]);
    for &i in &flow.order {
        let k = i as usize;
        if flow.area[k] >= threshold {
            below[k] = i;
        } else {
            below[k] = below[flow.receiver[k] as usize];
        }
        if below[k] != u32::MAX {
            above[k] = (flow.filled[k] - flow.filled[below[k] as usize]).max(0.0);
        }
    }
    (below, above)
}

/// Presses the land near streams nearly flat, the wider the bigger the stream: the floors where
/// people live and plant.
fn lay_valley_floors(land: &mut Raster<f32>, flow: &Flow, below: &[u32], above: &mut [f32]) {
    for i in 0..land.data.len() {
        if below[i] == u32::MAX {
            // Off the rim without a stream: nobody settles there.
            above[i] = 200.0;
            continue;
        }
        let s = below[i] as usize;
        let km2 = flow.area[s] / cells_of_km2(1.0);
        let depth = (8.0 * km2.powf(0.27)).min(48.0);
        let h = above[i];
        let pressed = h * h / (h + depth) + h.min(depth) * 0.04;
        land.data[i] = flow.filled[s] + pressed;
        above[i] = pressed;
    }
}
