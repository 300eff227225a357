//! The whole county, stage after stage.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rand::Rng;

use super::areas::{self, Areas, Ids};
use super::calendar::{self, china};
use super::helpers::{self, Helpers};
use super::houses;
use super::incidents::{self, Cast};
use super::land::{self, Land, OUTSIDE, dice};
use super::model::{Category, County, Geom, Ground, Household, Incident, Rule};
use super::names::pick;
use super::plan::Plan;
use super::raster::{Frame, Raster, Xy};
use super::terrain::{self, Terrain};
use super::topology::Polygon;
use super::{cover, deliberations, people, places, roads, rules, transport, water};

/// Where the middle of the drawn land lies, degrees.
const CENTRE: (f64, f64) = (117.2, 25.6);

/// The stages, for whoever shows progress.
pub const STAGES: [&str; 8] =
    ["造山理水", "划分网格", "修筑道路", "建造房屋", "土地利用", "组织与阵地", "户与人口", "事件与台账"];

/// Makes the county of a seed. `progress` hears the number of each stage as it begins, see [`STAGES`].
#[must_use]
pub fn generate(seed: u64, now: DateTime<Utc>, plan: &Plan, progress: &mut dyn FnMut(usize)) -> County {
    let today = now.with_timezone(&china()).date_naive();
    let Scene { terrain, lakes, land, outlines, net, counts, houses } = build(seed, plan, progress);
    progress(4);
    let patches = cover::draw(seed, &terrain, &land, &lakes, &houses);
    progress(5);
    let mut ids = Ids::default();
    let mut areas = areas::name(seed, plan, &terrain, &land, &houses, &outlines, &mut ids);
    let roads = transport::rows(&net, &mut ids);
    let bus_lines = transport::bus_lines(plan, &land, &areas, &net, &mut ids);
    let venues = places::open_venues(seed, plan, &land, &areas, &houses, &mut ids);
    let social_orgs = places::found_social_orgs(seed, plan, &land, &areas, &mut ids);
    let clusters = places::join_clusters(seed, today, plan, &land, &mut areas, &social_orgs, &bus_lines, &mut ids);
    let water = draw_water(seed, &terrain, &land, &lakes, &mut ids);
    let land_use = covers_of(patches, &mut ids);
    let buildings = outlines_of(&houses, &mut ids);
    progress(6);
    let households = people::settle(seed, today, &land, &areas, &houses, &counts, &mut ids);
    let helpers = helpers::appoint(seed, now, plan, &land, &areas, &households, &mut ids);
    progress(7);
    let mut happened = happen((seed, now, plan), (&land, &areas), (&households, &helpers), &mut ids);
    let places = deliberations::Places { venues: &venues, regions: &areas.regions, categories: &happened.categories };
    let deliberations = deliberations::convene(seed, now, &places, &mut happened.incidents, &mut ids);
    let Areas { regions, groups, settlements, orgs, units, grids, .. } = areas;
    County {
        seed,
        now,
        frame: Frame::centred(CENTRE.0, CENTRE.1, plan.width_m(), plan.height_m()),
        heights: terrain.height,
        regions,
        groups,
        settlements,
        party_orgs: orgs,
        units,
        grids,
        households,
        responders: helpers.all,
        duties: helpers.duties,
        links: helpers.links,
        venues,
        clusters,
        social_orgs,
        bus_lines,
        roads,
        water,
        land_use,
        buildings,
        categories: happened.categories,
        rules: happened.rules,
        calendar: calendar::days(),
        incidents: happened.incidents,
        deliberations,
        last_id: ids.last(),
    }
}

/// What people report, and by which rules it goes.
struct Happened {
    categories: Vec<Category>,
    rules: Vec<Rule>,
    incidents: Vec<Incident>,
}

fn happen(
    (seed, now, plan): (u64, DateTime<Utc>, &Plan),
    (land, areas): (&Land, &Areas),
    (households, helpers): (&[Household], &Helpers),
    ids: &mut Ids,
) -> Happened {
    let categories = rules::categories(ids);
    let rules = rules::rules(areas, &categories);
    let cast = Cast { land, areas, households, helpers, categories: &categories, rules: &rules };
    let incidents = incidents::tell(seed, now, plan, &cast, ids);
    Happened { categories, rules, incidents }
}

/// What stands on the ground, before anything has a name.
struct Scene {
    terrain: Terrain,
    lakes: Raster<u32>,
    land: Land,
    /// Polygons of the general grids.
    outlines: Vec<Vec<Polygon>>,
    net: roads::Network,
    /// Households of each general grid.
    counts: Vec<u32>,
    houses: houses::Houses,
}

fn build(seed: u64, plan: &Plan, progress: &mut dyn FnMut(usize)) -> Scene {
    progress(0);
    let terrain = terrain::shape(seed, plan.width, plan.height);
    let lakes = water::reservoirs(&terrain, (plan.townships / 3).max(1));
    progress(1);
    let land = land::divide(seed, plan, &terrain, &lakes);
    let outlines: Vec<Vec<Polygon>> = land.topology.areas(|l| (l != OUTSIDE).then_some(l)).into_values().collect();
    progress(2);
    let net = roads::build(plan, &terrain, &land, &lakes);
    progress(3);
    let counts = people::spread(plan, &land);
    let houses = houses::build(seed, &terrain, &land, &lakes, &net, &outlines, &counts);
    Scene { terrain, lakes, land, outlines, net, counts, houses }
}

/// House outlines as rows.
fn outlines_of(houses: &houses::Houses, ids: &mut Ids) -> Vec<Ground> {
    let outline = |h: &houses::House| Geom::Polygon(Polygon { rings: vec![h.ring().to_vec()] });
    houses.all.iter().map(|h| ground(ids, h.kind, outline(h))).collect()
}

/// Land use as rows.
fn covers_of(patches: Vec<cover::Patch>, ids: &mut Ids) -> Vec<Ground> {
    patches.into_iter().map(|p| ground(ids, cover::KINDS[p.kind as usize], Geom::Polygon(p.polygon))).collect()
}

fn ground(ids: &mut Ids, kind: &'static str, geom: Geom) -> Ground {
    Ground { id: ids.give(), kind, name: String::new(), geom }
}

/// Rivers and streams that touch the county, widened surfaces of the rivers, and reservoirs.
fn draw_water(seed: u64, terrain: &Terrain, land: &Land, lakes: &Raster<u32>, ids: &mut Ids) -> Vec<Ground> {
    let mut rng = dice(seed, 85);
    let mut names: BTreeMap<u32, String> = BTreeMap::new();
    let mut out = Vec::new();
    let reaches: Vec<water::Reach> = water::reaches(terrain)
        .into_iter()
        .filter(|r| r.cells.iter().any(|&c| land.label.data[c] != OUTSIDE))
        .collect();
    let mut greatest: BTreeMap<u32, f32> = BTreeMap::new();
    for r in &reaches {
        let g = greatest.entry(r.stem).or_insert(0.0);
        *g = g.max(r.km2);
    }
    let main = greatest.iter().max_by(|a, b| a.1.total_cmp(b.1)).map(|g| *g.0);
    for r in reaches {
        let name = names.entry(r.stem).or_insert_with(|| {
            if Some(r.stem) == main {
                "岚溪".into()
            } else if greatest[&r.stem] > 8.0 {
                format!(
                    "{}{}溪",
                    pick(&mut rng, &["清", "白", "大", "小", "东", "西", "龙", "石", "金", "青"]),
                    pick(&mut rng, &["石", "竹", "潭", "坑", "岩", "沙", "枫", "湾", "滩", "樟"])
                )
            } else if rng.random::<f64>() < 0.5 {
                format!(
                    "{}{}",
                    pick(&mut rng, &["上", "下", "深", "横", "长", "竹", "杉", "茶"]),
                    pick(&mut rng, &["坑", "涧", "圳", "垄坑"])
                )
            } else {
                String::new()
            }
        });
        let kind = if r.km2 > water::RIVER_KM2 { "river" } else { "stream" };
        if let Some(surface) = (kind == "river").then(|| water::surface(&r)).flatten() {
            out.push(Ground { id: ids.give(), kind, name: String::new(), geom: Geom::Multi(surface) });
        }
        out.push(Ground { id: ids.give(), kind, name: name.clone(), geom: Geom::Line(r.line) });
    }
    for outline in water::outlines(lakes) {
        let inside = outline.iter().flat_map(|p| &p.rings[0]).any(|p| cell_inside(land, *p));
        if inside {
            let name = format!(
                "{}{}水库",
                pick(&mut rng, &["龙", "白", "云", "石", "青", "大"]),
                pick(&mut rng, &["潭", "坑", "湖", "岩", "坪", "源"])
            );
            out.push(Ground { id: ids.give(), kind: "reservoir", name, geom: Geom::Multi(outline) });
        }
    }
    out
}

fn cell_inside(land: &Land, p: Xy) -> bool {
    let size = f64::from(terrain::CELL_M);
    land.label.get((p.x / size) as i32, (p.y / size) as i32).is_some_and(|l| l != OUTSIDE)
}
