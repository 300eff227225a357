//! A point's grid, region and who answers for it.

use std::collections::HashMap;
use std::sync::Arc;

use super::look_back::{AsOf, look_back};
use super::place::{Grid, Group, Named, NearSettlement, NearVenue, Place, Position, Region, Responsible, Text};
use super::{cluster_index, covering, int, near, point_of, swapped, text, village_index};
use crate::db::Request;
use crate::db::item::responsibility_chain;
use crate::dispatch::Sigma;
use crate::domain::{Feature, FeatureId, Layer, Problem, ProblemKind, Schema, Viewer};
use crate::geo::{LonLat, measure};
use crate::service::incident::whereabouts::sigma_of;
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
    known: HashMap<ChainKey, Arc<[Responsible]>>,
}

impl Chains {
    fn of(&self, generation: u64, key: &ChainKey) -> Option<Arc<[Responsible]>> {
        self.known.get(key).filter(|_| self.generation == generation).cloned()
    }

    fn keep(&mut self, generation: u64, key: ChainKey, chain: &Arc<[Responsible]>) {
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
) -> Result<Place, ServiceError> {
    let mut found = place(yitu, viewer, at, accuracy_m.and_then(|a| sigma_of(a, None)))?;
    if then != AsOf::default() {
        look_back(yitu, viewer, at, then, &mut found).await?;
    }
    let group = found.group.as_ref().map(|g| g.org_id);
    found.chain = chain(yitu, viewer, group, found.village.as_ref().map(|v| v.id)).await?;
    Ok(found)
}

/// Who answers, from a grid's group or a village up to the last resort, as the organisation stands now.
async fn chain(
    yitu: &Yitu,
    viewer: &Viewer,
    group: Option<FeatureId>,
    village: Option<FeatureId>,
) -> Result<Arc<[Responsible]>, ServiceError> {
    // Read before the database: what is kept may then be newer than it claims, never older.
    let generation = yitu.atlas.organisation_generation();
    let key = (viewer.county_id(), group, village);
    if let Some(known) = yitu.indexes.chains.read().of(generation, &key) {
        return Ok(known);
    }
    let mut request = Request::begin(&yitu.db.request, viewer).await?;
    let units = responsibility_chain(&mut request, group, village).await?;
    request.finish().await?;
    let chain: Arc<[Responsible]> = units
        .into_iter()
        .map(|u| Responsible { level: u.kind, unit_id: u.id, name: u.name, org_id: u.org_id, org_name: u.org_name })
        .collect();
    yitu.indexes.chains.write().keep(generation, key, &chain);
    Ok(chain)
}

fn place(yitu: &Yitu, viewer: &Viewer, at: LonLat, sigma: Option<Sigma>) -> Result<Place, ServiceError> {
    let [county, township, village] = regions(yitu, at);
    let county = county.ok_or_else(|| outside(yitu, viewer.county_id(), at))?;
    let (grids, group) = grids(yitu, at, sigma);
    let named = |f: &Arc<Feature>, schema: &Schema| Named { id: f.id, name: Text::of(f, schema, "name") };
    let cluster = cluster_index(yitu).locate(at).map(|f| named(f, yitu.atlas.layer(Layer::Cluster).schema()));
    let villager_group = {
        let store = yitu.atlas.layer(Layer::VillagerGroup);
        covering(&store, at.into(), |_| true).map(|f| named(&f, store.schema()))
    };
    Ok(Place {
        position: Position { lon: at.lon(), lat: at.lat() },
        county,
        township,
        village,
        villager_group,
        settlement: settlement(yitu, at),
        grids,
        group,
        chain: Arc::default(),
        cluster,
        venues: venues(yitu, at),
        as_of: None,
        known: None,
    })
}

/// County, township and village of a point.
fn regions(yitu: &Yitu, at: LonLat) -> [Option<Region>; 3] {
    let villages = village_index(yitu);
    let regions = yitu.atlas.layer(Layer::Region);
    let schema = regions.schema();
    let of = |level: &str| covering(&regions, at.into(), |f| text(f, schema, "level") == level);
    // Regions nest, so a village tells the rest.
    let above = |f: &Arc<Feature>| regions.get(int(f, schema, "parent_id")?).cloned();
    let village = villages.locate(at).cloned();
    let township = village.as_ref().and_then(above).or_else(|| of("township"));
    let county = township.as_ref().and_then(above).or_else(|| of("county"));
    [county, township, village].map(|region| {
        let f = region?;
        Some(Region { id: f.id, code: Text::of(&f, schema, "code"), name: Text::of(&f, schema, "name") })
    })
}

fn settlement(yitu: &Yitu, at: LonLat) -> Option<NearSettlement> {
    let store = yitu.atlas.layer(Layer::Settlement);
    let (distance_m, f) = near::nearest_in(&store, at, NEARBY_M, 1).pop()?;
    let name = Text::of(f, store.schema(), "name");
    Some(NearSettlement { id: f.id, name, distance_m: near::decimetres(distance_m) })
}

fn venues(yitu: &Yitu, at: LonLat) -> Vec<NearVenue> {
    let store = yitu.atlas.layer(Layer::Venue);
    let text = |f: &Feature, name: &str| Text::of(f, store.schema(), name);
    near::nearest_in(&store, at, NEARBY_M, VENUES)
        .into_iter()
        .filter_map(|(d, f)| {
            let c = point_of(f.geometry.as_ref()?)?;
            let (name, kind) = (text(f, "name"), text(f, "kind"));
            Some(NearVenue { id: f.id, name, kind, distance_m: near::decimetres(d), lon: c.x, lat: c.y })
        })
        .collect()
}

/// The grids a position may lie in, the most probable first, and the group of the first.
fn grids(yitu: &Yitu, at: LonLat, sigma: Option<Sigma>) -> (Vec<Grid>, Option<Group>) {
    let store = yitu.atlas.layer(Layer::Grid);
    let schema = store.schema();
    let found = super::grids::probable(yitu, at, sigma);
    let group = found.first().and_then(|c| store.get(c.grid_id)).and_then(|grid| {
        Some(Group { org_id: int(grid, schema, "group_id")?, name: Text::of(grid, schema, "group_name") })
    });
    let text = |f: &Arc<Feature>, name: &str| Text::of(f, schema, name);
    let grids = found.iter().filter_map(|c| {
        let f = store.get(c.grid_id)?;
        Some(Grid {
            id: f.id,
            code: text(f, "code"),
            name: text(f, "name"),
            kind: text(f, "kind"),
            probability: c.probability,
            version_id: None,
        })
    });
    (grids.collect(), group)
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
