//! Short protocol buffer messages, put together in one place.

use super::config::MOST_ATTRIBUTES;

/// A message of at most 255 bytes. Where it ends is a byte, so that no place can be outside.
#[derive(Debug)]
pub struct Short {
    /// Room for them.
    pub bytes: [u8; 256],
    /// How many there are.
    pub len: u8,
}

// A pair of numbers takes six bytes at most, all else thirty.
const _: () = assert!(30 + 6 * MOST_ATTRIBUTES < 256);

impl Short {
    /// Begins after so many bytes that are written last.
    #[inline]
    #[must_use]
    pub fn after(len: u8) -> Self {
        Self { bytes: [0; 256], len }
    }

    /// Adds a byte.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.bytes[usize::from(self.len)] = byte;
        self.len += 1;
    }

    /// Adds a number in as many bytes as it takes.
    #[inline]
    pub fn varint(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.push(n as u8);
    }

    /// Notes the length of what follows the byte kept for it at a place; a long one takes a byte more.
    #[inline]
    pub fn note_length(&mut self, at: u8) {
        let length = self.len - at - 1;
        let at = usize::from(at);
        if length < 0x80 {
            self.bytes[at] = length;
        } else {
            let end = usize::from(self.len);
            self.bytes.copy_within(at + 1..end, at + 2);
            self.bytes[at..at + 2].copy_from_slice(&[length | 0x80, 1]);
            self.len += 1;
        }
    }
}
