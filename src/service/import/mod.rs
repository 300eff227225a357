//! Import: files as counties have them become features, or are refused with every reason named.
//!
//! Reading (GDAL, on a blocking thread) turns each file into rows of named fields and a geometry in
//! EPSG:4490; storing compares them with what is there and changes only what differs, in one transaction.

pub mod columns;
pub mod fields;
pub mod position;
pub mod report;
mod rows;
pub mod run;
pub mod shape;
mod shapefile;
pub mod source;
pub mod table;

use thiserror::Error;

use crate::db::DbError;

pub use fields::ImportLayer;
pub use report::Report;
pub use run::{Declaration, ImportRequest, run};

/// Why an import cannot be done at all. Refused rows are no error: the report lists them.
#[derive(Debug, Error)]
pub enum ImportError {
    /// Asked for in a way that cannot be; says the way out.
    #[error("{0}")]
    Usage(String),
    /// The file, its coordinates or its columns need a decision; says which.
    #[error("{0}")]
    File(String),
    /// The database refused.
    #[error("导入未完成,数据库未作改动:{0}")]
    Database(#[from] DbError),
}
