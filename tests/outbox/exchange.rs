//! Matters of 12345 and upper platforms come in once, and what becomes of them goes back.

use serde_json::{Value, json};

use crate::Desk;
use crate::hook::{Behaviour, Hook};

const PATH: &str = "/api/exchange/incidents";

impl Desk {
    async fn maps_codes(&self) {
        let url = self.server.url("/api/exchange/categories/12345");
        let codes = json!({"ZH-01": "0301", "0301": "0301"});
        let answer = self.server.client.put(url).json(&codes).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        assert_eq!(self.server.get_json("/api/exchange/categories/12345").await, codes);
    }

    async fn hand_over(&self, query: &str, body: &Value) -> (u16, Value) {
        let answer = self.server.post_json(&format!("{PATH}{query}"), body).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn hand_over_csv(&self, of_type: &'static str, body: Vec<u8>) -> (u16, Value) {
        let url = self.server.url(&format!("{PATH}?system=12345"));
        let request = self.server.client.post(url).header("content-type", of_type).body(body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn row(&self, no: &str) -> Value {
        let (lon, lat) = self.some_place().await;
        json!({"system": "12345", "no": no, "category": "ZH-01", "description": "路灯不亮", "lon": lon, "lat": lat,
               "urgency": "紧急", "reported_at": "2026-11-24 08:30"})
    }

    async fn incidents(&self) -> i64 {
        self.one("SELECT count(*) FROM incident WHERE external_system = '12345'").await
    }
}

fn outcomes(body: &Value) -> Vec<&str> {
    body["rows"].as_array().unwrap().iter().map(|r| r["outcome"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_matter_comes_in_once_and_its_steps_go_back_under_its_number() {
    let desk = Desk::open().await;
    desk.maps_codes().await;
    let (back, other) = (Hook::open(Behaviour::Ok("")).await, Hook::open(Behaviour::Ok("")).await);
    let exchange = |system: &str, hook: &Hook| json!({"name": system, "kind": "exchange", "external_system": system, "url": hook.url()});
    desk.receiver(exchange("12345", &back)).await;
    desk.receiver(exchange("省平台", &other)).await;
    let row = desk.row("2026-0001/甲").await;
    let (status, body) = desk.hand_over("", &row).await;
    assert_eq!((status, outcomes(&body)), (200, vec!["created"]), "{body}");
    let (_, again) = desk.hand_over("", &row).await;
    assert_eq!(outcomes(&again), ["known"]);
    assert_eq!((&again["rows"][0]["id"], desk.incidents().await), (&body["rows"][0]["id"], 1));

    let found = desk.server.get_json(&format!("{PATH}/12345/2026-0001%2F%E7%94%B2")).await;
    assert_eq!(found["external"], json!({"system": "12345", "no": "2026-0001/甲"}));
    assert_eq!((&found["urgency"], &found["reported_at"]), (&json!("urgent"), &json!("2026-11-24T00:30:00Z")));
    assert!(found["owner"]["unit_id"].is_i64() && found["explanation"]["text"].is_string());
    assert_eq!(desk.server.get(&format!("{PATH}/12345/2026-0002")).await.status(), 404);

    let id = found["id"].as_str().unwrap().parse().unwrap();
    let view = yitu::service::incident::list::find(desk.yitu(), &desk.viewer, id).await.unwrap();
    desk.act(&view, json!({"action": "accept"})).await;
    desk.reported("0301").await;
    desk.pass_all().await;
    let told: Vec<(String, Value)> = back
        .received()
        .iter()
        .map(|r| (r.json()["type"].as_str().unwrap().to_owned(), r.json()["data"].clone()))
        .collect();
    assert_eq!(told.iter().map(|t| t.0.as_str()).collect::<Vec<_>>(), ["incident.dispatch", "incident.accept"]);
    assert!(told.iter().all(|(_, data)| data["external_no"] == "2026-0001/甲" && data["external_system"] == "12345"));
    assert_eq!(other.count(), 0);

    // The same number by the ordinary way is the same incident.
    let mut report = desk.body("0301").await;
    report["external"] = json!({"system": "12345", "no": "2026-0001/甲"});
    let answer = desk.server.post_json("/api/incidents", &report).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json::<Value>().await.unwrap()["id"], found["id"]);
    report["external"] = json!({"system": "12345", "no": "a\u{0}"});
    assert_eq!(desk.server.post_json("/api/incidents", &report).await.status(), 400);
}

#[tokio::test]
async fn a_refused_row_refuses_nobody_else_unless_it_is_all_or_nothing() {
    let desk = Desk::open().await;
    desk.maps_codes().await;
    let good = desk.row("A1").await;
    let but = |no: &str, name: &str, value: Value| {
        let mut row = good.clone();
        (row["no"], row[name]) = (json!(no), value);
        row
    };
    let rows = json!([
        good,
        but("A2", "category", json!("ZH-99")),
        but("A3", "lon", json!("东经117")),
        but("A4", "urgency", json!("十万火急")),
        but("A5", "reported_at", json!("昨天")),
        but("A6", "lon", json!(10.0)),
        but("", "lat", json!(25.0)),
        "不是对象",
        but("A7", "crs", json!("wgs84")),
        but("A1", "description", json!("重复的一行")),
    ]);
    let (status, body) = desk.hand_over("?all_or_nothing=true", &rows).await;
    assert_eq!((status, desk.incidents().await), (422, 0), "{body}");
    assert_eq!(body["type"], "urn:yitu:problem:rows-refused");
    let pointers: Vec<&str> =
        body["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    assert_eq!(
        pointers,
        ["/1/category", "/2/lon", "/3/urgency", "/4/reported_at", "/5/location", "/6/no", "/7"],
        "{body}"
    );

    let (status, body) = desk.hand_over("", &rows).await;
    assert_eq!(status, 200);
    let mut want = vec!["created"];
    want.extend(["refused"; 7]);
    assert_eq!(outcomes(&body)[..8], want);
    assert_eq!((&body["created"], &body["known"], &body["refused"]), (&json!(2), &json!(1), &json!(7)));
    let why = body["rows"][1]["problem"]["detail"].as_str().unwrap();
    assert!(why.contains("ZH-99") && why.contains("/api/exchange/categories/12345"), "{why}");
    assert_eq!(desk.incidents().await, 2);

    let whole = json!([desk.row("B1").await, desk.row("B2").await, desk.row("A1").await, desk.row("B1").await]);
    let (status, body) = desk.hand_over("?all_or_nothing=true", &whole).await;
    assert_eq!((status, outcomes(&body)), (200, vec!["created", "created", "known", "known"]));
    assert_eq!(desk.incidents().await, 4);

    let many: Vec<Value> = (0..1001).map(|n| json!({"no": n.to_string()})).collect();
    assert_eq!(desk.hand_over("", &json!(many)).await.0, 413);
    assert_eq!(desk.hand_over("", &json!("x")).await.0, 400);
    let without = json!({"no": "1", "category": "ZH-01"});
    assert_eq!(desk.hand_over("", &without).await.1["rows"][0]["problem"]["errors"][0]["pointer"], "/system");
}

#[tokio::test]
async fn tables_come_in_as_gbk_or_utf8_under_chinese_names() {
    let desk = Desk::open().await;
    desk.maps_codes().await;
    let (lon, lat) = desk.some_place().await;
    let village: String = desk.one("SELECT name FROM region WHERE level = 'village' ORDER BY id LIMIT 1").await;
    let text = format!(
        "工单编号,事项编码,问题描述,经度,纬度,地点,备注\r\nC1,ZH-01,\"井盖缺失,\n有人摔倒\",{lon},{lat},,x\r\nC2,0301,堆放垃圾,,,{village}村口,\r\nC3,0301,少一列\r\nC4,9999,无对应,,,{village},\r\n"
    );
    let (gbk, _, lossy) = encoding_rs::GBK.encode(&text);
    assert!(!lossy);
    let (status, body) = desk.hand_over_csv("text/csv", gbk.to_vec()).await;
    assert_eq!((status, outcomes(&body)), (200, vec!["created", "created", "refused", "refused"]), "{body}");
    let told: String = desk.one("SELECT description FROM incident WHERE external_no = 'C1'").await;
    assert_eq!(told, "井盖缺失,\n有人摔倒");
    let placed: String =
        desk.one("SELECT v.name FROM incident i JOIN region v ON v.id = i.village_id WHERE external_no = 'C2'").await;
    assert_eq!(placed, village);

    let (status, body) = desk.hand_over_csv("text/csv; charset=gb18030", gbk.to_vec()).await;
    assert_eq!((status, outcomes(&body)), (200, vec!["known", "known", "refused", "refused"]));
    let (_, body) = desk.hand_over_csv("text/csv; charset=utf-8", text.replace("C1", "C8").into_bytes()).await;
    assert_eq!(outcomes(&body)[..2], ["created", "known"]);
    let (status, _) = desk.hand_over_csv("text/csv; charset=utf-8", gbk.to_vec()).await;
    assert_eq!(status, 400, "GBK is no UTF-8");
    let (status, body) = desk.hand_over_csv("text/csv", "编号,内容\n1,x\n".as_bytes().to_vec()).await;
    assert_eq!((status, &body["errors"][0]["pointer"]), (400, &json!("/category")), "{body}");
    assert_eq!(desk.hand_over_csv("text/plain", b"x".to_vec()).await.0, 415);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_hand_overs_of_one_number_are_one_incident() {
    let desk = Desk::open().await;
    desk.maps_codes().await;
    let rows = json!([desk.row("P1").await, desk.row("P2").await]);
    let turned = json!([rows[1], rows[0]]);
    let all = futures::future::join_all((0..12).map(|n| {
        let desk = &desk;
        let rows = if n % 2 == 0 { &rows } else { &turned };
        async move { desk.hand_over(if n % 3 == 0 { "?all_or_nothing=true" } else { "" }, rows).await }
    }))
    .await;
    let mut created = 0;
    for (status, body) in &all {
        assert_eq!(*status, 200, "{body}");
        created += body["created"].as_u64().unwrap();
    }
    assert_eq!((created, desk.incidents().await), (2, 2));

    let reports = futures::future::join_all((0..8).map(|_| async {
        let mut body = desk.body("0301").await;
        body["external"] = json!({"system": "12345", "no": "P3"});
        let answer = desk.server.post_json("/api/incidents", &body).await;
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.unwrap()["id"].clone())
    }))
    .await;
    assert_eq!(reports.iter().filter(|r| r.0 == 201).count(), 1, "{reports:?}");
    assert!(reports.iter().all(|r| r.1 == reports[0].1), "{reports:?}");
}

#[tokio::test]
async fn codes_stand_for_categories_that_exist() {
    let desk = Desk::open().await;
    let url = desk.server.url("/api/exchange/categories/12345");
    let answer = desk.server.client.put(&url).json(&json!({"X": "没有"})).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.json::<Value>().await.unwrap()["errors"][0]["pointer"], "/X");
    desk.maps_codes().await;
    let answer = desk.server.client.put(&url).json(&json!({})).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(desk.server.get_json("/api/exchange/categories/12345").await, json!({}));
}
