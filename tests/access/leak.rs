//! A household that is not theirs changes nothing of what anybody is told: every question is asked before it is there and
//! after, and the answers are the same to the byte. Whatever would tell of it, by name or by number, by a sum or by an
//! entity tag, would differ.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use parking_lot::Mutex;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use yitu::access::operations::{Need, OPERATIONS};
use yitu::access::phone::PhoneKey;
use yitu::config::Config;
use yitu::domain::Layer;
use yitu::geo::TileId;

use crate::support::{DEMO_NOW, StillClock, tells};
use crate::{Town, encoded};

const NAME: &str = "冼不落";
const MEMBER: &str = "冼未央";
const ADDRESS: &str = "云深不知处九十九号";
const NUMBER: &str = "LX9999917";
const PHONE: &str = "13900009917";
/// Roles of the demo for whom a household of another township is out of scope; they ask in this order.
const OUTSIDERS: [&str; 9] = [
    "township_staff",
    "village_cadre",
    "grid_worker",
    "responder",
    "department",
    "wall",
    "system_admin",
    "security_admin",
    "auditor",
];

/// The household that is planted, in the township whose villages the demo's accounts have nothing of.
struct Planted {
    id: i64,
    lon: f64,
    lat: f64,
    village: i64,
    grid: i64,
}

impl Planted {
    async fn place(town: &Town) -> Self {
        let (id, lon, lat, village, grid) = sqlx::query_as(
            "SELECT nextval('feature_id'), ST_X(p), ST_Y(p), village_id, id
             FROM (SELECT ST_PointOnSurface(geom) p, village_id, id FROM layer_grid WHERE kind = 'general'
                   AND village_id IN (SELECT id FROM region WHERE level = 'village' AND parent_id = (SELECT max(id) FROM region WHERE level = 'township'))
                   ORDER BY id LIMIT 1) q",
        )
        .fetch_one(&town.database.databases.migrator)
        .await
        .unwrap();
        Self { id, lon, lat, village, grid }
    }

    /// Puts it there.
    async fn plant(&self, town: &Town) {
        let phone = PhoneKey::from_hex(&"5a".repeat(32)).unwrap().seal(PHONE, [7; 24]);
        let mut on = town.database.databases.migrator.begin().await.unwrap();
        sqlx::query(
            "INSERT INTO household (county_id, id, number, village_id, grid_id, register_grid_id, geom, address, head_name, tags)
             SELECT county_id, $1, $2, $3, $4, $4, ST_SetSRID(ST_MakePoint($5, $6), 4490), $7, $8, ARRAY['elder_alone'] FROM region WHERE id = $3",
        )
        .bind(self.id)
        .bind(NUMBER)
        .bind(self.village)
        .bind(self.grid)
        .bind(self.lon)
        .bind(self.lat)
        .bind(ADDRESS)
        .bind(NAME)
        .execute(&mut *on)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO member (county_id, household_id, name, relation, gender, birth_year, at_home)
             SELECT county_id, id, $2, '户主', 'female', 1938, true FROM household WHERE id = $1",
        )
        .bind(self.id)
        .bind(MEMBER)
        .execute(&mut *on)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO phone (county_id, household_id, ciphertext, number_hash, tail_hash)
             SELECT county_id, id, $2, $3, $4 FROM household WHERE id = $1",
        )
        .bind(self.id)
        .bind(phone.ciphertext)
        .bind(phone.number_hash.as_slice())
        .bind(phone.tail_hash.as_slice())
        .execute(&mut *on)
        .await
        .unwrap();
        on.commit().await.unwrap();
        for _ in 0..400 {
            if town.server.yitu.atlas.layer(Layer::Household).get(self.id).is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the map does not take it over");
    }

    fn tile(&self, z: u8) -> TileId {
        TileId::containing(z, self.lon, self.lat)
    }
}

/// Questions that would tell of it if anything did, one or more for every operation that reads.
struct Hunt {
    planted: Planted,
    incident: String,
    deliberation: String,
}

impl Hunt {
    /// The questions of an operation.
    fn questions(&self, path: &str) -> Vec<String> {
        let Planted { id, lon, lat, village, grid } = &self.planted;
        let near = format!("{},{},{},{}", lon - 2e-4, lat - 2e-4, lon + 2e-4, lat + 2e-4);
        match path {
            "/api/summary" => vec![path.into(), format!("{path}?region={village}")],
            "/api/locate" => {
                vec![format!("{path}?lon={lon}&lat={lat}"), format!("{path}?lon={lon}&lat={lat}&accuracy_m=40")]
            }
            "/api/search" => {
                [NAME, MEMBER, ADDRESS, NUMBER, PHONE, "9917", "冼", "xianbuluo", "xbl", "云深", "9999917"]
                    .iter()
                    .flat_map(|q| {
                        [
                            format!("{path}?q={}", encoded(q)),
                            format!("{path}?q={}&kind=household&region={village}", encoded(q)),
                        ]
                    })
                    .collect()
            }
            "/api/near" => vec![
                format!("{path}?lon={lon}&lat={lat}&kind=household&radius_m=50"),
                format!("{path}?lon={lon}&lat={lat}&kind=venue&radius_m=2000"),
            ],
            "/api/within" => vec![
                format!("{path}?region={village}&kind=household&limit=1000"),
                format!("{path}?region={village}&kind=incident"),
            ],
            "/api/coverage" => vec![
                format!("{path}?venue_kind=clinic&max_m=1500"),
                format!("{path}?venue_kind=clinic&max_m=1500&region={village}"),
            ],
            "/api/grids/{id}/history" => vec![format!("/api/grids/{grid}/history")],
            "/tiles/{document}" => vec!["/tiles/household.json".into(), "/tiles/grid.json".into()],
            "/tiles/{layers}/{z}/{x}/{y}" => (6..=17)
                .flat_map(|z| {
                    let tile = self.planted.tile(z);
                    let (x, y) = (tile.x(), tile.y());
                    [
                        format!("/tiles/household/{z}/{x}/{y}"),
                        format!("/tiles/region,grid,household,venue/{z}/{x}/{y}"),
                        format!("/tiles/household/{z}/{x}/{y}?filter={}", encoded(&format!("number = '{NUMBER}'"))),
                    ]
                })
                .collect(),
            "/ogc/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}" => [9, 14, 16]
                .map(|z| {
                    let tile = self.planted.tile(z);
                    format!("/ogc/collections/household/tiles/WebMercatorQuad/{z}/{}/{}", tile.y(), tile.x())
                })
                .into(),
            "/ogc/collections/{collectionId}/items" => {
                let of = "/ogc/collections/household/items";
                [
                    format!("number = '{NUMBER}'"),
                    format!("name = '{NAME}'"),
                    "name LIKE '冼%'".to_owned(),
                    format!("id = {id}"),
                ]
                .iter()
                .map(|filter| format!("{of}?filter={}", encoded(filter)))
                .chain([
                    format!("{of}?bbox={near}"),
                    format!("{of}?limit=1&sortby=-number"),
                    format!("{of}?limit=1"),
                    format!("{of}?village_id={village}&f=html"),
                    "/ogc/collections/region/items?limit=1000".to_owned(),
                ])
                .collect()
            }
            "/ogc/collections/{collectionId}/items/{featureId}" => vec![
                format!("/ogc/collections/household/items/{id}"),
                format!("/ogc/collections/household/items/{id}?f=html"),
                format!("/ogc/collections/grid/items/{grid}"),
                format!("/ogc/collections/region/items/{village}"),
            ],
            path if path.starts_with("/ogc/collections/{collectionId}") => {
                vec![path.replace("{collectionId}", "household").replace("{tileMatrixSetId}", "WebMercatorQuad")]
            }
            "/ogc/tileMatrixSets/{tileMatrixSetId}" => vec!["/ogc/tileMatrixSets/WebMercatorQuad".into()],
            "/api/incidents" => vec![format!("{path}?region={village}"), format!("{path}?bbox={near}"), path.into()],
            "/api/wall/incidents" => vec![format!("{path}?region={village}"), path.into()],
            "/api/duty" | "/api/duty/handover" | "/api/duty/monthly" | "/api/figures" => {
                vec![path.into(), format!("{path}?region={village}")]
            }
            "/api/duty/{list}" => vec!["/api/duty/overdue".into(), "/api/duty/to_accept".into()],
            "/api/units" => vec![format!("{path}?q={}", encoded("村"))],
            "/api/exchange/incidents/{system}/{no}" => vec!["/api/exchange/incidents/12345/1".into()],
            "/api/exchange/categories/{system}" => vec!["/api/exchange/categories/12345".into()],
            "/api/deliberations/{id}" => vec![format!("/api/deliberations/{}", self.deliberation)],
            path if path.starts_with("/api/incidents/{id}") => vec![path.replace("{id}", &self.incident)],
            path if path.starts_with("/tiles/dem/") => vec!["/tiles/dem/10/845/437".into()],
            path if path.contains('{') => vec![path.replace("{id}", &id.to_string())],
            path => vec![path.into()],
        }
    }

    /// What asks with a body: nothing of it is stored.
    fn posted(&self) -> Vec<(&'static str, Value)> {
        let Planted { id, lon, lat, .. } = &self.planted;
        let ring = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0]];
        let area: Vec<[f64; 2]> = ring.iter().map(|[x, y]| [lon + x * 3e-4, lat + y * 3e-4]).collect();
        let at_home = json!({"id": uuid::Uuid::nil(), "category": "0301", "description": "门前积水", "location": {"source": "household", "household_id": id}});
        let beside = json!({"id": uuid::Uuid::nil(), "category": "0301", "description": "门前积水", "location": {"source": "map", "lon": lon, "lat": lat}});
        vec![
            ("/api/within", json!({"kind": "household", "geometry": {"type": "Polygon", "coordinates": [area]}})),
            ("/api/dispatch/preview", at_home.clone()),
            ("/api/dispatch/preview", beside.clone()),
            ("/api/incidents/duplicates", at_home),
            ("/api/incidents/duplicates", beside),
        ]
    }

    /// Every answer to somebody: its status, its headers, its body, without what differs from one moment to the next.
    async fn answers(&self, town: &Town, role: &str) -> BTreeMap<String, String> {
        let mut answers = BTreeMap::new();
        let reads = OPERATIONS.iter().filter(|o| o.method == "GET" && o.path != "/live");
        let reads =
            reads.filter(|o| o.need != Need::Nobody || o.path.starts_with("/health") || o.path == "/api/session");
        for path in reads.flat_map(|o| self.questions(o.path)) {
            let answer = town.ask(role, Method::GET, &path).send().await.unwrap();
            answers.insert(path, plain(answer).await);
        }
        for (at, (path, body)) in self.posted().into_iter().enumerate() {
            let answer = town.post(role, path, body).await;
            answers.insert(format!("POST {path} {at}"), plain(answer).await);
        }
        let look = format!("/api/households/{}/look", self.planted.id);
        answers.insert(
            format!("POST {look}"),
            plain(town.post(role, &look, json!({"reason": "走访核实情况"})).await).await,
        );
        answers
    }
}

/// An answer without its number and where the change log stands: every write moves that. The clock stands still.
async fn plain(answer: reqwest::Response) -> String {
    let status = answer.status();
    let passing = ["date", "x-request-id"];
    let headers: BTreeMap<String, String> = answer
        .headers()
        .iter()
        .filter(|(name, _)| !passing.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let bytes = answer.bytes().await.unwrap();
    let body = match serde_json::from_slice::<Value>(&bytes) {
        Ok(mut body) => {
            still(&mut body);
            body.to_string()
        }
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
    };
    // The length goes with the place in the log.
    let headers: Vec<_> = headers.iter().filter(|(name, _)| name.as_str() != "content-length").collect();
    format!("{status} {headers:?} {body}")
}

fn still(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for name in ["seq", "request_id"] {
                fields.remove(name);
            }
            fields.values_mut().for_each(still);
        }
        Value::Array(items) => items.iter_mut().for_each(still),
        _ => {}
    }
}

/// What the program writes to its log, at its most talkative.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_household_that_is_not_theirs_changes_nothing_they_are_told() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let town =
        Town::by(Arc::new(StillClock::at(DEMO_NOW)), Config { requests_per_second: 0, ..Config::default() }).await;
    let planted = Planted::place(&town).await;
    let own: i64 = {
        let worker = yitu::service::access::principal::of_secret(
            &town.server.yitu,
            town.tokens["grid_worker"].as_str().unwrap(),
        );
        let grids: Vec<i64> = worker.await.unwrap().unwrap().viewer.scope().grids.iter().copied().collect();
        sqlx::query_scalar("SELECT min(id) FROM household WHERE grid_id = ANY($1) AND geom IS NOT NULL")
            .bind(grids)
            .fetch_one(&town.database.databases.migrator)
            .await
            .unwrap()
    };
    let hunt = Hunt {
        incident: town
            .one::<uuid::Uuid>("SELECT id FROM incident WHERE NOT restricted ORDER BY number LIMIT 1")
            .await
            .to_string(),
        deliberation: town.one::<i64>("SELECT coalesce(min(id), 1) FROM deliberation").await.to_string(),
        planted,
    };
    let mut before = BTreeMap::new();
    for role in OUTSIDERS.iter().chain(&["duty_officer"]) {
        before.insert(*role, hunt.answers(&town, role).await);
    }
    log.0.lock().clear();
    hunt.planted.plant(&town).await;
    for role in OUTSIDERS {
        let after = hunt.answers(&town, role).await;
        let known = &before[role];
        assert!(after.len() > 100 && after.len() == known.len());
        for (path, answer) in &after {
            for word in [NAME, MEMBER, ADDRESS, NUMBER, PHONE] {
                let its_own = path.contains(&encoded(word)) || path.contains(word);
                assert!(its_own || !answer.contains(word), "{role} {path}: {word}");
            }
            // These count what is asked.
            if path != "/metrics" && path != "/api/audit" {
                let short = |t: &str| t.chars().take(1500).collect::<String>();
                assert_eq!(short(answer), short(&known[path]), "{role} {path}");
                assert!(*answer == known[path], "{role} {path}");
            }
        }
    }
    // The same hunt finds it where it is somebody's to know.
    let found = hunt.answers(&town, "duty_officer").await;
    let differ = found.iter().filter(|(path, answer)| before["duty_officer"][*path] != **answer).count();
    assert!(differ > 40, "{differ} of {} answers differ", found.len());
    let mut streams = BTreeMap::new();
    for role in OUTSIDERS.iter().take(6) {
        let stream = town.ask(role, Method::GET, "/live?topics=tiles,incident,summary").send().await.unwrap();
        assert_eq!(stream.status(), StatusCode::OK, "{role}");
        streams.insert(*role, stream.bytes_stream());
    }
    // Moved in one transaction with a household of the grid worker's own: the map takes over both in one step.
    sqlx::query("UPDATE household SET geom = ST_Translate(geom, 0.00002, 0) WHERE id IN ($1, $2)")
        .bind(own)
        .bind(hunt.planted.id)
        .execute(&town.database.databases.migrator)
        .await
        .unwrap();
    for (role, stream) in streams {
        let events = heard(stream).await;
        let of_people: Vec<&Value> = events.iter().filter(|e| e["layer"] == "household").collect();
        let told = of_people.iter().any(|e| tells(e, hunt.planted.tile(16)) || tells(e, hunt.planted.tile(14)));
        assert!(!told, "{role}: {of_people:?}");
        let hears_of_own = matches!(role, "township_staff" | "village_cadre" | "grid_worker");
        assert_eq!(!of_people.is_empty(), hears_of_own, "{role}: {of_people:?}");
    }
    // Nobody's name is in a log, whoever asked for it; the words of a question are not either.
    let written = String::from_utf8_lossy(&log.0.lock()).into_owned();
    assert!(written.lines().count() > 100, "the log is on");
    for word in [NAME, MEMBER, ADDRESS, NUMBER, PHONE, &encoded(NAME), &encoded(PHONE)] {
        let line = written.lines().find(|l| l.contains(word));
        assert!(line.is_none(), "{word}: {}", line.unwrap_or_default().chars().take(400).collect::<String>());
    }
}

/// What a stream tells until it is silent for a while.
pub(crate) async fn heard(
    mut stream: impl futures::Stream<Item = reqwest::Result<bytes::Bytes>> + Unpin,
) -> Vec<Value> {
    let mut text = String::new();
    while let Ok(Some(Ok(bytes))) = tokio::time::timeout(Duration::from_millis(700), stream.next()).await {
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
    text.lines().filter_map(|l| serde_json::from_str(l.strip_prefix("data:")?.trim()).ok()).collect()
}

#[tokio::test]
async fn every_operation_that_reads_is_part_of_the_hunt() {
    // By name, so that a new parameter is thought about: these take the id of the planted household for theirs.
    let town = Town::open().await;
    let hunt = Hunt { planted: Planted::place(&town).await, incident: String::new(), deliberation: String::new() };
    let id = hunt.planted.id.to_string();
    let by_id: BTreeSet<&str> = OPERATIONS
        .iter()
        .filter(|o| {
            o.method == "GET" && o.path.contains("{id}") && hunt.questions(o.path).iter().any(|q| q.contains(&id))
        })
        .map(|o| o.path)
        .collect();
    assert_eq!(by_id.into_iter().collect::<Vec<_>>(), ["/api/photos/{id}", "/api/users/{id}", "/api/webhooks/{id}"]);
    let unfilled: Vec<String> = OPERATIONS
        .iter()
        .filter(|o| o.method == "GET" && o.need != Need::Nobody)
        .flat_map(|o| hunt.questions(o.path))
        .filter(|q| q.contains('{'))
        .collect();
    assert!(unfilled.is_empty(), "{unfilled:?}");
}
