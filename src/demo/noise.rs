//! Gradient noise on the plane, the same on every machine for the same seed.

/// A seeded field of gradient noise.
#[derive(Debug, Clone, Copy)]
pub struct Noise {
    seed: u32,
}

impl Noise {
    /// A field for a seed and a purpose, so that two fields of one county are independent.
    #[must_use]
    pub fn new(seed: u64, purpose: u32) -> Self {
        Self { seed: hash(seed as u32 ^ hash((seed >> 32) as u32 ^ hash(purpose))) }
    }

    /// Noise in about −1..1 with features about one unit wide (Perlin's gradient noise with the
    /// quintic fade of "Improving Noise", 2002).
    #[must_use]
    pub fn at(&self, x: f32, y: f32) -> f32 {
        let (x0, y0) = (x.floor(), y.floor());
        let (fx, fy) = (x - x0, y - y0);
        let (ix, iy) = (x0 as i32, y0 as i32);
        let fade = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
        let (u, v) = (fade(fx), fade(fy));
        let corner = |dx: i32, dy: i32| {
            let h = hash(self.seed ^ hash((ix + dx) as u32 ^ hash((iy + dy) as u32)));
            let angle = (h >> 8) as f32 * (std::f32::consts::TAU / 16_777_216.0);
            let (sin, cos) = angle.sin_cos();
            cos * (fx - dx as f32) + sin * (fy - dy as f32)
        };
        let top = corner(0, 0) * (1.0 - u) + corner(1, 0) * u;
        let low = corner(0, 1) * (1.0 - u) + corner(1, 1) * u;
        (top * (1.0 - v) + low * v) * std::f32::consts::SQRT_2
    }

    /// A sum of octaves, each twice as fine and half as strong.
    #[must_use]
    pub fn fbm(&self, x: f32, y: f32, octaves: u32) -> f32 {
        let (mut sum, mut amplitude, mut scale) = (0.0, 0.5, 1.0);
        for octave in 0..octaves {
            // A shift per octave keeps the lattice points of the octaves apart.
            let shift = octave as f32 * 17.31;
            sum += amplitude * self.at(x * scale + shift, y * scale - shift);
            amplitude *= 0.5;
            scale *= 2.03;
        }
        sum
    }
}

/// A 32-bit integer hash with full avalanche ("lowbias32", Wellons 2018).
#[must_use]
pub fn hash(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}
