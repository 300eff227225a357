//! Where people settled: flat ground near water, close together in the valleys, thin on the slopes.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::noise::{Noise, hash};
use super::plan::Plan;
use super::raster::{Raster, Xy};
use super::terrain::{CELL_M, Terrain, cells_of_km2};

/// What stands at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SiteKind {
    /// A natural village or hamlet.
    Hamlet,
    /// Part of a market town.
    Town,
    /// Part of the county seat.
    Seat,
}

/// A place where people live: the seed of one general grid.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its fine cell.
    pub cell: usize,
    /// What stands there.
    pub kind: SiteKind,
    /// Share of the county's households, relative.
    pub weight: f64,
}

/// All sites of the drawn land, inside the county or not.
#[derive(Debug, Clone)]
pub struct Sites {
    /// The sites.
    pub all: Vec<Site>,
    /// Cells of market towns, best first; the first is the county seat.
    pub towns: Vec<usize>,
}

/// How good each cell is to live on, 0..1.
#[must_use]
pub fn suitability(seed: u64, terrain: &Terrain) -> Raster<f32> {
    let taste = Noise::new(seed, 20);
    let h = &terrain.height;
    let mut out = Raster::filled(h.width, h.height, 0.0);
    for i in 0..h.data.len() {
        let (x, y) = h.cell(i);
        let flat = 1.0 / (1.0 + (terrain.slope.data[i] / 0.16).powi(2));
        let near = 1.0 / (1.0 + (terrain.above_stream[i] / 45.0).powi(2));
        let low = 1.0 / (1.0 + (h.data[i] / 950.0).powi(4));
        let liked = (0.75 + 1.1 * taste.fbm(x as f32 / 17.0, y as f32 / 17.0, 4)).clamp(0.15, 1.3);
        let wet = if terrain.flow.area[i] > cells_of_km2(25.0) { 0.0 } else { 1.0 };
        out.data[i] = (flat * near * low * liked * wet).clamp(0.0, 1.0);
    }
    out
}

/// Mean of a raster over a square of ±`radius` cells, by summed areas.
fn box_mean(r: &Raster<f32>, radius: i32) -> Raster<f32> {
    let (w, h) = (r.width, r.height);
    let mut sums = vec![0.0_f64; (w + 1) * (h + 1)];
    for y in 0..h {
        let mut row = 0.0;
        for x in 0..w {
            row += f64::from(r.data[y * w + x]);
            sums[(y + 1) * (w + 1) + x + 1] = sums[y * (w + 1) + x + 1] + row;
        }
    }
    let mut out = Raster::filled(w, h, 0.0);
    for y in 0..h as i32 {
        for x in 0..w as i32 {
            let (x0, x1) = ((x - radius).max(0) as usize, ((x + radius + 1) as usize).min(w));
            let (y0, y1) = ((y - radius).max(0) as usize, ((y + radius + 1) as usize).min(h));
            let at = |x: usize, y: usize| sums[y * (w + 1) + x];
            let sum = at(x1, y1) - at(x0, y1) - at(x1, y0) + at(x0, y0);
            out.data[y as usize * w + x as usize] = (sum / ((x1 - x0) * (y1 - y0)) as f64) as f32;
        }
    }
    out
}

/// Chooses the market towns: the widest floors, some kilometres apart; the seat is the widest of all
/// near the middle.
fn choose_towns(plan: &Plan, suit: &Raster<f32>, terrain: &Terrain) -> Vec<usize> {
    let room = box_mean(suit, 14);
    let (cx, cy) = (plan.width as f32 / 2.0, plan.height as f32 / 2.0);
    let mut cells: Vec<(f32, usize)> = (0..suit.data.len())
        .filter(|&i| suit.data[i] > 0.3 && terrain.above_stream[i] < 25.0)
        .map(|i| {
            let s = terrain.stream_below[i];
            let river = if s == u32::MAX { 0.0 } else { (terrain.flow.area[s as usize] / cells_of_km2(1.0)).ln() };
            (room.data[i] * (1.0 + 0.22 * river) + 0.15 * suit.data[i], i)
        })
        .collect();
    cells.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let seat = cells
        .iter()
        .max_by(|a, b| {
            let worth = |c: &(f32, usize)| {
                let (x, y) = suit.cell(c.1);
                let off = ((x as f32 - cx) / cx).hypot((y as f32 - cy) / cy);
                c.0 * (1.0 - 0.9 * off).max(0.0)
            };
            worth(a).total_cmp(&worth(b)).then(b.1.cmp(&a.1))
        })
        .map_or(suit.data.len() / 2, |c| c.1);
    let area_km2 = plan.width_m() * plan.height_m() / 1e6;
    // About as many towns as townships would fit on the whole land, and a few to spare.
    let wanted = (plan.townships as f64 * 1.75).ceil();
    let apart = ((area_km2 / wanted).sqrt() * 1000.0 / f64::from(CELL_M) * 0.74) as f32;
    let mut towns = vec![seat];
    for &(_, i) in &cells {
        let (x, y) = suit.cell(i);
        let clear = towns.iter().all(|&t| {
            let (tx, ty) = suit.cell(t);
            ((x - tx) as f32).hypot((y - ty) as f32) >= apart
        });
        if clear {
            towns.push(i);
        }
    }
    towns
}

/// Wanted distance to the next site, in cells, and what the place would be.
fn spacing(i: usize, suit: &Raster<f32>, towns: &[usize], seat_radius: f32) -> (f32, SiteKind) {
    let (x, y) = suit.cell(i);
    let mut kind = SiteKind::Hamlet;
    for (k, &t) in towns.iter().enumerate() {
        let (tx, ty) = suit.cell(t);
        let d = ((x - tx) as f32).hypot((y - ty) as f32);
        if k == 0 && d < seat_radius && suit.data[i] > 0.2 {
            return (7.0, SiteKind::Seat);
        }
        if k > 0 && d < 11.0 && suit.data[i] > 0.25 {
            kind = SiteKind::Town;
        }
    }
    match kind {
        SiteKind::Town => (9.0, kind),
        _ => (11.0 + 17.0 * (1.0 - suit.data[i]).powf(1.5), kind),
    }
}

/// Settles the land so that about `wanted` sites stand on it.
#[must_use]
pub fn settle(plan: &Plan, suit: &Raster<f32>, terrain: &Terrain, wanted: usize, rng: &mut ChaCha8Rng) -> Sites {
    let towns = choose_towns(plan, suit, terrain);
    let seat_radius = 14.0 + 14.0 * (plan.general_grids as f32 / 3600.0);
    let mut order: Vec<(f32, usize)> = (0..suit.data.len())
        .filter(|&i| {
            let (x, y) = suit.cell(i);
            suit.data[i] > 0.03 && x > 1 && y > 1 && (x as usize) < suit.width - 2 && (y as usize) < suit.height - 2
        })
        // Better ground is taken first, with chance.
        .map(|i| (rng.random::<f32>().powf(0.35 / suit.data[i].max(0.02)), i))
        .collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let (mut low, mut high) = (0.35_f32, 2.5_f32);
    let mut best = Vec::new();
    for _ in 0..9 {
        let scale = low.midpoint(high);
        best = throw_darts(suit, &towns, seat_radius, &order, scale);
        if best.len() > wanted {
            low = scale;
        } else {
            high = scale;
        }
        if best.len().abs_diff(wanted) * 100 < wanted {
            break;
        }
    }
    let all = best
        .into_iter()
        .map(|(cell, kind)| {
            let chance = (rng.random::<f64>() + rng.random::<f64>() + rng.random::<f64>() - 1.5) * 1.1;
            let base = match kind {
                SiteKind::Hamlet => 0.25 + 1.1 * f64::from(suit.data[cell]),
                SiteKind::Town => 2.6,
                SiteKind::Seat => 13.0,
            };
            Site { cell, kind, weight: base * chance.exp() }
        })
        .collect();
    Sites { all, towns }
}

fn throw_darts(
    suit: &Raster<f32>,
    towns: &[usize],
    seat_radius: f32,
    order: &[(f32, usize)],
    scale: f32,
) -> Vec<(usize, SiteKind)> {
    let bucket = 8;
    let (bw, bh) = (suit.width / bucket + 1, suit.height / bucket + 1);
    let mut buckets: Vec<Vec<(i32, i32)>> = vec![Vec::new(); bw * bh];
    let mut out = Vec::new();
    let firsts = towns.iter().map(|&t| (f32::MAX, t));
    for (_, i) in firsts.chain(order.iter().copied()) {
        let (x, y) = suit.cell(i);
        let (mut apart, kind) = spacing(i, suit, towns, seat_radius);
        if kind == SiteKind::Hamlet {
            // Some places keep their neighbours farther off than others.
            let own = (hash(i as u32) >> 8) as f32 / 16_777_216.0;
            apart *= scale * (0.6 + 0.9 * own);
        }
        let reach = (apart / bucket as f32).ceil() as i32;
        let (bx, by) = (x / bucket as i32, y / bucket as i32);
        let clear = (by - reach..=by + reach).all(|v| {
            (bx - reach..=bx + reach).all(|u| {
                u < 0
                    || v < 0
                    || u >= bw as i32
                    || v >= bh as i32
                    || buckets[v as usize * bw + u as usize]
                        .iter()
                        .all(|&(px, py)| ((px - x) as f32).hypot((py - y) as f32) >= apart)
            })
        });
        if clear {
            buckets[by as usize * bw + bx as usize].push((x, y));
            out.push((i, kind));
        }
    }
    out
}

/// The middle of a cell on the plane.
#[must_use]
pub fn middle<T>(r: &Raster<T>, cell: usize) -> Xy {
    let size = f64::from(CELL_M);
    Xy::new(((cell % r.width) as f64 + 0.5) * size, ((cell / r.width) as f64 + 0.5) * size)
}
