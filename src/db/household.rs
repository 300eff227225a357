//! One household with all that is kept of it.

use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use super::DbError;
use crate::domain::FeatureId;

/// A household.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // the columns of the table
pub struct HouseholdRow {
    pub id: FeatureId,
    pub number: String,
    pub name: String,
    pub address: String,
    pub tags: Vec<String>,
    pub village_id: FeatureId,
    pub grid_id: Option<FeatureId>,
    pub village_name: String,
}

/// Somebody who lives there.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // the columns of the table
pub struct MemberRow {
    pub id: FeatureId,
    pub name: String,
    pub relation: String,
    pub gender: String,
    pub birth_year: i16,
    pub at_home: bool,
    pub tags: Vec<String>,
}

/// A sealed phone number; without a member it is the household's.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // the columns of the table
pub struct PhoneRow {
    pub member_id: Option<FeatureId>,
    pub ciphertext: Vec<u8>,
}

/// Somebody who looks after it today, and in which part.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // named after what they are for
pub struct HelperRow {
    pub responder_id: FeatureId,
    pub name: String,
}

macro_rules! household_select {
    () => {
        "SELECT h.id, h.number, h.head_name AS name, h.address, h.tags, h.village_id, h.grid_id, v.name AS village_name
         FROM household h JOIN region v ON v.id = h.village_id"
    };
}

/// A household the transaction's principal may know of.
///
/// # Errors
/// When the query fails.
pub async fn find(on: &mut PgConnection, county: FeatureId, id: FeatureId) -> Result<Option<HouseholdRow>, DbError> {
    const SQL: &str = concat!(household_select!(), " WHERE h.county_id = $1 AND h.id = $2");
    Ok(sqlx::query_as(SQL).bind(county).bind(id).fetch_optional(on).await?)
}

/// The same by its number, locked until the transaction ends.
///
/// # Errors
/// When the query fails.
pub async fn numbered(on: &mut PgConnection, county: FeatureId, number: &str) -> Result<Option<HouseholdRow>, DbError> {
    const SQL: &str = concat!(household_select!(), " WHERE h.county_id = $1 AND h.number = $2 FOR UPDATE OF h");
    Ok(sqlx::query_as(SQL).bind(county).bind(number).fetch_optional(on).await?)
}

/// Numbers of the matters at a household that are still open, the first few.
///
/// # Errors
/// When the query fails.
pub async fn open_matters(on: &mut PgConnection, county: FeatureId, id: FeatureId) -> Result<Vec<i64>, DbError> {
    let sql = "SELECT number FROM incident WHERE county_id = $1 AND household_id = $2 AND next_deadline_at IS NOT NULL ORDER BY number LIMIT 10";
    Ok(sqlx::query_scalar(sql).bind(county).bind(id).fetch_all(on).await?)
}

/// Takes a household away with its members, phones and links; matters that ended there lose it.
///
/// # Errors
/// When the database refuses it.
pub async fn erase(on: &mut PgConnection, county: FeatureId, id: FeatureId) -> Result<(), DbError> {
    for sql in [
        "UPDATE incident SET household_id = NULL WHERE county_id = $1 AND household_id = $2",
        "DELETE FROM household WHERE county_id = $1 AND id = $2",
    ] {
        sqlx::query(sql).bind(county).bind(id).execute(&mut *on).await?;
    }
    Ok(())
}

/// Who lives there, the eldest entry first.
///
/// # Errors
/// When the query fails.
pub async fn members(on: &mut PgConnection, county: FeatureId, id: FeatureId) -> Result<Vec<MemberRow>, DbError> {
    let sql = "SELECT id, name, relation, gender, birth_year, at_home, tags FROM member
        WHERE county_id = $1 AND household_id = $2 ORDER BY id";
    Ok(sqlx::query_as(sql).bind(county).bind(id).fetch_all(on).await?)
}

/// Its phone numbers and its members', sealed.
///
/// # Errors
/// When the query fails.
pub async fn phones(on: &mut PgConnection, county: FeatureId, id: FeatureId) -> Result<Vec<PhoneRow>, DbError> {
    let sql = "SELECT member_id, ciphertext FROM phone WHERE county_id = $1 AND household_id = $2 ORDER BY member_id NULLS FIRST, id";
    Ok(sqlx::query_as(sql).bind(county).bind(id).fetch_all(on).await?)
}

/// Who is linked to it today (联户).
///
/// # Errors
/// When the query fails.
pub async fn helpers(on: &mut PgConnection, county: FeatureId, id: FeatureId) -> Result<Vec<HelperRow>, DbError> {
    let sql = "SELECT r.id AS responder_id, r.name FROM household_link l JOIN responder r ON r.id = l.responder_id
        WHERE l.county_id = $1 AND l.household_id = $2 AND l.valid_during @> county_day($1) ORDER BY r.id";
    Ok(sqlx::query_as(sql).bind(county).bind(id).fetch_all(on).await?)
}
