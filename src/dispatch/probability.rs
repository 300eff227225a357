//! How likely a report lies in each grid, when its position is uncertain.

use geo::{Contains, Coord, Geometry, Intersects};
use serde::{Deserialize, Serialize};

use crate::domain::FeatureId;
use crate::geo::LonLat;
use crate::geo::measure::metres_per_degree;

/// Rings and spokes of the quadrature: each of the points stands for the same share of the distribution.
const RINGS: usize = 40;
const SPOKES: usize = 48;

/// Standard deviation of a position along each axis, metres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sigma(f64);

impl Sigma {
    /// From a radius that holds the true position with the given confidence. Of a circular normal
    /// distribution the radius r holds 1 − exp(−r²/2σ²), so σ = r / √(−2 ln(1 − confidence)): r / 1.5096 at
    /// 68 %, r / 2.4477 at 95 %.
    #[must_use]
    pub fn from_accuracy(accuracy_m: f64, confidence: f64) -> Self {
        Self(accuracy_m / (-2.0 * (1.0 - confidence).ln()).sqrt())
    }

    /// Metres.
    #[must_use]
    pub fn metres(self) -> f64 {
        self.0
    }

    /// The radius beyond which the quadrature has no point, metres.
    #[must_use]
    pub fn reach(self) -> f64 {
        radius(RINGS - 1) * self.0
    }
}

/// A grid near the position.
#[derive(Debug, Clone)]
pub struct NearGrid {
    /// Its id.
    pub id: FeatureId,
    /// Id of its version in force.
    pub version_id: FeatureId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Lies over general grids and wins inside.
    pub dedicated: bool,
    /// Outline, degrees.
    pub outline: Geometry<f64>,
}

/// A grid with the probability that the report lies in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which grid.
    pub grid_id: FeatureId,
    /// Id of its version in force.
    pub version_id: FeatureId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// 0 to 1, rounded to 1e-4.
    pub probability: f64,
}

/// Mid-radius of a ring that holds the (k + ½)/RINGS part of the distribution, in σ.
fn radius(k: usize) -> f64 {
    (-2.0 * (1.0 - (k as f64 + 0.5) / RINGS as f64).ln()).sqrt()
}

/// The grids with their probabilities, the most probable first, those below 0.5 % left out. Without a sigma
/// the grid that holds the point has probability 1. A point on a border belongs to the lower id.
#[must_use]
pub fn candidates(at: LonLat, sigma: Option<Sigma>, grids: &[NearGrid]) -> Vec<Candidate> {
    let (x_m, y_m) = metres_per_degree(at.lat());
    let mut hits = vec![0_usize; grids.len()];
    let mut total = 0;
    let mut cast = |p: Coord<f64>| {
        total += 1;
        let holds = |g: &NearGrid| g.outline.contains(&p) || g.outline.intersects(&p);
        let best = (0..grids.len()).filter(|&k| holds(&grids[k])).min_by_key(|&k| (!grids[k].dedicated, grids[k].id));
        if let Some(k) = best {
            hits[k] += 1;
        }
    };
    match sigma.filter(|s| s.0 > 0.0) {
        None => cast(at.into()),
        Some(sigma) => {
            for ring in 0..RINGS {
                let r = radius(ring) * sigma.0;
                for spoke in 0..SPOKES {
                    // Every other ring is turned by half a step, so that no direction is preferred.
                    let angle = (spoke as f64 + 0.5 * (ring % 2) as f64) / SPOKES as f64 * std::f64::consts::TAU;
                    cast(Coord { x: at.lon() + r * angle.cos() / x_m, y: at.lat() + r * angle.sin() / y_m });
                }
            }
        }
    }
    let share = |k: usize| (hits[k] as f64 / f64::from(total) * 1e4).round() / 1e4;
    let mut out: Vec<Candidate> = (0..grids.len())
        .filter(|&k| share(k) >= 0.005)
        .map(|k| Candidate {
            grid_id: grids[k].id,
            version_id: grids[k].version_id,
            code: grids[k].code.clone(),
            name: grids[k].name.clone(),
            probability: share(k),
        })
        .collect();
    out.sort_by(|a, b| b.probability.total_cmp(&a.probability).then(a.grid_id.cmp(&b.grid_id)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strip(id: FeatureId, west: f64, east: f64, dedicated: bool) -> NearGrid {
        let outline = geo::Rect::new((west, 25.0), (east, 26.0)).to_polygon().into();
        NearGrid { id, version_id: id, code: id.to_string(), name: id.to_string(), dedicated, outline }
    }

    #[test]
    fn a_straight_border_splits_as_the_normal_distribution_does() {
        let at = LonLat::new(117.2, 25.5).expect("a position");
        let (x_m, _) = metres_per_degree(25.5);
        // Φ(0), Φ(1), Φ(2) of the border's distance in σ.
        for (sigmas, expected) in [(0.0, 0.5), (1.0, 0.8413), (2.0, 0.9772)] {
            let border = 117.2 + sigmas * 20.0 / x_m;
            let found =
                candidates(at, Some(Sigma(20.0)), &[strip(1, 117.0, border, false), strip(2, border, 118.0, false)]);
            assert!((found[0].probability - expected).abs() < 0.015, "{sigmas}: {found:?}");
        }
    }

    #[test]
    fn a_dedicated_grid_wins_inside() {
        let at = LonLat::new(117.2, 25.5).expect("a position");
        let found = candidates(at, None, &[strip(1, 117.0, 118.0, false), strip(2, 117.1, 117.3, true)]);
        assert_eq!(found.iter().map(|c| (c.grid_id, c.probability)).collect::<Vec<_>>(), [(2, 1.0)]);
    }

    #[test]
    fn sigma_is_as_phones_and_browsers_mean_it() {
        assert!((Sigma::from_accuracy(1.5096, 0.68).metres() - 1.0).abs() < 1e-4);
        assert!((Sigma::from_accuracy(2.4477, 0.95).metres() - 1.0).abs() < 1e-4);
    }
}
