//! Areas that share their edges in the database share them on every tile: between neighbours there is neither a gap nor
//! an overlap that could be seen. Tiles are asked for over HTTP and decoded; the areas are summed by the exact boolean
//! operations of `geo`, in tile units, where all positions of a tile are whole numbers.

use geo::orient::Direction;
use geo::{
    Area, BooleanOps, BoundingRect, Coord, Intersects, Line, LineString, LinesIter, MapCoords, MultiPolygon, Orient,
    Polygon, Rect, unary_union,
};
use geozero::ToGeo;
use geozero::wkb::Wkb;
use sqlx::AssertSqlSafe;
use yitu::geo::TileId;
use yitu::geo::tile::{project, unproject};

use crate::support::mvt::{self, Decoded};
use crate::support::{TestDatabase, TestServer};

/// A gap or an overlap may be this deep, tile units: rounding to the tile's grid moves an edge by half a unit each way.
const DEEPEST: f64 = 1.0;
/// So far from the outer edge of all, which may be simplified, nothing need be drawn, tile units.
const RIM: f64 = 12.0;
/// As wide as this a gap in the database is none.
const HAIR_METRES: f64 = 0.02;
/// Looked at beyond the tile's own square: what lies across its edge is measured whole.
const BESIDE: f64 = 16.0;
/// So many tiles of a zoom are looked at, spread evenly.
const TILES_A_ZOOM: usize = 60;

/// Areas that do not overlap in the database, and how their features are told from others on a tile.
struct Coverage {
    layer: &'static str,
    /// A property and its value.
    which: (&'static str, &'static str),
    /// As the database has them, in the unit square of Web Mercator.
    areas: Vec<(u64, MultiPolygon)>,
}

impl Coverage {
    async fn read(database: &TestDatabase, layer: &'static str, which: (&'static str, &'static str)) -> Self {
        let sql = format!("SELECT id, ST_AsBinary(geom) FROM layer_{layer} WHERE {} = '{}'", which.0, which.1);
        let rows: Vec<(i64, Vec<u8>)> =
            sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&database.databases.migrator).await.unwrap();
        let area = |(id, wkb): (i64, Vec<u8>)| {
            let Ok(geo::Geometry::MultiPolygon(area)) = Wkb(wkb).to_geo() else { panic!("{layer} {id} is no area") };
            (id.unsigned_abs(), area.map_coords(|at| project(at.x, at.y).into()).orient(Direction::Default))
        };
        Self { layer, which, areas: rows.into_iter().map(area).collect() }
    }

    /// Those that meet the buffered tile, in its units.
    fn within(&self, tile: TileId) -> Vec<(u64, MultiPolygon)> {
        let n = f64::from(1_u32 << tile.z());
        let margin = 0.0625;
        let at = |x: f64, y: f64| Coord { x: (f64::from(tile.x()) + x) / n, y: (f64::from(tile.y()) + y) / n };
        let window = Rect::new(at(-margin, -margin), at(1.0 + margin, 1.0 + margin));
        let unit = |c: Coord| Coord {
            x: (c.x * n - f64::from(tile.x())) * 4096.0,
            y: (c.y * n - f64::from(tile.y())) * 4096.0,
        };
        let near = self.areas.iter().filter(|(_, a)| a.bounding_rect().is_some_and(|r| r.intersects(&window)));
        near.map(|(id, area)| (*id, area.map_coords(unit))).collect()
    }
}

/// The square of a tile and so much around it.
fn square(beside: f64) -> MultiPolygon {
    let (low, high) = (-beside, 4096.0 + beside);
    Rect::new(Coord { x: low, y: low }, Coord { x: high, y: high }).to_polygon().into()
}

/// A decoded feature's area: each ring that turns as an exterior does begins a polygon.
fn area(feature: &Decoded) -> MultiPolygon {
    let mut polygons: Vec<(LineString, Vec<LineString>)> = Vec::new();
    for part in &feature.parts {
        let ring: LineString = part.iter().map(|(x, y)| (f64::from(*x), f64::from(*y))).collect();
        let doubled: f64 = ring.lines().map(|l| l.determinant()).sum();
        match polygons.last_mut() {
            Some((_, holes)) if doubled < 0.0 => holes.push(ring),
            _ => polygons.push((ring, Vec::new())),
        }
    }
    MultiPolygon(polygons.into_iter().map(|(exterior, holes)| Polygon::new(exterior, holes)).collect())
}

fn distance(line: &Line, p: Coord) -> f64 {
    let (d, e) = (line.delta(), p - line.start);
    let length = d.x * d.x + d.y * d.y;
    let t = if length == 0.0 { 0.0 } else { ((e.x * d.x + e.y * d.y) / length).clamp(0.0, 1.0) };
    (e.x - t * d.x).hypot(e.y - t * d.y)
}

/// The place of a polygon that is deepest inside it and away from `rim` (by more than [`RIM`], which counts as 0), to a
/// twentieth of a unit, found by halving squares that may still hold a deeper one.
fn deepest(polygon: &Polygon, rim: &[Line]) -> (f64, Coord) {
    let edges: Vec<Line> = polygon.lines_iter().collect();
    let depth = |p: Coord| {
        let crossed = edges.iter().filter(|l| (l.start.y > p.y) != (l.end.y > p.y));
        let west = |l: &&Line| p.x < l.start.x + (p.y - l.start.y) / l.dy() * l.dx();
        let inside = crossed.filter(west).count() % 2 == 1;
        let nearest = edges.iter().map(|l| distance(l, p)).fold(f64::INFINITY, f64::min);
        let from_rim = rim.iter().map(|l| distance(l, p) - RIM).fold(f64::INFINITY, f64::min);
        if inside { nearest.min(from_rim) } else { -nearest }
    };
    let Some(bounds) = polygon.bounding_rect() else { return (0.0, Coord::zero()) };
    let mut best = (0.0, bounds.center());
    let mut open = vec![(bounds.center(), bounds.width().max(bounds.height()) / 2.0)];
    while let Some((at, half)) = open.pop() {
        let here = depth(at);
        if here > best.0 {
            best = (here, at);
        }
        if here + half * std::f64::consts::SQRT_2 > best.0 + 0.05 {
            let step = half / 2.0;
            let corners = [(-step, -step), (-step, step), (step, -step), (step, step)];
            open.extend(corners.map(|(x, y)| (Coord { x: at.x + x, y: at.y + y }, step)));
        }
    }
    best
}

/// The lines that can matter to a polygon.
fn near(rim: &[Line], polygon: &Polygon) -> Vec<Line> {
    let Some(bounds) = polygon.bounding_rect() else { return Vec::new() };
    let reach = Coord { x: 2.0 * RIM, y: 2.0 * RIM };
    let around = Rect::new(bounds.min() - reach, bounds.max() + reach);
    rim.iter().filter(|l| l.bounding_rect().intersects(&around)).copied().collect()
}

/// The deepest fault of one kind.
#[derive(Default)]
struct Worst {
    depth: f64,
    told: String,
}

impl Worst {
    fn look(&mut self, what: &str, faults: &MultiPolygon, rim: &[Line], tile: TileId) {
        for polygon in faults {
            // It is no deeper than half its width.
            if polygon.bounding_rect().is_none_or(|r| r.width().min(r.height()) / 2.0 <= self.depth) {
                continue;
            }
            if deepest(polygon, &[]).0 <= self.depth {
                continue;
            }
            let (depth, at) = deepest(polygon, &near(rim, polygon));
            if depth > self.depth {
                let n = f64::from(1_u32 << tile.z());
                let (u, v) = (f64::from(tile.x()) + at.x / 4096.0, f64::from(tile.y()) + at.y / 4096.0);
                let (lon, lat) = unproject(u / n, v / n);
                let (z, x, y) = (tile.z(), tile.x(), tile.y());
                self.depth = depth;
                self.told = format!(
                    "{what} {depth:.2} units deep at {lon:.6} {lat:.6}, unit {:.1} {:.1} of {z}/{x}/{y}",
                    at.x, at.y
                );
            }
        }
    }
}

/// Looks for gaps and overlaps of what a tile draws beside what the database has.
fn look(drawn: &[(u64, MultiPolygon)], stored: &[(u64, MultiPolygon)], tile: TileId, worst: &mut [Worst; 2]) {
    let window = square(BESIDE);
    let mut whole = unary_union(stored.iter().map(|(_, a)| a)).intersection(&square(256.0));
    // Hairs between neighbours in the database itself, which rounds to millimetres, are no edges of the whole.
    let hair = HAIR_METRES / 40_075_017.0 * f64::from(1_u32 << tile.z()) * 4096.0;
    let width = |ring: &LineString| {
        let length: f64 = ring.lines().map(|l| l.dx().hypot(l.dy())).sum();
        2.0 * Polygon::new(ring.clone(), vec![]).unsigned_area() / length
    };
    for polygon in &mut whole {
        let holes = polygon.interiors().iter().filter(|hole| width(hole) > hair).cloned().collect();
        *polygon = Polygon::new(polygon.exterior().clone(), holes);
    }
    let rim: Vec<Line> = whole.lines_iter().collect();
    let covered = unary_union(drawn.iter().map(|(_, a)| a));
    worst[0].look("gap", &whole.intersection(&window).difference(&covered), &rim, tile);
    let stored_area = |id: u64| stored.iter().find(|(k, _)| *k == id).map(|(_, a)| a);
    for (k, (id, one)) in drawn.iter().enumerate() {
        let Some(box_) = one.bounding_rect() else { continue };
        for (other_id, other) in &drawn[k + 1..] {
            if !other.bounding_rect().is_some_and(|r| r.intersects(&box_)) {
                continue;
            }
            let both = one.intersection(other).intersection(&window);
            if both.unsigned_area() == 0.0 {
                continue;
            }
            let in_the_database = stored_area(*id).zip(stored_area(*other_id)).map(|(a, b)| a.intersection(b));
            if in_the_database.is_none_or(|a| a.unsigned_area() < 1.0) {
                worst[1].look(&format!("overlap of {id} and {other_id}"), &both, &[], tile);
            }
        }
    }
}

/// Asks for the tiles of every zoom; answers what is too deep.
async fn faults(server: &TestServer, coverage: &Coverage) -> Vec<String> {
    let (layer, (property, value)) = (coverage.layer, coverage.which);
    assert!(coverage.areas.len() > 1 || value == "county", "{layer} {value}: {} areas", coverage.areas.len());
    let described = server.get_json(&format!("/tiles/{layer}.json")).await;
    let bounds: Vec<f64> = described["bounds"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
    let zoom = |name: &str| described[name].as_u64().unwrap() as u8;
    let mut told = Vec::new();
    for z in zoom("minzoom")..=zoom("maxzoom") {
        let (low, high) = (TileId::containing(z, bounds[0], bounds[3]), TileId::containing(z, bounds[2], bounds[1]));
        let all: Vec<TileId> = (low.x()..=high.x())
            .flat_map(|x| (low.y()..=high.y()).map(move |y| TileId::new(z, x, y).unwrap()))
            .filter(|t| !coverage.within(*t).is_empty())
            .collect();
        let (mut worst, mut looked_at) = (<[Worst; 2]>::default(), 0);
        for tile in all.iter().step_by(all.len().div_ceil(TILES_A_ZOOM)) {
            let (x, y) = (tile.x(), tile.y());
            let bytes = server.get(&format!("/tiles/{layer}/{z}/{x}/{y}")).await.bytes().await.unwrap();
            let features = mvt::layers(&bytes).into_iter().flat_map(|l| l.features);
            let ours = features.filter(|f| f.properties.get(property).is_some_and(|v| v == value));
            let drawn: Vec<_> = ours.map(|f| (f.id.unwrap(), area(&f))).collect();
            look(&drawn, &coverage.within(*tile), *tile, &mut worst);
            looked_at += 1;
        }
        assert!(looked_at > 0, "{layer} z{z}: no tiles");
        for Worst { depth, told: fault } in worst {
            println!("{layer} {value} z{z}, {looked_at} tiles: {}", if depth > 0.0 { &fault } else { "none" });
            if depth > DEEPEST {
                told.push(format!("{layer} {value}: {fault}"));
            }
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_of_the_demo_county_meet_on_every_tile() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let mut found = Vec::new();
    for (layer, which) in [
        ("grid", ("kind", "general")),
        ("region", ("level", "village")),
        ("region", ("level", "township")),
        ("region", ("level", "county")),
    ] {
        found.extend(faults(&server, &Coverage::read(&database, layer, which).await).await);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Real outlines: islands, bays, and hundreds of municipalities.
#[tokio::test(flavor = "multi_thread")]
async fn neighbours_of_tokyo_meet_on_every_tile() {
    let database = TestDatabase::new().await;
    super::import_tokyo(&database).await;
    let server = TestServer::start(database.yitu().await).await;
    // The county is the union of what was digitised apart: along borders inside it has slits a few centimetres wide, whose
    // sides are no common border. They are simplified each for itself and are not looked at.
    let found = faults(&server, &Coverage::read(&database, "region", ("level", "township")).await).await;
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_gap_and_an_overlap_are_found_and_measured() {
    let strip = |id, west: f64, east: f64| {
        let area = Rect::new(Coord { x: west, y: 0.0 }, Coord { x: east, y: 4096.0 }).to_polygon();
        (id, MultiPolygon::from(area))
    };
    let stored = [strip(1, -500.0, 1000.0), strip(2, 1000.0, 2000.0), strip(3, 2000.0, 5000.0)];
    let drawn = [strip(1, -500.0, 1000.0), strip(2, 1006.0, 2004.0), strip(3, 2000.0, 5000.0)];
    let mut worst = <[Worst; 2]>::default();
    look(&drawn, &stored, TileId::new(10, 800, 400).unwrap(), &mut worst);
    assert!((worst[0].depth - 3.0).abs() < 0.1, "{}", worst[0].told);
    assert!((worst[1].depth - 2.0).abs() < 0.1, "{}", worst[1].told);
    worst = <[Worst; 2]>::default();
    look(&stored, &stored, TileId::new(10, 800, 400).unwrap(), &mut worst);
    assert!(worst.iter().all(|w| w.told.is_empty()), "{} {}", worst[0].told, worst[1].told);
}
