//! The atlas and the database it follows.

pub mod follow;
