//! The layers prepared for drawing, kept in step with the atlas.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use crate::atlas::{Atlas, FeatureChange, LayerStore};
use crate::domain::{Feature, FeatureId, Layer, Schema, Value};
use crate::geo::tile::MAX_ZOOM;
use crate::geo::{TileId, TileRanges};
use crate::service::ServiceError;
use crate::service::live::Touched;
use crate::service::ogc::{self, Filter};
use crate::tiles::config::{TileConfigError, at_filter};
use crate::tiles::rules::{LayerRules, ZoomFilter};
use crate::tiles::{Drawing, TileClock, TileConfig, TileConfigs};

/// The property that tells by when somebody must act.
const DEADLINE: &str = "next_deadline_at";

/// Households and incidents that change at once and are told of one by one; of more it is not told apart which tiles look
/// different for which.
const DRAWN_APART: usize = 64;

/// Since when nobody acted in time.
const OVERDUE_SINCE: &str = "overdue_since";

/// All layers with tiles, each behind its own lock.
#[derive(Debug)]
pub struct MapLayers {
    configs: RwLock<Arc<TileConfigs>>,
    slots: Vec<Slot>,
    /// Deadlines still to come, and whose they are. Whoever writes holds it: the atlas and what is prepared from it
    /// change together.
    due: Mutex<Due>,
    strays: RwLock<Strays>,
}

type Due = BTreeSet<(DateTime<Utc>, FeatureId)>;

/// Households that belong to a grid by the register and not by their place (插花户), by that grid.
type Strays = BTreeMap<FeatureId, BTreeSet<FeatureId>>;

#[derive(Debug, Default)]
struct Slot {
    drawing: RwLock<Option<Drawing>>,
    clock: TileClock,
}

impl MapLayers {
    /// Prepares all layers of the atlas.
    ///
    /// # Errors
    /// When a layer's settings cannot be used.
    pub fn load(atlas: &Atlas, folder: Option<&Path>, now: DateTime<Utc>) -> Result<Self, TileConfigError> {
        let configs = configs(atlas, folder)?;
        let layers = Self {
            slots: Layer::ALL.iter().map(|_| Slot::default()).collect(),
            configs: RwLock::new(Arc::new(configs)),
            due: Mutex::default(),
            strays: RwLock::default(),
        };
        std::thread::scope(|scope| {
            for &layer in Layer::ALL {
                scope.spawn({
                    let layers = &layers;
                    move || layers.prepare(atlas, layer, now)
                });
            }
        });
        note_due(atlas, now, &mut layers.due.lock());
        layers.note_strays(atlas);
        Ok(layers)
    }

    /// The layers' settings as they are now.
    #[must_use]
    pub fn configs(&self) -> Arc<TileConfigs> {
        Arc::clone(&self.configs.read())
    }

    /// A layer for drawing; nothing where it has no tiles. Hold it briefly and never across an await.
    pub fn drawing(&self, layer: Layer) -> RwLockReadGuard<'_, Option<Drawing>> {
        self.slots[layer as usize].drawing.read()
    }

    /// Whether a tile of some layers has at most so many features, about, and none of them is being changed just now.
    #[must_use]
    pub fn are_few(&self, layers: &[Layer], tile: TileId, most: usize) -> bool {
        let about = |layer: &Layer| {
            let drawing = self.slots[*layer as usize].drawing.try_read()?;
            Some(drawing.as_ref().map_or(0, |d| d.count_about(tile)))
        };
        layers.iter().map(about).sum::<Option<usize>>().is_some_and(|n| n <= most)
    }

    /// Moves on with every change of a layer's tiles. Read it before the layer.
    #[must_use]
    pub fn generation(&self, layer: Layer) -> u64 {
        self.slots[layer as usize].clock.generation()
    }

    /// Whether a tile of a layer may have changed after a generation.
    #[must_use]
    pub fn changed_since(&self, layer: Layer, generation: u64, tile: TileId) -> bool {
        let last = self.configs.read().get(layer).map_or(MAX_ZOOM, |c| c.maxzoom);
        self.slots[layer as usize].clock.changed_since(generation, tile, last)
    }

    /// Memory of each prepared layer, bytes, about.
    pub fn resident(&self) -> impl Iterator<Item = (Layer, usize)> {
        let of = |&layer: &Layer| Some((layer, self.drawing(layer).as_ref()?.resident()));
        Layer::ALL.iter().filter_map(of)
    }

    /// Replaces a whole layer of the atlas, and prepares it.
    pub fn replace(&self, atlas: &Atlas, layer: Layer, store: LayerStore, now: DateTime<Utc>) {
        let mut due = self.due.lock();
        atlas.replace(layer, store);
        self.prepare_anew(atlas, layer, now, &mut due);
    }

    fn prepare_anew(&self, atlas: &Atlas, layer: Layer, now: DateTime<Utc>, due: &mut Due) {
        self.prepare(atlas, layer, now);
        match layer {
            Layer::Incident => note_due(atlas, now, due),
            Layer::Household => self.note_strays(atlas),
            _ => {}
        }
    }

    fn note_strays(&self, atlas: &Atlas) {
        let households = atlas.layer(Layer::Household);
        let mut strays = Strays::new();
        for household in households.iter() {
            if let Some(grid) = strays_from(households.schema(), household) {
                strays.entry(grid).or_default().insert(household.id);
            }
        }
        *self.strays.write() = strays;
    }

    /// Households that belong to some grids without lying in them, with their grids.
    #[must_use]
    pub fn strays(&self, grids: &BTreeSet<FeatureId>) -> Vec<(FeatureId, FeatureId)> {
        let strays = self.strays.read();
        let each =
            |(grid, ids): (&FeatureId, &BTreeSet<FeatureId>)| ids.iter().map(|id| (*grid, *id)).collect::<Vec<_>>();
        // The shorter of the two is gone through: it is asked for every tile.
        if strays.len() < grids.len() {
            strays.iter().filter(|(grid, _)| grids.contains(grid)).flat_map(each).collect()
        } else {
            grids.iter().filter_map(|grid| strays.get_key_value(grid)).flat_map(each).collect()
        }
    }

    fn prepare(&self, atlas: &Atlas, layer: Layer, now: DateTime<Utc>) {
        let configs = self.configs();
        let Some(config) = configs.get(layer) else { return };
        let zone = ogc::zone(atlas);
        let store = atlas.layer(layer);
        // They were tried when the settings were read.
        let Ok(rules) = rules(layer, config, "", store.schema(), zone) else { return };
        let derived = |f: &Feature, name: &str| derived(store.schema(), f, name, now);
        let drawing = Drawing::load(rules, store.iter().map(AsRef::as_ref), &derived);
        let slot = &self.slots[layer as usize];
        let mut held = slot.drawing.write();
        let old = held.replace(drawing);
        slot.clock.note_all();
        drop(held);
        drop(old);
    }

    /// Prepares the incidents anew as they look at an instant.
    pub fn draw_incidents_as_of(&self, atlas: &Atlas, now: DateTime<Utc>) {
        self.prepare_anew(atlas, Layer::Incident, now, &mut self.due.lock());
    }

    /// Puts features' present state into the atlas and what is prepared from it; answers the tiles that look different, and
    /// what of people and matters is different in which of them.
    pub fn put(
        &self,
        atlas: &Atlas,
        layer: Layer,
        features: Vec<(FeatureId, Option<Feature>)>,
        now: DateTime<Utc>,
    ) -> Looks {
        let mut due = self.due.lock();
        let changes = atlas.put(layer, features);
        let schema = atlas.layer(layer).schema().clone();
        if layer == Layer::Incident {
            for change in &changes {
                let of = |f: &Option<Arc<Feature>>| deadline(&schema, f.as_ref()?).map(|at| (at, change.id));
                if let Some(before) = of(&change.before) {
                    due.remove(&before);
                }
                due.extend(of(&change.now).filter(|(at, _)| *at > now));
            }
        }
        if layer == Layer::Household {
            let mut strays = self.strays.write();
            for change in &changes {
                let from = |f: &Option<Arc<Feature>>| strays_from(&schema, f.as_ref()?);
                if let Some(of) = from(&change.before).and_then(|grid| strays.get_mut(&grid)) {
                    of.remove(&change.id);
                }
                if let Some(grid) = from(&change.now) {
                    strays.entry(grid).or_default().insert(change.id);
                }
            }
            strays.retain(|_, of| !of.is_empty());
        }
        self.looks(layer, &schema, &changes, now)
    }

    /// Draws changes; of people and matters each by itself where they are few, for not everybody is told of each.
    fn looks(&self, layer: Layer, schema: &Schema, changes: &[FeatureChange], now: DateTime<Utc>) -> Looks {
        if !matches!(layer, Layer::Household | Layer::Incident) {
            return (self.draw(layer, schema, changes, now), Vec::new());
        }
        let touched = |change: &FeatureChange, tiles| {
            let versions = change.before.iter().chain(&change.now);
            Touched { id: change.id, whose: versions.flat_map(|f| whose(layer, schema, f)).collect(), tiles }
        };
        if changes.len() > DRAWN_APART {
            let all = self.draw(layer, schema, changes, now);
            return (all, changes.iter().map(|c| touched(c, None)).collect());
        }
        let mut all = TileRanges::default();
        let each = changes.iter().map(|change| {
            let tiles = self.draw(layer, schema, std::slice::from_ref(change), now);
            all.extend(&tiles);
            touched(change, Some(tiles))
        });
        let each = each.collect();
        all.join();
        (all, each)
    }

    fn draw(&self, layer: Layer, schema: &Schema, changes: &[FeatureChange], now: DateTime<Utc>) -> TileRanges {
        let slot = &self.slots[layer as usize];
        let mut held = slot.drawing.write();
        let Some(drawing) = held.as_mut() else { return TileRanges::default() };
        let mut drawn = Vec::with_capacity(changes.len());
        for FeatureChange { id, before, now } in changes.iter().cloned() {
            let whose = |f: &Option<Arc<Feature>>| f.as_ref().map(|f| whose(layer, schema, f));
            // Whose a matter is is not drawn: for those who lose it it goes, and for others it comes, though it looks the same.
            if layer == Layer::Incident && before.is_some() && now.is_some() && whose(&before) != whose(&now) {
                drawn.extend([(id, before, None), (id, None, now)]);
            } else {
                drawn.push((id, before, now));
            }
        }
        let (tiles, beyond) = drawing.put(&drawn, &|f, name| derived(schema, f, name, now));
        slot.clock.note(&tiles, &beyond);
        tiles
    }

    /// Draws what looks different because of the time alone: incidents whose deadline has passed.
    pub fn pass(&self, atlas: &Atlas, now: DateTime<Utc>) -> Option<(Vec<FeatureId>, Looks)> {
        let mut due = self.due.lock();
        let later = due.split_off(&(now + TimeDelta::nanoseconds(1), FeatureId::MIN));
        let passed: Vec<FeatureId> = std::mem::replace(&mut *due, later).into_iter().map(|(_, id)| id).collect();
        if passed.is_empty() {
            return None;
        }
        let store = atlas.layer(Layer::Incident);
        let same = |id: &FeatureId| {
            let feature = store.get(*id)?;
            Some(FeatureChange { id: *id, before: Some(Arc::clone(feature)), now: Some(Arc::clone(feature)) })
        };
        let changes: Vec<FeatureChange> = passed.iter().filter_map(same).collect();
        let schema = store.schema().clone();
        drop(store);
        Some((passed, self.looks(Layer::Incident, &schema, &changes, now)))
    }

    /// Reads the settings anew; answers the layers that are drawn otherwise now.
    ///
    /// # Errors
    /// When they cannot be used; the old ones stay.
    pub fn configure(
        &self,
        atlas: &Atlas,
        folder: Option<&Path>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Layer>, TileConfigError> {
        let new = Arc::new(configs(atlas, folder)?);
        let mut due = self.due.lock();
        let old = std::mem::replace(&mut *self.configs.write(), Arc::clone(&new));
        let changed: Vec<Layer> = Layer::ALL.iter().copied().filter(|l| old.get(*l) != new.get(*l)).collect();
        for &layer in &changed {
            self.prepare_anew(atlas, layer, now, &mut due);
        }
        Ok(changed)
    }
}

/// The tiles that look different, and what of people and matters is different in which of them.
type Looks = (TileRanges, Vec<Touched>);

/// The grids, villages, units and accounts by which a household or an incident is somebody's.
fn whose(layer: Layer, schema: &Schema, feature: &Feature) -> BTreeSet<FeatureId> {
    let id = |name: &str| feature.get(schema, name).and_then(Value::as_int);
    let grid = id("grid_id");
    // A household goes by its village only where it has no grid.
    let village = id("village_id").filter(|_| layer == Layer::Incident || grid.is_none());
    grid.into_iter().chain(village).chain(feature.known_to(schema).iter().copied()).collect()
}

/// The grid a household belongs to without lying in it.
fn strays_from(schema: &Schema, household: &Feature) -> Option<FeatureId> {
    let source = household.get(schema, "grid_source")?.as_text()?;
    household.geometry.as_ref().filter(|_| source == "register")?;
    household.get(schema, "grid_id")?.as_int()
}

/// Reads the settings of a folder as far as that goes without the data they are for.
///
/// # Errors
/// When they cannot be used.
pub fn check_settings(folder: Option<&Path>) -> Result<(), TileConfigError> {
    let unread = |config: &TileConfig, text: &str| {
        config.filters().find_map(|(_, f)| Some(filter_fault(text, f, Filter::parse(f, false, false).err()?)))
    };
    TileConfigs::load(folder, &|_, config, text| unread(config, text)).map(|_| ())
}

fn filter_fault(text: &str, filter: &str, error: impl Into<ServiceError>) -> String {
    at_filter(text, filter, &error.into().to_string())
}

/// The settings of a folder, tried against the atlas.
fn configs(atlas: &Atlas, folder: Option<&Path>) -> Result<TileConfigs, TileConfigError> {
    let zone = ogc::zone(atlas);
    TileConfigs::load(folder, &|layer, config, text| {
        let store = atlas.layer(layer);
        let names = store.schema().names().iter().map(AsRef::as_ref);
        config.against(text, names).or_else(|| rules(layer, config, text, store.schema(), zone).err())
    })
}

/// A layer's settings bound to its properties; what is wrong with them is told by the line of `text`.
fn rules(layer: Layer, config: &TileConfig, text: &str, schema: &Schema, zone: Tz) -> Result<LayerRules, String> {
    let mut bound = Vec::new();
    for ((from, to), filter) in config.filters() {
        let parsed = Filter::parse(filter, false, false).map_err(|e| filter_fault(text, filter, e))?;
        let test = parsed.bind(layer, schema, zone).map_err(|e| filter_fault(text, filter, e))?;
        let zooms = (from..=to.min(MAX_ZOOM)).fold(0_u32, |bits, z| bits | 1 << z);
        bound.push((zooms, test));
    }
    let filter: ZoomFilter = Box::new(move |feature| {
        bound.iter().fold(u32::MAX, |zooms, (of, test)| if test.admits(feature) { zooms } else { zooms & !of })
    });
    Ok(LayerRules::new(layer.name(), Arc::new(config.clone()), schema, filter))
}

/// Notes the deadlines still to come, anew.
fn note_due(atlas: &Atlas, now: DateTime<Utc>, due: &mut Due) {
    let store = atlas.layer(Layer::Incident);
    let coming = store.iter().filter_map(|f| Some((deadline(store.schema(), f)?, f.id)));
    *due = coming.filter(|(at, _)| *at > now).collect();
}

fn deadline(schema: &Schema, feature: &Feature) -> Option<DateTime<Utc>> {
    feature.get(schema, DEADLINE).and_then(Value::as_text)?.parse().ok()
}

/// A property that is not stored.
fn derived(schema: &Schema, feature: &Feature, name: &str, now: DateTime<Utc>) -> Option<Value> {
    match name {
        "overdue" => {
            let has_been = feature.get(schema, OVERDUE_SINCE).is_some_and(|v| v.as_text().is_some());
            Some(Value::Bool(has_been || deadline(schema, feature).is_some_and(|at| at <= now)))
        }
        _ => None,
    }
}
