//! Nobody writes where they answer for nothing: agendas, grids and what is drawn on the map.

use std::collections::BTreeSet;
use std::sync::Arc;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use yitu::config::Config;
use yitu::domain::viewer::{Role, Scope};
use yitu::domain::{Problem, Viewer};
use yitu::service::access::principal::of_secret;
use yitu::service::deliberation::put::put;
use yitu::service::grid::discard::discard;
use yitu::service::grid::publish::{Publish, publish};
use yitu::service::grid::redraw::{RedrawPreview, redraw};
use yitu::service::incident::view::IncidentView;
use yitu::service::incident::{act::act, report};

use crate::support::{DEMO_NOW, StillClock, problem_or};
use crate::{Town, told};

/// What a custom topic and a resolution say, and nothing else does.
const TOPIC: &str = "祠堂后墙那一户的补偿";
const RESOLUTION: &str = "补偿三千元,不再另议";

/// The demo county, with the village of its accounts and one of another township.
struct Land {
    town: Town,
    county: i64,
    own: i64,
    foreign: i64,
}

impl Land {
    async fn open() -> Self {
        let config = Config { requests_per_second: 0, ..Config::default() };
        let town = Town::by(Arc::new(StillClock::at(DEMO_NOW)), config).await;
        let county = town.database.county().await;
        let own = *scope(&town, "village_cadre").await.regions.first().unwrap();
        let sql = "SELECT v.id FROM region v JOIN region own ON own.id = $1 WHERE v.level = 'village' AND v.parent_id <> own.parent_id
                   AND (SELECT count(*) FROM layer_grid g WHERE g.village_id = v.id AND g.kind = 'general') > 1 ORDER BY v.id LIMIT 1";
        let foreign = sqlx::query_scalar(sql).bind(own).fetch_one(&town.database.databases.migrator).await.unwrap();
        Self { town, county, own, foreign }
    }

    fn sql(&self) -> &PgPool {
        &self.town.database.databases.migrator
    }

    async fn id(&self, sql: &'static str, of: i64) -> i64 {
        sqlx::query_scalar(sql).bind(of).fetch_one(self.sql()).await.unwrap()
    }

    /// Somebody with a part of the county.
    fn somebody(&self, role: Role, scope: Scope) -> Viewer {
        Viewer::of_account(self.county, 9_000_000, "某人", role, scope)
    }

    /// The program itself.
    fn program(&self) -> Viewer {
        Viewer::whole_county(self.county, "系统")
    }

    /// A pavilion in a village.
    async fn pavilion(&self, village: i64) -> i64 {
        let sql = "INSERT INTO venue (county_id, village_id, kind, name, geom)
                   SELECT county_id, id, 'pavilion', '试议事亭', ST_PointOnSurface(geom) FROM region WHERE id = $1 RETURNING id";
        self.id(sql, village).await
    }

    /// A place well inside a village.
    async fn place(&self, village: i64) -> (f64, f64) {
        let sql = "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) AS p FROM layer_grid
                   WHERE village_id = $1 AND kind = 'general' ORDER BY id LIMIT 1) q";
        sqlx::query_as(sql).bind(village).fetch_one(self.sql()).await.unwrap()
    }

    /// A matter of a village, signed for and on the agenda of a venue.
    async fn deliberated(&self, village: i64, venue: i64) -> IncidentView {
        let (lon, lat) = self.place(village).await;
        let body = json!({"id": uuid::Uuid::new_v4(), "category": "0301", "description": "路灯装在哪一侧",
            "location": {"source": "map", "lon": lon, "lat": lat}});
        let (yitu, program) = (&self.town.server.yitu, self.program());
        let made = report::report(yitu, &program, serde_json::from_value(body).unwrap()).await.unwrap().incident;
        let mut now = made;
        let steps = [json!({"action": "accept"}), json!({"action": "deliberate", "venue_id": venue, "topic": TOPIC})];
        for mut step in steps {
            step["expected_version"] = now.version.into();
            now = act(yitu, &program, now.id, serde_json::from_value(step).unwrap(), None).await.unwrap();
        }
        assert_eq!(now.state, "deliberating");
        now
    }

    /// The general grids of a village as a set that takes effect on a day.
    async fn set(&self, village: i64, effective: chrono::NaiveDate) -> Value {
        let sql = "SELECT id, name, ST_AsGeoJSON(geom, 15) FROM layer_grid WHERE kind = 'general' AND village_id = $1 ORDER BY id";
        let grids: Vec<(i64, String, String)> = sqlx::query_as(sql).bind(village).fetch_all(self.sql()).await.unwrap();
        let grid = |(id, name, g): &(i64, String, String)| json!({"id": id, "name": name, "geometry": serde_json::from_str::<Value>(g).unwrap()});
        json!({"village_id": village, "effective_from": effective, "grids": grids.iter().map(grid).collect::<Vec<_>>()})
    }

    /// A preview with every warning waived.
    async fn waived(&self, viewer: &Viewer, mut draft: Value) -> RedrawPreview {
        let draw = async |draft: &Value| {
            redraw(&self.town.server.yitu, viewer, serde_json::from_value(draft.clone()).unwrap()).await.unwrap()
        };
        let first = draw(&draft).await;
        assert!(first.faults.is_empty(), "{:?}", first.faults);
        draft["waivers"] = first.warnings.iter().map(|w| json!({"fault": w.fault, "reason": "现状如此"})).collect();
        draw(&draft).await
    }

    async fn send(&self, role: &str, method: Method, path: &str, body: &Value) -> Response {
        let kind = if method == Method::PATCH { "application/merge-patch+json" } else { "application/geo+json" };
        let request = self.town.ask(role, method, path).header("content-type", kind).header("if-match", "*");
        request.body(body.to_string()).send().await.unwrap()
    }

    /// That something of a layer is neither changed nor removed by somebody.
    async fn stays(&self, role: &str, layer: &str, id: i64, patch: Value) {
        let path = format!("/ogc/collections/{layer}/items/{id}");
        let version = || async {
            let sql = format!("SELECT version FROM {layer} WHERE id = $1");
            sqlx::query_scalar::<_, i32>(AssertSqlSafe(sql)).bind(id).fetch_one(self.sql()).await.unwrap()
        };
        let before = version().await;
        out_of_scope(self.send(role, Method::PATCH, &path, &json!({"properties": patch})).await).await;
        out_of_scope(self.send(role, Method::DELETE, &path, &json!({})).await).await;
        assert_eq!(version().await, before, "{layer}");
    }
}

async fn scope(town: &Town, role: &str) -> Scope {
    let of = of_secret(&town.server.yitu, town.tokens[role].as_str().unwrap()).await.unwrap().unwrap();
    of.viewer.scope().clone()
}

fn today() -> chrono::NaiveDate {
    DEMO_NOW.parse::<chrono::DateTime<chrono::FixedOffset>>().unwrap().date_naive()
}

/// The field a refusal names.
async fn out_of_scope(response: Response) -> String {
    let problem = told(response, StatusCode::FORBIDDEN).await;
    assert!(problem["type"].as_str().unwrap().ends_with(":not-in-your-area"), "{problem}");
    problem["errors"][0]["pointer"].as_str().unwrap_or_default().to_owned()
}

fn refused<T: std::fmt::Debug>(result: Result<T, Box<Problem>>) -> &'static str {
    result.unwrap_err().slug
}

#[tokio::test]
async fn agendas_are_written_by_those_of_the_venues_village() {
    let land = Land::open().await;
    let (own, foreign) = (land.pavilion(land.own).await, land.pavilion(land.foreign).await);
    let of_county = told(
        land.town.post("duty_officer", "/api/deliberations", json!({"venue_id": foreign, "topic": "水渠清淤"})).await,
        StatusCode::CREATED,
    )
    .await;
    let (path, seen) = (format!("/api/deliberations/{}", of_county["id"]), of_county["version"].clone());
    for role in ["village_cadre", "township_staff"] {
        let put = land.town.post(role, "/api/deliberations", json!({"venue_id": foreign, "topic": "占位"})).await;
        assert_eq!(out_of_scope(put).await, "/venue_id", "{role}");
        let edit = json!({"expected_version": seen, "topic": "改掉"});
        out_of_scope(land.town.ask(role, Method::PATCH, &path).json(&edit).send().await.unwrap()).await;
        let over = json!({"expected_version": seen, "outcome": "withdrawn", "resolution": "不议了"});
        out_of_scope(land.town.post(role, &format!("{path}/outcome"), over).await).await;
        let carried = json!({"expected_version": seen});
        out_of_scope(land.town.post(role, &format!("{path}/carry-over"), carried).await).await;
        // The same steps at home.
        let new = json!({"venue_id": own, "topic": "老人食堂饭菜价格"});
        let made = told(land.town.post(role, "/api/deliberations", new).await, StatusCode::CREATED).await;
        let at_home = format!("/api/deliberations/{}", made["id"]);
        let edit = json!({"expected_version": made["version"], "topic": "饭菜价格"});
        let edited = land.town.ask(role, Method::PATCH, &at_home).json(&edit).send().await.unwrap();
        let edited = told(edited, StatusCode::OK).await;
        let carried = json!({"expected_version": edited["version"]});
        let carried = told(land.town.post(role, &format!("{at_home}/carry-over"), carried).await, StatusCode::OK).await;
        let over = json!({"expected_version": carried["version"], "outcome": "withdrawn", "resolution": "不议了"});
        let over = land.town.post(role, &format!("/api/deliberations/{}/outcome", carried["id"]), over).await;
        told(over, StatusCode::OK).await;
    }
    assert_eq!(land.town.get("duty_officer", &path).await["version"], seen);
    // One grid of the village is enough.
    let grid = land.id("SELECT min(id) FROM layer_grid WHERE village_id = $1", land.own).await;
    let cadre = land.somebody(Role::VillageCadre, Scope { grids: BTreeSet::from([grid]), ..Scope::default() });
    let yitu = &land.town.server.yitu;
    let topic = |venue: i64| serde_json::from_value(json!({"venue_id": venue, "topic": "晒谷场晚间停车"})).unwrap();
    put(yitu, &cadre, topic(own)).await.unwrap();
    assert_eq!(refused(problem_or(put(yitu, &cadre, topic(foreign)).await)), "not-in-your-area");
}

#[tokio::test]
async fn a_matter_goes_on_agendas_near_it() {
    let land = Land::open().await;
    let (own, foreign) = (land.pavilion(land.own).await, land.pavilion(land.foreign).await);
    let now = land.deliberated(land.own, own).await;
    // Its unit acts for it, and has no area of its own.
    let owner = Scope { units: BTreeSet::from([now.owner.unit_id]), ..Scope::default() };
    let department = land.somebody(Role::Department, owner);
    let yitu = &land.town.server.yitu;
    let step = |venue: i64, version: i32| {
        let step = json!({"action": "deliberate", "venue_id": venue, "expected_version": version});
        serde_json::from_value(step).unwrap()
    };
    let far = problem_or(act(yitu, &department, now.id, step(foreign, now.version), None).await).unwrap_err();
    assert_eq!((far.slug, far.fields[0].pointer.as_str()), ("not-in-your-area", "/venue_id"));
    let moved = act(yitu, &department, now.id, step(own, now.version), None).await.unwrap();
    assert_eq!(moved.deliberation.unwrap().venue.id, own);
}

#[tokio::test]
async fn a_matter_that_is_hidden_is_not_concluded_and_tells_nothing() {
    let land = Land::open().await;
    let own = land.pavilion(land.own).await;
    let matter = land.deliberated(land.foreign, own).await;
    let entry = matter.deliberation.clone().unwrap();
    let path = format!("/api/deliberations/{}", entry.id);
    let state = || async {
        land.id("SELECT count(*) FROM deliberation d JOIN incident i ON i.id = d.incident_id WHERE d.id = $1 AND d.outcome = 'waiting' AND i.state = 'deliberating'", entry.id).await
    };
    let over = json!({"expected_version": entry.version, "outcome": "withdrawn", "resolution": RESOLUTION});
    // The pavilion is the cadre's, the matter is another township's.
    let steps = [
        (Method::POST, format!("{path}/outcome"), over.clone()),
        (Method::POST, format!("{path}/carry-over"), json!({"expected_version": entry.version})),
        (Method::PATCH, path.clone(), json!({"expected_version": entry.version, "topic": "改掉"})),
    ];
    for (method, path, body) in steps {
        out_of_scope(land.town.ask("village_cadre", method, &path).json(&body).send().await.unwrap()).await;
        assert_eq!(state().await, 1, "{path}");
    }
    let category: String = land.town.one("SELECT name FROM category WHERE code = '0301'").await;
    let secrets = [TOPIC, RESOLUTION, category.as_str(), &matter.id.to_string()];
    let hunt = async |role: &str, is_theirs: bool| {
        let asked = [
            path.clone(),
            format!("/api/deliberations?venue={own}"),
            format!("/api/deliberations/agenda?venue={own}&day={}", entry.day),
        ];
        for asked in asked {
            let answer = land.town.get(role, &asked).await;
            let item = answer["items"].get(0).unwrap_or(&answer);
            assert_eq!(
                (&item["day"], &item["agenda_no"], &item["venue"]["id"]),
                (&json!(entry.day), &json!(1), &json!(own)),
                "what hangs at the pavilion stays: {answer}"
            );
            let text = answer.to_string();
            assert_eq!(text.contains(TOPIC), is_theirs, "{role} {asked}: {text}");
            assert_eq!(item["incident"].is_null(), !is_theirs, "{role} {asked}: {text}");
            let leaks = secrets.iter().any(|secret| text.contains(secret));
            assert!(is_theirs || !leaks, "{role} {asked}: {text}");
        }
        let by_matter = land.town.get(role, &format!("/api/deliberations?incident={}", matter.id)).await;
        assert_eq!(by_matter["items"].as_array().unwrap().len(), usize::from(is_theirs), "{role}: {by_matter}");
    };
    hunt("village_cadre", false).await;
    hunt("duty_officer", true).await;
    told(land.town.post("duty_officer", &format!("{path}/outcome"), over).await, StatusCode::OK).await;
    hunt("village_cadre", false).await;
    hunt("duty_officer", true).await;
    // One that has come to be restricted is for its units alone, wherever it lies.
    sqlx::query("UPDATE incident SET restricted = true WHERE id = $1")
        .bind(matter.id)
        .execute(land.sql())
        .await
        .unwrap();
    hunt("county_leader", false).await;
}

#[tokio::test]
async fn outcomes_are_written_in_ones_own_name() {
    let land = Land::open().await;
    let own = land.pavilion(land.own).await;
    let matter = land.deliberated(land.own, own).await;
    let entry = matter.deliberation.clone().unwrap();
    let path = format!("/api/deliberations/{}", entry.id);
    let over = json!({"expected_version": entry.version, "outcome": "withdrawn", "resolution": RESOLUTION, "actor": "县委书记"});
    let carried = json!({"expected_version": entry.version, "actor": "县委书记"});
    for (step, body) in [("outcome", &over), ("carry-over", &carried)] {
        let answer = land.town.post("village_cadre", &format!("{path}/{step}"), body.clone()).await;
        let problem = told(answer, StatusCode::BAD_REQUEST).await;
        assert_eq!(problem["errors"][0]["pointer"], "/actor", "{problem}");
    }
    // Whoever is on duty writes it for those who call in.
    let carried = land.town.post("duty_officer", &format!("{path}/carry-over"), carried).await;
    let carried = told(carried, StatusCode::OK).await;
    let own_name = json!({"expected_version": carried["version"], "outcome": "withdrawn", "resolution": RESOLUTION});
    let done =
        land.town.post("village_cadre", &format!("/api/deliberations/{}/outcome", carried["id"]), own_name).await;
    told(done, StatusCode::OK).await;
    let sql = "SELECT string_agg(actor, ',' ORDER BY id) FROM (SELECT id, actor FROM incident_history WHERE incident_id = $1 ORDER BY id DESC LIMIT 2) q";
    let actors: String = sqlx::query_scalar(sql).bind(matter.id).fetch_one(land.sql()).await.unwrap();
    assert_eq!(actors, "县委书记,村干部(演示)");
}

#[tokio::test]
async fn a_village_is_drawn_by_those_who_have_all_of_it() {
    let land = Land::open().await;
    let yitu = &land.town.server.yitu;
    let grid = land.id("SELECT min(id) FROM layer_grid WHERE village_id = $1 AND kind = 'general'", land.foreign).await;
    let one_grid = Scope { grids: BTreeSet::from([grid]), in_full: BTreeSet::from([grid]), ..Scope::default() };
    let draft = land.set(land.foreign, today().succ_opt().unwrap()).await;
    let preview = land.waived(&land.program(), draft.clone()).await;
    let seen = |preview: &RedrawPreview| Publish { expected_version: Some(preview.version) };
    let strangers = [
        land.somebody(Role::GisClient, one_grid.clone()),
        land.somebody(Role::DutyOfficer, one_grid),
        land.somebody(Role::TownshipStaff, scope(&land.town, "township_staff").await),
    ];
    for somebody in &strangers {
        let drawn = redraw(yitu, somebody, serde_json::from_value(draft.clone()).unwrap()).await;
        let problem = problem_or(drawn).unwrap_err();
        assert_eq!((problem.slug, problem.fields[0].pointer.as_str()), ("not-in-your-area", "/village_id"));
        let published = publish(yitu, somebody, preview.id, &seen(&preview)).await;
        assert_eq!(refused(problem_or(published)), "not-in-your-area");
        let taken_back = discard(yitu, somebody, preview.id, &seen(&preview)).await;
        assert_eq!(refused(problem_or(taken_back)), "not-in-your-area");
    }
    publish(yitu, &land.program(), preview.id, &seen(&preview)).await.unwrap();
}

#[tokio::test]
async fn a_split_published_for_today_moves_everybody_of_the_village() {
    let land = Land::open().await;
    let staff = land.somebody(Role::TownshipStaff, scope(&land.town, "township_staff").await);
    let grid = land
        .id("SELECT h.grid_id FROM household h JOIN layer_grid g ON g.id = h.grid_id WHERE g.village_id = $1 AND g.kind = 'general' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1", land.own)
        .await;
    // Somebody of the village whom a slip has put into another township's grid: hidden from the staff.
    let elsewhere =
        land.id("SELECT min(id) FROM layer_grid WHERE village_id = $1 AND kind = 'general'", land.foreign).await;
    let astray: i64 = sqlx::query_scalar(
        "UPDATE household SET grid_id = $2, grid_source = 'point' WHERE id = (SELECT min(h.id) FROM household h JOIN layer_grid g ON g.id = h.grid_id
         WHERE h.grid_id = $1 AND ST_Covers(g.geom, h.geom)) RETURNING id",
    )
    .bind(grid)
    .bind(elsewhere)
    .fetch_one(land.sql())
    .await
    .unwrap();
    let (west, east): (String, String) = sqlx::query_as(
        "SELECT ST_AsGeoJSON(ST_CollectionExtract(ST_Intersection(g, ST_MakeEnvelope(0, -90, x, 90, 4490)), 3), 15),
                ST_AsGeoJSON(ST_CollectionExtract(ST_Intersection(g, ST_MakeEnvelope(x, -90, 180, 90, 4490)), 3), 15)
         FROM (SELECT geom AS g, round(((ST_XMin(geom) + ST_XMax(geom)) / 2)::numeric, 8)::float8 AS x FROM layer_grid WHERE id = $1) q",
    )
    .bind(grid)
    .fetch_one(land.sql())
    .await
    .unwrap();
    let mut draft = land.set(land.own, today()).await;
    let grids = draft["grids"].as_array_mut().unwrap();
    let first = grids.iter_mut().find(|g| g["id"] == grid).unwrap();
    first["geometry"] = serde_json::from_str(&west).unwrap();
    grids.push(json!({"name": "新东网格", "geometry": serde_json::from_str::<Value>(&east).unwrap()}));
    let preview = land.waived(&staff, draft).await;
    let seen = Publish { expected_version: Some(preview.version) };
    let done = publish(&land.town.server.yitu, &staff, preview.id, &seen).await.unwrap();
    assert_eq!(done.state, "active");
    let new = *done.grids.last().unwrap();
    assert!(land.id("SELECT count(*) FROM household WHERE grid_id = $1", new).await > 0);
    let left = "SELECT count(*) FROM household h LEFT JOIN layer_grid g ON g.id = h.grid_id
                WHERE h.village_id = $1 AND h.geom IS NOT NULL AND h.grid_source = 'point' AND NOT coalesce(ST_Covers(g.geom, h.geom), false)";
    assert_eq!(land.id(left, land.own).await, 0, "nobody is left in a grid they do not live in");
    let village = land
        .id("SELECT g.village_id FROM household h JOIN layer_grid g ON g.id = h.grid_id WHERE h.id = $1", astray)
        .await;
    assert_eq!(village, land.own);
}

#[tokio::test]
async fn the_map_is_drawn_where_the_writer_has_the_village() {
    let land = Land::open().await;
    let (here, there) = (land.place(land.own).await, land.place(land.foreign).await);
    let role = "township_staff";
    let feature =
        |geometry: Value, properties: Value| json!({"type": "Feature", "geometry": geometry, "properties": properties});
    let point = |(lon, lat): (f64, f64)| json!({"type": "Point", "coordinates": [lon, lat]});
    let square = |(lon, lat): (f64, f64)| {
        let d = 2e-5;
        json!({"type": "Polygon", "coordinates": [[[lon - d, lat - d], [lon + d, lat - d], [lon + d, lat + d], [lon - d, lat + d], [lon - d, lat - d]]]})
    };
    let line = |(a, b): (f64, f64), (c, d): (f64, f64)| json!({"type": "LineString", "coordinates": [[a, b], [c, d]]});
    let near = |(lon, lat): (f64, f64)| (lon + 3e-5, lat + 3e-5);
    let made = async |role: &str, layer: &str, body: &Value| {
        land.send(role, Method::POST, &format!("/ogc/collections/{layer}/items"), body).await
    };
    let venue = json!({"name": "试点", "kind": "pavilion"});
    let road = json!({"class": "village", "speed_kmh": 20.0});
    // By layer: what is at home, what is elsewhere, and which field is named.
    let layers = [
        ("venue", feature(point(here), venue.clone()), feature(point(there), venue.clone()), "/properties/village_id"),
        (
            "party_org",
            feature(
                Value::Null,
                json!({"name": "试点小组", "kind": "grid_group", "form": "group", "region_id": land.own, "parent_id": land.town.one::<i64>("SELECT min(id) FROM party_org WHERE kind = 'village_party_org'").await}),
            ),
            feature(
                Value::Null,
                json!({"name": "试点小组", "kind": "grid_group", "form": "group", "region_id": land.foreign, "parent_id": land.town.one::<i64>("SELECT min(id) FROM party_org WHERE kind = 'village_party_org'").await}),
            ),
            "/properties/region_id",
        ),
        (
            "road",
            feature(line(here, near(here)), road.clone()),
            feature(line(there, near(there)), road.clone()),
            "/geometry",
        ),
        (
            "water",
            feature(square(here), json!({"kind": "reservoir"})),
            feature(square(there), json!({"kind": "reservoir"})),
            "/geometry",
        ),
        (
            "land_use",
            feature(square(here), json!({"kind": "orchard"})),
            feature(square(there), json!({"kind": "orchard"})),
            "/geometry",
        ),
        (
            "building",
            feature(square(here), json!({"kind": "house"})),
            feature(square(there), json!({"kind": "house"})),
            "/geometry",
        ),
    ];
    for (layer, at_home, elsewhere, field) in &layers {
        assert_eq!(out_of_scope(made(role, layer, elsewhere).await).await, *field, "{layer}");
        let theirs = told(made("duty_officer", layer, elsewhere).await, StatusCode::CREATED).await;
        let patch = match *layer {
            "land_use" => json!({"kind": "forest"}),
            "building" => json!({"kind": "shed"}),
            _ => json!({"name": "改名"}),
        };
        land.stays(role, layer, theirs["id"].as_i64().unwrap(), patch.clone()).await;
        // At home all of it is done, but nothing is moved out.
        let own = told(made(role, layer, at_home).await, StatusCode::CREATED).await;
        let path = format!("/ogc/collections/{layer}/items/{}", own["id"]);
        told(land.send(role, Method::PATCH, &path, &json!({"properties": patch})).await, StatusCode::OK).await;
        let moved = json!({"geometry": elsewhere["geometry"], "properties": elsewhere["properties"]});
        assert_eq!(out_of_scope(land.send(role, Method::PATCH, &path, &moved).await).await, *field, "{layer}");
        told(land.send(role, Method::DELETE, &path, &json!({})).await, StatusCode::OK).await;
    }
    // A village is not chosen against the scope either.
    let own = told(made(role, "venue", &layers[0].1).await, StatusCode::CREATED).await;
    let path = format!("/ogc/collections/venue/items/{}", own["id"]);
    let given = land.send(role, Method::PATCH, &path, &json!({"properties": {"village_id": land.foreign}})).await;
    assert_eq!(out_of_scope(given).await, "/properties/village_id");
    // A road through both is the county's.
    let through = feature(line(here, there), road);
    assert_eq!(out_of_scope(made(role, "road", &through).await).await, "/geometry");
    told(made("duty_officer", "road", &through).await, StatusCode::CREATED).await;
}

#[tokio::test]
async fn the_register_gives_households_their_numbers() {
    let land = Land::open().await;
    let own = land
        .id(
            "SELECT min(id) FROM household WHERE village_id = $1 AND geom IS NOT NULL AND grid_source = 'point'",
            land.own,
        )
        .await;
    let foreign: String = sqlx::query_scalar("SELECT number FROM household WHERE village_id = $1 ORDER BY id LIMIT 1")
        .bind(land.foreign)
        .fetch_one(land.sql())
        .await
        .unwrap();
    let path = format!("/ogc/collections/household/items/{own}");
    let mut answers = Vec::new();
    for number in [foreign.as_str(), "没有此号"] {
        let patch = json!({"properties": {"number": number}});
        let answer = land.send("township_staff", Method::PATCH, &path, &patch).await;
        let problem = told(answer, StatusCode::BAD_REQUEST).await;
        assert_eq!(problem["errors"][0]["pointer"], "/properties/number", "{problem}");
        let detail = problem["errors"][0]["detail"].as_str().unwrap().replace(number, "");
        assert!(detail.contains("yitu import household"), "{detail}");
        answers.push((problem["type"].clone(), detail));
    }
    assert_eq!(answers[0], answers[1], "whether there is such a household is not told");
    // What was read goes back as it was, whole.
    let whole = land.town.get("township_staff", &path).await;
    told(land.send("township_staff", Method::PUT, &path, &whole).await, StatusCode::OK).await;
    // A door is not moved out of the township, nor is the household given to another village.
    let (lon, lat) = land.place(land.foreign).await;
    let away = json!({"geometry": {"type": "Point", "coordinates": [lon, lat]}});
    out_of_scope(land.send("township_staff", Method::PATCH, &path, &away).await).await;
    let given = json!({"properties": {"village_id": land.foreign}});
    assert_eq!(
        out_of_scope(land.send("township_staff", Method::PATCH, &path, &given).await).await,
        "/properties/village_id"
    );
}
