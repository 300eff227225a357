//! Mapbox Vector Tile 2.1, written straight to its protocol buffer form.
//!
//! Field numbers are those of `vector_tile.proto` in the specification; commands and zigzag parameters its §4.3.

use std::collections::HashMap;

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

/// One layer being written.
#[derive(Debug)]
pub struct LayerWriter {
    body: Vec<u8>,
    keys: HashMap<String, u32>,
    key_list: Vec<String>,
    values: HashMap<Vec<u8>, u32>,
    value_list: Vec<Vec<u8>>,
    features: usize,
}

impl LayerWriter {
    /// A layer without features.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut body = Vec::new();
        bytes_field(&mut body, 1, name.as_bytes());
        Self {
            body,
            keys: HashMap::new(),
            key_list: Vec::new(),
            values: HashMap::new(),
            value_list: Vec::new(),
            features: 0,
        }
    }

    /// How many features it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.features
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.features == 0
    }

    /// Adds a feature. Null properties are left out.
    pub fn add<'a>(&mut self, id: Option<u64>, shape: &Shape, properties: impl IntoIterator<Item = (&'a str, Value)>) {
        let mut tags = Vec::new();
        for (key, value) in properties {
            let Some(value) = encode_value(&value) else { continue };
            varint(&mut tags, u64::from(self.key(key)));
            let next = self.value_list.len() as u32;
            let at = *self.values.entry(value.clone()).or_insert_with(|| {
                self.value_list.push(value);
                next
            });
            varint(&mut tags, u64::from(at));
        }
        let (kind, geometry) = commands(shape);
        let mut feature = Vec::new();
        if let Some(id) = id {
            varint_field(&mut feature, 1, id);
        }
        bytes_field(&mut feature, 2, &tags);
        varint_field(&mut feature, 3, kind);
        bytes_field(&mut feature, 4, &geometry);
        bytes_field(&mut self.body, 2, &feature);
        self.features += 1;
    }

    fn key(&mut self, key: &str) -> u32 {
        if let Some(at) = self.keys.get(key) {
            return *at;
        }
        let at = self.key_list.len() as u32;
        self.keys.insert(key.to_owned(), at);
        self.key_list.push(key.to_owned());
        at
    }

    /// Appends the layer to a tile's bytes; one without features is left out.
    pub fn finish(mut self, tile: &mut Vec<u8>) {
        if self.features == 0 {
            return;
        }
        for key in &self.key_list {
            bytes_field(&mut self.body, 3, key.as_bytes());
        }
        for value in &self.value_list {
            bytes_field(&mut self.body, 4, value);
        }
        varint_field(&mut self.body, 5, u64::from(EXTENT));
        varint_field(&mut self.body, 15, 2);
        bytes_field(tile, 3, &self.body);
    }
}

fn encode_value(value: &Value) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match value {
        Value::Null => return None,
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
    Some(bytes)
}

/// The geometry type and its packed commands.
fn commands(shape: &Shape) -> (u64, Vec<u8>) {
    let mut out = Vec::new();
    let mut at = (0, 0);
    let mut go = |out: &mut Vec<u8>, to: Unit| {
        varint(out, zigzag(to.0 - at.0));
        varint(out, zigzag(to.1 - at.1));
        at = to;
    };
    let command = |out: &mut Vec<u8>, id: u64, count: usize| varint(out, id | (count as u64) << 3);
    let kind = match shape {
        Shape::Points(points) => {
            command(&mut out, 1, points.len());
            for point in points {
                go(&mut out, *point);
            }
            1
        }
        Shape::Lines(parts) | Shape::Rings(parts) => {
            let rings = matches!(shape, Shape::Rings(_));
            for part in parts {
                command(&mut out, 1, 1);
                go(&mut out, part[0]);
                command(&mut out, 2, part.len() - 1);
                part[1..].iter().for_each(|p| go(&mut out, *p));
                if rings {
                    command(&mut out, 7, 1);
                }
            }
            if rings { 3 } else { 2 }
        }
    };
    (kind, out)
}

fn zigzag(n: i32) -> u64 {
    u64::from((n << 1 ^ n >> 31) as u32)
}

fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push((n as u8 & 0x7f) | 0x80);
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

    #[test]
    fn commands_are_those_of_the_specification() {
        // Examples of §4.3.5 of the specification.
        assert_eq!(commands(&Shape::Points(vec![(25, 17)])), (1, vec![9, 50, 34]));
        assert_eq!(
            commands(&Shape::Lines(vec![vec![(2, 2), (2, 10), (10, 10)], vec![(1, 1), (3, 5)]])),
            (2, vec![9, 4, 4, 18, 0, 16, 16, 0, 9, 17, 17, 10, 4, 8])
        );
        assert_eq!(
            commands(&Shape::Rings(vec![vec![(3, 6), (8, 12), (20, 34)]])),
            (3, vec![9, 6, 12, 18, 10, 12, 24, 44, 15])
        );
    }
}
