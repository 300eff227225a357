//! Venues, clusters of villages and social organisations.

use std::collections::BTreeSet;

use chrono::{Duration, NaiveDate};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::areas::{Areas, Ids};
use super::houses::Houses;
use super::land::{Land, dice};
use super::model::{BusLine, Cluster, ClusterMember, Geom, SocialOrg, Venue};
use super::names::pick;
use super::plan::Plan;
use super::raster::Xy;
use super::sites::middle;
use super::topology::Polygon;

/// Kind, Chinese name, people it holds, opening hours, share of the venues.
const VENUES: [(&str, &str, i32, &str, u32); 14] = [
    ("party_centre", "党群服务中心", 60, "08:00-12:00,14:30-17:30", 0),
    ("clinic", "村卫生室", 10, "08:00-17:30", 14),
    ("pavilion", "议事亭", 20, "全天", 13),
    ("corridor", "议事长廊", 30, "全天", 6),
    ("courtyard", "议事小院", 16, "08:00-21:00", 9),
    ("civilisation_station", "新时代文明实践站", 50, "08:30-17:30", 10),
    ("party_courtyard", "党建小院", 20, "08:00-20:00", 9),
    ("judge_station", "法官驿站", 8, "周三 09:00-16:00", 2),
    ("mediation_room", "调解室", 10, "08:30-17:30", 7),
    ("elder_canteen", "长者食堂", 40, "10:30-13:00,16:30-18:30", 8),
    ("book_room", "农家书屋", 15, "09:00-20:00", 8),
    ("culture_square", "文化广场", 200, "全天", 8),
    ("clan_hall", "宗祠", 80, "节庆开放", 6),
    ("points_shop", "爱心银行兑换点", 8, "周六 09:00-11:30", 6),
];

/// Opens the venues: a party centre in every village, then the rest by chance.
#[must_use]
pub fn open_venues(seed: u64, plan: &Plan, land: &Land, areas: &Areas, houses: &Houses, ids: &mut Ids) -> Vec<Venue> {
    let mut rng = dice(seed, 80);
    let mut out = Vec::new();
    let total: u32 = VENUES.iter().map(|v| v.4).sum();
    let mut grids_of = vec![Vec::new(); plan.villages];
    for (g, cell) in land.grids.iter().enumerate() {
        grids_of[cell.village as usize].push(g);
    }
    let mut seen: BTreeSet<(usize, usize)> = BTreeSet::new();
    while out.len() < plan.venues {
        let n = out.len();
        let (v, kind) = if n < plan.villages {
            (n, 0)
        } else {
            let mut r = rng.random_range(0..total);
            let kind = (0..VENUES.len())
                .find(|&k| {
                    if r < VENUES[k].4 {
                        true
                    } else {
                        r -= VENUES[k].4;
                        false
                    }
                })
                .unwrap_or(1);
            (rng.random_range(0..plan.villages), kind)
        };
        let g = if kind == 0 { land.village_centre[v] as usize } else { pick(&mut rng, &grids_of[v]) };
        // One of a kind in a village, but for the small places to talk.
        if !seen.insert((v, kind)) && !matches!(kind, 2 | 4 | 6) {
            continue;
        }
        let (place, along) = beside(&mut rng, land, houses, g);
        let (code, title, capacity, hours, _) = VENUES[kind];
        let village = areas.village(v);
        let name = match kind {
            2 | 4 | 6 | 12 => format!("{}{}{title}", village.name, areas.settlements[g].name),
            _ => format!("{}{title}", village.name),
        };
        let geom =
            if code == "culture_square" { Geom::Polygon(square(place, along, 17.0, 12.0)) } else { Geom::Point(place) };
        let spread = rng.random_range(80..130);
        out.push(Venue {
            id: ids.give(),
            village: village.id,
            kind: code,
            name,
            capacity: (capacity * spread / 100).max(4),
            hours,
            geom,
        });
    }
    out
}

/// A place in front of one of a grid's houses, else the middle of its site.
fn beside(rng: &mut ChaCha8Rng, land: &Land, houses: &Houses, g: usize) -> (Xy, (f64, f64)) {
    let range = houses.of_grid[g].clone();
    if range.is_empty() {
        return (middle(&land.suit, land.grids[g].site.cell), (1.0, 0.0));
    }
    // Houses come nearest first: public places stand among the first.
    let near = (range.len() / 4).clamp(1, 12).min(range.len());
    let house = &houses.all[range.start + rng.random_range(0..near)];
    (house.door(0.6), house.along)
}

fn square(at: Xy, along: (f64, f64), a: f64, b: f64) -> Polygon {
    let p =
        |u: f64, v: f64| Xy::new(at.x + u * a * along.0 - v * b * along.1, at.y + u * a * along.1 + v * b * along.0);
    Polygon { rings: vec![vec![p(-1.0, 1.0), p(1.0, 1.0), p(1.0, -1.0), p(-1.0, -1.0), p(-1.0, 1.0)]] }
}

const SOCIAL: [(&str, &str); 8] = [
    ("老年协会", "协会"),
    ("志愿服务队", "志愿服务"),
    ("茶叶合作社", "合作社"),
    ("红白理事会", "群众自治"),
    ("竹业合作社", "合作社"),
    ("乡贤理事会", "群众自治"),
    ("平安巡防队", "志愿服务"),
    ("民俗文化促进会", "协会"),
];

/// Founds social organisations in the villages.
#[must_use]
pub fn found_social_orgs(seed: u64, plan: &Plan, land: &Land, areas: &Areas, ids: &mut Ids) -> Vec<SocialOrg> {
    let mut rng = dice(seed, 81);
    let mut out = Vec::new();
    for v in 0..plan.villages {
        let first = rng.random_range(0..SOCIAL.len());
        for k in 0..rng.random_range(0..3_usize) {
            let (title, kind) = SOCIAL[(first + k) % SOCIAL.len()];
            let village = areas.village(v);
            let place = middle(&land.suit, land.grids[land.village_centre[v] as usize].site.cell);
            let (dx, dy) = (rng.random_range(-90.0..90.0), rng.random_range(-90.0..90.0));
            out.push(SocialOrg {
                id: ids.give(),
                region: village.id,
                name: format!("{}{title}", village.name),
                kind,
                registered: rng.random::<f64>() < 0.7,
                place: Xy::new(place.x + dx, place.y + dy),
            });
        }
    }
    out
}

const INDUSTRIES: [&str; 12] = [
    "茶叶",
    "毛竹",
    "脐橙",
    "百香果",
    "林下菌菇",
    "高山蔬菜",
    "蜜蜂养殖",
    "乡村旅游",
    "民宿",
    "烤烟",
    "槟榔芋",
    "淡水养殖",
];

/// Joins neighbouring villages to clusters and gives each its committee.
#[must_use]
#[allow(clippy::too_many_arguments)] // a cluster joins all these
pub fn join_clusters(
    seed: u64,
    today: NaiveDate,
    plan: &Plan,
    land: &Land,
    areas: &mut Areas,
    social: &[SocialOrg],
    buses: &[BusLine],
    ids: &mut Ids,
) -> Vec<Cluster> {
    let mut rng = dice(seed, 82);
    let near = village_neighbours(plan, land);
    let mut free: Vec<bool> = vec![true; plan.villages];
    let mut out = Vec::new();
    for _ in 0..plan.clusters * 40 {
        if out.len() == plan.clusters {
            break;
        }
        let start = rng.random_range(0..plan.villages);
        if !free[start] {
            continue;
        }
        let wanted = rng.random_range(3..6);
        let mut members = vec![start];
        let mut tries = 0;
        while members.len() < wanted && tries < 30 {
            tries += 1;
            let from = pick(&mut rng, &members);
            if near[from].is_empty() {
                break;
            }
            let next = pick(&mut rng, &near[from]) as usize;
            if free[next] && !members.contains(&next) {
                members.push(next);
            }
        }
        if members.len() < 2 {
            continue;
        }
        for &m in &members {
            free[m] = false;
        }
        let cluster = one_cluster(&mut rng, today, land, areas, social, buses, &members, ids);
        out.push(cluster);
    }
    out
}

#[allow(clippy::too_many_arguments)] // a cluster joins all these
fn one_cluster(
    rng: &mut ChaCha8Rng,
    today: NaiveDate,
    land: &Land,
    areas: &mut Areas,
    social: &[SocialOrg],
    buses: &[BusLine],
    members: &[usize],
    ids: &mut Ids,
) -> Cluster {
    let lead = areas.village(members[0]).clone();
    let short = lead.name.trim_end_matches('村').trim_end_matches("社区").to_string();
    let township = areas.township_org[land.village_township[members[0]] as usize].0;
    let form = ("cluster_committee", "committee");
    let committee = areas.found(ids, Some(township), form, format!("{short}片区联村党委"), lead.id);
    let since = today - Duration::days(rng.random_range(300..900));
    let mut list = Vec::new();
    for (k, &v) in members.iter().enumerate() {
        let village = areas.village(v);
        // Now and then a village joined later, or has left again.
        let from = if k > 2 { since + Duration::days(120) } else { since };
        let to = (k == 4 && rng.random::<f64>() < 0.3).then(|| today - Duration::days(40));
        list.push(ClusterMember {
            id: ids.give(),
            kind: "village",
            name: village.name.clone(),
            village: Some(village.id),
            social_org: None,
            from,
            to,
        });
        for org in social.iter().filter(|o| o.region == village.id) {
            let coop = org.kind == "合作社";
            list.push(ClusterMember {
                id: ids.give(),
                kind: if coop { "cooperative" } else { "social_org" },
                name: org.name.clone(),
                village: None,
                social_org: (!coop).then_some(org.id),
                from,
                to: None,
            });
        }
    }
    let places: Vec<Xy> =
        members.iter().map(|&v| middle(&land.suit, land.grids[land.village_centre[v] as usize].site.cell)).collect();
    // A line links the cluster when it stops near two of its villages.
    let links = |b: &&BusLine| places.iter().filter(|p| b.stops.iter().any(|s| s.1.distance(**p) < 900.0)).count() >= 2;
    let bus_lines = buses.iter().filter(links).map(|b| b.id).take(3).collect();
    let first = rng.random_range(0..INDUSTRIES.len());
    let industries =
        (0..rng.random_range(1..4_usize)).map(|k| INDUSTRIES[(first + 5 * k) % INDUSTRIES.len()]).collect();
    Cluster {
        id: ids.give(), name: format!("{short}片区联村联社"), committee, industries, members: list, bus_lines
    }
}

fn village_neighbours(plan: &Plan, land: &Land) -> Vec<Vec<u32>> {
    let mut pairs: BTreeSet<(u32, u32)> = BTreeSet::new();
    for arc in &land.topology.arcs {
        if let (Some(a), Some(b)) = (land.grids.get(arc.left as usize), land.grids.get(arc.right as usize))
            && a.village != b.village
        {
            pairs.insert((a.village, b.village));
            pairs.insert((b.village, a.village));
        }
    }
    let mut out = vec![Vec::new(); plan.villages];
    for (a, b) in pairs {
        out[a as usize].push(b);
    }
    out
}
