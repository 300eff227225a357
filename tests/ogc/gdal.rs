//! GDAL reads every collection, page by page, with conditions pushed to the server: what `PostGIS` holds.

use std::path::Path;

use sqlx::AssertSqlSafe;
use yitu::domain::Layer;

use crate::support::{TestDatabase, TestServer};

/// What a program of GDAL wrote to its two outputs, together.
async fn run(program: &str, args: &[&str]) -> String {
    let run = tokio::process::Command::new(program).args(args).env("CPL_DEBUG", "HTTP").output().await.unwrap();
    let told = [run.stdout, run.stderr].map(|out| String::from_utf8_lossy(&out).into_owned()).concat();
    assert!(run.status.success() && !told.contains("ERROR"), "{program} {args:?}: {told}");
    told
}

fn counted(told: &str) -> i64 {
    let line = told.lines().find_map(|l| l.strip_prefix("Feature Count: "));
    line.unwrap_or_else(|| panic!("no count in {told}")).trim().parse().unwrap()
}

async fn in_postgis(database: &TestDatabase, layer: Layer, condition: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM layer_{layer} WHERE {condition}");
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&database.databases.migrator).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn gdal_copies_every_collection() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.gpkg");
    let (file, address) = (file.to_str().unwrap(), format!("OAPIF:{}", server.url("/ogc")));
    run("ogr2ogr", &["-f", "GPKG", file, &address, "-oo", "PAGE_SIZE=333"]).await;
    for &layer in Layer::ALL {
        let told = run("ogrinfo", &["-so", file, layer.name()]).await;
        let expected = in_postgis(&database, layer, "true").await;
        assert!(expected > 0);
        assert_eq!(counted(&told), expected, "{layer}");
    }
    coordinates(&database, Path::new(file)).await;
}

/// Every point lies where `PostGIS` has it.
async fn coordinates(database: &TestDatabase, file: &Path) {
    let sql = "SELECT name || ' ' || ST_AsText(geom, 8) FROM layer_settlement";
    let expected: Vec<String> = sqlx::query_scalar(sql).fetch_all(&database.databases.migrator).await.unwrap();
    let sql = "SELECT name, geom FROM settlement";
    let told = run("ogrinfo", &["-q", "-sql", sql, file.to_str().unwrap()]).await;
    let mut read = Vec::new();
    let mut name = "";
    for line in told.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("name (String) = ") {
            name = text;
        } else if let Some(place) = line.strip_prefix("POINT (") {
            read.push(format!("{name} POINT({place}"));
        }
    }
    assert_eq!(read.len(), expected.len());
    let missing: Vec<&String> = expected.iter().filter(|e| !read.contains(e)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn gdal_pushes_its_conditions_to_the_server() {
    let database = TestDatabase::with_demo().await;
    let server = TestServer::start(database.yitu().await).await;
    let address = format!("OAPIF:{}", server.url("/ogc"));
    let ask = async |layer: Layer, conditions: &[&str]| {
        let args = [&["-so", &address, layer.name(), "-oo", "PAGE_SIZE=500"], conditions].concat();
        run("ogrinfo", &args).await
    };
    // As GDAL asks, what is sent, and the same in SQL.
    for (layer, condition, sent, sql) in [
        (Layer::Venue, "kind = 'clinic'", "&kind=clinic", "kind = 'clinic'"),
        (Layer::Venue, "kind = 'clinic' AND capacity >= 10", "&kind=clinic", "kind = 'clinic' AND capacity >= 10"),
        (Layer::Venue, "name LIKE '%村%'", "", "name LIKE '%村%'"),
        (Layer::Road, "class IN ('village', 'path')", "", "class IN ('village', 'path')"),
        (
            Layer::Incident,
            "state = 'closed' AND urgency = 'hard'",
            "&urgency=hard",
            "state = 'closed' AND urgency = 'hard'",
        ),
        (
            Layer::Incident,
            "reported_at >= '2026/11/01 00:00:00'",
            "&datetime=2026-11-01T00:00:00Z",
            "reported_at >= '2026-11-01T00:00:00Z'",
        ),
        (
            Layer::Incident,
            "reported_at >= '2026/11/01'",
            "&datetime=2026-11-01T",
            "reported_at >= '2026-11-01T00:00:00+08:00'",
        ),
    ] {
        let told = ask(layer, &["-where", condition]).await;
        let expected = in_postgis(&database, layer, sql).await;
        assert!(expected > 0, "{sql}");
        assert_eq!(counted(&told), expected, "{condition}: {told}");
        assert!(told.contains(sent), "{condition} was not sent as {sent}: {told}");
    }
    let (w, s, e, n) = ("117.15", "25.57", "117.2", "25.61");
    for &layer in Layer::ALL.iter().filter(|l| !matches!(l, Layer::PartyOrg | Layer::Responder)) {
        let told = ask(layer, &["-spat", w, s, e, n]).await;
        let expected =
            in_postgis(&database, layer, &format!("ST_Intersects(geom, ST_MakeEnvelope({w}, {s}, {e}, {n}, 4490))"))
                .await;
        assert_eq!(counted(&told), expected, "{layer}");
        assert!(told.contains("&bbox="), "{layer}: {told}");
    }
}
