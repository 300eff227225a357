//! A layer's property values, each kept once and in the form tiles carry it.

use std::cmp::Reverse;
use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::encode::value_field;
use crate::domain::Value;

/// Stands for a value that is absent.
pub const ABSENT: u32 = u32::MAX;

/// Values by number. They lie in memory in the order they came in, which is the order tiles read them in.
#[derive(Debug, Default)]
pub struct ValueTable {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    garbage: usize,
    /// Below this number all values were used more than once when they were arranged.
    often: u32,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    at: u32,
    len: u32,
    uses: u32,
}

impl ValueTable {
    /// A value's number; it is kept until it is released as often as it was taken.
    pub fn take(&mut self, value: &Value) -> u32 {
        let mut field = Vec::new();
        if !value_field(&mut field, value) {
            return ABSENT;
        }
        let hash = self.hasher.hash_one(&field);
        let known = self.index.find(hash, |&id| self.bytes_of(id) == field).copied();
        if let Some(id) = known {
            self.entries[id as usize].uses += 1;
            return id;
        }
        let entry = Entry { at: self.bytes.len() as u32, len: field.len() as u32, uses: 1 };
        self.bytes.extend_from_slice(&field);
        let id = if let Some(id) = self.free.pop() {
            self.entries[id as usize] = entry;
            id
        } else {
            self.entries.push(entry);
            self.entries.len() as u32 - 1
        };
        let (entries, bytes, hasher) = (&self.entries, &self.bytes, &self.hasher);
        self.index.insert_unique(hash, id, |&id| hasher.hash_one(slice(entries, bytes, id)));
        id
    }

    /// Gives a value back.
    pub fn release(&mut self, id: u32) {
        if id == ABSENT {
            return;
        }
        self.entries[id as usize].uses -= 1;
        if self.entries[id as usize].uses > 0 {
            return;
        }
        let hash = self.hasher.hash_one(self.bytes_of(id));
        if let Ok(entry) = self.index.find_entry(hash, |&known| known == id) {
            entry.remove();
        }
        self.garbage += self.entries[id as usize].len as usize;
        self.entries[id as usize].len = 0;
        self.free.push(id);
        if self.garbage > 1 << 16 && self.garbage * 2 > self.bytes.len() {
            self.compact();
        }
    }

    /// Numbers the values anew: the most used first, close together in memory, as tiles read them from all over the
    /// layer; then those used once, in the order they came in. Answers the new number of each old one.
    pub fn arrange(&mut self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.entries.len() as u32).collect();
        order.retain(|id| self.entries[*id as usize].uses > 0);
        order.sort_by_key(|id| Reverse(self.entries[*id as usize].uses));
        let mut numbers = vec![ABSENT; self.entries.len()];
        let mut bytes = Vec::with_capacity(self.bytes.len() - self.garbage);
        let mut entries = Vec::with_capacity(order.len());
        for (number, &id) in order.iter().enumerate() {
            numbers[id as usize] = number as u32;
            entries.push(Entry { at: bytes.len() as u32, ..self.entries[id as usize] });
            bytes.extend_from_slice(self.bytes_of(id));
        }
        for id in &mut self.index {
            *id = numbers[*id as usize];
        }
        self.often = order.partition_point(|id| self.entries[*id as usize].uses > 1) as u32;
        (self.bytes, self.entries, self.free, self.garbage) = (bytes, entries, Vec::new(), 0);
        numbers
    }

    /// The value as a field of a tile's layer: tag, length, message. Empty for what is no longer there.
    #[must_use]
    pub fn bytes_of(&self, id: u32) -> &[u8] {
        slice(&self.entries, &self.bytes, id)
    }

    /// Where the value is in [`Self::bytes`].
    #[must_use]
    #[inline]
    pub fn place_of(&self, id: u32) -> Range<u32> {
        let Entry { at, len, .. } = self.entries[id as usize];
        at..at + len
    }

    /// All values, one after the other, and what is left of those that are no longer there.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it is used more than once, or was when the values were arranged: of those its use is not read, which lies
    /// far away in memory.
    #[must_use]
    #[inline]
    pub fn is_shared(&self, id: u32) -> bool {
        id < self.often || self.entries[id as usize].uses > 1
    }

    /// Numbers in use and free.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.entries.len()
    }

    /// Memory it holds, bytes.
    #[must_use]
    pub fn resident(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Entry>() + self.index.allocation_size()
    }

    fn compact(&mut self) {
        let mut bytes = Vec::with_capacity(self.bytes.len() - self.garbage);
        for entry in &mut self.entries {
            let from = entry.at as usize;
            entry.at = bytes.len() as u32;
            bytes.extend_from_slice(&self.bytes[from..from + entry.len as usize]);
        }
        self.bytes = bytes;
        self.garbage = 0;
    }
}

fn slice<'a>(entries: &[Entry], bytes: &'a [u8], id: u32) -> &'a [u8] {
    let entry = entries[id as usize];
    &bytes[entry.at as usize..(entry.at + entry.len) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_once_and_given_back() {
        let mut table = ValueTable::default();
        let text = |n: usize| Value::Text(format!("第{n}户").into());
        let first = table.take(&text(0));
        assert_eq!(table.take(&text(0)), first);
        assert_eq!(table.take(&Value::Null), ABSENT);
        let others: Vec<u32> = (1..20_000).map(|n| table.take(&text(n))).collect();
        let (kept, bytes) = (others[19_000], table.bytes_of(others[19_000]).to_vec());
        for id in others.iter().take(18_000) {
            table.release(*id);
        }
        assert_eq!(table.bytes_of(kept), bytes, "compacting moves no value");
        table.release(first);
        assert_eq!(table.take(&text(0)), table.take(&text(0)));
        let again = table.take(&text(5));
        assert!(others.contains(&again), "numbers are used again");
        assert!(table.garbage < 1 << 17);
    }

    #[test]
    fn values_used_again_and_again_come_first() {
        let mut table = ValueTable::default();
        let text = |n: usize| Value::Text(format!("第{n}户").into());
        let old: Vec<u32> = (0..1_000).map(|n| table.take(&text(n % 700))).collect();
        table.release(old[650]);
        let bytes: Vec<Vec<u8>> = old.iter().map(|id| table.bytes_of(*id).to_vec()).collect();
        let numbers = table.arrange();
        for n in (0..1_000).filter(|n| *n != 650) {
            let id = numbers[old[n] as usize];
            assert_eq!(table.bytes_of(id), bytes[n], "{n}");
            assert_eq!(table.entries[id as usize].uses == 1, (300..700).contains(&(n % 700)), "{n}");
            assert_eq!(id < 300, table.entries[id as usize].uses > 1, "{n}");
            assert_eq!(table.is_shared(id), id < 300, "{n}");
            assert_eq!(table.take(&text(n % 700)), id, "{n}");
            table.release(id);
        }
        assert_eq!(table.capacity(), 699);
        assert_eq!(table.take(&text(650)), 699, "what was given back is no more");
    }
}
