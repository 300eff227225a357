//! The encodings tiles are sent in.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use crate::service::ServiceError;

/// Shorter tiles are sent as they are: compressing them gains nothing.
const SHORTEST: usize = 256;
/// Levels that take about as long as drawing a tile: zstd's own default, and Brotli's for text made on the fly.
const ZSTD_LEVEL: i32 = 3;
const BROTLI_LEVEL: u32 = 4;

/// How a tile's bytes are packed for the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As they are.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

impl Encoding {
    /// The first of ours that a client's `Accept-Encoding` likes best (RFC 9110 §12.5.3).
    #[must_use]
    pub fn accepted(header: &str) -> Self {
        let mut best = (Self::Identity, 0.0_f32);
        // Of those liked the same: the smallest that is made quickly.
        for encoding in [Self::Zstd, Self::Brotli, Self::Gzip] {
            let weight = weight(header, encoding.name());
            if weight > best.1 {
                best = (encoding, weight);
            }
        }
        best.0
    }

    /// Its name in HTTP.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// This one, or none for bytes too few to gain by it.
    #[must_use]
    pub fn worth(self, bytes: usize) -> Self {
        if bytes < SHORTEST { Self::Identity } else { self }
    }

    /// Packs bytes.
    ///
    /// # Errors
    /// Only when memory fails.
    pub fn pack(self, bytes: &Bytes) -> Result<Bytes, ServiceError> {
        let failed = |e: std::io::Error| ServiceError::Internal(format!("a tile was not packed: {e}"));
        Ok(match self {
            Self::Identity => bytes.clone(),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::default());
                encoder.write_all(bytes).map_err(failed)?;
                encoder.finish().map_err(failed)?.into()
            }
            Self::Brotli => {
                let mut packed = Vec::with_capacity(bytes.len() / 2);
                let mut encoder = brotli::CompressorWriter::new(&mut packed, 1 << 15, BROTLI_LEVEL, 20);
                encoder.write_all(bytes).map_err(failed)?;
                drop(encoder);
                packed.into()
            }
            Self::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL).map_err(failed)?.into(),
        })
    }
}

/// How much a header likes an encoding; 0 is not at all.
fn weight(header: &str, name: &str) -> f32 {
    let mut any = 0.0;
    for part in header.split(',') {
        let mut words = part.split(';').map(str::trim);
        let coding = words.next().unwrap_or_default();
        let q = words.find_map(|w| w.strip_prefix("q=").or_else(|| w.strip_prefix("Q=")));
        let weight = q.map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
        if coding.eq_ignore_ascii_case(name) {
            return weight;
        }
        if coding == "*" {
            any = weight;
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_best_liked_is_taken() {
        for (header, expected) in [
            ("", Encoding::Identity),
            ("gzip, deflate, br, zstd", Encoding::Zstd),
            ("gzip, deflate, br", Encoding::Brotli),
            ("gzip;q=1.0, br;q=0.5", Encoding::Gzip),
            ("br;q=0, *", Encoding::Zstd),
            ("identity", Encoding::Identity),
            ("*;q=0", Encoding::Identity),
            ("gzip;q=nonsense", Encoding::Identity),
        ] {
            assert_eq!(Encoding::accepted(header), expected, "{header:?}");
        }
    }

    #[test]
    fn what_is_packed_is_what_was_there() {
        let bytes = Bytes::from("逢五说事".repeat(500));
        let gzip = Encoding::Gzip.pack(&bytes).expect("packed");
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&gzip[..]).read_to_end(&mut back).expect("gzip");
        assert_eq!(back, bytes);
        let zstd = Encoding::Zstd.pack(&bytes).expect("packed");
        assert_eq!(zstd::bulk::decompress(&zstd, 1 << 20).expect("zstd"), bytes);
        let br = Encoding::Brotli.pack(&bytes).expect("packed");
        let mut back = Vec::new();
        brotli::Decompressor::new(&br[..], 4096).read_to_end(&mut back).expect("brotli");
        assert_eq!(back, bytes);
        assert!(zstd.len() < 200 && br.len() < 200);
    }
}
