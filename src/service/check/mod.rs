//! The check of a county: what is at fault, of what kind, how often, and where.

pub mod history;
pub mod run;
mod seals;

pub use run::{CheckReport, FaultShown, KindShown, run};
