//! What a layer's settings mean for its features.

use std::collections::HashMap;
use std::sync::Arc;

use super::config::TileConfig;
use super::values::{ABSENT, ValueTable};
use crate::domain::{Feature, FeatureId, Schema, Value};

/// The zooms at which a feature's filters admit it, a bit each.
pub type ZoomFilter = Box<dyn Fn(&Feature) -> u32 + Send + Sync>;
/// Computes a property that is not stored.
pub type Derived<'a> = &'a dyn Fn(&Feature, &str) -> Option<Value>;

/// A layer's settings, bound to where its properties are stored.
pub struct LayerRules {
    name: &'static str,
    config: Arc<TileConfig>,
    attributes: Vec<(String, Option<usize>)>,
    /// The bits of the attributes in tiles, by zoom.
    masks: Vec<u32>,
    filter: ZoomFilter,
    from_zoom: Option<usize>,
    sort: Option<usize>,
    coverage: Option<usize>,
    count_by: Option<usize>,
    apart_by: Option<usize>,
}

impl std::fmt::Debug for LayerRules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayerRules").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What tiles need of a feature beside its geometry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The numbers of its attributes' values.
    pub values: Vec<u32>,
    /// The zooms it shows at, a bit each.
    pub zooms: u32,
    /// Its place in the order of drawing.
    pub rank: i64,
    /// What it can be told apart by, such as its grid; 0 for none.
    pub part: FeatureId,
    /// The number of its list of kinds.
    pub kinds: u32,
    /// The number of the value that makes it part of a coverage.
    pub coverage: u32,
}

/// Lists of kinds, each once; kinds are numbered as they come.
#[derive(Debug, Default)]
pub struct KindLists {
    names: Vec<Arc<str>>,
    /// The numbers of the kinds in the order of their names.
    by_name: Vec<u16>,
    lists: Vec<Vec<u16>>,
    index: HashMap<Vec<u16>, u32>,
}

impl KindLists {
    fn number(&mut self, names: &[Arc<str>]) -> u32 {
        let mut list: Vec<u16> = names.iter().map(|n| self.kind(n)).collect();
        list.sort_unstable();
        list.dedup();
        if let Some(known) = self.index.get(&list) {
            return *known;
        }
        let number = self.lists.len() as u32;
        self.index.insert(list.clone(), number);
        self.lists.push(list);
        number
    }

    fn kind(&mut self, name: &Arc<str>) -> u16 {
        let known = self.names.iter().position(|n| n == name);
        known.unwrap_or_else(|| {
            let number = self.names.len();
            let at = self.by_name.partition_point(|&k| self.names[usize::from(k)] < *name);
            self.by_name.insert(at, number as u16);
            self.names.push(Arc::clone(name));
            number
        }) as u16
    }

    /// The numbers of a list's kinds.
    #[must_use]
    pub fn list(&self, number: u32) -> &[u16] {
        self.lists.get(number as usize).map_or(&[], Vec::as_slice)
    }

    /// All kinds with their numbers, in the order of their names: the same whichever came first.
    pub fn names(&self) -> impl Iterator<Item = (usize, &str)> {
        self.by_name.iter().map(|&k| (usize::from(k), self.names[usize::from(k)].as_ref()))
    }
}

impl LayerRules {
    /// Of a layer. Properties the schema does not have are derived.
    #[must_use]
    pub fn new(name: &'static str, config: Arc<TileConfig>, schema: &Schema, filter: ZoomFilter) -> Self {
        let stored = |name: Option<&String>| name.and_then(|n| schema.position(n));
        Self {
            name,
            attributes: config.attributes.iter().map(|a| (a.clone(), schema.position(a))).collect(),
            masks: (0..=crate::geo::tile::MAX_ZOOM).map(|z| config.attribute_mask(z)).collect(),
            filter,
            from_zoom: stored(config.from_zoom.as_ref().map(|f| &f.property)),
            sort: stored(config.sort.as_ref().map(|s| &s.property)),
            coverage: stored(config.coverage_by.as_ref()),
            count_by: stored(config.count_by.as_ref()),
            apart_by: stored(config.apart_by.as_ref()),
            config,
        }
    }

    /// The layer's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The layer's settings.
    #[must_use]
    pub fn config(&self) -> &TileConfig {
        &self.config
    }

    /// The attributes' names.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|(name, _)| name.as_str())
    }

    /// The bits of the attributes in a zoom's tiles.
    #[must_use]
    pub fn mask(&self, z: u8) -> u32 {
        self.masks[usize::from(z)]
    }

    /// A feature's row; its values are taken from the table.
    pub fn row(&self, feature: &Feature, derived: Derived<'_>, values: &mut ValueTable, kinds: &mut KindLists) -> Row {
        let at = |position: Option<usize>| position.and_then(|at| feature.values.get(at));
        let list = match at(self.count_by) {
            Some(Value::TextList(list)) => list.as_ref(),
            _ => &[],
        };
        Row {
            values: self
                .attributes
                .iter()
                .map(|(name, position)| match position {
                    Some(at) => feature.values.get(*at).map_or(ABSENT, |v| values.take(v)),
                    None => derived(feature, name).map_or(ABSENT, |v| values.take(&v)),
                })
                .collect(),
            zooms: self.zooms(feature),
            rank: self.rank(at(self.sort)),
            part: at(self.apart_by).and_then(Value::as_int).unwrap_or(0),
            kinds: kinds.number(list),
            coverage: match at(self.coverage) {
                Some(value) => values.take(value),
                None if self.config.coverage => values.take(&Value::Bool(true)),
                None => ABSENT,
            },
        }
    }

    fn zooms(&self, feature: &Feature) -> u32 {
        let kind = self.from_zoom.and_then(|at| feature.values.get(at)).and_then(Value::as_text);
        let later = self.config.from_zoom.as_ref().zip(kind).and_then(|(f, kind)| f.values.get(kind));
        let from = match later {
            None => u32::MAX,
            Some(&z) => u32::MAX.checked_shl(u32::from(z)).unwrap_or(0),
        };
        from & (self.filter)(feature)
    }

    fn rank(&self, value: Option<&Value>) -> i64 {
        let order = self.config.sort.as_ref().map_or(&[][..], |s| &s.order);
        match value {
            Some(Value::Bool(b)) => i64::from(*b),
            Some(Value::Int(n)) => *n,
            // The bits of numbers are in their order once those below zero are turned over.
            Some(Value::Float(f)) => {
                let bits = f.to_bits() as i64;
                if bits < 0 { i64::MIN ^ !bits } else { bits }
            }
            Some(Value::Text(text)) => {
                order.iter().position(|o| o.as_str() == text.as_ref()).map_or(-1, |at| at as i64)
            }
            _ => i64::MIN,
        }
    }
}
