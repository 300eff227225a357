//! How much of a circular normal distribution lies inside an outline, exactly.
//!
//! In polar coordinates around the mean the distribution inside a ring is (1/2π)∮(1 − exp(−r²/2)) dθ, lengths in
//! standard deviations: the ring's winding number less the share of each edge, (1/2π)∫exp(−r²/2) dθ, which is Owen's T
//! function (D. B. Owen, Tables for Computing Bivariate Normal Probabilities, Ann. Math. Statist. 27, 1956; applied to
//! polygons by A. R. `DiDonato` and R. K. Hageman, SIAM J. Sci. Stat. Comput. 3, 1982). Edges far away add nothing, so the work is
//! that of the few edges near the mean.

use std::f64::consts::TAU;

use geo::{Coord, Geometry, LineString, Polygon};

/// Beyond so many standard deviations nothing is left: exp(−6²/2) is 1.5e-8.
const FAR: f64 = 6.0;
/// Abscissas and weights of the ten-point Gauss–Legendre rule on [−1, 1], one half of each.
const GAUSS: [(f64, f64); 5] = [
    (0.148_874_338_981_631_2, 0.295_524_224_714_752_9),
    (0.433_395_394_129_247_2, 0.269_266_719_309_996_4),
    (0.679_409_568_299_024_4, 0.219_086_362_515_982_04),
    (0.865_063_366_688_984_5, 0.149_451_349_150_580_6),
    (0.973_906_528_517_171_7, 0.066_671_344_308_688_14),
];
/// Where the edges' integrals are divided, so that ten points are enough in each part.
const PARTS: [f64; 10] = [-FAR, -2.0, -0.75, -0.2, -0.04, 0.04, 0.2, 0.75, 2.0, FAR];

/// A circular normal distribution over degrees of longitude and latitude.
#[derive(Debug, Clone, Copy)]
pub struct Normal {
    mean: Coord<f64>,
    /// Standard deviations in a degree of longitude and one of latitude.
    scale: Coord<f64>,
}

impl Normal {
    /// Around a mean, with its standard deviation in degrees of longitude and of latitude.
    #[must_use]
    pub fn new(mean: Coord<f64>, sigma: Coord<f64>) -> Self {
        let scale = Coord { x: 1.0 / sigma.x, y: 1.0 / sigma.y };
        // Off any border by a ten-millionth of σ: a mean on an edge is then on one side of it, for all rings the same.
        let mean = Coord { x: mean.x + 1e-7 * sigma.x, y: mean.y + 1.3e-8 * sigma.y };
        Self { mean, scale }
    }

    /// The share inside, from 0 to 1. Lines and points hold nothing.
    #[must_use]
    pub fn inside(&self, outline: &Geometry<f64>) -> f64 {
        let share: f64 = match outline {
            Geometry::Polygon(p) => self.inside_polygon(p),
            Geometry::MultiPolygon(m) => m.iter().map(|p| self.inside_polygon(p)).sum(),
            _ => 0.0,
        };
        share.clamp(0.0, 1.0)
    }

    fn inside_polygon(&self, polygon: &Polygon<f64>) -> f64 {
        let holes: f64 = polygon.interiors().iter().map(|ring| self.inside_ring(ring)).sum();
        self.inside_ring(polygon.exterior()) - holes
    }

    fn inside_ring(&self, ring: &LineString<f64>) -> f64 {
        let mut winding = 0;
        let mut edges = 0.0;
        let mut corners = ring
            .0
            .iter()
            .map(|c| Coord { x: (c.x - self.mean.x) * self.scale.x, y: (c.y - self.mean.y) * self.scale.y });
        let Some(mut a) = corners.next() else { return 0.0 };
        for b in corners {
            let cross = a.x * b.y - b.x * a.y;
            // Sunday's winding number: crossings of the ray to the east, upwards on the left, downwards on the right.
            winding += match (a.y <= 0.0, b.y <= 0.0) {
                (true, false) if cross > 0.0 => 1,
                (false, true) if cross < 0.0 => -1,
                _ => 0,
            };
            if is_near(a, b) {
                edges += edge(a, b, cross);
            }
            a = b;
        }
        // The sign is the ring's direction.
        (f64::from(winding) - edges / TAU).abs()
    }
}

/// Whether the edge's box comes near the mean.
fn is_near(a: Coord<f64>, b: Coord<f64>) -> bool {
    a.x.min(b.x) < FAR && a.x.max(b.x) > -FAR && a.y.min(b.y) < FAR && a.y.max(b.y) > -FAR
}

/// ∫exp(−r²/2) dθ along an edge. With h the distance of its line from the mean and t the place along it,
/// dθ = h/(h² + t²) dt. What grows without bound as h nears 0 is taken out and is the angle the edge subtends.
fn edge(a: Coord<f64>, b: Coord<f64>, cross: f64) -> f64 {
    let along = b - a;
    let length = along.x.hypot(along.y);
    if length == 0.0 {
        return 0.0;
    }
    let h = cross / length;
    if h.abs() >= FAR {
        return 0.0;
    }
    let place = |p: Coord<f64>| ((p.x * along.x + p.y * along.y) / length).clamp(-FAR, FAR);
    let (from, to) = (place(a), place(b));
    if from >= to {
        return 0.0;
    }
    let peak = (-0.5 * h * h).exp();
    let rest = |t: f64| ((-0.5 * t * t).exp() - 1.0) * h / (h * h + t * t);
    let mut sum = (to / h).atan() - (from / h).atan();
    for part in PARTS.windows(2) {
        let (low, high) = (part[0].max(from), part[1].min(to));
        if low < high {
            let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
            sum +=
                half * GAUSS.iter().map(|(x, w)| w * (rest(middle - half * x) + rest(middle + half * x))).sum::<f64>();
        }
    }
    peak * sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Contains, Rect, polygon};

    const UNIT: Coord<f64> = Coord { x: 1.0, y: 1.0 };

    fn at(x: f64, y: f64) -> Normal {
        Normal::new(Coord { x, y }, UNIT)
    }

    /// Abramowitz and Stegun 26.2.17 is not exact enough here: the error function by its series.
    fn phi(z: f64) -> f64 {
        let (mut term, mut sum) = (z, z);
        for n in 1..120 {
            term *= -z * z / (2.0 * f64::from(n));
            sum += term / f64::from(2 * n + 1);
        }
        0.5 + sum / TAU.sqrt()
    }

    #[test]
    fn rectangles_are_products_of_the_error_function() {
        for (x, y) in
            [(0.0, 0.0), (0.3, -0.2), (1.0, 1.0), (1.999, 0.0), (2.0, 1.0), (2.0, -1.0), (3.5, 0.7), (-2.0, 1.0001)]
        {
            let outline = Geometry::Rect(Rect::new((-2.0, -1.0), (2.0, 1.0)));
            let Geometry::Rect(r) = outline else { unreachable!() };
            let expected = (phi(2.0 - x) - phi(-2.0 - x)) * (phi(1.0 - y) - phi(-1.0 - y));
            let found = at(x, y).inside(&r.to_polygon().into());
            assert!((found - expected).abs() < 1e-6, "({x}, {y}): {found} {expected}");
        }
    }

    #[test]
    fn a_half_plane_is_phi_of_its_distance_however_near_the_border() {
        for h in [0.0, 1e-9, 1e-5, 1e-3, 0.01, 0.05, 0.1, 0.3, 0.7, 1.0, 2.0, 3.0, 5.0] {
            for (side, expected) in [(h, phi(h)), (-h, phi(-h))] {
                let outline = Rect::new((-50.0, -50.0), (side, 50.0)).to_polygon();
                let found = at(0.0, 0.0).inside(&outline.into());
                assert!((found - expected).abs() < 5e-6, "{side}: {found} {expected}");
            }
        }
    }

    #[test]
    fn rings_may_run_either_way_and_holes_are_taken_out() {
        let ring = |k: f64, turned: bool| {
            let mut corners: Vec<Coord<f64>> = (0..64)
                .map(|n| f64::from(n) / 64.0 * TAU)
                .map(|t| Coord {
                    x: k * (1.0 + 0.3 * (3.0 * t).sin()) * t.cos(),
                    y: k * (1.0 + 0.3 * (3.0 * t).sin()) * t.sin(),
                })
                .collect();
            if turned {
                corners.reverse();
            }
            LineString::from(corners)
        };
        let whole = Polygon::new(ring(2.0, false), vec![]);
        let inner = Polygon::new(ring(0.7, false), vec![]);
        for (x, y) in [(0.1, 0.2), (1.3, -0.4), (2.5, 0.0)] {
            let share = |p: &Polygon<f64>| at(x, y).inside(&p.clone().into());
            let turned = Polygon::new(ring(2.0, true), vec![]);
            assert!((share(&whole) - share(&turned)).abs() < 1e-12);
            let hollow = Polygon::new(ring(2.0, false), vec![ring(0.7, true)]);
            assert!((share(&hollow) - (share(&whole) - share(&inner))).abs() < 1e-9);
            assert!((share(&whole) - counted(&whole, x, y)).abs() < 2e-3, "({x}, {y})");
        }
    }

    #[test]
    fn neighbours_share_out_what_lies_between_them() {
        // Three sectors that meet in a point: whichever side the mean falls to, they hold all of it.
        let far = 40.0;
        let sectors = [
            polygon![(x: 0.0, y: 0.0), (x: far, y: 0.0), (x: far, y: far), (x: -far, y: far)],
            polygon![(x: 0.0, y: 0.0), (x: -far, y: far), (x: -far, y: -far)],
            polygon![(x: 0.0, y: 0.0), (x: -far, y: -far), (x: far, y: -far), (x: far, y: 0.0)],
        ];
        for mean in [(0.0, 0.0), (1.0, 0.0), (-1.0, 1.0), (0.2, -0.1), (0.0, 1e-9)] {
            let sum: f64 = sectors.iter().map(|s| at(mean.0, mean.1).inside(&s.clone().into())).sum();
            assert!((sum - 1.0).abs() < 1e-6, "{mean:?}: {sum}");
        }
    }

    /// The share of a fine grid of points, each with its density.
    fn counted(polygon: &Polygon<f64>, x: f64, y: f64) -> f64 {
        const STEP: f64 = 0.02;
        let mut sum = 0.0;
        for i in -250..250 {
            for j in -250..250 {
                let d = Coord { x: (f64::from(i) + 0.5) * STEP, y: (f64::from(j) + 0.5) * STEP };
                if polygon.contains(&Coord { x: x + d.x, y: y + d.y }) {
                    sum += (-0.5 * (d.x * d.x + d.y * d.y)).exp() * STEP * STEP / TAU;
                }
            }
        }
        sum
    }
}
