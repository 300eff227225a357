//! How each layer is drawn into tiles: one TOML file a layer, built in, overridable by a folder.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use thiserror::Error;

use crate::domain::Layer;
use crate::geo::tile::MAX_ZOOM;

/// Properties that are computed when a feature is drawn.
pub const DERIVED: [&str; 1] = ["overdue"];
/// Attributes a layer's tiles may have.
pub const MOST_ATTRIBUTES: usize = 32;

/// One layer's settings.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TileConfig {
    /// The database's tables its tiles are drawn from; a change of any of them reaches the layer.
    pub tables: Vec<String>,
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
    /// Those of them that only who may see personal data gets.
    #[serde(default)]
    pub personal: Vec<String>,
    /// What is in tiles at all, CQL2 text.
    pub filter: Option<String>,
    /// How far a simplified edge may stray, pixels of a tile 512 wide; none at the last zoom.
    #[serde(default)]
    pub tolerance_px: f64,
    /// Smaller areas, square pixels, fold into a neighbour and are counted by markers; none at the last zoom.
    #[serde(default)]
    pub min_area_px: f64,
    /// Whether its areas share their edges: each is then simplified once for all that share it, and areas too small
    /// for a zoom fold into a neighbour.
    #[serde(default)]
    pub coverage: bool,
    /// The property whose values tell several coverages apart that lie over one another.
    pub coverage_by: Option<String>,
    /// Below this zoom points are clusters.
    #[serde(default)]
    pub cluster_below: u8,
    /// The list property whose values clusters count.
    pub count_by: Option<String>,
    /// The property clusters can be told apart by, for viewers of some grids.
    pub apart_by: Option<String>,
    /// Bytes the layer may take in a tile; more is drawn coarser, and marked so. 0 is no limit.
    #[serde(default)]
    pub max_bytes: usize,
    /// Which features come first in a tile, and so are drawn below the others.
    pub sort: Option<Sort>,
    /// Kinds that come later than the layer.
    pub from_zoom: Option<FromZoom>,
    /// Other settings for some zooms.
    #[serde(default)]
    pub zoom: Vec<ZoomRange>,
}

/// The order of features in a tile; equal ones go by their ids.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sort {
    /// The property: numbers and yes/no ascending, texts in the order given.
    pub property: String,
    /// Texts from the first to the last drawn; others come before them.
    #[serde(default)]
    pub order: Vec<String>,
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

/// What is different at some zooms.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoomRange {
    /// First zoom.
    pub from: u8,
    /// Last zoom.
    pub to: u8,
    /// Fewer attributes.
    pub attributes: Option<Vec<String>>,
    /// What is in these zooms' tiles, besides the layer's own filter; CQL2 text.
    pub filter: Option<String>,
    /// As the layer's.
    pub tolerance_px: Option<f64>,
    /// As the layer's.
    pub min_area_px: Option<f64>,
    /// As the layer's.
    pub max_bytes: Option<usize>,
}

/// Settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("瓦片配置 {file} 有误:{message}")]
pub struct TileConfigError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong, with its line.
    pub message: String,
}

/// All layers that have tiles.
#[derive(Debug, Clone, PartialEq)]
pub struct TileConfigs(HashMap<Layer, Arc<TileConfig>>);

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

impl TileConfig {
    /// Reads a layer's file.
    ///
    /// # Errors
    /// What is wrong, with its line where it has one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|e| e.to_string())?;
        match config.fault() {
            Some((key, why)) => Err(at_line(text, key, &why)),
            None => Ok(config),
        }
    }

    /// What the layer's own properties say against it: the file's line and the reason.
    #[must_use]
    pub fn against<'a>(&self, text: &str, properties: impl IntoIterator<Item = &'a str>) -> Option<String> {
        let known: Vec<&str> = properties.into_iter().chain(DERIVED).collect();
        let list = |key, names: &'_ [String]| {
            let strange = names.iter().find(|n| !known.contains(&n.as_str()));
            strange.map(|n| (key, n.clone()))
        };
        let one = |key, name: Option<&String>| name.filter(|n| !known.contains(&n.as_str())).map(|n| (key, n.clone()));
        let (key, name) = list("attributes", &self.attributes)
            .or_else(|| one("coverage_by", self.coverage_by.as_ref()))
            .or_else(|| one("count_by", self.count_by.as_ref()))
            .or_else(|| one("apart_by", self.apart_by.as_ref()))
            .or_else(|| one("property", self.sort.as_ref().map(|s| &s.property)))
            .or_else(|| one("property", self.from_zoom.as_ref().map(|f| &f.property)))?;
        let all = known.join("、");
        Some(at_line(
            text,
            key,
            &format!("这个图层没有属性 {name:?},可用的有:{all}。/ no such property; there are those"),
        ))
    }

    fn fault(&self) -> Option<(&'static str, String)> {
        let last = MAX_ZOOM;
        if self.minzoom > self.maxzoom || self.maxzoom > last {
            return Some(("minzoom", format!("minzoom ≤ maxzoom ≤ {last}")));
        }
        if self.cluster_below > self.maxzoom {
            return Some(("cluster_below", "cluster_below ≤ maxzoom".to_owned()));
        }
        if !["point", "line", "polygon"].contains(&self.geometry.as_str()) {
            return Some(("geometry", format!("{:?}: point, line, polygon", self.geometry)));
        }
        if !["base", "govern", "people", "service"].contains(&self.group.as_str()) {
            return Some(("group", format!("{:?}: base, govern, people, service", self.group)));
        }
        if self.attributes.len() > MOST_ATTRIBUTES {
            return Some(("attributes", format!("{} > {MOST_ATTRIBUTES}", self.attributes.len())));
        }
        if self.coverage_by.is_some() && !self.coverage {
            return Some(("coverage_by", "coverage = true".to_owned()));
        }
        if let Some(name) = self.personal.iter().find(|p| !self.attributes.contains(p)) {
            return Some(("personal", format!("{name:?} 不在 attributes 中 / is not among attributes")));
        }
        let sane = |px: f64| (0.0..=64.0).contains(&px);
        if !sane(self.tolerance_px) || !sane(self.min_area_px) {
            let key = if sane(self.tolerance_px) { "min_area_px" } else { "tolerance_px" };
            return Some((key, "0–64".to_owned()));
        }
        self.zoom.iter().find_map(|range| self.range_fault(range))
    }

    fn range_fault(&self, range: &ZoomRange) -> Option<(&'static str, String)> {
        if range.from > range.to || range.to > MAX_ZOOM {
            return Some(("from", format!("from {} ≤ to {} ≤ {MAX_ZOOM}", range.from, range.to)));
        }
        let strange = range.attributes.iter().flatten().find(|a| !self.attributes.contains(a));
        if let Some(name) = strange {
            return Some(("attributes", format!("{name:?} 不在图层的 attributes 中 / is not among the layer's")));
        }
        let sane = |px: Option<f64>| px.is_none_or(|px| (0.0..=64.0).contains(&px));
        (!sane(range.tolerance_px) || !sane(range.min_area_px)).then(|| ("tolerance_px", "0–64".to_owned()))
    }

    fn range(&self, z: u8) -> impl Iterator<Item = &ZoomRange> {
        self.zoom.iter().filter(move |r| (r.from..=r.to).contains(&z))
    }

    /// How far a simplified edge may stray at a zoom, pixels.
    #[must_use]
    pub fn tolerance_px(&self, z: u8) -> f64 {
        if z >= self.maxzoom { 0.0 } else { self.range(z).find_map(|r| r.tolerance_px).unwrap_or(self.tolerance_px) }
    }

    /// What is smaller folds at a zoom, square pixels.
    #[must_use]
    pub fn min_area_px(&self, z: u8) -> f64 {
        if z >= self.maxzoom { 0.0 } else { self.range(z).find_map(|r| r.min_area_px).unwrap_or(self.min_area_px) }
    }

    /// Bytes the layer may take in a tile of a zoom; 0 is no limit.
    #[must_use]
    pub fn max_bytes(&self, z: u8) -> usize {
        self.range(z).find_map(|r| r.max_bytes).unwrap_or(self.max_bytes)
    }

    /// Which attributes a zoom's tiles have: a bit each.
    #[must_use]
    pub fn attribute_mask(&self, z: u8) -> u32 {
        let at_zoom = self.range(z).find_map(|r| r.attributes.as_ref());
        self.mask_of(|a| at_zoom.is_none_or(|list| list.iter().any(|b| a == b)))
    }

    /// The bits of the attributes that are personal.
    #[must_use]
    pub fn personal_mask(&self) -> u32 {
        self.mask_of(|a| self.personal.iter().any(|p| p == a))
    }

    /// The bits of some attributes.
    pub fn mask_of(&self, is_wanted: impl Fn(&str) -> bool) -> u32 {
        self.attributes.iter().enumerate().filter(|(_, a)| is_wanted(a)).fold(0, |mask, (at, _)| mask | 1 << at)
    }

    /// All filters of it: the zooms each holds for, and its CQL2 text.
    pub fn filters(&self) -> impl Iterator<Item = ((u8, u8), &str)> {
        let own = self.filter.iter().map(|f| ((0, MAX_ZOOM), f.as_str()));
        own.chain(self.zoom.iter().filter_map(|r| r.filter.as_ref().map(|f| ((r.from, r.to), f.as_str()))))
    }
}

/// A reason with the line that gave it.
fn at_line(text: &str, key: &str, why: &str) -> String {
    let is_it = |line: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    match text.lines().position(is_it) {
        Some(line) => format!("第 {} 行 / line {}: {key}: {why}", line + 1, line + 1),
        None => format!("{key}: {why}"),
    }
}

/// Why a filter cannot be used, with the line it stands in.
#[must_use]
pub fn at_filter(text: &str, filter: &str, why: &str) -> String {
    let is_it = |line: &str| line.trim_start().starts_with("filter") && line.contains(filter);
    match text.lines().position(is_it) {
        Some(line) => format!("第 {} 行 / line {}: filter: {why}", line + 1, line + 1),
        None => at_line(text, "filter", why),
    }
}

impl TileConfigs {
    /// The built-in settings, each replaced by `LAYER.toml` of `folder` where there is one. `check` has the last
    /// word on each layer's settings, with the file's text.
    ///
    /// # Errors
    /// When a file is not what it should be.
    pub fn load(
        folder: Option<&Path>,
        check: &dyn Fn(Layer, &TileConfig, &str) -> Option<String>,
    ) -> Result<Self, TileConfigError> {
        if let Some(folder) = folder {
            strangers(folder)?;
        }
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
            let config = TileConfig::parse(&text).map_err(fault)?;
            if let Some(message) = check(layer, &config, &text) {
                return Err(fault(message));
            }
            configs.insert(layer, Arc::new(config));
        }
        Ok(Self(configs))
    }

    /// A layer's settings, if it has tiles.
    #[must_use]
    pub fn get(&self, layer: Layer) -> Option<&Arc<TileConfig>> {
        self.0.get(&layer)
    }

    /// All layers with tiles, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (Layer, &Arc<TileConfig>)> {
        Layer::ALL.iter().filter_map(|l| self.0.get(l).map(|c| (*l, c)))
    }
}

/// Refuses a folder that is not there, and settings of a layer that has none: most are misspelt.
fn strangers(folder: &Path) -> Result<(), TileConfigError> {
    let fault = |file: &Path, message: String| Err(TileConfigError { file: file.to_owned(), message });
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return fault(folder, error.to_string()),
    };
    for file in entries.flatten().map(|entry| entry.path()).filter(|f| f.extension().is_some_and(|e| e == "toml")) {
        let is_known = |(layer, _): &(Layer, &str)| file.file_stem().is_some_and(|stem| stem == layer.name());
        if !BUILT_IN.iter().any(is_known) {
            let all = BUILT_IN.map(|(layer, _)| layer.name()).join("、");
            return fault(&file, format!("没有这个图层,可用的有:{all}。/ no such layer; there are those"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_no_layer_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("README.md"), "of people").expect("writes");
        assert!(TileConfigs::load(Some(folder.path()), &|_, _, _| None).is_ok());
        std::fs::write(folder.path().join("households.toml"), "").expect("writes");
        let error = TileConfigs::load(Some(folder.path()), &|_, _, _| None).expect_err("is refused").to_string();
        assert!(error.contains("households.toml") && error.contains("household、"), "{error}");
        assert!(TileConfigs::load(Some(&folder.path().join("away")), &|_, _, _| None).is_err());
    }

    #[test]
    fn the_built_in_settings_are_sound() {
        let configs = TileConfigs::load(None, &|_, _, _| None).expect("loads");
        assert_eq!(configs.iter().count(), BUILT_IN.len());
    }

    /// Settings with anything in them are read or refused.
    #[test]
    fn strange_settings_are_refused() {
        use rand::{Rng, SeedableRng};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let pieces =
            ["[[zoom]]", "from = 3", "to = 300", "= -1", "1e9", "[", "\"", "\n", "县", "[sort]", "max_bytes = 1"];
        let mut refused = 0;
        for _ in 0..20_000 {
            let (_, text) = BUILT_IN[rng.random_range(0..BUILT_IN.len())];
            let mut chars: Vec<char> = text.chars().collect();
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(0..chars.len());
                let end = (at + rng.random_range(0..12)).min(chars.len());
                chars.splice(at..end, pieces[rng.random_range(0..pieces.len())].chars());
            }
            let text: String = chars.into_iter().collect();
            match TileConfig::parse(&text) {
                Ok(config) => {
                    let _ = config.against(&text, ["name"]);
                    (0..=MAX_ZOOM)
                        .for_each(|z| assert!(config.tolerance_px(z) <= 64.0 && config.min_area_px(z) <= 64.0));
                }
                Err(message) => {
                    assert!(!message.is_empty());
                    refused += 1;
                }
            }
        }
        assert!(refused > 10_000, "{refused}");
    }

    #[test]
    fn a_fault_is_told_with_its_line() {
        let text = |more: &str| {
            format!(
                "tables = []\nminzoom = 9\nmaxzoom = 14\ngeometry = \"point\"\ngroup = \"base\"\nattributes = [\"name\"]\n{more}"
            )
        };
        for (more, line, word) in [
            ("cluster_below = 15", "line 7", "cluster_below"),
            ("tolerance_px = -1.0", "line 7", "tolerance_px"),
            ("personal = [\"age\"]", "line 7", "age"),
            ("strange = 1", "line 7", "strange"),
            ("[[zoom]]\nfrom = 12\nto = 11", "line 8", "from"),
            ("minzoom = 9", "line 7", "duplicate"),
        ] {
            let message = TileConfig::parse(&text(more)).expect_err(more);
            assert!(message.contains(line) && message.contains(word), "{more}: {message}");
        }
        let fine = text("[sort]\nproperty = \"rank\"");
        let config = TileConfig::parse(&fine).expect("sound in itself");
        let message = config.against(&fine, ["name"]).expect("no such property");
        assert!(message.contains("line 8") && message.contains("rank"), "{message}");
    }
}
