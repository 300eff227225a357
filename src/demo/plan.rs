//! How big the county is.

use super::terrain::CELL_M;

/// The counts a demo county is made to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Fine cells from west to east.
    pub width: usize,
    /// Fine cells from north to south.
    pub height: usize,
    /// Townships.
    pub townships: usize,
    /// Villages and communities.
    pub villages: usize,
    /// General grids.
    pub general_grids: usize,
    /// Dedicated grids.
    pub dedicated_grids: usize,
    /// Households.
    pub households: usize,
    /// Responders.
    pub responders: usize,
    /// Venues.
    pub venues: usize,
    /// Linked-village clusters.
    pub clusters: usize,
    /// Bus lines.
    pub bus_lines: usize,
    /// Road segments, about.
    pub road_segments: usize,
    /// Incidents.
    pub incidents: usize,
}

impl Plan {
    /// A county of full size.
    #[must_use]
    pub fn full() -> Self {
        Self {
            width: 1320,
            height: 1200,
            townships: 24,
            villages: 480,
            general_grids: 3600,
            dedicated_grids: 150,
            households: 160_000,
            responders: 20_000,
            venues: 1500,
            clusters: 40,
            bus_lines: 60,
            road_segments: 12_000,
            incidents: 20_000,
        }
    }

    /// A small county of three townships, for tests and first looks.
    #[must_use]
    pub fn small() -> Self {
        Self {
            width: 400,
            height: 360,
            townships: 3,
            villages: 36,
            general_grids: 270,
            dedicated_grids: 12,
            households: 6_000,
            responders: 900,
            venues: 120,
            clusters: 4,
            bus_lines: 6,
            road_segments: 900,
            incidents: 800,
        }
    }

    /// Width of the drawn land in metres.
    #[must_use]
    pub fn width_m(&self) -> f64 {
        self.width as f64 * f64::from(CELL_M)
    }

    /// Height of the drawn land in metres.
    #[must_use]
    pub fn height_m(&self) -> f64 {
        self.height as f64 * f64::from(CELL_M)
    }
}
