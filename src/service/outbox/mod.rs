//! The outbox: what happened to incidents is told to everyone who has asked, at least once and in order.

pub mod address;
pub mod deliver;
pub mod list;
pub mod message;
pub mod render;
pub mod replay;
pub mod secrets;
pub mod send;
