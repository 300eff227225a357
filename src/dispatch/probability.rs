//! How likely a report lies in each grid, when its position is uncertain.

use geo::{Coord, Geometry};
use serde::{Deserialize, Serialize};

use super::normal::Normal;
use crate::domain::FeatureId;
use crate::geo::LonLat;
use crate::geo::measure::metres_per_degree;

/// Grids less likely than this are not named.
const LEAST: f64 = 0.005;

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

    /// The radius beyond which no grid is likely enough to be named, metres.
    #[must_use]
    pub fn reach(self) -> f64 {
        // A half-plane 2.58 σ away holds 0.005.
        2.6 * self.0
    }
}

/// A grid near the position.
#[derive(Debug, Clone, Copy)]
pub struct NearGrid<'a> {
    /// Its id.
    pub id: FeatureId,
    /// Id of its version in force.
    pub version_id: FeatureId,
    /// Its code.
    pub code: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Where it answers, degrees: its outline, without what dedicated grids over it take.
    pub answers_in: &'a Geometry<f64>,
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

/// The grids with their probabilities, the most probable first, the unlikely left out.
#[must_use]
pub fn candidates<'a>(at: LonLat, sigma: Sigma, grids: impl IntoIterator<Item = NearGrid<'a>>) -> Vec<Candidate> {
    let (x_m, y_m) = metres_per_degree(at.lat());
    let normal = Normal::new(at.into(), Coord { x: sigma.0 / x_m, y: sigma.0 / y_m });
    let likely = |g: NearGrid<'a>| {
        let probability = (normal.inside(g.answers_in) * 1e4).round() / 1e4;
        (probability >= LEAST).then(|| Candidate::of(&g, probability))
    };
    let mut out: Vec<Candidate> = grids.into_iter().filter_map(likely).collect();
    out.sort_by(|a, b| b.probability.total_cmp(&a.probability).then(a.grid_id.cmp(&b.grid_id)));
    out
}

impl Candidate {
    /// A grid with its probability.
    #[must_use]
    pub fn of(grid: &NearGrid<'_>, probability: f64) -> Self {
        Self {
            grid_id: grid.id,
            version_id: grid.version_id,
            code: grid.code.to_owned(),
            name: grid.name.to_owned(),
            probability,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_border_splits_as_the_normal_distribution_does() {
        let at = LonLat::new(117.2, 25.5).expect("a position");
        let (x_m, _) = metres_per_degree(25.5);
        // Φ(0), Φ(1), Φ(2) of the border's distance in σ.
        for (sigmas, expected) in [(0.0, 0.5), (1.0, 0.8413), (2.0, 0.9772)] {
            let border = 117.2 + sigmas * 20.0 / x_m;
            let strip = |west, east| Geometry::from(geo::Rect::new((west, 25.0), (east, 26.0)).to_polygon());
            let (west, east) = (strip(117.0, border), strip(border, 118.0));
            let grid = |id, answers_in| NearGrid { id, version_id: id, code: "", name: "", answers_in };
            let found = candidates(at, Sigma(20.0), [grid(1, &west), grid(2, &east)]);
            assert!((found[0].probability - expected).abs() < 1e-4, "{sigmas}: {found:?}");
            assert!((found.iter().map(|c| c.probability).sum::<f64>() - 1.0).abs() < 2e-4, "{found:?}");
        }
    }

    #[test]
    fn sigma_is_as_phones_and_browsers_mean_it() {
        assert!((Sigma::from_accuracy(1.5096, 0.68).metres() - 1.0).abs() < 1e-4);
        assert!((Sigma::from_accuracy(2.4477, 0.95).metres() - 1.0).abs() < 1e-4);
    }
}
