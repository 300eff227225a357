//! Which tiles a region takes.

use geo::Intersects;
use pmtiles::TileCoord;

use crate::geo::{Geometry, TileId};

/// A tile's place in an archive.
#[must_use]
pub fn place(tile: TileId) -> Option<pmtiles::TileId> {
    TileCoord::new(tile.z(), tile.x(), tile.y()).ok().map(Into::into)
}

/// The tiles at the zooms from `first` to `last` that meet the outline (degrees) when widened by `margin` (a
/// fraction of their width, at most 1), in the order of an archive: zoom by zoom along the Hilbert curve.
#[must_use]
pub fn tiles(outline: &Geometry, (first, last): (u8, u8), margin: f64) -> Vec<TileId> {
    let mut found = Vec::new();
    // A tile widened by its own width lies within its parent widened by the parent's: no branch is left out.
    let mut waiting: Vec<TileId> = TileId::new(0, 0, 0).into_iter().collect();
    while let Some(tile) = waiting.pop() {
        if !outline.intersects(&tile.bbox(margin)) {
            continue;
        }
        if tile.z() >= first {
            found.push(tile);
        }
        if tile.z() < last {
            let quarters = [(0, 0), (1, 0), (0, 1), (1, 1)];
            waiting.extend(
                quarters.iter().filter_map(|(x, y)| TileId::new(tile.z() + 1, 2 * tile.x() + x, 2 * tile.y() + y)),
            );
        }
    }
    found.sort_by_cached_key(|tile| place(*tile));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::Bbox;

    /// Every tile of the zooms, tried one by one.
    fn one_by_one(outline: &Geometry, (first, last): (u8, u8), margin: f64) -> Vec<TileId> {
        let all = (first..=last)
            .flat_map(|z| (0..1_u32 << z).flat_map(move |x| (0..1_u32 << z).filter_map(move |y| TileId::new(z, x, y))));
        let mut met: Vec<TileId> = all.filter(|t| outline.intersects(&t.bbox(margin))).collect();
        met.sort_by_cached_key(|tile| place(*tile));
        met
    }

    #[test]
    fn the_descent_leaves_nothing_out() {
        for (west, south, width) in [(117.0, 25.0, 0.9), (-3.0, -2.0, 7.0), (0.1, 66.0, 0.01), (-179.9, -40.0, 300.0)] {
            let outline =
                Geometry::from(Bbox::new((west, south), (west + width, south + width.min(30.0))).to_polygon());
            for margin in [0.0, 0.5, 1.0] {
                let found = tiles(&outline, (3, 8), margin);
                assert_eq!(found, one_by_one(&outline, (3, 8), margin), "{west} {south} {width} {margin}");
                assert!(!found.is_empty());
            }
        }
    }
}
