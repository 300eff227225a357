//! A point's grid, region and who answers for it.

use std::collections::HashMap;
use std::sync::Arc;

use geo::Rect;
use serde_json::{Value, json};

use super::look_back::{AsOf, look_back};
use super::{covering, grid_index, int, near, point_of, swapped, text};
use crate::atlas::LayerStore;
use crate::db::Request;
use crate::db::item::{Unit, responsibility_chain};
use crate::dispatch::probability::NearGrid;
use crate::dispatch::{Sigma, candidates};
use crate::domain::{Feature, FeatureId, Layer, Problem, ProblemKind, Viewer};
use crate::geo::{LonLat, measure};
use crate::service::incident::plan::sigma_of;
use crate::service::{ServiceError, Yitu};

/// How far settlements and venues are looked for, metres.
const NEARBY_M: f64 = 20_000.0;
const VENUES: usize = 5;

/// County, group, village.
type ChainKey = (FeatureId, Option<FeatureId>, Option<FeatureId>);

/// Chains of responsibility already asked for: at most one for each group and village, all of one generation
/// of the organisation.
#[derive(Debug, Default)]
pub struct Chains {
    generation: u64,
    known: HashMap<ChainKey, Arc<[Unit]>>,
}

impl Chains {
    fn of(&self, generation: u64, key: &ChainKey) -> Option<Arc<[Unit]>> {
        self.known.get(key).filter(|_| self.generation == generation).cloned()
    }

    fn keep(&mut self, generation: u64, key: ChainKey, chain: &Arc<[Unit]>) {
        if generation > self.generation {
            self.known.clear();
            self.generation = generation;
        }
        if generation == self.generation {
            self.known.insert(key, Arc::clone(chain));
        }
    }
}

/// All that is known of a point. With an accuracy, the radius in metres that holds the true position with 68 %,
/// the grids it may lie in with their probabilities, the most probable first. As of another day or instant, the one
/// grid it lay in and its group are those of then; regions, venues and the ladder above are those of today.
///
/// # Errors
/// `outside-county` with the distance to it, metres; `looks-swapped` when the point swapped lies inside.
pub async fn locate(
    yitu: &Yitu,
    viewer: &Viewer,
    at: LonLat,
    accuracy_m: Option<f64>,
    then: AsOf,
) -> Result<Value, ServiceError> {
    let mut answer = place(yitu, viewer, at, accuracy_m.and_then(|a| sigma_of(a, None)))?;
    if then != AsOf::default() {
        look_back(yitu, viewer, at, then, &mut answer).await?;
    }
    let group = answer["group"]["org_id"].as_i64();
    let village = answer["village"]["id"].as_i64();
    answer["chain"] = chain(yitu, viewer, group, village)
        .await?
        .iter()
        .map(|u| json!({"level": u.kind, "unit_id": u.id, "name": u.name, "org_id": u.org_id, "org_name": u.org_name}))
        .collect();
    Ok(answer)
}

/// Who answers, from a grid's group or a village up to the last resort, as the organisation stands now.
async fn chain(
    yitu: &Yitu,
    viewer: &Viewer,
    group: Option<FeatureId>,
    village: Option<FeatureId>,
) -> Result<Arc<[Unit]>, ServiceError> {
    // Read before the database: what is kept may then be newer than it claims, never older.
    let generation = yitu.atlas.organisation_generation();
    let key = (viewer.county_id(), group, village);
    if let Some(known) = yitu.indexes.chains.read().of(generation, &key) {
        return Ok(known);
    }
    let mut request = Request::begin(&yitu.db.request, viewer).await?;
    let chain: Arc<[Unit]> = responsibility_chain(&mut request, group, village).await?.into();
    request.finish().await?;
    yitu.indexes.chains.write().keep(generation, key, &chain);
    Ok(chain)
}

fn place(yitu: &Yitu, viewer: &Viewer, at: LonLat, sigma: Option<Sigma>) -> Result<Value, ServiceError> {
    let coord = at.into();
    let [county, township, village] = {
        let regions = yitu.atlas.layer(Layer::Region);
        let schema = regions.schema();
        let of = |level: &str| covering(&regions, coord, |f| text(f, schema, "level") == level);
        // Regions nest, so a village tells the rest.
        let above = |f: &Arc<Feature>| regions.get(int(f, schema, "parent_id")?).cloned();
        let village = of("village");
        let township = village.as_ref().and_then(above).or_else(|| of("township"));
        let county = township.as_ref().and_then(above).or_else(|| of("county"));
        let brief = |f: &crate::domain::Feature| json!({"id": f.id, "code": text(f, schema, "code"), "name": text(f, schema, "name")});
        [county, township, village].map(|region| region.map(|f| brief(&f)))
    };
    let county = county.ok_or_else(|| outside(yitu, viewer.county_id(), at))?;
    let (grids, group) = grids(yitu, at, sigma);
    let named = |layer: Layer| {
        let store = yitu.atlas.layer(layer);
        covering(&store, coord, |_| true).map(|f| json!({"id": f.id, "name": text(&f, store.schema(), "name")}))
    };
    let pick = |v: &Value, keys: &[&str]| {
        keys.iter().map(|k| ((*k).to_owned(), v[*k].clone())).collect::<serde_json::Map<_, _>>()
    };
    let settlement =
        near::nearest(yitu, Layer::Settlement, at, NEARBY_M, 1).first().map(|s| pick(s, &["id", "name", "distance_m"]));
    let venues: Vec<Value> = near::nearest(yitu, Layer::Venue, at, NEARBY_M, VENUES)
        .into_iter()
        .map(|mut v| {
            v["kind"] = v["properties"]["kind"].take();
            Value::Object(pick(&v, &["id", "name", "kind", "distance_m", "lon", "lat"]))
        })
        .collect();
    Ok(json!({
        "position": {"lon": at.lon(), "lat": at.lat()},
        "county": county, "township": township, "village": village,
        "villager_group": named(Layer::VillagerGroup), "settlement": settlement,
        "grids": grids, "group": group, "chain": [], "cluster": named(Layer::Cluster), "venues": venues,
    }))
}

/// The grids a position may lie in, the most probable first, and the group of the first.
fn grids(yitu: &Yitu, at: LonLat, sigma: Option<Sigma>) -> (Vec<Value>, Value) {
    let found: Vec<(Arc<Feature>, f64)> = match sigma {
        None => grid_index(yitu).all_at(at).into_iter().take(1).map(|grid| (grid, 1.0)).collect(),
        Some(sigma) => probable_grids(&yitu.atlas.layer(Layer::Grid), at, sigma),
    };
    let store = yitu.atlas.layer(Layer::Grid);
    let schema = store.schema();
    let group = found.first().and_then(|(grid, _)| {
        Some(json!({"org_id": int(grid, schema, "group_id")?, "name": text(grid, schema, "group_name")}))
    });
    let grids = found.iter().map(|(grid, probability)| {
        json!({"id": grid.id, "code": text(grid, schema, "code"), "name": text(grid, schema, "name"),
            "kind": text(grid, schema, "kind"), "probability": probability})
    });
    (grids.collect(), group.unwrap_or_default())
}

fn probable_grids(store: &LayerStore, at: LonLat, sigma: Sigma) -> Vec<(Arc<Feature>, f64)> {
    let schema = store.schema();
    let (x_m, y_m) = measure::metres_per_degree(at.lat());
    let (dx, dy) = (sigma.reach() / x_m, sigma.reach() / y_m);
    let bbox = Rect::new((at.lon() - dx, at.lat() - dy), (at.lon() + dx, at.lat() + dy));
    let near: Vec<NearGrid> = store
        .in_bbox(bbox)
        .filter_map(|grid| {
            Some(NearGrid {
                id: grid.id,
                version_id: int(grid, schema, "grid_version_id")?,
                code: text(grid, schema, "code").to_owned(),
                name: text(grid, schema, "name").to_owned(),
                dedicated: text(grid, schema, "kind") == "dedicated",
                outline: grid.geometry.clone()?,
            })
        })
        .collect();
    let found = candidates(at, Some(sigma), &near).into_iter();
    found.filter_map(|c| Some((Arc::clone(store.get(c.grid_id)?), c.probability))).collect()
}

fn outside(yitu: &Yitu, county: FeatureId, at: LonLat) -> ServiceError {
    let regions = yitu.atlas.layer(Layer::Region);
    let Some(geometry) = regions.get(county).and_then(|c| c.geometry.as_ref()) else {
        return Problem::new(
            ProblemKind::Unprocessable,
            "no-county-boundary",
            ("没有县界", "No county boundary"),
            (
                "县界还没有导入,无法定位。请先导入辖区。".to_owned(),
                "The county has no boundary yet; import the regions first.".to_owned(),
            ),
        )
        .into();
    };
    if crate::atlas::locate::covers(geometry, geo::Coord { x: at.lat(), y: at.lon() }) {
        return swapped(at.lon(), at.lat()).into();
    }
    let distance = near::distance_to(geometry, at).or_else(|| {
        let c = point_of(geometry)?;
        LonLat::new(c.x, c.y).ok().map(|c| measure::distance_m(at, c))
    });
    let metres = distance.unwrap_or_default().round();
    Problem::new(
        ProblemKind::Unprocessable,
        "outside-county",
        ("不在本县", "Outside the county"),
        (
            format!("({}, {}) 不在本县,离县界约 {metres} 米。请核对坐标及其坐标系。", at.lon(), at.lat()),
            format!(
                "({}, {}) is outside the county, about {metres} m from it. Check the position and its crs.",
                at.lon(),
                at.lat()
            ),
        ),
    )
    .with_extra("distance_m", metres)
    .into()
}
