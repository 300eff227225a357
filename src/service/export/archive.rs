//! The archive itself: PMTiles version 3, made from the tiles of a part.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;

use pmtiles::{Compression, PmTilesWriter, PmtError, TileType};
use serde_json::{Value, json};

use super::part::Part;
use super::plan::{Matter, Plan};
use super::{ExportError, PERSONAL};
use crate::domain::Viewer;
use crate::service::Yitu;
use crate::service::tile::vector_layers;

/// What one tile holds when it is whole of a view, for the zoom a reader opens the archive at.
const VIEW_DEGREES: f64 = 360.0;

/// Writes the archive of a part that is complete; it has no name yet. Answers its length, bytes.
///
/// # Errors
/// When it cannot be written.
pub fn write(part: &mut Part, plan: &Plan, yitu: &Yitu, viewer: &Viewer) -> Result<u64, ExportError> {
    let path = part.archive();
    let fault = |source| ExportError::file(&path, source);
    // Persons are nobody else's business.
    let mode = if plan.matter.layers().iter().any(|l| PERSONAL.contains(l)) { 0o600 } else { 0o644 };
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&path).map_err(fault)?;
    let (kind, compression) = match plan.matter {
        Matter::Layers(_) => (TileType::Mvt, Compression::Gzip),
        // A PNG is deflated already.
        Matter::Elevation(_) => (TileType::Png, Compression::None),
    };
    let [west, south, east, north] = plan.bounds;
    let (first, last) = plan.manifest.zooms;
    let mut writer = PmTilesWriter::new(kind)
        .precompressed(compression)
        .min_zoom(first)
        .max_zoom(last)
        .bounds(west, south, east, north)
        .center(f64::midpoint(west, east), f64::midpoint(south, north))
        .center_zoom(opening_zoom(east - west, first, last))
        .metadata(metadata(plan, yitu, viewer).to_string())
        .create(&file)
        .map_err(|e| fault(io_error(e)))?;
    part.each(|place, bytes| {
        let tile = pmtiles::TileId::new(place).map_err(io_error)?;
        writer.add_tile(tile.into(), bytes).map_err(io_error)
    })?;
    writer.finalize().map_err(|e| fault(io_error(e)))?;
    file.sync_all().and_then(|()| file.metadata()).map(|m| m.len()).map_err(fault)
}

fn io_error(error: PmtError) -> io::Error {
    match error {
        PmtError::Reading(error) => error,
        other => io::Error::other(other),
    }
}

/// The zoom at which the region is about a tile wide.
fn opening_zoom(degrees: f64, first: u8, last: u8) -> u8 {
    ((VIEW_DEGREES / degrees).log2().floor() as u8).clamp(first, last)
}

/// What the archive says of itself. `vector_layers` is as in `TileJSON` 3.0.
fn metadata(plan: &Plan, yitu: &Yitu, viewer: &Viewer) -> Value {
    let (manifest, county) = (&plan.manifest, &plan.county);
    let review = county.map_review_no.as_ref().map_or_else(|| county.map_notice.clone(), |no| format!("审图号:{no}"));
    let mut said = json!({
        "name": plan.name,
        "attribution": format!("{review};{}", county.boundary_notice),
        "generator": format!("yitu {}", manifest.program),
        "yitu": manifest,
    });
    match &plan.matter {
        Matter::Layers(layers) => {
            let (first, last) = manifest.zooms;
            let configs = yitu.tiles.layers.configs();
            let shown = layers.iter().filter_map(|l| Some((*l, configs.get(*l)?)));
            let shown = shown.filter(|(_, config)| config.minzoom <= last);
            // A layer goes on to the last zoom of the archive, beyond its own.
            said["vector_layers"] = shown
                .flat_map(|(layer, c)| vector_layers(yitu, viewer, layer, c, (c.minzoom.max(first), last)))
                .collect();
        }
        Matter::Elevation(_) => {
            said["encoding"] = "terrarium".into();
            said["tileSize"] = crate::tiles::elevation::TILE_PIXELS.into();
        }
    }
    said
}
