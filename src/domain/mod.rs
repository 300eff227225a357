//! What a county is governed by, as plain types and rules. No I/O.

pub mod calendar;
pub mod category;
pub mod deliberation;
pub mod duty;
pub mod feature;
pub mod holidays;
pub mod incident;
pub mod layer;
pub mod lunar;
pub mod photo;
pub mod problem;
pub mod receiver;
pub mod seal;
pub mod token;
pub mod viewer;

pub use feature::{Feature, PropertyKind, Schema, Value};
pub use layer::Layer;
pub use problem::{Bilingual, FieldFault, Problem, ProblemKind};
pub use token::{LogPosition, Snapshot};
pub use viewer::Viewer;

/// The permanent id of a feature: positive and below 2^53, since it is its tile feature id as well.
pub type FeatureId = i64;
