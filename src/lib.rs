//! Yitu (一图统揽): the live map server for governing a county by grids.

/// Who may see and do what; and the sealing of phone numbers.
pub mod access {
    pub mod phone;
}

/// `PostgreSQL`: the only module that speaks SQL.
pub mod db {
    pub mod copy;
}

pub mod demo;
