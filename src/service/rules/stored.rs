//! Between the database's rows and the types rules are decided by.

use chrono::NaiveDate;

use crate::db::rule_table::{self, LineRow};
use crate::db::{DbError, Request};
use crate::dispatch::UnitKind;
use crate::dispatch::rules::{CategoryFact, Facts, RegionFact, RuleLine, UnitFact};
use crate::domain::FeatureId;
use crate::domain::incident::Urgency;

/// What lines may speak of, as of a day.
pub(super) async fn facts(on: &mut Request, county: FeatureId, day: NaiveDate) -> Result<Facts, DbError> {
    let categories = rule_table::categories(on, county, day).await?.into_iter().map(|c| CategoryFact {
        id: c.id,
        parent_id: c.parent_id,
        code: c.code,
        name: c.name,
        village_admitted: c.village_admitted,
        restricted: c.restricted,
        legal_dept: c.legal_dept,
        township_delegated: c.township_delegated,
        in_force: c.in_force,
    });
    let categories = categories.collect();
    let regions = rule_table::regions(on, county, day).await?.into_iter();
    let regions =
        regions.map(|r| RegionFact { id: r.id, parent_id: r.parent_id, code: r.code, name: r.name }).collect();
    let units = rule_table::units(on, county).await?.into_iter();
    let units = units.map(|u| Ok(UnitFact { id: u.id, parent_id: u.parent_id, kind: kind(&u.kind)?, name: u.name }));
    Ok(Facts { categories, regions, units: units.collect::<Result<_, DbError>>()? })
}

fn kind(code: &str) -> Result<UnitKind, DbError> {
    UnitKind::from_code(code).ok_or_else(|| DbError::Stored(format!("unit kind {code}")))
}

/// A stored line.
pub(super) fn line(row: LineRow) -> Result<RuleLine, DbError> {
    let urgency =
        row.urgency.map(|code| Urgency::from_code(&code).ok_or_else(|| DbError::Stored(format!("urgency {code}"))));
    Ok(RuleLine {
        ordinal: row.ordinal,
        category_id: row.category_id,
        urgency: urgency.transpose()?,
        region_id: row.region_id,
        first_level: kind(&row.first_level)?,
        first_unit_id: row.first_unit_id,
        assist_unit_ids: row.assist_unit_ids,
        cluster_helps: row.cluster_helps,
        accept_minutes: row.accept_within_minutes,
        resolve_minutes: row.resolve_within_minutes,
        resolve_days: row.resolve_within_days,
    })
}

/// A line as it is stored.
pub(super) fn row(line: &RuleLine) -> LineRow {
    LineRow {
        ordinal: line.ordinal,
        category_id: line.category_id,
        urgency: line.urgency.map(|u| u.code().to_owned()),
        region_id: line.region_id,
        first_level: line.first_level.code().to_owned(),
        first_unit_id: line.first_unit_id,
        assist_unit_ids: line.assist_unit_ids.clone(),
        cluster_helps: line.cluster_helps,
        accept_within_minutes: line.accept_minutes,
        resolve_within_minutes: line.resolve_minutes,
        resolve_within_days: line.resolve_days,
    }
}
