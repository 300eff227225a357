//! Draws the tiles of a plan and makes the archive.

use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::{StreamExt, stream};
use serde_json::json;

use super::part::{Found, Part};
use super::plan::{ExportRequest, Matter, plan};
use super::{ExportError, archive, area};
use crate::domain::Viewer;
use crate::geo::TileId;
use crate::service::access::audit::{Deed, Doer, What, note};
use crate::service::{ServiceError, Yitu, county, off_thread, tile};

/// What an export tells while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It draws so many tiles, having found this of an earlier run.
    Begun(usize, Found),
    /// So many tiles are drawn.
    Drawn(usize),
    /// The archive is being made.
    Archiving,
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// What of: the region's name.
    pub name: String,
    /// Tiles looked at; the empty ones are not in the archive.
    pub tiles: usize,
    /// First and last zoom.
    pub zooms: (u8, u8),
    /// Length of the file, bytes.
    pub bytes: u64,
    /// Which state of the map it is of.
    pub state: String,
}

/// Exports the map as it stands in the atlas, which must not move meanwhile.
///
/// # Errors
/// See [`ExportError`]; what was drawn stays for the next run.
pub async fn run(yitu: &Yitu, request: &ExportRequest, hear: impl Fn(Heard)) -> Result<Exported, ExportError> {
    request.check_file()?;
    let viewer = Viewer::whole_county(county::current(yitu)?, "yitu export");
    let plan = plan(yitu, &viewer, request).await?;
    if let Some(reason) = &plan.manifest.reason {
        let detail = json!({"file": request.file.display().to_string(), "region": plan.manifest.region, "layers": plan.manifest.layers});
        let doer = Doer { viewer: viewer.clone(), origin: String::new() };
        note(yitu, &doer, Deed::Export, What { subject: "map".to_owned(), reason, detail }).await?;
    }
    let (mut part, found) = Part::open(&request.file, &plan.manifest)?;
    hear(Heard::Begun(plan.tiles.len(), found));
    let viewer = Arc::new(viewer);
    if let Some(now) = plan.manifest.now {
        let yitu = yitu.clone();
        off_thread(move || yitu.tiles.layers.draw_incidents_as_of(&yitu.atlas, now)).await?;
    }
    let waiting = plan.tiles.get(part.done()..).unwrap_or_default().to_vec();
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let drawing = waiting.into_iter().map(|tile| {
        let (yitu, viewer, matter) = (yitu.clone(), Arc::clone(&viewer), plan.matter.clone());
        async move { (tile, draw(&yitu, &viewer, &matter, tile).await) }
    });
    let mut drawn = stream::iter(drawing).buffered(at_once);
    while let Some((tile, bytes)) = drawn.next().await {
        let Some(place) = area::place(tile) else { continue };
        part.add(place.value(), &bytes?)?;
        hear(Heard::Drawn(part.done()));
    }
    drop(drawn);
    hear(Heard::Archiving);
    let (served, viewer) = (yitu.clone(), Arc::clone(&viewer));
    let file = request.file.clone();
    let (plan, bytes) = off_thread(move || {
        let bytes = archive::write(&mut part, &plan, &served, &viewer)?;
        part.finish(&file)?;
        Ok::<_, ExportError>((plan, bytes))
    })
    .await??;
    Ok(Exported {
        name: plan.name,
        tiles: plan.tiles.len(),
        zooms: plan.manifest.zooms,
        bytes,
        state: plan.manifest.state,
    })
}

/// One tile as the archive holds it; empty when nothing is there.
async fn draw(yitu: &Yitu, viewer: &Viewer, matter: &Matter, tile: TileId) -> Result<Vec<u8>, ServiceError> {
    let outcome = match matter {
        Matter::Layers(layers) => {
            let asked = tile::Asked::all(layers.to_vec(), tile);
            let drawn = tile::render(yitu, viewer, asked).await?;
            off_thread(move || if drawn.bytes.is_empty() { Ok(Vec::new()) } else { gzip(&drawn.bytes) }).await?
        }
        Matter::Elevation(grid) => {
            let grid = Arc::clone(grid);
            off_thread(move || grid.terrarium(tile).map(Option::unwrap_or_default)).await?
        }
    };
    outcome.map_err(|e| ServiceError::Internal(format!("a tile was not written: {e}")))
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}
