//! Elevation as raster tiles for hillshade: PNG in the Terrarium encoding, 256 pixels square.

use std::io;

use crate::geo::TileId;

/// Pixels along a tile's side.
pub const TILE_PIXELS: u32 = 256;
/// Zooms worth asking for: below, the county is a few pixels; above, a cell is many.
pub const ZOOMS: (u8, u8) = (6, 12);
/// Marks a cell without data.
pub const NO_DATA: i16 = i16::MIN;

/// Heights on a regular grid of EPSG:4490 degrees, with coarser grids made from it for low zooms.
#[derive(Debug, Clone)]
pub struct Elevation {
    /// Finest first; each next has cells twice as wide and high.
    levels: Vec<Heights>,
}

#[derive(Debug, Clone)]
struct Heights {
    west: f64,
    north: f64,
    cell: (f64, f64),
    columns: usize,
    rows: usize,
    /// Metres above sea level, row-major from the north-west.
    metres: Vec<f32>,
}

impl Elevation {
    /// From cells in rows from the north-west corner, metres above sea level; `corner` is the outer edge of
    /// the first cell (west, north) and `cell` its size (degrees). `None` unless there are `columns` × n.
    #[must_use]
    pub fn new(corner: (f64, f64), cell: (f64, f64), columns: usize, metres: &[i16]) -> Option<Self> {
        if columns == 0 || metres.is_empty() || !metres.len().is_multiple_of(columns) {
            return None;
        }
        let finest = Heights {
            west: corner.0,
            north: corner.1,
            cell,
            columns,
            rows: metres.len() / columns,
            metres: metres.iter().map(|&m| if m == NO_DATA { f32::NAN } else { f32::from(m) }).collect(),
        };
        let mut levels = vec![finest];
        while let Some(last) = levels.last().filter(|l| l.columns > 1 && l.rows > 1) {
            let coarser = last.halved();
            levels.push(coarser);
        }
        Some(Self { levels })
    }

    /// West, south, east, north, degrees.
    #[must_use]
    pub fn bounds(&self) -> [f64; 4] {
        let finest = &self.levels[0];
        let (width, height) = (finest.columns as f64 * finest.cell.0, finest.rows as f64 * finest.cell.1);
        [finest.west, finest.north - height, finest.west + width, finest.north]
    }

    /// The tile as a PNG, or `None` when it lies wholly outside. Beyond the edge of the data, and where there
    /// are none, heights go on as they last were, so that no cliff is drawn.
    ///
    /// A pixel's height is `red * 256 + green + blue / 256 - 32768` metres (Mapzen's Terrarium encoding).
    ///
    /// # Errors
    /// When the PNG cannot be written.
    pub fn terrarium(&self, tile: TileId) -> Result<Option<Vec<u8>>, io::Error> {
        let area = tile.bbox(0.0);
        let [west, south, east, north] = self.bounds();
        if area.max().x <= west || area.min().x >= east || area.max().y <= south || area.min().y >= north {
            return Ok(None);
        }
        let level = self.level_for((area.max().x - area.min().x) / f64::from(TILE_PIXELS));
        let mut pixels = Vec::with_capacity((TILE_PIXELS * TILE_PIXELS * 3) as usize);
        let mut known = 0.0;
        for row in 0..TILE_PIXELS {
            let lat = latitude(tile, (f64::from(row) + 0.5) / f64::from(TILE_PIXELS));
            for column in 0..TILE_PIXELS {
                let along = (f64::from(column) + 0.5) / f64::from(TILE_PIXELS);
                let height = level.at(area.min().x + (area.max().x - area.min().x) * along, lat).unwrap_or(known);
                known = height;
                // Sixteenths of a metre: finer steps only make larger files.
                let sixteenths = ((height + 32_768.0) * 16.0).round() as u32;
                pixels.extend([(sixteenths >> 12) as u8, (sixteenths >> 4) as u8, (sixteenths << 4) as u8]);
            }
        }
        png(&pixels).map(Some)
    }

    /// The level whose cells are about as wide as a pixel.
    fn level_for(&self, pixel_degrees: f64) -> &Heights {
        let fine_enough = |l: &&Heights| l.cell.0 <= pixel_degrees * 1.5;
        self.levels.iter().rev().find(fine_enough).unwrap_or(&self.levels[0])
    }
}

impl Heights {
    /// The mean of each two by two cells.
    fn halved(&self) -> Self {
        let (columns, rows) = (self.columns.div_ceil(2), self.rows.div_ceil(2));
        let mean = |row: usize, column: usize| {
            let cells = (row * 2..(row * 2 + 2).min(self.rows))
                .flat_map(|r| (column * 2..(column * 2 + 2).min(self.columns)).map(move |c| r * self.columns + c));
            let (sum, n) =
                cells.map(|i| self.metres[i]).filter(|m| !m.is_nan()).fold((0.0, 0.0), |(s, n), m| (s + m, n + 1.0));
            // 0 / 0 is NaN: no data there either.
            sum / n
        };
        let metres = (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))).map(|(r, c)| mean(r, c)).collect();
        Self { cell: (self.cell.0 * 2.0, self.cell.1 * 2.0), columns, rows, metres, ..*self }
    }

    /// Between the four nearest cells' middles, weighted by distance over those that have data.
    fn at(&self, lon: f64, lat: f64) -> Option<f32> {
        let x = ((lon - self.west) / self.cell.0 - 0.5).clamp(0.0, (self.columns - 1) as f64);
        let y = ((self.north - lat) / self.cell.1 - 0.5).clamp(0.0, (self.rows - 1) as f64);
        let (column, row) = (x as usize, y as usize);
        let (fx, fy) = ((x - column as f64) as f32, (y - row as f64) as f32);
        let (next_column, next_row) = ((column + 1).min(self.columns - 1), (row + 1).min(self.rows - 1));
        let corners = [
            (row, column, (1.0 - fx) * (1.0 - fy)),
            (row, next_column, fx * (1.0 - fy)),
            (next_row, column, (1.0 - fx) * fy),
            (next_row, next_column, fx * fy),
        ];
        let (mut sum, mut weights) = (0.0, 0.0);
        for (r, c, weight) in corners {
            let metres = self.metres[r * self.columns + c];
            if !metres.is_nan() {
                sum += metres * weight;
                weights += weight;
            }
        }
        (weights > 0.0).then(|| sum / weights)
    }
}

/// Degrees north of a line across a tile, `down` of its height below its upper edge.
fn latitude(tile: TileId, down: f64) -> f64 {
    let across = (f64::from(tile.y()) + down) / f64::from(1_u32 << tile.z());
    (std::f64::consts::PI * (1.0 - 2.0 * across)).sinh().atan().to_degrees()
}

fn png(rgb: &[u8]) -> Result<Vec<u8>, io::Error> {
    let mut bytes = Vec::with_capacity(rgb.len() / 3);
    let mut encoder = png::Encoder::new(&mut bytes, TILE_PIXELS, TILE_PIXELS);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    encoder.write_header()?.write_image_data(rgb)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn height(pixels: &[u8], column: usize, row: usize) -> f64 {
        let at = (row * TILE_PIXELS as usize + column) * 3;
        f64::from(pixels[at]) * 256.0 + f64::from(pixels[at + 1]) + f64::from(pixels[at + 2]) / 256.0 - 32_768.0
    }

    fn decoded(bytes: &[u8]) -> Vec<u8> {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("small")];
        reader.next_frame(&mut pixels).expect("an image");
        pixels
    }

    /// A slope that rises eastwards by 1 m a cell and falls southwards by 2 m.
    fn slope(columns: usize, rows: usize) -> Elevation {
        let metres: Vec<i16> =
            (0..rows).flat_map(|r| (0..columns).map(move |c| 1000 + c as i16 - 2 * r as i16)).collect();
        Elevation::new((110.0, 30.0), (0.001, 0.001), columns, &metres).expect("whole rows")
    }

    #[test]
    fn a_plane_stays_a_plane_at_every_zoom() {
        let elevation = slope(500, 400);
        for z in ZOOMS.0..=ZOOMS.1 + 2 {
            let tile = TileId::containing(z, 110.25, 29.8);
            let pixels = decoded(&elevation.terrarium(tile).expect("written").expect("inside"));
            let area = tile.bbox(0.0);
            for row in (0..256).step_by(17) {
                let lat = latitude(tile, (row as f64 + 0.5) / 256.0);
                for column in (0..256).step_by(13) {
                    let lon = area.min().x + (area.max().x - area.min().x) * (column as f64 + 0.5) / 256.0;
                    if (110.1..110.4).contains(&lon) && (29.7..29.9).contains(&lat) {
                        let expected = 1000.0 + (lon - 110.0) / 0.001 - 0.5 - 2.0 * ((30.0 - lat) / 0.001 - 0.5);
                        let found = height(&pixels, column, row);
                        assert!((found - expected).abs() < 0.1, "z{z} {lon} {lat}: {found} for {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_is_outside_and_holes_are_bridged() {
        let elevation = slope(50, 40);
        let beside = TileId::containing(12, 112.0, 29.98);
        assert!(elevation.terrarium(beside).expect("written").is_none());

        let mut metres = vec![700; 2000];
        metres[500..520].fill(NO_DATA);
        let holed = Elevation::new((110.0, 30.0), (0.001, 0.001), 50, &metres).expect("whole rows");
        let pixels = decoded(&holed.terrarium(TileId::containing(12, 110.02, 29.98)).expect("written").expect("in"));
        let heights = (0..256).flat_map(|r| (0..256).map(move |c| (c, r))).map(|(c, r)| height(&pixels, c, r));
        assert!(heights.into_iter().all(|h| (h - 700.0).abs() < f64::EPSILON));
        assert!(Elevation::new((0.0, 0.0), (1.0, 1.0), 3, &[1, 2]).is_none());
    }

    #[test]
    fn the_unit_square_and_latitudes_agree() {
        let tile = TileId::containing(10, 110.0, 30.0);
        let v = crate::geo::tile::project(0.0, latitude(tile, 0.25)).1 * 1024.0;
        assert!((v - f64::from(tile.y()) - 0.25).abs() < 1e-9);
    }
}
