//! The demo county.
pub mod clean;
pub mod flow;
pub mod growth;
pub mod hierarchy;
pub mod land;
pub mod plan;
pub mod sites;
pub mod noise;
pub mod raster;
pub mod terrain;
pub mod topology;
