//! Agendas of 逢五说事.

use chrono::NaiveDate;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::DbError;
use crate::domain::FeatureId;
use crate::domain::deliberation::{Outcome, USUAL_LIMIT, VENUE_KINDS};

/// A matter on an agenda with what it points to.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs)] // the columns of the deliberation table and the names of what they point to
pub struct EntryRow {
    pub id: i64,
    pub venue_id: i64,
    pub venue_name: String,
    pub venue_kind: String,
    pub village_id: i64,
    pub village_name: String,
    pub day: NaiveDate,
    pub agenda_no: i32,
    pub topic: String,
    pub incident_id: Option<Uuid>,
    /// None where it is about none, or about one that is not the reader's to know of.
    pub incident_number: Option<i64>,
    pub outcome: String,
    pub resolution: String,
    pub carried_over_from: Option<i64>,
    pub carried_over_count: i32,
    pub version: i32,
}

/// A venue as far as an agenda needs it.
#[derive(Debug, Clone, FromRow)]
pub struct VenueRow {
    /// Its id.
    pub id: FeatureId,
    /// Its village.
    pub village_id: FeatureId,
    /// Its name.
    pub name: String,
    /// Code of its kind.
    pub kind: String,
    /// How many matters a sitting takes.
    pub agenda_limit: i32,
}

/// What is put on an agenda.
#[derive(Debug)]
pub struct NewEntry<'a> {
    /// Where.
    pub venue_id: FeatureId,
    /// On which lunar 5th, 15th or 25th.
    pub day: NaiveDate,
    /// Its place on the agenda.
    pub agenda_no: i32,
    /// What it is about.
    pub topic: &'a str,
    /// The incident it is about, if it is.
    pub incident_id: Option<Uuid>,
    /// The entry it is carried over from, and how often it was.
    pub carried_over: Option<(FeatureId, i32)>,
}

/// What a list is cut to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// A venue.
    pub venue: Option<FeatureId>,
    /// A region with all below it.
    pub region: Option<FeatureId>,
    /// From this day on.
    pub from: Option<NaiveDate>,
    /// Up to this day.
    pub until: Option<NaiveDate>,
    /// An incident.
    pub incident: Option<Uuid>,
    /// Codes of outcomes.
    pub outcomes: Option<Vec<String>>,
}

/// One entry.
///
/// # Errors
/// When the database fails.
pub async fn find(on: &mut PgConnection, county: FeatureId, id: FeatureId) -> Result<Option<EntryRow>, DbError> {
    const SQL: &str = concat!(include_str!("sql/deliberation_select.sql"), " WHERE d.county_id = $1 AND d.id = $2");
    Ok(sqlx::query_as(SQL).bind(county).bind(id).fetch_optional(on).await?)
}

/// Where an incident stands or last stood on an agenda.
///
/// # Errors
/// When the database fails.
pub async fn latest(on: &mut PgConnection, county: FeatureId, incident: Uuid) -> Result<Option<EntryRow>, DbError> {
    const SQL: &str = concat!(
        include_str!("sql/deliberation_select.sql"),
        " WHERE d.county_id = $1 AND d.incident_id = $2 ORDER BY d.id DESC LIMIT 1"
    );
    Ok(sqlx::query_as(SQL).bind(county).bind(incident).fetch_optional(on).await?)
}

/// Takes the lock on an entry, so that it is changed by one at a time.
///
/// # Errors
/// When the database fails.
pub async fn lock(on: &mut PgConnection, county: FeatureId, id: FeatureId) -> Result<(), DbError> {
    let sql = "SELECT 1 FROM deliberation WHERE county_id = $1 AND id = $2 FOR UPDATE";
    sqlx::query(sql).bind(county).bind(id).execute(on).await?;
    Ok(())
}

macro_rules! venue_sql {
    () => {
        "SELECT id, village_id, name, kind::text AS kind, coalesce(agenda_limit, $3) AS agenda_limit FROM venue WHERE county_id = $1 AND id = $2"
    };
}

/// A venue of any kind.
///
/// # Errors
/// When the database fails.
pub async fn venue(on: &mut PgConnection, county: FeatureId, id: FeatureId) -> Result<Option<VenueRow>, DbError> {
    Ok(sqlx::query_as(venue_sql!()).bind(county).bind(id).bind(USUAL_LIMIT).fetch_optional(on).await?)
}

/// The same, and its agendas are filled by one at a time until the transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn lock_venue(on: &mut PgConnection, county: FeatureId, id: FeatureId) -> Result<Option<VenueRow>, DbError> {
    const SQL: &str = concat!(venue_sql!(), " FOR NO KEY UPDATE");
    Ok(sqlx::query_as(SQL).bind(county).bind(id).bind(USUAL_LIMIT).fetch_optional(on).await?)
}

/// How many matters a sitting has to take, and the number of the next. Numbers are not given twice: what was taken off
/// leaves its room but keeps its number.
///
/// # Errors
/// When the database fails.
pub async fn taken(on: &mut PgConnection, venue: FeatureId, day: NaiveDate) -> Result<(i64, i32), DbError> {
    let sql =
        "SELECT count(*) FILTER (WHERE outcome NOT IN ('carried_over', 'withdrawn')), coalesce(max(agenda_no), 0) + 1
               FROM deliberation WHERE venue_id = $1 AND day = $2";
    Ok(sqlx::query_as(sql).bind(venue).bind(day).fetch_one(on).await?)
}

/// Venues with room for an incident on a day, the best first.
///
/// # Errors
/// When the database fails.
pub async fn near(
    on: &mut PgConnection,
    county: FeatureId,
    incident: Uuid,
    day: NaiveDate,
) -> Result<Vec<FeatureId>, DbError> {
    let kinds: Vec<&str> = VENUE_KINDS.iter().map(|k| k.0).collect();
    let query = sqlx::query_scalar(include_str!("sql/deliberation_near.sql")).bind(county).bind(incident);
    Ok(query.bind(kinds).bind(day).bind(USUAL_LIMIT).fetch_all(on).await?)
}

/// Whether a venue is in the village, township or cluster of an incident on a day: where it may go by itself.
///
/// # Errors
/// When the database fails.
pub async fn is_near(
    on: &mut PgConnection,
    county: FeatureId,
    incident: Uuid,
    (venue, day): (FeatureId, NaiveDate),
) -> Result<bool, DbError> {
    let sql = "SELECT EXISTS (SELECT FROM incident i JOIN region m ON m.id = i.village_id
               CROSS JOIN venue p JOIN region v ON v.id = p.village_id
               WHERE i.county_id = $1 AND i.id = $2 AND p.id = $3 AND (v.parent_id = m.parent_id OR EXISTS (
                 SELECT FROM cluster_member a JOIN cluster_member b ON b.cluster_id = a.cluster_id
                 WHERE a.village_id = m.id AND b.village_id = v.id AND a.valid_during @> $4 AND b.valid_during @> $4)))";
    Ok(sqlx::query_scalar(sql).bind(county).bind(incident).bind(venue).bind(day).fetch_one(on).await?)
}

/// Puts something on an agenda.
///
/// # Errors
/// When the database fails.
pub async fn insert(on: &mut PgConnection, county: FeatureId, new: &NewEntry<'_>) -> Result<FeatureId, DbError> {
    let sql = "INSERT INTO deliberation (county_id, venue_id, day, agenda_no, topic, incident_id, carried_over_from, carried_over_count)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id";
    let query = sqlx::query_scalar(sql).bind(county).bind(new.venue_id).bind(new.day).bind(new.agenda_no);
    let query = query.bind(new.topic).bind(new.incident_id).bind(new.carried_over.map(|c| c.0));
    Ok(query.bind(new.carried_over.map_or(0, |c| c.1)).fetch_one(on).await?)
}

/// Writes what came of an entry.
///
/// # Errors
/// When the database fails.
pub async fn conclude(
    on: &mut PgConnection,
    county: FeatureId,
    id: FeatureId,
    outcome: Outcome,
    resolution: &str,
) -> Result<(), DbError> {
    let sql =
        "UPDATE deliberation SET outcome = $3::deliberation_outcome, resolution = $4 WHERE county_id = $1 AND id = $2";
    sqlx::query(sql).bind(county).bind(id).bind(outcome.code()).bind(resolution).execute(on).await?;
    Ok(())
}

/// Takes an incident off the agenda it waits on, if it does.
///
/// # Errors
/// When the database fails.
pub async fn withdraw(on: &mut PgConnection, county: FeatureId, incident: Uuid, why: &str) -> Result<(), DbError> {
    let sql = "UPDATE deliberation SET outcome = 'withdrawn', resolution = $3
               WHERE county_id = $1 AND incident_id = $2 AND outcome = 'waiting'";
    sqlx::query(sql).bind(county).bind(incident).bind(why).execute(on).await?;
    Ok(())
}

/// Says anew what an entry is about.
///
/// # Errors
/// When the database fails.
pub async fn retitle(on: &mut PgConnection, county: FeatureId, id: FeatureId, topic: &str) -> Result<(), DbError> {
    let sql = "UPDATE deliberation SET topic = $3 WHERE county_id = $1 AND id = $2";
    sqlx::query(sql).bind(county).bind(id).bind(topic).execute(on).await?;
    Ok(())
}

/// A page of a list after a place (day, venue, number) in its order.
///
/// # Errors
/// When the database fails.
pub async fn list(
    on: &mut PgConnection,
    county: FeatureId,
    filter: &Filter,
    after: Option<(NaiveDate, FeatureId, i32)>,
    limit: i64,
) -> Result<Vec<EntryRow>, DbError> {
    const SQL: &str = concat!(include_str!("sql/deliberation_select.sql"), include_str!("sql/deliberation_list.sql"));
    let query = sqlx::query_as(SQL).bind(county).bind(filter.venue).bind(filter.region).bind(filter.from);
    let query = query.bind(filter.until).bind(filter.incident).bind(&filter.outcomes);
    let query = query.bind(after.map(|a| a.0)).bind(after.map(|a| a.1)).bind(after.map(|a| a.2));
    Ok(query.bind(limit).fetch_all(on).await?)
}
