//! Renders a tile, or finds it in the cache.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use moka::future::Cache;
use sha2::{Digest, Sha256};

use crate::atlas::Atlas;
use crate::domain::{Feature, Layer, LogPosition, Problem, ProblemKind, Value, Viewer};
use crate::geo::TileId;
use crate::service::{ServiceError, Yitu, off_thread};
use crate::tiles::{TileConfigs, encode::EXTENT, render::render as render_layer, shape::BUFFER};

/// How long a tile waits for a write to arrive in the atlas.
const WAIT: Duration = Duration::from_secs(10);

/// A tile ready to send.
#[derive(Debug, Clone)]
pub struct Tile {
    /// MVT, uncompressed, or PNG; empty when nothing is there.
    pub bytes: Bytes,
    /// Hash of the bytes, hexadecimal.
    pub hash: String,
}

impl Tile {
    /// With the hash of its bytes.
    #[must_use]
    pub fn of(bytes: Bytes) -> Self {
        let hash = Sha256::digest(&bytes).iter().take(16).fold(String::new(), |text, b| format!("{text}{b:02x}"));
        Self { bytes, hash }
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
}

#[derive(Debug, Clone)]
struct Cached {
    tile: Tile,
    generations: Vec<u64>,
    /// When an incident on it passes its deadline.
    until: Option<DateTime<Utc>>,
}

type Key = (Vec<Layer>, TileId, i64);

/// Rendered tiles, bounded in bytes. An entry says what it was rendered from and holds while nothing within
/// the tile changed since.
#[derive(Debug, Clone)]
pub struct TileCache(Option<Cache<Key, Arc<Cached>>>);

impl TileCache {
    /// A cache of so many bytes; of 0 it keeps nothing.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let weigh = |_: &Key, c: &Arc<Cached>| (c.tile.bytes.len() + 256) as u32;
        Self((bytes > 0).then(|| Cache::builder().max_capacity(bytes).weigher(weigh).build()))
    }
}

/// Reads a comma list of layers: known, with tiles, each once.
///
/// # Errors
/// The problem `unknown-layer`, which names those that exist.
pub fn layers(configs: &TileConfigs, list: &str) -> Result<Vec<Layer>, ServiceError> {
    let mut layers = Vec::new();
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

/// The tile as the viewer may see it now.
///
/// # Errors
/// The problem `not-yet` when the write asked for does not arrive.
pub async fn render(yitu: &Yitu, viewer: &Viewer, asked: Asked) -> Result<Tile, ServiceError> {
    if let Some(seq) = asked.min_seq
        && !yitu.atlas.wait_for(seq, WAIT).await
    {
        return Err(Problem::new(
            ProblemKind::Unavailable,
            "not-yet",
            ("地图尚未更新", "The map is not that far yet"),
            (
                format!("写入 {seq} 还没有反映到地图上,请稍后重试。"),
                format!("The write {seq} is not on the map yet; try again shortly."),
            ),
        )
        .into());
    }
    let now = yitu.clock.now();
    let bbox = asked.tile.bbox(BUFFER / f64::from(EXTENT));
    let key = (asked.layers.clone(), asked.tile, viewer.county_id());
    let known = match &yitu.tiles.cache.0 {
        Some(cache) => cache.get(&key).await,
        None => None,
    };
    if let Some(cached) = known {
        let changed = asked.layers.iter().zip(&cached.generations).any(|(l, g)| yitu.atlas.changed_since(*l, *g, bbox));
        if !changed && cached.until.is_none_or(|until| now < until) {
            return Ok(cached.tile.clone());
        }
    }
    let (atlas, configs) = (yitu.atlas.clone(), yitu.tiles.configs.clone());
    let cached = Arc::new(off_thread(move || fill(&atlas, &configs, &asked, now)).await?);
    if let Some(cache) = &yitu.tiles.cache.0 {
        cache.insert(key, cached.clone()).await;
    }
    Ok(cached.tile.clone())
}

fn fill(atlas: &Atlas, configs: &TileConfigs, asked: &Asked, now: DateTime<Utc>) -> Cached {
    // Before the data: a change that comes between makes the tile look outdated, never the other way round.
    let generations = asked.layers.iter().map(|l| atlas.layer_generation(*l)).collect();
    let bbox = asked.tile.bbox(BUFFER / f64::from(EXTENT));
    let mut bytes = Vec::new();
    let mut until = None;
    for &layer in &asked.layers {
        let Some(config) = configs.get(layer).filter(|c| asked.tile.z() >= c.minzoom) else { continue };
        let store = atlas.layer(layer);
        let found: Vec<Arc<Feature>> = store.in_bbox(bbox).cloned().collect();
        let schema = store.schema().clone();
        drop(store);
        let deadline = |f: &Feature| {
            let text = f.get(&schema, "next_deadline_at").and_then(Value::as_text)?;
            text.parse::<DateTime<Utc>>().ok()
        };
        if layer == Layer::Incident {
            until = found.iter().filter_map(|f| deadline(f)).filter(|d| *d > now).min();
        }
        let derived = |f: &Feature, name: &str| match name {
            "overdue" => Some(Value::Bool(deadline(f).is_some_and(|d| d <= now))),
            _ => None,
        };
        render_layer(
            &mut bytes,
            layer.name(),
            (&schema, config),
            asked.tile,
            found.iter().map(AsRef::as_ref),
            &derived,
        );
    }
    Cached { tile: Tile::of(bytes.into()), generations, until }
}
