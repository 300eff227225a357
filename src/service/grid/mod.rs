//! Grids: redraw a village, publish it, put it in force, and look back.

pub mod activate;
pub mod history;
pub mod outline;
pub mod publish;
pub mod redraw;
