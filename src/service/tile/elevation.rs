//! Elevation tiles for hillshade.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Mutex;

use super::Tile;
use crate::db::elevation::StoredElevation;
use crate::db::{Request, elevation};
use crate::domain::{FeatureId, Viewer};
use crate::geo::TileId;
use crate::service::{ServiceError, Yitu, off_thread};
use crate::tiles::elevation::{Elevation, ZOOMS};

/// How long the grid in memory is used before the database is asked whether it is still the one stored.
const TRUSTED: Duration = Duration::from_secs(1);

/// The elevation grid in memory, of the county asked for last.
#[derive(Debug, Clone, Default)]
pub struct ElevationCache(Arc<Mutex<Option<Held>>>);

#[derive(Debug)]
struct Held {
    county_id: FeatureId,
    edition: Option<String>,
    grid: Option<Arc<Elevation>>,
    asked: Instant,
}

/// The viewer's county's grid, if it has one.
///
/// # Errors
/// When the database cannot be read.
pub async fn grid(yitu: &Yitu, viewer: &Viewer) -> Result<Option<Arc<Elevation>>, ServiceError> {
    let mut held = yitu.tiles.elevation.0.lock().await;
    let county_id = viewer.county_id();
    if let Some(held) = held.as_ref().filter(|h| h.county_id == county_id && h.asked.elapsed() < TRUSTED) {
        return Ok(held.grid.clone());
    }
    let mut request = Request::begin(&yitu.db.request, viewer).await?;
    let edition = elevation::edition(&mut request).await?;
    let asked = Instant::now();
    if let Some(held) = held.as_mut().filter(|h| h.county_id == county_id && h.edition == edition) {
        held.asked = asked;
        request.finish().await?;
        return Ok(held.grid.clone());
    }
    let stored = elevation::load(&mut request).await?;
    request.finish().await?;
    let (edition, grid) = match stored {
        Some((edition, stored)) => (Some(edition), Some(Arc::new(decode(&stored)?))),
        None => (None, None),
    };
    *held = Some(Held { county_id, edition, grid: grid.clone(), asked });
    Ok(grid)
}

/// The viewer's county's grid, if it has one, and what it is made of, read anew.
///
/// # Errors
/// When the database cannot be read.
pub async fn read(yitu: &Yitu, viewer: &Viewer) -> Result<Option<(Elevation, StoredElevation)>, ServiceError> {
    let mut request = Request::begin(&yitu.db.request, viewer).await?;
    let stored = elevation::load(&mut request).await?;
    request.finish().await?;
    stored.map(|(_, stored)| Ok((decode(&stored)?, stored))).transpose()
}

fn decode(stored: &StoredElevation) -> Result<Elevation, ServiceError> {
    let metres: Vec<i16> = stored.heights.chunks_exact(2).map(|c| i16::from_le_bytes([c[0], c[1]])).collect();
    let cell = (stored.cell_degrees_x, stored.cell_degrees_y);
    Elevation::new((stored.west, stored.north), cell, stored.columns.unsigned_abs() as usize, &metres)
        .ok_or_else(|| ServiceError::Internal("the stored elevation grid has no whole rows".to_owned()))
}

/// The elevation tile as a PNG; empty outside the zooms and the data.
///
/// # Errors
/// When the database cannot be read.
pub async fn render(yitu: &Yitu, viewer: &Viewer, tile: TileId) -> Result<Tile, ServiceError> {
    let grid = grid(yitu, viewer).await?.filter(|_| (ZOOMS.0..=ZOOMS.1).contains(&tile.z()));
    let Some(grid) = grid else { return Ok(Tile::of(Bytes::new())) };
    let drawn = off_thread(move || grid.terrarium(tile)).await?;
    let png = drawn.map_err(|e| ServiceError::Internal(format!("an elevation tile was not written: {e}")))?;
    Ok(Tile::of(png.unwrap_or_default().into()))
}
