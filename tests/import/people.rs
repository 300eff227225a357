//! Party organisations and people: registers without shapes that a county cannot be governed without.

use serde_json::json;
use yitu::service::import::{ImportLayer, Report, run};

use crate::support::{TestDatabase, TestServer};
use crate::{count, phone_key, request, tally, two_villages};

async fn import(database: &TestDatabase, folder: &std::path::Path, layer: ImportLayer, text: &str) -> Report {
    let file = folder.join(format!("{}.csv", layer.name()));
    std::fs::write(&file, text).unwrap();
    run(&database.databases, request(layer, &file)).await.unwrap()
}

const ORGS: &str = "名称,组织类别,组织形式,上级党组织,村,乡镇\n\
    上溪村第一网格党小组,网格党小组,,,上溪村,\n\
    上溪村党支部,村党组织,,,上溪村,\n\
    下溪村党总支,村党组织,总支,,下溪村,\n\
    溪头镇党委,乡镇党委,,,,溪头镇\n\
    试验县委,县委,,,,\n\
    双溪联村党委,联村党委,,溪头镇党委,,溪头镇\n";

#[tokio::test(flavor = "multi_thread")]
async fn organisations_come_with_the_ladder_that_handles() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_villages(&database, folder).await;
    let early =
        import(&database, folder, ImportLayer::PartyOrg, "名称,组织类别,村\n甲党小组,网格党小组,上溪村\n").await;
    assert!(early.refused[0].note.contains("请先导入上级"), "{:?}", early.refused);

    assert_eq!(tally(&import(&database, folder, ImportLayer::PartyOrg, ORGS).await), (6, 0, 0, 0));
    assert_eq!(tally(&import(&database, folder, ImportLayer::PartyOrg, ORGS).await), (0, 0, 6, 0));
    let ladder: Vec<String> = sqlx::query_scalar(
        "WITH RECURSIVE up AS (SELECT u.*, 1 AS n FROM handling_unit u WHERE kind = 'grid_group'
           UNION ALL SELECT u.*, n + 1 FROM handling_unit u JOIN up ON u.id = up.parent_id)
         SELECT name FROM up ORDER BY n",
    )
    .fetch_all(&database.databases.migrator)
    .await
    .unwrap();
    assert_eq!(ladder, ["上溪村第一网格党小组", "上溪村党支部", "溪头镇综治中心", "试验县综治中心", "试验县值班室"]);
    let parents: Vec<(String, Option<String>, String)> = sqlx::query_as(
        "SELECT o.name, p.name, o.form::text FROM party_org o LEFT JOIN party_org p ON p.id = o.parent_id ORDER BY o.kind, o.name",
    )
    .fetch_all(&database.databases.migrator)
    .await
    .unwrap();
    let expected = [
        ("试验县委", None, "committee"),
        ("溪头镇党委", Some("试验县委"), "committee"),
        ("上溪村党支部", Some("溪头镇党委"), "branch"),
        ("下溪村党总支", Some("溪头镇党委"), "general_branch"),
        ("上溪村第一网格党小组", Some("上溪村党支部"), "group"),
        ("双溪联村党委", Some("溪头镇党委"), "committee"),
    ];
    assert_eq!(parents, expected.map(|(a, b, c)| (a.to_owned(), b.map(str::to_owned), c.to_owned())));

    let bad = "名称,组织类别,上级党组织,村,乡镇\n\
        再一个县委,县委,,,\n村级的镇党委,乡镇党委,,上溪村,\n无名上级,村党组织,查无此委,上溪村,\n怪名,同乡会,,上溪村,\n";
    let report = import(&database, folder, ImportLayer::PartyOrg, bad).await;
    let notes: Vec<&str> = report.refused.iter().map(|r| r.note.as_str()).collect();
    for (note, word) in notes.iter().zip(["只有一个县委", "应属于乡镇", "查无此委", "同乡会"]) {
        assert!(note.contains(word), "{notes:?}");
    }
    assert_eq!(notes.len(), 4, "{notes:?}");
    assert_eq!(count(&database, "SELECT count(*) FROM party_org").await, 6, "a refused file writes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_takes_the_grids_it_answers_for() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_villages(&database, folder).await;
    let grids = folder.join("网格.geojson");
    let square =
        r#"{"type":"Polygon","coordinates":[[[117.0,25.0],[117.01,25.0],[117.01,25.02],[117.0,25.02],[117.0,25.0]]]}"#;
    let feature =
        format!(r#"{{"type":"Feature","properties":{{"名称":"第一网格","村":"上溪村"}},"geometry":{square}}}"#);
    std::fs::write(&grids, format!(r#"{{"type":"FeatureCollection","features":[{feature}]}}"#)).unwrap();
    assert_eq!(tally(&run(&database.databases, request(ImportLayer::Grid, &grids)).await.unwrap()), (1, 0, 0, 0));
    import(&database, folder, ImportLayer::PartyOrg, ORGS).await;
    let of = |name: &str, village: &str, code: &str| {
        format!("名称,组织类别,村,负责网格编码\n{name},网格党小组,{village},{code}\n")
    };
    let taken = of("上溪村第一网格党小组", "上溪村", "350999100200001");
    assert_eq!(tally(&import(&database, folder, ImportLayer::PartyOrg, &taken).await), (0, 1, 0, 0));
    assert_eq!(tally(&import(&database, folder, ImportLayer::PartyOrg, &taken).await), (0, 0, 1, 0));
    assert_eq!(count(&database, "SELECT count(*) FROM layer_grid WHERE group_name = '上溪村第一网格党小组'").await, 1);
    // A county begun by import dispatches: to the group whose grid holds the point, by the one who is there.
    import(&database, folder, ImportLayer::Responder, "姓名,角色,网格编码\n林甲,网格长,350999100200001\n").await;
    let server = TestServer::start(database.yitu().await).await;
    let report = json!({"id": uuid::Uuid::from_u128(1), "category": "0301", "description": "垃圾没有清运", "urgency": "ordinary",
        "location": {"source": "map", "lon": 117.005, "lat": 25.01}});
    let answer = server.post_json("/api/incidents", &report).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 201, "{text}");
    let incident: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(incident["owner"]["org_name"], "上溪村第一网格党小组", "{incident}");
    assert_eq!(incident["category_name"], "垃圾清运");
    assert_eq!(count(&database, "SELECT count(*) FROM dispatch_rule WHERE category_id IS NULL").await, 3);
    assert_eq!(count(&database, "SELECT count(*) FROM category c WHERE length(code) = 2 AND NOT EXISTS (SELECT FROM category l WHERE l.parent_id = c.id AND l.code LIKE c.code || '__')").await, 0);

    for (text, word) in [
        (of("上溪村第二网格党小组", "上溪村", "350999100200001"), "已由"),
        (of("下溪村第一网格党小组", "下溪村", "350999100200001"), "不在这个村"),
        (of("上溪村第二网格党小组", "上溪村", "35099910020000X"), "不存在"),
    ] {
        let report = import(&database, folder, ImportLayer::PartyOrg, &text).await;
        assert!(report.refused.iter().any(|r| r.note.contains(word)), "{word}: {:?}", report.refused);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_apart_and_their_phones_sealed() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_villages(&database, folder).await;
    let early = import(&database, folder, ImportLayer::Responder, "姓名,角色,村\n林甲,网格员,上溪村\n").await;
    assert!(early.refused[0].note.contains("party_org"), "{:?}", early.refused);
    import(&database, folder, ImportLayer::PartyOrg, ORGS).await;

    let people = "姓名,角色,责任单位,村,乡镇,电话,特长\n\
        林甲,网格长,上溪村第一网格党小组,上溪村,,19900001111,调解、电工\n\
        林甲,党员,,上溪村,,19900001111,\n\
        林甲,网格员,,下溪村,,19900002222,\n\
        陈乙,村主干,,上溪村,,,\n\
        陈乙,六大员,,上溪村,,,\n\
        黄丙,值班员,,,,19900003333,\n\
        周丁,下派干部,,,溪头镇,,\n";
    let first = import(&database, folder, ImportLayer::Responder, people).await;
    assert_eq!(tally(&first), (7, 0, 0, 0), "{:?}", first.refused);
    assert_eq!(tally(&import(&database, folder, ImportLayer::Responder, people).await), (0, 0, 7, 0));
    assert_eq!(count(&database, "SELECT count(*) FROM responder").await, 5);
    let posts: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT r.name, a.role::text, u.name FROM appointment a JOIN responder r ON r.id = a.responder_id
         JOIN handling_unit u ON u.id = a.unit_id ORDER BY a.id",
    )
    .fetch_all(&database.databases.migrator)
    .await
    .unwrap();
    let mut posts: Vec<String> = posts.into_iter().map(|(name, role, unit)| format!("{name} {role} {unit}")).collect();
    posts.sort();
    let mut expected = [
        "林甲 grid_leader 上溪村第一网格党小组",
        "林甲 party_member 上溪村党支部",
        "林甲 grid_worker 下溪村党总支",
        "陈乙 village_cadre 上溪村党支部",
        "陈乙 six_officer 上溪村党支部",
        "黄丙 duty_officer 试验县值班室",
        "周丁 seconded_cadre 溪头镇综治中心",
    ];
    expected.sort_unstable();
    assert_eq!(posts, expected);
    let sealed: Vec<u8> = sqlx::query_scalar(
        "SELECT p.ciphertext FROM phone p JOIN responder r ON r.id = p.responder_id WHERE r.name = '黄丙' AND p.number_hash = $1",
    )
    .bind(phone_key().number_hash("19900003333").to_vec())
    .fetch_one(&database.databases.migrator)
    .await
    .unwrap();
    assert_eq!(phone_key().open(&sealed).as_deref(), Ok("19900003333"));
    assert_eq!(count(&database, "SELECT count(*) FROM responder WHERE skills = '{电工,调解}'").await, 1);

    // A new post of somebody known, and one who cannot be told apart.
    let more =
        import(&database, folder, ImportLayer::Responder, "姓名,角色,村,电话\n林甲,村民代表,上溪村,19900001111\n")
            .await;
    assert_eq!(tally(&more), (0, 1, 0, 0));
    let twice = "姓名,角色,村,电话\n吴戊,党员,上溪村,19900004444\n吴戊,党员,上溪村,19900005555\n";
    assert_eq!(tally(&import(&database, folder, ImportLayer::Responder, twice).await), (2, 0, 0, 0));
    let unclear = import(&database, folder, ImportLayer::Responder, "姓名,角色,村\n吴戊,村民代表,上溪村\n").await;
    assert!(unclear.refused[0].note.contains("请写上电话"), "{:?}", unclear.refused);
}
