//! From a point to its grid or village, in a few hundred nanoseconds.
//!
//! A raster over the county notes for each cell which areas meet it and which of them cover it wholly. A
//! point in a cell that one area covers is answered by the cell alone; elsewhere the few areas that meet
//! the cell are tested exactly.

use std::sync::Arc;

use geo::{BoundingRect, Coord, Intersects, LinesIter, Rect};

use super::LayerStore;
use crate::domain::Feature;
use crate::geo::{Geometry, LonLat};

/// Cells along the longer side of the raster over a county.
const CELLS: usize = 1024;

/// Which areas a point lies in, such as grids or villages.
#[derive(Debug)]
pub struct AreaIndex {
    /// In the order in which they answer.
    areas: Vec<Arc<Feature>>,
    origin: Coord<f64>,
    step: f64,
    columns: usize,
    rows: usize,
    /// Where each cell's candidates begin in `candidates`, and at the end their number.
    starts: Vec<u32>,
    /// Area number, and whether the area covers the cell wholly; in the order of the areas.
    candidates: Vec<(u32, bool)>,
}

impl AreaIndex {
    /// Over areas in the order in which they answer; those without a shape are left out.
    #[must_use]
    pub fn build(areas: Vec<Arc<Feature>>) -> Self {
        Self::with_cells(areas, CELLS)
    }

    /// The same with so many cells along the longer side of the raster: fewer are sooner made.
    #[must_use]
    pub fn with_cells(mut areas: Vec<Arc<Feature>>, cells: usize) -> Self {
        areas.retain(|f| f.geometry.is_some());
        let bounds = areas.iter().filter_map(|f| f.geometry.as_ref()?.bounding_rect()).reduce(join);
        let bounds = bounds.unwrap_or_else(|| Rect::new((0.0, 0.0), (1.0, 1.0)));
        let step = (bounds.width().max(bounds.height()) / cells as f64).max(1e-7);
        let columns = (bounds.width() / step) as usize + 1;
        let rows = (bounds.height() / step) as usize + 1;
        let mut index =
            Self { areas, origin: bounds.min(), step, columns, rows, starts: Vec::new(), candidates: Vec::new() };
        index.fill();
        index
    }

    /// Over grids: a dedicated one answers before the general one it lies over; of two that share the boundary
    /// the point lies on, the one with the lower id.
    #[must_use]
    pub fn of_grids(grids: &LayerStore) -> Self {
        let kind = grids.schema().position("kind");
        let is_general = |f: &Feature| kind.and_then(|at| f.values[at].as_text()) != Some("dedicated");
        let mut areas: Vec<Arc<Feature>> = grids.iter().cloned().collect();
        areas.sort_by_key(|f| (is_general(f), f.id));
        Self::build(areas)
    }

    /// The area a point is answered by.
    #[must_use]
    pub fn locate(&self, at: LonLat) -> Option<&Arc<Feature>> {
        self.all_at(at).next()
    }

    /// All areas a point lies in, the one that answers first.
    pub fn all_at(&self, at: LonLat) -> impl Iterator<Item = &Arc<Feature>> {
        let point = Coord::from(at);
        let (x, y) = ((point.x - self.origin.x) / self.step, (point.y - self.origin.y) / self.step);
        let inside = x >= 0.0 && y >= 0.0 && (x as usize) < self.columns && (y as usize) < self.rows;
        let range = if inside {
            let cell = y as usize * self.columns + x as usize;
            self.starts[cell] as usize..self.starts[cell + 1] as usize
        } else {
            0..0
        };
        self.candidates[range].iter().filter_map(move |&(number, whole)| {
            let area = &self.areas[number as usize];
            (whole || area.geometry.as_ref().is_some_and(|g| covers(g, point))).then_some(area)
        })
    }

    fn fill(&mut self) {
        let mut entries: Vec<(u32, u32, bool)> = Vec::new();
        for number in 0..self.areas.len() {
            self.rasterise(number, &mut entries);
        }
        entries.sort_unstable();
        self.starts = vec![0; self.columns * self.rows + 1];
        for &(cell, ..) in &entries {
            self.starts[cell as usize + 1] += 1;
        }
        for cell in 0..self.columns * self.rows {
            self.starts[cell + 1] += self.starts[cell];
        }
        self.candidates = entries.into_iter().map(|(_, number, whole)| (number, whole)).collect();
    }

    /// Cells an edge may pass are tested later; of the others the centre decides.
    fn rasterise(&self, number: usize, entries: &mut Vec<(u32, u32, bool)>) {
        let Some(geometry) = &self.areas[number].geometry else { return };
        let Some(bounds) = geometry.bounding_rect() else { return };
        let (west, south) = self.cell(bounds.min());
        let (east, north) = self.cell(bounds.max());
        let width = east - west + 1;
        let mut edge = vec![false; width * (north - south + 1)];
        for line in lines(geometry) {
            let pieces = (line.dx().abs().max(line.dy().abs()) / self.step).ceil().max(1.0);
            for k in 0..pieces as usize {
                let along = |t: f64| line.start + (line.end - line.start) * (t / pieces);
                // The box of a piece, a little widened: division rounds.
                let piece = Rect::new(along(k as f64), along((k + 1) as f64));
                let slack = Coord { x: self.step * 1e-6, y: self.step * 1e-6 };
                let (from, to) = (self.cell(piece.min() - slack), self.cell(piece.max() + slack));
                for row in from.1.max(south)..=to.1.min(north) {
                    for column in from.0.max(west)..=to.0.min(east) {
                        edge[(row - south) * width + column - west] = true;
                    }
                }
            }
        }
        for row in south..=north {
            // No edge passes between neighbours that are both off the edge: one answers for the other.
            let mut is_inside = None;
            for column in west..=east {
                let on_edge = edge[(row - south) * width + column - west];
                if on_edge {
                    is_inside = None;
                } else {
                    is_inside = is_inside.or_else(|| {
                        let centre = Coord { x: column as f64 + 0.5, y: row as f64 + 0.5 } * self.step;
                        Some(covers(geometry, self.origin + centre))
                    });
                }
                if is_inside.unwrap_or(true) {
                    entries.push(((row * self.columns + column) as u32, number as u32, !on_edge));
                }
            }
        }
    }

    fn cell(&self, at: Coord<f64>) -> (usize, usize) {
        let along = |v: f64, last: usize| ((v / self.step).max(0.0) as usize).min(last);
        (along(at.x - self.origin.x, self.columns - 1), along(at.y - self.origin.y, self.rows - 1))
    }
}

/// Whether a geometry covers a point, its boundary included.
#[must_use]
pub fn covers(geometry: &Geometry, at: Coord<f64>) -> bool {
    match geometry {
        Geometry::MultiPolygon(areas) => areas.intersects(&at),
        Geometry::Polygon(area) => area.intersects(&at),
        _ => false,
    }
}

fn lines(geometry: &Geometry) -> Vec<geo::Line<f64>> {
    match geometry {
        Geometry::MultiPolygon(areas) => areas.lines_iter().collect(),
        Geometry::Polygon(area) => area.lines_iter().collect(),
        _ => Vec::new(),
    }
}

fn join(a: Rect<f64>, b: Rect<f64>) -> Rect<f64> {
    Rect::new(
        (a.min().x.min(b.min().x), a.min().y.min(b.min().y)),
        (a.max().x.max(b.max().x), a.max().y.max(b.max().y)),
    )
}
