//! Rivers, streams and reservoirs.

use geo::{Buffer, Coord, LineString, Validation};

use super::land::OUTSIDE;
use super::raster::{Raster, Xy};
use super::sites::middle;
use super::terrain::{Terrain, cells_of_km2};
use super::topology::{Polygon, simplify, soften, trace};

/// A piece of river or stream between two junctions.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Its line, running downstream.
    pub line: Vec<Xy>,
    /// Square kilometres drained at its lower end.
    pub km2: f32,
    /// Its cells, running downstream.
    pub cells: Vec<usize>,
    /// Number of the river system it is named with: the reach at the end of its stem.
    pub stem: u32,
}

/// Square kilometres drained from which water is drawn as a stream.
const DRAWN_KM2: f32 = 1.6;
/// Square kilometres drained from which a stream is a river.
pub const RIVER_KM2: f32 = 45.0;

/// All drawn reaches.
#[must_use]
pub fn reaches(terrain: &Terrain) -> Vec<Reach> {
    let flow = &terrain.flow;
    let threshold = cells_of_km2(DRAWN_KM2);
    let n = flow.area.len();
    let wet = |i: usize| flow.area[i] >= threshold;
    let mut donors = vec![0_u8; n];
    // The biggest donor of each cell carries the river's name upstream.
    let mut main_donor = vec![u32::MAX; n];
    for i in (0..n).filter(|&i| wet(i)) {
        let r = flow.receiver[i] as usize;
        if r != i {
            donors[r] += 1;
            let m = main_donor[r];
            if m == u32::MAX || flow.area[m as usize] < flow.area[i] {
                main_donor[r] = i as u32;
            }
        }
    }
    // Downstream first, so that a stem is known before the reaches above it ask for it.
    let mut stem_of_cell = vec![u32::MAX; n];
    let mut stems = 0;
    let mut out = Vec::new();
    for &i in &flow.order {
        let i = i as usize;
        let r = flow.receiver[i] as usize;
        if !wet(i) {
            continue;
        }
        if r != i && main_donor[r] == i as u32 && stem_of_cell[r] != u32::MAX {
            stem_of_cell[i] = stem_of_cell[r];
        } else {
            stem_of_cell[i] = stems;
            stems += 1;
        }
    }
    for head in (0..n).filter(|&i| wet(i) && donors[i] != 1) {
        let mut cells = vec![head];
        let mut i = head;
        loop {
            let r = flow.receiver[i] as usize;
            if r == i {
                break;
            }
            cells.push(r);
            if donors[r] != 1 {
                break;
            }
            i = r;
        }
        if cells.len() > 1 {
            let line: Vec<Xy> = cells.iter().map(|&c| middle(&terrain.height, c)).collect();
            let line = simplify(&(0..5).fold(line, |l, _| soften(&l, false)), 6.0);
            out.push(Reach { line, km2: flow.area[i] / cells_of_km2(1.0), stem: stem_of_cell[head], cells });
        }
    }
    out
}

/// The water surface of a river reach: its line widened with the land it drains. `None` where it would
/// not make a valid polygon.
#[must_use]
pub fn surface(reach: &Reach) -> Option<Vec<Polygon>> {
    let half = (7.0 + 1.15 * f64::from(reach.km2).sqrt()).min(46.0);
    let line: LineString<f64> = reach.line.iter().map(|p| Coord { x: p.x, y: p.y }).collect();
    let wide = line.buffer(half);
    if !wide.is_valid() {
        return None;
    }
    let ring = |l: &LineString<f64>| -> Vec<Xy> {
        let tidy: Vec<Xy> =
            l.0.iter().map(|c| Xy::new((c.x * 100.0).round() / 100.0, (c.y * 100.0).round() / 100.0)).collect();
        simplify(&tidy, 1.5)
    };
    Some(
        wide.into_iter()
            .map(|p| Polygon {
                rings: std::iter::once(ring(p.exterior())).chain(p.interiors().iter().map(ring)).collect(),
            })
            .collect(),
    )
}

/// Depth of a reservoir at its dam, metres.
const DAM_M: f32 = 24.0;

/// Dams narrow valleys here and there; returns which reservoir each cell is under.
#[must_use]
pub fn reservoirs(terrain: &Terrain, wanted: usize) -> Raster<u32> {
    let flow = &terrain.flow;
    let (w, h) = (terrain.height.width, terrain.height.height);
    let mut lakes = Raster::filled(w, h, OUTSIDE);
    let mut sites: Vec<(f32, usize)> = (0..flow.area.len())
        .filter(|&i| {
            let km2 = flow.area[i] / cells_of_km2(1.0);
            let (x, y) = (i % w, i / w);
            km2 > 7.0 && km2 < 45.0 && x > w / 4 && x < w * 3 / 4 && y > h / 4 && y < h * 3 / 4
        })
        .map(|i| {
            let (x, y) = terrain.height.cell(i);
            let steep: f32 = (-3..=3)
                .flat_map(|dy| (-3..=3).map(move |dx| (dx, dy)))
                .map(|(dx, dy)| terrain.slope.clamped(x + dx, y + dy))
                .sum();
            (steep, i)
        })
        .collect();
    sites.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut dams: Vec<usize> = Vec::new();
    for (_, dam) in sites {
        if dams.len() == wanted {
            break;
        }
        let (x, y) = terrain.height.cell(dam);
        let far = dams.iter().all(|&d| {
            let (dx, dy) = terrain.height.cell(d);
            (x - dx).abs().max((y - dy).abs()) > (w / 9) as i32
        });
        if !far {
            continue;
        }
        let flooded = flood(terrain, dam);
        if (cells_of_km2(0.12) as usize..cells_of_km2(1.8) as usize).contains(&flooded.len()) {
            for i in flooded {
                lakes.data[i] = dams.len() as u32;
            }
            dams.push(dam);
        }
    }
    lakes
}

/// Cells above a dam that lie under its water: those that drain through it and are low enough.
fn flood(terrain: &Terrain, dam: usize) -> Vec<usize> {
    let level = terrain.height.data[dam] + DAM_M;
    let mut seen = std::collections::BTreeSet::from([dam]);
    let mut stack = vec![dam];
    while let Some(i) = stack.pop() {
        if seen.len() > 2000 {
            break;
        }
        terrain.height.for_neighbours(i, |j, d| {
            let below = drains_to(terrain, j, &seen);
            if d < 1.1 && below && terrain.height.data[j] < level && seen.insert(j) {
                stack.push(j);
            }
        });
    }
    seen.into_iter().collect()
}

fn drains_to(terrain: &Terrain, mut i: usize, seen: &std::collections::BTreeSet<usize>) -> bool {
    for _ in 0..60 {
        if seen.contains(&i) {
            return true;
        }
        let r = terrain.flow.receiver[i] as usize;
        if r == i {
            return false;
        }
        i = r;
    }
    false
}

/// Outlines of the reservoirs, by number.
#[must_use]
pub fn outlines(lakes: &Raster<u32>) -> Vec<Vec<Polygon>> {
    trace(lakes, OUTSIDE).areas(|l| (l != OUTSIDE).then_some(l)).into_values().collect()
}
