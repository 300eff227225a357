//! What each role gets of households and of matters, against an oracle that reads the tables by itself: by grants,
//! appointments and links, with none of the program's own rule.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use yitu::domain::viewer::Role;
use yitu::geo::TileId;

use crate::support::mvt;
use crate::{Town, told};

#[derive(Debug, sqlx::FromRow)]
struct House {
    id: i64,
    number: String,
    name: String,
    village_id: i64,
    grid_id: Option<i64>,
    lon: Option<f64>,
    lat: Option<f64>,
    tags: Vec<String>,
}

#[derive(Debug, sqlx::FromRow)]
#[allow(clippy::struct_excessive_bools)] // what the tables say of it
struct Case {
    id: uuid::Uuid,
    number: i64,
    restricted: bool,
    is_open: bool,
    placed: bool,
    decided: bool,
    village_id: Option<i64>,
    grid_id: Option<i64>,
    units: Vec<i64>,
    reporter: Option<String>,
}

/// What an account has been given, straight from the tables.
#[derive(Debug, Default)]
struct Given {
    whole: bool,
    villages: BTreeSet<i64>,
    own_grids: BTreeSet<i64>,
    households: BTreeSet<i64>,
    units: BTreeSet<i64>,
}

/// All rows of the county.
struct Tables {
    county: i64,
    houses: Vec<House>,
    cases: Vec<Case>,
    village_of_grid: BTreeMap<i64, i64>,
}

impl Tables {
    async fn read(town: &Town) -> Self {
        let on = &town.database.databases.migrator;
        let houses = sqlx::query_as(
            "SELECT id, number, head_name AS name, village_id, grid_id, ST_X(geom) AS lon, ST_Y(geom) AS lat, tags FROM household ORDER BY id",
        );
        let cases = sqlx::query_as(
            "SELECT i.id, i.number, i.restricted, i.next_deadline_at IS NOT NULL AS is_open, i.geom IS NOT NULL AS placed,
               EXISTS (SELECT FROM dispatch_decision d WHERE d.incident_id = i.id) AS decided, i.village_id, i.grid_id,
               ARRAY(SELECT DISTINCT a.unit_id FROM assignment a WHERE a.incident_id = i.id) AS units,
               (SELECT name FROM account WHERE id = i.reported_by) AS reporter
             FROM incident i ORDER BY i.number",
        );
        let grids: Vec<(i64, i64)> = sqlx::query_as("SELECT id, village_id FROM grid").fetch_all(on).await.unwrap();
        Self {
            county: town.database.county().await,
            houses: houses.fetch_all(on).await.unwrap(),
            cases: cases.fetch_all(on).await.unwrap(),
            village_of_grid: grids.into_iter().collect(),
        }
    }

    /// The villages under a region.
    async fn villages(town: &Town, region: i64) -> Vec<i64> {
        sqlx::query_scalar(
            "SELECT v.id FROM region v LEFT JOIN region t ON t.id = v.parent_id
             WHERE v.level = 'village' AND $1 IN (v.id, t.id, t.parent_id)",
        )
        .bind(region)
        .fetch_all(&town.database.databases.migrator)
        .await
        .unwrap()
    }

    async fn given(&self, town: &Town, role: &str) -> Given {
        let on = &town.database.databases.migrator;
        let mut given = Given::default();
        let (responder, unit): (Option<i64>, Option<i64>) =
            sqlx::query_as("SELECT responder_id, unit_id FROM account WHERE name = $1")
                .bind(role)
                .fetch_one(on)
                .await
                .unwrap();
        let regions: Vec<i64> = sqlx::query_scalar(
            "SELECT g.region_id FROM access_grant g JOIN account a ON a.id = g.account_id WHERE a.name = $1 AND g.during @> now() AND g.region_id IS NOT NULL",
        )
        .bind(role)
        .fetch_all(on)
        .await
        .unwrap();
        given.whole = regions.contains(&self.county);
        for region in regions {
            given.villages.extend(Self::villages(town, region).await);
        }
        given.units.extend(unit);
        if let Some(responder) = responder {
            let posts: Vec<(i64, Option<i64>, String)> = sqlx::query_as(
                "SELECT unit_id, grid_id, role::text FROM appointment WHERE responder_id = $1 AND valid_during @> current_date AND unit_id IS NOT NULL",
            )
            .bind(responder)
            .fetch_all(on)
            .await
            .unwrap();
            given.units.extend(posts.iter().map(|p| p.0));
            let answers = |p: &&(i64, Option<i64>, String)| p.2 == "grid_worker" || p.2 == "grid_leader";
            given.own_grids.extend(posts.iter().filter(answers).filter_map(|p| p.1));
            let linked: Vec<i64> = sqlx::query_scalar(
                "SELECT household_id FROM household_link WHERE responder_id = $1 AND valid_during @> current_date",
            )
            .bind(responder)
            .fetch_all(on)
            .await
            .unwrap();
            given.households.extend(linked);
        }
        given
    }

    /// Households by number, and whether they are seen by name.
    fn houses_of<'a>(&'a self, role: &str, given: &Given) -> BTreeMap<&'a str, (&'a House, bool)> {
        let meets_people = !["department", "wall", "system_admin", "security_admin", "auditor"].contains(&role);
        let sees = |h: &House| -> Option<bool> {
            if given.households.contains(&h.id) || h.grid_id.is_some_and(|g| given.own_grids.contains(&g)) {
                return Some(true);
            }
            let of = h.grid_id.map_or(h.village_id, |g| self.village_of_grid[&g]);
            given.villages.contains(&of).then_some(false)
        };
        self.houses.iter().filter(|_| meets_people).filter_map(|h| Some((h.number.as_str(), (h, sees(h)?)))).collect()
    }

    fn lies_here(&self, given: &Given, case: &Case) -> bool {
        given.whole
            || case
                .grid_id
                .is_some_and(|g| given.own_grids.contains(&g) || given.villages.contains(&self.village_of_grid[&g]))
            || case.village_id.is_some_and(|v| given.villages.contains(&v))
    }

    fn cases_of(&self, role: &str, given: &Given) -> Vec<&Case> {
        let administers = ["system_admin", "security_admin", "auditor"].contains(&role);
        let sees = |c: &&Case| {
            let has_part = c.units.iter().any(|u| given.units.contains(u));
            let lies_here = self.lies_here(given, c) || c.reporter.as_deref() == Some(role);
            if c.restricted { has_part && role != "wall" } else { has_part || lies_here }
        };
        self.cases.iter().filter(|_| !administers).filter(sees).collect()
    }
}

/// All items of a collection, page by page.
async fn collected(town: &Town, role: &str, collection: &str) -> Vec<Value> {
    let mut path = format!("/ogc/collections/{collection}/items?limit=1000");
    let mut all = Vec::new();
    loop {
        let page = town.get(role, &path).await;
        all.extend(page["features"].as_array().unwrap().iter().cloned());
        let next = page["links"].as_array().unwrap().iter().find(|l| l["rel"] == "next");
        let Some(next) = next else {
            assert_eq!(page["numberMatched"], all.len());
            return all;
        };
        next["href"].as_str().unwrap().split_once("/ogc").unwrap().1.clone_into(&mut path);
        path.insert_str(0, "/ogc");
    }
}

/// What the points of a tile stand for together.
async fn drawn(town: &Town, role: &str, layer: &str, (lon, lat): (f64, f64), z: u8) -> u64 {
    let tile = TileId::containing(z, lon, lat);
    let mut total = 0;
    // The county is smaller than a tile of this zoom and may lie on the edge of two.
    let (x, y) = (tile.x(), tile.y());
    for (x, y) in (x - 1..=x + 1).flat_map(|x| (y - 1..=y + 1).map(move |y| (x, y))) {
        let tile = town.ask(role, Method::GET, &format!("/tiles/{layer}/{z}/{x}/{y}")).send().await.unwrap();
        let bytes = tile.bytes().await.unwrap();
        let features = if bytes.is_empty() { Vec::new() } else { mvt::layers(&bytes) };
        let count = |f: &mvt::Decoded| f.properties.get("count").map_or(1, |c| c.parse::<f64>().unwrap() as u64);
        total += features.iter().flat_map(|l| &l.features).map(count).sum::<u64>();
    }
    total
}

#[tokio::test]
async fn each_role_gets_the_households_it_is_given() {
    let town = Town::open().await;
    // A helper's household, so that a responder has something.
    let link = "INSERT INTO household_link (county_id, household_id, responder_id) SELECT a.county_id, h.id, a.responder_id FROM account a, LATERAL (SELECT id FROM household WHERE geom IS NOT NULL ORDER BY id DESC LIMIT 3) h WHERE a.name = 'responder'";
    sqlx::query(link).execute(&town.database.databases.migrator).await.unwrap();
    let tables = Tables::read(&town).await;
    let placed = tables.houses.iter().find_map(|h| h.lon.zip(h.lat)).unwrap();
    let mut sizes = BTreeSet::new();
    for role in Role::of_accounts().map(Role::code) {
        let given = tables.given(&town, role).await;
        let expected = tables.houses_of(role, &given);
        sizes.insert(expected.len());
        let may_map = !["system_admin", "security_admin", "auditor"].contains(&role);
        if !may_map {
            assert!(expected.is_empty());
            continue;
        }
        let listed = collected(&town, role, "household").await;
        let numbers: BTreeSet<&str> = listed.iter().map(|f| f["properties"]["number"].as_str().unwrap()).collect();
        assert_eq!(numbers, expected.keys().copied().collect(), "{role}");
        for feature in &listed {
            let (house, by_name) = expected[feature["properties"]["number"].as_str().unwrap()];
            let shown = feature["properties"]["name"].as_str().unwrap();
            assert_eq!(shown == house.name, by_name || house.name.chars().count() < 2, "{role} {house:?} {shown}");
        }
        let on_map = expected.values().filter(|(h, _)| h.lon.is_some()).count() as u64;
        for z in [9, 11] {
            let shown = drawn(&town, role, "household", placed, z).await;
            assert_eq!(shown, on_map, "{role} z{z}");
        }
        if role == "wall" {
            continue;
        }
        let within = town.get(role, &format!("/api/within?region={}&kind=household&limit=1", tables.county)).await;
        assert_eq!(within["count"], on_map, "{role}");
        let mut by_tag: BTreeMap<&str, u64> = BTreeMap::new();
        for (house, _) in expected.values().filter(|(h, _)| h.lon.is_some()) {
            house.tags.iter().for_each(|t| *by_tag.entry(t).or_default() += 1);
        }
        assert_eq!(within["by_tag"], json!(by_tag), "{role}");
        let coverage = town.get(role, "/api/coverage?venue_kind=clinic&max_m=1000").await;
        assert_eq!(coverage["total"], expected.len(), "{role}");
        // One by one: every ninetieth household of the county, theirs or not.
        for house in tables.houses.iter().step_by(90) {
            let theirs = expected.contains_key(house.number.as_str());
            let item = town
                .ask(role, Method::GET, &format!("/ogc/collections/household/items/{}", house.id))
                .send()
                .await
                .unwrap();
            assert_eq!(item.status() == StatusCode::OK, theirs, "{role} {house:?}");
            let found = town.get(role, &format!("/api/search?q={}&kind=household", house.number)).await;
            assert_eq!(!found["results"].as_array().unwrap().is_empty(), theirs, "{role} {house:?}");
            if let Some((lon, lat)) = house.lon.zip(house.lat) {
                let near = town.get(role, &format!("/api/near?lon={lon}&lat={lat}&kind=household&radius_m=0.5")).await;
                let is_near = near["results"].as_array().unwrap().iter().any(|r| r["id"] == house.id);
                assert_eq!(is_near, theirs, "{role} {house:?}");
            }
            if !["gis_client", "department"].contains(&role) {
                let look = town
                    .post(role, &format!("/api/households/{}/look", house.id), json!({"reason": "走访核实情况"}))
                    .await;
                // Without the key of phones a household that has one is not told in part.
                assert_eq!(look.status() != StatusCode::NOT_FOUND, theirs, "{role} {house:?}");
            }
        }
    }
    assert!(sizes.len() >= 5 && sizes.contains(&0) && sizes.contains(&tables.houses.len()), "{sizes:?}");
}

/// Of a village that is not the reporter's own, by the place of its `n`th household.
async fn report_elsewhere(town: &Town, role: &str, n: usize) {
    let sql = "SELECT ST_X(h.geom), ST_Y(h.geom) FROM household h JOIN region v ON v.id = h.village_id WHERE h.geom IS NOT NULL
               AND v.parent_id NOT IN (SELECT g.region_id FROM access_grant g JOIN account a ON a.id = g.account_id WHERE a.name = $1 AND g.region_id IS NOT NULL)
               AND v.id NOT IN (SELECT g.region_id FROM access_grant g JOIN account a ON a.id = g.account_id WHERE a.name = $1 AND g.region_id IS NOT NULL)
               AND h.grid_id NOT IN (SELECT p.grid_id FROM appointment p JOIN account a ON a.responder_id = p.responder_id WHERE a.name = $1 AND p.grid_id IS NOT NULL)
               ORDER BY h.id OFFSET $2 LIMIT 1";
    let (lon, lat): (f64, f64) =
        sqlx::query_as(sql).bind(role).bind(n as i64).fetch_one(&town.database.databases.migrator).await.unwrap();
    let body = json!({"id": uuid::Uuid::new_v4(), "category": "0301", "description": "路过看到垃圾",
        "location": {"source": "gps", "lon": lon, "lat": lat, "accuracy_m": 5}});
    told(town.post(role, "/api/incidents", body).await, StatusCode::CREATED).await;
}

#[tokio::test]
async fn each_role_gets_the_matters_it_is_given() {
    let town = Town::open().await;
    for (n, role) in ["grid_worker", "village_cadre", "township_staff"].into_iter().enumerate() {
        report_elsewhere(&town, role, n).await;
    }
    let tables = Tables::read(&town).await;
    let somewhere = tables.houses.iter().find_map(|h| h.lon.zip(h.lat)).unwrap();
    let mut sizes = BTreeSet::new();
    for role in
        Role::of_accounts().map(Role::code).filter(|r| !["system_admin", "security_admin", "auditor"].contains(r))
    {
        let given = tables.given(&town, role).await;
        let expected = tables.cases_of(role, &given);
        let open: Vec<&&Case> = expected.iter().filter(|c| !c.restricted).collect();
        sizes.insert(expected.len());
        let list = if role == "wall" { "/api/wall/incidents" } else { "/api/incidents" };
        let page = town.get(role, &format!("{list}?limit=1000")).await;
        let ids: BTreeSet<String> =
            page["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids, open.iter().map(|c| c.id.to_string()).collect(), "{role}");
        assert_eq!(page["number_matched"], open.len(), "{role}");
        let summary = town.get(role, "/api/summary").await;
        let under_way = open.iter().filter(|c| c.is_open).count();
        assert_eq!(summary["figures"]["incidents_open"], under_way, "{role}");
        let wall = role == "wall";
        let on_map = if wall { 0 } else { open.iter().filter(|c| c.is_open && c.placed).count() as u64 };
        assert_eq!(drawn(&town, role, "incident", somewhere, 9).await, on_map, "{role}");
        let items = collected(&town, role, "incident").await;
        assert_eq!(items.len(), if wall { 0 } else { open.len() }, "{role}");
        if wall {
            continue;
        }
        for case in tables.cases.iter().step_by(7).chain(tables.cases.iter().filter(|c| c.restricted)) {
            let theirs = expected.iter().any(|c| c.id == case.id);
            for part in ["", "/decisions", "/photos", "/duplicates"] {
                let path = format!("/api/incidents/{}{part}", case.id);
                let status = town.ask(role, Method::GET, &path).send().await.unwrap().status();
                // Those of the demo's past have no decision, and those that ended are like nothing that is reported.
                let whole = matches!(part, "" | "/photos") || (part == "/decisions" && case.decided);
                let answers = status == StatusCode::OK;
                assert!(if whole { answers == theirs } else { theirs || !answers }, "{role} {path} {case:?}: {status}");
            }
            let path = format!("/ogc/collections/incident/items/{}", case.number);
            let item = town.ask(role, Method::GET, &path).send().await.unwrap().status();
            assert_eq!(item == StatusCode::OK, theirs && !case.restricted, "{role} {path}");
            if !theirs && role != "gis_client" {
                let act = json!({"action": "comment", "note": "看看", "expected_version": 1});
                let acted = town.post(role, &format!("/api/incidents/{}/actions", case.id), act).await;
                told(acted, StatusCode::NOT_FOUND).await;
            }
        }
    }
    assert!(sizes.len() >= 5, "{sizes:?}");
}

#[tokio::test]
async fn each_role_gets_its_own_of_a_crowd_of_matters() {
    let town = Town::open().await;
    let crowd = sqlx::query(include_str!("../support/crowd.sql")).bind(4000);
    crowd.execute(&town.database.databases.migrator).await.unwrap();
    // All of them open, beside what was there.
    let open = "WITH opened AS (
      UPDATE incident SET state = 'pending_accept', next_deadline_at = '2027-01-01T00:00:00Z', accept_by = '2027-01-01T00:00:00Z', closed_at = NULL
      WHERE next_deadline_at IS NULL AND closed_at IS NOT NULL AND NOT EXISTS (SELECT FROM incident_history h WHERE h.incident_id = incident.id)
      RETURNING current_assignment_id)
      UPDATE assignment SET ended_at = NULL WHERE id IN (SELECT current_assignment_id FROM opened)";
    sqlx::query(open).execute(&town.database.databases.migrator).await.unwrap();
    let tables = Tables::read(&town).await;
    let somewhere = tables.houses.iter().find_map(|h| h.lon.zip(h.lat)).unwrap();
    let mut sizes = BTreeSet::new();
    for role in ["county_leader", "township_staff", "village_cadre", "grid_worker", "department", "responder"] {
        let given = tables.given(&town, role).await;
        let cases = tables.cases_of(role, &given);
        let on_map = cases.iter().filter(|c| c.is_open && c.placed && !c.restricted).count() as u64;
        sizes.insert(on_map);
        for z in [8, 9, 10] {
            let since = std::time::Instant::now();
            // The map takes them over first.
            while drawn(&town, role, "incident", somewhere, z).await != on_map {
                assert!(since.elapsed().as_secs() < 20, "{role} z{z}");
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
        }
    }
    assert!(sizes.len() > 3 && sizes.last() > Some(&1500), "{sizes:?}");
}
