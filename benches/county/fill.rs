//! How fast a county comes in: the demo, an import, the atlas at start.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt;
use yitu::atlas::LayerStore;
use yitu::db::layer::LayerReader;
use yitu::domain::Layer;

use crate::Figure;
use crate::program::program;
use crate::support::TestDatabase;

/// Leaves the server one person's own again, as long as no figure is about access.
pub async fn without_accounts(database: &TestDatabase) {
    sqlx::query("DELETE FROM account").execute(&database.databases.migrator).await.unwrap();
}

pub fn demo(database: &TestDatabase) -> Figure {
    let (time, most) = program(database, &["demo"]);
    Figure {
        what: "`yitu demo`, full county".to_owned(),
        measured: format!("{:.1} s, {} MB", time.as_secs_f64(), most / 1_000_000),
        beside: String::new(),
        target: "≤ 60 s, 1.5 GB",
    }
}

pub async fn atlas_load(database: &TestDatabase) -> Figure {
    let mut connection = database.databases.system.acquire().await.unwrap();
    let (mut best, mut households) = (Duration::MAX, 0);
    for _ in 0..5 {
        let begun = Instant::now();
        let mut reader = LayerReader::open(&mut connection, Layer::Household).await.unwrap();
        let features = reader.all(&mut connection).await.unwrap();
        households = features.len();
        std::hint::black_box(LayerStore::load(reader.schema().clone(), features));
        best = best.min(begun.elapsed());
    }
    let begun = Instant::now();
    let mut rows =
        connection.copy_out_raw("COPY (SELECT * FROM layer_household) TO STDOUT (FORMAT binary)").await.unwrap();
    while let Some(bytes) = rows.next().await {
        std::hint::black_box(bytes.unwrap());
    }
    drop(rows);
    let bare = begun.elapsed();
    let rate = |time: Duration| households as f64 / time.as_secs_f64();
    Figure {
        what: "Households read from PostGIS into the atlas".to_owned(),
        measured: format!("{:.0} a second", rate(best)),
        beside: format!(
            "bare binary COPY of the same view: {:.0} a second (ratio {:.2})",
            rate(bare),
            rate(best) / rate(bare)
        ),
        target: "≥ 200,000 a second",
    }
}

pub async fn import(database: &TestDatabase, folder: &Path) -> Figure {
    let file = folder.join("households.csv");
    let rows: Vec<(String, String, f64, f64)> =
        sqlx::query_as("SELECT number, head_name, ST_X(geom), ST_Y(geom) FROM household WHERE geom IS NOT NULL")
            .fetch_all(&database.databases.migrator)
            .await
            .unwrap();
    // All of the county's with a place, and a few of them again, to make 160,000.
    let more = rows.iter().take(160_000 - rows.len()).map(|r| (format!("B{}", r.0), r.1.clone(), r.2, r.3));
    let rows: Vec<_> = more.collect::<Vec<_>>().into_iter().chain(rows).collect();
    let count = rows.len();
    let mut text = "户号,户主,lon,lat\n".to_owned();
    for (number, head, lon, lat) in rows {
        writeln!(text, "N{number},{head},{lon},{lat}").unwrap();
    }
    std::fs::write(&file, text).unwrap();
    let arguments = [
        "import",
        "household",
        file.to_str().unwrap(),
        "--crs",
        "cgcs2000",
        "--security-class",
        "internal",
        "--provider",
        "演示",
        "--dated",
        "2026-03-01",
    ];
    let (new, most) = program(database, &arguments);
    let (same, _) = program(database, &arguments);
    Figure {
        what: "`yitu import household`, CSV".to_owned(),
        measured: format!(
            "{count} rows: {:.1} s all new ({} MB), {:.1} s nothing changed",
            new.as_secs_f64(),
            most / 1_000_000,
            same.as_secs_f64()
        ),
        beside: String::new(),
        target: "≤ 15 s for 160,000 rows",
    }
}
