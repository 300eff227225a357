//! The layers, the place and the properties of a tile that is asked for.
#![no_main]

use std::sync::LazyLock;

use yitu::geo::TileId;
use yitu::service::tile::{layers, properties};
use yitu::tiles::config::TileConfigs;

static CONFIGS: LazyLock<TileConfigs> =
    LazyLock::new(|| TileConfigs::load(None, &|_, _, _| None).expect("the built-in settings"));

libfuzzer_sys::fuzz_target!(|input: (&str, &str, u8, u32, u32)| {
    let (list, names, z, x, y) = input;
    if let Some(tile) = TileId::new(z, x, y) {
        let bounds = tile.bbox(0.0);
        assert!(bounds.min().x < bounds.max().x && bounds.min().y < bounds.max().y);
    }
    let Ok(layers) = layers(&CONFIGS, list) else { return };
    let _ = properties(&CONFIGS, &layers, names);
});
