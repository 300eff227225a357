//! `GeoJSON` geometry as a writer sends it: checked position by position, so that a fault names its place.

use geo::{Coord, LineString, MultiLineString, MultiPolygon, Point, Polygon};
use serde_json::Value;

use crate::domain::{Problem, ProblemKind};
use crate::geo::{Geometry, LonLat, LonLatError};

/// A kind of geometry a layer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the standard's own names
pub enum Shape {
    Point,
    LineString,
    MultiLineString,
    Polygon,
    MultiPolygon,
}

impl Shape {
    /// Its name in `GeoJSON`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Point => "Point",
            Self::LineString => "LineString",
            Self::MultiLineString => "MultiLineString",
            Self::Polygon => "Polygon",
            Self::MultiPolygon => "MultiPolygon",
        }
    }
}

/// Reads a geometry, degrees of EPSG:4490, snapped to 1e-8°. Heights are left out.
///
/// # Errors
/// A problem that names the pointer of the bad part: an unknown or unsuitable type, coordinates that are no
/// numbers, out of range or swapped, rings that are too short or open.
pub fn geometry(value: &Value, shapes: &[Shape], lat_first: bool) -> Result<Geometry, Problem> {
    let given = value.get("type").and_then(Value::as_str).unwrap_or_default();
    let shape = shapes.iter().find(|s| s.name() == given).ok_or_else(|| unsuitable(value, shapes))?;
    let coordinates = value.get("coordinates").unwrap_or(&Value::Null);
    let read = Reader { lat_first };
    let at = "/geometry/coordinates";
    Ok(match shape {
        Shape::Point => Point::from(read.position(coordinates, at)?).into(),
        Shape::LineString => read.line(coordinates, at)?.into(),
        Shape::MultiLineString => MultiLineString::new(list(coordinates, at, |v, p| read.line(v, p))?).into(),
        Shape::Polygon => read.polygon(coordinates, at)?.into(),
        Shape::MultiPolygon => MultiPolygon::new(list(coordinates, at, |v, p| read.polygon(v, p))?).into(),
    })
}

/// The same geometry with the two axes exchanged.
#[must_use]
pub fn turned(geometry: &Value) -> Value {
    fn turn(value: &mut Value) {
        let Some(list) = value.as_array_mut() else { return };
        if list.len() >= 2 && list[0].is_number() && list[1].is_number() {
            list.swap(0, 1);
        } else {
            list.iter_mut().for_each(turn);
        }
    }
    let mut geometry = geometry.clone();
    if let Some(coordinates) = geometry.get_mut("coordinates") {
        turn(coordinates);
    }
    geometry
}

fn unsuitable(value: &Value, shapes: &[Shape]) -> Problem {
    let wanted: Vec<&str> = shapes.iter().map(|s| s.name()).collect();
    let given = value.get("type").map_or_else(|| "(无)".to_owned(), Value::to_string);
    if wanted.is_empty() {
        return Problem::bad_field(
            "/geometry",
            "这一层没有图形,geometry 应为 null。",
            "This layer has no geometry; geometry must be null.",
        );
    }
    Problem::bad_field(
        "/geometry/type",
        format!("图形类型 {given} 不合这一层,应为 {}。", wanted.join(" 或 ")),
        format!("A geometry of type {given} does not suit this layer; it takes {}.", wanted.join(" or ")),
    )
}

fn list<T>(value: &Value, at: &str, each: impl Fn(&Value, &str) -> Result<T, Problem>) -> Result<Vec<T>, Problem> {
    let list = value.as_array().filter(|l| !l.is_empty()).ok_or_else(|| {
        Problem::bad_field(at, format!("{at} 应为非空数组。"), format!("{at} must be an array that is not empty."))
    })?;
    list.iter().enumerate().map(|(k, v)| each(v, &format!("{at}/{k}"))).collect()
}

struct Reader {
    lat_first: bool,
}

impl Reader {
    fn position(&self, value: &Value, at: &str) -> Result<Coord<f64>, Problem> {
        let order = if self.lat_first { "[纬度, 经度]" } else { "[经度, 纬度]" };
        let bad = || {
            Problem::bad_field(
                at,
                format!("坐标 {value} 应为 {order} 两个有限的数,单位度。"),
                format!("The position {value} must be two finite numbers in degrees, {order}."),
            )
        };
        let list = value.as_array().filter(|l| (2..=3).contains(&l.len())).ok_or_else(bad)?;
        let numbers: Vec<f64> = list.iter().map(|n| n.as_f64().ok_or_else(bad)).collect::<Result<_, _>>()?;
        let (lon, lat) = if self.lat_first { (numbers[1], numbers[0]) } else { (numbers[0], numbers[1]) };
        LonLat::new(lon, lat).map(Into::into).map_err(|e| match e {
            LonLatError::NotFinite { .. } => bad(),
            LonLatError::LooksSwapped { .. } => swapped(value, at, order),
            LonLatError::OutOfRange { axis, value: degrees } => Problem::bad_field(
                at,
                format!("坐标 {value} 的 {axis} = {degrees} 超出范围;应为 {order},单位度。"),
                format!("The position {value} has {axis} = {degrees}, which is out of range; give {order} in degrees."),
            ),
        })
    }

    fn line(&self, value: &Value, at: &str) -> Result<LineString, Problem> {
        let line = list(value, at, |v, p| self.position(v, p))?;
        if line.len() < 2 || line.iter().all(|c| *c == line[0]) {
            return Err(Problem::bad_field(
                at,
                format!("{at} 有 {} 个点,线至少要两个不同的点。", line.len()),
                format!("{at} has {} positions; a line needs two different ones.", line.len()),
            ));
        }
        Ok(LineString::new(line))
    }

    fn polygon(&self, value: &Value, at: &str) -> Result<Polygon, Problem> {
        let mut rings = list(value, at, |v, p| self.ring(v, p))?.into_iter();
        let outer = rings.next().unwrap_or_else(|| LineString::new(Vec::new()));
        Ok(Polygon::new(outer, rings.collect()))
    }

    fn ring(&self, value: &Value, at: &str) -> Result<LineString, Problem> {
        let ring = list(value, at, |v, p| self.position(v, p))?;
        if ring.len() < 4 || ring.first() != ring.last() {
            return Err(Problem::bad_field(
                at,
                format!("{at} 有 {} 个点;面的每个环至少 4 个点,首尾须相同。", ring.len()),
                format!("{at} has {} positions; a ring needs at least 4, the first and the last the same.", ring.len()),
            ));
        }
        Ok(LineString::new(ring))
    }
}

fn swapped(value: &Value, at: &str, order: &str) -> Problem {
    let mut problem = Problem::bad_field(
        at,
        format!("坐标 {value} 像是写反了:应为 {order};若坐标本是另一顺序,请以 Content-Crs 请求头说明。"),
        format!(
            "The position {value} looks swapped: it must be {order}; if the axes are meant so, say it by Content-Crs."
        ),
    );
    problem.slug = "looks-swapped";
    problem
}

/// A geometry that breaks the rules of Simple Features, told by `PostGIS`.
#[must_use]
pub fn invalid(reason: &str, place: Option<(f64, f64)>) -> Problem {
    let where_zh = place.map(|(x, y)| format!(",在经度 {x:.6}、纬度 {y:.6} 处")).unwrap_or_default();
    let where_en = place.map(|(x, y)| format!(" at {x:.6}, {y:.6}")).unwrap_or_default();
    let zh = match reason {
        r if r.starts_with("Self-intersection") || r.starts_with("Ring Self-intersection") => "边界自相交",
        r if r.starts_with("Hole lies outside") => "洞在外环之外",
        r if r.starts_with("Too few points") => "点数不足",
        r if r.starts_with("Nested") || r.starts_with("Duplicate") => "各部分互相重叠",
        _ => "图形不合规",
    };
    let mut problem = Problem::bad_field(
        "/geometry",
        format!("{zh}{where_zh}({reason});请改正图形后再提交。"),
        format!("{reason}{where_en}; mend the geometry and send it again."),
    );
    problem.kind = ProblemKind::Unprocessable;
    problem.slug = "invalid-geometry";
    problem
}

/// A geometry outside the county.
#[must_use]
pub fn outside(metres: f64) -> Problem {
    let km = metres / 1000.0;
    let mut problem = Problem::bad_field(
        "/geometry",
        format!("图形在县域之外,最远处距县界 {km:.1} 公里;请核对坐标和坐标系。"),
        format!(
            "The geometry lies outside the county, {km:.1} km at the farthest; check the coordinates and their system."
        ),
    );
    problem.kind = ProblemKind::Unprocessable;
    problem.slug = "outside-county";
    problem.with_extra("distance_m", metres.round())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_fault_names_its_place() {
        let all = [Shape::Point, Shape::LineString, Shape::Polygon, Shape::MultiPolygon];
        let ring = |last: Value| json!({"type": "Polygon", "coordinates": [[[117.0, 25.0], [117.1, 25.0], [117.1, 25.1], last]]});
        for (value, pointer) in [
            (json!({"type": "Circle"}), "/geometry/type"),
            (json!({"type": "MultiPoint", "coordinates": [[117.0, 25.0]]}), "/geometry/type"),
            (json!({"type": "Point"}), "/geometry/coordinates"),
            (json!({"type": "Point", "coordinates": [117.0]}), "/geometry/coordinates"),
            (json!({"type": "Point", "coordinates": ["NaN", 25.0]}), "/geometry/coordinates"),
            (json!({"type": "Point", "coordinates": [25.0, 117.0]}), "/geometry/coordinates"),
            (json!({"type": "Point", "coordinates": [617.0, 25.0]}), "/geometry/coordinates"),
            (json!({"type": "LineString", "coordinates": [[117.0, 25.0], [117.0, 25.0]]}), "/geometry/coordinates"),
            (json!({"type": "LineString", "coordinates": [[117.0, 25.0], [117.0, null]]}), "/geometry/coordinates/1"),
            (ring(json!([117.0, 25.2])), "/geometry/coordinates/0"),
            (json!({"type": "MultiPolygon", "coordinates": [[[[117.0, 25.0]]]]}), "/geometry/coordinates/0/0"),
        ] {
            let problem = geometry(&value, &all, false).expect_err("a fault");
            assert_eq!(problem.fields[0].pointer, pointer, "{value} {problem}");
        }
        let closed = geometry(&ring(json!([117.0, 25.0])), &all, false).expect("a polygon");
        let turned = geometry(&turned(&ring(json!([117.0, 25.0]))), &all, true).expect("a polygon");
        assert_eq!(closed, turned);
    }
}
