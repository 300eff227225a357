//! What a step, a report or a photo names is the asker's to know of; and nobody takes what is another's.

use std::sync::Arc;

use chrono::Utc;
use image::codecs::jpeg::JpegEncoder;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;
use yitu::config::Config;
use yitu::domain::Viewer;
use yitu::domain::photo::PhotoKind;
use yitu::service::clock::SystemClock;
use yitu::service::exchange::take::id_of;
use yitu::service::incident::check::External;
use yitu::service::incident::report::report;
use yitu::service::photo::begin::{About, announce};

use crate::{Town, problem, told};

/// The demo county, whose duty officer is on duty for the one township of its staff.
struct Township {
    town: Town,
    _folder: tempfile::TempDir,
}

impl Township {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { requests_per_second: 0, data_dir: folder.path().to_owned(), ..Config::default() };
        let town = Town::by(Arc::new(SystemClock), config).await;
        for sql in [
            "UPDATE account SET unit_id = NULL WHERE name = 'duty_officer'",
            "UPDATE access_grant SET region_id = (SELECT g.region_id FROM access_grant g JOIN account a ON a.id = g.account_id WHERE a.name = 'township_staff')
             WHERE account_id = (SELECT id FROM account WHERE name = 'duty_officer')",
        ] {
            sqlx::query(sql).execute(&town.database.databases.migrator).await.unwrap();
        }
        Self { town, _folder: folder }
    }

    /// A household with its door in the township, or in another.
    async fn household(&self, inside: bool) -> (i64, f64, f64) {
        let sql = "SELECT h.id, ST_X(h.geom), ST_Y(h.geom) FROM household h JOIN region v ON v.id = h.village_id
                   WHERE h.geom IS NOT NULL AND h.grid_id IS NOT NULL AND (v.parent_id = (
                     SELECT g.region_id FROM access_grant g JOIN account a ON a.id = g.account_id WHERE a.name = 'township_staff')) = $1
                   ORDER BY h.id LIMIT 1";
        sqlx::query_as(sql).bind(inside).fetch_one(&self.town.database.databases.migrator).await.unwrap()
    }

    async fn body(&self, inside: bool, more: Value) -> Value {
        let (_, lon, lat) = self.household(inside).await;
        let mut body = json!({"id": Uuid::new_v4(), "category": "0301", "description": "路边垃圾",
            "location": {"source": "map", "lon": lon, "lat": lat}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    async fn everything(&self) -> Viewer {
        Viewer::whole_county(self.town.database.county().await, "县值班室")
    }

    /// A matter the program takes in, which is nobody's by having reported it.
    async fn matter(&self, inside: bool, more: Value) -> Value {
        let body = serde_json::from_value(self.body(inside, more).await).unwrap();
        let made = report(&self.town.server.yitu, &self.everything().await, body).await.unwrap();
        assert!(made.new);
        serde_json::to_value(made.incident).unwrap()
    }

    async fn act(&self, role: &str, matter: &Value, mut act: Value) -> Response {
        let id = matter["id"].as_str().unwrap();
        let version: i32 = sqlx::query_scalar("SELECT version FROM incident WHERE id = $1")
            .bind(id.parse::<Uuid>().unwrap())
            .fetch_one(&self.town.database.databases.migrator)
            .await
            .unwrap();
        act["expected_version"] = json!(version);
        self.town.post(role, &format!("/api/incidents/{id}/actions"), act).await
    }

    async fn hand_over(&self, all_or_nothing: bool, rows: &Value) -> Response {
        let path = format!("/api/exchange/incidents?system=12345&all_or_nothing={all_or_nothing}");
        self.town.post("duty_officer", &path, rows.clone()).await
    }

    async fn row(&self, no: &str) -> Value {
        let (_, lon, lat) = self.household(true).await;
        json!({"no": no, "category": "ZH-01", "description": "路灯不亮", "lon": lon, "lat": lat})
    }

    async fn maps_codes(&self) {
        let put = self.town.ask("system_admin", Method::PUT, "/api/exchange/categories/12345");
        told(put.json(&json!({"ZH-01": "0301"})).send().await.unwrap(), StatusCode::OK).await;
    }

    /// A photo in one request.
    async fn photo(&self, role: &str, matter: &Value, id: Uuid) -> Response {
        let path = format!("/api/incidents/{}/photos?id={id}", matter["id"].as_str().unwrap());
        let request = self.town.ask(role, Method::POST, &path).header("content-type", "image/jpeg");
        request.body(jpeg()).send().await.unwrap()
    }

    /// A photo announced, to be sent in pieces.
    async fn announced(&self, role: &str, matter: &Value, id: Uuid) -> Response {
        let path = format!("/api/incidents/{}/photos?id={id}", matter["id"].as_str().unwrap());
        let request = self.town.ask(role, Method::POST, &path).header("tus-resumable", "1.0.0");
        request.header("upload-length", jpeg().len()).send().await.unwrap()
    }

    /// What an upload under way is asked.
    async fn upload(&self, role: &str, method: Method, id: Uuid, offset: usize) -> Response {
        let request = self.town.ask(role, method.clone(), &format!("/api/photos/{id}/upload"));
        let request = request.header("tus-resumable", "1.0.0");
        let request = match method {
            Method::PATCH => request
                .header("upload-offset", offset)
                .header("content-type", "application/offset+octet-stream")
                .body(jpeg()[offset..].to_vec()),
            _ => request,
        };
        request.send().await.unwrap()
    }

    async fn withdraw(&self, role: &str, id: Uuid) -> Response {
        self.town.post(role, &format!("/api/photos/{id}/withdraw"), json!({"reason": "拍错了"})).await
    }
}

fn jpeg() -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new(&mut bytes).encode_image(&image::RgbImage::from_pixel(64, 48, image::Rgb([90, 120, 60]))).unwrap();
    bytes
}

fn number(external: &str) -> External {
    External { system: "12345".to_owned(), no: external.to_owned() }
}

/// An answer without what only its question makes different.
async fn plain(answer: Response, asked: &str) -> String {
    let mut said = told(answer, StatusCode::BAD_REQUEST).await;
    said.as_object_mut().unwrap().remove("request_id");
    said.to_string().replace(asked, "…")
}

#[tokio::test]
async fn a_household_that_is_not_theirs_locates_no_matter() {
    let here = Township::open().await;
    let matter = here.matter(true, json!({})).await;
    let ((own, ..), (other, lon, _)) = (here.household(true).await, here.household(false).await);
    let at = |id: i64| json!({"source": "household", "household_id": id});
    let none = 999_999_999;
    let locate =
        async |id: i64| here.act("duty_officer", &matter, json!({"action": "locate", "location": at(id)})).await;
    let (hidden, missing) =
        (plain(locate(other).await, &other.to_string()).await, plain(locate(none).await, &none.to_string()).await);
    assert_eq!(hidden, missing);
    assert!(!hidden.contains(&lon.to_string()) && hidden.contains("/location/household_id"), "{hidden}");
    // Nor does any other question that takes one.
    for path in ["/api/incidents", "/api/incidents/duplicates", "/api/dispatch/preview"] {
        let ask = async |id: i64| {
            let body = json!({"id": Uuid::nil(), "category": "0301", "description": "垃圾", "location": at(id)});
            plain(here.town.post("duty_officer", path, body).await, &id.to_string()).await
        };
        assert_eq!(ask(other).await, ask(none).await, "{path}");
    }
    let located = told(locate(own).await, StatusCode::OK).await;
    assert_eq!(located["location"]["household_id"], own);
}

#[tokio::test]
async fn nothing_is_merged_into_a_matter_that_is_not_theirs() {
    let here = Township::open().await;
    let (matter, other) = (here.matter(true, json!({})).await, here.matter(false, json!({})).await);
    let second = here.matter(true, json!({})).await;
    let merge = async |into: &str| here.act("duty_officer", &matter, json!({"action": "merge", "into": into})).await;
    let (hidden, none) = (other["id"].as_str().unwrap(), Uuid::new_v4().to_string());
    assert_eq!(plain(merge(hidden).await, hidden).await, plain(merge(&none).await, &none).await);
    let steps: i64 = here
        .town
        .one("SELECT count(*) FROM incident_history WHERE action IN ('merge', 'comment') AND note LIKE '%重复%'")
        .await;
    assert_eq!(steps, 0, "and nothing is written into it");
    let merged = told(merge(second["id"].as_str().unwrap()).await, StatusCode::OK).await;
    assert_eq!(merged["state"], "cancelled");
}

#[tokio::test]
async fn a_batch_tells_nothing_of_matters_that_are_not_theirs() {
    let here = Township::open().await;
    here.maps_codes().await;
    let external = |no: &str| json!({"id": id_of(&number(no)), "external": number(no)});
    let outside = here.matter(false, external("X1")).await;
    let restricted: String = here
        .town
        .one("SELECT code FROM category WHERE restricted AND parent_id IS NOT NULL ORDER BY code LIMIT 1")
        .await;
    let mut more = external("X2");
    more["category"] = json!(restricted);
    let secret = here.matter(true, more).await;
    assert_eq!(secret["restricted"], true);
    let rows = json!([here.row("A1").await, here.row("X1").await, here.row("X2").await, here.row("A2").await]);

    let refused = told(here.hand_over(true, &rows).await, StatusCode::UNPROCESSABLE_ENTITY).await;
    let pointers: Vec<&str> =
        refused["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/1/no", "/2/no"], "{refused}");
    let made: i64 = here.town.one("SELECT count(*) FROM incident WHERE external_no LIKE 'A%'").await;
    assert_eq!(made, 0);

    // One by one those rows alone are refused.
    let taken = told(here.hand_over(false, &rows).await, StatusCode::OK).await;
    let outcomes: Vec<&str> =
        taken["rows"].as_array().unwrap().iter().map(|r| r["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["created", "refused", "refused", "created"], "{taken}");
    assert_eq!(taken["rows"][1]["problem"]["status"], 409, "{taken}");
    for (said, matter) in [(&refused, &outside), (&taken, &outside), (&refused, &secret), (&taken, &secret)] {
        let said = said.to_string();
        assert!(!said.contains(matter["id"].as_str().unwrap()), "{said}");
        assert!(
            !said.contains(matter["owner"]["unit_name"].as_str().unwrap()) || matter["restricted"] == false,
            "{said}"
        );
    }
    for row in [&taken["rows"][1], &taken["rows"][2]] {
        assert!(row.get("number").is_none() && row.get("state").is_none() && row.get("unit_name").is_none(), "{row}");
    }
    // What is theirs is known to them, in a batch of its own kind, too.
    let again =
        told(here.hand_over(true, &json!([here.row("A3").await, here.row("A1").await])).await, StatusCode::OK).await;
    let outcomes: Vec<&str> =
        again["rows"].as_array().unwrap().iter().map(|r| r["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["created", "known"]);
}

#[tokio::test]
async fn numbers_of_other_systems_are_taken_from_who_exchanges_with_them() {
    let here = Township::open().await;
    here.maps_codes().await;
    for role in ["grid_worker", "village_cadre", "township_staff", "responder"] {
        for (more, field) in
            [(json!({"external": number("E1")}), "/external"), (json!({"id": id_of(&number("E1"))}), "/id")]
        {
            for path in ["/api/incidents", "/api/dispatch/preview", "/api/incidents/duplicates"] {
                let body = here.body(true, more.clone()).await;
                let refused = told(here.town.post(role, path, body).await, StatusCode::BAD_REQUEST).await;
                assert_eq!(refused["errors"][0]["pointer"], field, "{role} {path}: {refused}");
            }
        }
    }
    // The number is still there for the one it is of.
    let taken = told(here.hand_over(false, &here.row("E1").await).await, StatusCode::OK).await;
    assert_eq!(taken["created"], 1, "{taken}");
    let more = json!({"external": number("E2")});
    told(here.town.post("duty_officer", "/api/incidents", here.body(true, more).await).await, StatusCode::CREATED)
        .await;
}

#[tokio::test]
async fn an_id_of_a_matter_that_is_not_theirs_is_an_ordinary_conflict() {
    let here = Township::open().await;
    let hidden = here.matter(false, json!({})).await;
    for role in ["grid_worker", "duty_officer"] {
        let body = here.body(true, json!({"id": hidden["id"]})).await;
        let refused = here.town.post(role, "/api/incidents", body).await;
        let said = told(refused, StatusCode::CONFLICT).await;
        assert_eq!(said["type"], "urn:yitu:problem:incident-elsewhere");
        assert_eq!(said["errors"][0]["pointer"], "/id");
    }
    // The same of a photo's.
    let (yitu, everything) = (&here.town.server.yitu, here.everything().await);
    let about =
        About { id: Uuid::new_v4(), kind: PhotoKind::default(), taken_at: Some(Utc::now()), caption: String::new() };
    let incident = hidden["id"].as_str().unwrap().parse().unwrap();
    announce(yitu, &everything, incident, &about, 100).await.unwrap();
    let own = told(
        here.town.post("duty_officer", "/api/incidents", here.body(true, json!({})).await).await,
        StatusCode::CREATED,
    )
    .await;
    for refused in
        [here.announced("duty_officer", &own, about.id).await, here.photo("duty_officer", &own, about.id).await]
    {
        assert_eq!(problem(refused, StatusCode::CONFLICT).await, "photo-elsewhere");
    }
    let bytes: i64 = here.town.one("SELECT sent_bytes FROM incident_photo").await;
    assert_eq!(bytes, 100, "it is as it was");
}

/// A matter in the grid worker's own grid, which the cadre of its village sees too.
async fn of_both(here: &Township) -> Value {
    let sql = "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(g.geom) p FROM layer_grid g JOIN appointment t ON t.grid_id = g.id
               JOIN account a ON a.responder_id = t.responder_id WHERE a.name = 'grid_worker' AND t.role = 'grid_worker' ORDER BY g.id LIMIT 1) q";
    let (lon, lat): (f64, f64) = sqlx::query_as(sql).fetch_one(&here.town.database.databases.migrator).await.unwrap();
    here.matter(true, json!({"location": {"source": "map", "lon": lon, "lat": lat}})).await
}

#[tokio::test]
async fn a_photo_is_withdrawn_by_whoever_is_on_duty_or_took_it_until_it_was_looked_at() {
    let here = Township::open().await;
    let matter = of_both(&here).await;
    let [first, second, third] = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    for id in [first, second, third] {
        told(here.photo("village_cadre", &matter, id).await, StatusCode::CREATED).await;
    }
    assert_eq!(problem(here.withdraw("grid_worker", first).await, StatusCode::FORBIDDEN).await, "not-your-photo");
    let withdrawn = told(here.withdraw("village_cadre", first).await, StatusCode::OK).await;
    assert_eq!(withdrawn["state"], "withdrawn");
    for (role, act) in [
        ("grid_worker", json!({"action": "accept"})),
        ("grid_worker", json!({"action": "resolve", "note": "已清运"})),
        ("county_leader", json!({"action": "check", "passed": true})),
    ] {
        told(here.act(role, &matter, act).await, StatusCode::OK).await;
    }
    // What a check rests on is no longer the sender's to take away.
    assert_eq!(problem(here.withdraw("village_cadre", second).await, StatusCode::FORBIDDEN).await, "not-your-photo");
    told(here.withdraw("duty_officer", second).await, StatusCode::OK).await;
    told(here.withdraw("county_leader", third).await, StatusCode::OK).await;
    let later = Uuid::new_v4();
    told(here.photo("village_cadre", &matter, later).await, StatusCode::CREATED).await;
    told(here.withdraw("village_cadre", later).await, StatusCode::OK).await;
}

#[tokio::test]
async fn an_upload_is_whose_it_was_begun_by() {
    let here = Township::open().await;
    let matter = of_both(&here).await;
    let id = Uuid::new_v4();
    assert_eq!(here.announced("village_cadre", &matter, id).await.status(), StatusCode::CREATED);
    for role in ["grid_worker", "duty_officer"] {
        for refused in [
            here.upload(role, Method::PATCH, id, 0).await,
            here.upload(role, Method::DELETE, id, 0).await,
            here.announced(role, &matter, id).await,
            here.photo(role, &matter, id).await,
        ] {
            assert_eq!(problem(refused, StatusCode::FORBIDDEN).await, "not-your-photo", "{role}");
        }
    }
    assert_eq!(here.announced("village_cadre", &matter, id).await.status(), StatusCode::CREATED);
    assert_eq!(here.upload("village_cadre", Method::PATCH, id, 0).await.status(), StatusCode::NO_CONTENT);
    // Begun by the program, before there were accounts, it is nobody's in particular.
    let old = Uuid::new_v4();
    let about = About { id: old, kind: PhotoKind::default(), taken_at: None, caption: String::new() };
    let incident = matter["id"].as_str().unwrap().parse().unwrap();
    announce(&here.town.server.yitu, &here.everything().await, incident, &about, jpeg().len() as u64).await.unwrap();
    assert_eq!(here.upload("grid_worker", Method::PATCH, old, 0).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(problem(here.withdraw("grid_worker", old).await, StatusCode::FORBIDDEN).await, "not-your-photo");
    let given_up = Uuid::new_v4();
    assert_eq!(here.announced("village_cadre", &matter, given_up).await.status(), StatusCode::CREATED);
    assert_eq!(here.upload("village_cadre", Method::DELETE, given_up, 0).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_phone_that_lost_the_answer_is_told_it_again() {
    let town = Town::open().await;
    let category: String =
        town.one("SELECT code FROM category WHERE restricted AND parent_id IS NOT NULL ORDER BY code LIMIT 1").await;
    let body = json!({"id": uuid::Uuid::new_v4(), "category": category, "description": "听见打骂声",
        "location": {"source": "text", "text": "村口"}});
    let report = async |role: &str| town.post(role, "/api/incidents", body.clone()).await;
    let first = told(report("village_cadre").await, StatusCode::CREATED).await;
    assert_eq!(first["restricted"], true);
    let again = told(report("village_cadre").await, StatusCode::OK).await;
    assert_eq!((&again["number"], &again["timeline"]), (&first["number"], &Value::Null));
    assert_eq!(problem(report("grid_worker").await, StatusCode::CONFLICT).await, "incident-elsewhere");
    // A day later it is nobody's but those who answer for it.
    let sql = "UPDATE incident SET received_at = received_at - interval '25 hours', reported_at = reported_at - interval '25 hours' WHERE number = $1";
    let number = first["number"].as_i64().unwrap();
    sqlx::query(sql).bind(number).execute(&town.database.databases.migrator).await.unwrap();
    assert_eq!(problem(report("village_cadre").await, StatusCode::CONFLICT).await, "incident-elsewhere");
}
