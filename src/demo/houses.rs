//! Houses: rows along the roads and along the contours, blocks in the seat.

use std::collections::HashMap;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::land::{Land, OUTSIDE, dice};
use super::raster::{Raster, Xy};
use super::roads::{Class, Network};
use super::sites::{SiteKind, middle};
use super::terrain::{CELL_M, Terrain, cells_of_km2};
use super::topology::{Polygon, segment_distance};

/// A building's outline: a rectangle turned to its row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct House {
    /// Its middle.
    pub middle: Xy,
    /// Unit vector along its front.
    pub along: (f64, f64),
    /// Half its front, metres.
    pub half_front: f64,
    /// Half its depth, metres.
    pub half_depth: f64,
    /// The grid it stands in.
    pub grid: u32,
    /// Households it has room for.
    pub rooms: u16,
    /// What it is.
    pub kind: &'static str,
}

impl House {
    /// Its closed outline, anticlockwise on a map.
    #[must_use]
    pub fn ring(&self) -> [Xy; 5] {
        let (ux, uy) = (self.along.0 * self.half_front, self.along.1 * self.half_front);
        let (vx, vy) = (-self.along.1 * self.half_depth, self.along.0 * self.half_depth);
        let at = |a: f64, b: f64| Xy::new(self.middle.x + a * ux + b * vx, self.middle.y + a * uy + b * vy);
        [at(-1.0, 1.0), at(1.0, 1.0), at(1.0, -1.0), at(-1.0, -1.0), at(-1.0, 1.0)]
    }

    /// A door along its front, `share` from −1 to 1, just inside the wall.
    #[must_use]
    pub fn door(&self, share: f64) -> Xy {
        let f = share * self.half_front * 0.85;
        let d = self.half_depth * 0.8;
        Xy::new(
            self.middle.x + self.along.0 * f - self.along.1 * d,
            self.middle.y + self.along.1 * f + self.along.0 * d,
        )
    }

    /// Whether two outlines come nearer than a gap (separating axes of two rectangles).
    fn crowds(&self, other: &Self, gap: f64) -> bool {
        let d = (other.middle.x - self.middle.x, other.middle.y - self.middle.y);
        let axes = [self.along, (-self.along.1, self.along.0), other.along, (-other.along.1, other.along.0)];
        axes.iter().all(|&(ax, ay)| {
            let reach = |h: &Self| {
                (h.along.0 * ax + h.along.1 * ay).abs() * h.half_front
                    + (-h.along.1 * ax + h.along.0 * ay).abs() * h.half_depth
            };
            (d.0 * ax + d.1 * ay).abs() < reach(self) + reach(other) + gap
        })
    }
}

/// All houses, grouped by grid.
pub struct Houses {
    /// The houses, those of a grid together and in its order of growth.
    pub all: Vec<House>,
    /// For each grid the range of its houses.
    pub of_grid: Vec<std::ops::Range<usize>>,
}

/// Side of the squares things are looked up by, metres.
const SQUARE_M: f64 = 64.0;

fn square(p: Xy) -> (i32, i32) {
    ((p.x / SQUARE_M).floor() as i32, (p.y / SQUARE_M).floor() as i32)
}

struct Builder<'a> {
    terrain: &'a Terrain,
    land: &'a Land,
    lakes: &'a Raster<u32>,
    outlines: &'a [Vec<Polygon>],
    pieces: Vec<(Xy, Xy, f64)>,
    pieces_in: HashMap<(i32, i32), Vec<u32>>,
    houses: Vec<House>,
    houses_in: HashMap<(i32, i32), Vec<u32>>,
    rng: ChaCha8Rng,
}

/// Builds houses for so many households in each grid. `outlines` are the grids' polygons.
#[must_use]
pub fn build(
    seed: u64,
    terrain: &Terrain,
    land: &Land,
    lakes: &Raster<u32>,
    net: &Network,
    outlines: &[Vec<Polygon>],
    households: &[u32],
) -> Houses {
    let mut pieces = Vec::new();
    for s in net.segments.iter().filter(|s| s.class != Class::Path) {
        let half = match s.class {
            Class::Highway | Class::Primary => 9.0,
            Class::Secondary | Class::Township => 6.0,
            _ => 3.5,
        };
        pieces.extend(s.line.windows(2).map(|w| (w[0], w[1], half)));
    }
    let mut pieces_in: HashMap<(i32, i32), Vec<u32>> = HashMap::new();
    for (k, (a, b, _)) in pieces.iter().enumerate() {
        let steps = (a.distance(*b) / (SQUARE_M / 2.0)).ceil() as usize;
        let mut last = None;
        for s in 0..=steps {
            let t = s as f64 / steps.max(1) as f64;
            let q = square(Xy::new(a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t));
            if last != Some(q) {
                pieces_in.entry(q).or_default().push(k as u32);
                last = Some(q);
            }
        }
    }
    let mut builder = Builder {
        terrain,
        land,
        lakes,
        outlines,
        pieces,
        pieces_in,
        houses: Vec::new(),
        houses_in: HashMap::new(),
        rng: dice(seed, 30),
    };
    let mut of_grid = Vec::with_capacity(households.len());
    for (grid, &wanted) in households.iter().enumerate() {
        let first = builder.houses.len();
        builder.settle(grid as u32, wanted);
        of_grid.push(first..builder.houses.len());
    }
    Houses { all: builder.houses, of_grid }
}

impl Builder<'_> {
    fn settle(&mut self, grid: u32, wanted: u32) {
        let site = &self.land.grids[grid as usize].site;
        let (kind, centre) = (site.kind, middle(&self.land.suit, site.cell));
        let mut missing = i64::from(wanted);
        let mut radius = match kind {
            SiteKind::Seat => 210.0,
            SiteKind::Town => 130.0,
            SiteKind::Hamlet => 60.0 + 9.0 * f64::from(wanted).sqrt(),
        };
        for _ in 0..5 {
            let mut slots = self.roadside_slots(centre, radius, kind);
            slots.extend(self.contour_slots(centre, radius, kind));
            slots.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (_, mut house) in slots {
                if missing <= 0 {
                    return;
                }
                house.grid = grid;
                if self.fits(&house) {
                    missing -= i64::from(house.rooms);
                    let id = self.houses.len() as u32;
                    self.houses.push(house);
                    self.houses_in.entry(square(house.middle)).or_default().push(id);
                }
            }
            radius *= 1.5;
        }
    }

    /// A house of the kind of place, at a slot.
    fn house(&mut self, at: Xy, along: (f64, f64), kind: SiteKind, in_row: bool) -> House {
        let r: f64 = self.rng.random();
        let (half_front, half_depth, rooms, name) = match kind {
            SiteKind::Seat if r < 0.55 => (
                19.0 + 11.0 * self.rng.random::<f64>(),
                6.5,
                10 + (self.rng.random::<f64>() * 16.0) as u16,
                "apartment",
            ),
            SiteKind::Seat => (6.5 + 2.0 * self.rng.random::<f64>(), 6.0, 3, "house"),
            SiteKind::Town if r < 0.14 => (14.0, 6.0, 8, "apartment"),
            SiteKind::Town if in_row => (5.2, 7.5, 2, "shop_house"),
            _ => (4.6 + 2.6 * self.rng.random::<f64>(), 4.2 + 1.6 * self.rng.random::<f64>(), 1, "house"),
        };
        House { middle: at, along, half_front, half_depth, grid: OUTSIDE, rooms, kind: name }
    }

    /// Slots in rows on both sides of the roads near a centre, scored by how far off they are.
    fn roadside_slots(&mut self, centre: Xy, radius: f64, kind: SiteKind) -> Vec<(f64, House)> {
        let mut near: Vec<u32> = Vec::new();
        let (cx, cy) = square(centre);
        let reach = (radius / SQUARE_M).ceil() as i32;
        for y in cy - reach..=cy + reach {
            for x in cx - reach..=cx + reach {
                near.extend(self.pieces_in.get(&(x, y)).into_iter().flatten());
            }
        }
        near.sort_unstable();
        near.dedup();
        let pitch = if kind == SiteKind::Seat { 24.0 } else { 13.5 };
        let rows = if kind == SiteKind::Hamlet { 2 } else { 3 };
        // A ribbon along the road in the country; in the seat all ground near is alike.
        let pull = if kind == SiteKind::Seat { 0.35 } else { 0.62 };
        let mut out = Vec::new();
        for k in near {
            let (a, b, half) = self.pieces[k as usize];
            let length = a.distance(b);
            if length < 6.0 {
                continue;
            }
            let along = ((b.x - a.x) / length, (b.y - a.y) / length);
            for n in 0..(length / pitch).ceil() as i32 {
                let s = (f64::from(n) + 0.5) * pitch;
                for side in [-1.0, 1.0] {
                    for row in 0..rows {
                        let off = half + 9.0 + 17.0 * f64::from(row) + 2.0 * self.rng.random::<f64>();
                        let at =
                            Xy::new(a.x + along.0 * s - along.1 * off * side, a.y + along.1 * s + along.0 * off * side);
                        let d = at.distance(centre);
                        if d < radius {
                            let toward = (-along.0 * side, -along.1 * side);
                            let score = pull * d + 0.7 * off + 26.0 * self.rng.random::<f64>();
                            out.push((score, self.house(at, toward, kind, true)));
                        }
                    }
                }
            }
        }
        out
    }

    /// Slots in rows that follow the slope's contours, or the street plan in the seat.
    fn contour_slots(&mut self, centre: Xy, radius: f64, kind: SiteKind) -> Vec<(f64, House)> {
        let h = &self.terrain.height;
        let size = f64::from(CELL_M);
        let at_height = |p: Xy| f64::from(h.bilinear((p.x / size) as f32, (p.y / size) as f32));
        let (gx, gy) = (
            at_height(Xy::new(centre.x + 90.0, centre.y)) - at_height(Xy::new(centre.x - 90.0, centre.y)),
            at_height(Xy::new(centre.x, centre.y + 90.0)) - at_height(Xy::new(centre.x, centre.y - 90.0)),
        );
        let g = gx.hypot(gy);
        let mut turn = if g > 1.5 { (gx / g).atan2(-gy / g) } else { self.rng.random::<f64>() * 3.0 };
        let (mut across, mut down) = (15.5_f64, 19.0_f64);
        if kind == SiteKind::Seat {
            turn = f64::from(self.land.seat_turn);
            (across, down) = (56.0, 27.0);
        }
        let mut out = Vec::new();
        let n = (radius / across.min(down)).ceil() as i32;
        for v in -n..=n {
            for u in -n..=n {
                let shake = if kind == SiteKind::Seat { 2.0 } else { 5.0 };
                let (du, dv) = (
                    f64::from(u) * across + shake * (self.rng.random::<f64>() - 0.5),
                    f64::from(v) * down + shake * (self.rng.random::<f64>() - 0.5),
                );
                // Rows bend with the hill.
                let bend =
                    turn + du / 420.0 + 0.08 * (self.rng.random::<f64>() - 0.5) * f64::from(kind != SiteKind::Seat);
                let (sin, cos) = if kind == SiteKind::Seat { turn.sin_cos() } else { bend.sin_cos() };
                let at = Xy::new(centre.x + du * cos - dv * sin, centre.y + du * sin + dv * cos);
                // Hamlets stretch along the contour.
                let d = if kind == SiteKind::Hamlet { (du / 1.45).hypot(dv * 1.4) } else { at.distance(centre) };
                if d < radius {
                    let far = if kind == SiteKind::Seat { 0.45 } else { 1.1 };
                    let score = d * far + 30.0 + 26.0 * self.rng.random::<f64>();
                    out.push((score, self.house(at, (cos, sin), kind, false)));
                }
            }
        }
        out
    }

    fn fits(&self, house: &House) -> bool {
        let size = f64::from(CELL_M);
        let (x, y) = ((house.middle.x / size) as i32, (house.middle.y / size) as i32);
        let Some(i) = self.land.label.index(x, y) else { return false };
        let limit = if house.rooms > 3 { 0.2 } else { 0.42 };
        if self.terrain.slope.data[i] > limit
            || self.lakes.data[i] != OUTSIDE
            || self.terrain.flow.area[i] > cells_of_km2(4.0)
        {
            return false;
        }
        let uniform = (-1..=1).all(|dy| (-1..=1).all(|dx| self.land.label.get(x + dx, y + dy) == Some(house.grid)));
        if !uniform && !house.ring()[..4].iter().all(|&c| self.outlines[house.grid as usize].iter().any(|p| p.holds(c)))
        {
            return false;
        }
        let (qx, qy) = square(house.middle);
        let extent = house.half_front.hypot(house.half_depth);
        for v in qy - 1..=qy + 1 {
            for u in qx - 1..=qx + 1 {
                for &k in self.houses_in.get(&(u, v)).into_iter().flatten() {
                    let other = &self.houses[k as usize];
                    if other.middle.distance(house.middle) < extent + 40.0 && other.crowds(house, 2.2) {
                        return false;
                    }
                }
                for &k in self.pieces_in.get(&(u, v)).into_iter().flatten() {
                    let (a, b, half) = self.pieces[k as usize];
                    // The depth faces the road in a row; elsewhere the corner must clear it.
                    if segment_distance(house.middle, a, b) < half + house.half_depth.min(extent) {
                        return false;
                    }
                }
            }
        }
        true
    }
}
