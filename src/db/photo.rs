//! Photos of incidents.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, PgPool};
use uuid::Uuid;

use super::DbError;
use crate::domain::{FeatureId, Viewer};

/// A photo; never its pixels.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs)] // the columns of the photo table
pub struct PhotoRow {
    pub county_id: i64,
    pub id: Uuid,
    pub incident_id: Uuid,
    pub state: String,
    pub kind: String,
    pub caption: String,
    pub taken_at: Option<DateTime<Utc>>,
    pub uploaded_by: String,
    pub account_id: Option<i64>,
    pub announced_at: DateTime<Utc>,
    pub sent_bytes: i64,
    pub refusal: Option<String>,
    pub uploaded_at: Option<DateTime<Utc>>,
    pub media_type: String,
    pub width: Option<i32>,
    pub height: Option<i32>,
    pub bytes: Option<i64>,
    /// Hexadecimal.
    pub sha256: Option<String>,
    pub withdrawn_reason: Option<String>,
}

impl PhotoRow {
    /// Its upload has not come to its end.
    #[must_use]
    pub fn is_receiving(&self) -> bool {
        self.state == "receiving"
    }

    /// It can be shown.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state == "ready"
    }

    /// Whether an account sent it.
    #[must_use]
    pub fn is_of(&self, viewer: &Viewer) -> bool {
        self.account_id.is_some() && self.account_id == viewer.account_id()
    }

    /// It can be shown, or could be until it was withdrawn.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.sha256.is_some()
    }
}

/// A photo that is to come.
#[derive(Debug)]
#[allow(missing_docs)] // the columns of the photo table
pub struct NewPhoto<'a> {
    pub id: Uuid,
    pub incident_id: Uuid,
    pub kind: &'a str,
    pub caption: &'a str,
    pub taken_at: Option<DateTime<Utc>>,
    pub uploaded_by: &'a str,
    pub account_id: Option<FeatureId>,
    pub announced_at: DateTime<Utc>,
    pub sent_bytes: i64,
}

/// A picture as it is kept.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the columns of the photo table
pub struct Kept {
    pub width: i32,
    pub height: i32,
    pub bytes: i64,
    /// Hexadecimal.
    pub sha256: String,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT p.county_id, p.id, p.incident_id, p.state::text AS state, p.kind::text AS kind, p.caption, p.taken_at, p.uploaded_by,
               p.account_id, p.announced_at, p.sent_bytes, p.refusal, p.uploaded_at, p.media_type, p.width, p.height, p.bytes,
               encode(p.sha256, 'hex') AS sha256, p.withdrawn_reason FROM incident_photo p ",
            $rest
        )
    };
}

/// One photo.
///
/// # Errors
/// When the database fails.
pub async fn find(on: &mut PgConnection, county: FeatureId, id: Uuid) -> Result<Option<PhotoRow>, DbError> {
    let sql = select!("WHERE p.county_id = $1 AND p.id = $2");
    Ok(sqlx::query_as(sql).bind(county).bind(id).fetch_optional(on).await?)
}

/// All photos of an incident, the first announced first.
///
/// # Errors
/// When the database fails.
pub async fn of_incident(on: &mut PgConnection, county: FeatureId, incident: Uuid) -> Result<Vec<PhotoRow>, DbError> {
    let sql = select!("WHERE p.county_id = $1 AND p.incident_id = $2 ORDER BY p.announced_at, p.id");
    Ok(sqlx::query_as(sql).bind(county).bind(incident).fetch_all(on).await?)
}

/// Announces a photo, anew where its upload has come to nothing so far.
///
/// # Errors
/// When the database fails.
pub async fn announce(on: &mut PgConnection, county: FeatureId, new: &NewPhoto<'_>) -> Result<(), DbError> {
    let sql = "INSERT INTO incident_photo (county_id, id, incident_id, kind, caption, taken_at, uploaded_by, announced_at, sent_bytes, account_id)
               VALUES ($1, $2, $3, $4::photo_kind, $5, $6, $7, $8, $9, $10)
               ON CONFLICT (county_id, id) DO UPDATE SET state = 'receiving', refusal = NULL, kind = excluded.kind,
                 caption = excluded.caption, taken_at = excluded.taken_at, uploaded_by = excluded.uploaded_by,
                 announced_at = excluded.announced_at, sent_bytes = excluded.sent_bytes, account_id = excluded.account_id
               WHERE incident_photo.state IN ('receiving', 'refused') AND incident_photo.incident_id = excluded.incident_id";
    let query = sqlx::query(sql).bind(county).bind(new.id).bind(new.incident_id).bind(new.kind).bind(new.caption);
    let query = query.bind(new.taken_at).bind(new.uploaded_by).bind(new.announced_at).bind(new.sent_bytes);
    query.bind(new.account_id).execute(on).await?;
    Ok(())
}

/// The picture is kept from now on. False where the upload has ended otherwise.
///
/// # Errors
/// When the database fails.
pub async fn keep(
    on: &mut PgConnection,
    county: FeatureId,
    id: Uuid,
    kept: &Kept,
    at: DateTime<Utc>,
) -> Result<bool, DbError> {
    let sql = "UPDATE incident_photo SET state = 'ready', uploaded_at = $3, width = $4, height = $5, bytes = $6, sha256 = decode($7, 'hex')
               WHERE county_id = $1 AND id = $2 AND state = 'receiving'";
    let query = sqlx::query(sql).bind(county).bind(id).bind(at).bind(kept.width).bind(kept.height);
    Ok(query.bind(kept.bytes).bind(&kept.sha256).execute(on).await?.rows_affected() == 1)
}

/// What came is no photo.
///
/// # Errors
/// When the database fails.
pub async fn refuse(on: &mut PgConnection, county: FeatureId, id: Uuid, refusal: &str) -> Result<(), DbError> {
    let sql = "UPDATE incident_photo SET state = 'refused', refusal = $3 WHERE county_id = $1 AND id = $2 AND state = 'receiving'";
    sqlx::query(sql).bind(county).bind(id).bind(refusal).execute(on).await?;
    Ok(())
}

/// Forgets an upload that has come to nothing. False where there is none.
///
/// # Errors
/// When the database fails.
pub async fn forget(on: &mut PgConnection, county: FeatureId, id: Uuid) -> Result<bool, DbError> {
    let sql = "DELETE FROM incident_photo WHERE county_id = $1 AND id = $2 AND state IN ('receiving', 'refused')";
    Ok(sqlx::query(sql).bind(county).bind(id).execute(on).await?.rows_affected() == 1)
}

/// Withdraws a photo with its caption; its digest stays. False where it is not there to be withdrawn.
///
/// # Errors
/// When the database fails.
pub async fn withdraw(
    on: &mut PgConnection,
    county: FeatureId,
    id: Uuid,
    (by, reason): (&str, &str),
    at: DateTime<Utc>,
) -> Result<bool, DbError> {
    let sql = "UPDATE incident_photo SET state = 'withdrawn', caption = '', withdrawn_at = $3, withdrawn_by = $4, withdrawn_reason = $5
               WHERE county_id = $1 AND id = $2 AND state = 'ready'";
    let query = sqlx::query(sql).bind(county).bind(id).bind(at).bind(by).bind(reason);
    Ok(query.execute(on).await?.rows_affected() == 1)
}

/// Notes that the files of a withdrawn photo are gone.
///
/// # Errors
/// When the database fails.
pub async fn erased(system: &PgPool, county: FeatureId, id: Uuid, at: DateTime<Utc>) -> Result<(), DbError> {
    let sql = "UPDATE incident_photo SET erased_at = $3 WHERE county_id = $1 AND id = $2 AND state = 'withdrawn'";
    sqlx::query(sql).bind(county).bind(id).bind(at).execute(system).await?;
    Ok(())
}

/// Uploads that have not come to an end, and those refused, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn unfinished(system: &PgPool) -> Result<Vec<PhotoRow>, DbError> {
    let sql = select!("WHERE p.state IN ('receiving', 'refused') ORDER BY p.announced_at");
    Ok(sqlx::query_as(sql).fetch_all(system).await?)
}

/// Withdrawn photos whose files may still be there: their county and id.
///
/// # Errors
/// When the database fails.
pub async fn to_erase(system: &PgPool) -> Result<Vec<(FeatureId, Uuid)>, DbError> {
    let sql = "SELECT county_id, id FROM incident_photo WHERE state = 'withdrawn' AND erased_at IS NULL ORDER BY withdrawn_at";
    Ok(sqlx::query_as(sql).fetch_all(system).await?)
}
