//! A reader of PMTiles version 3, written from its specification alone.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

/// The length of the header, bytes.
const HEADER: usize = 127;

/// An archive, read whole.
pub struct Archive {
    bytes: Vec<u8>,
    pub metadata: serde_json::Value,
    pub entries: Vec<Entry>,
    pub leaves: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub tile: u64,
    pub run: u64,
    pub offset: u64,
    pub length: u64,
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

/// A directory: the count, then the ids, runs, lengths and offsets, each column of its own, as LEB128 numbers.
fn directory(bytes: &[u8]) -> Vec<Entry> {
    let plain = gunzip(bytes);
    let mut at = 0;
    let mut number = || {
        let (mut value, mut shift) = (0_u64, 0);
        loop {
            let byte = plain[at];
            at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    };
    let count = number() as usize;
    let mut column = || (0..count).map(|_| number()).collect::<Vec<u64>>();
    let (steps, runs, lengths, offsets) = (column(), column(), column(), column());
    let mut entries: Vec<Entry> = Vec::new();
    let mut tile = 0;
    for k in 0..count {
        tile += steps[k];
        // 0 stands for "right after the one before", anything else for itself less one.
        let offset = if offsets[k] == 0 { entries[k - 1].offset + entries[k - 1].length } else { offsets[k] - 1 };
        entries.push(Entry { tile, run: runs[k], offset, length: lengths[k] });
    }
    entries
}

impl Archive {
    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        assert_eq!(&bytes[..8], b"PMTiles\x03");
        let mut archive = Self { bytes, metadata: serde_json::Value::Null, entries: Vec::new(), leaves: 0 };
        archive.metadata = serde_json::from_slice(&gunzip(archive.section(24))).unwrap();
        let root = directory(archive.section(8));
        assert!(archive.number(8) + archive.number(16) <= 16_384, "the root lies within the first 16 KiB");
        for entry in root {
            if entry.run > 0 {
                archive.entries.push(entry);
            } else {
                archive.leaves += 1;
                let from = (archive.number(40) + entry.offset) as usize;
                let leaf = directory(&archive.bytes[from..from + entry.length as usize]);
                archive.entries.extend(leaf);
            }
        }
        archive
    }

    /// A number of the header, eight bytes.
    pub fn number(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes[at..at + 8].try_into().unwrap())
    }

    /// A byte of the header.
    pub fn byte(&self, at: usize) -> u8 {
        assert!(at < HEADER);
        self.bytes[at]
    }

    /// A position of the header, degrees.
    pub fn degrees(&self, at: usize) -> f64 {
        f64::from(i32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap())) / 1e7
    }

    /// A section whose offset and length stand in the header.
    fn section(&self, at: usize) -> &[u8] {
        let (offset, length) = (self.number(at) as usize, self.number(at + 8) as usize);
        &self.bytes[offset..offset + length]
    }

    /// Every tile's bytes as they lie there, by zoom, column and row.
    pub fn tiles(&self) -> BTreeMap<(u8, u32, u32), &[u8]> {
        let data = self.section(56);
        let each = self.entries.iter().flat_map(|e| (0..e.run).map(move |k| (e.tile + k, *e)));
        each.map(|(tile, e)| (zxy(tile), &data[e.offset as usize..(e.offset + e.length) as usize])).collect()
    }

    /// Every vector tile's bytes, unpacked.
    pub fn vector_tiles(&self) -> BTreeMap<(u8, u32, u32), Vec<u8>> {
        self.tiles().into_iter().map(|(tile, bytes)| (tile, gunzip(bytes))).collect()
    }
}

/// Zoom, column and row of a tile's place: all tiles of the zooms before it, then along the Hilbert curve.
fn zxy(place: u64) -> (u8, u32, u32) {
    let (mut z, mut before) = (0_u8, 0_u64);
    while place >= before + (1 << (2 * z)) {
        before += 1 << (2 * z);
        z += 1;
    }
    // Wikipedia, "Hilbert curve", d2xy.
    let (mut t, mut x, mut y, mut side) = (place - before, 0_u64, 0_u64, 1_u64);
    while side < 1 << z {
        let (rx, ry) = (1 & (t / 2), 1 & (t ^ (t / 2)));
        if ry == 0 {
            if rx == 1 {
                (x, y) = (side - 1 - x, side - 1 - y);
            }
            (x, y) = (y, x);
        }
        x += side * rx;
        y += side * ry;
        t /= 4;
        side *= 2;
    }
    (z, x as u32, y as u32)
}
