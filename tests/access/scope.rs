//! Nobody sees a household, or a matter, that is not theirs: the database, the map in memory and the rule say the same.

use std::collections::BTreeSet;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use yitu::access::sight::{HouseholdPlace, MatterPlace, of_household, of_matter};
use yitu::db::Request;
use yitu::domain::viewer::{Role, Scope, Sight};
use yitu::domain::{Layer, Viewer};
use yitu::geo::TileId;
use yitu::service::access::principal::of_secret;
use yitu::service::seen;

use crate::leak::heard;
use crate::{Town, encoded, problem, told};

/// What scopes are drawn from: villages with their grids, units, households.
struct Pool {
    county: i64,
    villages: Vec<i64>,
    grids: Vec<(i64, i64)>,
    units: Vec<i64>,
    households: Vec<i64>,
}

fn some(rng: &mut ChaCha8Rng, all: &[i64], most: usize) -> BTreeSet<i64> {
    let n = rng.random_range(0..=most);
    all.choose_multiple(rng, n).copied().collect()
}

fn principal(rng: &mut ChaCha8Rng, pool: &Pool, accounts: &[i64]) -> Viewer {
    let roles: Vec<Role> = Role::of_accounts().collect();
    let regions = some(rng, &pool.villages, 6);
    let all_grids: Vec<i64> = pool.grids.iter().map(|g| g.0).collect();
    let mut grids = some(rng, &all_grids, 4);
    grids.extend(pool.grids.iter().filter(|(_, village)| regions.contains(village)).map(|g| g.0));
    let scope = Scope {
        whole: rng.random_bool(0.1),
        in_full: grids.iter().copied().filter(|_| rng.random_bool(0.3)).collect(),
        households: some(rng, &pool.households, 5),
        units: some(rng, &pool.units, 6),
        grids,
        regions,
        ..Scope::default()
    };
    Viewer::of_account(pool.county, *accounts.choose(rng).unwrap(), "随机", *roles.choose(rng).unwrap(), scope)
}

#[tokio::test]
async fn the_database_and_the_map_hold_random_principals_to_the_one_rule() {
    let town = Town::open().await;
    let (owner, yitu) = (&town.database.databases.migrator, &town.server.yitu);
    sqlx::query("UPDATE household SET grid_id = NULL WHERE id % 97 = 0").execute(owner).await.unwrap();
    let reporters: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM account ORDER BY id LIMIT 3").fetch_all(owner).await.unwrap();
    let by = "UPDATE incident SET reported_by = $1[1 + number % 3] WHERE number % 11 = 0";
    sqlx::query(by).bind(&reporters).execute(owner).await.unwrap();
    let households: Vec<(i64, Option<i64>, i64)> =
        sqlx::query_as("SELECT id, grid_id, village_id FROM household").fetch_all(owner).await.unwrap();
    let matters: Vec<(i64, bool, Option<i64>, Option<i64>, Option<i64>, Vec<i64>)> = sqlx::query_as(
        "SELECT i.number, i.restricted, i.grid_id, i.village_id, i.reported_by,
           ARRAY(SELECT a.unit_id FROM assignment a WHERE a.incident_id = i.id) FROM incident i",
    )
    .fetch_all(owner)
    .await
    .unwrap();
    let pool = Pool {
        county: town.database.county().await,
        villages: sqlx::query_scalar("SELECT id FROM region WHERE level = 'village' ORDER BY id")
            .fetch_all(owner)
            .await
            .unwrap(),
        grids: sqlx::query_as("SELECT id, village_id FROM layer_grid ORDER BY id").fetch_all(owner).await.unwrap(),
        units: sqlx::query_scalar("SELECT id FROM handling_unit ORDER BY id").fetch_all(owner).await.unwrap(),
        households: households.iter().map(|h| h.0).collect(),
    };
    // The map takes over what was just changed.
    let everything = Viewer::whole_county(pool.county, "");
    let truly: i64 = town.one("SELECT count(*) FROM household WHERE grid_id IS NULL").await;
    for _ in 0..400 {
        let bare = {
            let layer = seen::layer(yitu, &everything, Layer::Household);
            layer
                .iter()
                .filter(|f| f.get(layer.schema(), "grid_id").and_then(yitu::domain::Value::as_int).is_none())
                .count()
        };
        if bare as i64 == truly {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(55);
    let (mut people, mut cases) = (0, 0);
    for _ in 0..60 {
        let viewer = principal(&mut rng, &pool, &reporters);
        let by_rule: BTreeSet<i64> = households
            .iter()
            .filter(|(id, grid, village)| {
                of_household(&viewer, HouseholdPlace { id: *id, grid: *grid, village: Some(*village) }) > Sight::Nothing
            })
            .map(|h| h.0)
            .collect();
        let matters_by_rule: BTreeSet<i64> = matters
            .iter()
            .filter(|(_, restricted, grid, village, reported_by, units)| {
                let at = MatterPlace {
                    restricted: *restricted,
                    grid: *grid,
                    village: *village,
                    units,
                    reported_by: *reported_by,
                };
                of_matter(&viewer, at)
            })
            .map(|m| m.0)
            .collect();
        let mut on = Request::begin(&yitu.db.request, &viewer).await.unwrap();
        let read: Vec<i64> = sqlx::query_scalar("SELECT id FROM household").fetch_all(&mut *on).await.unwrap();
        assert_eq!(read.into_iter().collect::<BTreeSet<i64>>(), by_rule, "{viewer:?}");
        let read: Vec<i64> = sqlx::query_scalar("SELECT number FROM incident").fetch_all(&mut *on).await.unwrap();
        assert_eq!(read.into_iter().collect::<BTreeSet<i64>>(), matters_by_rule, "{viewer:?}");
        let orphans: i64 = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM member m WHERE NOT EXISTS (SELECT FROM household h WHERE h.id = m.household_id))
                  + (SELECT count(*) FROM phone p WHERE p.household_id IS NOT NULL AND NOT EXISTS (SELECT FROM household h WHERE h.id = p.household_id))",
        )
        .fetch_one(&mut *on)
        .await
        .unwrap();
        assert_eq!(orphans, 0, "members and phones of households that are not theirs");
        drop(on);
        let seen: BTreeSet<i64> = seen::layer(yitu, &viewer, Layer::Household).iter().map(|f| f.id).collect();
        assert_eq!(seen, by_rule, "on the map: {viewer:?}");
        people += by_rule.len();
        cases += matters_by_rule.len();
    }
    assert!(people > 1000 && cases > 100, "{people} {cases}");
    // Whoever has not said who asks sees nothing at all.
    let mut bare = yitu.db.request.acquire().await.unwrap();
    let tables =
        ["household", "member", "phone", "household_link", "incident", "incident_history", "dispatch_decision"];
    for table in tables {
        let n: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(&mut *bare)
            .await
            .unwrap();
        assert_eq!(n, 0, "{table}");
    }
}

/// A household and everything it could be known by.
#[derive(Debug, sqlx::FromRow)]
struct Planted {
    id: i64,
    number: String,
    head_name: String,
    address: String,
    lon: f64,
    lat: f64,
    village_id: i64,
}

#[tokio::test]
async fn a_household_out_of_scope_is_in_no_answer() {
    let town = Town::open().await;
    let worker = of_secret(&town.server.yitu, town.tokens["grid_worker"].as_str().unwrap()).await.unwrap().unwrap();
    assert!(!worker.viewer.scope().grids.is_empty() && !worker.viewer.scope().whole);
    let sql = "SELECT h.id, h.number, h.head_name, h.address, ST_X(h.geom) AS lon, ST_Y(h.geom) AS lat, h.village_id FROM household h
               WHERE h.geom IS NOT NULL AND (h.grid_id = ANY($1)) = $2 AND NOT (h.id = ANY($3)) AND h.head_name IN (SELECT head_name FROM household GROUP BY 1 HAVING count(*) = 1)
               ORDER BY h.id LIMIT 1";
    let plant = async |own: bool| -> Planted {
        let (grids, linked): (Vec<i64>, Vec<i64>) = (
            worker.viewer.scope().grids.iter().copied().collect(),
            worker.viewer.scope().households.iter().copied().collect(),
        );
        sqlx::query_as(sql)
            .bind(grids)
            .bind(own)
            .bind(linked)
            .fetch_one(&town.database.databases.migrator)
            .await
            .unwrap()
    };
    for (own, planted) in [(true, plant(true).await), (false, plant(false).await)] {
        let Planted { id, number, head_name, address, lon, lat, village_id } = &planted;
        let tile = TileId::containing(16, *lon, *lat);
        let (x, y) = (tile.x(), tile.y());
        let get = async |path: String| {
            let response = town.ask("grid_worker", Method::GET, &path).send().await.unwrap();
            let status = response.status();
            let headers = format!("{:?}", response.headers());
            let bytes = response.bytes().await.unwrap();
            // The question itself comes back in links; what it is about must not.
            let text = match serde_json::from_slice::<Value>(&bytes) {
                Ok(mut body) => {
                    body.as_object_mut().unwrap().remove("links");
                    body.to_string()
                }
                Err(_) => String::from_utf8_lossy(&bytes).into_owned(),
            };
            (status, headers + &text)
        };
        let questions = [
            format!("/api/near?lon={lon}&lat={lat}&kind=household&radius_m=30"),
            format!("/api/within?region={village_id}&kind=household&limit=1000"),
            format!("/api/search?q={}&kind=household", encoded(head_name)),
            format!("/api/search?q={number}"),
            format!("/ogc/collections/household/items?filter={}", encoded(&format!("number = '{number}'"))),
            format!(
                "/ogc/collections/household/items?bbox={},{},{},{}",
                lon - 1e-4,
                lat - 1e-4,
                lon + 1e-4,
                lat + 1e-4
            ),
            format!("/ogc/collections/household/items/{id}"),
            format!("/tiles/household/16/{x}/{y}"),
            format!("/tiles/household/16/{x}/{y}?filter={}", encoded(&format!("number = '{number}'"))),
            format!("/ogc/collections/household/tiles/WebMercatorQuad/16/{y}/{x}"),
        ];
        for path in questions {
            let (status, text) = get(path.clone()).await;
            let told = [number, head_name, address].into_iter().any(|word| text.contains(word.as_str()));
            assert_eq!(told, own, "{path}: {status} {planted:?} {}", text.chars().take(300).collect::<String>());
        }
        // As if there were none.
        if !own {
            let (status, text) = get(format!("/ogc/collections/household/items/{id}")).await;
            let (nothing, same) = get("/ogc/collections/household/items/99999999".to_owned()).await;
            assert_eq!((status, nothing), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
            let without = |text: &str, id: &str| {
                text[text.find('{').unwrap()..].replace(id, "").split("request_id").next().unwrap().len()
            };
            assert_eq!(without(&text, &id.to_string()), without(&same, "99999999"));
            let report = json!({"id": uuid::Uuid::new_v4(), "category": "0301", "description": "垃圾", "location": {"source": "household", "household_id": id}});
            let refused = town.post("grid_worker", "/api/incidents", report).await;
            assert_eq!(problem(refused, StatusCode::BAD_REQUEST).await, "bad-field");
        }
    }
}

#[tokio::test]
async fn a_matter_is_known_to_those_it_concerns() {
    let town = Town::open().await;
    let worker = of_secret(&town.server.yitu, town.tokens["grid_worker"].as_str().unwrap()).await.unwrap().unwrap();
    let grid = *worker.viewer.scope().grids.iter().next().unwrap();
    let place = "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) p FROM layer_grid WHERE CASE WHEN $2 THEN id = $1 ELSE village_id <> (SELECT village_id FROM grid WHERE id = $1) AND kind = 'general' END ORDER BY id LIMIT 1) q";
    let report = async |own: bool| -> Value {
        let (lon, lat): (f64, f64) =
            sqlx::query_as(place).bind(grid).bind(own).fetch_one(&town.database.databases.migrator).await.unwrap();
        let body = json!({"id": uuid::Uuid::new_v4(), "category": "0301", "description": "路边垃圾", "location": {"source": "map", "lon": lon, "lat": lat}});
        told(town.post("duty_officer", "/api/incidents", body).await, StatusCode::CREATED).await
    };
    let (own, other) = (report(true).await, report(false).await);
    let sees = async |role: &str, matter: &Value| {
        town.ask(role, Method::GET, &format!("/api/incidents/{}", matter["id"].as_str().unwrap()))
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(
        (sees("grid_worker", &own).await, sees("grid_worker", &other).await),
        (StatusCode::OK, StatusCode::NOT_FOUND)
    );
    assert_eq!(
        (sees("county_leader", &own).await, sees("county_leader", &other).await),
        (StatusCode::OK, StatusCode::OK)
    );
    let listed = town.get("grid_worker", "/api/incidents?limit=1000").await;
    let ids: Vec<&str> = listed["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&own["id"].as_str().unwrap()) && !ids.contains(&other["id"].as_str().unwrap()));
    assert_eq!(listed["number_matched"], ids.len());
    for part in ["decisions", "photos", "duplicates"] {
        let path = format!("/api/incidents/{}/{part}", other["id"].as_str().unwrap());
        let hidden = town.ask("grid_worker", Method::GET, &path).send().await.unwrap();
        assert_eq!(hidden.status(), StatusCode::NOT_FOUND, "{part}");
    }
    // What cannot be seen cannot be acted upon, nor be guessed at by the answer.
    let act = json!({"action": "comment", "note": "看看", "expected_version": other["version"]});
    let path = format!("/api/incidents/{}/actions", other["id"].as_str().unwrap());
    assert_eq!(town.post("grid_worker", &path, act).await.status(), StatusCode::NOT_FOUND);
    // Reported elsewhere, it is still the reporter's to look at.
    let (lon, lat): (f64, f64) =
        sqlx::query_as(place).bind(grid).bind(false).fetch_one(&town.database.databases.migrator).await.unwrap();
    let body = json!({"id": uuid::Uuid::new_v4(), "category": "0301", "description": "路过看见", "location": {"source": "map", "lon": lon, "lat": lat}});
    let mine = told(town.post("grid_worker", "/api/incidents", body.clone()).await, StatusCode::CREATED).await;
    assert_eq!(
        (sees("grid_worker", &mine).await, sees("village_cadre", &mine).await),
        (StatusCode::OK, StatusCode::NOT_FOUND)
    );
    let again = told(town.post("grid_worker", "/api/incidents", body).await, StatusCode::OK).await;
    assert_eq!(again["number"], mine["number"], "a retry is the same matter");
}

/// A matter is known to the unit it comes to and to whoever reported it the moment it is, on the map and by the stream; its
/// owners are in no answer.
#[tokio::test]
async fn a_matter_is_on_the_map_of_those_it_comes_to_at_once() {
    let town = Town::open().await;
    let of = async |role: &str| {
        of_secret(&town.server.yitu, town.tokens[role].as_str().unwrap()).await.unwrap().unwrap().viewer.clone()
    };
    let (worker, department) = (of("grid_worker").await, of("department").await);
    let sql = "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) p FROM layer_grid
               WHERE kind = 'general' AND village_id NOT IN (SELECT village_id FROM grid WHERE id = ANY($1)) ORDER BY id DESC LIMIT 1) q";
    let grids: Vec<i64> = worker.scope().grids.iter().copied().collect();
    let (lon, lat): (f64, f64) =
        sqlx::query_as(sql).bind(grids).fetch_one(&town.database.databases.migrator).await.unwrap();
    let listen = async |role: &str| town.ask(role, Method::GET, "/live").send().await.unwrap().bytes_stream();
    let drawn = async |role: &str| -> bool {
        let tile = TileId::containing(16, lon, lat);
        let path = format!("/tiles/incident/16/{}/{}", tile.x(), tile.y());
        !town.ask(role, Method::GET, &path).send().await.unwrap().bytes().await.unwrap().is_empty()
    };
    // What is heard of a matter: the layers whose tiles change, and the matter itself.
    let told_of = |events: &[Value], matter: &Value| {
        let tiles = events.iter().any(|e| e["layer"] == "incident" && !e["tiles"].is_null());
        (tiles, events.iter().any(|e| e["id"] == matter["id"] || e["incident_id"] == matter["id"]))
    };
    let before = [drawn("grid_worker").await, drawn("department").await];
    assert_eq!(before, [false, false], "nothing of theirs is there yet");

    let (own, others) = (listen("grid_worker").await, listen("department").await);
    let body = json!({"id": uuid::Uuid::new_v4(), "category": "0301", "description": "路过看见", "location": {"source": "map", "lon": lon, "lat": lat}});
    let made = told(town.post("grid_worker", "/api/incidents", body).await, StatusCode::CREATED).await;
    let (own, others) = (heard(own).await, heard(others).await);
    assert_eq!((told_of(&own, &made), told_of(&others, &made)), ((true, true), (false, false)), "{own:?} {others:?}");
    assert_eq!([drawn("grid_worker").await, drawn("department").await], [true, false]);

    let listening = listen("department").await;
    let unit = department.scope().units.first().unwrap();
    let act = json!({"action": "transfer", "to_unit_id": unit, "expected_version": made["version"]});
    let path = format!("/api/incidents/{}/actions", made["id"].as_str().unwrap());
    let moved = told(town.post("duty_officer", &path, act).await, StatusCode::OK).await;
    let events = heard(listening).await;
    assert_eq!(told_of(&events, &moved), (true, true), "{events:?}");
    assert!(drawn("department").await);

    for role in ["grid_worker", "department", "duty_officer", "gis_client"] {
        let path = format!("/ogc/collections/incident/items/{}", made["number"]);
        let item = town.ask(role, Method::GET, &path).send().await.unwrap();
        if item.status() == StatusCode::OK {
            let item: Value = item.json().await.unwrap();
            assert!(item["properties"].get("known_to").is_none(), "{role}: {item}");
        }
        for ask in ["queryables", "items?limit=3"] {
            let text = town.get(role, &format!("/ogc/collections/incident/{ask}")).await.to_string();
            assert!(!text.contains("known_to"), "{role} {ask}");
        }
        let filter = format!("/ogc/collections/incident/items?filter={}", encoded(&format!("known_to = {unit}")));
        let refused = town.ask(role, Method::GET, &filter).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{role}");
    }
}

#[tokio::test]
async fn each_step_is_taken_by_those_it_is_for() {
    let town = Town::open().await;
    let worker = of_secret(&town.server.yitu, town.tokens["grid_worker"].as_str().unwrap()).await.unwrap().unwrap();
    let grid = *worker.viewer.scope().grids.iter().next().unwrap();
    let place = "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) p FROM layer_grid WHERE id = $1) q";
    let (lon, lat): (f64, f64) =
        sqlx::query_as(place).bind(grid).fetch_one(&town.database.databases.migrator).await.unwrap();
    let body = json!({"id": uuid::Uuid::new_v4(), "category": "0301", "description": "路边垃圾", "location": {"source": "map", "lon": lon, "lat": lat}});
    let made = told(town.post("duty_officer", "/api/incidents", body).await, StatusCode::CREATED).await;
    let path = format!("/api/incidents/{}", made["id"].as_str().unwrap());
    let now = async |role: &str| town.get(role, &path).await;
    let act = async |role: &str, mut act: Value| {
        act["expected_version"] = now("duty_officer").await["version"].clone();
        town.post(role, &format!("{path}/actions"), act).await
    };
    // It goes to the worker's own group, whoever of it is there.
    let group = worker.viewer.scope().units.iter().copied().collect::<Vec<_>>();
    assert!(group.contains(&made["owner"]["unit_id"].as_i64().unwrap()), "{}", made["explanation"]["text"]);
    let may = async |role: &str| -> Vec<String> { serde_json::from_value(now(role).await["actions"].clone()).unwrap() };
    assert!(may("grid_worker").await.contains(&"accept".to_owned()));
    let staff = may("township_staff").await;
    assert!(
        !staff.contains(&"accept".to_owned())
            && staff.contains(&"transfer".to_owned())
            && staff.contains(&"supervise".to_owned()),
        "{staff:?}"
    );
    assert!(may("village_cadre").await.is_empty() && may("county_leader").await == ["supervise"], "a leader watches");
    for (role, action) in [
        ("township_staff", "accept"),
        ("village_cadre", "cancel"),
        ("grid_worker", "supervise"),
        ("county_leader", "transfer"),
    ] {
        let refused = act(role, json!({"action": action, "note": "试", "to_unit_id": group[0]})).await;
        assert_eq!(problem(refused, StatusCode::FORBIDDEN).await, "not-yours", "{role} {action}");
    }
    let named = act("grid_worker", json!({"action": "accept", "actor": "别人"})).await;
    assert_eq!(told(named, StatusCode::BAD_REQUEST).await["errors"][0]["pointer"], "/actor");
    told(act("grid_worker", json!({"action": "accept"})).await, StatusCode::OK).await;
    let department = of_secret(&town.server.yitu, town.tokens["department"].as_str().unwrap()).await.unwrap().unwrap();
    let unit = *department.viewer.scope().units.iter().next().unwrap();
    let hidden = town.ask("department", Method::GET, &path).send().await.unwrap();
    assert_eq!(hidden.status(), StatusCode::NOT_FOUND, "it is not theirs yet");
    told(act("grid_worker", json!({"action": "whistle", "unit_ids": [unit]})).await, StatusCode::OK).await;
    assert_eq!(may("department").await, ["sign_in"]);
    let foreign = act("department", json!({"action": "sign_in", "unit_id": group[0]})).await;
    assert_eq!(told(foreign, StatusCode::BAD_REQUEST).await["errors"][0]["pointer"], "/unit_id");
    told(act("department", json!({"action": "sign_in", "unit_id": unit})).await, StatusCode::OK).await;
    // Whoever is on duty takes it down for those who call in, and it says so.
    told(act("duty_officer", json!({"action": "resolve", "note": "电话报告已清运"})).await, StatusCode::OK).await;
    told(act("village_cadre", json!({"action": "check", "passed": true})).await, StatusCode::OK).await;
    let timeline = now("duty_officer").await["timeline"].clone();
    let actors: Vec<&str> = timeline.as_array().unwrap().iter().map(|e| e["actor"].as_str().unwrap()).collect();
    assert!(actors.contains(&"网格员(演示)") && actors.contains(&"村干部(演示)"), "{actors:?}");
    assert!(actors.iter().any(|a| a.ends_with("(值班员(演示)代办)")), "{actors:?}");
}
