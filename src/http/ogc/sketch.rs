//! A small drawing of the features on a page, as SVG: nothing is fetched for it.

use std::fmt::Write;

use serde_json::Value;

const WIDTH: f64 = 720.0;
const TALLEST: f64 = 420.0;
/// Around the drawing, pixels.
const RIM: f64 = 14.0;
/// Positions nearer than this to the one before are left out, pixels.
const STEP: f64 = 0.6;

/// A picture of the features' geometries; nothing where they have none.
pub fn sketch(features: &[&Value], lat_first: bool, label: &str) -> String {
    let mut all = Vec::new();
    for feature in features {
        positions(&feature["geometry"]["coordinates"], lat_first, &mut all);
    }
    let Some(&first) = all.first() else { return String::new() };
    let (mut low, mut high) = (first, first);
    for &(x, y) in &all {
        low = (low.0.min(x), low.1.min(y));
        high = (high.0.max(x), high.1.max(y));
    }
    let stretch = f64::midpoint(low.1, high.1).to_radians().cos().max(0.01);
    // A single point lies in the middle of a little land.
    let (wide, tall) = (((high.0 - low.0) * stretch).max(1e-4), (high.1 - low.1).max(1e-4));
    let scale = ((WIDTH - 2.0 * RIM) / wide).min((TALLEST - 2.0 * RIM) / tall);
    let height = (tall * scale + 2.0 * RIM).max(120.0);
    let middle = (f64::midpoint(low.0, high.0), f64::midpoint(low.1, high.1));
    let pen = Pen { lat_first, middle, stretch, scale, height };
    let mut shapes = String::new();
    for feature in features {
        pen.draw(&feature["geometry"], &mut shapes);
    }
    format!(
        r#"<svg class="sketch" viewBox="0 0 {WIDTH} {height:.0}" role="img" aria-label="{}">{shapes}</svg>"#,
        super::page::escaped(label)
    )
}

fn positions(coordinates: &Value, lat_first: bool, found: &mut Vec<(f64, f64)>) {
    let Some(list) = coordinates.as_array() else { return };
    match position(list, lat_first) {
        Some(at) => found.push(at),
        None => list.iter().for_each(|part| positions(part, lat_first, found)),
    }
}

fn position(list: &[Value], lat_first: bool) -> Option<(f64, f64)> {
    let (a, b) = (list.first()?.as_f64()?, list.get(1)?.as_f64()?);
    Some(if lat_first { (b, a) } else { (a, b) })
}

struct Pen {
    lat_first: bool,
    middle: (f64, f64),
    stretch: f64,
    scale: f64,
    height: f64,
}

impl Pen {
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let right = (x - self.middle.0) * self.stretch * self.scale;
        (WIDTH / 2.0 + right, self.height / 2.0 - (y - self.middle.1) * self.scale)
    }

    fn draw(&self, geometry: &Value, shapes: &mut String) {
        let kind = geometry["type"].as_str().unwrap_or_default();
        let coordinates = &geometry["coordinates"];
        if kind.ends_with("Point") {
            let mut all = Vec::new();
            positions(coordinates, self.lat_first, &mut all);
            for (x, y) in all.into_iter().map(|at| self.place(at)) {
                let _ = write!(shapes, r#"<circle class="dot" cx="{x:.1}" cy="{y:.1}" r="4"/>"#);
            }
            return;
        }
        let closed = kind.ends_with("Polygon");
        let mut path = String::new();
        self.lines(coordinates, closed, &mut path);
        let class = if closed { "area" } else { "line" };
        let _ = write!(shapes, r#"<path class="{class}" d="{path}"/>"#);
    }

    /// Each innermost list of positions is one line of the path.
    fn lines(&self, coordinates: &Value, closed: bool, path: &mut String) {
        let Some(list) = coordinates.as_array() else { return };
        let line: Vec<(f64, f64)> =
            list.iter().filter_map(|p| position(p.as_array()?, self.lat_first)).map(|at| self.place(at)).collect();
        if line.is_empty() {
            for part in list {
                self.lines(part, closed, path);
            }
            return;
        }
        let mut drawn: Option<(f64, f64)> = None;
        for (k, &(x, y)) in line.iter().enumerate() {
            let near = drawn.is_some_and(|(a, b)| (a - x).abs() < STEP && (b - y).abs() < STEP);
            if near && k + 1 < line.len() {
                continue;
            }
            let _ = write!(path, "{}{x:.1} {y:.1}", if drawn.is_none() { 'M' } else { 'L' });
            drawn = Some((x, y));
        }
        if closed {
            path.push('Z');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shapes_fill_the_picture_whichever_axis_comes_first() {
        let square = json!([[[117.0, 25.0], [117.1, 25.0], [117.1, 25.1], [117.0, 25.1], [117.0, 25.0]]]);
        let area = json!({"geometry": {"type": "Polygon", "coordinates": square}});
        let drawn = sketch(&[&area], false, "<界>");
        assert!(drawn.contains("aria-label=\"&lt;界&gt;\"") && drawn.contains('Z'), "{drawn}");
        let turned = json!([[[25.0, 117.0], [25.0, 117.1], [25.1, 117.1], [25.1, 117.0], [25.0, 117.0]]]);
        let turned = json!({"geometry": {"type": "Polygon", "coordinates": turned}});
        assert_eq!(sketch(&[&turned], true, "<界>"), drawn);
        let point = json!({"geometry": {"type": "Point", "coordinates": [117.0, 25.0]}});
        assert!(sketch(&[&point], false, "").contains(r#"cx="360.0" cy="210.0""#), "{}", sketch(&[&point], false, ""));
        assert_eq!(sketch(&[&json!({"geometry": null})], false, ""), "");
    }
}
