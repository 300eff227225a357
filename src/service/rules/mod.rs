//! The rule table as data: look, preview, publish; as JSON and as a sheet.

pub mod draft;
pub mod impact;
pub mod preview;
pub mod publish;
pub mod sheet;
pub mod show;
mod stored;
