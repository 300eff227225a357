//! Geometry to and from the database's own bytes (EWKB).

use geozero::error::GeozeroError;
use geozero::wkb::{Ewkb, WkbDialect, WkbWriter};
use geozero::{GeozeroGeometry, ToGeo};
use thiserror::Error;

use super::Geometry;

/// The spatial reference every stored geometry has.
pub const STORED_SRID: i32 = 4490;

/// Bytes that are no geometry, or a geometry that has no bytes.
#[derive(Debug, Error)]
#[error("geometry bytes: {0}")]
pub struct EwkbError(#[from] geozero::error::GeozeroError);

/// Collections nested deeper than this are no geometry of a map.
const DEEPEST: usize = 8;

/// Reads EWKB, whatever its SRID says.
///
/// # Errors
/// When the bytes are not EWKB.
pub fn decode(bytes: &[u8]) -> Result<Geometry, EwkbError> {
    // The reader makes room for as many parts as the bytes say they have, and takes each for what it should be.
    if !is_whole(&mut &bytes[..], None, 0) {
        return Err(GeozeroError::Geometry("cut off, or of no kind that is known".to_owned()).into());
    }
    Ok(Ewkb(bytes).to_geo()?)
}

/// Whether a geometry, of a kind where one is wanted, has all the parts it says it has; moves behind it.
fn is_whole(rest: &mut &[u8], wanted: Option<u32>, depth: usize) -> bool {
    let Some(&order) = rest.split_off_first() else { return false };
    let number = |rest: &mut &[u8]| {
        let bytes = *rest.split_off(..4)?.first_chunk()?;
        Some(if order == 0 { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    };
    let skip = |rest: &mut &[u8], bytes: u64| usize::try_from(bytes).is_ok_and(|n| rest.split_off(..n).is_some());
    let Some(kind) = number(rest) else { return false };
    let position = 8 * (2 + u64::from(kind >> 31) + u64::from(kind >> 30 & 1));
    if kind >> 29 & 1 == 1 && number(rest).is_none() {
        return false;
    }
    let kind = kind & 0x1fff_ffff;
    if wanted.is_some_and(|wanted| wanted != kind) {
        return false;
    }
    if kind == 1 {
        return skip(rest, position);
    }
    let Some(parts) = number(rest) else { return false };
    match kind {
        2 => skip(rest, u64::from(parts) * position),
        3 => (0..parts).all(|_| number(rest).is_some_and(|n| skip(rest, u64::from(n) * position))),
        // Points, lines or polygons; or whatever there is.
        4..=6 => (0..parts).all(|_| is_whole(rest, Some(kind - 3), depth)),
        7 => depth < DEEPEST && (0..parts).all(|_| is_whole(rest, None, depth + 1)),
        _ => false,
    }
}

/// Writes EWKB with SRID 4490.
///
/// # Errors
/// When the geometry's kind has no EWKB form.
pub fn encode(geometry: &Geometry) -> Result<Vec<u8>, EwkbError> {
    let mut bytes = Vec::new();
    let mut writer = WkbWriter::with_opts(
        &mut bytes,
        WkbDialect::Ewkb,
        geozero::CoordDimensions::xy(),
        Some(STORED_SRID),
        Vec::new(),
    );
    geometry.process_geom(&mut writer)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_the_bytes_do_not_hold_are_refused() {
        let whole = |bytes: &[u8]| is_whole(&mut &bytes[..], None, 0);
        // A polygon of 2.9 thousand million rings; a line of as many positions; collections in collections.
        let many = [0xab; 4];
        assert!(!whole(&[&[1, 3, 0, 0, 0x20, 0x8a][..], &many, &many, &[0xab; 64]].concat()));
        assert!(!whole(&[&[1, 2, 0, 0, 0][..], &many, &[0; 64]].concat()));
        assert!(!whole(&[1, 7, 0, 0, 0, 1, 0, 0, 0].repeat(100_000)));
        // A point among polygons, whose numbers would be taken for counts.
        assert!(!whole(&[&[1, 6, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0][..], &many, &[0xab; 64]].concat()));
        assert!(!whole(&[]));
    }

    #[test]
    fn round_trips() {
        use ::geo::{Coord, LineString, MultiPolygon, Point, Polygon};
        let corner = |x, y| Coord { x, y };
        let ring = LineString::new(vec![corner(0.0, 0.0), corner(2.0, 0.0), corner(2.0, 2.0), corner(0.0, 0.0)]);
        let square = Polygon::new(ring, vec![]);
        for geometry in [
            Geometry::from(Point::new(117.2, 25.6)),
            Geometry::from(square.clone()),
            Geometry::from(MultiPolygon::new(vec![square])),
        ] {
            assert_eq!(decode(&encode(&geometry).expect("encodes")).expect("decodes"), geometry);
        }
    }
}
