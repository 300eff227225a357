//! The duty officer: what waits, what a shift hands over, what a month was.

pub mod handover;
pub mod look;
pub mod monthly;
pub mod workbook;
