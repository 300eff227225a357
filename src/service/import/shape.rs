//! Geometry of a row: checked, moved to EPSG:4490, snapped, and repaired where it must be.

use ::geo::orient::Direction;
use ::geo::{CoordsIter, GeodesicArea, MapCoords, MultiPolygon, Orient, Polygon};
use geozero::wkb::Wkb;
use geozero::{CoordDimensions, ToGeo, ToWkb};

use super::fields::Shapes;
use super::position::Position;
use crate::geo::lon_lat::snap;
use crate::geo::{Geometry, ewkb};

/// A row's geometry as it is stored, and what was repaired on the way.
#[derive(Debug)]
pub struct Shaped {
    /// EWKB in EPSG:4490; several for the parts of a line.
    pub parts: Vec<Vec<u8>>,
    /// What was repaired, for the report.
    pub repaired: Option<String>,
}

/// From a geometry in the file's coordinates to what the layer stores.
///
/// # Errors
/// A sentence: the shape does not suit the layer, cannot be moved, or cannot be repaired.
pub fn shape(geometry: Geometry, shapes: Shapes, position: &Position) -> Result<Shaped, String> {
    let wanted = suit(geometry, shapes)?;
    let mut x: Vec<f64> = wanted.coords_iter().map(|c| c.x).collect();
    let mut y: Vec<f64> = wanted.coords_iter().map(|c| c.y).collect();
    if x.is_empty() {
        return Err("图形是空的".to_owned());
    }
    position.apply(&mut x, &mut y)?;
    // `map_coords` visits in the order of `coords_iter`.
    let mut next = x.iter().zip(&y).map(|(x, y)| ::geo::Coord { x: snap(*x), y: snap(*y) });
    let moved = renumber(&wanted, &mut next);
    let (moved, repaired) = if matches!(moved, Geometry::MultiPolygon(_)) { repair(moved)? } else { (moved, None) };
    let parts = split(moved, shapes);
    let parts = parts.iter().map(|g| ewkb::encode(g).map_err(|e| e.to_string())).collect::<Result<_, _>>()?;
    Ok(Shaped { parts, repaired })
}

fn renumber(geometry: &Geometry, next: &mut impl Iterator<Item = ::geo::Coord>) -> Geometry {
    let next = std::cell::RefCell::new(next);
    geometry.map_coords(|c| next.borrow_mut().next().unwrap_or(c))
}

/// Brings a geometry into the kind the layer stores.
fn suit(geometry: Geometry, shapes: Shapes) -> Result<Geometry, String> {
    let single = |n: usize| if n == 1 { Ok(()) } else { Err(format!("图形有 {n} 个点,应为 1 个")) };
    match (shapes, geometry) {
        // A drawing (DXF) knows areas as closed lines only.
        (Shapes::Areas, Geometry::LineString(l)) if l.is_closed() && l.0.len() > 3 => {
            Ok(MultiPolygon::new(vec![Polygon::new(l, vec![])]).into())
        }
        (Shapes::Areas | Shapes::PointOrArea, Geometry::Polygon(p)) => Ok(MultiPolygon::new(vec![p]).into()),
        (Shapes::Areas | Shapes::PointOrArea, g @ Geometry::MultiPolygon(_))
        | (Shapes::Point | Shapes::PointOrArea, g @ Geometry::Point(_))
        | (Shapes::Lines, g @ (Geometry::LineString(_) | Geometry::MultiLineString(_))) => Ok(g),
        (Shapes::Point | Shapes::PointOrArea, Geometry::MultiPoint(m)) => {
            single(m.0.len())?;
            Ok(m.0[0].into())
        }
        (_, other) => Err(format!("图形是{},这一层要{}", kind_of(&other), wanted_of(shapes))),
    }
}

fn kind_of(geometry: &Geometry) -> &'static str {
    match geometry {
        Geometry::Point(_) | Geometry::MultiPoint(_) => "点",
        Geometry::LineString(_) | Geometry::MultiLineString(_) | Geometry::Line(_) => "线",
        Geometry::Polygon(_) | Geometry::MultiPolygon(_) | Geometry::Rect(_) | Geometry::Triangle(_) => "面",
        Geometry::GeometryCollection(_) => "混合图形",
    }
}

fn wanted_of(shapes: Shapes) -> &'static str {
    match shapes {
        Shapes::Areas => "面",
        Shapes::Point => "点",
        Shapes::PointOrArea => "点或面",
        Shapes::Lines => "线",
        Shapes::None => "没有图形的表",
    }
}

/// Repairs an area that crosses itself, with GEOS.
fn repair(area: Geometry) -> Result<(Geometry, Option<String>), String> {
    let trouble = |e: String| format!("图形无法修复:{e}");
    let wkb = area.to_wkb(CoordDimensions::xy()).map_err(|e| trouble(e.to_string()))?;
    let there = gdal::vector::Geometry::from_wkb(&wkb).map_err(|e| trouble(e.to_string()))?;
    if there.is_valid() {
        return Ok((area, None));
    }
    let options = gdal::cpl::CslStringList::new();
    let made = there.make_valid(&options).and_then(|g| g.wkb()).map_err(|e| trouble(e.to_string()))?;
    let made = Wkb(made).to_geo().map_err(|e| trouble(e.to_string()))?;
    let mut polygons = Vec::new();
    gather(made, &mut polygons);
    if polygons.is_empty() {
        return Err("图形修复后没有面积".to_owned());
    }
    let count = polygons.len();
    let made: Geometry = MultiPolygon::new(polygons).map_coords(|c| ::geo::Coord { x: snap(c.x), y: snap(c.y) }).into();
    let wkb = made.to_wkb(CoordDimensions::xy()).map_err(|e| trouble(e.to_string()))?;
    if !gdal::vector::Geometry::from_wkb(&wkb).is_ok_and(|g| g.is_valid()) {
        return Err("图形自相交,修复后仍不合规".to_owned());
    }
    // The geodesic area of a clockwise ring is that of the rest of the earth.
    let square_metres: f64 = match &made {
        Geometry::MultiPolygon(m) => m.orient(Direction::Default).geodesic_area_unsigned(),
        _ => 0.0,
    };
    Ok((made, Some(format!("图形自相交等,已修复为 {count} 个面,共 {square_metres:.0} 平方米"))))
}

fn gather(geometry: Geometry, polygons: &mut Vec<Polygon>) {
    match geometry {
        Geometry::Polygon(p) => polygons.push(p),
        Geometry::MultiPolygon(m) => polygons.extend(m.0),
        Geometry::GeometryCollection(c) => c.0.into_iter().for_each(|g| gather(g, polygons)),
        _ => {}
    }
}

fn split(geometry: Geometry, shapes: Shapes) -> Vec<Geometry> {
    match (shapes, geometry) {
        (Shapes::Lines, Geometry::MultiLineString(m)) => m.0.into_iter().map(Into::into).collect(),
        (_, g) => vec![g],
    }
}
