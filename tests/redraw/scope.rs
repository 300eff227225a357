//! Whose grids somebody may draw.

use std::collections::BTreeSet;

use yitu::db::redraw::activate_due;
use yitu::domain::Viewer;
use yitu::domain::viewer::{Role, Scope};
use yitu::service::grid::discard::discard;
use yitu::service::grid::publish::{Publish, publish};
use yitu::service::grid::redraw::redraw;

use crate::{HOUSEHOLDS, Village, slug};

impl Village {
    /// Somebody of the township with these villages and grids.
    fn staff(&self, regions: &[i64], grids: &[i64]) -> Viewer {
        let set = |ids: &[i64]| ids.iter().copied().collect::<BTreeSet<_>>();
        let scope = Scope { regions: set(regions), grids: set(grids), ..Scope::default() };
        Viewer::of_account(self.viewer.county_id(), 9, "镇干部", Role::TownshipStaff, scope)
    }
}

#[tokio::test]
async fn a_village_is_drawn_by_those_who_have_it() {
    let village = Village::some().await;
    let grids: Vec<i64> = village.grids.iter().map(|g| g.0).collect();
    let sql = "SELECT min(id) FROM region WHERE level = 'village' AND id <> $1";
    let other = village.count(sql, village.id).await;
    let draft = village.split(village.today).await;
    let preview = village.waived(draft.clone()).await;
    let version = Publish { expected_version: Some(preview.version) };
    // Neither does whoever has another village, nor whoever has all its grids and not the village.
    for staff in [village.staff(&[other], &[]), village.staff(&[], &grids)] {
        let asked = serde_json::from_value(draft.clone()).unwrap();
        assert_eq!(slug(redraw(&village.yitu, &staff, asked).await), "not-in-your-area");
        assert_eq!(slug(publish(&village.yitu, &staff, preview.id, &version).await), "not-in-your-area");
        assert_eq!(slug(discard(&village.yitu, &staff, preview.id, &version).await), "not-in-your-area");
    }
    // Whoever has it moves every household, also into a grid that was not there when they were let in.
    let before =
        village.count("SELECT count(*) FROM household WHERE village_id = $1 AND grid_id IS NOT NULL", village.id).await;
    let staff = village.staff(&[village.id], &grids);
    let done = publish(&village.yitu, &staff, preview.id, &version).await.unwrap();
    let new = *done.grids.last().unwrap();
    assert!(done.moved_households > 0 && village.count(HOUSEHOLDS, new).await > 0);
    let left = "SELECT count(*) FROM household h JOIN layer_grid g ON g.id = h.grid_id WHERE h.village_id = $1";
    assert_eq!(village.count(left, village.id).await, before, "none is left in a grid that ended");
}

#[tokio::test]
async fn households_follow_whoever_of_them_is_not_seen() {
    let village = Village::some().await;
    let grids: Vec<i64> = village.grids.iter().map(|g| g.0).collect();
    // One grid is drawn into its neighbour by somebody who is let see neither grid's people.
    let touching = "SELECT min(b.id) FROM layer_grid a JOIN layer_grid b ON b.village_id = a.village_id AND b.kind = 'general' AND b.id <> a.id
                    AND ST_Dimension(ST_Intersection(a.geom, b.geom)) = 1 WHERE a.id = $1";
    let into = village.count(touching, grids[0]).await;
    let mut draft = village.set(village.today);
    let merged =
        village.made(&format!("SELECT ST_Union(geom) FROM layer_grid WHERE id IN ({into}, {})", grids[0])).await;
    let set = draft["grids"].as_array_mut().unwrap();
    set.retain(|g| g["id"] != grids[0]);
    set.iter_mut().find(|g| g["id"] == into).unwrap()["geometry"] = merged;
    let preview = village.waived(draft).await;
    let moving = village.count(HOUSEHOLDS, grids[0]).await;
    let staff = village.staff(&[village.id], &[]);
    let version = Publish { expected_version: Some(preview.version) };
    let done = publish(&village.yitu, &staff, preview.id, &version).await.unwrap();
    assert!(moving > 0 && done.moved_households >= moving as u64, "{moving} {}", done.moved_households);
    assert_eq!(village.count(HOUSEHOLDS, grids[0]).await, 0);
    assert_eq!(activate_due(&village.database.databases.system, chrono::Utc::now()).await.unwrap(), 0);
}
