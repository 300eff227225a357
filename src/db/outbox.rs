//! What is to be told to others: notifications, and their deliveries to each receiver.

use chrono::{DateTime, Duration, Utc};
use sqlx::{FromRow, PgConnection, PgPool};
use uuid::Uuid;

use super::DbError;
use super::receiver::ReceiverRow;
use crate::domain::FeatureId;

/// Whose turn it is to spread notifications, among all servers (the key of an advisory lock).
const SPREADING: i64 = 8_520_020;

/// A receiver of a county.
pub type ReceiverKey = (FeatureId, FeatureId);

/// A delivery that is being attempted.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct Claimed {
    /// What is told.
    pub notification_id: Uuid,
    /// Which attempt it is.
    pub attempts: i32,
    /// The attempt after which it is dead.
    pub give_up_after: i32,
    /// Since when it has been tried.
    pub since: DateTime<Utc>,
}

/// How an attempt ended.
#[derive(Debug)]
pub struct Ended<'a> {
    /// `delivered`, `dead`, or `pending` to try again.
    pub state: &'a str,
    /// When.
    pub at: DateTime<Utc>,
    /// When it is tried again.
    pub due_at: DateTime<Utc>,
    /// Status of the answer.
    pub status: Option<i32>,
    /// How long it took, milliseconds.
    pub took_ms: i32,
    /// What was wrong.
    pub fault: Option<&'a str>,
}

/// What a notification says.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs)] // the columns of the tables it is joined from
pub struct MessageRow {
    pub id: Uuid,
    pub incident_id: Uuid,
    pub number: i64,
    pub ordinal: i32,
    pub action: String,
    pub at: DateTime<Utc>,
    pub state: String,
    pub note: String,
    pub category: String,
    pub category_name: String,
    pub restricted: bool,
    pub urgency: String,
    pub description: String,
    pub location_text: String,
    pub lon: Option<f64>,
    pub lat: Option<f64>,
    pub village_id: Option<i64>,
    pub village_name: Option<String>,
    pub grid_id: Option<i64>,
    pub grid_code: String,
    pub grid_name: Option<String>,
    pub unit_id: i64,
    pub unit_name: String,
    pub responder_name: Option<String>,
    pub accept_by: Option<DateTime<Utc>>,
    pub resolve_by: Option<DateTime<Utc>>,
    pub next_deadline_at: Option<DateTime<Utc>>,
    pub external_system: Option<String>,
    pub external_no: Option<String>,
    pub merged_into: Option<i64>,
    pub time_zone: String,
}

/// A delivery as people look at it.
#[derive(Debug, FromRow)]
#[allow(missing_docs)] // the columns of the delivery table and the names of what they point to
pub struct DeliveryRow {
    pub notification_id: Uuid,
    pub receiver_id: i64,
    pub receiver_name: String,
    pub incident_id: Uuid,
    pub number: i64,
    pub ordinal: i32,
    pub action: String,
    pub state: String,
    pub attempts: i32,
    pub since: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    pub attempted_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub status: Option<i32>,
    pub took_ms: Option<i32>,
    pub fault: Option<String>,
}

/// Which deliveries.
#[derive(Debug, Default)]
pub struct Filter<'a> {
    /// State.
    pub state: Option<&'a str>,
    /// Receiver.
    pub receiver: Option<FeatureId>,
    /// Incident.
    pub incident: Option<Uuid>,
    /// Those of notifications before this one; and of this one, those of receivers after.
    pub after: Option<(Uuid, FeatureId)>,
}

/// Makes deliveries of up to so many notifications; answers of how many. Only one server does at a time, so that an
/// incident's steps become deliveries in their order; the others answer 0.
///
/// # Errors
/// When the database fails.
pub async fn spread(system: &PgPool, now: DateTime<Utc>, most: i64, attempts: i32) -> Result<u64, DbError> {
    let mut tx = super::begin(system).await?;
    let mine: bool =
        sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)").bind(SPREADING).fetch_one(&mut *tx).await?;
    if !mine {
        return Ok(0);
    }
    let query = sqlx::query(include_str!("sql/outbox_spread.sql")).bind(now).bind(most).bind(attempts);
    let spread = query.execute(&mut *tx).await?.rows_affected();
    tx.commit().await?;
    Ok(spread)
}

/// Receivers that have something due and do not rest.
///
/// # Errors
/// When the database fails.
pub async fn ready(system: &PgPool, now: DateTime<Utc>) -> Result<Vec<ReceiverKey>, DbError> {
    let sql = "SELECT r.county_id, r.id FROM webhook_receiver r
               WHERE r.enabled AND (r.rests_until IS NULL OR r.rests_until <= $1) AND EXISTS (SELECT FROM delivery d
                 WHERE d.county_id = r.county_id AND d.receiver_id = r.id AND d.state = 'pending' AND d.due_at <= $1)";
    Ok(sqlx::query_as(sql).bind(now).fetch_all(system).await?)
}

/// A receiver, if it may be sent to now.
///
/// # Errors
/// When the database fails.
pub async fn receiver(
    system: &PgPool,
    (county, id): ReceiverKey,
    now: DateTime<Utc>,
) -> Result<Option<ReceiverRow>, DbError> {
    let sql = "SELECT * FROM webhook_receiver
               WHERE county_id = $1 AND id = $2 AND enabled AND (rests_until IS NULL OR rests_until <= $3)";
    Ok(sqlx::query_as(sql).bind(county).bind(id).bind(now).fetch_optional(system).await?)
}

/// Takes the next delivery to a receiver and counts the attempt before it is made. It stays taken until `lost_at`; should
/// the server die, another takes it then. A step waits for the incident's earlier ones.
///
/// # Errors
/// When the database fails.
pub async fn claim(
    system: &PgPool,
    (county, receiver): ReceiverKey,
    now: DateTime<Utc>,
    lost_at: DateTime<Utc>,
) -> Result<Option<Claimed>, DbError> {
    // Materialized: a subquery may be run again for each row it is compared with, and would take another each time.
    let sql = "WITH next AS MATERIALIZED (
                 SELECT n.notification_id FROM delivery n
                 WHERE n.county_id = $1 AND n.receiver_id = $2 AND n.state = 'pending' AND n.due_at <= $3
                   AND NOT EXISTS (SELECT FROM delivery e WHERE e.county_id = $1 AND e.receiver_id = $2
                     AND e.incident_id = n.incident_id AND e.ordinal < n.ordinal AND e.state = 'pending')
                 ORDER BY n.due_at, n.notification_id LIMIT 1 FOR UPDATE SKIP LOCKED
               )
               UPDATE delivery d SET attempts = d.attempts + 1, attempted_at = $3, due_at = $4 FROM next
               WHERE d.county_id = $1 AND d.receiver_id = $2 AND d.notification_id = next.notification_id
               RETURNING d.notification_id, d.attempts, d.give_up_after, d.since";
    Ok(sqlx::query_as(sql).bind(county).bind(receiver).bind(now).bind(lost_at).fetch_optional(system).await?)
}

/// Keeps how an attempt ended, unless it was taken for lost meanwhile.
///
/// # Errors
/// When the database fails.
pub async fn end(
    system: &PgPool,
    (county, receiver): ReceiverKey,
    claimed: &Claimed,
    ended: &Ended<'_>,
) -> Result<(), DbError> {
    let sql = "UPDATE delivery SET state = $5, due_at = $6, ended_at = CASE WHEN $5 <> 'pending' THEN $7::timestamptz END,
                 status = $8, took_ms = $9, fault = $10
               WHERE county_id = $1 AND receiver_id = $2 AND notification_id = $3 AND attempts = $4 AND state = 'pending'";
    let query = sqlx::query(sql).bind(county).bind(receiver).bind(claimed.notification_id).bind(claimed.attempts);
    let query = query.bind(ended.state).bind(ended.due_at).bind(ended.at).bind(ended.status).bind(ended.took_ms);
    query.bind(ended.fault).execute(system).await?;
    Ok(())
}

/// A receiver has answered well: it has not failed any more.
///
/// # Errors
/// When the database fails.
pub async fn works(system: &PgPool, (county, id): ReceiverKey) -> Result<(), DbError> {
    let sql = "UPDATE webhook_receiver SET failures = 0, rests_until = NULL WHERE county_id = $1 AND id = $2 AND failures > 0";
    sqlx::query(sql).bind(county).bind(id).execute(system).await?;
    Ok(())
}

/// A receiver has failed once more: from so many times in a row on it rests, twice as long each time.
///
/// # Errors
/// When the database fails.
pub async fn fails(
    system: &PgPool,
    (county, id): ReceiverKey,
    now: DateTime<Utc>,
    (patience, shortest, longest): (i32, Duration, Duration),
) -> Result<(), DbError> {
    let sql = "UPDATE webhook_receiver SET failures = failures + 1, rests_until = CASE WHEN failures + 1 >= $4
                 THEN $3 + least($5 * power(2, least(failures + 1 - $4, 20)), $6) * interval '1 second' END
               WHERE county_id = $1 AND id = $2";
    let query = sqlx::query(sql).bind(county).bind(id).bind(now).bind(patience);
    query.bind(shortest.num_seconds() as f64).bind(longest.num_seconds() as f64).execute(system).await?;
    Ok(())
}

/// What a notification says.
///
/// # Errors
/// When the database fails.
pub async fn message(system: &PgPool, county: FeatureId, id: Uuid) -> Result<MessageRow, DbError> {
    Ok(sqlx::query_as(include_str!("sql/outbox_message.sql")).bind(county).bind(id).fetch_one(system).await?)
}

/// Gives up what has been tried since before an instant and is not being tried now; answers how much.
///
/// # Errors
/// When the database fails.
pub async fn give_up(system: &PgPool, now: DateTime<Utc>, before: DateTime<Utc>) -> Result<u64, DbError> {
    // What is under way is due when it counts as lost, which is later than now.
    let sql = "UPDATE delivery SET state = 'dead', ended_at = $1, fault = coalesce(fault, '期限内未能送达')
               WHERE state = 'pending' AND since <= $2 AND due_at <= $1";
    Ok(sqlx::query(sql).bind(now).bind(before).execute(system).await?.rows_affected())
}

/// Forgets up to so many deliveries that arrived before an instant, and notifications that are nobody's; answers how many.
///
/// # Errors
/// When the database fails.
pub async fn trim(system: &PgPool, before: DateTime<Utc>, most: i64) -> Result<u64, DbError> {
    let delivered = "DELETE FROM delivery d USING (SELECT county_id, notification_id, receiver_id FROM delivery
                       WHERE state = 'delivered' AND ended_at < $1 LIMIT $2) old
                     WHERE d.county_id = old.county_id AND d.notification_id = old.notification_id AND d.receiver_id = old.receiver_id";
    let nobodys = "DELETE FROM notification n USING (SELECT county_id, id FROM notification o WHERE spread_at < $1
                     AND NOT EXISTS (SELECT FROM delivery d WHERE d.county_id = o.county_id AND d.notification_id = o.id) LIMIT $2) old
                   WHERE n.county_id = old.county_id AND n.id = old.id";
    let mut gone = 0;
    for sql in [delivered, nobodys] {
        gone += sqlx::query(sql).bind(before).bind(most).execute(system).await?.rows_affected();
    }
    Ok(gone)
}

/// How many deliveries are pending and dead.
///
/// # Errors
/// When the database fails.
pub async fn standing(system: &PgPool) -> Result<(i64, i64), DbError> {
    let sql = "SELECT (SELECT count(*) FROM delivery WHERE state = 'pending'), (SELECT count(*) FROM delivery WHERE state = 'dead')";
    Ok(sqlx::query_as(sql).fetch_one(system).await?)
}

/// A page of deliveries, the latest notification first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    on: &mut PgConnection,
    county: FeatureId,
    filter: &Filter<'_>,
    limit: i64,
) -> Result<Vec<DeliveryRow>, DbError> {
    let sql = "SELECT d.notification_id, d.receiver_id, r.name AS receiver_name, d.incident_id, i.number, d.ordinal, h.action::text AS action,
                 d.state, d.attempts, d.since, d.due_at, d.attempted_at, d.ended_at, d.status, d.took_ms, d.fault
               FROM delivery d
               JOIN webhook_receiver r ON r.county_id = d.county_id AND r.id = d.receiver_id
               JOIN incident i ON i.county_id = d.county_id AND i.id = d.incident_id
               JOIN incident_history h ON h.county_id = d.county_id AND h.incident_id = d.incident_id AND h.ordinal = d.ordinal
               WHERE d.county_id = $1 AND ($2::text IS NULL OR d.state = $2) AND ($3::bigint IS NULL OR d.receiver_id = $3)
                 AND ($4::uuid IS NULL OR d.incident_id = $4)
                 AND ($5::uuid IS NULL OR d.notification_id < $5 OR d.notification_id = $5 AND d.receiver_id > $6)
               ORDER BY d.notification_id DESC, d.receiver_id LIMIT $7";
    let query = sqlx::query_as(sql).bind(county).bind(filter.state).bind(filter.receiver).bind(filter.incident);
    Ok(query.bind(filter.after.map(|a| a.0)).bind(filter.after.map(|a| a.1)).bind(limit).fetch_all(on).await?)
}

/// Whether a notification has been made into deliveries, to one receiver or to any.
///
/// # Errors
/// When the database fails.
pub async fn is_there(
    on: &mut PgConnection,
    county: FeatureId,
    notification: Uuid,
    receiver: Option<FeatureId>,
) -> Result<bool, DbError> {
    let sql = "SELECT EXISTS (SELECT FROM delivery WHERE county_id = $1 AND notification_id = $2 AND ($3::bigint IS NULL OR receiver_id = $3))";
    Ok(sqlx::query_scalar(sql).bind(county).bind(notification).bind(receiver).fetch_one(on).await?)
}

/// Sends again, under the same id: of a notification all that has ended, of a receiver all that is dead. Its receivers rest
/// no longer. Answers how many.
///
/// # Errors
/// When the database fails.
pub async fn replay(
    on: &mut PgConnection,
    county: FeatureId,
    (notification, receiver): (Option<Uuid>, Option<FeatureId>),
    now: DateTime<Utc>,
    attempts: i32,
) -> Result<i64, DbError> {
    let sql = "WITH again AS (
                 UPDATE delivery SET state = 'pending', ended_at = NULL, since = $4, due_at = $4, give_up_after = attempts + $5
                 WHERE county_id = $1 AND ($2::uuid IS NULL OR notification_id = $2) AND ($3::bigint IS NULL OR receiver_id = $3)
                   AND (state = 'dead' OR state = 'delivered' AND $2 IS NOT NULL)
                 RETURNING receiver_id
               ), woken AS (
                 UPDATE webhook_receiver SET failures = 0, rests_until = NULL
                 WHERE county_id = $1 AND failures > 0 AND id IN (SELECT receiver_id FROM again)
               )
               SELECT count(*) FROM again";
    let query = sqlx::query_scalar(sql).bind(county).bind(notification).bind(receiver).bind(now).bind(attempts);
    Ok(query.fetch_one(on).await?)
}
