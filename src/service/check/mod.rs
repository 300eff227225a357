//! The check of a county: what is at fault, of what kind, how often, and where.

pub mod run;

pub use run::{CheckReport, FaultShown, KindShown, run};
