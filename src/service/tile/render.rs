//! Renders a tile, or finds it in the cache.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use moka::future::Cache;
use xxhash_rust::xxh3::xxh3_128;

use super::share::{Matters, People, matters, people};
use super::{Encoding, MapLayers};
use crate::atlas::Atlas;
use crate::domain::viewer::Reach;
use crate::domain::{Feature, FeatureId, Layer, LogPosition, Problem, ProblemKind, Schema, Viewer};
use crate::geo::TileId;
use crate::service::ogc::filter::{Bound, Filter};
use crate::service::seen::{reach, veiled};
use crate::service::{ServiceError, Yitu, off_thread, ogc};
use crate::tiles::encode::Scratch;
use crate::tiles::{TileConfigs, Wanted};

/// How long a tile waits for a write to arrive in the atlas.
const WAIT: Duration = Duration::from_secs(10);
/// Layers a path may name. Each is drawn once, however often it is named.
const MOST_NAMES: usize = 32;
/// Longer filters are asked of each feature anew every time; what they give is not kept.
const LONGEST_KEPT_FILTER: usize = 1024;
/// How often a tile is drawn anew because it changed while it was drawn, before it is drawn for its asker alone.
const TURNS: usize = 3;
/// A tile of fewer features is drawn at once: to hand it to another thread would take longer.
const FEW: usize = 200;
/// What an entry of the cache takes beside its bytes, about.
const ENTRY_BYTES: usize = 256;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// A tile ready to send.
#[derive(Debug, Clone)]
pub struct Tile {
    /// MVT, uncompressed, or PNG; empty when nothing is there.
    pub bytes: Bytes,
    /// Hash of the bytes (XXH3).
    pub hash: u128,
}

impl Tile {
    /// With the hash of its bytes.
    #[must_use]
    pub fn of(bytes: Bytes) -> Self {
        Self { hash: xxh3_128(&bytes), bytes }
    }

    /// Its strong entity tag in an encoding: tags name the bytes sent, so each encoding has its own.
    #[must_use]
    pub fn tag(&self, encoding: Encoding) -> String {
        match encoding {
            Encoding::Identity => format!("\"{:032x}\"", self.hash),
            packed => format!("\"{:032x}-{}\"", self.hash, packed.name()),
        }
    }
}

/// What a tile is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its layers, in order, each once.
    pub layers: Vec<Layer>,
    /// Which.
    pub tile: TileId,
    /// A write that must be in it.
    pub min_seq: Option<LogPosition>,
    /// Only these properties; all that the layer's settings name when absent.
    pub properties: Option<Vec<String>>,
    /// Only features it admits, CQL2 text.
    pub filter: Option<String>,
}

impl Asked {
    /// Everything of some layers.
    #[must_use]
    pub fn all(layers: Vec<Layer>, tile: TileId) -> Self {
        Self { layers, tile, min_seq: None, properties: None, filter: None }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Tile(Box<TileKey>),
    Packed(u128, Encoding),
}

/// What a tile's bytes depend on, beside the data.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TileKey {
    layers: Vec<Layer>,
    tile: TileId,
    county: FeatureId,
    /// What of people and of matters is in it: so that whoever may see the same of it shares it.
    people: People,
    matters: Option<Matters>,
    properties: Option<Vec<String>>,
    filter: Option<String>,
}

#[derive(Debug, Clone)]
enum Held {
    Tile(Arc<Drawn>),
    Packed(Bytes),
    /// What went wrong while drawing: the next asker tries again.
    Failed,
}

/// A tile and what it was drawn from.
#[derive(Debug)]
struct Drawn {
    tile: Tile,
    /// Of each layer: it holds as long as nothing in the tile changed since. Moves on while it is asked for.
    generations: Vec<AtomicU64>,
    /// Of each layer's features, where a filter may ask for what no tile shows.
    features: Option<Vec<u64>>,
}

/// Rendered tiles and their packed forms, bounded in bytes. A tile says what it was rendered from and holds while
/// nothing within it changed since; what it was packed to goes by its hash and always holds.
#[derive(Debug, Clone)]
pub struct TileCache(Option<Cache<Key, Held>>);

impl TileCache {
    /// A cache of so many bytes; of 0 it keeps nothing.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let weigh = |key: &Key, held: &Held| {
            let asked = match key {
                Key::Tile(key) => {
                    let matters = if let Some(Matters::These(ids)) = &key.matters { 8 * ids.len() } else { 0 };
                    key.filter.as_ref().map_or(0, String::len) + key.layers.len() + matters
                }
                Key::Packed(..) => 0,
            };
            let bytes = match held {
                Held::Tile(drawn) => drawn.tile.bytes.len(),
                Held::Packed(bytes) => bytes.len(),
                Held::Failed => 0,
            };
            (bytes + asked + ENTRY_BYTES) as u32
        };
        Self((bytes > 0).then(|| Cache::builder().max_capacity(bytes).weigher(weigh).build()))
    }

    /// Bytes it holds now, about.
    #[must_use]
    pub fn resident(&self) -> u64 {
        self.0.as_ref().map_or(0, Cache::weighted_size)
    }
}

/// Reads a comma list of layers: known, with tiles, each once.
///
/// # Errors
/// The problem `unknown-layer`, which names those that exist.
pub fn layers(configs: &TileConfigs, list: &str) -> Result<Vec<Layer>, ServiceError> {
    let mut layers = Vec::new();
    if list.split(',').count() > MOST_NAMES {
        return Err(Problem::bad_field(
            "layers",
            format!("一块瓦片最多写 {MOST_NAMES} 个图层名。"),
            format!("A tile may name at most {MOST_NAMES} layers."),
        )
        .into());
    }
    for name in list.split(',') {
        let layer = name
            .parse::<Layer>()
            .ok()
            .filter(|l| configs.get(*l).is_some())
            .ok_or_else(|| unknown_layer(configs, name))?;
        if !layers.contains(&layer) {
            layers.push(layer);
        }
    }
    Ok(layers)
}

fn unknown_layer(configs: &TileConfigs, name: &str) -> Problem {
    let known = configs.iter().map(|(l, _)| l.name()).collect::<Vec<_>>().join("、");
    let name: String = name.chars().take(64).collect();
    Problem::new(
        ProblemKind::NotFound,
        "unknown-layer",
        ("没有这个图层", "No such layer"),
        (
            format!("没有图层 {name:?}。可用的图层:{known}。"),
            format!("There is no layer {name:?}. Layers with tiles: {known}."),
        ),
    )
}

/// Reads a comma list of properties that tiles of some layers have.
///
/// # Errors
/// A problem that names `properties` and those there are.
pub fn properties(configs: &TileConfigs, layers: &[Layer], list: &str) -> Result<Vec<String>, ServiceError> {
    let mut known: Vec<&str> =
        layers.iter().filter_map(|l| configs.get(*l)).flat_map(|c| c.attributes.iter().map(String::as_str)).collect();
    known.sort_unstable();
    known.dedup();
    let mut wanted: Vec<String> = list.split(',').filter(|n| !n.is_empty()).map(str::to_owned).collect();
    wanted.sort_unstable();
    wanted.dedup();
    if let Some(strange) = wanted.iter().find(|n| !known.contains(&n.as_str())) {
        let strange: String = strange.chars().take(64).collect();
        return Err(Problem::bad_field(
            "properties",
            format!("这些图层的瓦片没有属性 {strange:?},可用的有:{}。", known.join("、")),
            format!("Tiles of these layers have no property {strange:?}; there are: {}.", known.join(", ")),
        )
        .into());
    }
    Ok(wanted)
}

/// The tile as the viewer may see it now.
///
/// # Errors
/// The problem `not-yet` when the write asked for does not arrive; one that names `filter` when it does not suit a
/// layer.
pub async fn render(yitu: &Yitu, viewer: &Viewer, mut asked: Asked) -> Result<Tile, ServiceError> {
    if let Some(seq) = asked.min_seq
        && !yitu.atlas.wait_for(seq, WAIT).await
    {
        return Err(not_yet(seq).into());
    }
    asked.layers.retain(|layer| reach(viewer, *layer) != Reach::None);
    let key = TileKey {
        county: viewer.county_id(),
        people: people(yitu, viewer, &asked),
        matters: matters(yitu, viewer, &asked),
        layers: asked.layers,
        tile: asked.tile,
        properties: asked.properties,
        filter: asked.filter,
    };
    let is_kept = key.filter.as_ref().is_none_or(|f| f.len() <= LONGEST_KEPT_FILTER);
    let Some(cache) = yitu.tiles.cache.0.as_ref().filter(|_| is_kept) else {
        let filters = Arc::new(bound(&yitu.atlas, &key).await?);
        return Ok(draw(yitu, &key, &filters).await?.tile.clone());
    };
    let key = Key::Tile(Box::new(key));
    let Key::Tile(wanted) = &key else { return Err(ServiceError::Internal("a tile's key".to_owned())) };
    if let Some(Held::Tile(drawn)) = cache.get(&key).await
        && drawn.holds(yitu, wanted)
    {
        metrics::counter!("yitu_tiles_total", "from" => "cache").increment(1);
        return Ok(drawn.tile.clone());
    }
    metrics::counter!("yitu_tiles_total", "from" => "drawing").increment(1);
    let filters = Arc::new(bound(&yitu.atlas, wanted).await?);
    for _ in 0..TURNS {
        // One draws, and whoever asks for the same meanwhile waits for it.
        let fill = async { draw(yitu, wanted, &filters).await.map_or(Held::Failed, Held::Tile) };
        let outdated = |held: &Held| match held {
            Held::Tile(drawn) => !drawn.holds(yitu, wanted),
            _ => true,
        };
        let entry = cache.entry_by_ref(&key).or_insert_with_if(fill, outdated).await;
        // It may have been begun before the change that this asker knows of.
        if let Held::Tile(drawn) = entry.into_value()
            && drawn.holds(yitu, wanted)
        {
            return Ok(drawn.tile.clone());
        }
    }
    Ok(draw(yitu, wanted, &filters).await?.tile.clone())
}

/// A tile's bytes in an encoding.
///
/// # Errors
/// Only when the server is stopping.
pub async fn packed(yitu: &Yitu, tile: &Tile, encoding: Encoding) -> Result<Bytes, ServiceError> {
    if encoding == Encoding::Identity {
        return Ok(tile.bytes.clone());
    }
    let key = Key::Packed(tile.hash, encoding);
    if let Some(cache) = &yitu.tiles.cache.0
        && let Some(Held::Packed(bytes)) = cache.get(&key).await
    {
        return Ok(bytes);
    }
    let bytes = tile.bytes.clone();
    let packed = off_thread(move || encoding.pack(&bytes)).await??;
    if let Some(cache) = &yitu.tiles.cache.0 {
        cache.insert(key, Held::Packed(packed.clone())).await;
    }
    Ok(packed)
}

fn not_yet(seq: LogPosition) -> Problem {
    Problem::new(
        ProblemKind::Unavailable,
        "not-yet",
        ("地图尚未更新", "The map is not that far yet"),
        (
            format!("写入 {seq} 还没有反映到地图上,请稍后重试。"),
            format!("The write {seq} is not on the map yet; try again shortly."),
        ),
    )
}

impl Drawn {
    /// Whether nothing in the tile changed since it was drawn. It then need not look so far back the next time.
    fn holds(&self, yitu: &Yitu, key: &TileKey) -> bool {
        if let Some(features) = &self.features {
            return key.layers.iter().zip(features).all(|(layer, g)| yitu.atlas.layer_generation(*layer) == *g);
        }
        key.layers.iter().zip(&self.generations).all(|(&layer, held)| {
            let now = yitu.tiles.layers.generation(layer);
            let drawn_at = held.load(Ordering::Acquire);
            let holds = drawn_at == now || !yitu.tiles.layers.changed_since(layer, drawn_at, key.tile);
            if holds {
                held.fetch_max(now, Ordering::AcqRel);
            }
            holds
        })
    }
}

async fn draw(yitu: &Yitu, key: &TileKey, filters: &Arc<Vec<Bound>>) -> Result<Arc<Drawn>, ServiceError> {
    let (atlas, layers) = (Arc::clone(&yitu.atlas), Arc::clone(&yitu.tiles.layers));
    if filters.is_empty() && layers.are_few(&key.layers, key.tile, FEW) {
        return Ok(Arc::new(fill(&atlas, &layers, key, filters)));
    }
    let (key, filters) = (key.clone(), Arc::clone(filters));
    off_thread(move || Arc::new(fill(&atlas, &layers, &key, &filters))).await
}

fn fill(atlas: &Atlas, layers: &MapLayers, key: &TileKey, filters: &[Bound]) -> Drawn {
    // Before the data: a change that comes between makes the tile look outdated, never the other way round.
    let generations = key.layers.iter().map(|l| layers.generation(*l).into()).collect();
    let features = key.filter.as_ref().map(|_| key.layers.iter().map(|l| atlas.layer_generation(*l)).collect());
    let mut bytes = Vec::new();
    SCRATCH.with_borrow_mut(|scratch| {
        for (at, &layer) in key.layers.iter().enumerate() {
            let drawing = layers.drawing(layer);
            let Some(drawing) = drawing.as_ref() else { continue };
            let config = drawing.rules().config();
            let mut attributes = u32::MAX;
            if let Some(wanted) = &key.properties {
                attributes &= config.mask_of(|name| wanted.iter().any(|w| w == name));
            }
            let filter = filters.get(at);
            let matters = key.matters.as_ref().filter(|_| layer == Layer::Incident);
            let store = (filter.is_some() || matters.is_some()).then(|| atlas.layer(layer));
            let masked = layer == Layer::Household && key.people.masked();
            let fits = |filter: &Bound, feature: &Feature, schema: &Schema| {
                // A filter that read what is hidden would tell it.
                if masked { filter.admits(&veiled(layer, feature, schema)) } else { filter.admits(feature) }
            };
            let admits = |id: FeatureId| {
                store.as_ref().and_then(|s| Some((s.get(id)?, s.schema()))).is_some_and(|(feature, schema)| {
                    filter.is_none_or(|f| fits(f, feature, schema)) && matters.is_none_or(|m| m.admit(feature, schema))
                })
            };
            if masked {
                attributes &= !config.personal_mask();
            }
            let admits: Option<&dyn Fn(FeatureId) -> bool> = if store.is_some() { Some(&admits) } else { None };
            let (parts, also) = match &key.people {
                People::Some { grids, linked, .. } if layer == Layer::Household => (Some(grids), Some(linked)),
                _ => (None, None),
            };
            drawing.render(key.tile, &Wanted { attributes, admits, parts, also }, scratch, &mut bytes);
        }
    });
    Drawn { tile: Tile::of(bytes.into()), generations, features }
}

/// The filter as each layer understands it; none where there is none.
async fn bound(atlas: &Atlas, key: &TileKey) -> Result<Vec<Bound>, ServiceError> {
    let Some(text) = key.filter.clone() else { return Ok(Vec::new()) };
    let filter = off_thread(move || Filter::parse(&text, false, false)).await??;
    let zone = ogc::zone(atlas);
    let bind = |layer: &Layer| {
        let schema = atlas.layer(*layer).schema().clone();
        filter.bind(*layer, &schema, zone).map_err(ServiceError::from)
    };
    key.layers.iter().map(bind).collect()
}
