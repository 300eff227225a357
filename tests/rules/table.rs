//! The rule table, seen, tried and published as its users do it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{Desk, report};

const RULES: &str = "/api/dispatch/rules";
const PREVIEW: &str = "/api/dispatch/rules/preview";

/// Three general lines that cover everything, and one for restricted matters of each urgency.
fn plain() -> Vec<Value> {
    vec![
        json!({"urgency": "ordinary", "accept_minutes": 1440, "resolve_days": 3}),
        json!({"urgency": "疑难", "accept_minutes": 1440, "resolve_days": 7}),
        json!({"urgency": "紧急", "accept_minutes": 120, "resolve_minutes": 1440}),
        json!({"category": "保密事项", "first_level": "county_duty_officer", "accept_minutes": 120, "resolve_minutes": 1440}),
    ]
}

fn with(line: Value) -> Value {
    let mut lines = plain();
    lines.push(line);
    json!({"lines": lines})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_goes_out_as_a_sheet_and_comes_back_the_same() {
    let desk = Desk::open().await;
    let table = desk.server.get_json(RULES).await;
    assert_eq!((&table["version"], &table["in_force"]), (&json!(1), &json!(true)));
    let lines = table["lines"].as_array().unwrap();
    assert_eq!(lines.len() as i64, desk.one::<i64>("SELECT count(*) FROM dispatch_rule").await);
    let named = lines.iter().find(|l| l["first_level"] == "department").unwrap();
    assert!(named["first_unit"].as_str().unwrap().ends_with('局') && named["first_unit_id"].is_i64(), "{named}");
    assert!(named["category_name"].is_string());

    let response = desk.server.get("/api/dispatch/rules.csv").await;
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
    let sheet = response.bytes().await.unwrap().to_vec();
    let text = String::from_utf8(sheet.clone()).unwrap();
    assert!(text.starts_with("\u{feff}序号,事项,紧急程度,辖区,"), "{}", &text[..200]);
    // A code alone would lose its zero in Excel.
    assert!(text.contains("0105 劳资纠纷"));
    let gbk = encoding_rs::GB18030.encode(text.trim_start_matches('\u{feff}')).0.into_owned();
    for bytes in [sheet, gbk, text.replace('\n', "\r\n").into_bytes()] {
        let (status, tried) = desk.post_sheet(PREVIEW, bytes).await;
        assert_eq!((status, &tried["faults"]), (StatusCode::OK, &json!([])), "{tried}");
        assert_eq!((&tried["publishable"], &tried["impact"]["changed"]), (&json!(true), &json!(0)));
        assert_eq!(tried["lines"], table["lines"]);
    }
    // So does the JSON, as it was answered.
    let (_, tried) = desk.post(PREVIEW, &table).await;
    assert_eq!(tried["lines"], table["lines"]);
    assert_eq!(tried["impact"]["changed"], 0);
}

/// What it is, the fifth line (水利局 stands for that department), the finding's kind and field, and whether it is a fault.
const CASES: [(&str, &str, &str, &str, bool); 18] = [
    (
        "twice the same conditions",
        r#"{"urgency": "urgent", "accept_minutes": 60, "resolve_days": 1}"#,
        "never_wins",
        "ordinal",
        true,
    ),
    (
        "its own helper",
        r#"{"category": "0203", "first_level": "department", "first_unit": "水利局", "assist_units": ["水利局"], "accept_minutes": 60, "resolve_days": 3}"#,
        "loop",
        "assist_units",
        true,
    ),
    (
        "restricted to a village",
        r#"{"category": "1002", "first_level": "village_party_org", "accept_minutes": 60, "resolve_days": 3}"#,
        "restricted",
        "first_level",
        true,
    ),
    (
        "restricted with helpers",
        r#"{"category": "1002", "first_level": "county_centre", "assist_units": ["水利局"], "accept_minutes": 60, "resolve_days": 3}"#,
        "restricted",
        "assist_units",
        true,
    ),
    (
        "restricted with a cluster",
        r#"{"category": "1002", "first_level": "county_centre", "cluster_helps": true, "accept_minutes": 60, "resolve_days": 3}"#,
        "restricted",
        "cluster_helps",
        true,
    ),
    (
        "sixteen days",
        r#"{"category": "0301", "accept_minutes": 60, "resolve_days": 16}"#,
        "out_of_range",
        "resolve_days",
        true,
    ),
    (
        "no day",
        r#"{"category": "0301", "accept_minutes": 60, "resolve_days": 0}"#,
        "out_of_range",
        "resolve_days",
        true,
    ),
    (
        "longer to sign than to finish",
        r#"{"category": "0301", "accept_minutes": 4000, "resolve_days": 1}"#,
        "out_of_range",
        "resolve_days",
        true,
    ),
    ("no limit", r#"{"category": "0301", "accept_minutes": 60}"#, "limit_not_one", "resolve_days", true),
    (
        "both limits",
        r#"{"category": "0301", "accept_minutes": 60, "resolve_days": 1, "resolve_minutes": 90}"#,
        "limit_not_one",
        "resolve_days",
        true,
    ),
    (
        "no such category",
        r#"{"category": "9999", "accept_minutes": 60, "resolve_days": 1}"#,
        "unknown_reference",
        "category",
        true,
    ),
    (
        "no such region",
        r#"{"region": "云上镇", "accept_minutes": 60, "resolve_days": 1}"#,
        "unknown_reference",
        "region",
        true,
    ),
    (
        "no such unit",
        r#"{"category": "0301", "assist_units": ["天气局"], "accept_minutes": 60, "resolve_days": 1}"#,
        "unknown_reference",
        "assist_units",
        true,
    ),
    (
        "no such urgency",
        r#"{"urgency": "火急", "accept_minutes": 60, "resolve_days": 1}"#,
        "unknown_word",
        "urgency",
        true,
    ),
    (
        "a department that is not named",
        r#"{"category": "0301", "first_level": "职能部门", "accept_minutes": 60, "resolve_days": 1}"#,
        "first_unit",
        "first_unit",
        true,
    ),
    (
        "a department without the level",
        r#"{"category": "0301", "first_unit": "水利局", "accept_minutes": 60, "resolve_days": 1}"#,
        "first_unit",
        "first_unit",
        true,
    ),
    (
        "not a village's work",
        r#"{"category": "0105", "first_level": "grid_group", "accept_minutes": 60, "resolve_days": 1}"#,
        "not_admitted",
        "first_level",
        false,
    ),
    (
        "not the lawful department",
        r#"{"category": "0105", "first_level": "department", "first_unit": "水利局", "accept_minutes": 60, "resolve_days": 1}"#,
        "not_lawful",
        "first_unit",
        false,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_names_its_line_field_and_value() {
    let desk = Desk::open().await;
    let department: String =
        desk.one("SELECT name FROM handling_unit WHERE kind = 'department' AND name LIKE '%水利局'").await;
    for (what, line, kind, field, is_fault) in CASES {
        let mut draft = with(serde_json::from_str(&line.replace("水利局", &department)).unwrap());
        let (status, tried) = desk.post(PREVIEW, &draft).await;
        assert_eq!(status, StatusCode::OK, "{what}: {tried}");
        let found = tried[if is_fault { "faults" } else { "warnings" }].as_array().unwrap();
        let [f] = found.as_slice() else { panic!("{what}: {tried}") };
        assert_eq!((&f["kind"], &f["line"], &f["field"]), (&json!(kind), &json!(5), &json!(field)), "{what}: {f}");
        let (detail, value) = (f["detail"].as_str().unwrap(), f["value"].as_str().unwrap());
        assert!(detail.starts_with("第 5 行") && detail.contains(value), "{what}: {f}");
        assert!(f["detail_en"].as_str().unwrap().contains(field), "{what}: {f}");
        assert_eq!(tried["publishable"], json!(!is_fault), "{what}");
        draft["expected_version"] = json!(1);
        if is_fault {
            let (status, refused) = desk.post(RULES, &draft).await;
            assert_eq!(
                (status, &refused["errors"][0]["pointer"]),
                (StatusCode::UNPROCESSABLE_ENTITY, &json!(format!("/lines/4/{field}")))
            );
        }
    }
    let (_, fine) = desk.post(PREVIEW, &json!({"lines": plain()})).await;
    assert_eq!((&fine["faults"], &fine["warnings"]), (&json!([]), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_line_covers_is_named() {
    let desk = Desk::open().await;
    // No line for hard matters, but for those of one head.
    let mut lines = plain();
    lines[1] = json!({"category": "01", "urgency": "hard", "accept_minutes": 60, "resolve_days": 7});
    let (_, tried) = desk.post(PREVIEW, &json!({"lines": lines})).await;
    let [hole] = tried["faults"].as_array().unwrap().as_slice() else { panic!("{tried}") };
    let (detail, value) = (hole["detail"].as_str().unwrap(), hole["value"].as_str().unwrap());
    assert_eq!((&hole["kind"], &hole["line"]), (&json!("hole"), &Value::Null));
    assert!(detail.starts_with("疑难件") && value.contains("0301 垃圾清运") && !value.contains("0101 "), "{hole}");
    // A line for one township leaves the others, and matters whose place is not known.
    let township: String = desk.one("SELECT name FROM region WHERE level = 'township' ORDER BY id LIMIT 1").await;
    lines[1] = json!({"region": township, "urgency": "hard", "accept_minutes": 60, "resolve_days": 7});
    let (_, tried) = desk.post(PREVIEW, &json!({"lines": lines})).await;
    assert!(tried["faults"][0]["value"].as_str().unwrap().contains("0101 邻里纠纷"), "{tried}");
    // A line for the county covers it.
    let county: String = desk.one("SELECT name FROM region WHERE level = 'county'").await;
    lines[1]["region"] = json!(county);
    assert_eq!(desk.post(PREVIEW, &json!({"lines": lines})).await.1["faults"], json!([]));
    // Restricted matters that fall to a general line are lifted, and that is told.
    lines.pop();
    let (_, tried) = desk.post(PREVIEW, &json!({"lines": lines})).await;
    let [warning] = tried["warnings"].as_array().unwrap().as_slice() else { panic!("{tried}") };
    assert_eq!(warning["kind"], "restricted_by_general_line");
    // A circle of units is nobody's line.
    sqlx::query("UPDATE handling_unit t SET parent_id = v.id FROM handling_unit v WHERE v.parent_id = t.id AND t.kind = 'township_centre' AND v.kind = 'village_party_org'
                   AND v.id = (SELECT min(id) FROM handling_unit WHERE kind = 'village_party_org')")
        .execute(desk.owner())
        .await
        .unwrap();
    let (_, tried) = desk.post(PREVIEW, &json!({"lines": lines})).await;
    let [circle] = tried["faults"].as_array().unwrap().as_slice() else { panic!("{tried}") };
    assert!(circle["kind"] == "loop" && circle["value"].as_str().unwrap().contains(" → "), "{circle}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_table_decides_from_then_on_and_never_changes() {
    let desk = Desk::open().await;
    let (lon, lat) = desk.some_place().await;
    let before = desk.post("/api/incidents", &report(lon, lat, "0301", "垃圾堆积")).await.1;
    let mut draft = with(
        json!({"category": "0301 垃圾清运", "first_level": "乡镇综治中心", "accept_minutes": 30, "resolve_days": 1}),
    );
    assert_eq!(desk.post(RULES, &draft).await.0, StatusCode::PRECONDITION_REQUIRED);
    draft["expected_version"] = json!(0);
    let (status, stale) = desk.post(RULES, &draft).await;
    assert_eq!((status, &stale["version"]), (StatusCode::PRECONDITION_FAILED, &json!(1)));
    let mut holed = draft.clone();
    holed["lines"].as_array_mut().unwrap().remove(0);
    holed["expected_version"] = json!(1);
    let (status, refused) = desk.post(RULES, &holed).await;
    assert_eq!(
        (status, refused["type"].as_str().unwrap()),
        (StatusCode::UNPROCESSABLE_ENTITY, "urn:yitu:problem:rules-not-publishable")
    );
    assert!(refused["errors"][0]["detail"].as_str().unwrap().contains("一般件"), "{refused}");
    assert_eq!(desk.one::<i64>("SELECT count(*) FROM dispatch_rule_version").await, 1, "a refusal stores nothing");

    draft["expected_version"] = json!(1);
    draft["note"] = json!("垃圾清运由乡镇统一办理");
    let both = futures::future::join_all((0..4).map(|_| desk.post(RULES, &draft))).await;
    let made: Vec<_> = both.iter().filter(|r| r.0 == StatusCode::CREATED).collect();
    assert_eq!(made.len(), 1, "one of four publishers wins: {both:?}");
    assert!(both.iter().all(|r| r.0 == StatusCode::CREATED || r.0 == StatusCode::PRECONDITION_FAILED));
    let published = &made[0].1;
    assert_eq!((&published["version"], &published["published_by"]), (&json!(2), &json!("本机用户")));
    assert!(published["seq"].is_string());

    let after = desk.post("/api/incidents", &report(lon + 0.003, lat, "0301", "垃圾堆积")).await.1;
    let kind: String = sqlx::query_scalar("SELECT kind::text FROM handling_unit WHERE id = $1")
        .bind(after["owner"]["unit_id"].as_i64())
        .fetch_one(desk.owner())
        .await
        .unwrap();
    assert_eq!(kind, "township_centre", "{}", after["explanation"]["text"]);
    assert_ne!(after["owner"]["unit_id"], before["owner"]["unit_id"]);
    let first = desk.server.get_json("/api/dispatch/rules?version=1").await;
    assert_eq!((&first["in_force"], first["lines"].as_array().unwrap().len() > 50), (&json!(false), true));
    assert_eq!(desk.server.get("/api/dispatch/rules?version=9").await.status(), StatusCode::NOT_FOUND);
    let versions = desk.server.get_json("/api/dispatch/rules/versions").await;
    let numbers: Vec<i64> = versions.as_array().unwrap().iter().map(|v| v["version"].as_i64().unwrap()).collect();
    assert_eq!((numbers, &versions[0]["note"]), (vec![2, 1], &json!("垃圾清运由乡镇统一办理")));
    // As a sheet, with the version in the query.
    let sheet = desk.server.get("/api/dispatch/rules.csv?version=1").await.bytes().await.unwrap().to_vec();
    let (status, third) = desk.post_sheet("/api/dispatch/rules?expected_version=2&note=恢复第1版", sheet).await;
    assert_eq!(
        (status, &third["version"], &third["note"]),
        (StatusCode::CREATED, &json!(3), &json!("恢复第1版")),
        "{third}"
    );
    let lines = |t: &Value| t["lines"].clone();
    assert_eq!(lines(&third), lines(&first));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_tried_on_what_really_happened() {
    let desk = Desk::open().await;
    let mut draft = desk.server.get_json(RULES).await;
    let lines = draft["lines"].as_array_mut().unwrap();
    lines.push(json!({"category": "0301", "urgency": "ordinary", "first_level": "village_party_org", "accept_minutes": 60, "resolve_days": 3}));
    // What is no village's work does not go down to one: where the line says so, nothing changes but the limits.
    lines.retain(|l| l["category"] != "0106");
    lines.push(json!({"category": "0106", "first_level": "grid_group", "accept_minutes": 60, "resolve_days": 9}));
    // Restricted matters change as well.
    lines.push(json!({"category": "10", "first_level": "county_centre", "accept_minutes": 30, "resolve_minutes": 600}));
    lines.retain(|l| !l["category"].as_str().unwrap_or_default().starts_with("100"));
    let (_, tried) = desk.post(PREVIEW, &draft).await;
    assert_eq!(tried["faults"], json!([]), "{}", tried["faults"]);
    let of = |code: &'static str| {
        let owner = desk.owner().clone();
        async move {
            let sql = "SELECT count(*) FROM incident i JOIN category c ON c.id = i.category_id
                       WHERE i.received_at >= $2::timestamptz - interval '90 days' AND (c.code || ':' || i.urgency LIKE $1)";
            let count: i64 = sqlx::query_scalar(sql).bind(code).bind(yitu_now()).fetch_one(&owner).await.unwrap();
            count
        }
    };
    let (all, waste, water, restricted) =
        (of("%").await, of("0301:ordinary").await, of("0106:%").await, of("10%").await);
    assert!(waste > 3 && restricted > 0, "{waste} {restricted}");
    let impact = &tried["impact"];
    assert_eq!((&impact["incidents"], &impact["changed"]), (&json!(all), &json!(waste + water + restricted)));
    let count = |list: &str, key: &str| {
        let list = impact[list].as_array().unwrap();
        list.iter().find(|c| c["key"] == key).map_or(0, |c| c["count"].as_i64().unwrap())
    };
    assert_eq!((count("by_category", "0301"), count("by_category", "0106")), (waste, water));
    assert!(!impact["by_category"].to_string().contains("\"10"), "restricted matters count in the total alone");
    assert_eq!(count("by_kind", "level"), waste);
    let townships: i64 = impact["by_township"].as_array().unwrap().iter().map(|c| c["count"].as_i64().unwrap()).sum();
    assert_eq!(townships, waste + water);
    let examples = impact["examples"].as_array().unwrap();
    assert_eq!(examples.len() as i64, (waste + water).min(100));
    let one = examples.iter().find(|e| e["category"] == "0301").unwrap();
    let (sentence, number) = (one["sentence"].as_str().unwrap(), one["number"].as_i64().unwrap());
    assert!(sentence.contains(&format!("第 {number} 号(垃圾清运")) && sentence.contains("改为村党组织"), "{sentence}");
    assert_eq!(
        (&one["before"]["first_level"], &one["after"]["first_level"]),
        (&json!("grid_group"), &json!("village_party_org"))
    );
}

fn yitu_now() -> chrono::DateTime<chrono::Utc> {
    crate::support::DEMO_NOW.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_sheet_is_told_by_its_column_and_line() {
    let desk = Desk::open().await;
    let text = desk.server.get("/api/dispatch/rules.csv").await.text().await.unwrap();
    let (head, rest) = text.split_once('\n').unwrap();
    let line = rest.lines().next().unwrap();
    let cases = [
        (text.replace("首派层级", "首派"), "首派层级"),
        (format!("{head},备注2\n{line},x\n"), "备注2"),
        (format!("{head}\n{}\n", line.replace("1440", "一天")), "一天"),
        (format!("{head}\n"), "0 行"),
    ];
    for (sheet, said) in cases {
        let (status, problem) = desk.post_sheet(PREVIEW, sheet.into_bytes()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{said}: {problem}");
    }
    let (status, problem) = desk.post(PREVIEW, &json!({"lines": [{"accept_minutes": "x"}]})).await;
    assert_eq!(
        (status, problem["errors"][0]["pointer"].as_str().unwrap()),
        (StatusCode::BAD_REQUEST, "/lines/0/accept_minutes")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_county_without_rules_publishes_its_first_table() {
    let desk = Desk::bare().await;
    let none = desk.server.get(RULES).await;
    assert_eq!(none.status(), StatusCode::NOT_FOUND);
    let none: Value = none.json().await.unwrap();
    assert_eq!(none["type"], "urn:yitu:problem:no-dispatch-rules");
    let mut draft = json!({"lines": [{"accept_minutes": 60, "resolve_days": 3}]});
    let (_, tried) = desk.post(PREVIEW, &draft).await;
    assert_eq!((&tried["version"], &tried["publishable"]), (&json!(0), &json!(true)), "{tried}");
    draft["expected_version"] = json!(0);
    let (status, first) = desk.post(RULES, &draft).await;
    assert_eq!(
        (status, &first["version"], &first["confident_probability"]),
        (StatusCode::CREATED, &json!(1), &json!(0.9))
    );
    draft["expected_version"] = json!(1);
    draft["confident_probability"] = json!(0.3);
    let (status, refused) = desk.post(RULES, &draft).await;
    assert_eq!(
        (status, &refused["errors"][0]["pointer"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("/confident_probability"))
    );
}
