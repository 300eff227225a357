//! A plain grid of values and the plane the county is drawn on.
//!
//! Cells are counted from the north-west corner: `x` to the east, `y` to the south. Plane
//! coordinates are metres in the same directions, with the origin at that corner.

/// A dense grid of values, row after row.
#[derive(Debug, Clone, PartialEq)]
pub struct Raster<T> {
    /// Cells from west to east.
    pub width: usize,
    /// Cells from north to south.
    pub height: usize,
    /// The values, `height` rows of `width`.
    pub data: Vec<T>,
}

/// The eight neighbours as (dx, dy); the first four share an edge.
pub const NEIGHBOURS: [(i32, i32); 8] = [(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1), (-1, -1), (1, -1)];

impl<T: Copy> Raster<T> {
    /// A grid filled with one value.
    #[must_use]
    pub fn filled(width: usize, height: usize, value: T) -> Self {
        Self { width, height, data: vec![value; width * height] }
    }

    /// The value at a cell, or `None` outside the grid.
    #[must_use]
    pub fn get(&self, x: i32, y: i32) -> Option<T> {
        self.index(x, y).map(|i| self.data[i])
    }

    /// The index of a cell, or `None` outside the grid.
    #[must_use]
    pub fn index(&self, x: i32, y: i32) -> Option<usize> {
        (x >= 0 && y >= 0 && (x as usize) < self.width && (y as usize) < self.height)
            .then(|| y as usize * self.width + x as usize)
    }

    /// The value of the cell nearest to a place given in cells, clamped to the grid.
    #[must_use]
    pub fn clamped(&self, x: i32, y: i32) -> T {
        let x = x.clamp(0, self.width as i32 - 1) as usize;
        let y = y.clamp(0, self.height as i32 - 1) as usize;
        self.data[y * self.width + x]
    }

    /// The cell of an index.
    #[must_use]
    pub fn cell(&self, index: usize) -> (i32, i32) {
        ((index % self.width) as i32, (index / self.width) as i32)
    }

    /// Calls `f(neighbour index, distance in cells)` for each of the neighbours inside the grid.
    pub fn for_neighbours(&self, index: usize, mut f: impl FnMut(usize, f32)) {
        let (x, y) = self.cell(index);
        for (k, (dx, dy)) in NEIGHBOURS.iter().enumerate() {
            if let Some(j) = self.index(x + dx, y + dy) {
                f(j, if k < 4 { 1.0 } else { std::f32::consts::SQRT_2 });
            }
        }
    }
}

impl Raster<f32> {
    /// Bilinear value at a place in cells, where (0.5, 0.5) is the middle of the first cell.
    #[must_use]
    pub fn bilinear(&self, x: f32, y: f32) -> f32 {
        let (gx, gy) = (x - 0.5, y - 0.5);
        let (x0, y0) = (gx.floor(), gy.floor());
        let (fx, fy) = (gx - x0, gy - y0);
        let (x0, y0) = (x0 as i32, y0 as i32);
        let top = self.clamped(x0, y0) * (1.0 - fx) + self.clamped(x0 + 1, y0) * fx;
        let low = self.clamped(x0, y0 + 1) * (1.0 - fx) + self.clamped(x0 + 1, y0 + 1) * fx;
        top * (1.0 - fy) + low * fy
    }

    /// Slope in rise over run at each cell, by central differences.
    #[must_use]
    pub fn slope(&self, cell_m: f32) -> Raster<f32> {
        let mut out = Raster::filled(self.width, self.height, 0.0);
        for i in 0..self.data.len() {
            let (x, y) = self.cell(i);
            let gx = (self.clamped(x + 1, y) - self.clamped(x - 1, y)) / (2.0 * cell_m);
            let gy = (self.clamped(x, y + 1) - self.clamped(x, y - 1)) / (2.0 * cell_m);
            out.data[i] = gx.hypot(gy);
        }
        out
    }
}

/// A place on the county's plane, metres east and south of the north-west corner.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Xy {
    /// Metres to the east.
    pub x: f64,
    /// Metres to the south.
    pub y: f64,
}

impl Xy {
    /// A place from its two distances in metres.
    #[must_use]
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// Straight distance in metres.
    #[must_use]
    pub fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// Longitude and latitude in degrees, EPSG:4490, on the 1e-8° lattice.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LonLat {
    /// Degrees east.
    pub lon: f64,
    /// Degrees north.
    pub lat: f64,
}

/// Where the plane lies on the globe: a local equirectangular frame on the CGCS2000 ellipsoid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    west: f64,
    north: f64,
    m_per_lon: f64,
    m_per_lat: f64,
}

impl Frame {
    /// A frame whose middle stands at a place.
    ///
    /// The metres of a degree are those of the meridian and parallel radii at the middle latitude.
    #[must_use]
    pub fn centred(lon: f64, lat: f64, width_m: f64, height_m: f64) -> Self {
        let (a, f) = (6_378_137.0_f64, 1.0 / 298.257_222_101_f64);
        let e2 = f * (2.0 - f);
        let (sin, cos) = lat.to_radians().sin_cos();
        let w = (1.0 - e2 * sin * sin).sqrt();
        let m_per_lon = (a / w * cos).to_radians();
        let m_per_lat = (a * (1.0 - e2) / w.powi(3)).to_radians();
        Self { west: lon - width_m / 2.0 / m_per_lon, north: lat + height_m / 2.0 / m_per_lat, m_per_lon, m_per_lat }
    }

    /// The snapped longitude and latitude of a place on the plane.
    #[must_use]
    pub fn lonlat(&self, p: Xy) -> LonLat {
        let snap = |v: f64| (v * 1e8).round() / 1e8;
        LonLat { lon: snap(self.west + p.x / self.m_per_lon), lat: snap(self.north - p.y / self.m_per_lat) }
    }

    /// The place on the plane of a longitude and latitude.
    #[must_use]
    pub fn xy(&self, p: LonLat) -> Xy {
        Xy::new((p.lon - self.west) * self.m_per_lon, (self.north - p.lat) * self.m_per_lat)
    }
}

impl Frame {
    /// The north-west corner and the degrees of a cell so many metres wide, east and south.
    #[must_use]
    pub fn cells(&self, cell_m: f64) -> (LonLat, (f64, f64)) {
        (LonLat { lon: self.west, lat: self.north }, (cell_m / self.m_per_lon, cell_m / self.m_per_lat))
    }
}
