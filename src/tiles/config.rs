//! How each layer is drawn into tiles: one TOML file a layer, built in, overridable by a folder.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::domain::Layer;

/// One layer's settings.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TileConfig {
    /// First zoom with tiles.
    pub minzoom: u8,
    /// Last zoom worth asking for; clients draw closer views from it.
    pub maxzoom: u8,
    /// `point`, `line` or `polygon`: what most of it is.
    pub geometry: String,
    /// `base`, `govern`, `people` or `service`: where the layer list shows it.
    pub group: String,
    /// The properties in tiles.
    pub attributes: Vec<String>,
    /// How far a simplified edge may stray, pixels of a tile 512 wide; none at the last zoom.
    #[serde(default)]
    pub tolerance_px: f64,
    /// Smaller areas are left out before the last zoom, square pixels.
    #[serde(default)]
    pub min_area_px: f64,
    /// Below this zoom points are clusters.
    #[serde(default)]
    pub cluster_below: u8,
    /// Kinds that come later than the layer.
    pub from_zoom: Option<FromZoom>,
}

/// From which zoom features of a kind are in tiles.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FromZoom {
    /// The property that names the kind.
    pub property: String,
    /// The first zoom of a kind; others come with the layer.
    pub values: BTreeMap<String, u8>,
}

/// Settings that cannot be used.
#[derive(Debug, Error)]
#[error("瓦片配置 {file} 有误:{message}")]
pub struct TileConfigError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong.
    pub message: String,
}

/// All layers that have tiles.
#[derive(Debug, Clone, PartialEq)]
pub struct TileConfigs(HashMap<Layer, TileConfig>);

const BUILT_IN: [(Layer, &str); 14] = [
    (Layer::Region, include_str!("../../tiles-config/region.toml")),
    (Layer::VillagerGroup, include_str!("../../tiles-config/villager_group.toml")),
    (Layer::Settlement, include_str!("../../tiles-config/settlement.toml")),
    (Layer::Grid, include_str!("../../tiles-config/grid.toml")),
    (Layer::Household, include_str!("../../tiles-config/household.toml")),
    (Layer::Venue, include_str!("../../tiles-config/venue.toml")),
    (Layer::Cluster, include_str!("../../tiles-config/cluster.toml")),
    (Layer::BusLine, include_str!("../../tiles-config/bus_line.toml")),
    (Layer::Road, include_str!("../../tiles-config/road.toml")),
    (Layer::SocialOrg, include_str!("../../tiles-config/social_org.toml")),
    (Layer::Incident, include_str!("../../tiles-config/incident.toml")),
    (Layer::Water, include_str!("../../tiles-config/water.toml")),
    (Layer::LandUse, include_str!("../../tiles-config/land_use.toml")),
    (Layer::Building, include_str!("../../tiles-config/building.toml")),
];

impl TileConfigs {
    /// The built-in settings, each replaced by `LAYER.toml` of `folder` where there is one.
    ///
    /// # Errors
    /// When a file is not what it should be.
    pub fn load(folder: Option<&Path>) -> Result<Self, TileConfigError> {
        let mut configs = HashMap::new();
        for (layer, built_in) in BUILT_IN {
            let file = folder.map(|f| f.join(format!("{layer}.toml"))).filter(|f| f.exists());
            let fault = |message: String| TileConfigError {
                file: file.clone().unwrap_or_else(|| PathBuf::from(format!("{layer}.toml"))),
                message,
            };
            let text = match &file {
                Some(file) => std::fs::read_to_string(file).map_err(|e| fault(e.to_string()))?,
                None => built_in.to_owned(),
            };
            let config: TileConfig = toml::from_str(&text).map_err(|e| fault(e.to_string()))?;
            configs.insert(layer, config);
        }
        Ok(Self(configs))
    }

    /// A layer's settings, if it has tiles.
    #[must_use]
    pub fn get(&self, layer: Layer) -> Option<&TileConfig> {
        self.0.get(&layer)
    }

    /// All layers with tiles, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (Layer, &TileConfig)> {
        Layer::ALL.iter().filter_map(|l| self.0.get(l).map(|c| (*l, c)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_settings_are_sound() {
        let configs = TileConfigs::load(None).expect("loads");
        for (layer, config) in configs.iter() {
            assert!(config.minzoom <= config.maxzoom && config.cluster_below <= config.maxzoom, "{layer}");
        }
    }
}
