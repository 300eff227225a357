//! Who lives behind a door: masked where it is not one's own, told one by one for a reason, and on record.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use yitu::access::mask;
use yitu::domain::Viewer;
use yitu::geo::TileId;
use yitu::service::ServiceError;
use yitu::service::access::audit::Doer;
use yitu::service::access::principal::of_secret;
use yitu::service::household::erase::erase;

use crate::support::mvt;
use crate::{Town, encoded, problem, told};

/// A household and what of it is hidden.
#[derive(Debug, sqlx::FromRow)]
struct House {
    id: i64,
    number: String,
    head_name: String,
    address: String,
    lon: f64,
    lat: f64,
    grid_id: i64,
}

impl House {
    /// A household of the grid worker's own grid, or of another grid of the same village.
    async fn some(town: &Town, own: bool) -> Self {
        let worker = of_secret(&town.server.yitu, town.tokens["grid_worker"].as_str().unwrap()).await.unwrap().unwrap();
        let grids: Vec<i64> = worker.viewer.scope().grids.iter().copied().collect();
        sqlx::query_as(
            "SELECT h.id, h.number, h.head_name, h.address, ST_X(h.geom) AS lon, ST_Y(h.geom) AS lat, h.grid_id FROM household h
             WHERE h.geom IS NOT NULL AND (h.grid_id = ANY($1)) = $2 AND h.village_id = (SELECT village_id FROM grid WHERE id = $1[1])
               AND EXISTS (SELECT FROM phone p WHERE p.household_id = h.id)
               AND h.grid_source = 'point' AND h.head_name IN (SELECT head_name FROM household GROUP BY 1 HAVING count(*) = 1)
             ORDER BY h.id LIMIT 1",
        )
        .bind(grids)
        .bind(own)
        .fetch_one(&town.database.databases.migrator)
        .await
        .unwrap()
    }

    fn tile(&self, z: u8) -> String {
        tile_at("household", z, (self.lon, self.lat))
    }
}

/// The tile of a layer that a place lies in.
fn tile_at(layer: &str, z: u8, (lon, lat): (f64, f64)) -> String {
    let tile = TileId::containing(z, lon, lat);
    format!("/tiles/{layer}/{z}/{}/{}", tile.x(), tile.y())
}

#[tokio::test]
async fn names_and_addresses_are_for_those_whose_households_they_are() {
    let town = Town::open().await;
    let house = House::some(&town, true).await;
    let House { id, number, head_name, address, lon, lat, .. } = &house;
    let item = format!("/ogc/collections/household/items/{id}");
    let places = [
        format!("/ogc/collections/household/items?filter={}", encoded(&format!("number = '{number}'"))),
        format!("/api/near?lon={lon}&lat={lat}&kind=household&radius_m=1&limit=1"),
        format!("/api/search?q={number}"),
        item.clone(),
    ];
    for (role, whole) in [
        ("grid_worker", true),
        ("village_cadre", false),
        ("township_staff", false),
        ("duty_officer", false),
        ("gis_client", false),
    ] {
        for path in &places {
            let text = town.get(role, path).await.to_string();
            let shown = if whole { head_name.clone() } else { mask::name(head_name) };
            assert!(text.contains(&shown), "{role} {path}: {text}");
            assert_eq!((text.contains(head_name), text.contains(address)), (whole, whole), "{role} {path}: {text}");
        }
        // Whoever is not told a name does not find it out by asking for parts of it.
        let first: String = head_name.chars().take(1).collect();
        let rest: String = head_name.chars().skip(1).collect();
        let filters = [
            format!("name = '{head_name}'"),
            format!("name LIKE '%{rest}'"),
            format!("address = '{address}'"),
            format!("name > '{first}{rest}' AND name <= '{first}{rest}'"),
        ];
        let matched = async |filter: &str| {
            let filter = encoded(&format!("({filter}) AND number = '{number}'"));
            let listed = town.get(role, &format!("/ogc/collections/household/items?filter={filter}")).await;
            let tile =
                town.ask(role, Method::GET, &format!("{}?filter={filter}", house.tile(16))).send().await.unwrap();
            assert_eq!(
                tile.status() == StatusCode::OK,
                listed["numberMatched"] == 1,
                "{role} {filter}: tile and list agree"
            );
            listed["numberMatched"].as_u64().unwrap()
        };
        for filter in &filters[..3] {
            assert_eq!(matched(filter).await, u64::from(whole), "{role} {filter}");
        }
        assert_eq!(matched(&filters[3]).await, 0);
        assert_eq!(matched(&format!("name = '{}'", mask::name(head_name))).await, u64::from(!whole), "{role}");
        let by_part = town.get(role, &format!("/api/search?q={}&kind=household&limit=50", encoded(&rest))).await;
        let is_found = by_part["results"].as_array().unwrap().iter().any(|r| r["id"] == *id);
        assert_eq!(is_found, whole, "{role}: {rest}");
        let by_name = town.get(role, &format!("/api/search?q={}&kind=household", encoded(head_name))).await;
        assert_eq!(by_name["results"][0]["id"], *id, "{role}: who knows the name finds the door");
        let tile = town.ask(role, Method::GET, &house.tile(16)).send().await.unwrap().bytes().await.unwrap();
        let drawn = mvt::layers(&tile);
        let names: BTreeSet<String> = drawn[0].features.iter().flat_map(|f| f.properties.keys().cloned()).collect();
        assert!(names.contains("number") && names.contains("tags"), "{role}: {names:?}");
        // The village has other grids: its cadre gets none of a tile's names, the worker those of the own grid.
        assert_eq!(names.contains("name"), whole, "{role}: {names:?}");
    }
    // What was shown masked and comes back stays as it is.
    let shown = town.ask("township_staff", Method::GET, &item).send().await.unwrap();
    let tag = shown.headers()["etag"].to_str().unwrap().to_owned();
    let mut body: Value = shown.json().await.unwrap();
    body["properties"]["settlement_id"] = Value::Null;
    let put = town.ask("township_staff", Method::PUT, &item).header("if-match", &tag).json(&body).send().await.unwrap();
    let kept = told(put, StatusCode::OK).await;
    assert_eq!(kept["properties"]["address"], mask::address(address));
    let stored: (String, Option<i64>) = sqlx::query_as("SELECT address, settlement_id FROM household WHERE id = $1")
        .bind(id)
        .fetch_one(&town.database.databases.migrator)
        .await
        .unwrap();
    assert_eq!(stored, (address.clone(), None));
}

#[tokio::test]
async fn a_household_of_ones_grid_is_on_ones_map_wherever_it_lies() {
    let town = Town::open().await;
    let house = House::some(&town, true).await;
    let sql = "SELECT ST_X(h.geom), ST_Y(h.geom) FROM household h, household own WHERE own.id = $1 AND h.geom IS NOT NULL ORDER BY h.geom <-> own.geom DESC LIMIT 1";
    let (lon, lat): (f64, f64) =
        sqlx::query_as(sql).bind(house.id).fetch_one(&town.database.databases.migrator).await.unwrap();
    let is_drawn = async |role: &str, z: u8| -> bool {
        let number = encoded(&format!("number = '{}'", house.number));
        let path = format!("{}?filter={number}", tile_at("household", z, (lon, lat)));
        town.ask(role, Method::GET, &path).send().await.unwrap().status() == StatusCode::OK
    };
    assert!(!is_drawn("grid_worker", 16).await);
    // By the register it stays where it is, as far away as the county goes.
    let moved = "UPDATE household SET geom = ST_SetSRID(ST_MakePoint($2, $3), 4490), grid_source = 'register', register_grid_id = grid_id WHERE id = $1";
    let moved = sqlx::query(moved).bind(house.id).bind(lon).bind(lat);
    moved.execute(&town.database.databases.migrator).await.unwrap();
    let begun = std::time::Instant::now();
    while !is_drawn("duty_officer", 16).await {
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "the map follows");
    }
    for z in [9, 13, 14, 16] {
        assert!(is_drawn("grid_worker", z).await, "z{z}");
    }
    assert!(!is_drawn("department", 16).await);
    // It is told by name: no other grid's people are in that tile.
    let path = tile_at("household", 16, (lon, lat));
    let tile = town.ask("grid_worker", Method::GET, &path).send().await.unwrap().bytes().await.unwrap();
    let drawn = mvt::layers(&tile);
    assert_eq!((drawn[0].features.len(), &drawn[0].features[0].properties["name"]), (1, &house.head_name));
    let back =
        "UPDATE household SET geom = ST_SetSRID(ST_MakePoint($2, $3), 4490), grid_source = 'point' WHERE id = $1";
    let back = sqlx::query(back).bind(house.id).bind(house.lon).bind(house.lat);
    back.execute(&town.database.databases.migrator).await.unwrap();
    let begun = std::time::Instant::now();
    while is_drawn("grid_worker", 16).await {
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "the map follows");
    }
}

#[tokio::test]
async fn whoever_tries_names_is_on_record_and_held_back() {
    use pinyin::ToPinyin;
    let town = Town::open().await;
    let sql = "SELECT head_name FROM household WHERE geom IS NOT NULL ORDER BY id LIMIT 1";
    let name: String = town.one(sql).await;
    let sound: String = name.as_str().to_pinyin().flatten().map(pinyin::Pinyin::plain).collect();
    let ask = async |q: &str| {
        let path = format!("/api/search?q={}&kind=household", encoded(q));
        town.ask("duty_officer", Method::GET, &path).send().await.unwrap()
    };
    let by_sound = told(ask(&sound).await, StatusCode::OK).await;
    assert_eq!(by_sound["results"], json!([]), "{sound} can be tried through");
    let found = told(ask(&name).await, StatusCode::OK).await["results"].as_array().unwrap().len();
    let event = &town.get("auditor", "/api/audit?action=found_by_name").await["items"][0];
    assert_eq!(event["detail"]["households"], found, "{event}");
    assert!(!event.to_string().contains(&name));
    let mut said = Vec::new();
    for _ in 0..70 {
        said.push(ask(&name).await.status());
    }
    assert!(said.contains(&StatusCode::TOO_MANY_REQUESTS), "{said:?}");
    // One's own are found as ever.
    let own: String = town.one(
        "SELECT h.head_name FROM household h JOIN appointment p ON p.grid_id = h.grid_id AND p.valid_during @> current_date
         JOIN account a ON a.responder_id = p.responder_id WHERE a.name = 'grid_worker' ORDER BY h.id LIMIT 1",
    ).await;
    for _ in 0..70 {
        let found = town.get("grid_worker", &format!("/api/search?q={}&kind=household", encoded(&own))).await;
        assert_ne!(found["results"], json!([]));
    }
}

#[tokio::test]
async fn a_look_takes_a_reason_and_is_on_record() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("phone.key"), "5a".repeat(32)).unwrap();
    let town = Town::with(yitu::config::Config { data_dir: data.path().to_owned(), ..Default::default() }).await;
    let house = House::some(&town, true).await;
    let path = format!("/api/households/{}/look", house.id);
    let looks = async || town.one::<i64>("SELECT count(*) FROM audit_event WHERE action = 'look'").await;
    // One's own is told at once, and on record by itself.
    let own = told(town.post("grid_worker", &path, json!({})).await, StatusCode::OK).await;
    assert_eq!((&own["name"], &own["address"]), (&json!(house.head_name), &json!(house.address)));
    let phone = own["phones"][0].as_str().unwrap();
    assert!(phone.len() == 11 && phone.bytes().all(|b| b.is_ascii_digit()), "{own}");
    assert_eq!(own["members"][0]["name"], json!(house.head_name));
    assert_eq!(looks().await, 1);
    // Another's takes a reason.
    for reason in ["", "查", "  看看  "] {
        let refused = town.post("township_staff", &path, json!({"reason": reason})).await;
        let refused = told(refused, StatusCode::BAD_REQUEST).await;
        assert!(
            refused["type"].as_str().unwrap().ends_with("reason-needed")
                && refused["errors"][0]["pointer"] == "/reason"
        );
    }
    let long = town.post("township_staff", &path, json!({"reason": "走".repeat(201)})).await;
    assert_eq!(told(long, StatusCode::BAD_REQUEST).await["errors"][0]["pointer"], "/reason");
    assert_eq!(looks().await, 1, "nothing told, nothing on record");
    let told_for = town.post("township_staff", &path, json!({"reason": "低保复核,入户前联系"})).await;
    assert_eq!(told_for.headers()["cache-control"], "no-store");
    assert_eq!(told(told_for, StatusCode::OK).await["phones"][0], phone);
    let log = town.get("auditor", "/api/audit?action=look").await;
    let event = &log["items"][0];
    assert_eq!(
        (&event["subject"], &event["reason"], &event["role"], &event["detail"]["own"]),
        (
            &json!(format!("household:{}", house.id)),
            &json!("低保复核,入户前联系"),
            &json!("township_staff"),
            &json!(false)
        )
    );
    assert!(
        !log.to_string().contains(&house.head_name) && !log.to_string().contains(phone),
        "a log of looks names nobody"
    );
    // Whoever may not know of it learns nothing by looking, and roles that meet nobody do not look at all.
    let other = format!("/api/households/{}/look", House::some(&town, false).await.id);
    let why = json!({"reason": "走访核实情况"});
    let [hidden, none] = [other.as_str(), "/api/households/9007199254740000/look"]
        .map(|path| town.post("grid_worker", path, why.clone()));
    assert_eq!(problem(hidden.await, StatusCode::NOT_FOUND).await, problem(none.await, StatusCode::NOT_FOUND).await);
    for role in ["department", "wall", "gis_client", "system_admin", "auditor"] {
        assert_eq!(town.post(role, &path, why.clone()).await.status(), StatusCode::FORBIDDEN, "{role}");
    }
    for bad in ["x", "-1", "99999999999999999999"] {
        let refused = town.post("duty_officer", &format!("/api/households/{bad}/look"), why.clone()).await;
        assert_eq!(refused.status(), StatusCode::NOT_FOUND, "{bad}");
    }
    assert_eq!(looks().await, 2);
}

#[tokio::test]
async fn a_wall_is_told_four_things_of_a_matter() {
    let town = Town::open().await;
    let page = town.get("wall", "/api/wall/incidents?limit=1000").await;
    let items = page["items"].as_array().unwrap();
    assert!(items.len() > 10 && page["number_matched"] == items.len());
    let fields: BTreeSet<&str> = items.iter().flat_map(|i| i.as_object().unwrap().keys().map(String::as_str)).collect();
    let told: BTreeSet<&str> =
        ["id", "category", "category_name", "village", "state", "reported_at", "next_deadline_at", "overdue"].into();
    assert_eq!(fields, told);
    let points: Vec<(f64, f64)> = sqlx::query_as("SELECT ST_X(geom), ST_Y(geom) FROM incident WHERE geom IS NOT NULL")
        .fetch_all(&town.database.databases.migrator)
        .await
        .unwrap();
    let villages: BTreeSet<String> =
        items.iter().filter(|i| !i["village"].is_null()).map(|i| i["village"].to_string()).collect();
    for village in &villages {
        let village: Value = serde_json::from_str(village).unwrap();
        let (lon, lat) = (village["lon"].as_f64().unwrap(), village["lat"].as_f64().unwrap());
        assert!(!points.contains(&(lon, lat)), "the place of a matter");
    }
    let restricted: i64 = town.one("SELECT count(*) FROM incident WHERE restricted").await;
    let all: i64 = town.one("SELECT count(*) FROM incident").await;
    assert_eq!((restricted > 0, all - restricted), (true, items.len() as i64));
    let some = items[0]["id"].as_str().unwrap();
    for path in ["/api/incidents".to_owned(), format!("/api/incidents/{some}"), "/api/search?q=LX".to_owned()] {
        let refused = town.ask("wall", Method::GET, &path).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path}");
    }
    // By trial neither: nothing narrows what is listed by place or by words.
    for narrow in ["bbox=117.0,25.0,117.1,25.1", "grid=1", "category=0301"] {
        let page =
            town.ask("wall", Method::GET, &format!("/api/wall/incidents?limit=1&{narrow}")).send().await.unwrap();
        let page: Value = page.json().await.unwrap();
        assert!(page["number_matched"].is_null() || page["number_matched"] == items.len(), "{narrow}: {page}");
    }
    for layer in ["incident", "responder", "household"] {
        assert_eq!(town.get("wall", &format!("/ogc/collections/{layer}/items")).await["numberMatched"], 0, "{layer}");
    }
    let number: i64 = town.one("SELECT min(number) FROM incident WHERE NOT restricted").await;
    let one = town.ask("wall", Method::GET, &format!("/ogc/collections/incident/items/{number}")).send().await.unwrap();
    assert_eq!(one.status(), StatusCode::NOT_FOUND);
    for z in [9, 12, 16] {
        let path = tile_at("incident", z, points[0]);
        assert_eq!(
            town.ask("wall", Method::GET, &path).send().await.unwrap().status(),
            StatusCode::NO_CONTENT,
            "{path}"
        );
        assert_eq!(
            town.ask("duty_officer", Method::GET, &path).send().await.unwrap().status(),
            StatusCode::OK,
            "{path}"
        );
    }
}

#[tokio::test]
async fn whoever_is_linked_to_a_household_finds_it_on_the_map() {
    let town = Town::open().await;
    let house = House::some(&town, false).await;
    let path = house.tile(16);
    let numbers = async || -> BTreeSet<String> {
        let tile = town.ask("responder", Method::GET, &path).send().await.unwrap();
        let tile = tile.bytes().await.unwrap();
        let drawn = if tile.is_empty() { Vec::new() } else { mvt::layers(&tile) };
        let features = drawn.into_iter().flat_map(|layer| layer.features);
        features.map(|f| format!("{:?} {:?}", f.properties["number"], f.properties.get("name"))).collect()
    };
    assert!(numbers().await.is_empty());
    sqlx::query(
        "INSERT INTO household_link (county_id, household_id, responder_id)
         SELECT county_id, $1, responder_id FROM account WHERE name = 'responder'",
    )
    .bind(house.id)
    .execute(&town.database.databases.migrator)
    .await
    .unwrap();
    for _ in 0..200 {
        if !numbers().await.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let seen = numbers().await;
    assert_eq!(seen.len(), 1, "that door, and no neighbour's: {seen:?}");
    let seen = seen.first().unwrap();
    assert!(seen.contains(&house.number) && seen.contains(&house.head_name), "by name: {seen}");
    // And counted where many are drawn as one.
    let low = town.ask("responder", Method::GET, &house.tile(10)).send().await.unwrap().bytes().await.unwrap();
    let drawn = mvt::layers(&low);
    assert_eq!(drawn[0].features[0].properties.get("count").map_or("1", String::as_str), "1");
    assert_eq!(town.get("responder", "/ogc/collections/household/items").await["numberMatched"], 1);
    let elsewhere = town.get("responder", &format!("/ogc/collections/household/items?grid_id={}", house.grid_id)).await;
    assert_eq!(elsewhere["features"][0]["properties"]["name"], json!(house.head_name));
}

#[tokio::test]
async fn numbers_of_households_that_are_not_theirs_are_those_of_the_day() {
    let town = Town::open().await;
    let far: i64 = town
        .one("SELECT v.id FROM region v WHERE v.level = 'village' ORDER BY v.parent_id DESC, v.id DESC LIMIT 1")
        .await;
    let figures = async |role: &str| town.get(role, &format!("/api/summary?region={far}")).await["figures"].clone();
    let (staff, officer) = (figures("township_staff").await, figures("duty_officer").await);
    assert!(officer["households"].as_i64().unwrap() >= 5);
    assert_eq!((&staff["households"], &staff["members"]), (&officer["households"], &officer["members"]));
    let gone = sqlx::query(
        "DELETE FROM household WHERE village_id = $1 AND id IN (SELECT id FROM household WHERE village_id = $1 ORDER BY id LIMIT 2)",
    );
    gone.bind(far).execute(&town.database.databases.migrator).await.unwrap();
    for _ in 0..200 {
        if figures("duty_officer").await["households"] != officer["households"] {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(figures("duty_officer").await["households"].as_i64(), officer["households"].as_i64().map(|n| n - 2));
    for role in ["township_staff", "grid_worker", "wall", "department"] {
        assert_eq!(figures(role).await["households"], officer["households"], "{role}");
    }
    // In one's own part they are those of the moment.
    let own = town.get("village_cadre", "/api/county").await;
    assert!(own["id"].is_number());
    let village: i64 = town.one("SELECT g.region_id FROM access_grant g JOIN account a ON a.id = g.account_id WHERE a.name = 'village_cadre'").await;
    let own = town.get("village_cadre", &format!("/api/summary?region={village}")).await;
    let truly: i64 = sqlx::query_scalar("SELECT count(*) FROM household WHERE village_id = $1")
        .bind(village)
        .fetch_one(&town.database.databases.migrator)
        .await
        .unwrap();
    assert_eq!(own["figures"]["households"], truly);
}

#[tokio::test]
async fn a_household_is_erased_with_all_that_is_kept_of_it_and_that_is_on_record() {
    let town = Town::open().await;
    let house = House::some(&town, true).await;
    let yitu = &town.server.yitu;
    let county = town.database.county().await;
    let doer = Doer { viewer: Viewer::whole_county(county, "林信访"), origin: String::new() };
    let kept = async || -> i64 {
        sqlx::query_scalar("SELECT (SELECT count(*) FROM household WHERE id = $1) + (SELECT count(*) FROM member WHERE household_id = $1)
            + (SELECT count(*) FROM phone WHERE household_id = $1) + (SELECT count(*) FROM household_link WHERE household_id = $1)")
            .bind(house.id)
            .fetch_one(&town.database.databases.migrator)
            .await
            .unwrap()
    };
    assert!(kept().await > 2);
    let id = uuid::Uuid::new_v4();
    let body = json!({"id": id, "category": "0301", "description": "门前垃圾", "location": {"source": "household", "household_id": house.id}});
    let matter = told(town.post("duty_officer", "/api/incidents", body).await, StatusCode::CREATED).await;
    let refused = async |number: &str, reason: &str| match erase(yitu, &doer, number, reason).await {
        Err(ServiceError::Problem(problem)) => problem.slug,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&house.number, " ").await, "bad-field");
    assert_eq!(refused("LX-none", "当事人申请").await, "not-found");
    assert_eq!(refused(&house.number, "当事人申请").await, "still-open");
    let cancel = json!({"action": "cancel", "note": "重复", "expected_version": matter["version"]});
    told(town.post("duty_officer", &format!("/api/incidents/{id}/actions"), cancel).await, StatusCode::OK).await;
    assert_eq!(erase(yitu, &doer, &house.number, "当事人申请").await.unwrap(), house.id);
    assert_eq!(kept().await, 0);
    let after = town.get("duty_officer", &format!("/api/incidents/{id}")).await;
    assert!(after["location"]["household_id"].is_null() && after["location"]["lon"].is_number());
    let log = town.get("auditor", "/api/audit?action=erased").await;
    let event = &log["items"][0];
    assert_eq!((&event["actor"], &event["reason"]), (&json!("林信访"), &json!("当事人申请")));
    assert!(!log.to_string().contains(&house.head_name) && !log.to_string().contains(&house.number));
    for _ in 0..200 {
        if yitu.atlas.layer(yitu::domain::Layer::Household).get(house.id).is_none() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the map still has it");
}
