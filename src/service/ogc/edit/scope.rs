//! Whose a feature is to write. All may look at roads and venues; whoever writes them has the villages they lie in.

use geo::{BoundingRect, Intersects};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::viewer::Role;
use crate::domain::{FeatureId, Layer, Problem, ProblemKind, Viewer};
use crate::geo::Geometry;
use crate::service::Yitu;
use crate::service::spatial::text;

/// Whether a feature of a layer is a viewer's to write: the region it belongs to is in their scope or, where it belongs to
/// none, a village that it meets. What lies in no village is for those who have all of the county. Households are held to
/// it by the database, row by row.
///
/// # Errors
/// `out-of-scope`.
pub(super) fn is_theirs(yitu: &Yitu, viewer: &Viewer, layer: Layer, feature: &Value) -> Result<(), Problem> {
    let scope = viewer.scope();
    if viewer.role() == Role::System || scope.whole || layer == Layer::Household {
        return Ok(());
    }
    let properties = &feature["properties"];
    let region = ["village_id", "region_id"].iter().find_map(|name| properties[name].as_i64());
    let is_theirs = match region {
        Some(region) => scope.regions.contains(&region),
        None => villages_of(yitu, &feature["geometry"]).iter().any(|village| scope.regions.contains(village)),
    };
    if is_theirs { Ok(()) } else { Err(out_of_scope(layer)) }
}

/// Whether a household keeps its number, where not all are in scope: one that is taken would tell of a household that is
/// not to be known.
///
/// # Errors
/// A problem that names `number`.
pub(super) fn keeps_number(
    viewer: &Viewer,
    layer: Layer,
    now: &Value,
    wanted: &Map<String, Value>,
) -> Result<(), Problem> {
    let sees_all = viewer.role() == Role::System || viewer.scope().whole;
    if layer != Layer::Household || sees_all || wanted.get("number") == Some(&now["properties"]["number"]) {
        return Ok(());
    }
    Err(Problem::bad_field(
        "/properties/number",
        "户号以登记为准,不在此处更改;登记有误的,请县级人员用 yitu import household 更新",
        "A household's number is the register's and is not changed here; the county updates it with yitu import household",
    ))
}

/// The villages a GeoJSON geometry meets.
fn villages_of(yitu: &Yitu, geometry: &Value) -> Vec<FeatureId> {
    let Ok(geometry) = geojson::Geometry::deserialize(geometry) else { return Vec::new() };
    let Ok(geometry) = Geometry::try_from(geometry) else { return Vec::new() };
    let Some(bounds) = geometry.bounding_rect() else { return Vec::new() };
    let regions = yitu.atlas.layer(Layer::Region);
    let villages = regions.in_bbox(bounds).filter(|r| text(r, regions.schema(), "level") == "village");
    villages.filter(|v| v.geometry.as_ref().is_some_and(|g| g.intersects(&geometry))).map(|v| v.id).collect()
}

fn out_of_scope(layer: Layer) -> Problem {
    Problem::new(
        ProblemKind::Forbidden,
        "out-of-scope",
        ("不在您的范围内", "Out of your scope"),
        (
            format!("这个{}不在您的辖区内,不能改动;如需办理,请找当地镇村或县级人员。", layer.title()),
            format!(
                "This {layer} lies in none of your regions and is not yours to write; ask its township or the county."
            ),
        ),
    )
}
