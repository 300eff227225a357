//! The nearest venue with room, against a search through all venues.

use std::collections::HashMap;

use chrono::NaiveDate;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use uuid::Uuid;

use crate::{DAYS, Desk, day};

/// A venue as a matter sees it: id, in its village, in its township or cluster, metres along the ellipsoid.
type Seen = (i64, bool, bool, f64);

async fn all_venues(desk: &Desk, incident: Uuid) -> Vec<Seen> {
    // Spheroid functions on points, not the geography type that the program uses.
    sqlx::query_as(
        "SELECT p.id, p.village_id = i.village_id, r.parent_id = v.parent_id OR p.village_id IN (
             SELECT unnest(k.villages) FROM (SELECT cluster_id, array_agg(village_id) AS villages FROM cluster_member
               WHERE village_id IS NOT NULL AND valid_during @> '2026-12-03'::date GROUP BY cluster_id) k WHERE i.village_id = ANY (k.villages)),
           ST_DistanceSpheroid(p.geom, i.geom, 'SPHEROID[\"CGCS2000\",6378137,298.257222101]')
         FROM incident i JOIN region v ON v.id = i.village_id, venue p JOIN region r ON r.id = p.village_id
         WHERE i.id = $1 AND p.kind IN ('pavilion', 'corridor', 'courtyard') ORDER BY p.id",
    )
    .bind(incident)
    .fetch_all(desk.sql())
    .await
    .unwrap()
}

/// The best venue on the first day on which any has room; of two at one place the one that was there first.
fn best(venues: &[Seen], room: impl Fn(i64, NaiveDate) -> bool) -> Option<(i64, NaiveDate)> {
    for day in DAYS.iter().take(3).map(|d| day(d)) {
        let free: Vec<&Seen> = venues.iter().filter(|v| v.2 && room(v.0, day)).collect();
        let nearest = |home: bool| free.iter().filter(|v| v.1 == home).min_by(|a, b| a.3.total_cmp(&b.3));
        if let Some(found) = nearest(true).or_else(|| nearest(false)) {
            return Some((found.0, day));
        }
    }
    None
}

#[tokio::test]
async fn a_matter_goes_to_the_nearest_venue_with_room() {
    let desk = Desk::open().await;
    // Small sittings, so that venues and whole days fill up.
    let limits: Vec<(i64, i32)> = sqlx::query_as(
        "UPDATE venue SET agenda_limit = 1 + id % 2 WHERE kind IN ('pavilion', 'corridor', 'courtyard') RETURNING id, agenda_limit",
    )
    .fetch_all(desk.sql())
    .await
    .unwrap();
    let limits: HashMap<i64, i32> = limits.into_iter().collect();
    let mut taken: HashMap<(i64, NaiveDate), i32> = HashMap::new();
    for (venue, day) in
        sqlx::query_as::<_, (i64, NaiveDate)>("SELECT venue_id, day FROM deliberation WHERE outcome = 'waiting'")
            .fetch_all(desk.sql())
            .await
            .unwrap()
    {
        *taken.entry((venue, day)).or_default() += 1;
    }
    let places: Vec<(f64, f64)> = sqlx::query_as(
        "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) p FROM layer_grid WHERE kind = 'general' ORDER BY id) q",
    )
    .fetch_all(desk.sql())
    .await
    .unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(55);
    let (mut home, mut away, mut later, mut none) = (0, 0, 0, 0);
    // A few villages' worth of places, asked again and again.
    let asked: Vec<(f64, f64)> = places.choose_multiple(&mut rng, 12).copied().collect();
    for _ in 0..90 {
        let (lon, lat) = asked[rng.random_range(0..asked.len())];
        let made = desk.matter_at(json!({"source": "map", "lon": lon, "lat": lat}), "0301").await;
        let venues = all_venues(&desk, made.id).await;
        let truth =
            best(&venues, |v, d| taken.get(&(v, d)).copied().unwrap_or(0) < limits.get(&v).copied().unwrap_or(6));
        match (truth, desk.act(&made, json!({"action": "deliberate"})).await) {
            (Some((venue, on)), Ok(view)) => {
                let entry = view.deliberation.unwrap();
                let told = |v: i64| venues.iter().find(|s| s.0 == v);
                assert_eq!((entry.venue.id, entry.day), (venue, on), "{:?}, {:?}", told(entry.venue.id), told(venue));
                *taken.entry((venue, on)).or_default() += 1;
                let here = venues.iter().any(|v| v.0 == venue && v.1);
                home += usize::from(here);
                away += usize::from(!here);
                later += usize::from(on > day(DAYS[0]));
            }
            (None, Err(problem)) => {
                assert_eq!(problem.fields[0].pointer, "/venue_id");
                none += 1;
            }
            (truth, found) => panic!("{truth:?}: {found:?}"),
        }
    }
    assert!(home > 5 && away > 5 && later > 5, "{home} at home, {away} away, {later} later, {none} nowhere");
    desk.agendas_hold().await;
}
