//! The seals' copy outside the database: a file a county, a line a seal, only ever appended to.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Take, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use thiserror::Error;

use crate::domain::FeatureId;
use crate::domain::seal::Seal;

/// Why a copy cannot be kept.
#[derive(Debug, Error)]
pub enum CopyError {
    /// Another program keeps it.
    #[error("封存文件正由另一个 yitu 写入")]
    InUse,
    /// The file cannot be read or written.
    #[error("封存文件 {path} 无法读写:{source}。请检查磁盘与权限。")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What it holds is not what the database goes on from.
    #[error(
        "封存文件 {path} 与数据库不相接(数据库的第 {number} 号封存):有一方被改动过。请运行 yitu check --history 查明;\
         若刚恢复过备份或换过数据库,请把该文件移走另存,再重新启动。"
    )]
    Unlike {
        /// The file.
        path: PathBuf,
        /// The seal that does not follow.
        number: i64,
    },
    /// Never for a seal; the encoder's signature asks for it.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// Where a county's seals are copied to.
#[must_use]
pub fn path(data_dir: &Path, county: FeatureId) -> PathBuf {
    data_dir.join("seals").join(format!("{county}.jsonl"))
}

/// A copy that is being kept, by one program at a time.
#[derive(Debug)]
pub struct Copy {
    path: PathBuf,
    file: Flock<File>,
    last: Option<Seal>,
    /// What a crash left of a line; the rest is appended to it.
    torn: Vec<u8>,
}

impl Copy {
    /// Opens it, or makes it.
    ///
    /// # Errors
    /// See [`CopyError`].
    pub fn open(path: PathBuf) -> Result<Self, CopyError> {
        let at_fault = |source| CopyError::Io { path: path.clone(), source };
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(at_fault)?;
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(at_fault)?;
        let file = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
            Errno::EWOULDBLOCK => CopyError::InUse,
            other => at_fault(other.into()),
        })?;
        // The file's name must outlive a crash as its lines do.
        File::open(folder).and_then(|f| f.sync_all()).map_err(at_fault)?;
        let mut last = Vec::new();
        let mut lines = BufReader::new(&*file);
        let torn = loop {
            let mut line = Vec::new();
            lines.read_until(b'\n', &mut line).map_err(at_fault)?;
            if line.last() != Some(&b'\n') {
                break line;
            }
            last = line;
        };
        let last = if last.is_empty() { None } else { Some(serde_json::from_slice(&last)?) };
        Ok(Self { path, file, last, torn })
    }

    /// The number of the last seal it holds; 0 for none.
    #[must_use]
    pub fn last_number(&self) -> i64 {
        self.last.as_ref().map_or(0, |s| s.number)
    }

    /// Whether its last seal is the one the database has under that number.
    ///
    /// # Errors
    /// When it is not: one of the two was changed.
    pub fn agrees_with(&self, stored: Option<&Seal>) -> Result<(), CopyError> {
        match &self.last {
            Some(last) if stored != Some(last) => {
                Err(CopyError::Unlike { path: self.path.clone(), number: last.number })
            }
            _ => Ok(()),
        }
    }

    /// Appends the next seals and waits until they are on the disk.
    ///
    /// # Errors
    /// See [`CopyError`]; the copy is then to be opened anew.
    pub fn append(&mut self, seals: &[Seal]) -> Result<(), CopyError> {
        let mut bytes = Vec::new();
        let mut torn: &[u8] = &self.torn;
        let mut before = self.last.as_ref();
        for seal in seals {
            let unlike = || CopyError::Unlike { path: self.path.clone(), number: seal.number };
            let (number, digest) = before.map_or_else(|| (0, Seal::nothing_before()), |s| (s.number, s.digest.clone()));
            if (seal.number, &seal.previous) != (number + 1, &digest) {
                return Err(unlike());
            }
            let line = seal.line()?;
            bytes.extend_from_slice(line.as_bytes().strip_prefix(torn).ok_or_else(unlike)?);
            (torn, before) = (&[], Some(seal));
        }
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        written.map_err(|source| CopyError::Io { path: self.path.clone(), source })?;
        self.last = before.cloned();
        self.torn.clear();
        Ok(())
    }
}

/// A copy as it was when it was opened, line by line; what is appended later is not read.
#[derive(Debug)]
pub struct Lines {
    lines: BufReader<Take<File>>,
    count: u64,
}

/// A whole line of a copy: its number, and its seal unless it cannot be read.
pub type Line = (u64, Option<Seal>);

impl Lines {
    /// Opens a copy to be read; none where there is no file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path) -> std::io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let length = file.metadata()?.len();
        Ok(Some(Self { lines: BufReader::new(file.take(length)), count: 0 }))
    }
}

impl Iterator for Lines {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let mut line = Vec::new();
        self.count += 1;
        match self.lines.read_until(b'\n', &mut line) {
            // A line without its end is still being written, or will be completed.
            Ok(_) if line.last() != Some(&b'\n') => None,
            Ok(_) => Some((self.count, serde_json::from_slice(&line).ok())),
            Err(_) => None,
        }
    }
}

/// Puts all copies of a data folder aside, for a database that is begun anew: they are renamed, never deleted.
///
/// # Errors
/// When a file cannot be renamed.
pub fn set_aside(data_dir: &Path, now: DateTime<Utc>) -> std::io::Result<()> {
    let Ok(entries) = std::fs::read_dir(data_dir.join("seals")) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "jsonl") {
            std::fs::rename(&path, path.with_extension(format!("jsonl.{}", now.format("%Y%m%dT%H%M%S%6fZ"))))?;
        }
    }
    Ok(())
}
