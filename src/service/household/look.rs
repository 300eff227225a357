//! Looks at one household in full: with its names, its address and its phone numbers.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::access::sight::{HouseholdPlace, of_household};
use crate::db::Request;
use crate::db::household::{self, HouseholdRow, MemberRow, PhoneRow};
use crate::domain::viewer::Sight;
use crate::domain::{FeatureId, Problem, ProblemKind};
use crate::service::access::audit::{Deed, Doer, What, note};
use crate::service::incident::check::check_text;
use crate::service::{ServiceError, Yitu, off_thread, phone_key};

/// Characters of a reason at most.
const LONGEST_REASON: usize = 200;
/// Characters of a reason at least: a single word such as 查 is none.
const SHORTEST_REASON: usize = 4;

/// Why somebody looks.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// Needed for households that are neither in one's own grids nor linked to one; 4 to 200 characters.
    #[serde(default)]
    pub reason: String,
}

/// A household in full.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Household {
    pub id: FeatureId,
    pub number: String,
    /// The head's.
    pub name: String,
    pub address: String,
    pub village_name: String,
    pub tags: Vec<String>,
    /// Numbers that reach the household, digits alone.
    pub phones: Vec<String>,
    pub members: Vec<Member>,
    /// Who is linked to it.
    pub helpers: Vec<Helper>,
}

/// Somebody who lives there.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Member {
    pub name: String,
    pub relation: String,
    pub gender: String,
    pub birth_year: i16,
    pub at_home: bool,
    pub tags: Vec<String>,
    pub phones: Vec<String>,
}

/// Somebody who looks after the household.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct Helper {
    pub responder_id: FeatureId,
    pub name: String,
}

/// Looks at a household; the look is on record before anything is told.
///
/// # Errors
/// `not-found` for a household that is not the asker's to know of; `reason-needed`; a failing database.
pub async fn look(yitu: &Yitu, doer: &Doer, id: FeatureId, why: &Why) -> Result<Household, ServiceError> {
    let (viewer, county) = (&doer.viewer, doer.viewer.county_id());
    let reason = why.reason.trim();
    check_text("/reason", reason, LONGEST_REASON)?;
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let row = household::find(&mut on, county, id).await?;
    let sight = row.as_ref().map_or(Sight::Nothing, |r| {
        of_household(viewer, HouseholdPlace { id, grid: r.grid_id, village: Some(r.village_id) })
    });
    let Some(row) = row.filter(|_| sight > Sight::Nothing) else {
        return Err(Problem::not_found(("户", "household"), id).into());
    };
    if sight < Sight::Full && reason.chars().count() < SHORTEST_REASON {
        return Err(reason_needed().into());
    }
    let members = household::members(&mut on, county, id).await?;
    let phones = household::phones(&mut on, county, id).await?;
    let helpers = household::helpers(&mut on, county, id).await?;
    on.finish().await?;
    let phones = opened(yitu, phones).await?;
    let of_own = sight == Sight::Full;
    note(yitu, doer, Deed::Look, What { reason, detail: json!({"own": of_own}), ..What::about("household", id) })
        .await?;
    let helpers = helpers.into_iter().map(|h| Helper { responder_id: h.responder_id, name: h.name });
    Ok(told(row, members, &phones, helpers.collect()))
}

fn reason_needed() -> Problem {
    let mut problem = Problem::new(
        ProblemKind::Malformed,
        "reason-needed",
        ("请说明事由", "A reason is needed"),
        (
            format!(
                "此户不在您的网格,也未与您联户。查看姓名、住址和电话须填写事由({SHORTEST_REASON} 至 {LONGEST_REASON} 字),并会记录在案。"
            ),
            format!(
                "This household is neither in your grids nor linked to you. Names, address and phones take a reason of {SHORTEST_REASON} to {LONGEST_REASON} characters, which is recorded."
            ),
        ),
    );
    problem.fields = Problem::bad_field("/reason", "请填写事由", "Give a reason").fields;
    problem
}

/// A number and whose it is: a member's, or the household's.
type Phone = (Option<FeatureId>, String);

async fn opened(yitu: &Yitu, rows: Vec<PhoneRow>) -> Result<Vec<Phone>, ServiceError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |e: &dyn std::fmt::Display| ServiceError::Internal(e.to_string());
    let folder = yitu.config.data_dir.clone();
    let key = off_thread(move || phone_key::read(&folder)).await?.map_err(|e| failed(&e))?;
    let key = key.ok_or_else(|| failed(&"phones are stored, and the key they are sealed with is not there"))?;
    rows.into_iter().map(|r| Ok((r.member_id, key.open(&r.ciphertext).map_err(|e| failed(&e))?))).collect()
}

fn told(row: HouseholdRow, members: Vec<MemberRow>, phones: &[Phone], helpers: Vec<Helper>) -> Household {
    let of = |whose: Option<FeatureId>| phones.iter().filter(|p| p.0 == whose).map(|p| p.1.clone()).collect();
    let members = members.into_iter().map(|m| Member {
        phones: of(Some(m.id)),
        name: m.name,
        relation: m.relation,
        gender: m.gender,
        birth_year: m.birth_year,
        at_home: m.at_home,
        tags: m.tags,
    });
    Household {
        id: row.id,
        number: row.number,
        name: row.name,
        address: row.address,
        village_name: row.village_name,
        tags: row.tags,
        phones: of(None),
        members: members.collect(),
        helpers,
    }
}
