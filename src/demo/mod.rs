//! The demo county: a fictional mountain county of real size, the same for the same seed.
//!
//! The land is made first (`terrain`, `water`), then who lives where (`sites`, `land`, `roads`,
//! `houses`), then who they are and what they did (`areas` … `incidents`). [`county::generate`] is pure:
//! seed, size and the instant it ends at are parameters. [`load`] brings a county into the database.

pub mod areas;
pub mod calendar;
pub mod clean;
pub mod county;
pub mod cover;
pub mod deliberations;
pub mod flow;
pub mod growth;
pub mod happenings;
pub mod helpers;
pub mod hierarchy;
pub mod houses;
pub mod incidents;
pub mod land;
pub mod load;
pub mod model;
pub mod names;
pub mod noise;
pub mod people;
pub mod places;
pub mod plan;
pub mod raster;
pub mod roads;
pub mod rules;
pub mod sites;
pub mod terrain;
pub mod topology;
pub mod transport;
pub mod water;
