//! Hand-over with 12345 and upper platforms: their matters come in under their own numbers and codes, once; what becomes
//! of them goes back by a receiver of kind `exchange`.

pub mod category;
pub mod find;
pub mod table;
pub mod take;
