//! A layer's tile settings.
#![no_main]

use yitu::tiles::config::TileConfig;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(config) = TileConfig::parse(text) else { return };
    for z in 0..=22 {
        assert!((0.0..=64.0).contains(&config.tolerance_px(z)) && (0.0..=64.0).contains(&config.min_area_px(z)));
        let _ = config.max_bytes(z);
        let _ = config.attribute_mask(z);
    }
    let _ = config.personal_mask();
    let _ = config.against(text, ["name"]);
    let _ = config.filters().count();
});
