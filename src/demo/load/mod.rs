//! Brings a county into the database: one transaction of binary COPY, every trigger and rule left on.

mod incidents;
mod people;
mod places;

use thiserror::Error;

use super::model::{County, Geom};
use super::raster::{Frame, Xy};
use super::topology::Polygon;
use crate::access::phone::PhoneKey;
use crate::db::copy::{BulkLoad, Position, Rows};

/// Why the county could not be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The database refused or went away.
    #[error("演示县数据写入失败:{0}")]
    Database(#[from] crate::db::copy::Error),
    /// A value could not be packed.
    #[error("演示县数据打包失败:{0}")]
    Pack(#[from] serde_json::Error),
}

/// A load under way.
pub struct Loader<'a> {
    load: BulkLoad,
    county: &'a County,
    /// Id of the county, in every row.
    county_id: i64,
    key: &'a PhoneKey,
}

/// Groups of tables in the order they are loaded.
pub const STAGES: [&str; 5] = ["辖区与组织", "图层", "户与人口", "事件", "校验并提交"];

/// Loads a county. `progress` hears the number of each stage as it begins, see [`STAGES`].
///
/// # Errors
/// When the database refuses a row or a deferred rule; nothing is then left behind.
pub async fn load(
    load: BulkLoad,
    county: &County,
    key: &PhoneKey,
    progress: &mut (dyn FnMut(usize) + Send),
) -> Result<u64, LoadError> {
    let mut loader = Loader { load, county, county_id: county.regions[0].id, key };
    progress(0);
    let mut rows = loader.places_and_orgs().await?;
    loader
        .load
        .analyze(&[
            "region",
            "villager_group",
            "settlement",
            "party_org",
            "handling_unit",
            "grid",
            "grid_version",
            "category",
        ])
        .await?;
    progress(1);
    rows += loader.layers().await?;
    progress(2);
    rows += loader.people().await?;
    progress(3);
    rows += loader.incidents().await?;
    loader.load.analyze(&["incident", "assignment"]).await?;
    progress(4);
    loader.load.advance_sequence("feature_id", county.last_id).await?;
    loader.load.advance_sequence("incident_number", county.incidents.len() as i64).await?;
    loader.load.commit().await?;
    Ok(rows)
}

/// A place as the database knows it.
fn position(frame: &Frame, p: Xy) -> Position {
    let p = frame.lonlat(p);
    (p.lon, p.lat)
}

fn rings<'p>(
    frame: &'p Frame,
    polygon: &'p Polygon,
) -> impl ExactSizeIterator<Item = impl ExactSizeIterator<Item = Position> + 'p> + 'p {
    polygon.rings.iter().map(move |ring| ring.iter().map(move |p| position(frame, *p)))
}

/// Writes a geometry column.
fn geometry(rows: &mut Rows, frame: &Frame, geom: &Geom) {
    match geom {
        Geom::Point(p) => rows.point(position(frame, *p)),
        Geom::Line(line) => rows.line(line.iter().map(|p| position(frame, *p))),
        Geom::Polygon(polygon) => rows.polygon(rings(frame, polygon)),
        Geom::Multi(polygons) => rows.multi_polygon(polygons.iter().map(|p| rings(frame, p))),
    };
}

/// Writes a multipolygon column.
fn multi(rows: &mut Rows, frame: &Frame, polygons: &[Polygon]) {
    rows.multi_polygon(polygons.iter().map(|p| rings(frame, p)));
}
