//! The tiles that segments and areas touch.

use super::clip::BUFFER;
use super::encode::EXTENT;
use crate::geo::TileRanges;

/// A position in tile units of a zoom from the world's corner.
pub type Far = (i64, i64);

/// The tiles that show any of some segments, and with `inside` the areas they enclose (even–odd).
pub fn tiles_of(segments: &[(Far, Far)], inside: bool, z: u8, tiles: &mut TileRanges) {
    let side = i64::from(EXTENT);
    let buffer = i64::from(BUFFER);
    let tile = |unit: i64| unit.div_euclid(side);
    for &(a, b) in segments {
        let (top, bottom) = (a.1.min(b.1), a.1.max(b.1));
        for row in tile(top - buffer)..=tile(bottom + buffer) {
            let (from, to) = (row * side - buffer, (row + 1) * side + buffer);
            let (x0, x1) = across(a, b, from, to);
            tiles.add_row(z, row, (tile(x0 - buffer), tile(x1 + buffer)));
        }
    }
    if !inside {
        return;
    }
    let low = segments.iter().map(|(a, b)| a.1.min(b.1)).min().unwrap_or(0);
    let high = segments.iter().map(|(a, b)| a.1.max(b.1)).max().unwrap_or(0);
    let mut crossings: Vec<i64> = Vec::new();
    for row in tile(low)..=tile(high) {
        let middle = row * side + side / 2;
        crossings.clear();
        for &(a, b) in segments.iter().filter(|(a, b)| (a.1 <= middle) != (b.1 <= middle)) {
            crossings.push(across(a, b, middle, middle).0);
        }
        crossings.sort_unstable();
        for pair in crossings.chunks_exact(2) {
            tiles.add_row(z, row, (tile(pair[0]), tile(pair[1])));
        }
    }
}

/// The columns a segment passes between two rows, from the least to the greatest.
fn across(a: Far, b: Far, from: i64, to: i64) -> (i64, i64) {
    let at = |y: i64| {
        if a.1 == b.1 {
            return a.0;
        }
        let t = (y - a.1) as f64 / (b.1 - a.1) as f64;
        a.0 + ((b.0 - a.0) as f64 * t.clamp(0.0, 1.0)).round() as i64
    };
    if a.1 == b.1 {
        return (a.0.min(b.0), a.0.max(b.0));
    }
    let (p, q) = (at(from), at(to));
    (p.min(q), p.max(q))
}
