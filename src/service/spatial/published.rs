//! How many households a region has, for those who may not know of them one by one: as counted once that day, and without
//! the numbers that are so small that they would tell of somebody.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;
use parking_lot::Mutex;

use super::summary::Tree;
use crate::db::published::of_day;
use crate::domain::FeatureId;
use crate::service::{ServiceError, Yitu, ogc};

/// Smaller numbers are not told.
const LEAST_TOLD: u64 = 5;
/// So many neighbours are kept back together at least: one alone would be what is missing from their sum.
const KEPT_BACK_TOGETHER: usize = 2;

/// Households and their members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Households.
    pub households: u64,
    /// Their members.
    pub members: u64,
}

/// The numbers of a day that may be told, by region.
#[derive(Debug, Default)]
pub struct Published(HashMap<FeatureId, Count>);

/// The numbers of the last day that was asked for.
pub type Memory = Mutex<Option<(NaiveDate, Arc<Published>)>>;

impl Published {
    /// A region's number, where it may be told.
    #[must_use]
    pub fn of(&self, region: FeatureId) -> Option<Count> {
        self.0.get(&region).copied()
    }

    /// What may be told of a county, of what its villages counted.
    #[must_use]
    pub fn of_county(tree: &Tree, county: FeatureId, villages: &HashMap<FeatureId, Count>) -> Self {
        let mut told = Self::default();
        let whole = sum(tree, county, villages);
        told.tell(tree, (county, whole), whole.households >= LEAST_TOLD, villages);
        told
    }

    fn tell(
        &mut self,
        tree: &Tree,
        (region, count): (FeatureId, Count),
        is_told: bool,
        villages: &HashMap<FeatureId, Count>,
    ) {
        if is_told {
            self.0.insert(region, count);
        }
        let of = |child: &FeatureId| (*child, sum(tree, *child, villages));
        let mut children: Vec<(FeatureId, Count)> = tree.children(region).iter().map(of).collect();
        children.sort_unstable_by_key(|(id, count)| (count.households, *id));
        let small = children.iter().take_while(|(_, count)| count.households < LEAST_TOLD).count();
        let kept_back = if small > 0 || !is_told { small.max(KEPT_BACK_TOGETHER) } else { 0 };
        for (at, child) in children.into_iter().enumerate() {
            self.tell(tree, child, at >= kept_back, villages);
        }
    }
}

fn sum(tree: &Tree, region: FeatureId, villages: &HashMap<FeatureId, Count>) -> Count {
    tree.under(region).iter().filter_map(|id| villages.get(id)).fold(Count::default(), |sum, own| Count {
        households: sum.households + own.households,
        members: sum.members + own.members,
    })
}

/// Today's numbers of the county.
///
/// # Errors
/// When the database fails.
pub async fn published(yitu: &Yitu, county: FeatureId) -> Result<Arc<Published>, ServiceError> {
    let day = yitu.clock.now().with_timezone(&ogc::zone(&yitu.atlas)).date_naive();
    if let Some((of, known)) = &*yitu.indexes.published.lock()
        && *of == day
    {
        return Ok(Arc::clone(known));
    }
    let rows = of_day(&yitu.db.system, county, day).await?;
    let whole = |n: i32| u64::try_from(n).unwrap_or_default();
    let villages = rows
        .iter()
        .map(|r| (r.village_id, Count { households: whole(r.households), members: whole(r.members) }))
        .collect();
    let told = Arc::new(Published::of_county(&Tree::read(yitu), county, &villages));
    *yitu.indexes.published.lock() = Some((day, Arc::clone(&told)));
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A county 1 of townships 2 and 3, with villages from 10 and from 20 on.
    fn told(of_2: &[u64], of_3: &[u64]) -> Published {
        let ids = |from: i64, counts: &[u64]| (from..).take(counts.len()).collect::<Vec<FeatureId>>();
        let tree = Tree::of([(1, vec![2, 3]), (2, ids(10, of_2)), (3, ids(20, of_3))]);
        let counts = |from: i64, counts: &[u64]| {
            let all = counts.iter().map(|n| Count { households: *n, members: 3 * n });
            (from..).zip(all).collect::<Vec<_>>()
        };
        let villages = counts(10, of_2).into_iter().chain(counts(20, of_3)).collect();
        Published::of_county(&tree, 1, &villages)
    }

    fn households(told: &Published, regions: &[FeatureId]) -> Vec<Option<u64>> {
        regions.iter().map(|r| told.of(*r).map(|c| c.households)).collect()
    }

    #[test]
    fn large_numbers_are_told() {
        let told = told(&[5, 90, 120], &[40]);
        assert_eq!(households(&told, &[1, 2, 3, 10, 11, 12, 20]), [255, 215, 40, 5, 90, 120, 40].map(Some));
        assert_eq!(told.of(20), Some(Count { households: 40, members: 120 }));
        assert_eq!(told.of(99), None);
    }

    #[test]
    fn a_small_one_takes_the_next_with_it() {
        // 4 would be 214 less what its neighbours have.
        assert_eq!(
            households(&told(&[4, 90, 120], &[40]), &[1, 2, 3, 10, 11, 12]),
            [Some(254), Some(214), Some(40), None, None, Some(120)]
        );
        assert_eq!(households(&told(&[4, 0, 120], &[40]), &[2, 10, 11, 12]), [Some(124), None, None, Some(120)]);
    }

    #[test]
    fn a_township_that_is_kept_back_is_not_the_sum_of_its_villages() {
        let told = told(&[1, 2], &[40, 50, 60]);
        // Township 2 has 3; 3 goes with it, and so do two of its villages.
        assert_eq!(
            households(&told, &[1, 2, 3, 10, 11, 20, 21, 22]),
            [Some(153), None, None, None, None, None, None, Some(60)]
        );
    }
}
