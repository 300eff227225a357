//! Regions, the names of places, grids, and the two trees over them: party organisations and handling units.

use std::collections::BTreeMap;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::houses::Houses;
use super::land::{Land, OUTSIDE, dice};
use super::model::{Geom, Grid, Named, PartyOrg, Region, Unit};
use super::names::{COUNTY, COUNTY_CODE, Namer, TOWNSHIPS};
use super::plan::Plan;
use super::raster::Xy;
use super::sites::{SiteKind, middle};
use super::terrain::Terrain;
use super::topology::Polygon;

/// Gives out ids, one after the other.
#[derive(Debug, Default)]
pub struct Ids(i64);

impl Ids {
    /// The next id.
    pub fn give(&mut self) -> i64 {
        self.0 += 1;
        self.0
    }

    /// The last id given.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.0
    }
}

/// The administrative side of the county.
pub struct Areas {
    /// The county, then townships, then villages.
    pub regions: Vec<Region>,
    /// One villager group a general grid, in the grids' order.
    pub groups: Vec<Named>,
    /// One settlement a general grid, in the grids' order, then small places.
    pub settlements: Vec<Named>,
    /// Party organisations.
    pub orgs: Vec<PartyOrg>,
    /// Handling units.
    pub units: Vec<Unit>,
    /// General grids in the order of the land's cells, then dedicated ones.
    pub grids: Vec<Grid>,
    /// Handling unit of each general grid.
    pub grid_unit: Vec<i64>,
    /// Party organisation and handling unit of each village.
    pub village_org: Vec<(i64, i64)>,
    /// Party organisation and handling unit of each township.
    pub township_org: Vec<(i64, i64)>,
    /// 县综治中心.
    pub centre: i64,
    /// The county duty officer's unit.
    pub duty_officer: i64,
    /// Departments by name.
    pub departments: BTreeMap<&'static str, i64>,
}

/// The county's departments that handle matters.
pub const DEPARTMENTS: [&str; 14] = [
    "公安局",
    "自然资源局",
    "生态环境局",
    "住房和城乡建设局",
    "交通运输局",
    "水利局",
    "农业农村局",
    "卫生健康局",
    "应急管理局",
    "市场监督管理局",
    "民政局",
    "人力资源和社会保障局",
    "林业局",
    "教育局",
];

impl Areas {
    /// Id of the county.
    #[must_use]
    pub fn county(&self) -> i64 {
        self.regions[0].id
    }

    /// A township by index.
    #[must_use]
    pub fn township(&self, index: usize) -> &Region {
        &self.regions[1 + index]
    }

    /// Founds a party organisation of a kind and a form; answers its id.
    pub fn found(
        &mut self,
        ids: &mut Ids,
        parent: Option<i64>,
        (kind, form): (&'static str, &'static str),
        name: String,
        region: i64,
    ) -> i64 {
        let id = ids.give();
        self.orgs.push(PartyOrg { id, parent, kind, form, name, region });
        id
    }

    /// A village by index.
    #[must_use]
    pub fn village(&self, index: usize) -> &Region {
        &self.regions[1 + self.township_org.len() + index]
    }
}

/// Whether each village is a community of the seat or a town.
fn communities(land: &Land) -> Vec<bool> {
    let mut urban = vec![(0, 0); land.village_centre.len()];
    for g in &land.grids {
        let u = &mut urban[g.village as usize];
        u.0 += u32::from(g.site.kind == SiteKind::Seat);
        u.1 += 1;
    }
    urban.iter().map(|&(a, b)| a * 2 > b).collect()
}

/// Names and orders all areas.
#[must_use]
pub fn name(
    seed: u64,
    plan: &Plan,
    terrain: &Terrain,
    land: &Land,
    houses: &Houses,
    outlines: &[Vec<Polygon>],
    ids: &mut Ids,
) -> Areas {
    let mut rng = dice(seed, 50);
    let mut namer = Namer::default();
    let regions = name_regions(plan, land, &mut rng, &mut namer, ids);
    let mut areas = Areas {
        regions,
        groups: Vec::new(),
        settlements: Vec::new(),
        orgs: Vec::new(),
        units: Vec::new(),
        grids: Vec::new(),
        grid_unit: Vec::new(),
        village_org: Vec::new(),
        township_org: vec![(0, 0); plan.townships],
        centre: 0,
        duty_officer: 0,
        departments: BTreeMap::new(),
    };
    raise_ladder(plan, land, &mut areas, ids);
    name_grids(land, outlines, &mut areas, &mut rng, &mut namer, ids);
    draw_dedicated(plan, terrain, land, houses, &mut areas, &mut rng, ids);
    name_small_places(plan, terrain, land, &mut areas, &mut rng, &mut namer, ids);
    areas
}

fn name_regions(plan: &Plan, land: &Land, rng: &mut ChaCha8Rng, namer: &mut Namer, ids: &mut Ids) -> Vec<Region> {
    let inside = |l: u32| l != OUTSIDE;
    let mut county = land.topology.areas(|l| inside(l).then_some(0));
    let mut townships = land.topology.areas(|l| inside(l).then(|| land.grids[l as usize].township));
    let mut villages = land.topology.areas(|l| inside(l).then(|| land.grids[l as usize].village));
    let county_id = ids.give();
    let mut regions = vec![Region {
        id: county_id,
        parent: None,
        level: "county",
        kind: "县",
        name: COUNTY.into(),
        code: format!("{COUNTY_CODE}000000"),
        geom: county.remove(&0).unwrap_or_default(),
    }];
    let (mut towns, mut rurals) = (99, 199);
    let mut codes = Vec::new();
    for t in 0..plan.townships {
        let (short, kind) = TOWNSHIPS[t % TOWNSHIPS.len()];
        let number = if kind == "镇" { &mut towns } else { &mut rurals };
        *number += 1;
        codes.push(format!("{COUNTY_CODE}{number:03}"));
        regions.push(Region {
            id: ids.give(),
            parent: Some(county_id),
            level: "township",
            kind,
            name: format!("{short}{kind}"),
            code: format!("{}000", codes[t]),
            geom: townships.remove(&(t as u32)).unwrap_or_default(),
        });
    }
    let urban = communities(land);
    let mut numbers = vec![(0, 199); plan.townships];
    for (v, &urban) in urban.iter().enumerate() {
        let t = land.village_township[v] as usize;
        let number = if urban { &mut numbers[t].0 } else { &mut numbers[t].1 };
        *number += 1;
        let kind = if urban { "社区" } else { "村" };
        regions.push(Region {
            id: ids.give(),
            parent: Some(regions[1 + t].id),
            level: "village",
            kind,
            name: format!("{}{kind}", namer.place(rng, "village")),
            code: format!("{}{number:03}", codes[t]),
            geom: villages.remove(&(v as u32)).unwrap_or_default(),
        });
    }
    regions
}

fn raise_ladder(plan: &Plan, land: &Land, areas: &mut Areas, ids: &mut Ids) {
    let county = areas.county();
    let committee = areas.found(ids, None, ("county_committee", "committee"), format!("中共{COUNTY}委员会"), county);
    let unit = |areas: &mut Areas, ids: &mut Ids, parent, kind, name: String, region, lead_org| {
        let id = ids.give();
        areas.units.push(Unit { id, parent, kind, name, region, lead_org });
        id
    };
    areas.duty_officer = unit(areas, ids, None, "county_duty_officer", format!("{COUNTY}值班室"), county, committee);
    areas.centre =
        unit(areas, ids, Some(areas.duty_officer), "county_centre", format!("{COUNTY}综治中心"), county, committee);
    for d in DEPARTMENTS {
        let id = unit(areas, ids, Some(areas.centre), "department", format!("{COUNTY}{d}"), county, committee);
        areas.departments.insert(d, id);
    }
    for t in 0..plan.townships {
        let (region, name) = (areas.township(t).id, areas.township(t).name.clone());
        let form = ("township_committee", "committee");
        let org = areas.found(ids, Some(committee), form, format!("中共{name}委员会"), region);
        let u = unit(areas, ids, Some(areas.centre), "township_centre", format!("{name}综治中心"), region, org);
        areas.township_org[t] = (org, u);
    }
    let mut grids_of = vec![0; plan.villages];
    for g in &land.grids {
        grids_of[g.village as usize] += 1;
    }
    for (v, &grids) in grids_of.iter().enumerate() {
        let (region, name) = (areas.village(v).id, areas.village(v).name.clone());
        let (form, title) = match grids {
            n if n > 14 => ("committee", "党委"),
            n if n > 7 => ("general_branch", "党总支"),
            _ => ("branch", "党支部"),
        };
        let (above_org, above_unit) = areas.township_org[land.village_township[v] as usize];
        let form = ("village_party_org", form);
        let org = areas.found(ids, Some(above_org), form, format!("{name}{title}"), region);
        let u = unit(areas, ids, Some(above_unit), "village_party_org", format!("{name}{title}"), region, org);
        areas.village_org.push((org, u));
    }
}

/// Each grid's number in its village: west to east, then north to south.
fn number_grids(land: &Land) -> Vec<u32> {
    let mut order: Vec<usize> = (0..land.grids.len()).collect();
    let at = |g: usize| middle(&land.suit, land.grids[g].site.cell);
    order.sort_by(|&a, &b| {
        land.grids[a]
            .village
            .cmp(&land.grids[b].village)
            .then(at(a).x.total_cmp(&at(b).x))
            .then(at(a).y.total_cmp(&at(b).y))
    });
    let mut number = vec![0_u32; land.grids.len()];
    let mut last = (u32::MAX, 0);
    for g in order {
        let village = land.grids[g].village;
        last = if last.0 == village { (village, last.1 + 1) } else { (village, 1) };
        number[g] = last.1;
    }
    number
}

fn name_grids(
    land: &Land,
    outlines: &[Vec<Polygon>],
    areas: &mut Areas,
    rng: &mut ChaCha8Rng,
    namer: &mut Namer,
    ids: &mut Ids,
) {
    let number = number_grids(land);
    for (g, cell) in land.grids.iter().enumerate() {
        let village = areas.village(cell.village as usize);
        let (village_id, village_name, village_code) = (village.id, village.name.clone(), village.code.clone());
        let (town, place) = (cell.site.kind == SiteKind::Seat, middle(&land.suit, cell.site.cell));
        let settlement =
            if town { format!("{}小区", namer.place(rng, "estate")) } else { namer.place(rng, &village_name) };
        areas.groups.push(Named {
            id: ids.give(),
            village: village_id,
            name: if town { format!("第{}居民小组", number[g]) } else { format!("第{}村民小组", number[g]) },
            kind: "",
            geom: Geom::Point(place),
        });
        let kind = match cell.site.kind {
            SiteKind::Seat | SiteKind::Town => "town",
            SiteKind::Hamlet if cell.site.weight > 0.9 => "village",
            SiteKind::Hamlet => "hamlet",
        };
        areas.settlements.push(Named {
            id: ids.give(),
            village: village_id,
            name: settlement.clone(),
            kind,
            geom: Geom::Point(place),
        });
        let (org, unit) = areas.village_org[cell.village as usize];
        let name = format!("{village_name}{settlement}网格党小组");
        let group = areas.found(ids, Some(org), ("grid_group", "group"), name.clone(), village_id);
        let u = ids.give();
        areas.units.push(Unit {
            id: u,
            parent: Some(unit),
            kind: "grid_group",
            name,
            region: village_id,
            lead_org: group,
        });
        areas.grid_unit.push(u);
        areas.grids.push(Grid {
            id: ids.give(),
            version_id: ids.give(),
            village: village_id,
            kind: "general",
            name: format!("{village_name}{settlement}网格"),
            code: format!("{village_code}{:03}", number[g]),
            group,
            geom: outlines[g].clone(),
        });
    }
}

/// What dedicated grids are drawn for.
const DEDICATED: [&str; 11] = [
    "小学",
    "中心小学",
    "中学",
    "茶业公司",
    "竹木制品厂",
    "食品厂",
    "工业小区",
    "产业园",
    "文化公园",
    "卫生院",
    "农贸市场",
];

/// Draws schools, works and parks over the general grids: rounded plots on flat ground beside houses.
fn draw_dedicated(
    plan: &Plan,
    terrain: &Terrain,
    land: &Land,
    houses: &Houses,
    areas: &mut Areas,
    rng: &mut ChaCha8Rng,
    ids: &mut Ids,
) {
    let mut order: Vec<(f64, usize)> =
        (0..land.grids.len()).map(|g| (land.grids[g].site.weight * (0.4 + rng.random::<f64>()), g)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut drawn: Vec<(Xy, f64)> = Vec::new();
    let mut numbers: BTreeMap<u32, u32> = BTreeMap::new();
    let mut round = 0;
    while drawn.len() < plan.dedicated_grids && round < 12 {
        for &(_, g) in &order {
            if drawn.len() == plan.dedicated_grids {
                break;
            }
            let cell = &land.grids[g];
            let range = houses.of_grid[g].clone();
            if range.is_empty() {
                continue;
            }
            let house = &houses.all[rng.random_range(range)];
            let (rx, ry) = (70.0 + 90.0 * rng.random::<f64>(), 55.0 + 60.0 * rng.random::<f64>());
            let i = land.label.index((house.middle.x / 50.0) as i32, (house.middle.y / 50.0) as i32).unwrap_or(0);
            let crowded = drawn.iter().any(|&(p, r)| p.distance(house.middle) < r + rx.max(ry) + 60.0);
            if crowded || terrain.slope.data[i] > 0.12 {
                continue;
            }
            drawn.push((house.middle, rx.max(ry)));
            let ring = plot(house.middle, house.along, rx, ry);
            let n = numbers.entry(cell.village).and_modify(|n| *n += 1).or_insert(900);
            let village = areas.village(cell.village as usize);
            let short = village.name.trim_end_matches(['村']).trim_end_matches("社区").to_string();
            let what = super::names::pick(rng, &DEDICATED);
            let (id, code) = (village.id, format!("{}{n:03}", village.code));
            areas.grids.push(Grid {
                id: ids.give(),
                version_id: ids.give(),
                village: id,
                kind: "dedicated",
                name: format!("{short}{what}专属网格"),
                code,
                group: areas.grids[g].group,
                geom: vec![Polygon { rings: vec![ring] }],
            });
        }
        round += 1;
    }
}

/// A closed rounded plot turned to a direction.
fn plot(middle: Xy, along: (f64, f64), rx: f64, ry: f64) -> Vec<Xy> {
    let n = 20;
    let mut ring: Vec<Xy> = (0..n)
        .map(|k| {
            // A superellipse: nearly a rectangle, its corners rounded. Run backwards, since y is south.
            let a = -f64::from(k) / f64::from(n) * std::f64::consts::TAU;
            let (s, c) = a.sin_cos();
            let f = |v: f64| v.signum() * v.abs().powf(0.45);
            let (u, v) = (rx * f(c), ry * f(s));
            Xy::new(middle.x + u * along.0 - v * along.1, middle.y + u * along.1 + v * along.0)
        })
        .collect();
    ring.push(ring[0]);
    ring
}

/// Names of passes, hills and fields that people use though nobody lives there.
fn name_small_places(
    plan: &Plan,
    terrain: &Terrain,
    land: &Land,
    areas: &mut Areas,
    rng: &mut ChaCha8Rng,
    namer: &mut Namer,
    ids: &mut Ids,
) {
    let wanted = plan.general_grids / 3;
    let mut made = 0;
    for _ in 0..wanted * 20 {
        if made == wanted {
            break;
        }
        let i = rng.random_range(0..land.label.data.len());
        let g = land.label.data[i];
        if g == OUTSIDE || terrain.above_stream[i] < 20.0 {
            continue;
        }
        let village = areas.village(land.grids[g as usize].village as usize);
        let (id, scope) = (village.id, village.name.clone());
        let name = namer.place(rng, &scope);
        areas.settlements.push(Named {
            id: ids.give(),
            village: id,
            name,
            kind: "place",
            geom: Geom::Point(middle(&land.suit, i)),
        });
        made += 1;
    }
}
