//! Reports, lists and the clock, beside what PostgreSQL itself does with the same rows.

mod post;
pub mod routing;
mod standing;

use std::path::Path;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use yitu::config::Config;
use yitu::domain::Viewer;
use yitu::domain::incident::{LocationSource, Urgency};
use yitu::geo::LonLat;
use yitu::geo::measure::metres_per_degree;
use yitu::service::Yitu;
use yitu::service::incident::check::{Checked, Location, Report, check};
use yitu::service::incident::facts::Facts;
use yitu::service::incident::plan::plan;

use crate::support::TestDatabase;
use crate::{Figure, quantiles};

/// A server of this process over the county, and who asks it.
pub struct Desk {
    pub yitu: Yitu,
    pub viewer: Viewer,
}

impl Desk {
    pub async fn open(database: &TestDatabase) -> Self {
        let yitu = yitu::service::startup::start(Config::default(), database.databases.clone()).await.unwrap();
        let county = database.county().await;
        Self { yitu, viewer: Viewer::whole_county(county, "测量") }
    }
}

pub async fn measure(database: &TestDatabase, folder: &Path) -> Vec<Figure> {
    let desk = Desk::open(database).await;
    let mut figures = vec![decision(database, &desk).await.told()];
    let captured = post::capture(&desk, &near_borders(database, 1).await[0]).await;
    drop(desk);
    figures.push(standing::list_of_twenty_thousand(database).await.told());
    figures.push(post::measure(database, folder, &captured).await.told());
    figures.push(standing::clock_over_a_hundred_thousand(database).await.told());
    figures
}

/// Where matters go and how soon they are signed for, as tables.
pub async fn tables(database: &TestDatabase) -> String {
    let desk = Desk::open(database).await;
    let wrong = routing::misrouted(database, &desk).await;
    eprintln!("{wrong}");
    format!("{wrong}\n{}", routing::time_to_sign(database, &desk).await)
}

/// Positions within 30 m of a border between two grids.
pub async fn near_borders(database: &TestDatabase, most: i64) -> Vec<LonLat> {
    let rows: Vec<(f64, f64)> = sqlx::query_as(
        "SELECT ST_X(p), ST_Y(p) FROM (
           SELECT a.id, b.id AS other, ST_LineInterpolatePoint((ST_Dump(ST_LineMerge(ST_Intersection(ST_Boundary(a.geom), ST_Boundary(b.geom))))).geom, 0.5) AS p
           FROM grid_version a JOIN grid_version b ON a.id < b.id AND a.geom && b.geom AND ST_Touches(a.geom, b.geom)
         ) q WHERE GeometryType(p) = 'POINT' ORDER BY id, other LIMIT $1",
    )
    .bind(most)
    .fetch_all(&database.databases.migrator)
    .await
    .unwrap();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    let mut moved = |(lon, lat): (f64, f64)| {
        let (x_m, y_m) = metres_per_degree(lat);
        let mut by = || rng.random_range(-20.0..20.0);
        LonLat::new(lon + by() / x_m, lat + by() / y_m).unwrap()
    };
    rows.into_iter().map(&mut moved).collect()
}

/// A report by a phone at a position.
pub fn report(at: LonLat, accuracy_m: f64) -> Report {
    Report {
        id: uuid::Uuid::new_v4(),
        category: "0301".to_owned(),
        description: "村口路边垃圾堆积,请尽快清运".to_owned(),
        urgency: Urgency::Ordinary,
        location: Location {
            source: LocationSource::Gps,
            lon: Some(at.lon()),
            lat: Some(at.lat()),
            accuracy_m: Some(accuracy_m),
            crs: yitu::geo::Crs::default(),
            confidence: None,
            household_id: None,
            text: None,
        },
        reported_at: None,
        reporter: None,
        resolve_on_spot: None,
        transferred_to: None,
        external: None,
    }
}

pub fn checked(desk: &Desk, at: LonLat, accuracy_m: f64) -> Checked {
    check(report(at, accuracy_m), desk.yitu.clock.now()).unwrap()
}

async fn decision(database: &TestDatabase, desk: &Desk) -> Figure {
    let points = near_borders(database, 4000).await;
    let reports: Vec<Checked> = points.iter().map(|p| checked(desk, *p, 30.0)).collect();
    let mut times: Vec<Duration> = Vec::with_capacity(reports.len() * 2);
    // The first time a grid's people are asked for they are read; after that they are known.
    for round in 0..3 {
        for report in &reports {
            let begun = Instant::now();
            let planned = plan(&mut Facts::new(&desk.yitu, &desk.viewer, desk.yitu.clock.now()), report).await;
            let took = begun.elapsed();
            std::hint::black_box(planned.unwrap());
            if round > 0 {
                times.push(took);
            }
        }
    }
    let grids: i64 =
        sqlx::query_scalar("SELECT count(*) FROM layer_grid").fetch_one(&database.databases.migrator).await.unwrap();
    let (median, late) = quantiles(&mut times);
    Figure {
        what: "A decision in process, within 30 m of a border, 30 m accuracy".to_owned(),
        measured: format!("median {median:.0?}, p99 {late:.0?} ({grids} grids, {} places)", points.len()),
        beside: String::new(),
        target: "p99 ≤ 50 µs",
    }
}
