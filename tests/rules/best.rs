//! The line that wins in memory is the line that wins in the database.

use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use yitu::db::Request;
use yitu::db::rule_table::{self, LineRow, VersionRow};
use yitu::dispatch::UnitKind;
use yitu::dispatch::rules::{RuleLine, RuleTable, best};
use yitu::domain::incident::Urgency;

use crate::Desk;

/// A category with its head; a village with its township and the county.
type Category = (i64, Option<i64>);

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_random_tables_decide_as_the_database_does() {
    let desk = Desk::open().await;
    let county = desk.viewer.county_id();
    let categories: Vec<Category> =
        sqlx::query_as("SELECT id, parent_id FROM category WHERE code IN ('01', '0101', '0102', '02', '0201', '0202')")
            .fetch_all(desk.owner())
            .await
            .unwrap();
    let villages: Vec<(i64, i64)> =
        sqlx::query_as("SELECT id, parent_id FROM region WHERE level = 'village' ORDER BY id LIMIT 4")
            .fetch_all(desk.owner())
            .await
            .unwrap();
    assert_eq!((categories.len(), villages.len()), (6, 4));
    let places: Vec<i64> = villages.iter().flat_map(|v| [v.0, v.1]).chain([county]).collect();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(24);
    let (mut asked, mut unanswered) = (0, 0);
    for _ in 0..2000 {
        let table = random_table(&mut rng, &categories, &places);
        // Never committed, so that the next table is the newest again.
        let mut on = Request::begin(&desk.database.databases.request, &desk.viewer).await.unwrap();
        let version = VersionRow {
            version: 2,
            confident_probability: 0.9,
            note: String::new(),
            published_at: chrono::DateTime::UNIX_EPOCH,
            published_by: String::new(),
            lines: 0,
        };
        let rows: Vec<LineRow> = table.lines.iter().map(row).collect();
        rule_table::publish(&mut on, county, &version, &rows).await.unwrap();
        for _ in 0..6 {
            let &(category, parent) = categories.choose(&mut rng).unwrap();
            let &urgency = Urgency::ALL.choose(&mut rng).unwrap();
            // Without a village the county alone is known.
            let regions = match villages.choose(&mut rng) {
                Some(&(village, township)) if rng.random_bool(0.9) => vec![village, township, county],
                _ => vec![county],
            };
            let truth =
                yitu::db::unit::rule(&mut on, county, category, urgency.code(), &regions, None).await.unwrap().unwrap();
            let ours = best(&table, category, parent, urgency, &regions);
            assert_eq!(ours.map(|l| l.ordinal), truth.ordinal, "{category} {urgency:?} {regions:?} of {table:#?}");
            asked += 1;
            unanswered += usize::from(ours.is_none());
        }
    }
    assert!(
        unanswered > 100 && unanswered < asked / 2,
        "{unanswered} of {asked} without a line: the test asks too little"
    );
}

fn random_table(rng: &mut impl Rng, categories: &[Category], places: &[i64]) -> RuleTable {
    let count = rng.random_range(1..14);
    let mut ordinals: Vec<i32> = (1..=30).collect();
    ordinals.shuffle(rng);
    let lines = ordinals.into_iter().take(count).map(|ordinal| RuleLine {
        ordinal,
        category_id: rng.random_bool(0.6).then(|| categories.choose(rng).unwrap().0),
        urgency: rng.random_bool(0.5).then(|| *Urgency::ALL.choose(rng).unwrap()),
        region_id: rng.random_bool(0.5).then(|| *places.choose(rng).unwrap()),
        first_level: UnitKind::GridGroup,
        first_unit_id: None,
        assist_unit_ids: Vec::new(),
        cluster_helps: false,
        accept_minutes: 60,
        resolve_minutes: None,
        resolve_days: Some(3),
    });
    RuleTable { confident: 0.9, lines: lines.collect() }
}

fn row(l: &RuleLine) -> LineRow {
    LineRow {
        ordinal: l.ordinal,
        category_id: l.category_id,
        urgency: l.urgency.map(|u| u.code().to_owned()),
        region_id: l.region_id,
        first_level: "grid_group".to_owned(),
        first_unit_id: None,
        assist_unit_ids: Vec::new(),
        cluster_helps: false,
        accept_within_minutes: l.accept_minutes,
        resolve_within_minutes: None,
        resolve_within_days: l.resolve_days,
    }
}
