//! Taking back a redraw that is published and waits for its day.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use super::DbError;
use crate::domain::FeatureId;

/// Whether the village was drawn again upon a redraw.
///
/// # Errors
/// When the database fails.
pub async fn is_drawn_upon(on: &mut PgConnection, village: FeatureId, redraw: FeatureId) -> Result<bool, DbError> {
    let sql = "SELECT EXISTS (SELECT FROM redraw r JOIN redraw this ON this.id = $2
               WHERE r.village_id = $1 AND r.id <> $2 AND r.published_at >= this.published_at)";
    Ok(sqlx::query_scalar(sql).bind(village).bind(redraw).fetch_one(on).await?)
}

/// Puts the grids of a village back as they were recorded before a redraw, which is the last of the village and not
/// in force yet. What was known in between stays recorded. New identities and their codes are never used again.
///
/// # Errors
/// When the database fails.
pub async fn take_back(
    on: &mut PgConnection,
    village: FeatureId,
    redraw: FeatureId,
    day: NaiveDate,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let published: DateTime<Utc> =
        sqlx::query_scalar("SELECT published_at FROM redraw WHERE id = $1").bind(redraw).fetch_one(&mut *on).await?;
    // What the redraw closed: recorded before it, and no longer after. All that is recorded since is its work, or that
    // of redraws upon it which were taken back.
    let closed: Vec<FeatureId> = sqlx::query_scalar(
        "SELECT v.id FROM grid_version v JOIN grid g ON g.id = v.grid_id
         WHERE g.village_id = $1 AND g.kind = 'general' AND lower(v.recorded_during) < $2 AND upper(v.recorded_during) >= $2 ORDER BY v.id",
    )
    .bind(village)
    .bind(published)
    .fetch_all(&mut *on)
    .await?;
    let close = "UPDATE grid_version v SET recorded_during = tstzrange(lower(recorded_during), greatest($3, lower(recorded_during) + interval '1 microsecond'))
                 FROM grid g WHERE g.id = v.grid_id AND g.village_id = $1 AND g.kind = 'general'
                   AND upper_inf(v.recorded_during) AND lower(v.recorded_during) >= $2";
    sqlx::query(close).bind(village).bind(published).bind(now).execute(&mut *on).await?;
    let restore = "INSERT INTO grid_version (county_id, grid_id, name, geom, valid_during, recorded_during, redraw_id)
                   SELECT v.county_id, v.grid_id, v.name, v.geom, v.valid_during,
                          tstzrange(greatest($2, (SELECT max(upper(o.recorded_during)) FROM grid_version o WHERE o.grid_id = v.grid_id)), NULL), v.redraw_id
                   FROM grid_version v WHERE v.id = ANY ($1)";
    sqlx::query(restore).bind(&closed).bind(now).execute(&mut *on).await?;
    for sql in [
        "DELETE FROM grid_lineage l USING grid g WHERE g.id = l.to_grid_id AND g.village_id = $1 AND l.redraw_id = $3 AND $2::date IS NOT NULL",
        // A code given for the new day keeps that one day, so that it stays taken.
        "UPDATE code_alias a SET valid_during = daterange($2, $2 + 1) FROM grid g
         WHERE g.id = a.feature_id AND g.village_id = $1 AND a.scheme = 'grid' AND lower(a.valid_during) = $2
           AND EXISTS (SELECT FROM grid_version v WHERE v.grid_id = g.id AND v.redraw_id = $3)",
        "UPDATE code_alias a SET valid_during = daterange(lower(a.valid_during), NULL) FROM grid g
         WHERE g.id = a.feature_id AND g.village_id = $1 AND a.scheme = 'grid' AND upper(a.valid_during) = $2
           AND EXISTS (SELECT FROM grid_version v WHERE v.grid_id = g.id AND upper_inf(v.recorded_during) AND v.valid_during @> $2) AND $3::bigint IS NOT NULL",
        "DELETE FROM grid_responsibility r USING grid g
         WHERE g.id = r.grid_id AND g.village_id = $1 AND g.kind = 'general' AND lower(r.valid_during) = $2 AND $3::bigint IS NOT NULL",
        "UPDATE grid_responsibility r SET valid_during = daterange(lower(r.valid_during), NULL) FROM grid g
         WHERE g.id = r.grid_id AND g.village_id = $1 AND g.kind = 'general' AND upper(r.valid_during) = $2 AND $3::bigint IS NOT NULL",
    ] {
        sqlx::query(sql).bind(village).bind(day).bind(redraw).execute(&mut *on).await?;
    }
    Ok(())
}

/// Marks a redraw as discarded and answers its version.
///
/// # Errors
/// When the database fails.
pub async fn mark(on: &mut PgConnection, redraw: FeatureId) -> Result<i32, DbError> {
    let sql = "UPDATE redraw SET state = 'discarded', published_at = NULL WHERE id = $1 RETURNING version";
    Ok(sqlx::query_scalar(sql).bind(redraw).fetch_one(on).await?)
}
