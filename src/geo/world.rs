//! Web Mercator positions as whole numbers: the space tiles are drawn in.

use super::TileId;
use super::tile::project;

/// Bits along each axis of the world.
pub const WORLD_BITS: u32 = 32;

/// A position of Web Mercator: the world is 2^32 steps wide and high, `x` to the east, `y` to the south, from its
/// north-west corner. A step is 9.3 mm at the equator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct World {
    /// Steps to the east.
    pub x: u32,
    /// Steps to the south.
    pub y: u32,
}

impl World {
    /// From degrees, rounded down to a step; what lies beyond the world is at its edge.
    #[must_use]
    pub fn of(lon: f64, lat: f64) -> Self {
        let (u, v) = project(lon, lat);
        let steps = |t: f64| (t * f64::from(1_u32 << 31) * 2.0) as u32;
        Self { x: steps(u), y: steps(v) }
    }

    /// Its place along the Z-order curve (Morton 1966): the bits of `y` and `x` in turn, `y` first.
    #[must_use]
    pub fn morton(self) -> u64 {
        spread(self.x) | spread(self.y) << 1
    }

    /// From the place along the Z-order curve.
    #[must_use]
    pub fn from_morton(code: u64) -> Self {
        Self { x: gather(code), y: gather(code >> 1) }
    }

    /// The tile of a zoom it lies in.
    #[must_use]
    pub fn tile(self, z: u8) -> (u32, u32) {
        let shift = WORLD_BITS - u32::from(z);
        (shift_down(self.x, shift), shift_down(self.y, shift))
    }
}

/// Where a tile begins along the Z-order curve, and how many bits of it the tile leaves open.
#[must_use]
pub fn morton_range(z: u8, x: u32, y: u32) -> (u64, u64) {
    let open = 2 * (WORLD_BITS - u32::from(z));
    let first = World { x, y }.morton().checked_shl(open).unwrap_or(0);
    let last = first | 1_u64.checked_shl(open).map_or(u64::MAX, |n| n - 1);
    (first, last)
}

/// The north-west corner of a tile.
#[must_use]
pub fn corner(tile: TileId) -> World {
    let shift = WORLD_BITS - u32::from(tile.z());
    let up = |n: u32| n.checked_shl(shift).unwrap_or(0);
    World { x: up(tile.x()), y: up(tile.y()) }
}

fn shift_down(n: u32, shift: u32) -> u32 {
    n.checked_shr(shift).unwrap_or(0)
}

/// Puts a zero between any two bits.
fn spread(n: u32) -> u64 {
    let mut n = u64::from(n);
    n = (n | n << 16) & 0x0000_ffff_0000_ffff;
    n = (n | n << 8) & 0x00ff_00ff_00ff_00ff;
    n = (n | n << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    n = (n | n << 2) & 0x3333_3333_3333_3333;
    (n | n << 1) & 0x5555_5555_5555_5555
}

/// Takes every other bit.
fn gather(n: u64) -> u32 {
    let mut n = n & 0x5555_5555_5555_5555;
    n = (n | n >> 1) & 0x3333_3333_3333_3333;
    n = (n | n >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    n = (n | n >> 4) & 0x00ff_00ff_00ff_00ff;
    n = (n | n >> 8) & 0x0000_ffff_0000_ffff;
    (n | n >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_there_and_back() {
        for at in [(0, 0), (1, 0), (0, 1), (u32::MAX, 7), (0x1234_5678, 0x9abc_def0)] {
            let at = World { x: at.0, y: at.1 };
            assert_eq!(World::from_morton(at.morton()), at);
        }
        assert_eq!(World { x: 3, y: 1 }.morton(), 0b0111);
    }

    #[test]
    fn a_tile_is_a_range_of_the_curve() {
        let at = World::of(117.02, 25.1);
        for z in 0..=22 {
            let tile = TileId::containing(z, 117.02, 25.1);
            assert_eq!(at.tile(z), (tile.x(), tile.y()));
            let (first, last) = morton_range(z, tile.x(), tile.y());
            assert!((first..=last).contains(&at.morton()));
            assert_eq!(World::from_morton(first), corner(tile));
        }
        assert_eq!(morton_range(0, 0, 0), (0, u64::MAX));
    }
}
