//! Geometry to and from the database's own bytes (EWKB).

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

/// Reads EWKB, whatever its SRID says.
///
/// # Errors
/// When the bytes are not EWKB.
pub fn decode(bytes: &[u8]) -> Result<Geometry, EwkbError> {
    Ok(Ewkb(bytes).to_geo()?)
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
