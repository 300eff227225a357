//! Households: those who live in them are looked at one by one, and every look is on record.

pub mod erase;
pub mod look;
