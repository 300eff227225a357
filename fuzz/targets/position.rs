//! Positions in the systems they come in.
#![no_main]

use yitu::geo::{Crs, TileId};
use yitu::service::spatial::position;

libfuzzer_sys::fuzz_target!(|input: (f64, f64, u8)| {
    let (lon, lat, system) = input;
    let crs = [Crs::Cgcs2000, Crs::Wgs84, Crs::Gcj02, Crs::Bd09][usize::from(system % 4)];
    let Ok(place) = position(lon, lat, crs) else { return };
    assert!(place.lon().abs() <= 180.0 && place.lat().abs() <= 90.0);
    let _ = TileId::containing(system % 23, place.lon(), place.lat());
});
