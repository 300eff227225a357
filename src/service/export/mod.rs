//! Export: the map, or a region of it, as one PMTiles archive for a phone or a kiosk without a network.
//!
//! What is drawn goes tile after tile into a folder `FILE.part`, so that a broken export goes on where it was. The
//! archive is made from there in one pass and takes the file's name when it is whole.

pub mod archive;
pub mod area;
pub mod part;
pub mod plan;
pub mod run;
pub mod state;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::ServiceError;
use crate::domain::Layer;
use crate::geo::ewkb::EwkbError;

pub use plan::ExportRequest;
pub use run::{Exported, Heard, run};

/// Layers that tell of persons: exported only by name and for a reason.
pub const PERSONAL: [Layer; 2] = [Layer::Household, Layer::Incident];

/// Why there is no archive. Each says the way out, in Chinese and in English.
#[derive(Debug, Error)]
pub enum ExportError {
    /// Asked for in a way that cannot be.
    #[error("{0}")]
    Usage(String),
    /// The disk is full.
    #[error("磁盘已满,{} 写不下去。请腾出空间,用同样的参数再运行一次,会从断点继续。\nThe disk is full and {} cannot be written. Free some space and run the same command again: it goes on where it was.", .0.display(), .0.display())]
    DiskFull(PathBuf),
    /// A file cannot be read or written.
    #[error("{} 不能读写:{source}。请检查文件夹是否存在、可写。\n{} cannot be read or written: {source}. Check that the folder exists and is writable.", .path.display(), .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another export is writing the same file.
    #[error("另一个导出正在写 {},请等它完成。\nAnother export is writing {}; wait until it is done.", .0.display(), .0.display())]
    Busy(PathBuf),
    /// A tile could not be drawn.
    #[error("瓦片没有画成:{0}\nA tile was not drawn: {0}")]
    Draw(ServiceError),
}

impl ExportError {
    fn usage(zh: impl std::fmt::Display, en: impl std::fmt::Display) -> Self {
        Self::Usage(format!("{zh}\n{en}"))
    }

    fn file(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(path.to_owned()),
            _ => Self::File { path: path.to_owned(), source },
        }
    }
}

impl From<ServiceError> for ExportError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Problem(problem) => Self::usage(&problem.detail.zh, &problem.detail.en),
            other => Self::Draw(other),
        }
    }
}

impl From<EwkbError> for ExportError {
    fn from(error: EwkbError) -> Self {
        Self::Draw(ServiceError::Internal(error.to_string()))
    }
}
