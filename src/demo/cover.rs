//! Land use: what grows or stands where.

use super::houses::Houses;
use super::land::{Land, OUTSIDE};
use super::noise::Noise;
use super::raster::Raster;
use super::terrain::{CELL_M, Terrain};
use super::topology::{Polygon, trace};

/// The classes, in the database's words, by number.
pub const KINDS: [&str; 7] = ["forest", "bamboo", "orchard", "terrace", "farmland", "grass", "built"];

/// A piece of land of one use.
#[derive(Debug, Clone)]
pub struct Patch {
    /// Index into [`KINDS`].
    pub kind: u8,
    /// Its outline.
    pub polygon: Polygon,
}

/// Draws the land use of the county, cut at township borders so that no piece grows too large.
#[must_use]
pub fn draw(seed: u64, terrain: &Terrain, land: &Land, lakes: &Raster<u32>, houses: &Houses) -> Vec<Patch> {
    let mut kinds = classes(seed, terrain, land, houses);
    for _ in 0..2 {
        settle_majority(&mut kinds);
    }
    drop_specks(&mut kinds, 9);
    let mut labels = Raster::filled(kinds.width, kinds.height, OUTSIDE);
    for i in 0..labels.data.len() {
        let grid = land.label.data[i];
        if grid != OUTSIDE && lakes.data[i] == OUTSIDE {
            labels.data[i] = land.grids[grid as usize].township * 8 + u32::from(kinds.data[i]);
        }
    }
    separate_corners(&mut labels);
    let areas = trace(&labels, OUTSIDE).areas(|l| (l != OUTSIDE).then_some(l));
    areas
        .into_iter()
        .flat_map(|(l, polygons)| polygons.into_iter().map(move |polygon| Patch { kind: (l % 8) as u8, polygon }))
        .collect()
}

fn classes(seed: u64, terrain: &Terrain, land: &Land, houses: &Houses) -> Raster<u8> {
    let (wood, tree) = (Noise::new(seed, 40), Noise::new(seed, 41));
    let (w, h) = (land.label.width, land.label.height);
    let mut dense = vec![0.0_f32; w * h];
    for house in &houses.all {
        let i = (house.middle.y / f64::from(CELL_M)) as usize * w + (house.middle.x / f64::from(CELL_M)) as usize;
        dense[i] += (house.half_front * house.half_depth * 4.0) as f32;
    }
    let mut out = Raster::filled(w, h, 0_u8);
    for (i, &built) in dense.iter().enumerate() {
        if land.label.data[i] == OUTSIDE {
            continue;
        }
        let (x, y) = ((i % w) as f32, (i / w) as f32);
        let (slope, above, z) = (terrain.slope.data[i], terrain.above_stream[i], terrain.height.data[i]);
        let (a, b) = (wood.fbm(x / 14.0, y / 14.0, 4), tree.fbm(x / 22.0, y / 22.0, 4));
        out.data[i] = if built > 260.0 {
            6
        } else if slope < 0.11 && above < 16.0 + 30.0 * a && land.suit.data[i] > 0.22 {
            4
        } else if slope < 0.34 && above < 46.0 + 90.0 * a && z < 950.0 && b > -0.08 {
            3
        } else if slope < 0.36 && above < 130.0 && z < 800.0 && b < -0.12 + 0.2 * a {
            2
        } else if z > 1130.0 + 160.0 * a && slope < 0.5 {
            5
        } else {
            u8::from(a > 0.2 && z < 1050.0)
        };
    }
    out
}

/// Gives each cell the commonest class around it; built land holds its ground.
fn settle_majority(kinds: &mut Raster<u8>) {
    let before = kinds.clone();
    for i in 0..kinds.data.len() {
        let mut count = [0_u8; 7];
        count[before.data[i] as usize] = if before.data[i] == 6 { 5 } else { 2 };
        before.for_neighbours(i, |j, _| count[before.data[j] as usize] += 1);
        let best = (0..7).max_by_key(|&k| (count[k], 7 - k)).unwrap_or(0);
        kinds.data[i] = best as u8;
    }
}

/// Pieces of fewer cells than `least` take the class of what surrounds them.
fn drop_specks(kinds: &mut Raster<u8>, least: usize) {
    let mut seen = vec![false; kinds.data.len()];
    for start in 0..kinds.data.len() {
        if seen[start] {
            continue;
        }
        let kind = kinds.data[start];
        let (mut piece, mut stack, mut around) = (vec![start], vec![start], [0_u32; 7]);
        seen[start] = true;
        while let Some(i) = stack.pop() {
            kinds.for_neighbours(i, |j, d| {
                if d > 1.1 {
                    return;
                }
                if kinds.data[j] == kind {
                    if !seen[j] {
                        seen[j] = true;
                        piece.push(j);
                        stack.push(j);
                    }
                } else {
                    around[kinds.data[j] as usize] += 1;
                }
            });
        }
        if piece.len() < least && kind != 6 {
            let best = (0..7).max_by_key(|&k| (around[k], 7 - k)).unwrap_or(0);
            for i in piece {
                kinds.data[i] = best as u8;
            }
        }
    }
}

/// Fills corners where a label would touch itself at a point.
fn separate_corners(labels: &mut Raster<u32>) {
    let (w, h) = (labels.width, labels.height);
    for _ in 0..30 {
        let mut changed = false;
        for y in 0..h - 1 {
            for x in 0..w - 1 {
                let [a, b, c, d] = [y * w + x, y * w + x + 1, (y + 1) * w + x, (y + 1) * w + x + 1];
                let l = |i: usize| labels.data[i];
                if l(a) == l(d) && l(a) != l(b) && l(a) != l(c) {
                    let give = if l(b) == OUTSIDE { c } else { b };
                    labels.data[give] = l(a);
                    changed = true;
                } else if l(b) == l(c) && l(b) != l(a) && l(b) != l(d) {
                    let give = if l(a) == OUTSIDE { d } else { a };
                    labels.data[give] = l(b);
                    changed = true;
                }
            }
        }
        if !changed {
            return;
        }
    }
}
