//! The county's working calendar: look, set a day, let a year stand as announced.

pub mod edit;
pub mod seed;
pub mod show;
