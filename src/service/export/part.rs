//! The folder `FILE.part` beside a file that is being exported: what it is to be, and the tiles drawn so far.
//!
//! `manifest.json` says what is drawn; `tiles` holds a record a tile: its place in the archive (u64), the length of its
//! bytes (u32) and a CRC-32 of place and bytes, little-endian, then the bytes. A record that a sudden end left torn
//! fails its sum and is drawn anew.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use flate2::Crc;
use serde::{Deserialize, Serialize};

use super::ExportError;

const HEAD: usize = 16;
/// No tile is this long; a torn head might say so.
const MOST_BYTES: u32 = 1 << 30;

/// What an export draws. Equal manifests give equal archives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The program's version.
    pub program: String,
    /// Code of the region.
    pub region: String,
    /// Names of the layers in order; none for elevation.
    pub layers: Vec<String>,
    /// First and last zoom.
    pub zooms: (u8, u8),
    /// Why layers about persons are exported.
    pub reason: Option<String>,
    /// The instant that deadlines are compared with, where incidents are drawn.
    pub now: Option<DateTime<Utc>>,
    /// Which state of the map.
    pub state: String,
}

/// How a part was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// There was none, or nothing in it.
    Nothing,
    /// So many tiles of this very export.
    Tiles(usize),
    /// One of other arguments; it has been thrown away.
    OtherArguments,
    /// One of an earlier state of the map; it has been thrown away.
    EarlierState,
}

/// The folder, held by one export at a time.
#[derive(Debug)]
pub struct Part {
    folder: PathBuf,
    tiles: BufWriter<File>,
    done: usize,
    _lock: File,
}

impl Part {
    /// The folder that belongs to a file.
    #[must_use]
    pub fn folder(file: &Path) -> PathBuf {
        let mut name = file.as_os_str().to_owned();
        name.push(".part");
        name.into()
    }

    /// What is begun there, if anything is.
    #[must_use]
    pub fn manifest(file: &Path) -> Option<Manifest> {
        serde_json::from_slice(&fs::read(Self::folder(file).join("manifest.json")).ok()?).ok()
    }

    /// Opens the folder of a file, or makes it; what is in it stays only if it is of the same manifest.
    ///
    /// # Errors
    /// When it cannot be written, or another export holds it.
    pub fn open(file: &Path, manifest: &Manifest) -> Result<(Self, Found), ExportError> {
        let folder = Self::folder(file);
        let fault = |source| ExportError::file(&folder, source);
        // Layers about persons may be among the tiles: nobody else need read them.
        DirBuilder::new().mode(0o700).create(&folder).or_else(unless_there).map_err(fault)?;
        let lock = File::create(folder.join("lock")).map_err(fault)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => ExportError::Busy(file.to_owned()),
            TryLockError::Error(source) => fault(source),
        })?;
        let tiles = folder.join("tiles");
        let fault = |source| ExportError::file(&tiles, source);
        let before = Self::manifest(file);
        let same = before.as_ref() == Some(manifest);
        if !same {
            begin(&folder, manifest).map_err(fault)?;
        }
        let tiles = OpenOptions::new().read(true).append(true).create(true).open(&tiles).map_err(fault)?;
        let (mut done, mut end) = (0, 0);
        let mut records = BufReader::new(&tiles);
        while let Some((_, bytes)) = record(&mut records).map_err(fault)? {
            done += 1;
            end += (HEAD + bytes.len()) as u64;
        }
        if same {
            tiles.set_len(end).map_err(fault)?;
        }
        let found = match before {
            _ if same && done > 0 => Found::Tiles(done),
            None => Found::Nothing,
            _ if same => Found::Nothing,
            Some(other) if Manifest { state: manifest.state.clone(), ..other.clone() } == *manifest => {
                Found::EarlierState
            }
            Some(_) => Found::OtherArguments,
        };
        Ok((Self { folder, tiles: BufWriter::new(tiles), done, _lock: lock }, found))
    }

    /// How many tiles are in it.
    #[must_use]
    pub fn done(&self) -> usize {
        self.done
    }

    /// Adds the next tile.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, place: u64, bytes: &[u8]) -> Result<(), ExportError> {
        let written = head(place, bytes).and_then(|head| {
            self.tiles.write_all(&head)?;
            self.tiles.write_all(bytes)
        });
        self.done += 1;
        written.map_err(|source| ExportError::file(&self.folder.join("tiles"), source))
    }

    /// Goes through the tiles in order.
    ///
    /// # Errors
    /// When they cannot be read, or `each` fails.
    pub fn each(&mut self, mut each: impl FnMut(u64, &[u8]) -> io::Result<()>) -> Result<(), ExportError> {
        let file = self.folder.join("tiles");
        let fault = |source| ExportError::file(&file, source);
        self.tiles.flush().map_err(fault)?;
        let mut tiles = BufReader::new(File::open(&file).map_err(fault)?);
        let mut read = 0;
        while let Some((place, bytes)) = record(&mut tiles).map_err(fault)? {
            each(place, &bytes).map_err(|source| ExportError::file(&self.folder, source))?;
            read += 1;
        }
        if read != self.done {
            return Err(fault(io::Error::new(ErrorKind::InvalidData, format!("{read} of {} tiles", self.done))));
        }
        Ok(())
    }

    /// Where the archive is made before it takes its name.
    #[must_use]
    pub fn archive(&self) -> PathBuf {
        self.folder.join("archive")
    }

    /// Gives the archive its name and takes the folder away.
    ///
    /// # Errors
    /// When the file cannot be put there.
    pub fn finish(self, file: &Path) -> Result<(), ExportError> {
        fs::rename(self.archive(), file).map_err(|source| ExportError::file(file, source))?;
        let fault = |source| ExportError::file(&self.folder, source);
        if let Some(parent) = self.folder.parent().filter(|p| !p.as_os_str().is_empty()) {
            File::open(parent).and_then(|f| f.sync_all()).map_err(fault)?;
        }
        for name in ["manifest.json", "tiles", "lock"] {
            fs::remove_file(self.folder.join(name)).map_err(fault)?;
        }
        // Only what is ours: a folder with anything else in it stays.
        let _ = fs::remove_dir(&self.folder);
        Ok(())
    }
}

fn unless_there(error: io::Error) -> io::Result<()> {
    if error.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(error) }
}

/// No manifest while the tiles are not its own.
fn begin(folder: &Path, manifest: &Manifest) -> io::Result<()> {
    let path = folder.join("manifest.json");
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(folder.join("tiles"))?;
    let draft = folder.join("manifest.new");
    fs::write(&draft, serde_json::to_vec_pretty(manifest)?)?;
    fs::rename(draft, path)
}

fn head(place: u64, bytes: &[u8]) -> io::Result<[u8; HEAD]> {
    let length = u32::try_from(bytes.len()).ok().filter(|l| *l < MOST_BYTES).ok_or(ErrorKind::FileTooLarge)?;
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(&place.to_le_bytes());
    head[8..12].copy_from_slice(&length.to_le_bytes());
    head[12..].copy_from_slice(&sum(&place.to_le_bytes(), bytes).to_le_bytes());
    Ok(head)
}

fn sum(place: &[u8], bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(place);
    crc.update(bytes);
    crc.sum()
}

/// The next whole record; `None` at the end and at the first torn one.
fn record(from: &mut impl Read) -> io::Result<Option<(u64, Vec<u8>)>> {
    let mut head = Vec::with_capacity(HEAD);
    from.take(HEAD as u64).read_to_end(&mut head)?;
    let Ok(head) = <[u8; HEAD]>::try_from(head) else { return Ok(None) };
    let (place, rest) = head.split_at(8);
    let number = |at: usize| u32::from_le_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
    let length = number(0);
    if length >= MOST_BYTES {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    from.take(u64::from(length)).read_to_end(&mut bytes)?;
    let whole = bytes.len() == length as usize && sum(place, &bytes) == number(4);
    let place = place.try_into().map(u64::from_le_bytes).unwrap_or_default();
    Ok(whole.then_some((place, bytes)))
}
