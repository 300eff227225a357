//! Mapbox Vector Tile 2.1, written straight to its protocol buffer form.
//!
//! Field numbers are those of `vector_tile.proto` in the specification; commands and zigzag parameters its §4.3.

use std::collections::HashMap;
use std::ops::Range;

use super::short::Short;
use super::values::{ABSENT, ValueTable};
use crate::domain::Value;

/// Tile units along each side.
pub const EXTENT: u32 = 4096;

/// A position in tile units: x to the east, y to the south.
pub type Unit = (i32, i32);

/// A shape in tile units, ready to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// One or more points.
    Points(Vec<Unit>),
    /// Lines of at least two different positions.
    Lines(Vec<Vec<Unit>>),
    /// Rings without their closing position: each exterior (clockwise as seen on the tile) before its holes.
    Rings(Vec<Vec<Unit>>),
}

/// Memory that tiles are written in, used again from one to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    features: Vec<u8>,
    /// What comes before a feature's commands.
    head: Vec<u8>,
    geometry: Vec<u8>,
    /// Values that are not of the layer's table.
    own_values: Vec<u8>,
    /// Where the layer's values are, in the order of their numbers.
    pieces: Vec<Piece>,
    /// The layer's own numbers of a table's values, one more than they are; 0 is none yet.
    numbers: Vec<u32>,
    numbered: Vec<u32>,
}

/// Values that lie together in memory, in the order of their numbers.
#[derive(Debug)]
struct Piece {
    /// Of the table; else of the layer's own.
    of_table: bool,
    range: Range<u32>,
}

/// Where an attribute is in a row, and the layer's number of its name.
pub type Column = (usize, u32);

/// One layer being written, its features' values from a table.
#[derive(Debug)]
pub struct LayerWriter<'s> {
    name: String,
    table: &'s ValueTable,
    scratch: &'s mut Scratch,
    keys: Vec<String>,
    own_numbers: HashMap<Vec<u8>, u32>,
    value_count: u32,
    value_bytes: usize,
    feature_count: usize,
}

impl<'s> LayerWriter<'s> {
    /// A layer without features.
    #[must_use]
    pub fn new(name: impl Into<String>, table: &'s ValueTable, scratch: &'s mut Scratch) -> Self {
        scratch.features.clear();
        scratch.own_values.clear();
        scratch.pieces.clear();
        for id in scratch.numbered.drain(..) {
            scratch.numbers[id as usize] = 0;
        }
        let (name, keys, own_numbers) = (name.into(), Vec::new(), HashMap::new());
        Self { name, table, scratch, keys, own_numbers, value_count: 0, value_bytes: 0, feature_count: 0 }
    }

    /// The number of a property's name.
    pub fn key(&mut self, name: &str) -> u32 {
        let known = self.keys.iter().position(|k| k == name);
        known.unwrap_or_else(|| {
            self.keys.push(name.to_owned());
            self.keys.len() - 1
        }) as u32
    }

    /// The layer's number of a value of the table, if it is there. A layer asks once for each use of a value.
    #[inline]
    fn table_value(&mut self, id: u32) -> Option<u32> {
        if id == ABSENT {
            return None;
        }
        let table = self.table;
        // Nobody asks again for what is used once: most values of most points.
        if !table.is_shared(id) {
            return Some(self.append(true, table.place_of(id)));
        }
        let numbers = &mut self.scratch.numbers;
        if numbers.len() <= id as usize {
            numbers.resize(table.capacity(), 0);
        }
        if numbers[id as usize] == 0 {
            numbers[id as usize] = self.value_count + 1;
            self.scratch.numbered.push(id);
            return Some(self.append(true, table.place_of(id)));
        }
        Some(numbers[id as usize] - 1)
    }

    /// The layer's number of a value of its own, if it is no null.
    pub fn value(&mut self, value: &Value) -> Option<u32> {
        let mut field = Vec::new();
        if !value_field(&mut field, value) {
            return None;
        }
        if let Some(&known) = self.own_numbers.get(&field) {
            return Some(known);
        }
        let from = self.scratch.own_values.len() as u32;
        self.scratch.own_values.extend_from_slice(&field);
        let number = self.append(false, from..self.scratch.own_values.len() as u32);
        self.own_numbers.insert(field, number);
        Some(number)
    }

    /// Gives the value at a place the next number. Features come as they lie in memory, and so do most of their values:
    /// one piece is many of them.
    #[inline]
    fn append(&mut self, of_table: bool, range: Range<u32>) -> u32 {
        self.value_bytes += range.len();
        match self.scratch.pieces.last_mut() {
            Some(last) if last.range.end == range.start && last.of_table == of_table => last.range.end = range.end,
            _ => self.scratch.pieces.push(Piece { of_table, range }),
        }
        self.value_count += 1;
        self.value_count - 1
    }

    /// Bytes written so far, about as many as the finished layer has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scratch.features.len() + self.value_bytes
    }

    /// Whether it has no feature.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.feature_count == 0
    }

    /// A row's pairs of key and value numbers.
    pub fn tags_of(&mut self, columns: &[Column], row: &[u32], tags: &mut Vec<(u32, u32)>) {
        tags.clear();
        tags.extend(columns.iter().filter_map(|&(at, key)| Some((key, self.table_value(row[at])?))));
    }

    /// Adds a feature with pairs of key and value numbers.
    pub fn add(&mut self, id: Option<u64>, shape: &Shape, tags: &[(u32, u32)]) {
        let mut geometry = std::mem::take(&mut self.scratch.geometry);
        geometry.clear();
        let kind = commands(&mut geometry, shape);
        self.add_geometry(id, kind, (&[], &geometry), tags);
        self.scratch.geometry = geometry;
    }

    /// Adds a feature of lines or `rings` whose commands after their start are written already.
    pub fn add_whole(&mut self, id: Option<u64>, rings: bool, start: Unit, commands: &[u8], tags: &[(u32, u32)]) {
        let mut begun = Short::after(0);
        begun.push(1 | 1 << 3);
        begun.varint(zigzag(start.0));
        begun.varint(zigzag(start.1));
        self.add_geometry(id, if rings { 3 } else { 2 }, (&begun.bytes[..usize::from(begun.len)], commands), tags);
    }

    /// Adds a feature of two pieces of commands. All lengths are known before anything long is written: it is copied once.
    fn add_geometry(&mut self, id: Option<u64>, kind: u64, (start, rest): (&[u8], &[u8]), tags: &[(u32, u32)]) {
        let Scratch { features, head: before, .. } = &mut *self.scratch;
        before.clear();
        head(before, id, tags);
        varint_field(before, 3, kind);
        varint(before, 4 << 3 | 2);
        varint(before, (start.len() + rest.len()) as u64);
        varint(features, 2 << 3 | 2);
        varint(features, (before.len() + start.len() + rest.len()) as u64);
        for piece in [&before[..], start, rest] {
            features.extend_from_slice(piece);
        }
        self.feature_count += 1;
    }

    /// Adds one point of no row, such as a cluster.
    pub fn add_point(&mut self, at: Unit, tags: &[(u32, u32)]) {
        self.add(None, &Shape::Points(vec![at]), tags);
    }

    /// Adds a row's point with its values of some columns, [`super::config::MOST_ATTRIBUTES`] at most. Most of the time of most tiles
    /// goes here: the message is put together in one place and copied once.
    #[inline]
    pub fn add_row_point(&mut self, id: u64, at: Unit, columns: &[Column], row: &[u32]) {
        // Room for the field's number and a length of two bytes.
        let mut message = Short::after(3);
        message.push(1 << 3);
        message.varint(id);
        message.push(2 << 3 | 2);
        let tags_at = message.len;
        message.push(0);
        for &(at, key) in columns {
            if let Some(value) = self.table_value(row[at]) {
                message.varint(u64::from(key));
                message.varint(u64::from(value));
            }
        }
        if message.len == tags_at + 1 {
            message.len -= 2;
        } else {
            message.note_length(tags_at);
        }
        message.push(3 << 3);
        message.push(1);
        message.push(4 << 3 | 2);
        let geometry_at = message.len;
        message.push(0);
        message.push(1 | 1 << 3);
        message.varint(zigzag(at.0));
        message.varint(zigzag(at.1));
        message.note_length(geometry_at);
        let body = message.len - 3;
        let from = if body < 0x80 {
            message.bytes[1..3].copy_from_slice(&[2 << 3 | 2, body]);
            1
        } else {
            message.bytes[..3].copy_from_slice(&[2 << 3 | 2, body | 0x80, 1]);
            0
        };
        self.scratch.features.extend_from_slice(&message.bytes[from..usize::from(message.len)]);
        self.feature_count += 1;
    }

    /// Appends the layer to a tile's bytes; one without features is left out.
    pub fn finish(self, tile: &mut Vec<u8>) {
        if self.feature_count == 0 {
            return;
        }
        let (mut before, mut keys, mut after) = (Vec::new(), Vec::new(), Vec::new());
        bytes_field(&mut before, 1, self.name.as_bytes());
        for key in &self.keys {
            bytes_field(&mut keys, 3, key.as_bytes());
        }
        varint_field(&mut after, 5, u64::from(EXTENT));
        varint_field(&mut after, 15, 2);
        let length = before.len() + self.scratch.features.len() + keys.len() + self.value_bytes + after.len();
        tile.reserve(length + 6);
        varint(tile, 3 << 3 | 2);
        varint(tile, length as u64);
        tile.extend_from_slice(&before);
        tile.extend_from_slice(&self.scratch.features);
        tile.extend_from_slice(&keys);
        for Piece { of_table, range } in &self.scratch.pieces {
            let bytes = if *of_table { self.table.bytes() } else { &self.scratch.own_values };
            tile.extend_from_slice(&bytes[range.start as usize..range.end as usize]);
        }
        tile.extend_from_slice(&after);
    }
}

/// A feature's id and tags.
fn head(features: &mut Vec<u8>, id: Option<u64>, tags: &[(u32, u32)]) {
    if let Some(id) = id {
        varint_field(features, 1, id);
    }
    if !tags.is_empty() {
        let start = begin_message(features, 2);
        for &(key, value) in tags {
            varint(features, u64::from(key));
            varint(features, u64::from(value));
        }
        end_message(features, start);
    }
}

/// Begins a message whose length is not known yet; answers where it begins.
fn begin_message(out: &mut Vec<u8>, field: u64) -> usize {
    varint(out, field << 3 | 2);
    out.push(0);
    out.len()
}

/// Notes the length of a message that began at `start`. Most are shorter than 128 bytes, whose length takes the
/// one byte kept for it; longer ones move up.
fn end_message(out: &mut Vec<u8>, start: usize) {
    let length = out.len() - start;
    if length < 0x80 {
        out[start - 1] = length as u8;
    } else {
        // As many bytes more as the length takes beyond its first.
        let more = (usize::BITS - length.leading_zeros()).div_ceil(7) as usize - 1;
        out.resize(out.len() + more, 0);
        out.copy_within(start..start + length, start + more);
        for (at, byte) in out[start - 1..start + more].iter_mut().enumerate() {
            let rest = (length >> (7 * at)) as u8;
            *byte = if at < more { rest | 0x80 } else { rest & 0x7f };
        }
    }
}

/// Appends a value as a field of a layer (tag, length, message); false for null, which tiles do not carry.
pub fn value_field(out: &mut Vec<u8>, value: &Value) -> bool {
    let mut bytes = Vec::new();
    match value {
        Value::Null | Value::Ids(_) => return false,
        Value::Bool(b) => varint_field(&mut bytes, 7, u64::from(*b)),
        Value::Int(i) => varint_field(&mut bytes, 4, *i as u64),
        Value::Float(f) => {
            bytes.push(3 << 3 | 1);
            bytes.extend_from_slice(&f.to_le_bytes());
        }
        Value::Text(text) => bytes_field(&mut bytes, 1, text.as_bytes()),
        Value::TextList(list) => {
            let joined = list.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(",");
            bytes_field(&mut bytes, 1, joined.as_bytes());
        }
    }
    bytes_field(out, 4, &bytes);
    true
}

/// Appends a shape's packed commands; answers its geometry type.
fn commands(out: &mut Vec<u8>, shape: &Shape) -> u64 {
    match shape {
        Shape::Points(points) => {
            let mut at = (0, 0);
            command(out, 1, points.len());
            for point in points {
                go(out, &mut at, *point);
            }
            1
        }
        Shape::Lines(parts) => {
            move_to(out, &mut (0, 0), parts[0][0]);
            commands_after_start(out, parts, false);
            2
        }
        Shape::Rings(parts) => {
            move_to(out, &mut (0, 0), parts[0][0]);
            commands_after_start(out, parts, true);
            3
        }
    }
}

/// Appends the packed commands of lines or `rings` but for the first, which moves to their start: the same wherever that
/// is.
pub fn commands_after_start(out: &mut Vec<u8>, parts: &[Vec<Unit>], rings: bool) {
    let mut at = parts.first().map_or((0, 0), |part| part[0]);
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            move_to(out, &mut at, part[0]);
        }
        command(out, 2, part.len() - 1);
        part[1..].iter().for_each(|to| go(out, &mut at, *to));
        if rings {
            command(out, 7, 1);
        }
    }
}

fn command(out: &mut Vec<u8>, id: u64, count: usize) {
    varint(out, id | (count as u64) << 3);
}

fn move_to(out: &mut Vec<u8>, at: &mut Unit, to: Unit) {
    command(out, 1, 1);
    go(out, at, to);
}

fn go(out: &mut Vec<u8>, at: &mut Unit, to: Unit) {
    varint(out, zigzag(to.0 - at.0));
    varint(out, zigzag(to.1 - at.1));
    *at = to;
}

fn zigzag(n: i32) -> u64 {
    u64::from((n << 1 ^ n >> 31) as u32)
}

fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn varint_field(out: &mut Vec<u8>, field: u64, n: u64) {
    varint(out, field << 3);
    varint(out, n);
}

fn bytes_field(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiles::config::MOST_ATTRIBUTES;

    fn written(shape: &Shape) -> (u64, Vec<u8>) {
        let mut out = Vec::new();
        (commands(&mut out, shape), out)
    }

    #[test]
    fn commands_are_those_of_the_specification() {
        // Examples of §4.3.5 of the specification.
        assert_eq!(written(&Shape::Points(vec![(25, 17)])), (1, vec![9, 50, 34]));
        assert_eq!(
            written(&Shape::Lines(vec![vec![(2, 2), (2, 10), (10, 10)], vec![(1, 1), (3, 5)]])),
            (2, vec![9, 4, 4, 18, 0, 16, 16, 0, 9, 17, 17, 10, 4, 8])
        );
        assert_eq!(
            written(&Shape::Rings(vec![vec![(3, 6), (8, 12), (20, 34)]])),
            (3, vec![9, 6, 12, 18, 10, 12, 24, 44, 15])
        );
    }

    #[test]
    fn a_long_feature_has_its_length_before_it() {
        let (table, mut scratch) = (ValueTable::default(), Scratch::default());
        let mut writer = LayerWriter::new("lines", &table, &mut scratch);
        let long = Shape::Lines(vec![(0..400).map(|n| (n * 70, n * 130)).collect()]);
        writer.add(Some(7), &long, &[]);
        writer.add(Some(8), &Shape::Points(vec![(1, 2)]), &[]);
        let mut tile = Vec::new();
        writer.finish(&mut tile);
        // The point's message follows the line's at the place its length tells.
        let line = tile.windows(2).position(|w| w == [8, 7]).expect("the first id");
        let length = usize::from(tile[line - 2] & 0x7f) | usize::from(tile[line - 1]) << 7;
        assert_eq!(tile[line + length..line + length + 4], [2 << 3 | 2, 9, 8, 8]);
    }

    /// However long the message gets: a row's point is written as any feature.
    #[test]
    fn a_rows_point_is_written_as_any_feature() {
        let mut table = ValueTable::default();
        let ids: Vec<u32> = (0..40_000).map(|n| table.take(&Value::Int(n))).collect();
        let (mut one, mut other) = (Scratch::default(), Scratch::default());
        let (mut in_row, mut alone) = (Vec::new(), Vec::new());
        let mut short = LayerWriter::new("points", &table, &mut one);
        let mut long = LayerWriter::new("points", &table, &mut other);
        let mut tags = Vec::new();
        for (n, row) in ids.chunks_exact(MOST_ATTRIBUTES).enumerate() {
            let mut row = row.to_vec();
            row[n % MOST_ATTRIBUTES] = ABSENT;
            let columns: Vec<Column> = (0..=n % MOST_ATTRIBUTES).map(|at| (at, 90 + at as u32 * 2)).collect();
            let id = if n % 7 == 0 { u64::MAX } else { n as u64 };
            let at = if n % 5 == 0 { (-(1 << 30), 1 << 30) } else { (n as i32, -3) };
            short.add_row_point(id, at, &columns, &row);
            long.tags_of(&columns, &row, &mut tags);
            long.add(Some(id), &Shape::Points(vec![at]), &tags);
        }
        short.finish(&mut in_row);
        long.finish(&mut alone);
        assert!(in_row == alone);
    }
}
