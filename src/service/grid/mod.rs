//! Grids: redraw a village, publish it, put it in force, and look back.

pub mod activate;
pub mod discard;
pub mod draft;
pub mod finding;
pub mod history;
pub mod lineage;
pub mod outline;
pub mod publish;
pub mod redraw;
pub mod seam;
