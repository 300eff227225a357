//! Reads vector tiles (MVT 2.1) back, sharing nothing with what writes them. Field numbers are those of
//! `vector_tile.proto` in the specification.

use std::collections::BTreeMap;

/// A layer of a tile.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    pub name: String,
    pub extent: u64,
    pub features: Vec<Decoded>,
}

/// A decoded feature: its properties, its type, and its parts in tile units, rings closed.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    pub id: Option<u64>,
    pub properties: BTreeMap<String, String>,
    /// 1 points, 2 lines, 3 rings.
    pub kind: u64,
    pub parts: Vec<Vec<(i32, i32)>>,
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut n, mut shift) = (0, 0);
    loop {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        n |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return n;
        }
    }
}

/// The fields of a protocol buffer message.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut bytes)),
            kind => {
                let length = match kind {
                    1 => 8,
                    2 => varint(&mut bytes) as usize,
                    5 => 4,
                    other => panic!("wire type {other}"),
                };
                let (head, tail) = bytes.split_at(length);
                bytes = tail;
                Field::Bytes(head)
            }
        };
        found.push((tag >> 3, field));
    }
    found
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn text_of(value: &[u8]) -> String {
    match fields(value).first().unwrap() {
        (1, Field::Bytes(b)) => text(b),
        (2, Field::Bytes(b)) => f32::from_le_bytes((*b).try_into().unwrap()).to_string(),
        (3, Field::Bytes(b)) => f64::from_le_bytes((*b).try_into().unwrap()).to_string(),
        (6, Field::Number(n)) => ((n >> 1) as i64 ^ -((n & 1) as i64)).to_string(),
        (7, Field::Number(n)) => (*n != 0).to_string(),
        (4 | 5, Field::Number(n)) => n.to_string(),
        _ => panic!("a value of another type"),
    }
}

fn unpack(mut bytes: &[u8]) -> Vec<u64> {
    let mut numbers = Vec::new();
    while !bytes.is_empty() {
        numbers.push(varint(&mut bytes));
    }
    numbers
}

fn parts(commands: &[u64]) -> Vec<Vec<(i32, i32)>> {
    let zigzag = |n: u64| (n >> 1) as i32 ^ -((n & 1) as i32);
    let (mut at, mut found, mut k): (_, Vec<Vec<(i32, i32)>>, _) = ((0, 0), Vec::new(), 0);
    while k < commands.len() {
        let (id, count) = (commands[k] & 7, commands[k] >> 3);
        k += 1;
        if id == 7 {
            let ring = found.last_mut().unwrap();
            ring.push(ring[0]);
            continue;
        }
        for _ in 0..count {
            at = (at.0 + zigzag(commands[k]), at.1 + zigzag(commands[k + 1]));
            k += 2;
            if id == 1 {
                found.push(Vec::new());
            }
            found.last_mut().unwrap().push(at);
        }
    }
    found
}

/// The layers of a tile.
pub fn layers(tile: &[u8]) -> Vec<Layer> {
    let layer = |field: (u64, Field<'_>)| {
        let (3, Field::Bytes(layer)) = field else { panic!("a layer is a message") };
        let all = fields(layer);
        let bytes = |number: u64| {
            all.iter().filter_map(move |(n, f)| match f {
                Field::Bytes(b) if *n == number => Some(*b),
                _ => None,
            })
        };
        let keys: Vec<String> = bytes(3).map(text).collect();
        let values: Vec<String> = bytes(4).map(text_of).collect();
        let extent = all.iter().find_map(|(n, f)| match f {
            Field::Number(extent) if *n == 5 => Some(*extent),
            _ => None,
        });
        Layer {
            name: text(bytes(1).next().unwrap()),
            extent: extent.unwrap_or(4096),
            features: bytes(2).map(|b| feature(b, &keys, &values)).collect(),
        }
    };
    fields(tile).into_iter().map(layer).collect()
}

fn feature(bytes: &[u8], keys: &[String], values: &[String]) -> Decoded {
    let mut decoded = Decoded { id: None, properties: BTreeMap::new(), kind: 0, parts: Vec::new() };
    for (number, field) in fields(bytes) {
        match (number, field) {
            (1, Field::Number(n)) => decoded.id = Some(n),
            (2, Field::Bytes(b)) => {
                let pairs = unpack(b);
                decoded.properties =
                    pairs.chunks(2).map(|p| (keys[p[0] as usize].clone(), values[p[1] as usize].clone())).collect();
            }
            (3, Field::Number(n)) => decoded.kind = n,
            (4, Field::Bytes(b)) => decoded.parts = parts(&unpack(b)),
            _ => {}
        }
    }
    decoded
}

/// The features of all layers by id; each id once. What stands for several has none.
pub fn by_id(tile: &[u8]) -> BTreeMap<u64, Decoded> {
    let mut found = BTreeMap::new();
    for feature in layers(tile).into_iter().flat_map(|layer| layer.features) {
        if let Some(id) = feature.id {
            assert!(found.insert(id, feature).is_none(), "id {id} twice");
        }
    }
    found
}

/// How many features a tile has, without reading them.
pub fn feature_count(tile: &[u8]) -> usize {
    let of_layer = |field: (u64, Field<'_>)| match field.1 {
        Field::Bytes(layer) => fields(layer).iter().filter(|(number, _)| *number == 2).count(),
        Field::Number(_) => 0,
    };
    fields(tile).into_iter().map(of_layer).sum()
}
