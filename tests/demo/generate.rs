//! The county as made: the same for the same seed, whole, and consistent with itself.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};
use yitu::demo::calendar::{self, WorkingTime};
use yitu::demo::county::generate;
use yitu::demo::model::{County, Incident};
use yitu::demo::plan::Plan;
use yitu::demo::raster::Xy;
use yitu::demo::topology::Polygon;

fn now() -> DateTime<Utc> {
    "2026-11-20T02:00:00Z".parse().unwrap()
}

static COUNTY: LazyLock<County> = LazyLock::new(|| generate(7, now(), &Plan::small(), &mut |_| ()));

/// Everything of a county but the seed it was asked with.
fn fingerprint(county: &County) -> String {
    format!("{:x}", Sha256::digest(format!("{:?}", County { seed: 0, ..county.clone() })))
}

#[test]
fn the_same_seed_gives_the_same_county_and_another_another() {
    let again = generate(7, now(), &Plan::small(), &mut |_| ());
    assert_eq!(fingerprint(&COUNTY), fingerprint(&again));
    let other = generate(8, now(), &Plan::small(), &mut |_| ());
    assert_ne!(fingerprint(&COUNTY), fingerprint(&other));
}

#[test]
fn counts_are_as_planned() {
    for seed in [7, 8, 9] {
        let plan = Plan::small();
        let c = generate(seed, now(), &plan, &mut |_| ());
        let level = |l| c.regions.iter().filter(|r| r.level == l).count();
        assert_eq!((level("county"), level("township"), level("village")), (1, plan.townships, plan.villages));
        let kind = |k| c.grids.iter().filter(|g| g.kind == k).count();
        assert_eq!((kind("general"), kind("dedicated")), (plan.general_grids, plan.dedicated_grids));
        assert_eq!(
            (
                c.households.len(),
                c.responders.len(),
                c.venues.len(),
                c.clusters.len(),
                c.bus_lines.len(),
                c.incidents.len()
            ),
            (plan.households, plan.responders, plan.venues, plan.clusters, plan.bus_lines, plan.incidents),
            "seed {seed}"
        );
        assert!(
            c.roads.len().abs_diff(plan.road_segments) * 3 < plan.road_segments,
            "seed {seed}: {} road segments",
            c.roads.len()
        );
    }
}

#[test]
fn no_real_county_bears_its_name() {
    let real: BTreeSet<&str> = include_str!("real_counties.txt").lines().collect();
    assert!(real.len() > 3000 && real.contains("安溪县"));
    let name = COUNTY.regions[0].name.trim_end_matches('县');
    assert!(!real.iter().any(|r| r.starts_with(name)), "{name}");
}

fn area(polygons: &[Polygon]) -> f64 {
    polygons.iter().map(Polygon::area).sum()
}

/// Directed edges of polygons, by the bits of their ends.
fn edges(polygons: &[Polygon]) -> impl Iterator<Item = ([u64; 2], [u64; 2])> + '_ {
    let bits = |p: Xy| [p.x.to_bits(), p.y.to_bits()];
    polygons.iter().flat_map(|p| &p.rings).flat_map(move |r| r.windows(2).map(move |w| (bits(w[0]), bits(w[1]))))
}

/// A name, the whole, and its parts.
type Family<'a> = (&'a str, &'a [Polygon], Vec<&'a [Polygon]>);

/// What is left of children's edges once those walked both ways are struck out must be exactly the
/// parent's edges: then neighbours share every vertex and the union is the parent.
#[test]
fn areas_are_exactly_the_union_of_their_parts() {
    let villages: Vec<_> = COUNTY.regions.iter().filter(|r| r.level == "village").collect();
    let mut families: Vec<Family> = Vec::new();
    for v in &villages {
        let parts = COUNTY.grids.iter().filter(|g| g.kind == "general" && g.village == v.id).map(|g| g.geom.as_slice());
        families.push((&v.name, &v.geom, parts.collect()));
    }
    for r in COUNTY.regions.iter().filter(|r| r.level != "village") {
        let parts = COUNTY.regions.iter().filter(|c| c.parent == Some(r.id)).map(|c| c.geom.as_slice());
        families.push((&r.name, &r.geom, parts.collect()));
    }
    for (name, whole, parts) in families {
        let mut left: BTreeSet<_> = BTreeSet::new();
        for edge in parts.iter().flat_map(|p| edges(p)) {
            assert!(!left.contains(&edge), "{name}: an edge is walked twice the same way, so two parts overlap");
            if !left.remove(&(edge.1, edge.0)) {
                left.insert(edge);
            }
        }
        assert_eq!(left, edges(whole).collect(), "{name}");
        let sum: f64 = parts.iter().map(|p| area(p)).sum();
        assert!((sum - area(whole)).abs() < 0.01, "{name}: parts have {sum} m², the whole {}", area(whole));
        assert!(area(whole) > 0.0, "{name}");
    }
}

#[test]
fn every_household_stands_in_its_grid_or_is_listed() {
    let grids: HashMap<i64, &[Polygon]> = COUNTY.grids.iter().map(|g| (g.id, g.geom.as_slice())).collect();
    let (mut unmapped, mut astray) = (0, 0);
    for h in &COUNTY.households {
        if let Some(door) = h.door {
            assert!(grids[&h.grid].iter().any(|p| p.holds(door)), "{} stands outside its grid", h.number);
            astray += usize::from(h.register_grid != h.grid);
        } else {
            unmapped += 1;
            assert_eq!(h.grid, h.register_grid, "{} has no point, so its grid is the register's", h.number);
        }
        assert!(!h.members.is_empty() && h.members[0].relation == "户主");
    }
    let share = |n: usize| n as f64 / COUNTY.households.len() as f64;
    assert!((0.02..0.05).contains(&share(unmapped)), "{unmapped} without a point");
    assert!((0.002..0.01).contains(&share(astray)), "{astray} whose register disagrees");
}

fn root(parent: &mut BTreeMap<i64, i64>, mut n: i64) -> i64 {
    while let Some(&up) = parent.get(&n).filter(|&&up| up != n) {
        n = up;
    }
    parent.entry(n).or_insert(n);
    n
}

#[test]
fn the_road_network_is_one_piece() {
    let mut parent: BTreeMap<i64, i64> = BTreeMap::new();
    let mut place: BTreeMap<i64, Xy> = BTreeMap::new();
    for r in &COUNTY.roads {
        let (a, b) = (root(&mut parent, r.from), root(&mut parent, r.to));
        parent.insert(a, b);
        for (node, end) in [(r.from, r.line[0]), (r.to, *r.line.last().unwrap())] {
            let known = place.entry(node).or_insert(end);
            assert!(known.distance(end) < 1e-6, "segments that share a node meet there");
        }
    }
    let nodes: Vec<i64> = place.keys().copied().collect();
    let roots: BTreeSet<i64> = nodes.into_iter().map(|n| root(&mut parent, n)).collect();
    assert_eq!(roots.len(), 1);
}

#[test]
fn every_general_grid_has_a_group_below_its_village() {
    let orgs: HashMap<i64, _> = COUNTY.party_orgs.iter().map(|o| (o.id, o)).collect();
    let mut groups = BTreeSet::new();
    for g in COUNTY.grids.iter().filter(|g| g.kind == "general") {
        let group = orgs[&g.group];
        assert_eq!((group.kind, group.region), ("grid_group", g.village));
        let mut above = group;
        let mut chain = vec![above.kind];
        while let Some(p) = above.parent {
            above = orgs[&p];
            chain.push(above.kind);
        }
        assert_eq!(chain, ["grid_group", "village_party_org", "township_committee", "county_committee"]);
        assert!(groups.insert(g.group), "one group a general grid");
    }
    let codes: BTreeSet<&str> = COUNTY.grids.iter().map(|g| g.code.as_str()).collect();
    assert_eq!(codes.len(), COUNTY.grids.len(), "grid codes are unique");
}

#[test]
fn every_incident_has_a_consistent_history_and_deadlines() {
    // More than a small county has, so that the rare turns of a story are among them.
    let county = generate(11, now(), &Plan { incidents: 8000, ..Plan::small() }, &mut |_| ());
    let grids: HashMap<i64, &[Polygon]> = county.grids.iter().map(|g| (g.id, g.geom.as_slice())).collect();
    let mut states = BTreeSet::new();
    for i in &county.incidents {
        states.insert(i.state);
        check_history(i);
        let ended = matches!(i.state, "closed" | "cancelled");
        assert_eq!(ended, i.closed_at.is_some(), "{}", i.number);
        assert_eq!(ended, i.next_deadline.is_none(), "{}", i.number);
        assert!(i.reported_at <= i.received_at && i.received_at <= now());
        assert!(i.reported_at > now() - Duration::days(549));
        assert!(i.accept_by >= i.received_at && i.resolve_by >= i.accept_by.min(i.resolve_by));
        let live: Vec<usize> = (0..i.assignments.len())
            .filter(|&k| i.assignments[k].owner && i.assignments[k].ended_at.is_none())
            .collect();
        assert_eq!(live, if ended { vec![] } else { vec![i.current] }, "{}", i.number);
        assert_eq!(i.grid.is_none(), i.state == "pending_location");
        if let (Some(place), Some(grid)) = (i.place, i.grid) {
            assert!(grids[&grid].iter().any(|p| p.holds(place)), "{} lies outside its grid", i.number);
        }
    }
    assert!(states.len() >= 6, "{states:?}");
}

fn check_history(i: &Incident) {
    let allowed = |action: &str, from: Option<&str>, to: &str| {
        matches!(
            (action, from, to),
            ("report", None, "pending_location" | "pending_dispatch")
                | ("resolve_on_spot", None, "closed")
                | ("dispatch", Some("pending_dispatch"), "pending_accept")
                | ("escalate", Some("pending_accept"), "pending_accept")
                | ("accept", Some("pending_accept"), "in_progress")
                | ("suspend", Some("in_progress"), "suspended")
                | ("deliberate", Some("in_progress" | "deliberating"), "deliberating")
                | ("resolve", Some("in_progress"), "pending_check")
                | ("check", Some("pending_check"), "closed" | "in_progress")
                | ("cancel", Some("pending_accept"), "cancelled")
        )
    };
    let mut before = None;
    let mut at = i.received_at;
    for s in &i.history {
        assert_eq!(s.from_state, before, "{}", i.number);
        assert!(
            allowed(s.action, s.from_state, s.to_state),
            "{}: {} {:?} → {}",
            i.number,
            s.action,
            s.from_state,
            s.to_state
        );
        assert!(s.at >= at && s.at <= now(), "{}: {} at {} after {at}", i.number, s.action, s.at);
        (before, at) = (Some(s.to_state), s.at);
        // Whoever resolved it is not whoever checks it.
        if s.action == "check" {
            assert_ne!(i.resolved_by.as_deref(), Some(s.actor.as_str()), "{}", i.number);
        }
    }
    assert_eq!(before, Some(i.state));
}

#[test]
fn working_days_skip_holidays_and_count_exchanged_weekends() {
    let work = WorkingTime::default();
    let day = |s: &str| s.parse().unwrap();
    assert!(!work.works(day("2025-10-06")) && work.works(day("2025-10-11")) && !work.works(day("2025-10-12")));
    // Tuesday 30 September 2025, 15:00 in China: Thursday the 9th, Friday the 10th, Saturday the 11th (worked).
    let from: DateTime<Utc> = "2025-09-30T07:00:00Z".parse().unwrap();
    assert_eq!(work.after_days(from, 3), "2025-10-11T07:00:00Z".parse::<DateTime<Utc>>().unwrap());
    let years: BTreeSet<i32> = calendar::days().iter().map(|d| chrono::Datelike::year(&d.0)).collect();
    assert_eq!(years, BTreeSet::from([2024, 2025, 2026, 2027]));
}
